/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The server has two stacks, and all it has goes from one to the other again and again, in small
 * pieces between which time and frames move on. Some of the moves are called off half-way.
 */
#include "sim.h"

#include <string.h>

#define EARLY  200 /* moves that follow each other closely */
#define BUDGET 16

enum phase { IDLE, RESERVE, LEAVE, ARRIVE, RELEASE, HELD, CLEAN, CANCEL, CANCELLED };

static struct host *server(struct sim *sim)
{
	return &sim->host[SERVER];
}

static struct ip_addr address(const struct sim *sim)
{
	return ip_addr_v4(rte_cpu_to_be_32(sim->host[SERVER].cfg.addr));
}

static struct ip *ip_of(const struct host *h)
{
	return stack_ip(h->stack);
}

/* ---- the wire between the two: to the one that gets the server's frames ---- */

struct end {
	struct sim *sim;
	struct stack *stack;
};

static struct end ends[2];

static bool wire_owns(void *ctx, const struct ip_addr *dst)
{
	const struct end *e = ctx;
	const struct ip_addr a = address(e->sim);

	return e->stack != e->sim->host[SERVER].stack && ip_addr_eq(dst, &a);
}

static void wire_tx(void *ctx, const struct ip_addr *dst, struct rte_mbuf *m)
{
	ip_wire_rx(ip_of(server(((struct end *)ctx)->sim)), &m, 1);
}

static const struct ip_wire wire = { .owns = wire_owns, .tx = wire_tx };

/* ---- the steps ---- */

static void swap_stacks(struct sim *sim)
{
	struct host *h = server(sim), *twin = &sim->mover.twin;
	struct host was = *h;

	h->stack = twin->stack;
	h->link = twin->link;
	h->pool = twin->pool;
	twin->stack = was.stack;
	twin->link = was.link;
	twin->pool = was.pool;
}

static void on_arrived(void *ctx, struct sock *s)
{
	struct sim *sim = ctx;

	if (s->cookie)
		((struct app *)s->cookie)->s = s;
	if (s->state == SOCK_LISTENING)
		sim->listener = s;
}

/* Frames for the server come to the new stack, which holds them. */
static void begin(struct sim *sim)
{
	struct mover *mv = &sim->mover;
	const struct ip_addr a = address(sim);
	int rc = ip_addr_add(ip_of(&mv->twin), &a, 24, &server(sim)->owner, mv->twin.link);

	if (rc)
		sim_fail(sim, "the address is not free on the other stack: %s", strerror(-rc));
	ip_addr_rx_set(ip_of(&mv->twin), &a, IP_RX_HELD);
	ip_addr_rx_set(ip_of(server(sim)), &a, IP_RX_WIRE);
	mv->m = (struct sock_move){
		.owner = &server(sim)->owner,
		.from = server(sim)->stack,
		.to = mv->twin.stack,
		.arrived = on_arrived,
		.ctx = sim,
	};
	sock_move_init(&mv->m);
	swap_stacks(sim);
	mv->n++;
	mv->call_off = mv->n % 5 == 0 ? 1 + rng_below(&mv->rng, 40) : 0;
	mv->phase = RESERVE;
}

/* From here on the server is served on the new stack. */
static void adopt(struct sim *sim)
{
	sim->mover.phase = HELD;
}

static void release_held(struct sim *sim)
{
	const struct ip_addr a = address(sim);

	if (ip_held_rx(ip_of(server(sim)), BUDGET))
		return;
	ip_addr_rx_set(ip_of(server(sim)), &a, IP_RX_HERE);
	sim->mover.phase = CLEAN;
}

static void clean(struct sim *sim)
{
	struct mover *mv = &sim->mover;
	const struct ip_addr a = address(sim);

	if (sock_move_clean(&mv->m, BUDGET))
		return;
	ip_addr_del(ip_of(&mv->twin), &a);
	mv->phase = IDLE;
}

/* It stays where it was: what the other stack has held comes back. */
static void cancelled(struct sim *sim)
{
	struct mover *mv = &sim->mover;
	const struct ip_addr a = address(sim);

	if (sock_move_release(&mv->m, BUDGET))
		return;
	swap_stacks(sim);
	ip_addr_rx_set(ip_of(server(sim)), &a, IP_RX_HERE);
	ip_addr_rx_set(ip_of(&mv->twin), &a, IP_RX_WIRE);
	while (ip_held_rx(ip_of(&mv->twin), BUDGET))
		;
	ip_addr_del(ip_of(&mv->twin), &a);
	mv->phase = IDLE;
}

static void next_phase(struct sim *sim, int rc, enum phase next)
{
	if (rc < 0 && rc != -ENOBUFS)
		sim_fail(sim, "move: %s", strerror(-rc));
	if (!rc)
		sim->mover.phase = next;
}

static void piece(struct sim *sim)
{
	struct mover *mv = &sim->mover;
	unsigned int budget = 1 + rng_below(&mv->rng, BUDGET);

	if (mv->call_off && mv->phase <= LEAVE && --mv->call_off == 0)
		mv->phase = CANCEL;
	switch (mv->phase) {
	case RESERVE:
		next_phase(sim, sock_move_reserve(&mv->m, budget), LEAVE);
		break;
	case LEAVE:
		next_phase(sim, sock_move_leave(&mv->m, budget), ARRIVE);
		break;
	case ARRIVE:
		next_phase(sim, sock_move_arrive(&mv->m, budget), RELEASE);
		break;
	case RELEASE:
		if (!sock_move_release(&mv->m, budget))
			adopt(sim);
		break;
	case HELD:
		release_held(sim);
		break;
	case CLEAN:
		clean(sim);
		break;
	case CANCEL:
		next_phase(sim, sock_move_cancel(&mv->m, budget), CANCELLED);
		break;
	case CANCELLED:
		cancelled(sim);
		break;
	}
}

/* ---- for sim.c ---- */

void mover_init(struct sim *sim)
{
	struct mover *mv = &sim->mover;
	const struct ip_addr a = address(sim);
	struct host_cfg cfg = sim->host[SERVER].cfg;

	cfg.name = "twin";
	host_init(&mv->twin, &cfg);
	ip_addr_del(ip_of(&mv->twin), &a);
	mv->rng.state = sim->seed * 77;
	mv->next = sim->now;
	ends[0] = (struct end){ sim, server(sim)->stack };
	ends[1] = (struct end){ sim, mv->twin.stack };
	ip_wire_set(ip_of(server(sim)), &wire, &ends[0]);
	ip_wire_set(ip_of(&mv->twin), &wire, &ends[1]);
}

bool mover_frozen(const struct sim *sim)
{
	int phase = sim->mover.phase;

	return sim->moving && phase != IDLE && phase != HELD && phase != CLEAN;
}

uint64_t mover_next(const struct sim *sim)
{
	const struct mover *mv = &sim->mover;
	uint64_t next = stack_next(mv->twin.stack);

	if (next != UINT64_MAX)
		next -= sim->clocks->ahead[SERVER];
	if (mv->phase != IDLE)
		return sim->now + 20000;
	return sim->n_done < sim->sc->conns ? RTE_MIN(next, mv->next) : next;
}

void mover_step(struct sim *sim)
{
	struct mover *mv = &sim->mover;

	if (mv->phase != IDLE)
		piece(sim);
	else if (sim->now >= mv->next && sim->n_done < sim->sc->conns)
		begin(sim);
	else
		return;
	if (mv->phase == IDLE)
		mv->next = sim->now +
			rng_below(&mv->rng, mv->n < EARLY ? NSEC_PER_MSEC : 500 * NSEC_PER_MSEC);
}
