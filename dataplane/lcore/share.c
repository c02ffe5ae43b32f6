/* SPDX-License-Identifier: BSD-3-Clause */
#include "lcore/share.h"

#include <rte_common.h>

#include "lcore/rt_forbidden.h"

static inline uint8_t bit(unsigned int priority)
{
	return (uint8_t)(1u << priority);
}

static void add(struct share_amount *a, const struct share_amount *b)
{
	a->msgs += b->msgs;
	a->bytes += b->bytes;
}

static void sub(struct share_amount *a, const struct share_amount *b)
{
	a->msgs -= b->msgs;
	a->bytes -= b->bytes;
}

static struct share_amount least(const struct share_amount *a, const struct share_amount *b)
{
	return (struct share_amount){ RTE_MIN(a->msgs, b->msgs), RTE_MIN(a->bytes, b->bytes) };
}

void share_set_init(struct share_set *set)
{
	*set = (struct share_set){ 0 };
	list_init(&set->wait);
	for (unsigned int i = 0; i < SHARE_PRIORITIES; i++)
		list_init(&set->rounds[i]);
}

void share_want(struct share_set *set, struct share *s)
{
	if (!list_empty(&s->wait))
		return;
	s->turn = set->turn - 1;
	list_add_tail(&set->wait, &s->wait);
	list_add_tail(&set->rounds[s->priority], &s->link);
	set->waiting |= bit(s->priority);
	set->todo |= bit(s->priority);
}

void share_leave(struct share_set *set, struct share *s)
{
	list_del(&s->link);
	list_del(&s->wait);
	s->deficit = (struct share_amount){ 0 };
	s->begun = false;
	if (list_empty(&set->rounds[s->priority]))
		set->waiting &= (uint8_t)~bit(s->priority);
}

void share_turn(struct share_set *set, const struct share_amount *budget)
{
	set->turn++;
	set->todo = set->waiting;
	set->left = *budget;
	set->floor = (struct share_amount){ 0 };
	set->fresh = true;
}

/* Now that all who wait are known: does anybody need a floor? */
static void set_floor_aside(struct share_set *set)
{
	set->fresh = false;
	if (!(set->waiting & (set->waiting - 1)))
		return;
	set->floor.msgs = RTE_MAX(set->left.msgs / SHARE_FLOOR, 1);
	set->floor.bytes = RTE_MAX(set->left.bytes / SHARE_FLOOR, 1);
	sub(&set->left, &set->floor);
}

/* Behind the others of its priority; the next time is a new round. */
static void end_round(struct share_set *set, struct share *s)
{
	s->begun = false;
	list_del(&s->link);
	list_add_tail(&set->rounds[s->priority], &s->link);
}

static void served(struct share_set *set, struct share *s)
{
	s->turn = set->turn;
	list_del(&s->wait);
	list_add_tail(&set->wait, &s->wait);
}

/* May it be served now? One that is still in debt has had its round. */
static bool begin_round(struct share_set *set, struct share *s)
{
	if (s->begun)
		return true;
	add(&s->deficit, &s->quantum);
	s->begun = true;
	if (share_left(&s->deficit))
		return true;
	s->turn = set->turn;
	end_round(set, s);
	return false;
}

/* The first of the highest priority that this turn has not served. */
static struct share *next_in_rounds(struct share_set *set)
{
	while (set->todo) {
		unsigned int priority = 31u - (unsigned int)__builtin_clz(set->todo);
		struct list *round = &set->rounds[priority];
		struct share *s = container_of(list_first(round), struct share, link);

		if (list_empty(round) || s->turn == set->turn)
			set->todo &= (uint8_t)~bit(priority);
		else if (begin_round(set, s))
			return s;
	}
	return NULL;
}

/* Who was served longest ago, if that is not this turn. */
static struct share *next_in_floor(struct share_set *set)
{
	struct share *s = container_of(list_first(&set->wait), struct share, wait);

	return list_empty(&set->wait) || s->turn == set->turn ? NULL : s;
}

struct share *share_next(struct share_set *set, struct share_amount *ret_grant)
{
	struct share *s;

	if (set->fresh)
		set_floor_aside(set);
	s = share_left(&set->left) ? next_in_rounds(set) : NULL;
	set->in_floor = !s;
	if (s)
		set->grant = least(&s->deficit, &set->left);
	else if (share_left(&set->floor) && (s = next_in_floor(set)))
		set->grant = least(&s->quantum, &set->floor);
	*ret_grant = set->grant;
	return s;
}

void share_used(struct share_set *set, struct share *s, const struct share_amount *used)
{
	struct share_amount *from = set->in_floor ? &set->floor : &set->left;
	struct share_amount grant = set->grant;

	sub(from, used);
	sub(&grant, used);
	if (share_left(&grant)) {
		share_leave(set, s);
		return;
	}
	served(set, s);
	if (set->in_floor)
		return;
	sub(&s->deficit, used);
	if (!share_left(&s->deficit))
		end_round(set, s);
}
