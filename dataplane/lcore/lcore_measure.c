/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is measured always: how long messages stay here, how long turns are, and what the slow ones
 * did. A burst has one look at the clock, and so have publishing and sending; packets of one burst
 * are counted together.
 */
#include "lcore/lcore_priv.h"

#include <rte_cycles.h>
#include <string.h>

#include "lcore/rt_forbidden.h"

void lcore_stamp(struct rte_mbuf **pkts, unsigned int n)
{
	uint32_t when = stamp_of(rte_rdtsc());

	for (unsigned int i = 0; i < n; i++)
		pkt_stamp_set(pkts[i], when);
}

void lcore_measure_rx(struct lcore *lc)
{
	uint32_t any = lc->touched_any;

	lc->marks[1] = rte_rdtsc();
	lc->clock.now = stamp_of(lc->marks[1]);
	while (any) {
		struct list *touched = lcore_touched_next(lc, &any);

		list_for_each(l, touched)
			guest_measure_rx(container_of(l, struct guest_seat, touched)->guest,
					 &lc->clock);
	}
}

static void leave(struct lcore *lc, uint64_t stamp, uint32_t n)
{
	uint32_t number = (uint32_t)(stamp >> 32);
	struct guest_seat *seat = number < LCORE_SEATS ? lc->seats[number] : NULL;

	if (seat && n)
		guest_measure_tx(seat->guest, &lc->clock, (uint32_t)stamp, n);
}

/* Each is measured once: what TCP sends again is no measure of ours. */
void lcore_measure_tx(struct port_if *pi)
{
	struct lcore *lc = pi->lc;
	uint64_t run = 0, stamp;
	uint32_t n = 0;

	lc->clock.now = stamp_of(rte_rdtsc());
	for (uint32_t i = 0; i < pi->n; i++) {
		stamp = pkt_stamp(pi->pkts[i]);
		if (!stamp)
			continue;
		pkt_stamp_set(pi->pkts[i], 0);
		if (stamp != run) {
			leave(lc, run, n);
			run = stamp;
			n = 0;
		}
		n++;
	}
	leave(lc, run, n);
}

void lcore_seat_take(struct lcore *lc, struct guest_seat *seat)
{
	for (uint32_t i = 1; i < LCORE_SEATS; i++) {
		if (!lc->seats[i]) {
			lc->seats[i] = seat;
			seat->number = i;
			return;
		}
	}
}

void lcore_seat_give(struct lcore *lc, struct guest_seat *seat)
{
	lc->seats[seat->number] = NULL;
	seat->number = 0;
	if (lc->top == seat)
		lc->top = NULL;
}

void lcore_slow_turn(struct lcore *lc, uint64_t tsc)
{
	struct lcore_slow *s = &lc->slow[lc->n_slow++ % LCORE_SLOW];
	uint64_t in = lcore_ns(lc, lc->marks[0]), guests = lcore_ns(lc, lc->marks[1]);
	uint64_t out = lcore_ns(lc, lc->marks[2]), end = lcore_ns(lc, tsc);

	*s = (struct lcore_slow){
		.when = lc->now,
		.ns = end - lc->now,
		.ns_in = in - lc->now,
		.ns_guests = guests - in,
		.ns_out = out - guests,
		.ns_end = end - out,
	};
	memcpy(s->did, lc->did, sizeof(s->did));
	if (!lc->top)
		return;
	s->guest_cost = lc->top_cost;
	strncpy(s->guest, guest_config(lc->top->guest)->name, sizeof(s->guest) - 1);
}
