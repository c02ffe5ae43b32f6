/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A connection goes to another stack (sock_ops.h): the whole of its state, at any time, so that its
 * peer sees a pause and no more. Two things stay behind, which are the peer's or the path's to give
 * again: text beyond a gap, which it was never told of, and the route.
 */
#include "tcp/tcp_conn.h"

#define BUCKETS_PER_UNIT 8u /* of the table, that cost as much as a packet */

/* Off everything that leads to it. What it was part of is still in its fields. */
static void detach(struct tcp_conn *c)
{
	struct tcp *tcp = c->tcp;

	tcp_timer_leave(c);
	list_del(&c->tx_link);
	if (c->flags & TCPC_HASHED)
		tcp_table_remove(&tcp->table, c->hash, pool_index(&tcp->conns, c));
	if (c->flags & TCPC_HOLD)
		port_hold_leave(tcp->ports, &c->hold);
	else
		port_bind_leave(tcp->ports, &c->bind);
}

int tcp_leave(struct sock *s, void **at, unsigned int *budget)
{
	struct tcp_conn *c = tcp_conn(s);

	if (!*at) {
		detach(c);
		tcp_ooo_free(c);
	}
	return tcp_txq_leave(c, at, budget);
}

/* A listener is among those with something to send only to let go of its children. */
static bool may_send(const struct tcp_conn *c)
{
	return c->state > TCPS_LISTEN || (c->state == TCPS_LISTEN && c->s.closing);
}

void tcp_stay(struct sock *s)
{
	struct tcp_conn *c = tcp_conn(s);

	if (c->flags & TCPC_HASHED)
		tcp_hash_insert(c);
	if (c->flags & TCPC_HOLD)
		port_hold_arrive(c->tcp->ports, &c->hold, s->owner, &s->local.addr, s->local.port);
	else
		port_bind_arrive(c->tcp->ports, &c->bind);
	tcp_timer_arrive(c);
	tcp_txq_stay(c);
	/* What is due, a delayed ACK for one, is found there. */
	if (may_send(c))
		tcp_sched(c);
}

void tcp_arrive_begin(struct sock *s, struct sock *from)
{
	struct tcp_conn *c = tcp_conn(s), *old = tcp_conn(from);
	struct tcp *tcp = c->tcp;

	*c = *old;
	c->tcp = tcp;
	c->txq = (struct tcp_txq){ 0 };
	list_init(&c->tx_link);
	wheel_timer_init(&c->timer);
	/* The listener's list of children, or a child's place on it. */
	list_replace(&old->kids, &c->kids);
	c->flow.gen = 0;
	c->flow.link = NULL;
	c->flow.neigh = NULL;
}

/* As tcp_conn_new() made it. */
static void forget(struct tcp_conn *c)
{
	sock_init_moved(&c->s);
	c->state = TCPS_CLOSED;
	c->flags = 0;
	c->timer_mode = TCP_TM_NONE;
	list_init(&c->bind.link);
	c->bind.port = 0;
}

bool tcp_arrive(struct sock *s, struct sock *from, unsigned int *budget)
{
	if (!tcp_txq_arrive(tcp_conn(s), tcp_conn(from), budget))
		return false;
	forget(tcp_conn(from));
	tcp_stay(s);
	return true;
}

/* ---- what nobody owns ---- */

/* Is the entry of the table one of the owner's addresses, and nobody's socket? Then it leaves. */
static bool ghost_leave(struct tcp *tcp, uint32_t value, const struct sock_owner *o,
			struct list *ghosts)
{
	struct tcp_tw *tw;

	if (value >= tcp->cfg.conns_max) {
		tw = tcp_tw_at(tcp, value);
	} else {
		struct tcp_conn *c = pool_at(&tcp->conns, value);

		if (!(c->flags & TCPC_DETACHED) || ip_addr_owner(tcp->ip, &c->s.local.addr) != o)
			return false;
		tw = tcp_tw_detached(c);
	}
	if (ip_addr_owner(tcp->ip, &tw->local.addr) != o)
		return false;
	tcp_tw_leave(tcp, tw, ghosts);
	return true;
}

int tcp_ghosts_leave(void *ctx, struct sock_owner *o, struct list *ghosts, uint32_t *at,
		     unsigned int budget)
{
	struct tcp *tcp = ctx;
	uint32_t left = budget * BUCKETS_PER_UNIT;

	for (; *at <= tcp->table.mask && left; ++*at, left--) {
		const struct tcp_bucket *b = &tcp->table.buckets[*at];

		for (unsigned int i = 0; i < TCP_TABLE_SLOTS; i++)
			if (b->value[i] != TCP_TABLE_NONE &&
			    ghost_leave(tcp, b->value[i], o, ghosts))
				left -= RTE_MIN(left - 1, BUCKETS_PER_UNIT);
	}
	return *at <= tcp->table.mask;
}

static struct tcp_tw *first(struct list *l)
{
	struct tcp_tw *tw = container_of(list_first(l), struct tcp_tw, link);

	list_del(&tw->link);
	return tw;
}

int tcp_ghosts_stay(void *ctx, struct sock_owner *o, struct list *ghosts, unsigned int budget)
{
	for (; budget && !list_empty(ghosts); budget--)
		tcp_tw_stay(ctx, first(ghosts), o);
	return !list_empty(ghosts);
}

int tcp_ghosts_arrive(void *ctx, struct sock_owner *o, struct list *ghosts, struct list *empty,
		      unsigned int budget)
{
	for (; budget && !list_empty(ghosts); budget--) {
		struct tcp_tw *tw = first(ghosts);

		tcp_tw_arrive(ctx, tw, o);
		list_add_tail(empty, &tw->link);
	}
	return !list_empty(ghosts);
}

int tcp_ghosts_free(void *ctx, struct list *empty, unsigned int budget)
{
	struct tcp *tcp = ctx;

	for (; budget && !list_empty(empty); budget--)
		pool_put(&tcp->tws, first(empty));
	return !list_empty(empty);
}
