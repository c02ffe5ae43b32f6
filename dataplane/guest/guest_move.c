/* SPDX-License-Identifier: BSD-3-Clause */
#include "guest/guest_move.h"

#include "guest/guest_private.h"
#include "guest/guest_vhost.h"
#include "lcore/lcore.h"
#include "stack/stack.h"

#include <time.h>

/* Packets and the like that one call of an lcore works on: its other guests wait for so long. */
#define BUDGET	   128u
#define BUDGET_RT  32u
#define TRIES	   2000 /* of a step that has to wait for something, */
#define TRIES_NSEC 1000000
#define HELD_CALLS 256 /* pieces of what was held, before the rest follows in any order */

static const struct guest_home *home_of(const struct guest_move *m)
{
	return m->g->cfg.lcore == m->to.lcore ? &m->to : &m->from;
}

/* One call of @lcore for @fn, with a budget of its class. */
static void call(struct guest_move *m, struct lcore *lcore, void (*fn)(void *arg))
{
	m->budget = lcore_class(lcore) == LCORE_RT ? BUDGET_RT : BUDGET;
	lcore_call(lcore, fn, m);
}

/* A step of the sockets' move until there is no more of it to do. */
static int all_of(struct guest_move *m, struct lcore *lcore, void (*fn)(void *arg))
{
	const struct timespec pause = { .tv_nsec = TRIES_NSEC };
	unsigned int tries = 0;

	do {
		call(m, lcore, fn);
		if (m->err == -EAGAIN)
			nanosleep(&pause, NULL);
	} while (m->err == 1 || (m->err == -EAGAIN && ++tries < TRIES));
	return m->err;
}

/* ---- addresses ---- */

static int addrs_in(struct guest_move *m, struct ip *ip)
{
	const struct guest_cfg *cfg = &m->g->cfg;

	for (unsigned int i = 0; i < cfg->n_addrs; i++) {
		const struct guest_addr *a = &cfg->addrs[i];
		int rc = ip_addr_add(ip, &a->addr, a->prefix_len, &m->g->owner, m->to.link);

		if (rc) {
			while (i--)
				ip_addr_del(ip, &cfg->addrs[i].addr);
			return rc;
		}
		ip_addr_rx_set(ip, &a->addr, IP_RX_HELD);
	}
	return 0;
}

static void addrs_out(const struct guest_move *m, struct ip *ip)
{
	for (unsigned int i = 0; i < m->g->cfg.n_addrs; i++)
		ip_addr_del(ip, &m->g->cfg.addrs[i].addr);
}

static void addrs_rx(const struct guest_move *m, struct ip *ip, enum ip_addr_rx rx)
{
	for (unsigned int i = 0; i < m->g->cfg.n_addrs; i++)
		ip_addr_rx_set(ip, &m->g->cfg.addrs[i].addr, rx);
}

static struct ip *ip_of(const struct guest_home *home)
{
	return stack_ip(lcore_stack(home->lcore));
}

/* ---- on the lcores ---- */

static void take_addrs(void *arg)
{
	struct guest_move *m = arg;

	m->err = addrs_in(m, ip_of(&m->to));
}

/* Old lcore: the guest is not served, its rings rest. What comes for it goes where it goes. */
static void freeze(void *arg)
{
	struct guest_move *m = arg;
	struct guest *g = m->g;

	m->err = g->reaping ? -EAGAIN : g->owner.n_pkts > m->to.max_pkts ? -EDQUOT : 0;
	if (m->err)
		return;
	lcore_guest_del(m->from.lcore, g);
	addrs_rx(m, ip_of(&m->from), IP_RX_WIRE);
}

static void thaw(void *arg)
{
	struct guest_move *m = arg;

	addrs_rx(m, ip_of(&m->from), IP_RX_HERE);
	lcore_guest_add(m->from.lcore, m->g);
}

static void reserve(void *arg)
{
	struct guest_move *m = arg;

	m->err = sock_move_reserve(&m->socks, m->budget);
}

static void release(void *arg)
{
	struct guest_move *m = arg;

	m->err = sock_move_release(&m->socks, m->budget);
}

static void leave(void *arg)
{
	struct guest_move *m = arg;

	m->err = sock_move_leave(&m->socks, m->budget);
	if (m->err == -ENOBUFS)
		m->err = -EAGAIN;
}

static void cancel(void *arg)
{
	struct guest_move *m = arg;

	m->err = sock_move_cancel(&m->socks, m->budget);
}

