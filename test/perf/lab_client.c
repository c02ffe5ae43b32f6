/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The real-time client of scripts/rt-lab: small requests at fixed times, in turn by a datagram and
 * on a TCP connection, to the echo server. A stack of ours over DPDK port 0; it sleeps in between.
 *
 *	lab_client EAL-OPTIONS -- CLIENT SERVER PERIOD-US
 *
 * Says "ready" when it is connected. Each line of stdin, "PHASE REQUESTS", is a measurement, and a
 * line of JSON its answer. A request carries PHASE and its number, so that it can be recognised on
 * the wire, where the laboratory measures. Requests are sent whether or not the ones before were
 * answered.
 */
#include "client.h"
#include "guest_app.h"

#include "wire/byteorder.h"

#include <rte_eal.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CREDIT	   65536u
#define REQUEST	   64u
#define CONNECT_NS (10 * NSEC_PER_SEC)
#define LAST_NS	   (200 * NSEC_PER_MSEC) /* that late replies are waited for */
#define CONNS_MAX  16u
#define PACKETS	   4096u
#define LOOK_NS	   (500 * 1000ull) /* for replies */
#define ARGS	   3
#define LINE	   64
#define NEVER	   UINT64_MAX

/* What scripts/lib/rtlab/wire.py looks for. */
struct request {
	char magic[4];
	uint32_t phase, number; /* network order */
	char rest[REQUEST - 12];
};

struct lab_client {
	struct client c;
	struct sock *stream, *dgram;
	uint32_t phase, requests, sent;
	uint64_t period, stream_bytes, dgrams; /* received in this phase */
	bool connected, failed;
};

static int die(const char *what)
{
	fprintf(stderr, "lab_client: %s\n", what);
	return -1;
}

static void fill(const struct lab_client *l, void *p)
{
	struct request r = { .magic = "rtlb", .phase = be32(l->phase), .number = be32(l->sent) };

	memcpy(p, &r, sizeof(r));
}

static int send_dgram(struct lab_client *l)
{
	struct rte_mbuf *m = pkt_alloc(stack_env(l->c.stack));

	if (!m)
		return die("no packet left");
	fill(l, rte_pktmbuf_append(m, REQUEST));
	return sock_tx_dgram(l->dgram, m, NULL) ? die("a datagram is refused") : 0;
}

static int send_stream(struct lab_client *l)
{
	uint32_t room;
	int err;
	void *space = sock_tx_space(l->stream, &room, &err);

	if (!space || room < REQUEST)
		return die("no room in the stream");
	fill(l, space);
	sock_tx_commit(l->stream, REQUEST);
	sock_tx_end(l->stream, true, false);
	return 0;
}

static int send_request(struct lab_client *l)
{
	int err = l->sent % 2 ? send_stream(l) : send_dgram(l);

	l->sent++;
	return err;
}

static void take_dgrams(struct lab_client *l, struct sock *s)
{
	while (s->rxq.head) {
		l->dgrams++;
		sock_rx_taken_dgram(s);
	}
	sock_credit(s, s->rx_off + CREDIT);
}

static void take_stream(struct lab_client *l, struct sock *s)
{
	uint32_t n = 0;

	for (struct rte_mbuf *m = s->rxq.head; m; m = pkt_meta(m)->next)
		n += pkt_meta(m)->payload;
	sock_rx_taken(s, n);
	sock_credit(s, s->rx_off + CREDIT);
	l->stream_bytes += n;
}

static void on_ready(void *ctx, struct sock *s)
{
	struct lab_client *l = ctx;
	uint16_t ev = s->events;

	if (ev & (SOCK_EV_GONE | SOCK_EV_PEER_CLOSED | SOCK_EV_ERROR))
		l->failed = true;
	if (ev & SOCK_EV_CONNECTED)
		l->connected = true;
	if (ev & ~SOCK_EV_DATA)
		sock_event_taken(s, ev & (uint16_t)~SOCK_EV_DATA);
	if (ev & SOCK_EV_DATA) {
		if (s == l->dgram)
			take_dgrams(l, s);
		else
			take_stream(l, s);
	}
}

