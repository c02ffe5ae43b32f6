/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An lcore's guests in its turn. A look at each tells who has something to do; who is served then,
 * and how much, is share.h. What is done for many is done for some of them in each turn.
 */
#include "lcore/lcore_priv.h"

#include <rte_cycles.h>

#include "lcore/rt_forbidden.h"

#define SNAPS_A_TURN 2 /* copies of a guest's statistics */

static struct guest_seat *seat_of(struct list *l)
{
	return container_of(l, struct guest_seat, link);
}

void lcore_touch(struct lcore *lc, struct guest_seat *seat)
{
	lc->unpublished = true;
	if (!list_empty(&seat->touched))
		return;
	list_add_tail(&lc->touched[seat->tx.priority], &seat->touched);
	lc->touched_any |= 1u << seat->tx.priority;
}

/* Sessions that are over, time-outs: in turn, as they were found. */
static unsigned int look_after(struct lcore *lc)
{
	unsigned int n = 0;

	while (n < lc->budget[BUDGET_upkeep] && !list_empty(&lc->upkeep)) {
		struct guest_seat *seat =
			container_of(list_first(&lc->upkeep), struct guest_seat, upkeep);

		list_del(&seat->upkeep);
		guest_upkeep(seat->guest, lc->now);
		n++;
	}
	/* Those who stay sleepless by this say so themselves: guest_next(). */
	return !list_empty(&lc->upkeep);
}

static void look_at(struct lcore *lc, struct guest_seat *seat)
{
	unsigned int what = guest_look(seat->guest, lc->now);

	if (unlikely(seat->fresh)) {
		seat->fresh = false;
		lcore_touch(lc, seat);
	}
	if (what & GUEST_LOOK_TX) {
		share_want(&lc->guests_tx, &seat->tx);
		if (seat->armed)
			guest_disarm_kicks(seat->guest);
	}
	if (what & GUEST_LOOK_RX)
		share_want(&lc->guests_rx, &seat->rx);
	if (unlikely(what & GUEST_LOOK_UPKEEP) && list_empty(&seat->upkeep))
		list_add_tail(&lc->upkeep, &seat->upkeep);
}

void lcore_guests_woken(struct lcore *lc)
{
	const struct share_amount budget = { (int32_t)lc->budget[BUDGET_messages],
					     (int32_t)lc->budget[BUDGET_bytes] };

	lc->marks[0] = lc->marks[1] = rte_rdtsc();
	lc->top = NULL;
	lc->top_cost = 0;
	share_turn(&lc->guests_tx, &budget);
	share_turn(&lc->guests_rx, &budget);
	while (!list_empty(&lc->woken))
		look_at(lc, guest_woken(&lc->woken));
}

unsigned int lcore_guests_look(struct lcore *lc)
{
	if (unlikely(lc->mem_faults != __atomic_load_n(&guest_mem_faults, __ATOMIC_ACQUIRE))) {
		lc->mem_faults = __atomic_load_n(&guest_mem_faults, __ATOMIC_ACQUIRE);
		lc->look_all = true;
	}
	list_for_each(l, &lc->guests)
		if (guest_glance(seat_of(l), lc->now) || unlikely(lc->look_all))
			look_at(lc, seat_of(l));
	lc->look_all = false;
	return list_empty(&lc->upkeep) ? 0 : look_after(lc);
}

#define AWAKE_TURNS 64

void lcore_guests_calm(struct lcore *lc)
{
	struct guest_seat *seat;

	if (++lc->awake <= AWAKE_TURNS)
		return;
	lc->calmed = lc->calmed + 1 < LCORE_SEATS ? lc->calmed + 1 : 0;
	seat = lc->seats[lc->calmed];
	if (seat && seat->armed)
		guest_disarm_kicks(seat->guest);
}

/* A message costs about as much as so many bytes of it. */
#define MSG_COST 1024

