/* SPDX-License-Identifier: BSD-3-Clause */
#include "link/neigh.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Entries that the clock's hand looks at for one allocation. */
#define CLOCK_STEPS 16

int neigh_table_init(struct neigh_table *t, uint32_t n_max, uint32_t salt, uint64_t now)
{
	uint32_t n_buckets = rte_align32pow2(n_max + n_max / 2 + 1);

	memset(t, 0, sizeof(*t));
	t->entries = aligned_alloc(64, (size_t)n_max * sizeof(*t->entries));
	t->buckets = calloc(n_buckets, sizeof(*t->buckets));
	if (!t->entries || !t->buckets || !n_max) {
		neigh_table_fini(t);
		return -ENOMEM;
	}
	memset(t->entries, 0, (size_t)n_max * sizeof(*t->entries));
	t->n_max = n_max;
	t->bucket_mask = n_buckets - 1;
	t->salt = salt;
	wheel_init(&t->wheel, now);
	for (uint32_t i = n_max; i-- > 0;) {
		wheel_timer_init(&t->entries[i].timer);
		t->entries[i].next = t->free;
		t->free = &t->entries[i];
	}
	return 0;
}

void neigh_table_fini(struct neigh_table *t)
{
	for (uint32_t i = 0; i < t->n_max; i++)
		rte_pktmbuf_free_bulk(t->entries[i].pending.m, t->entries[i].pending.n);
	free(t->entries);
	free(t->buckets);
	memset(t, 0, sizeof(*t));
}

static struct neigh **bucket_of(const struct neigh_table *t, uint32_t addr)
{
	uint64_t h = (addr ^ t->salt) * 0x9e3779b97f4a7c15u;

	return &t->buckets[(uint32_t)(h >> 32) & t->bucket_mask];
}

struct neigh *neigh_find(const struct neigh_table *t, uint32_t addr)
{
	struct neigh *n = *bucket_of(t, addr);

	while (n && n->addr != addr)
		n = n->next;
	return n;
}

/* The next entry that was not used since the hand passed it last; bounded. */
static struct neigh *clock_victim(struct neigh_table *t)
{
	for (unsigned int i = 0; i < CLOCK_STEPS; i++) {
		struct neigh *n = &t->entries[t->hand];

		t->hand = (t->hand + 1) % t->n_max;
		if (n->state != NEIGH_FREE && !n->used)
			return n;
		n->used = 0;
	}
	return NULL;
}

struct neigh *neigh_add(struct neigh_table *t, uint32_t addr, bool evict,
			struct neigh_pkts *ret_lost)
{
	struct neigh **bucket = bucket_of(t, addr);
	struct neigh *n;

	ret_lost->n = 0;
	if (!t->free && evict) {
		n = clock_victim(t);
		if (n)
			neigh_del(t, n, ret_lost);
	}
	n = t->free;
	if (!n)
		return NULL;
	t->free = n->next;
	t->n_used++;
	n->addr = addr;
	n->state = NEIGH_INCOMPLETE;
	n->used = 0;
	n->tries = 0;
	n->asker = 0;
	n->next = *bucket;
	*bucket = n;
	return n;
}

void neigh_del(struct neigh_table *t, struct neigh *n, struct neigh_pkts *ret_lost)
{
	struct neigh **p = bucket_of(t, n->addr);

	while (*p != n)
		p = &(*p)->next;
	*p = n->next;
	wheel_disarm(&t->wheel, &n->timer);
	*ret_lost = neigh_take_pending(t, n);
	n->state = NEIGH_FREE;
	n->addr = 0;
	n->next = t->free;
	t->free = n;
	t->n_used--;
}

struct rte_mbuf *neigh_wait(struct neigh_table *t, struct neigh *n, struct rte_mbuf *m)
{
	struct neigh_pkts *q = &n->pending;
	struct rte_mbuf *oldest;

	if (q->n < NEIGH_PENDING && t->n_pending < NEIGH_PENDING_ALL) {
		q->m[q->n++] = m;
		t->n_pending++;
		return NULL;
	}
	if (!q->n)
		return m;
	oldest = q->m[0];
	memmove(&q->m[0], &q->m[1], (q->n - 1) * sizeof(q->m[0]));
	q->m[q->n - 1] = m;
	return oldest;
}

struct neigh_pkts neigh_take_pending(struct neigh_table *t, struct neigh *n)
{
	struct neigh_pkts q = n->pending;

	n->pending.n = 0;
	t->n_pending -= q.n;
	return q;
}
