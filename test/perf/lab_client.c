/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The real-time client of scripts/rt-lab: requests at fixed times, in turn by a datagram and on a
 * TCP connection, to the echo servers of one guest or of many. A stack of ours over DPDK port 0; it
 * sleeps in between.
 *
 *	lab_client EAL-OPTIONS -- CLIENT THREADS
 *
 * Says "ready" when it has begun. Each line of stdin, "PHASE REQUESTS PERIOD-US BYTES SERVER N", is
 * a measurement with N servers, of addresses from SERVER on, and a line of JSON its answer, with
 * the CPU time of the threads that the file THREADS names (lab_cpu.h). A request carries PHASE and
 * its number, so that it can be recognised on the wire, where the laboratory measures. Requests are
 * sent whether or not the ones before were answered.
 */
#include "client.h"
#include "guest_app.h"
#include "lab_cpu.h"

#include "wire/byteorder.h"

#include <rte_eal.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CREDIT	    65536u
#define REQUEST_MAX 1400u
#define PEERS_MAX   128u
#define CONNECT_NS  (10 * NSEC_PER_SEC)
#define LAST_NS	    (200 * NSEC_PER_MSEC) /* that late replies are waited for */
#define PACKETS	    4096u
#define LOOK_NS	    (500 * 1000ull) /* while only replies are waited for */
#define ARGS	    2
#define LINE	    128
#define NEVER	    UINT64_MAX

/*
 * The begin of a request, in network order; scripts/lib/rtlab/wire.py looks for it. @step: to the
 * number of the next one on the same connection.
 */
struct request {
	char magic[4];
	uint32_t phase, number, size, step;
};

/* A guest: its connection and its datagram socket. */
struct peer {
	struct sock *stream, *dgram;
};

struct lab_client {
	struct client c;
	struct peer peers[PEERS_MAX];
	unsigned int n_peers, n_connected;
	struct in_addr first; /* peer's address */
	/* The phase. */
	uint32_t phase, requests, size, n, sent;
	uint64_t period, stream_bytes, dgrams; /* received in it */
	const char *threads;
	uint8_t bytes[REQUEST_MAX];
	bool failed;
};

static int die(const char *what)
{
	fprintf(stderr, "lab_client: %s\n", what);
	return -1;
}

static void fill(struct lab_client *l)
{
	struct request r = {
		.magic = "rtlb",
		.phase = be32(l->phase),
		.number = be32(l->sent),
		.size = be32(l->size),
		.step = be32(2 * l->n),
	};

	memcpy(l->bytes, &r, sizeof(r));
}

static int send_dgram(struct lab_client *l, struct sock *s)
{
	struct rte_mbuf *m = pkt_alloc(stack_env(l->c.stack));

	if (!m)
		return die("no packet left");
	memcpy(rte_pktmbuf_append(m, (uint16_t)l->size), l->bytes, l->size);
	return sock_tx_dgram(s, m, NULL) ? die("a datagram is refused") : 0;
}

static int send_stream(struct lab_client *l, struct sock *s)
{
	uint32_t done = 0, room;
	int err;

	while (done < l->size) {
		void *space = sock_tx_space(s, &room, &err);

		if (!space)
			return die("no room in the stream");
		room = RTE_MIN(room, l->size - done);
		memcpy(space, l->bytes + done, room);
		sock_tx_commit(s, room);
		done += room;
	}
	sock_tx_end(s, true, false);
	return 0;
}