static void remember_top(struct lcore *lc, struct guest_seat *seat, const struct share_amount *used)
{
	int64_t cost = (int64_t)used->msgs * MSG_COST + used->bytes;

	if (cost > lc->top_cost) {
		lc->top_cost = cost;
		lc->top = seat;
	}
}

unsigned int lcore_guests_tx(struct lcore *lc)
{
	struct share_amount grant, used;
	struct share *s;
	unsigned int n = 0;

	if (!share_waiting(&lc->guests_tx))
		return 0;
	while ((s = share_next(&lc->guests_tx, &grant))) {
		struct guest_seat *seat = container_of(s, struct guest_seat, tx);

		used = guest_tx(seat->guest, &grant, lc->now);
		share_used(&lc->guests_tx, s, &used);
		remember_top(lc, seat, &used);
		lcore_touch(lc, seat);
		/* Replies, most likely. */
		if (guest_look(seat->guest, lc->now) & GUEST_LOOK_RX)
			share_want(&lc->guests_rx, &seat->rx);
		n += (unsigned int)used.msgs;
	}
	if (n)
		lcore_count(&lc->stats, LCORE_guest_tx_msgs, n);
	return n;
}

unsigned int lcore_guests_rx(struct lcore *lc)
{
	struct share_amount grant, used;
	struct share *s;
	unsigned int n = 0;

	if (!share_waiting(&lc->guests_rx))
		return 0;
	while ((s = share_next(&lc->guests_rx, &grant))) {
		struct guest_seat *seat = container_of(s, struct guest_seat, rx);

		used = guest_rx(seat->guest, &grant, lc->now);
		share_used(&lc->guests_rx, s, &used);
		remember_top(lc, seat, &used);
		lcore_touch(lc, seat);
		n += (unsigned int)used.msgs;
	}
	if (n)
		lcore_count(&lc->stats, LCORE_guest_rx_msgs, n);
	return n;
}

void lcore_guests_publish(struct lcore *lc)
{
	uint32_t any = lc->touched_any;

	if (!lc->unpublished)
		return;
	lc->unpublished = false;
	while (any) {
		struct list *touched = lcore_touched_next(lc, &any);

		list_for_each(l, touched)
			guest_publish(container_of(l, struct guest_seat, touched)->guest);
	}
	lcore_measure_rx(lc);
}

/* Those of one priority; returns what is left of @budget. */
static unsigned int notify(struct lcore *lc, struct list *touched, unsigned int budget)
{
	while (budget && !list_empty(touched)) {
		struct guest_seat *seat =
			container_of(list_first(touched), struct guest_seat, touched);
		unsigned int n = guest_notify(seat->guest);

		list_del(&seat->touched);
		budget -= RTE_MIN(budget, n);
		if (n)
			lcore_count(&lc->stats, LCORE_notifies, n);
	}
	return budget;
}

unsigned int lcore_notify(struct lcore *lc)
{
	unsigned int budget = lc->budget[BUDGET_notify];
	uint32_t any = lc->touched_any;

	if (!any)
		return 0;

	while (any) {
		struct list *touched = lcore_touched_next(lc, &any);

		budget = notify(lc, touched, budget);
		if (list_empty(touched))
			lc->touched_any &= ~(1u << (touched - lc->touched));
	}
	return lc->touched_any != 0;
}

void lcore_guests_snap_on(struct lcore *lc)
{
	for (unsigned int i = 0; i < SNAPS_A_TURN && lc->n_snaps; i++, lc->n_snaps--) {
		struct list *l = list_first(&lc->snaps);

		guest_snapshot(container_of(l, struct guest_seat, snap)->guest);
		list_del(l);
		list_add_tail(&lc->snaps, l);
	}
}

/* For other threads to read: now and then under load, once more when all is done. */
void lcore_guests_snap(struct lcore *lc)
{
	lc->n_snaps = lc->n_guests;
	lc->snap_tsc = lc->tsc;
	lc->snap_due = false;
	lcore_guests_snap_on(lc);
}
