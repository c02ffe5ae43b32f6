/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A hierarchical timing wheel: arming, disarming and each tick are O(1) at any number of timers
 * (Varghese and Lauck, 1987). Time is in nanoseconds of the caller's clock; a tick is about a
 * millisecond (2^20 ns). A timer never fires early; it fires up to one tick late.
 */
#ifndef OUTSOCK_BASE_WHEEL_H
#define OUTSOCK_BASE_WHEEL_H

#include "base/list.h"

#include <stdint.h>

#define WHEEL_TICK_SHIFT 20
#define WHEEL_SLOT_BITS	 6
#define WHEEL_SLOTS	 (1u << WHEEL_SLOT_BITS)
#define WHEEL_LEVELS	 5 /* 2^30 ticks, 13 days; later deadlines are cut to that */

struct wheel_timer {
	struct list link;
	uint64_t tick; /* at which it fires */
};

struct wheel {
	struct list slots[WHEEL_LEVELS][WHEEL_SLOTS];
	struct list due;	     /* fired, not yet handed out */
	uint64_t busy[WHEEL_LEVELS]; /* bit per slot: not empty */
	uint64_t tick;		     /* all ticks up to here are done */
	uint32_t n_armed;
};

void wheel_init(struct wheel *w, uint64_t now);
void wheel_timer_init(struct wheel_timer *t);

static inline bool wheel_armed(const struct wheel_timer *t)
{
	return !list_empty(&t->link);
}

/* Arms @t for @deadline (ns), also when it is armed already. */
void wheel_arm(struct wheel *w, struct wheel_timer *t, uint64_t deadline);
void wheel_disarm(struct wheel *w, struct wheel_timer *t);

/* Would wheel_advance() or wheel_expired() do anything at @now? */
static inline bool wheel_due(const struct wheel *w, uint64_t now)
{
	return now >> WHEEL_TICK_SHIFT > w->tick || !list_empty(&w->due);
}

/* Moves time on; bounded by the slots passed, and cascades at most @budget timers per call. */
void wheel_advance(struct wheel *w, uint64_t now, unsigned int budget);

/* The next timer that is due, disarmed, or NULL. Call until NULL or until the budget is spent. */
struct wheel_timer *wheel_expired(struct wheel *w);

/* A time (ns) at or before the next firing, UINT64_MAX with nothing armed. */
uint64_t wheel_next(const struct wheel *w);

#endif
