/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Linux' own TCP, to compare with: a server that discards on port 9 and sends without end on port
 * 19 (RFC 863, 864), and a client of these.
 *
 *	linux_bulk serve
 *	linux_bulk send|recv ADDRESS SECONDS REPEAT
 *
 * The client prints one JSON object a repeat: bytes and seconds.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define DISCARD_PORT 9
#define CHARGEN_PORT 19
#define CHUNK	     (256 * 1024)
#define WARM_UP	     0.5

static char chunk[CHUNK];

static int die(const char *what)
{
	fprintf(stderr, "linux_bulk: %s: %s\n", what, strerror(errno));
	return EXIT_FAILURE;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static int listen_on(uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 16)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* One connection, in a process of its own, until the client goes. */
static void serve_one(int fd, bool send_it)
{
	ssize_t n;

	do {
		n = send_it ? send(fd, chunk, sizeof(chunk), MSG_NOSIGNAL)
			    : recv(fd, chunk, sizeof(chunk), 0);
	} while (n > 0);
	_exit(EXIT_SUCCESS);
}

static int serve(void)
{
	struct pollfd fds[2] = { { .fd = listen_on(DISCARD_PORT), .events = POLLIN },
				 { .fd = listen_on(CHARGEN_PORT), .events = POLLIN } };

	if (fds[0].fd < 0 || fds[1].fd < 0)
		return die("listen");
	signal(SIGCHLD, SIG_IGN);
	puts("ready");
	fflush(stdout);
	while (poll(fds, 2, -1) > 0) {
		for (int i = 0; i < 2; i++) {
			int fd = fds[i].revents ? accept(fds[i].fd, NULL, NULL) : -1;

			if (fd < 0)
				continue;
			if (fork() == 0)
				serve_one(fd, i == 1);
			close(fd);
		}
	}
	return die("poll");
}

/* Bytes moved until @end; -1: the connection ended. */
static long long move_until(int fd, bool send_it, double end)
{
	long long sum = 0;

	while (now() < end) {
		ssize_t n = send_it ? send(fd, chunk, sizeof(chunk), MSG_NOSIGNAL)
				    : recv(fd, chunk, sizeof(chunk), 0);

		if (n <= 0)
			return -1;
		sum += n;
	}
	return sum;
}

static int client(bool send_it, const char *addr, double seconds, int repeat)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons(send_it ? DISCARD_PORT : CHARGEN_PORT) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || inet_pton(AF_INET, addr, &a.sin_addr) != 1 ||
	    connect(fd, (struct sockaddr *)&a, sizeof(a)))
		return die(addr);
	if (move_until(fd, send_it, now() + WARM_UP) < 0)
		return die("warm-up");
	while (repeat-- > 0) {
		double start = now();
		long long n = move_until(fd, send_it, start + seconds);

		if (n < 0)
			return die("connection");
		printf("{\"bytes\": %lld, \"seconds\": %.6f}\n", n, now() - start);
		fflush(stdout);
	}
	close(fd);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "serve"))
		return serve();
	if (argc == 5 && (!strcmp(argv[1], "send") || !strcmp(argv[1], "recv")))
		return client(argv[1][0] == 's', argv[2], atof(argv[3]), atoi(argv[4]));
	fprintf(stderr, "usage: linux_bulk serve | send|recv ADDRESS SECONDS REPEAT\n");
	return 2;
}
