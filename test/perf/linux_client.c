/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The real-time client of scripts/evaluate, on Linux' own sockets: requests at fixed times, whether
 * or not the ones before were answered, to an echo server on port 7. Between them it sleeps; in a
 * part of each second it sends nothing and looks at the clock instead (bare.h).
 *
 *	linux_client ADDRESS tcp|udp BYTES RATE SECONDS CPU PRIORITY BARE-MS
 *
 * SCHED_FIFO with PRIORITY (0: not) on CPU. Prints one JSON object: requests asked for, sent and
 * answered, the latency of each, from send() until the whole reply is read, and the bare loop's.
 */
#include "bare.h"
#include "samples.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define ECHO_PORT     7
#define BYTES_MIN     8u
#define BYTES_MAX     1400u
#define IN_FLIGHT_MAX 4096u	    /* of a stream; what is due beyond that is not sent */
#define LAST_NS	      1000000000ull /* that late replies are waited for */
#define WARM_UP	      20u
#define SECOND	      1000000000ull

struct client {
	int fd;
	bool stream;
	uint32_t bytes, rate, seconds, bare_ms;
	uint32_t sent, skipped, answered;
	uint64_t got; /* bytes of replies, of a stream */
	uint64_t *sent_at;
	struct samples latencies, bare;
};

static int die(const char *what)
{
	fprintf(stderr, "linux_client: %s: %s\n", what, strerror(errno));
	return -1;
}

static int open_socket(struct client *c, const char *addr)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(ECHO_PORT) };
	int on = 1;

	c->fd = socket(AF_INET, (c->stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || inet_pton(AF_INET, addr, &a.sin_addr) != 1 ||
	    connect(c->fd, (struct sockaddr *)&a, sizeof(a)))
		return die(addr);
	if (c->stream)
		setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return 0;
}

static int be_urgent(int cpu, int priority)
{
	struct sched_param p = { .sched_priority = priority };
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) ||
	    (priority && sched_setscheduler(0, SCHED_FIFO, &p)))
		return die("CPU and priority");
	return mlockall(MCL_CURRENT | MCL_FUTURE) ? die("mlockall") : 0;
}

/* ---- requests and replies ---- */

static void send_request(struct client *c)
{
	char buf[BYTES_MAX] = { 0 };
	uint32_t number = c->sent;
	ssize_t n;

	memcpy(buf, &number, sizeof(number));
	if (c->stream && c->sent - c->answered >= IN_FLIGHT_MAX) {
		c->skipped++;
		return;
	}
	c->sent_at[number] = clock_ns(CLOCK_MONOTONIC);
	n = send(c->fd, buf, c->bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n == (ssize_t)c->bytes)
		c->sent++;
	else
		c->skipped++;
}

static void answered(struct client *c, uint32_t number, uint64_t now)
{
	if (number >= c->sent || !c->sent_at[number])
		return;
	samples_add(&c->latencies, now - c->sent_at[number]);
	c->sent_at[number] = 0;
	c->answered++;
}

/* Replies in a stream are in order; one ends when its last byte is here. */
static int take_stream(struct client *c)
{
	char buf[65536];
	ssize_t n = recv(c->fd, buf, sizeof(buf), MSG_DONTWAIT);
	uint64_t now = clock_ns(CLOCK_MONOTONIC);

	if (n == 0 || (n < 0 && errno != EAGAIN))
		return die("the connection ended");
	if (n > 0)
		c->got += (uint64_t)n;
	for (uint64_t k = c->answered; k < c->got / c->bytes; k++)
		answered(c, (uint32_t)k, now);
	return 0;
}

static int take_dgrams(struct client *c)
{
	char buf[BYTES_MAX];
	uint32_t number;
	ssize_t n;

	while ((n = recv(c->fd, buf, sizeof(buf), MSG_DONTWAIT)) >= (ssize_t)sizeof(number)) {
		memcpy(&number, buf, sizeof(number));
		answered(c, number, clock_ns(CLOCK_MONOTONIC));
	}
	return 0;
}

