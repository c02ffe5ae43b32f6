/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A guest that minds its own business beside hostile ones: it echoes a stream to itself without a
 * pause, byte for byte, and takes what others send to its port.
 *
 *	honest SOCKET ADDRESS
 *
 * Each line of its input is answered with the bytes that have come back so far. At the end of its
 * input it sees its stream to the end. Exit status 0: not a byte was wrong, and no error came.
 */
#include "simguest.h"

#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PORT	   7
#define AHEAD	   65536u /* bytes on their way at one time */
#define DEADLINE_S 60

static struct simguest *sg;
static struct sg_sock *listener, *client, *served;
static uint64_t sent, received, moved_at_bytes;
static time_t moved_at;
static uint8_t backlog[AHEAD]; /* what the serving end still has to send back */
static uint32_t n_backlog;
static bool ending;

static void fail(const char *what)
{
	fprintf(stderr, "honest: %s (sent %llu, received %llu)\n", what, (unsigned long long)sent,
		(unsigned long long)received);
	exit(1);
}

static uint8_t byte_at(uint64_t i)
{
	return (uint8_t)((i * 0x9E3779B97F4A7C15u) >> 56);
}

/* The first one is our own: nobody else knows of us yet. */
static void on_accepted(struct simguest *g, struct sg_sock *l, struct sg_sock *s)
{
	if (!served)
		served = s;
}

static void on_data(struct simguest *g, struct sg_sock *s, const void *data, uint32_t len)
{
	const uint8_t *p = data;

	if (s == served) {
		if (len > AHEAD - n_backlog)
			fail("more came than was sent");
		memcpy(backlog + n_backlog, data, len);
		n_backlog += len;
	} else if (s == client) {
		for (uint32_t i = 0; i < len; i++, received++)
			if (p[i] != byte_at(received))
				fail("a byte is not what was sent");
	}
}

static void on_error(struct simguest *g, struct sg_sock *s, int err, bool fatal)
{
	if (s == client || s == served)
		fail("its connection failed");
	if (fatal)
		sg_close(s, 0);
}

static void on_peer_closed(struct simguest *g, struct sg_sock *s)
{
	if (s == client || (s == served && !ending))
		fail("its connection was closed");
	sg_close(s, 0);
}

static void on_closed(struct simguest *g, struct sg_sock *s)
{
	if (s == client)
		client = NULL;
	if (s == served)
		served = NULL;
}

static unsigned int sessions;

static void on_session(struct simguest *g)
{
	if (++sessions > 1)
		fail("it lost its session");
}

static const struct sg_ops ops = {
	.session = on_session,
	.accepted = on_accepted,
	.data = on_data,
	.error = on_error,
	.peer_closed = on_peer_closed,
	.closed = on_closed,
};

static void feed(void)
{
	uint8_t chunk[4096];
	uint32_t n = 0;

	if (!client || !client->connected || ending)
		return;
	while (n < sizeof(chunk) && sent + n - received < AHEAD) {
		chunk[n] = byte_at(sent + n);
		n++;
	}
	sent += n ? sg_send(client, chunk, n) : 0;
}

static void echo(void)
{
	uint32_t n = served && n_backlog ? sg_send(served, backlog, n_backlog) : 0;

	n_backlog -= n;
	memmove(backlog, backlog + n, n_backlog);
}

static void turn(void)
{
	unsigned int n = simguest_poll(sg, 0);

	echo();
	feed();
	simguest_flush(sg);
	if (received != moved_at_bytes || !client || !client->connected) {
		moved_at_bytes = received;
		moved_at = time(NULL);
	} else if (time(NULL) - moved_at > DEADLINE_S) {
		fail("its echo stands still");
	}
	if (!n)
		sched_yield();
}

static bool session(void *arg)
{
	return simguest_session(sg);
}

static bool listening(void *arg)
{
	return listener->replied & 1u << (OUTSOCK_OP_LISTEN & 31);
}

static void start(const char *path, const char *ip)
{
	struct outsock_addr any = sg_addr("0.0.0.0", PORT), self = sg_addr(ip, PORT);
	struct simguest_cfg cfg;

	simguest_cfg_defaults(&cfg);
	cfg.path = path;
	cfg.ops = &ops;
	cfg.boot_id[0] = 'H';
	cfg.timeout_ms = DEADLINE_S * 1000;
	if (simguest_create(&cfg, &sg) || simguest_until(sg, session, NULL))
		fail("no session");
	listener = sg_socket(sg, 0, OUTSOCK_INET, OUTSOCK_STREAM);
	if (!listener || sg_bind(listener, &any) || sg_listen(listener, 64) ||
	    simguest_until(sg, listening, NULL) || listener->status)
		fail("it can not listen");
	client = sg_socket(sg, 0, OUTSOCK_INET, OUTSOCK_STREAM);
	if (!client || sg_connect(client, &self))
		fail("it can not connect");
	while (!received)
		turn();
	puts("ready");
}

/* False: the input has ended. */
static bool commands(void)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	char c;

	while (poll(&in, 1, 0) > 0) {
		if (read(STDIN_FILENO, &c, 1) <= 0)
			return false;
		if (c == '\n')
			printf("%llu\n", (unsigned long long)received);
	}
	return true;
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fputs("usage: honest SOCKET ADDRESS\n", stderr);
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	start(argv[1], argv[2]);
	while (commands())
		turn();
	ending = true;
	while (received != sent)
		turn();
	sg_close(client, 0);
	while (client || served)
		turn();
	if (simguest_odd(sg))
		fail("it did not understand a message");
	simguest_destroy(sg);
	return 0;
}
