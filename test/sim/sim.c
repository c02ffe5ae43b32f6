/* SPDX-License-Identifier: BSD-3-Clause */
/* The two hosts, the wire and the clock. */
#include "sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOUR	  (3600 * NSEC_PER_SEC)
#define MAX_STEPS 20000000u

void sim_fail(struct sim *sim, const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fprintf(stderr, "FAIL after %.3f s%s: ", (double)(sim->now - sim->start) / NSEC_PER_SEC,
		sim->clocks->ahead[0] ? ", wrapping" : "");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\n  again, with every frame: sim%s -v %s %s %lu\n",
		sim->moving ? " -m" : "", sim->imp->name, sim->sc->name, sim->seed);
	exit(1);
}

/* The first SYN that the host which sends in direction @dir puts on the wire. */
static void note_iss(struct sim *sim, int dir, const struct seg *s)
{
	struct clocks *c = sim->clocks;

	if (!(s->flags & 2) || c->iss_known[!dir])
		return;
	c->iss_known[!dir] = true;
	c->iss[!dir] = s->seq;
}

static void trace(void *ctx, int dir, const char *what, const uint8_t *data, uint32_t len)
{
	struct sim *sim = ctx;
	struct frame f;
	struct seg s;
	char flags[9];
	bool tcp = !frame_parse(data, len, &f) && !seg_parse(&f, &s);

	if (tcp)
		note_iss(sim, dir, &s);
	if (!sim->verbose)
		return;
	printf("%12.3f ms %s %-7s ", (double)(sim->now - sim->start) / NSEC_PER_MSEC,
	       dir == SERVER ? "C > S" : "S > C", what);
	if (!tcp) {
		printf("%u bytes\n", len);
		return;
	}
	printf("%u>%u %s seq %u(%u) ack %u win %u", s.sport, s.dport,
	       seg_flags_name(s.flags, flags), s.seq, s.len, s.ack, s.win);
	for (unsigned int i = 0; i < s.opts.n_sack; i++)
		printf(" sack %u:%u", s.opts.sack[i][0], s.opts.sack[i][1]);
	printf("\n");
}

static void add_host(struct sim *sim, enum sim_side side, const char *name)
{
	struct host_cfg cfg;

	host_cfg_defaults(&cfg);
	cfg.name = name;
	cfg.addr = side == CLIENT ? 0x0a4d0001 : 0x0a4d000b;
	cfg.mac[5] = side == CLIENT ? 1 : 11;
	cfg.stack.seed = sim->seed * 2 + side;
	cfg.free = 8;
	cfg.stack.snd_win = 256 * 1024;
	cfg.stack.secret[0] = side;
	sim->now = cfg.stack.now;
	cfg.stack.now += sim->clocks->ahead[side];
	cfg.out = vwire_send;
	cfg.ctx = &sim->wire.dir[!side];
	host_init(&sim->host[side], &cfg);
	vwire_attach(&sim->wire, side, &sim->host[side]);
}

static void init(struct sim *sim)
{
	sim->rng.state = ~sim->seed;
	sim->conns = calloc(sim->sc->conns, sizeof(*sim->conns));
	if (!sim->conns)
		abort();
	vwire_init(&sim->wire, &sim->imp->wire, sim->seed, 0);
	sim->wire.trace = trace;
	sim->wire.ctx = sim;
	add_host(sim, CLIENT, "client");
	add_host(sim, SERVER, "server");
	sim->start = sim->next_ms = sim->now;
	sim_listen(sim);
	if (sim->moving)
		mover_init(sim);
}

static void start_conns(struct sim *sim)
{
	sim->n_done = 0;
	for (uint32_t i = 0; i < sim->n_started; i++)
		sim->n_done += sim->conns[i].app[CLIENT].done && sim->conns[i].app[SERVER].done;
	while (sim->n_started < sim->sc->conns && sim->n_started - sim->n_done < sim->sc->at_once)
		app_connect(sim, &sim->conns[sim->n_started++]);
}

static uint64_t next_event(const struct sim *sim, bool with_ms)
{
	uint64_t next = vwire_next(&sim->wire);

	for (int i = 0; i < 2; i++) {
		uint64_t at = stack_next(sim->host[i].stack);

		if (at != UINT64_MAX)
			next = RTE_MIN(next, at - sim->clocks->ahead[i]);
	}
	if (with_ms)
		next = RTE_MIN(next, sim->next_ms);
	if (sim->moving)
		next = RTE_MIN(next, mover_next(sim));
	return next;
}

