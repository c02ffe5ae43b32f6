/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/wheel.h"

#include <stdbool.h>
#include <string.h>

/*
 * A timer that fires d ticks from now lies on the level L with 64^L <= d < 64^(L+1), in the slot
 * of its tick's L-th digit to base 64. Its slot is opened at the first tick of the slot's block:
 * on level 0 that is the tick itself, above it the timers move to lower levels. All slots of a
 * level lie 1 to 64 blocks ahead, so a rotated bit map tells the next one in use.
 */
#define SLOT_MASK (WHEEL_SLOTS - 1)
#define MAX_TICKS ((1ull << (WHEEL_LEVELS * WHEEL_SLOT_BITS)) - 1)

void wheel_init(struct wheel *w, uint64_t now)
{
	for (unsigned int l = 0; l < WHEEL_LEVELS; l++) {
		for (unsigned int s = 0; s < WHEEL_SLOTS; s++)
			list_init(&w->slots[l][s]);
		w->busy[l] = 0;
	}
	list_init(&w->due);
	w->tick = now >> WHEEL_TICK_SHIFT;
	w->n_armed = 0;
}

void wheel_timer_init(struct wheel_timer *t)
{
	list_init(&t->link);
	t->tick = 0;
}

static unsigned int level_shift(unsigned int level)
{
	return level * WHEEL_SLOT_BITS;
}

/* Puts @t where it belongs when the time is @tick. */
static void place(struct wheel *w, struct wheel_timer *t, uint64_t tick)
{
	uint64_t ahead = t->tick - tick;
	unsigned int level, slot;

	if (!ahead) {
		list_add_tail(&w->due, &t->link);
		return;
	}
	level = (63u - (unsigned int)__builtin_clzll(ahead)) / WHEEL_SLOT_BITS;
	slot = (t->tick >> level_shift(level)) & SLOT_MASK;
	list_add_tail(&w->slots[level][slot], &t->link);
	w->busy[level] |= 1ull << slot;
}

/* Takes @t off its list; when that was a slot which is empty now, its bit goes. */
static void unlink_timer(struct wheel *w, struct wheel_timer *t)
{
	struct list *head = t->link.next;
	size_t i = (size_t)(head - &w->slots[0][0]);

	if (head == t->link.prev && i < WHEEL_LEVELS * WHEEL_SLOTS)
		w->busy[i / WHEEL_SLOTS] &= ~(1ull << (i & SLOT_MASK));
	list_del(&t->link);
}

void wheel_arm(struct wheel *w, struct wheel_timer *t, uint64_t deadline)
{
	uint64_t tick =
		(deadline >> WHEEL_TICK_SHIFT) + !!(deadline & ((1u << WHEEL_TICK_SHIFT) - 1));

	if (tick <= w->tick)
		tick = w->tick + 1;
	else if (tick - w->tick > MAX_TICKS)
		tick = w->tick + MAX_TICKS;
	if (wheel_armed(t)) {
		if (t->tick == tick)
			return;
		unlink_timer(w, t);
	} else {
		w->n_armed++;
	}
	t->tick = tick;
	place(w, t, w->tick);
}

void wheel_disarm(struct wheel *w, struct wheel_timer *t)
{
	if (!wheel_armed(t))
		return;
	unlink_timer(w, t);
	w->n_armed--;
}

/* The first tick after w->tick at which a slot opens, UINT64_MAX: none. */
static uint64_t next_open(const struct wheel *w)
{
	uint64_t first = UINT64_MAX;

	for (unsigned int l = 0; l < WHEEL_LEVELS; l++) {
		uint64_t block = (w->tick >> level_shift(l)) + 1;
		unsigned int r = block & SLOT_MASK;
		uint64_t bits = w->busy[l];
		uint64_t open;

		if (!bits)
			continue;
		bits = bits >> r | bits << ((64 - r) & 63);
		open = (block + (unsigned int)__builtin_ctzll(bits)) << level_shift(l);
		if (open < first)
			first = open;
	}
	return first;
}

/* Moves the timers of one slot down; false when @budget ends before the slot does. */
static bool cascade(struct wheel *w, unsigned int level, uint64_t tick, unsigned int *budget)
{
	unsigned int slot = (tick >> level_shift(level)) & SLOT_MASK;
	struct list *head = &w->slots[level][slot];

	while (!list_empty(head)) {
		struct wheel_timer *t = container_of(list_first(head), struct wheel_timer, link);

		if (!*budget)
			return false;
		--*budget;
		list_del(&t->link);
		place(w, t, tick);
	}
	w->busy[level] &= ~(1ull << slot);
	return true;
}

/* Opens all slots whose block begins at @tick, from the coarsest level on. */
static bool open_tick(struct wheel *w, uint64_t tick, unsigned int *budget)
{
	unsigned int slot = tick & SLOT_MASK;

	for (unsigned int l = WHEEL_LEVELS - 1; l > 0; l--) {
		bool begins = !(tick & ((1ull << level_shift(l)) - 1));

		if (begins && !cascade(w, l, tick, budget))
			return false;
	}
	list_splice_tail(&w->due, &w->slots[0][slot]);
	w->busy[0] &= ~(1ull << slot);
	return true;
}

void wheel_advance(struct wheel *w, uint64_t now, unsigned int budget)
{
	uint64_t target = now >> WHEEL_TICK_SHIFT;

	while (w->tick < target) {
		uint64_t tick = next_open(w);

		if (tick > target) {
			w->tick = target;
			return;
		}
		/* An unfinished tick is begun again by the next call, see wheel.h. */
		w->tick = tick - 1;
		if (!budget)
			return;
		budget--;
		if (!open_tick(w, tick, &budget))
			return;
		w->tick = tick;
	}
}

struct wheel_timer *wheel_expired(struct wheel *w)
{
	struct wheel_timer *t;

	if (list_empty(&w->due))
		return NULL;
	t = container_of(list_first(&w->due), struct wheel_timer, link);
	list_del(&t->link);
	w->n_armed--;
	return t;
}

uint64_t wheel_next(const struct wheel *w)
{
	uint64_t tick;

	if (!list_empty(&w->due))
		return w->tick << WHEEL_TICK_SHIFT;
	tick = next_open(w);
	return tick == UINT64_MAX ? UINT64_MAX : tick << WHEEL_TICK_SHIFT;
}
