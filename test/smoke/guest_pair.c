/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two simulated guests of one daemon talk to each other, and each to itself, without a NIC:
 *
 *	guest_pair SOCKET_A ADDRESS_A SOCKET_B ADDRESS_B [go-on]
 *
 * Streams of 2 MB are echoed, byte for byte; datagrams come back. With "go-on" again and again,
 * until standard input ends. Exit status 0: all as it should be.
 */
#include "simguest.h"

#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BYTES	   (2u << 20)
#define PORT	   7
#define DEADLINE_S 60

struct side {
	const char *name, *ip;
	struct simguest *sg;
	struct sg_sock *listener, *dgram;
	struct sg_sock *stream; /* the client's end */
	struct sg_sock *served; /* the echoing end */
	uint32_t sent, received;
	bool wrong, closed;
	char answer[64];
};

static struct side sides[2] = { { .name = "A" }, { .name = "B" } };

static void fail(const char *what, const struct side *s)
{
	fprintf(stderr, "guest_pair: %s: %s (sent %u, received %u)\n", s->name, what, s->sent,
		s->received);
	exit(1);
}

static uint8_t byte_at(uint32_t i)
{
	return (uint8_t)((i * 2654435761u) >> 24);
}

/* What the echoing end still has to send back. */
struct backlog {
	uint8_t bytes[BYTES];
	uint32_t n, sent;
};

static struct backlog backlogs[2];

static void on_accepted(struct simguest *sg, struct sg_sock *listener, struct sg_sock *s)
{
	struct side *side = simguest_ctx(sg);

	side->served = s;
	memset(&backlogs[side - sides], 0, sizeof(backlogs[0]));
}

static void on_data(struct simguest *sg, struct sg_sock *s, const void *data, uint32_t len)
{
	struct side *side = simguest_ctx(sg);
	const uint8_t *p = data;

	if (s == side->served) {
		struct backlog *b = &backlogs[side - sides];

		if (b->n + len > BYTES)
			fail("more came than was sent", side);
		memcpy(b->bytes + b->n, data, len);
		b->n += len;
		return;
	}
	for (uint32_t i = 0; i < len; i++)
		side->wrong |= p[i] != byte_at(side->received + i);
	side->received += len;
}

/* Datagrams: the listener's come back to their sender. */
static void on_dgram(struct simguest *sg, struct sg_sock *s, const struct outsock_addr *from,
		     const void *data, uint32_t len)
{
	struct side *side = simguest_ctx(sg);

	if (s == side->dgram && s->user) {
		snprintf(side->answer, sizeof(side->answer), "%.*s", (int)len, (const char *)data);
		return;
	}
	/* A late one, of a round before. */
	if (s->closing)
		return;
	if (sg_sendto(s, from, data, len))
		fail("a datagram was not sent back", side);
}

static void on_peer_closed(struct simguest *sg, struct sg_sock *s)
{
	sg_close(s, 0);
}

static void on_error(struct simguest *sg, struct sg_sock *s, int err, bool fatal)
{
	struct side *side = simguest_ctx(sg);

	fprintf(stderr, "guest_pair: error %d\n", err);
	fail("a socket failed", side);
}

static void on_closed(struct simguest *sg, struct sg_sock *s)
{
	struct side *side = simguest_ctx(sg);

	if (s == side->stream) {
		side->closed = true;
		side->stream = NULL;
	}
	if (s == side->served)
		side->served = NULL;
}

static const struct sg_ops ops = {
	.accepted = on_accepted,
	.data = on_data,
	.dgram = on_dgram,
	.peer_closed = on_peer_closed,
	.error = on_error,
	.closed = on_closed,
};

/* Gives the echoing end what it can take. */
static void echo(struct side *side)
{
	struct backlog *b = &backlogs[side - sides];

	if (side->served)
		b->sent += sg_send(side->served, b->bytes + b->sent, b->n - b->sent);
}

/* Gives the client's end what it can take. */
static void feed(struct side *side)
{
	uint8_t chunk[16384];
	uint32_t n = BYTES - side->sent < sizeof(chunk) ? BYTES - side->sent : sizeof(chunk);

	if (!side->stream || !side->stream->connected || !n)
		return;
	for (uint32_t i = 0; i < n; i++)
		chunk[i] = byte_at(side->sent + i);
	side->sent += sg_send(side->stream, chunk, n);
}

static time_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

static void until(bool (*done)(struct side *), struct side *side, const char *what)
{
	time_t end = now() + DEADLINE_S;

	while (!done(side)) {
		unsigned int n = 0;

		for (int i = 0; i < 2; i++) {
			n += simguest_poll(sides[i].sg, 0);
			echo(&sides[i]);
			feed(&sides[i]);
			simguest_flush(sides[i].sg);
		}
		if (now() > end)
			fail(what, side);
		if (!n)
			sched_yield();
	}
}