static void arrive(void *arg)
{
	struct guest_move *m = arg;

	m->err = sock_move_arrive(&m->socks, m->budget);
}

static void clean(void *arg)
{
	struct guest_move *m = arg;

	m->err = sock_move_clean(&m->socks, m->budget);
	if (!m->err)
		addrs_out(m, ip_of(&m->from));
}

/* The socket is in another object from now on: those who know it by its id find that. */
static void arrived(void *ctx, struct sock *s)
{
	struct guest_move *m = ctx;

	guest_ids_moved(&m->g->ids, s);
}

/* New lcore: it serves the guest. */
static void adopt(void *arg)
{
	struct guest_move *m = arg;
	struct guest *g = m->g;

	g->cfg.lcore = m->to.lcore;
	g->cfg.link = m->to.link;
	g->cfg.rt = m->to.rt;
	g->cfg.max_pkts = m->to.max_pkts;
	g->stack = lcore_stack(m->to.lcore);
	g->env = stack_env(g->stack);
	sock_owner_quota(&g->owner, m->to.max_pkts);
	if (g->grace_until != GUEST_NO_TIME)
		guest_silence(g, true);
	lcore_guest_add(m->to.lcore, g);
	guest_snapshot(g);
}

/* The new lcore has the guest or not: what it held is received, or goes back. */
static void give_held(void *arg)
{
	struct guest_move *m = arg;
	struct ip *ip = ip_of(&m->to);

	if (home_of(m) == &m->from)
		addrs_rx(m, ip, IP_RX_WIRE);
	m->more = ip_held_rx(ip, m->budget);
	if (!m->more && home_of(m) == &m->to)
		addrs_rx(m, ip, IP_RX_HERE);
}

static void open_up(void *arg)
{
	struct guest_move *m = arg;

	if (home_of(m) == &m->to)
		addrs_rx(m, ip_of(&m->to), IP_RX_HERE);
	else
		addrs_out(m, ip_of(&m->to));
}

/* ---- the control thread ---- */

int guest_move_begin(struct guest_move *m, struct guest *g, const struct guest_home *to)
{
	int err;

	*m = (struct guest_move){
		.g = g,
		.from = { g->cfg.lcore, g->cfg.link, g->cfg.rt, g->cfg.max_pkts },
		.to = *to,
		.socks = {
			.owner = &g->owner,
			.from = lcore_stack(g->cfg.lcore),
			.to = lcore_stack(to->lcore),
			.arrived = arrived,
		},
	};
	m->socks.ctx = m;
	sock_move_init(&m->socks);
	guest_vhost_lock(g, to->rt && !g->cfg.rt);
	err = guest_vhost_kicks_to(g, to->lcore);
	if (!err) {
		call(m, to->lcore, take_addrs);
		err = m->err;
		if (err)
			guest_vhost_kicks_off(g, to->lcore);
	}
	if (err)
		guest_vhost_unlock(g);
	return err;
}

/* The rings rest: all or nothing. */
static int move_socks(struct guest_move *m)
{
	int err = all_of(m, m->to.lcore, reserve);

	if (!err)
		err = all_of(m, m->from.lcore, leave);
	if (err) {
		all_of(m, m->from.lcore, cancel);
		all_of(m, m->to.lcore, release);
		return err == -EAGAIN ? -ENOBUFS : err;
	}
	all_of(m, m->to.lcore, arrive);
	all_of(m, m->to.lcore, release);
	return 0;
}

int guest_move_run(struct guest_move *m)
{
	int err = all_of(m, m->from.lcore, freeze);

	if (err)
		return err == -EAGAIN ? -EBUSY : err;
	err = move_socks(m);
	if (err)
		call(m, m->from.lcore, thaw);
	else
		call(m, m->to.lcore, adopt);
	return err;
}

void guest_move_end(struct guest_move *m)
{
	unsigned int calls = 0;

	do
		call(m, m->to.lcore, give_held);
	while (m->more && ++calls < HELD_CALLS);
	call(m, m->to.lcore, open_up);
	while (m->more)
		call(m, m->to.lcore, give_held);
	if (home_of(m) == &m->to)
		all_of(m, m->from.lcore, clean);
	guest_vhost_kicks_off(m->g, home_of(m) == &m->to ? m->from.lcore : m->to.lcore);
	guest_vhost_unlock(m->g);
}
