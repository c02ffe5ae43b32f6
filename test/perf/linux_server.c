/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The servers of guest_app.c on Linux' own sockets, to compare with: echo on port 7 and discard on
 * port 9 (RFC 862, 863), both for streams and datagrams; one thread, epoll.
 *
 *	linux_server
 *
 * Says "ready", serves until SIGTERM, then says what it has served.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define ECHO_PORT    7
#define DISCARD_PORT 9
#define CHUNK	     65536
#define EVENTS	     64
#define BACKLOG	     1024
#define FDS	     65536

enum kind {
	NONE,
	LISTENER,
	STREAM,
	DGRAM,
};

struct server {
	int epoll_fd;
	struct {
		uint8_t kind; /* enum kind */
		bool echo;
	} fds[FDS];
	uint64_t accepted, bytes, dgrams, lost;
	char chunk[CHUNK];
};

static volatile sig_atomic_t ended;

static void on_term(int sig)
{
	ended = 1;
}

static int watch(struct server *v, int fd, enum kind kind, bool echo)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = fd };

	if (fd >= FDS || epoll_ctl(v->epoll_fd, EPOLL_CTL_ADD, fd, &ev))
		return -1;
	v->fds[fd].kind = (uint8_t)kind;
	v->fds[fd].echo = echo;
	return 0;
}

static int open_one(struct server *v, int type, uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;
	bool stream = type == SOCK_STREAM;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) || (stream && listen(fd, BACKLOG)) ||
	    watch(v, fd, stream ? LISTENER : DGRAM, port == ECHO_PORT)) {
		close(fd);
		return -1;
	}
	return 0;
}

static void on_listener(struct server *v, int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), on = 1;

	if (fd < 0)
		return;
	v->accepted++;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (watch(v, fd, STREAM, v->fds[listener].echo))
		close(fd);
}

static void on_stream(struct server *v, int fd)
{
	ssize_t n = recv(fd, v->chunk, sizeof(v->chunk), 0);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		close(fd);
		return;
	}
	v->bytes += (uint64_t)n;
	/* Requests in flight are few: the buffer has room for all their replies. */
	if (v->fds[fd].echo && send(fd, v->chunk, (size_t)n, MSG_NOSIGNAL) != n)
		v->lost++;
}

static void on_dgram(struct server *v, int fd)
{
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	ssize_t n = recvfrom(fd, v->chunk, sizeof(v->chunk), 0, (struct sockaddr *)&from, &len);

	if (n < 0)
		return;
	v->dgrams++;
	if (v->fds[fd].echo &&
	    sendto(fd, v->chunk, (size_t)n, 0, (struct sockaddr *)&from, len) != n)
		v->lost++;
}

static void serve(struct server *v)
{
	struct epoll_event events[EVENTS];

	while (!ended) {
		int n = epoll_wait(v->epoll_fd, events, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd;

			if (v->fds[fd].kind == LISTENER)
				on_listener(v, fd);
			else if (v->fds[fd].kind == STREAM)
				on_stream(v, fd);
			else
				on_dgram(v, fd);
		}
	}
}

int main(void)
{
	static struct server v;
	const struct sigaction sa = { .sa_handler = on_term };

	sigaction(SIGTERM, &sa, NULL);
	v.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (v.epoll_fd < 0 || open_one(&v, SOCK_STREAM, ECHO_PORT) ||
	    open_one(&v, SOCK_STREAM, DISCARD_PORT) || open_one(&v, SOCK_DGRAM, ECHO_PORT) ||
	    open_one(&v, SOCK_DGRAM, DISCARD_PORT)) {
		perror("linux_server");
		return EXIT_FAILURE;
	}
	if (mlockall(MCL_CURRENT))
		perror("linux_server: mlockall");
	puts("ready");
	fflush(stdout);
	serve(&v);
	printf("{\"accepted\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"dgrams\": %" PRIu64
	       ", \"lost\": %" PRIu64 "}\n",
	       v.accepted, v.bytes, v.dgrams, v.lost);
	return EXIT_SUCCESS;
}