/* One turn of both hosts at the next time at which anything happens. */
static void step(struct sim *sim, bool apps)
{
	/* A stack that says "now" again and again must not stop the clock. */
	sim->now = RTE_MAX(next_event(sim, apps), sim->now + 1000);
	sim->wire.now = sim->now;
	for (int i = 0; i < 2; i++) {
		sim->host[i].now = sim->now + sim->clocks->ahead[i];
		stack_turn(sim->host[i].stack, sim->host[i].now, 256);
	}
	if (sim->moving) {
		stack_turn(sim->mover.twin.stack, sim->host[SERVER].now, 256);
		mover_step(sim);
	}
	vwire_deliver(&sim->wire, sim->now);
	if (apps && sim->now >= sim->next_ms) {
		sim->next_ms = sim->now + NSEC_PER_MSEC;
		apps_millisecond(sim);
	}
	for (int i = 0; i < 2; i++) {
		if (i == CLIENT || !mover_frozen(sim))
			apps_turn(sim, i);
		host_tx(&sim->host[i]);
	}
	if (sim->moving)
		host_tx(&sim->mover.twin);
}

static void describe_app(const struct app *a, uint32_t i, const char *side)
{
	fprintf(stderr, "  connection %u, %s: sent %lu, got %lu%s%s%s, events %#x\n", i, side,
		a->sent, a->got, a->fin_sent ? ", FIN sent" : "",
		a->peer_closed ? ", peer closed" : "", a->closing ? ", closing" : "",
		a->s ? a->s->events : 0);
}

static void describe_stuck(struct sim *sim)
{
	for (uint32_t i = 0; i < sim->n_started; i++)
		for (int side = 0; side < 2; side++)
			if (!sim->conns[i].app[side].done)
				describe_app(&sim->conns[i].app[side], i,
					     side == SERVER ? "server" : "client");
}

/* Over: nothing is left in the stacks but the listener, and after TIME-WAIT no packet. */
static void check_end(struct sim *sim)
{
	uint64_t until = sim->now + 300 * NSEC_PER_SEC;

	while (sim->now < until && next_event(sim, false) < until)
		step(sim, false);
	for (int i = 0; i < 2; i++) {
		const struct sock_owner *o = &sim->host[i].owner;
		unsigned int leaked;

		if (o->n_socks != (i == SERVER))
			sim_fail(sim, "host %d still has %u sockets", i, o->n_socks);
		if (o->n_pkts)
			sim_fail(sim, "host %d still counts %u packets", i, o->n_pkts);
		if (!list_empty(&sim->host[i].lane.ready))
			sim_fail(sim, "host %d has a ready socket", i);
		leaked = i == SERVER && sim->moving ? host_fini(&sim->mover.twin) : 0;
		leaked += host_fini(&sim->host[i]);
		if (leaked)
			sim_fail(sim, "host %d: %u packets were not freed", i, leaked);
	}
}

static void run_once(struct sim *sim)
{
	uint64_t frames;
	uint32_t steps = 0;

	init(sim);
	for (start_conns(sim); sim->n_done < sim->sc->conns; start_conns(sim)) {
		step(sim, true);
		if (sim->now - sim->start > HOUR || ++steps > MAX_STEPS) {
			describe_stuck(sim);
			sim_fail(sim, "it does not come to an end");
		}
	}
	frames = sim->wire.sent;
	printf("ok %-8s %-12s seed %-3lu %9.3f s, %7lu frames%s", sim->imp->name, sim->sc->name,
	       sim->seed, (double)(sim->now - sim->start) / NSEC_PER_SEC, frames,
	       sim->clocks->ahead[0] ? ", wrapping" : "");
	if (sim->moving)
		printf(", %u moves", sim->mover.n);
	printf("\n");
	check_end(sim);
	vwire_fini(&sim->wire);
	free(sim->conns);
}

void sim_run(const struct scenario *sc, const struct impairment *imp, uint64_t seed, bool verbose,
	     bool moving)
{
	struct clocks clocks = { 0 };
	const struct sim sim = {
		.sc = sc,
		.imp = imp,
		.seed = seed,
		.clocks = &clocks,
		.verbose = verbose,
		.moving = moving,
	};
	struct sim first = sim, second = sim;

	run_once(&first);
	for (int i = 0; i < 2; i++) {
		uint32_t before_wrap = (uint32_t)(seed * 0x9e3779b9u) >> 17; /* up to 32 KB */

		/* The ISN counts 4 microseconds. */
		clocks.ahead[i] = (uint64_t)(uint32_t) - (clocks.iss[i] + before_wrap) * 4000;
	}
	run_once(&second);
}
