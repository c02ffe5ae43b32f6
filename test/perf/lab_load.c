/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The other traffic of scripts/rt-lab, to a server that is not real-time: streams, datagrams and
 * connections that come and go, each at a fixed rate, so that whoever serves them does the same
 * work; and SYNs that nobody goes on with. A stack of ours over DPDK port 0; it sleeps in between.
 *
 *	lab_load EAL-OPTIONS -- THREADS CLIENT SERVER PERIOD-US STREAMS BYTES DGRAMS DGRAM-BYTES
 *		CONNS [SYNS TARGET PORT]
 *
 * In each period it writes BYTES to each of STREAMS connections, sends DGRAMS datagrams, and opens
 * CONNS connections, each of which it resets as soon as it is open, and SYNS to PORT of TARGET.
 * Says "loaded" when the streams are open, goes on until SIGTERM, and says what it has done, with
 * the CPU time meanwhile of the threads that the file THREADS names (lab_cpu.h).
 */
#include "client.h"
#include "guest_app.h"
#include "lab_cpu.h"
#include "lab_flood.h"

#include "wire/byteorder.h"

#include <rte_eal.h>

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CREDIT	    65536u
#define STREAMS_MAX 16u
#define CONNS_MAX   4096u
#define PACKETS	    8192u
#define CONNECT_NS  (10 * NSEC_PER_SEC)
#define BEHIND_MAX  4u		    /* periods that are made up for when the CPU was not ours */
#define LOOK_NS	    (500 * 1000ull) /* for what the server sends */
#define ARGS	    9
#define ARGS_FLOOD  12

struct load {
	struct client c;
	struct sock *streams[STREAMS_MAX], *dgram;
	uint32_t n_streams, n_open, bytes, n_dgrams, dgram_bytes, n_conns;
	uint64_t period;
	const char *threads;
	struct lab_cpu cpu;
	struct lab_flood flood;
	uint64_t dgrams_sent, conns_done, short_bytes, failed;
};

static volatile sig_atomic_t ended;

static void on_term(int sig)
{
	ended = 1;
}

static int die(const char *what)
{
	fprintf(stderr, "lab_load: %s\n", what);
	return -1;
}

/* ---- one period ---- */

/* What does not fit into the window is not sent later, but counted. */
static void write_stream(struct load *l, struct sock *s)
{
	uint32_t left = l->bytes, room;
	int err;

	while (left) {
		void *space = sock_tx_space(s, &room, &err);

		if (!space)
			break;
		room = RTE_MIN(room, left);
		memset(space, 'b', room);
		sock_tx_commit(s, room);
		left -= room;
	}
	l->short_bytes += left;
	sock_tx_end(s, true, false);
}

static void send_dgrams(struct load *l)
{
	for (uint32_t k = 0; k < l->n_dgrams; k++) {
		struct rte_mbuf *m = pkt_alloc(stack_env(l->c.stack));

		if (!m)
			return;
		memset(rte_pktmbuf_append(m, (uint16_t)l->dgram_bytes), 'd', l->dgram_bytes);
		if (!sock_tx_dgram(l->dgram, m, NULL))
			l->dgrams_sent++;
	}
}

static void one_period(struct load *l)
{
	for (uint32_t k = 0; k < l->n_streams; k++)
		write_stream(l, l->streams[k]);
	send_dgrams(l);
	lab_flood_period(&l->flood, &l->c);
	for (uint32_t k = 0; k < l->n_conns; k++)
		if (!client_connect_to(&l->c, be16(GUEST_DISCARD), CREDIT))
			l->failed++;
}

/* ---- events ---- */

static bool is_stream(const struct load *l, const struct sock *s)
{
	for (uint32_t k = 0; k < l->n_streams; k++)
		if (l->streams[k] == s)
			return true;
	return false;
}

static void end(struct sock *s)
{
	sock_close(s, SOCK_CLOSE_ABORT);
	sock_free(s);
}

static void on_ready(void *ctx, struct sock *s)
{
	struct load *l = ctx;
	uint16_t ev = s->events;

	if (ev & SOCK_EV_GONE) {
		l->failed++;
		if (!is_stream(l, s))
			end(s);
		else
			sock_event_taken(s, ev);
		return;
	}
	if (ev & ~SOCK_EV_DATA)
		sock_event_taken(s, ev & (uint16_t)~SOCK_EV_DATA);
	if (!(ev & SOCK_EV_CONNECTED))
		return;
	if (is_stream(l, s)) {
		l->n_open++;
	} else {
		l->conns_done++;
		end(s);
	}
}