static void on_turn(void *ctx)
{
}

static const struct client_app app = { .ready = on_ready, .turn = on_turn };

/* All that there is to do now, then sleep. */
static void serve(struct lab_client *l, uint64_t until)
{
	while (client_turn(&l->c))
		;
	client_sleep(&l->c, RTE_MIN(until, client_now(&l->c) + LOOK_NS));
}

static int connect_both(struct lab_client *l)
{
	uint64_t end = client_now(&l->c) + CONNECT_NS;

	l->stream = client_connect_to(&l->c, be16(GUEST_ECHO), CREDIT);
	l->dgram = client_dgram_to(&l->c, be16(GUEST_ECHO), CREDIT);
	if (!l->stream || !l->dgram)
		return -1;
	while (!l->connected) {
		serve(l, end);
		if (l->failed || client_now(&l->c) >= end)
			return die("no connection to the server");
	}
	return 0;
}

/* Datagrams are first. */
static bool all_answered(const struct lab_client *l)
{
	return l->dgrams == (l->sent + 1) / 2 && l->stream_bytes == l->sent / 2 * REQUEST;
}

static int measure(struct lab_client *l)
{
	uint64_t next = client_now(&l->c) + l->period, end = NEVER;

	while (!l->failed) {
		uint64_t now = client_now(&l->c);

		if (l->sent == l->requests) {
			if (end == NEVER)
				end = now + LAST_NS;
			if (all_answered(l) || now >= end)
				break;
			next = end;
		} else if (now >= next) {
			if (send_request(l))
				return -1;
			next += l->period;
		}
		serve(l, next);
	}
	return l->failed ? die("the connection is lost") : 0;
}

static int phase(struct lab_client *l, const char *line)
{
	uint64_t cpu = client_cpu_ns();

	if (sscanf(line, "%u %u", &l->phase, &l->requests) != 2)
		return die("a line of stdin is PHASE REQUESTS");
	l->sent = 0;
	l->dgrams = l->stream_bytes = 0;
	if (measure(l))
		return -1;
	printf("{\"phase\": %u, \"sent\": %u, \"dgrams\": %lu, \"stream\": %lu, \"cpu_ns\": %lu}\n",
	       l->phase, l->sent, l->dgrams, l->stream_bytes / REQUEST, client_cpu_ns() - cpu);
	fflush(stdout);
	return 0;
}

static int run(struct lab_client *l)
{
	char line[LINE];

	if (connect_both(l))
		return -1;
	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin))
		if (phase(l, line))
			return -1;
	return 0;
}

static int parse(int argc, char **argv, struct lab_client *l, struct client_cfg *cfg)
{
	if (argc != ARGS + 1 || inet_pton(AF_INET, argv[1], &cfg->addr) != 1 ||
	    inet_pton(AF_INET, argv[2], &cfg->server) != 1)
		return die("see the head of lab_client.c for its arguments");
	l->period = strtoull(argv[3], NULL, 10) * 1000;
	return l->period ? 0 : die("the period is 0");
}

int main(int argc, char **argv)
{
	static struct lab_client l;
	struct client_cfg cfg = {
		.n_addrs = 1, .conns_max = CONNS_MAX, .packets = PACKETS, .mtu = 1500
	};
	int used = rte_eal_init(argc, argv), status = EXIT_FAILURE;

	if (used < 0 || parse(argc - used, argv + used, &l, &cfg))
		return EXIT_FAILURE;
	if (!client_create(&l.c, &cfg)) {
		l.c.app = &app;
		l.c.app_ctx = &l;
		status = run(&l) ? EXIT_FAILURE : EXIT_SUCCESS;
	}
	client_destroy(&l.c);
	rte_eal_cleanup();
	return status;
}
