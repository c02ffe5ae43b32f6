/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/tcp_ooo.h"

#include <stddef.h>
#include <string.h>

/* The number of ranges that begin at or before @seq. From the end: new data comes last. */
static uint32_t ranges_before(const struct tcp_ooo *o, uint32_t seq)
{
	uint32_t i = o->n;

	while (i && seq_gt(o->r[i - 1].start, seq))
		i--;
	return i;
}

bool tcp_ooo_fit(const struct tcp_ooo *o, uint32_t seq, uint32_t len, struct tcp_ooo_fit *ret_fit)
{
	uint32_t i = ranges_before(o, seq);
	uint32_t start = seq, end = seq + len;
	bool joins;

	if (i)
		start = seq_max(start, o->r[i - 1].end);
	if (i < o->n)
		end = seq_min(end, o->r[i].start);
	*ret_fit = (struct tcp_ooo_fit){ .at = i };
	if (seq_geq(start, end))
		return true;
	ret_fit->skip = start - seq;
	ret_fit->len = end - start;
	joins = (i && o->r[i - 1].end == start) || (i < o->n && o->r[i].start == end);
	return joins || o->n < TCP_OOO_RANGES;
}

static void remove_range(struct tcp_ooo *o, uint32_t i)
{
	o->n--;
	memmove(&o->r[i], &o->r[i + 1], (o->n - i) * sizeof(o->r[0]));
}

static void insert_range(struct tcp_ooo *o, uint32_t i, const struct tcp_ooo_range *r)
{
	memmove(&o->r[i + 1], &o->r[i], (o->n - i) * sizeof(o->r[0]));
	o->n++;
	o->r[i] = *r;
}

void *tcp_ooo_prev(const struct tcp_ooo *o, uint32_t seq, const struct tcp_ooo_fit *fit)
{
	if (!fit->at || o->r[fit->at - 1].end != seq + fit->skip)
		return NULL;
	return o->r[fit->at - 1].tail;
}

/* @b follows @a without a gap. */
static void join(struct tcp_ooo_range *a, const struct tcp_ooo_range *b)
{
	a->tail = b->tail;
	a->end = b->end;
	a->items += b->items;
	a->cost += b->cost;
}

void tcp_ooo_put(struct tcp_ooo *o, uint32_t seq, const struct tcp_ooo_fit *fit, void *item,
		 uint32_t cost, void (*chain)(void *a, void *b))
{
	uint32_t i = fit->at, start = seq + fit->skip, end = start + fit->len;
	struct tcp_ooo_range new = { start, end, item, item, 1, cost };
	struct tcp_ooo_range *prev = i && o->r[i - 1].end == start ? &o->r[i - 1] : NULL;
	struct tcp_ooo_range *next = i < o->n && o->r[i].start == end ? &o->r[i] : NULL;

	o->cost += cost;
	if (next)
		chain(item, next->head);
	if (prev) {
		if (item != prev->tail)
			chain(prev->tail, item);
		else
			new.items = 0;
		join(prev, &new);
		if (next) {
			join(prev, next);
			remove_range(o, i);
		}
	} else if (next) {
		join(&new, next);
		*next = new;
	} else {
		insert_range(o, i, &new);
	}
}

bool tcp_ooo_pop(struct tcp_ooo *o, uint32_t nxt, struct tcp_ooo_range *ret_range)
{
	if (!o->n || seq_gt(o->r[0].start, nxt))
		return false;
	*ret_range = o->r[0];
	o->cost -= ret_range->cost;
	remove_range(o, 0);
	return true;
}

bool tcp_ooo_pop_last(struct tcp_ooo *o, struct tcp_ooo_range *ret_range)
{
	if (!o->n)
		return false;
	*ret_range = o->r[--o->n];
	o->cost -= ret_range->cost;
	return true;
}