static void on_turn(void *ctx)
{
}

static const struct client_app app = { .ready = on_ready, .turn = on_turn };

/* ---- all of it ---- */

static void serve(struct load *l, uint64_t until)
{
	while (client_turn(&l->c))
		;
	client_sleep(&l->c, RTE_MIN(until, client_now(&l->c) + LOOK_NS));
}

static int open_streams(struct load *l)
{
	uint64_t until = client_now(&l->c) + CONNECT_NS;

	l->dgram = client_dgram_to(&l->c, be16(GUEST_DISCARD), CREDIT);
	for (uint32_t k = 0; k < l->n_streams; k++)
		l->streams[k] = client_connect_to(&l->c, be16(GUEST_DISCARD), CREDIT);
	while (l->n_open < l->n_streams) {
		serve(l, until);
		if (client_now(&l->c) >= until)
			return die("no connections to the server");
	}
	return l->dgram ? 0 : -1;
}

static int run(struct load *l)
{
	uint64_t next;

	if (open_streams(l))
		return -1;
	puts("loaded");
	fflush(stdout);
	if (lab_cpu_begin(&l->cpu, l->threads))
		return -1;
	next = client_now(&l->c);
	while (!ended) {
		uint64_t now = client_now(&l->c);

		if (now >= next) {
			one_period(l);
			next = RTE_MAX(next + l->period, now - BEHIND_MAX * l->period);
		}
		serve(l, next);
	}
	return 0;
}

static int report(const struct load *l)
{
	uint64_t acked = 0;

	for (uint32_t k = 0; k < l->n_streams; k++)
		acked += l->streams[k]->tx_acked;
	printf("{\"acked\": %lu, \"short\": %lu, \"dgrams\": %lu, \"conns\": %lu, \"failed\": %lu, "
	       "\"syns\": %lu, \"cpu\": {",
	       acked, l->short_bytes, l->dgrams_sent, l->conns_done, l->failed, l->flood.sent);
	if (lab_cpu_end(&l->cpu))
		return -1;
	puts("}}");
	return 0;
}

static int parse(int argc, char **argv, struct load *l, struct client_cfg *cfg)
{
	if ((argc != ARGS + 1 && argc != ARGS_FLOOD + 1) ||
	    inet_pton(AF_INET, argv[2], &cfg->addr) != 1 ||
	    inet_pton(AF_INET, argv[3], &cfg->server) != 1)
		return die("see the head of lab_load.c for its arguments");
	l->threads = argv[1];
	l->period = strtoull(argv[4], NULL, 10) * 1000;
	l->n_streams = (uint32_t)strtoul(argv[5], NULL, 10);
	l->bytes = (uint32_t)strtoul(argv[6], NULL, 10);
	l->n_dgrams = (uint32_t)strtoul(argv[7], NULL, 10);
	l->dgram_bytes = (uint32_t)strtoul(argv[8], NULL, 10);
	l->n_conns = (uint32_t)strtoul(argv[9], NULL, 10);
	if (argc > ARGS + 1) {
		l->flood.n = (uint32_t)strtoul(argv[10], NULL, 10);
		l->flood.port = be16((uint16_t)strtoul(argv[12], NULL, 10));
		if (inet_pton(AF_INET, argv[11], &l->flood.target) != 1)
			return die("no address to flood");
	}
	if (!l->period || l->n_streams > STREAMS_MAX || l->dgram_bytes > 1472)
		return die("a period, 16 streams and 1472 bytes in a datagram at most");
	return 0;
}

int main(int argc, char **argv)
{
	static struct load l;
	const struct sigaction sa = { .sa_handler = on_term };
	struct client_cfg cfg = {
		.n_addrs = 1, .conns_max = CONNS_MAX, .packets = PACKETS, .mtu = 1500
	};
	int used = rte_eal_init(argc, argv), status = EXIT_FAILURE;

	if (used < 0 || parse(argc - used, argv + used, &l, &cfg))
		return EXIT_FAILURE;
	sigaction(SIGTERM, &sa, NULL);
	if (!client_create(&l.c, &cfg)) {
		l.c.app = &app;
		l.c.app_ctx = &l;
		status = run(&l) || report(&l) ? EXIT_FAILURE : EXIT_SUCCESS;
	}
	client_destroy(&l.c);
	rte_eal_cleanup();
	return status;
}
