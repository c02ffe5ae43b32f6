/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The other traffic of scripts/evaluate, on Linux' own sockets, to a server that is not real-time
 * (discard, port 9).
 *
 *	linux_load bulk ADDRESS STREAMS		TCP streams, as fast as they go
 *	linux_load flood ADDRESS RATE BYTES	datagrams a second
 *	linux_load churn ADDRESS RATE		connections a second, reset as soon as they are open
 *
 * Says "loaded" when it has begun, goes on until SIGTERM, and says what it has done.
 */
#include "bare.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define DISCARD_PORT 9
#define STREAMS_MAX  16u
#define CHUNK	     65536
#define PERIOD_NS    1000000ull
#define SECOND	     1000000000ull
#define OPEN_MAX     256u /* connections that are being opened */
#define WAIT_MS	     100

struct load {
	struct sockaddr_in to;
	uint32_t n, rate, bytes;
	uint64_t acked, dgrams, conns, failed;
};

static volatile sig_atomic_t ended;
static char chunk[CHUNK];

static void on_term(int sig)
{
	ended = 1;
}

static int die(const char *what)
{
	fprintf(stderr, "linux_load: %s: %s\n", what, strerror(errno));
	return -1;
}

static void loaded(void)
{
	puts("loaded");
	fflush(stdout);
}

/* ---- streams ---- */

/* Written, but not acknowledged yet. */
static uint64_t unacked(int fd)
{
	int n;

	return ioctl(fd, SIOCOUTQ, &n) ? 0 : (uint64_t)n;
}

/* As much as it takes now. */
static int write_some(struct load *l, int fd)
{
	ssize_t n = send(fd, chunk, CHUNK, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0)
		return errno == EAGAIN ? 0 : die("a stream");
	l->acked += (uint64_t)n;
	return 0;
}

static int bulk(struct load *l)
{
	struct pollfd fds[STREAMS_MAX];

	for (uint32_t k = 0; k < l->n; k++) {
		fds[k].fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		fds[k].events = POLLOUT;
		if (fds[k].fd < 0 || connect(fds[k].fd, (struct sockaddr *)&l->to, sizeof(l->to)))
			return die("connect");
	}
	loaded();
	while (!ended) {
		poll(fds, l->n, WAIT_MS);
		for (uint32_t k = 0; k < l->n; k++)
			if (fds[k].revents && write_some(l, fds[k].fd))
				return -1;
	}
	for (uint32_t k = 0; k < l->n; k++)
		l->acked -= unacked(fds[k].fd);
	return 0;
}

/* ---- so many a second ---- */

/* How many are due by now; after a pause at most four periods' are made up for. */
static uint32_t due(struct load *l, uint64_t *next)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC);
	uint32_t n = 0;

	if (now > *next + 4 * PERIOD_NS)
		*next = now - 4 * PERIOD_NS;
	for (; *next <= now; *next += SECOND / l->rate)
		n++;
	return n;
}

static void await_period(void)
{
	struct timespec t = { .tv_nsec = PERIOD_NS };

	nanosleep(&t, NULL);
}

static int flood(struct load *l)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint64_t next = clock_ns(CLOCK_MONOTONIC);

	if (fd < 0 || connect(fd, (struct sockaddr *)&l->to, sizeof(l->to)))
		return die("socket");
	loaded();
	while (!ended) {
		for (uint32_t n = due(l, &next); n && !ended; n--) {
			if (send(fd, chunk, l->bytes, MSG_DONTWAIT) > 0)
				l->dgrams++;
			else
				l->failed++;
		}
		await_period();
	}
	close(fd);
	return 0;
}

/* ---- connections that come and go ---- */

static int open_one(struct load *l)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&l->to, sizeof(l->to)) &&
	    errno != EINPROGRESS) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* Resets it: TIME-WAIT would use up the ports. */
static void close_one(struct load *l, struct pollfd *p)
{
	struct linger now = { .l_onoff = 1 };

	if (p->revents & (POLLERR | POLLHUP))
		l->failed++;
	else
		l->conns++;
	setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(p->fd);
}

static int churn(struct load *l)
{
	struct pollfd fds[OPEN_MAX];
	uint64_t next = clock_ns(CLOCK_MONOTONIC);
	uint32_t n = 0;

	loaded();
	while (!ended) {
		for (uint32_t k = due(l, &next); k; k--) {
			int fd = n < OPEN_MAX ? open_one(l) : -1;

			if (fd < 0)
				l->failed++;
			else
				fds[n++] = (struct pollfd){ .fd = fd, .events = POLLOUT };
		}
		poll(fds, n, 1);
		for (uint32_t k = n; k-- > 0;) {
			if (!fds[k].revents)
				continue;
			close_one(l, &fds[k]);
			fds[k] = fds[--n];
		}
		if (!n)
			await_period();
	}
	return 0;
}

/* ---- all of it ---- */

static int run(struct load *l, const char *kind)
{
	if (!strcmp(kind, "bulk") && l->n && l->n <= STREAMS_MAX)
		return bulk(l);
	if (!strcmp(kind, "flood") && l->rate && l->bytes && l->bytes <= CHUNK)
		return flood(l);
	if (!strcmp(kind, "churn") && l->rate)
		return churn(l);
	errno = EINVAL;
	return die(kind);
}

int main(int argc, char **argv)
{
	const struct sigaction sa = { .sa_handler = on_term };
	struct load l = { .to = { .sin_family = AF_INET, .sin_port = htons(DISCARD_PORT) } };
	uint64_t begin = clock_ns(CLOCK_MONOTONIC);

	if (argc < 4 || argc > 5 || inet_pton(AF_INET, argv[2], &l.to.sin_addr) != 1) {
		fprintf(stderr, "usage: linux_load bulk|flood|churn ADDRESS NUMBER [BYTES]\n");
		return 2;
	}
	sigaction(SIGTERM, &sa, NULL);
	l.n = l.rate = (uint32_t)atoi(argv[3]);
	l.bytes = argc > 4 ? (uint32_t)atoi(argv[4]) : 0;
	if (run(&l, argv[1]))
		return EXIT_FAILURE;
	printf("{\"ns\": %lu, \"acked\": %lu, \"dgrams\": %lu, \"conns\": %lu, \"failed\": %lu, "
	       "\"cpu_ns\": %lu}\n",
	       clock_ns(CLOCK_MONOTONIC) - begin, l.acked, l.dgrams, l.conns, l.failed,
	       clock_ns(CLOCK_PROCESS_CPUTIME_ID));
	return EXIT_SUCCESS;
}
