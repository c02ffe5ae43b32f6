/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Load for outsockd from one thread: a client machine (a stack of ours over DPDK port 0, memif) and
 * a simulated guest whose servers (echo, discard, chargen) live behind the daemon.
 *
 *	traffic EAL-OPTIONS -- --mode MODE --guest SOCKET --server ADDR [--client ADDR]
 *		[--conns N] [--inflight K] [--seconds S] [--repeat R] [--packets P]
 *
 * Modes: echo (64-byte requests), send, recv (streams to and from the guest), idle (connections
 * that do nothing), guest (no client of ours: serves until stdin ends). Prints one JSON object a
 * repeat.
 */
#include "client.h"
#include "guest_app.h"
#include "report.h"

#include "wire/byteorder.h"

#include <rte_cycles.h>
#include <rte_eal.h>

#include <arpa/inet.h>
#include <getopt.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#define WARM_UP_SECONDS 0.3
#define SETUP_SECONDS	100u
#define IDLE_TURNS	16u
#define IDLE_MS		100
#define PORTS_PER_ADDR	40000u /* of the ephemeral ones: enough are left to find a free one soon */

enum mode {
	MODE_ECHO,
	MODE_SEND,
	MODE_RECV,
	MODE_IDLE,
	MODE_GUEST,
	MODE_N,
};

static const char *const mode_names[MODE_N] = { "echo", "send", "recv", "idle", "guest" };
static const uint16_t mode_ports[MODE_N] = { GUEST_ECHO, GUEST_DISCARD, GUEST_CHARGEN, GUEST_ECHO,
					     GUEST_ECHO };

struct options {
	enum mode mode;
	const char *guest;
	struct in_addr client, server;
	uint32_t conns, inflight, repeat, packets;
	double seconds;
};

struct traffic {
	struct options o;
	struct client client;
	struct client_echo echo;
	struct client_bulk bulk;
	struct guest_app *guest;
	uint64_t hz;
};

static int die(const char *what)
{
	fprintf(stderr, "traffic: %s\n", what);
	return -1;
}

/* Both machines, once. */
static int turn(struct traffic *t)
{
	int err = guest_app_poll(t->guest);

	if (err < 0)
		return die("the guest lost its session");
	client_turn(&t->client);
	return t->echo.failed || t->bulk.failed ? die("a connection failed") : 0;
}

static int run_for(struct traffic *t, double seconds)
{
	uint64_t end = rte_rdtsc() + (uint64_t)(seconds * (double)t->hz);

	while (rte_rdtsc() < end)
		if (turn(t))
			return -1;
	return 0;
}

static bool all_open(const struct traffic *t)
{
	return t->o.mode == MODE_SEND || t->o.mode == MODE_RECV ? t->bulk.n_open == t->bulk.n
								: t->echo.n_open == t->echo.n;
}

static int open_connections(struct traffic *t)
{
	uint64_t end = rte_rdtsc() + SETUP_SECONDS * t->hz;

	while (!all_open(t)) {
		if (turn(t))
			return -1;
		if (rte_rdtsc() > end)
			return die("the connections take too long");
	}
	return 0;
}

/* ---- repeats ---- */

static int repeat_echo(struct traffic *t)
{
	uint64_t start = rte_rdtsc();
	double seconds;

	hist_clear(&t->echo.rtt);
	t->echo.done = 0;
	if (run_for(t, t->o.seconds))
		return -1;
	seconds = (double)(rte_rdtsc() - start) / (double)t->hz;
	printf("{\"hz\": %lu, \"rate\": %.1f, ", t->hz, (double)t->echo.done / seconds);
	report_hist("rtt_ns", &t->echo.rtt, t->hz);
	printf("}\n");
	return t->echo.done ? 0 : die("no reply");
}

static int repeat_bulk(struct traffic *t)
{
	uint64_t start = rte_rdtsc();
	double seconds;

	t->bulk.bytes = 0;
	if (run_for(t, t->o.seconds))
		return -1;
	seconds = (double)(rte_rdtsc() - start) / (double)t->hz;
	printf("{\"hz\": %lu, \"gbit\": %.4f, \"lost\": %lu}\n", t->hz,
	       (double)t->bulk.bytes * 8e-9 / seconds, t->client.tx_lost);
	return t->bulk.bytes ? 0 : die("no byte moved");
}

static int repeats(struct traffic *t)
{
	for (uint32_t k = 0; k < t->o.repeat; k++) {
		if (t->o.mode == MODE_ECHO ? repeat_echo(t) : repeat_bulk(t))
			return -1;
		fflush(stdout);
	}
	return 0;
}

/* Says so, and keeps the session alive until stdin ends. */
static int idle(struct traffic *t)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };

	printf("{\"open\": %u}\n", t->echo.n_open);
	fflush(stdout);
	while (poll(&in, 1, 0) == 0)
		if (turn(t))
			return -1;
	return 0;
}

