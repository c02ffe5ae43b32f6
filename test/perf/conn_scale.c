/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What does a packet cost the stack as the number of connections grows? One process, no port, no
 * guest: crafted clients (peer.h), the stack, an echoing consumer. Each turn gets a burst of
 * 64-byte requests of distinct connections in a new random order each round, and answers it.
 *
 *	conn_scale EAL-OPTIONS -- --conns N --active M --packets P --repeat R
 *
 * Prints one JSON object. Only measured_turn() is timed; callgrind counts it alone with
 * --collect-atstart=no --toggle-collect=measured_turn.
 */
#include "echo.h"
#include "peer.h"

#include "stack/stack.h"
#include "wire/byteorder.h"

#include <rte_cycles.h>
#include <rte_eal.h>

#include <getopt.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BURST	     32u
#define REQUEST	     64u
#define TURN_NS	     10000u /* the virtual clock's step */
#define SERVER_ADDR  0x0a000001u
#define GATEWAY_ADDR 0x0a000002u
#define PORT	     7
#define SPARE_PKTS   8192u
#define DATA_ROOM    256u

struct options {
	uint32_t conns, active, packets, repeat;
};

struct bench {
	struct stack *stack;
	struct link *link;
	struct echo echo;
	struct peer peer;
	struct rte_mbuf *out[4 * BURST];
	unsigned int n_out;
	uint64_t now, lost;
	uint32_t *order;
	struct rng rng;
	uint64_t *cycles; /* of each burst of a repeat */
};

/* ---- the port: keeps what the stack sends until the peer looks at it ---- */

static void port_tx(void *ctx, struct rte_mbuf *m)
{
	struct bench *b = ctx;

	if (b->n_out == RTE_DIM(b->out)) {
		b->lost++;
		rte_pktmbuf_free(m);
		return;
	}
	b->out[b->n_out++] = m;
}

static bool port_owns(void *ctx, uint32_t be)
{
	return be == be32(SERVER_ADDR);
}

static const struct link_ops port_ops = { .tx = port_tx, .owns = port_owns };

/* ---- turns ---- */

static inline __attribute__((always_inline)) void turn(struct bench *b, struct rte_mbuf **pkts,
						       unsigned int n)
{
	stack_turn(b->stack, b->now, 64);
	stack_rx(b->stack, b->link, pkts, n);
	echo_serve(&b->echo, 2 * BURST);
	stack_tx(b->stack, 2 * BURST);
	stack_free(b->stack, 4 * BURST);
}

static __attribute__((noinline)) void setup_turn(struct bench *b, struct rte_mbuf **pkts,
						 unsigned int n)
{
	turn(b, pkts, n);
}

/* External, so that callgrind finds it by name. */
void measured_turn(struct bench *b, struct rte_mbuf **pkts, unsigned int n);

__attribute__((noinline)) void measured_turn(struct bench *b, struct rte_mbuf **pkts,
					     unsigned int n)
{
	__asm__ volatile(""); /* or the compiler makes one function of the two */
	turn(b, pkts, n);
}

static void next_turn(struct bench *b)
{
	b->now += TURN_NS;
	b->peer.ts_now = (uint32_t)(b->now / NSEC_PER_MSEC);
}

/* The peer looks at what came: how many were of kind @want. *@ids: whose. */
static unsigned int collect(struct bench *b, enum peer_event want, uint32_t *ids)
{
	unsigned int n = 0;

	for (unsigned int k = 0; k < b->n_out; k++) {
		uint32_t i;

		if (peer_input(&b->peer, b->out[k], &i) == want && n < BURST)
			ids[n++] = i;
		rte_pktmbuf_free(b->out[k]);
	}
	b->n_out = 0;
	return n;
}

static int die(const char *what)
{
	fprintf(stderr, "conn_scale: %s\n", what);
	return -1;
}