/* Guests take turns, each with a datagram and then a request on its connection. */
static int send_request(struct lab_client *l)
{
	const struct peer *p = &l->peers[l->sent / 2 % l->n];
	int err;

	fill(l);
	err = l->sent % 2 ? send_stream(l, p->stream) : send_dgram(l, p->dgram);
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
		l->n_connected++;
	if (ev & ~SOCK_EV_DATA)
		sock_event_taken(s, ev & (uint16_t)~SOCK_EV_DATA);
	if (ev & SOCK_EV_DATA) {
		if (s->type == SOCK_DGRAM_T)
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
	client_sleep(&l->c, until);
}

static void look(struct lab_client *l, uint64_t until)
{
	serve(l, RTE_MIN(until, client_now(&l->c) + LOOK_NS));
}

static int open_peer(struct lab_client *l)
{
	struct peer *p = &l->peers[l->n_peers];

	l->c.cfg.server = be32(be32(l->first.s_addr) + l->n_peers);
	p->stream = client_connect_to(&l->c, be16(GUEST_ECHO), CREDIT);
	p->dgram = client_dgram_to(&l->c, be16(GUEST_ECHO), CREDIT);
	l->n_peers++;
	return p->stream && p->dgram ? 0 : -1;
}

/* To the guests of this phase that are new. */
static int connect_all(struct lab_client *l)
{
	uint64_t end = client_now(&l->c) + CONNECT_NS;

	while (l->n_peers < l->n)
		if (open_peer(l))
			return -1;
	while (l->n_connected < l->n_peers) {
		look(l, end);
		if (l->failed || client_now(&l->c) >= end)
			return die("no connection to the server");
	}
	return 0;
}

/* Datagrams are first. */
static bool all_answered(const struct lab_client *l)
{
	return l->dgrams == (l->sent + 1) / 2 && l->stream_bytes == l->sent / 2 * l->size;
}

/* Replies wait until the next request: nothing here is to wake up while a server works. */
static int send_all(struct lab_client *l)
{
	uint64_t next = client_now(&l->c) + l->period;

	while (l->sent < l->requests && !l->failed) {
		if (client_now(&l->c) >= next) {
			if (send_request(l))
				return -1;
			next += l->period;
		}
		serve(l, next);
	}
	return 0;
}

static int measure(struct lab_client *l)
{
	uint64_t end;

	if (send_all(l))
		return -1;
	end = client_now(&l->c) + LAST_NS;
	while (!l->failed && !all_answered(l) && client_now(&l->c) < end)
		look(l, end);
	return l->failed ? die("the connection is lost") : 0;
}

static int parse_phase(struct lab_client *l, const char *line)
{
	char server[INET_ADDRSTRLEN];
	uint64_t us;

	if (sscanf(line, "%u %u %lu %u %15s %u", &l->phase, &l->requests, &us, &l->size, server,
		   &l->n) != 6 ||
	    inet_pton(AF_INET, server, &l->first) != 1)
		return die("a line of stdin is PHASE REQUESTS PERIOD-US BYTES SERVER N");
	if (!us || l->size < sizeof(struct request) || l->size > REQUEST_MAX || !l->n ||
	    l->n > PEERS_MAX)
		return die("a period, 20 to 1400 bytes, 1 to 128 servers");
	l->period = us * 1000;
	l->sent = 0;
	l->dgrams = l->stream_bytes = 0;
	return connect_all(l);
}

static int phase(struct lab_client *l, const char *line)
{
	struct lab_cpu cpu;

	if (parse_phase(l, line) || lab_cpu_begin(&cpu, l->threads) || measure(l))
		return -1;
	printf("{\"phase\": %u, \"sent\": %u, \"dgrams\": %lu, \"stream\": %lu, \"cpu\": {",
	       l->phase, l->sent, l->dgrams, l->stream_bytes / l->size);
	if (lab_cpu_end(&cpu))
		return -1;
	puts("}}");
	fflush(stdout);
	return 0;
}

static int run(struct lab_client *l)
{
	char line[LINE];

	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin))
		if (phase(l, line))
			return -1;
	return 0;
}

int main(int argc, char **argv)
{
	static struct lab_client l;
	struct client_cfg cfg = {
		.n_addrs = 1, .conns_max = 2 * PEERS_MAX, .packets = PACKETS, .mtu = 1500
	};
	int used = rte_eal_init(argc, argv), status = EXIT_FAILURE;

	if (used < 0)
		return EXIT_FAILURE;
	if (argc - used != ARGS + 1 || inet_pton(AF_INET, argv[used + 1], &cfg.addr) != 1) {
		die("see the head of lab_client.c for its arguments");
		return EXIT_FAILURE;
	}
	l.threads = argv[used + 2];
	if (!client_create(&l.c, &cfg)) {
		l.c.app = &app;
		l.c.app_ctx = &l;
		status = run(&l) ? EXIT_FAILURE : EXIT_SUCCESS;
	}
	client_destroy(&l.c);
	rte_eal_cleanup();
	return status;
}