static bool listening(struct side *s)
{
	uint32_t want = 1u << (OUTSOCK_OP_LISTEN & 31);

	return s->listener->replied & want;
}

static bool echoed(struct side *s)
{
	return s->received == BYTES;
}

static bool closed(struct side *s)
{
	return s->closed && !sides[0].served && !sides[1].served;
}

static bool answered(struct side *s)
{
	return s->answer[0];
}

static void open_side(struct side *side, const char *path, const char *ip)
{
	struct simguest_cfg cfg;

	simguest_cfg_defaults(&cfg);
	cfg.path = path;
	cfg.listen = true;
	cfg.ops = &ops;
	cfg.ctx = side;
	cfg.boot_id[0] = (uint8_t)side->name[0];
	cfg.timeout_ms = DEADLINE_S * 1000;
	side->ip = ip;
	if (simguest_create(&cfg, &side->sg))
		fail("no connection from the daemon", side);
}

static bool in_session(struct side *s)
{
	return simguest_session(s->sg);
}

static void serve(struct side *side)
{
	struct outsock_addr any = sg_addr("0.0.0.0", PORT);

	until(in_session, side, "no session");
	side->listener = sg_socket(side->sg, 0, OUTSOCK_INET, OUTSOCK_STREAM);
	if (!side->listener || sg_bind(side->listener, &any) || sg_listen(side->listener, 16))
		fail("cannot listen", side);
	until(listening, side, "listen was not answered");
	if (side->listener->status)
		fail("listen was refused", side);
}

/* @from sends to @to, which echoes; they may be the same guest. */
static void stream(struct side *from, struct side *to)
{
	struct outsock_addr addr = sg_addr(to->ip, PORT);

	from->sent = from->received = 0;
	from->closed = false;
	from->stream = sg_socket(from->sg, 0, OUTSOCK_INET, OUTSOCK_STREAM);
	if (!from->stream || sg_connect(from->stream, &addr))
		fail("cannot connect", from);
	until(echoed, from, "the stream was not echoed");
	if (from->wrong)
		fail("bytes are not what was sent", from);
	sg_close(from->stream, 0);
	until(closed, from, "the stream was not closed");
	printf("ok - %s to %s: stream\n", from->name, to->name);
}

static void datagram(struct side *from, struct side *to)
{
	struct outsock_addr addr = sg_addr(to->ip, PORT), any = sg_addr("0.0.0.0", PORT);
	struct sg_sock *server = sg_socket(to->sg, 0, OUTSOCK_INET, OUTSOCK_DGRAM);

	from->dgram = sg_socket(from->sg, 0, OUTSOCK_INET, OUTSOCK_DGRAM);
	from->answer[0] = '\0';
	if (!server || sg_bind(server, &any) || !from->dgram)
		fail("no datagram socket", from);
	from->dgram->user = from; /* asks, does not echo */
	/* The first datagram may come before the server's socket is bound. */
	for (time_t end = now() + DEADLINE_S; !answered(from) && now() < end;) {
		sg_sendto(from->dgram, &addr, "ping", 4);
		for (int i = 0; i < 1000 && !answered(from); i++) {
			simguest_poll(from->sg, 0);
			simguest_poll(to->sg, 0);
			sched_yield();
		}
	}
	if (strcmp(from->answer, "ping"))
		fail("the datagram did not come back", from);
	sg_close(from->dgram, 0);
	sg_close(server, 0);
	printf("ok - %s to %s: datagram\n", from->name, to->name);
}

static void all_pairs(void)
{
	for (int from = 0; from < 2; from++) {
		for (int to = 0; to < 2; to++) {
			stream(&sides[from], &sides[to]);
			datagram(&sides[from], &sides[to]);
		}
	}
}

static bool input_ended(void)
{
	struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

int main(int argc, char **argv)
{
	bool go_on = argc == 6 && !strcmp(argv[5], "go-on");

	if (argc != 5 && !go_on) {
		fputs("usage: guest_pair SOCKET_A ADDRESS_A SOCKET_B ADDRESS_B [go-on]\n", stderr);
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	open_side(&sides[0], argv[1], argv[2]);
	open_side(&sides[1], argv[3], argv[4]);
	serve(&sides[0]);
	serve(&sides[1]);
	do
		all_pairs();
	while (go_on && !input_ended());
	simguest_destroy(sides[0].sg);
	simguest_destroy(sides[1].sg);
	return 0;
}