/* Connections first to first + n - 1: SYN, SYN-ACK, ACK. */
static int connect_burst(struct bench *b, uint32_t first, unsigned int n)
{
	struct rte_mbuf *pkts[BURST];
	uint32_t ids[BURST];
	unsigned int got;

	next_turn(b);
	for (unsigned int k = 0; k < n; k++) {
		pkts[k] = peer_syn(&b->peer, first + k);
		if (!pkts[k])
			return die("out of packets");
	}
	setup_turn(b, pkts, n);
	got = collect(b, PEER_SYN_ACK, ids);
	if (got != n)
		return die("a SYN had no answer");
	for (unsigned int k = 0; k < n; k++)
		pkts[k] = peer_segment(&b->peer, ids[k], 0);
	setup_turn(b, pkts, n);
	collect(b, PEER_ACK, ids);
	return 0;
}

static int connect_all(struct bench *b, uint32_t n)
{
	for (uint32_t i = 0; i < n; i += BURST)
		if (connect_burst(b, i, RTE_MIN(BURST, n - i)))
			return -1;
	return b->echo.n_conns == n ? 0 : die("not all connections were accepted");
}

/* Active ones lie evenly among all of them. */
static void shuffle(struct bench *b, const struct options *o)
{
	for (uint32_t i = 0; i < o->active; i++)
		b->order[i] = (uint32_t)((uint64_t)i * o->conns / o->active);
	for (uint32_t i = o->active - 1; i > 0; i--) {
		uint32_t j = rng_below(&b->rng, i + 1), t = b->order[i];

		b->order[i] = b->order[j];
		b->order[j] = t;
	}
}

/* One burst of requests; cycles of the turn that served it, 0 on failure. */
static uint64_t request_burst(struct bench *b, const uint32_t *ids, bool measured)
{
	struct rte_mbuf *pkts[BURST];
	uint32_t answered[BURST];
	uint64_t start, cycles;

	next_turn(b);
	for (unsigned int k = 0; k < BURST; k++) {
		pkts[k] = peer_segment(&b->peer, ids[k], REQUEST);
		if (!pkts[k])
			return 0;
	}
	start = rte_rdtsc_precise();
	if (measured)
		measured_turn(b, pkts, BURST);
	else
		setup_turn(b, pkts, BURST);
	cycles = rte_rdtsc_precise() - start;
	return collect(b, PEER_DATA, answered) == BURST ? cycles : 0;
}

