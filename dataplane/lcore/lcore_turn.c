/* SPDX-License-Identifier: BSD-3-Clause */
#include "lcore/lcore_priv.h"

#include <rte_cycles.h>
#include <rte_pause.h>

#include "lcore/rt_forbidden.h"

void lcore_turn_begin(struct lcore *lc)
{
	uint64_t tsc = rte_rdtsc();

	/* The turn before ended here: one look at the clock a turn. */
	if (lc->worked) {
		lcore_stats_turn(&lc->stats, tsc - lc->tsc);
		hist_add(&lc->turn_ns, lcore_ns(lc, tsc) - lc->now, 1);
		if (unlikely(tsc - lc->tsc > lc->slow_cycles))
			lcore_slow_turn(lc, tsc);
	}
	lcore_count(&lc->stats, LCORE_turns, 1);
	lc->tsc = tsc;
	lc->now = lcore_ns(lc, tsc);
	lc->clock.turn = stamp_of(tsc);
}

unsigned int lcore_calls(struct lcore *lc)
{
	if (!msg_serve(&lc->inbox))
		return 0;
	lcore_count(&lc->stats, LCORE_calls, 1);
	/* It may have started a ring, or ended a session. */
	lc->look_all = true;
	return 1;
}

unsigned int lcore_timers(struct lcore *lc)
{
	return stack_turn(lc->stack, lc->now, lc->budget[BUDGET_timers]);
}

/* What reception has met in this turn. */
#define SEEN_OWN     1u
#define SEEN_FOREIGN 2u
#define SEEN_BOTH    3u

/* One burst of one RX queue: own packets go up, others' are kept for the end of the turn. */
static unsigned int rx_burst(struct lcore *lc, const struct lcore_rxq *q, unsigned int max,
			     unsigned int *seen)
{
	struct link *link = lc->ifs[port_index(q->port)]->link;
	struct rte_mbuf *pkts[PORT_BURST];
	struct port_sorted sorted;
	unsigned int n = port_rx(q->dev, q->queue, pkts, max), got = n;

	if (n)
		lcore_stamp(pkts, n);
	if (unlikely(q->copy))
		n = lcore_take_over(lc, pkts, n);
	if (!n)
		return got;
	if (lc->alone) {
		stack_rx(lc->stack, link, pkts, n);
		return got;
	}
	port_sort(lc->map, lc->index, pkts, n, &sorted);
	if (sorted.n_own) {
		stack_rx(lc->stack, link, sorted.own, sorted.n_own);
		*seen |= SEEN_OWN;
	}
	if (sorted.n_foreign) {
		lcore_keep(lc, q->port, &sorted);
		*seen |= SEEN_FOREIGN;
	}
	return got;
}

/*
 * A burst of each queue in turn, until all are empty or the budget is used up. What an RT lcore has
 * for its guests does not wait for what follows behind frames of others.
 */
unsigned int lcore_rx(struct lcore *lc)
{
	unsigned int left = lc->budget[BUDGET_rx], enough = SEEN_BOTH + 1, seen = 0;
	unsigned int total, empty = 0;

	if (lc->conf.class == LCORE_RT)
		enough = SEEN_BOTH;
	while (left && empty < lc->n_rxqs && seen != enough) {
		unsigned int max = RTE_MIN(left, PORT_BURST), n;

		n = rx_burst(lc, &lc->rxqs[lc->rxq_first], max, &seen);
		if (++lc->rxq_first == lc->n_rxqs)
			lc->rxq_first = 0;
		left -= n;
		empty = n < max ? empty + 1 : 0;
	}
	total = lc->budget[BUDGET_rx] - left;
	if (total)
		lcore_count(&lc->stats, LCORE_rx_frames, total);
	return total;
}

unsigned int lcore_tx(struct lcore *lc)
{
	bool more = stack_tx(lc->stack, lc->budget[BUDGET_tx]);
	unsigned int n = 0;

	for (unsigned int i = 0; i < lc->n_ports; i++)
		if (lc->ifs[i]->n)
			n += port_flush(lc->ifs[i]);
	lc->marks[2] = n ? rte_rdtsc() : lc->marks[1];
	if (n)
		lcore_count(&lc->stats, LCORE_tx_frames, n);
	return n + more;
}

unsigned int lcore_free(struct lcore *lc)
{
	return stack_free(lc->stack, lc->budget[BUDGET_free]);
}

void lcore_turn_end(struct lcore *lc, unsigned int work)
{
	lc->worked = work;
	if (work) {
		lc->work_tsc = lc->tsc;
		lc->empty_wakes = 0;
		lc->snap_due = true;
		lcore_guests_calm(lc);
		if (lc->tsc - lc->snap_tsc > lc->snap_cycles)
			lcore_guests_snap(lc);
		else if (lc->n_snaps)
			lcore_guests_snap_on(lc);
		return;
	}
	rte_pause();
	if (lc->n_snaps)
		lcore_guests_snap_on(lc);
	if (lc->tsc - lc->work_tsc < lc->idle_cycles)
		return;
	if (lc->snap_due)
		lcore_guests_snap(lc);
	if (lc->adaptive)
		lcore_sleep(lc);
}
