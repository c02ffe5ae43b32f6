/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who is served, and how much, in one direction of a turn: the guests of an lcore share its budget
 * of messages and bytes. Pure bookkeeping, without clock or packets; every step is O(1), and those
 * who have nothing to do cost nothing.
 *
 * Higher priorities come first. Within one it is deficit round robin: each share that waits has a
 * quantum of messages and bytes a round, and at most one round a turn. The message that uses a
 * quantum up may overdraw it, and is paid for in the next round. Where the budget ends in the
 * middle of a quantum, the next turn goes on with its rest. Who has nothing left to do loses what
 * is left of its quantum.
 *
 * While more than one priority waits, one SHARE_FLOOR'th of each turn's budget is set aside: after
 * the others it goes to those who have waited longest, whatever their priority, and does not count
 * against their quantum. So with n shares that wait each one moves on at least every n turns.
 *
 *	share_turn()	the turn begins
 *	share_want()	for each that was found to have something to do
 *	while ((s = share_next(&grant)))
 *		share_used(s, what it used of the grant)
 */
#ifndef OUTSOCK_DATAPLANE_SHARE_H
#define OUTSOCK_DATAPLANE_SHARE_H

#include "base/list.h"

#include <stdbool.h>
#include <stdint.h>

#define SHARE_PRIORITIES 8
#define SHARE_FLOOR	 8

/* Used up when either is not positive; negative: overdrawn. */
struct share_amount {
	int32_t msgs, bytes;
};

static inline bool share_left(const struct share_amount *a)
{
	return a->msgs > 0 && a->bytes > 0;
}

/**
 * struct share - one guest's, in one direction
 * @link: in its priority's round, while it waits; the first one is next
 * @wait: among all that wait; the first one was served longest ago
 * @quantum: of a round; may be changed at any time
 * @deficit: what is left of it
 * @turn: the turn that served it last
 * @begun: its round was cut short by the end of a turn
 */
struct share {
	struct list link, wait;
	struct share_amount quantum, deficit;
	uint32_t turn;
	uint8_t priority;
	bool begun;
};

/**
 * struct share_set - all that wait
 * @waiting: a bit for each priority in which someone does
 * @todo: those of them that this turn has not been through
 * @left, @floor: of the turn's budget
 * @grant: what share_next() gave, and @in_floor: it came from the floor
 * @fresh: the turn has served nobody yet
 */
struct share_set {
	struct list rounds[SHARE_PRIORITIES];
	struct list wait;
	uint32_t turn;
	uint8_t waiting, todo;
	bool in_floor, fresh;
	struct share_amount left, floor, grant;
};

void share_set_init(struct share_set *set);
static inline void share_init(struct share *s, unsigned int priority)
{
	*s = (struct share){ 0 };
	s->priority = (uint8_t)(priority < SHARE_PRIORITIES ? priority : SHARE_PRIORITIES - 1);
	list_init(&s->link);
	list_init(&s->wait);
}

/* @s has something to do: it waits, if it did not. */
void share_want(struct share_set *set, struct share *s);
/* It waits no more; harmless if it did not. */
void share_leave(struct share_set *set, struct share *s);

/* A turn begins. */
void share_turn(struct share_set *set, const struct share_amount *budget);
/* Who is next, and how much it may do; NULL: the turn has served all it can. */
struct share *share_next(struct share_set *set, struct share_amount *ret_grant);
/*
 * What the share that share_next() gave used. Less than its grant of both: it has nothing left to
 * do, or can't do it now.
 */
void share_used(struct share_set *set, struct share *s, const struct share_amount *used);

static inline bool share_waiting(const struct share_set *set)
{
	return set->waiting;
}

#endif