/* At least @packets requests in whole rounds over the active ones. Bursts made, 0: failure. */
static uint32_t run(struct bench *b, const struct options *o, uint32_t packets, bool measured)
{
	uint32_t n = 0;

	while (n * BURST < packets) {
		shuffle(b, o);
		for (uint32_t i = 0; i + BURST <= o->active && n * BURST < packets; i += BURST) {
			uint64_t c = request_burst(b, b->order + i, measured);

			if (!c)
				return 0;
			b->cycles[n++] = c;
		}
	}
	return n;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Median over the bursts of one repeat, nanoseconds a request: preemption does not move it. */
static double repeat_ns(struct bench *b, uint32_t n_bursts)
{
	qsort(b->cycles, n_bursts, sizeof(*b->cycles), compare);
	return (double)b->cycles[n_bursts / 2] * 1e9 / (double)rte_get_tsc_hz() / BURST;
}

/* ---- set-up ---- */

static uint64_t rss_bytes(void)
{
	unsigned long total = 0, resident = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (f && fscanf(f, "%lu %lu", &total, &resident) != 2)
		resident = 0;
	if (f)
		fclose(f);
	return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static int stack_setup(struct bench *b, const struct options *o)
{
	struct link_cfg link = { .ops = &port_ops,
				 .ctx = b,
				 .mac = { { 2, 0, 0, 0, 0, 1 } },
				 .mtu = 1500,
				 .neigh_max = 16 };
	struct ip_addr server = ip_addr_v4(be32(SERVER_ADDR)), any = ip_addr_v4(0);
	struct ip_addr gateway = ip_addr_v4(be32(GATEWAY_ADDR));
	struct stack_cfg cfg;

	stack_cfg_defaults(&cfg);
	cfg.pool = b->peer.pool;
	cfg.seed = 1;
	cfg.now = b->now;
	cfg.tcp_conns_max = o->conns + 16;
	b->stack = stack_create(&cfg);
	if (!b->stack)
		return die("stack_create");
	b->link = stack_link_add(b->stack, &link);
	if (!b->link)
		return die("stack_link_add");
	link_learn(b->link, gateway.w[3], &b->peer.mac);
	if (echo_listen(&b->echo, b->stack, be16(PORT), o->conns + 16))
		return die("echo_listen");
	if (ip_addr_add(stack_ip(b->stack), &server, 24, &b->echo.owner, b->link) ||
	    ip_route_add(stack_ip(b->stack), &any, 0, &gateway, b->link))
		return die("address or route");
	return 0;
}

static int setup(struct bench *b, const struct options *o)
{
	b->now = NSEC_PER_SEC;
	b->rng.state = 1;
	b->order = calloc(o->active, sizeof(*b->order));
	b->cycles = calloc(o->packets / BURST + o->active + 1, sizeof(*b->cycles));
	if (!b->order || !b->cycles || peer_init(&b->peer, o->conns))
		return die("out of memory");
	b->peer.server = be32(SERVER_ADDR);
	b->peer.port = be16(PORT);
	b->peer.mac = (struct eth_addr){ { 2, 0, 0, 0, 0, 2 } };
	b->peer.server_mac = (struct eth_addr){ { 2, 0, 0, 0, 0, 1 } };
	/* A reply stays in the stack until its connection's next request acknowledges it. */
	b->peer.pool = pkt_pool_create("perf", o->active + SPARE_PKTS, DATA_ROOM, SOCKET_ID_ANY);
	return b->peer.pool ? 0 : die("no memory for the packet pool");
}

static int measure(struct bench *b, const struct options *o)
{
	uint64_t rss = rss_bytes();
	struct mallinfo2 before = mallinfo2(), after;

	if (stack_setup(b, o) || connect_all(b, o->conns))
		return -1;
	after = mallinfo2();
	printf("{\"conns\": %u, \"active\": %u, \"rss_bytes\": %lld, \"heap_bytes\": %lld, ",
	       o->conns, o->active, (long long)(rss_bytes() - rss),
	       (long long)(after.uordblks + after.hblkhd - before.uordblks - before.hblkhd));
	if (!run(b, o, RTE_MAX(2 * o->active, 1024u), false))
		return die("a request of the warm-up was not answered");
	printf("\"ns_per_request\": [");
	for (uint32_t r = 0; r < o->repeat; r++) {
		uint32_t n = run(b, o, o->packets, true);

		if (!n)
			return die("a request was not answered");
		printf("%s%.2f", r ? ", " : "", repeat_ns(b, n));
	}
	printf("], \"odd\": %lu, \"lost\": %lu}\n", b->peer.odd, b->lost);
	return b->peer.odd || b->lost ? die("unexpected segments") : 0;
}

static int parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{ "conns", required_argument, NULL, 'c' },
		{ "active", required_argument, NULL, 'a' },
		{ "packets", required_argument, NULL, 'p' },
		{ "repeat", required_argument, NULL, 'r' },
		{ 0 },
	};
	int c;

	*o = (struct options){ .conns = 100, .active = 0, .packets = 100000, .repeat = 5 };
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		uint32_t *field = c == 'c' ? &o->conns
			: c == 'a'	   ? &o->active
			: c == 'p'	   ? &o->packets
			: c == 'r'	   ? &o->repeat
					   : NULL;

		if (!field)
			return die("see the head of conn_scale.c for options");
		*field = (uint32_t)strtoul(optarg, NULL, 10);
	}
	if (!o->active || o->active > o->conns)
		o->active = o->conns;
	return o->active >= BURST ? 0 : die("at least 32 active connections");
}

int main(int argc, char **argv)
{
	struct options o;
	struct bench *b;
	int used, status;

	used = rte_eal_init(argc, argv);
	if (used < 0)
		return EXIT_FAILURE;
	optind = 1; /* rte_eal_init() has used getopt */
	if (parse(argc - used, argv + used, &o))
		return EXIT_FAILURE;
	b = calloc(1, sizeof(*b));
	status = !b || setup(b, &o) || measure(b, &o) ? EXIT_FAILURE : EXIT_SUCCESS;
	if (b) {
		stack_destroy(b->stack);
		peer_fini(&b->peer);
		free(b->order);
		free(b->cycles);
	}
	free(b);
	rte_eal_cleanup();
	return status;
}