/* Shares its CPU with a program: sleeps when it has found nothing for a while, as a guest would. */
static int serve_guest(struct traffic *t)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	unsigned int idle_turns = 0;

	puts("ready");
	fflush(stdout);
	for (;;) {
		int n = guest_app_poll(t->guest);

		if (n < 0)
			return die("the guest lost its session");
		idle_turns = n ? 0 : idle_turns + 1;
		if (idle_turns < IDLE_TURNS)
			continue;
		if (guest_app_sleep(t->guest, IDLE_MS) < 0)
			return die("the guest can not sleep");
		if (poll(&in, 1, 0) != 0)
			return 0;
		idle_turns = 0;
	}
}

/* ---- start ---- */

static int await_guest(struct traffic *t)
{
	uint64_t end = rte_rdtsc() + SETUP_SECONDS * t->hz;

	while (!guest_app_ready(t->guest)) {
		if (guest_app_poll(t->guest) < 0 || rte_rdtsc() > end)
			return die("the guest gets no session");
	}
	return 0;
}

static int open_client(struct traffic *t)
{
	struct client_cfg cfg = { .addr = t->o.client.s_addr,
				  .n_addrs = 1 + t->o.conns / PORTS_PER_ADDR,
				  .server = t->o.server.s_addr,
				  .server_port = be16(mode_ports[t->o.mode]),
				  .conns_max = t->o.conns + 16,
				  .packets = t->o.packets,
				  .mtu = 1500 };

	if (client_create(&t->client, &cfg))
		return -1;
	if (t->o.mode == MODE_SEND || t->o.mode == MODE_RECV)
		client_bulk_create(&t->bulk, &t->client, t->o.conns, t->o.mode == MODE_SEND);
	else if (client_echo_create(&t->echo, &t->client, t->o.conns,
				    t->o.mode == MODE_IDLE ? 0 : t->o.inflight))
		return die("out of memory");
	return open_connections(t);
}

static int run(struct traffic *t)
{
	t->hz = rte_get_tsc_hz();
	t->guest = guest_app_open(t->o.guest, GUEST_LARGE);
	if (!t->guest || await_guest(t))
		return -1;
	if (t->o.mode == MODE_GUEST)
		return serve_guest(t);
	if (open_client(t))
		return -1;
	if (t->o.mode == MODE_IDLE)
		return idle(t);
	return run_for(t, WARM_UP_SECONDS) ? -1 : repeats(t);
}

static enum mode parse_mode(const char *word)
{
	enum mode m = MODE_ECHO;

	while (m < MODE_N && strcmp(word, mode_names[m]))
		m++;
	return m;
}

static int parse_one(struct options *o, int c)
{
	switch (c) {
	case 'm':
		o->mode = parse_mode(optarg);
		return o->mode == MODE_N ? -1 : 0;
	case 'g':
		o->guest = optarg;
		return 0;
	case 'c':
		return inet_pton(AF_INET, optarg, &o->client) == 1 ? 0 : -1;
	case 's':
		return inet_pton(AF_INET, optarg, &o->server) == 1 ? 0 : -1;
	case 'n':
		o->conns = (uint32_t)strtoul(optarg, NULL, 10);
		return 0;
	case 'i':
		o->inflight = (uint32_t)strtoul(optarg, NULL, 10);
		return 0;
	case 'r':
		o->repeat = (uint32_t)strtoul(optarg, NULL, 10);
		return 0;
	case 'p':
		o->packets = (uint32_t)strtoul(optarg, NULL, 10);
		return 0;
	case 't':
		o->seconds = strtod(optarg, NULL);
		return 0;
	default:
		return -1;
	}
}

static int parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{ "mode", required_argument, NULL, 'm' },
		{ "guest", required_argument, NULL, 'g' },
		{ "client", required_argument, NULL, 'c' },
		{ "server", required_argument, NULL, 's' },
		{ "conns", required_argument, NULL, 'n' },
		{ "inflight", required_argument, NULL, 'i' },
		{ "repeat", required_argument, NULL, 'r' },
		{ "packets", required_argument, NULL, 'p' },
		{ "seconds", required_argument, NULL, 't' },
		{ 0 },
	};
	int c;

	*o = (struct options){
		.conns = 1, .inflight = 1, .repeat = 1, .packets = 16384, .seconds = 1
	};
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1)
		if (parse_one(o, c))
			return die("see the head of traffic.c for options");
	return o->guest ? 0 : die("--guest is missing");
}

int main(int argc, char **argv)
{
	struct traffic *t = calloc(1, sizeof(*t));
	int used = rte_eal_init(argc, argv), status = EXIT_FAILURE;

	if (!t || used < 0)
		goto out;
	optind = 1; /* rte_eal_init() has used getopt */
	if (!parse(argc - used, argv + used, &t->o))
		status = run(t) ? EXIT_FAILURE : EXIT_SUCCESS;
	client_destroy(&t->client);
	client_echo_destroy(&t->echo);
	guest_app_close(t->guest);
	rte_eal_cleanup();
out:
	free(t);
	return status;
}
