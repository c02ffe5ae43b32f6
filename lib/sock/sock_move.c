/* SPDX-License-Identifier: BSD-3-Clause */
#include "sock/sock_move.h"

#include "sock/sock_bin.h"

#define COST 4u /* of a socket, as packets */

struct side {
	const struct sock_transport *tp;
	void *ctx;
};

static struct side side_of(struct stack *stack, unsigned int kind)
{
	const struct sock_types *t = stack_sock_types(stack);

	return kind ? (struct side){ t->dgram, t->dgram_ctx }
		    : (struct side){ t->stream, t->stream_ctx };
}

static unsigned int kind_of(const struct sock *s)
{
	return s->type == SOCK_DGRAM_T;
}

static struct sock *first(struct list *l)
{
	return container_of(list_first(l), struct sock, owner_link);
}

static void put(struct list *to, struct sock *s)
{
	list_del(&s->owner_link);
	list_add_tail(to, &s->owner_link);
}

void sock_move_init(struct sock_move *m)
{
	list_init(&m->spare[0]);
	list_init(&m->spare[1]);
	list_init(&m->left);
	list_init(&m->ghosts);
	list_init(&m->empty);
	list_init(&m->ghosts_empty);
	m->n_spare[0] = m->n_spare[1] = 0;
	m->now = NULL;
	m->at = NULL;
	m->ghosts_at = 0;
}

int sock_move_reserve(struct sock_move *m, unsigned int budget)
{
	const struct sock_owner *o = m->owner;
	const uint32_t need[2] = { o->n_socks - o->n_dgrams, o->n_dgrams };

	for (unsigned int kind = 0; kind < 2; kind++) {
		struct side to = side_of(m->to, kind);

		while (m->n_spare[kind] < need[kind]) {
			struct sock *s = budget ? to.tp->create(to.ctx) : NULL;

			if (!budget)
				return 1;
			if (!s)
				return -ENOBUFS;
			budget--;
			put(&m->spare[kind], s);
			m->n_spare[kind]++;
		}
	}
	return 0;
}

/* TIME-WAIT and the like, which have no owner any more but his addresses. */
static int ghosts_leave(struct sock_move *m, unsigned int budget)
{
	struct side from = side_of(m->from, 0);

	return from.tp->ghosts_leave(from.ctx, m->owner, &m->ghosts, &m->ghosts_at, budget);
}

/* All sockets have left. What they have thrown away is freed here: it is this stack's. */
static int rest_leaves(struct sock_move *m, unsigned int budget)
{
	budget -= sock_bin_free(m->owner, budget);
	return budget ? ghosts_leave(m, budget) : 1;
}

int sock_move_leave(struct sock_move *m, unsigned int budget)
{
	while (budget) {
		int rc;

		if (!m->now) {
			if (list_empty(&m->owner->socks))
				return rest_leaves(m, budget);
			m->now = first(&m->owner->socks);
			m->at = NULL;
			put(&m->left, m->now);
			budget -= RTE_MIN(budget, COST);
		}
		rc = m->now->tp->leave(m->now, &m->at, &budget);
		if (rc)
			return rc;
		m->now = NULL;
	}
	return 1;
}

/* The next of those that have left, as it was but for its packets; the old one is as a new one. */
static void arrive_begin(struct sock_move *m)
{
	struct sock *from = first(&m->left);
	unsigned int kind = kind_of(from);
	struct sock *s = first(&m->spare[kind]);

	m->n_spare[kind]--;
	list_del(&s->owner_link);
	s->tp->arrive_begin(s, from);
	list_init(&s->owner_link);
	list_add_tail(&m->owner->socks, &s->owner_link);
	list_replace(&from->ready_link, &s->ready_link);
	if (s->tx_refused)
		list_replace(&from->refused_link, &s->refused_link);
	s->rxq = (struct pkt_queue){ 0 };
	/* Children arrive after their listener. */
	if (s->parent)
		s->parent = s->parent->moved_to;
	m->now = s;
}

static int ghosts_arrive(struct sock_move *m, unsigned int budget)
{
	struct side to = side_of(m->to, 0);

	return to.tp->ghosts_arrive(to.ctx, m->owner, &m->ghosts, &m->ghosts_empty, budget);
}

/* Copies in packets of this stack, which nobody else waits for. */
static bool rxq_arrive(struct sock *s, struct sock *from, struct env *env, unsigned int *budget)
{
	struct rte_mbuf *m;

	while (*budget && (m = pkt_queue_pop(&from->rxq))) {
		pkt_queue_push(&s->rxq, sock_pkt_arrive(s, env, m));
		--*budget;
	}
	return !from->rxq.head;
}

void sock_init_moved(struct sock *s)
{
	s->state = SOCK_NEW;
	s->id = OUTSOCK_ID_NONE;
	s->events = 0;
	s->closing = 0;
	s->tx_refused = 0;
	s->close_later = 0;
	s->owner = NULL;
	s->lane = NULL;
	s->parent = NULL;
	s->tx_pkts = 0;
	s->rxq = (struct pkt_queue){ 0 };
}

struct rte_mbuf *sock_pkt_arrive(struct sock *s, struct env *env, struct rte_mbuf *m)
{
	struct rte_mbuf *c = pkt_copy(env, m);

	/* Without a packet to be had it keeps the old one, until that is done with. */
	if (!c)
		return m;
	sock_pkts_sub(s, m->nb_segs);
	sock_pkts_add(s, c->nb_segs);
	rte_pktmbuf_free(m);
	return c;
}

int sock_move_arrive(struct sock_move *m, unsigned int budget)
{
	m->owner->stack = m->to; /* timers of those that have arrived run there */
	while (budget) {
		struct sock *from;

		if (!m->now) {
			if (list_empty(&m->left))
				return ghosts_arrive(m, budget);
			arrive_begin(m);
			budget -= RTE_MIN(budget, COST);
		}
		from = first(&m->left);
		if (!rxq_arrive(m->now, from, stack_sock_types(m->to)->env, &budget) ||
		    !m->now->tp->arrive(m->now, from, &budget))
			return 1;
		/* As tp->create() made it, but where it has gone. */
		from->moved_to = m->now;
		put(&m->empty, from);
		m->arrived(m->ctx, m->now);
		m->now = NULL;
	}
	return 1;
}

static int free_all(struct list *l, unsigned int budget)
{
	for (; budget && !list_empty(l); budget--) {
		struct sock *s = first(l);

		list_del(&s->owner_link);
		sock_free(s);
	}
	return !list_empty(l);
}

int sock_move_clean(struct sock_move *m, unsigned int budget)
{
	struct side from = side_of(m->from, 0);

	return free_all(&m->empty, budget) ||
		from.tp->ghosts_free(from.ctx, &m->ghosts_empty, budget);
}

int sock_move_cancel(struct sock_move *m, unsigned int budget)
{
	struct side from = side_of(m->from, 0);

	m->now = NULL;
	/* From the last one on: their order is that in which they were made. */
	for (; !list_empty(&m->left); budget--) {
		struct sock *s = container_of(m->left.prev, struct sock, owner_link);

		if (!budget)
			return 1;
		list_del(&s->owner_link);
		list_add_head(&m->owner->socks, &s->owner_link);
		s->tp->stay(s);
	}
	return from.tp->ghosts_stay(from.ctx, m->owner, &m->ghosts, budget);
}

int sock_move_release(struct sock_move *m, unsigned int budget)
{
	return free_all(&m->spare[0], budget) || free_all(&m->spare[1], budget);
}