/* Until something comes, or the time has come. */
static int await(struct client *c, uint64_t until)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN };
	uint64_t now = clock_ns(CLOCK_MONOTONIC), ns = until > now ? until - now : 0;
	struct timespec t = { .tv_sec = (time_t)(ns / SECOND), .tv_nsec = (long)(ns % SECOND) };

	if (ppoll(&p, 1, &t, NULL) > 0)
		return c->stream ? take_stream(c) : take_dgrams(c);
	return 0;
}

/* ---- the measurement ---- */

/* @n requests, one each @period ns, then up to @patience for the last replies. */
static int ask(struct client *c, uint32_t n, uint64_t period, uint64_t patience)
{
	uint64_t due = clock_ns(CLOCK_MONOTONIC), end;

	while (n--) {
		send_request(c);
		due += period;
		do {
			if (await(c, due))
				return -1;
		} while (clock_ns(CLOCK_MONOTONIC) < due);
	}
	end = due + patience;
	while (c->answered < c->sent && clock_ns(CLOCK_MONOTONIC) < end)
		if (await(c, end))
			return -1;
	return 0;
}

/* Connections, caches and buffers as they are later; not measured. */
static int warm_up(struct client *c)
{
	if (ask(c, WARM_UP, SECOND / 50, LAST_NS))
		return -1;
	if (!c->answered) {
		errno = ETIMEDOUT;
		return die("no reply");
	}
	c->latencies.n = 0;
	return 0;
}

static int measure(struct client *c)
{
	uint64_t period = SECOND / c->rate, bare = c->bare_ms * 1000000ull;
	uint32_t each = (uint32_t)((SECOND - bare) / period);

	for (uint32_t k = 0; k < c->seconds; k++) {
		if (ask(c, each, period, k + 1 == c->seconds ? LAST_NS : 0))
			return -1;
		c->bare.n += bare_run(bare, c->bare.ns + c->bare.n, c->bare.max - c->bare.n);
	}
	return 0;
}

static int prepare(struct client *c)
{
	uint32_t n = c->seconds * c->rate + WARM_UP + 1;

	if (c->bytes < BYTES_MIN || c->bytes > BYTES_MAX || !c->rate || c->bare_ms > 500) {
		errno = EINVAL;
		return die("arguments");
	}
	c->sent_at = calloc(n, sizeof(*c->sent_at));
	if (!c->sent_at || samples_init(&c->latencies, n) ||
	    samples_init(&c->bare,
			 (uint32_t)(c->seconds * (c->bare_ms * 1000000ull / BARE_GRID_NS + 1))))
		return die("memory");
	return 0;
}

static void report(const struct client *c, uint32_t warm_sent, uint32_t warm_answered)
{
	printf("{\"asked\": %u, \"sent\": %u, \"answered\": %u, \"cpu_ns\": %lu, ",
	       c->sent + c->skipped - warm_sent, c->sent - warm_sent, c->answered - warm_answered,
	       clock_ns(CLOCK_PROCESS_CPUTIME_ID));
	samples_print("latencies_ns", &c->latencies);
	printf(", ");
	samples_print("bare_ns", &c->bare);
	printf("}\n");
}

int main(int argc, char **argv)
{
	static struct client c;
	uint32_t sent, done;

	if (argc != 9) {
		fprintf(stderr,
			"usage: linux_client ADDRESS tcp|udp BYTES RATE SECONDS CPU "
			"PRIORITY BARE-MS\n");
		return 2;
	}
	c.stream = !strcmp(argv[2], "tcp");
	c.bytes = (uint32_t)atoi(argv[3]);
	c.rate = (uint32_t)atoi(argv[4]);
	c.seconds = (uint32_t)atoi(argv[5]);
	c.bare_ms = (uint32_t)atoi(argv[8]);
	if (prepare(&c) || open_socket(&c, argv[1]) || be_urgent(atoi(argv[6]), atoi(argv[7])) ||
	    warm_up(&c))
		return EXIT_FAILURE;
	sent = c.sent + c.skipped;
	done = c.answered;
	if (measure(&c))
		return EXIT_FAILURE;
	report(&c, sent, done);
	close(c.fd);
	return EXIT_SUCCESS;
}
