/* SPDX-License-Identifier: BSD-3-Clause */
#include "lcore/lcore_priv.h"

#include <rte_cycles.h>
#include <rte_pause.h>

#include "lcore/rt_forbidden.h"

void lcore_turn_begin(struct lcore *lc)
{
	uint64_t tsc = rte_rdtsc();

	/* The turn before ended here: one look at the clock a turn. */
	if (lc->worked)
		lcore_stats_turn(&lc->stats, tsc - lc->tsc);
	lcore_count(&lc->stats, LCORE_turns, 1);
	lc->tsc = tsc;
	lc->now = lcore_ns(lc, tsc);
}

unsigned int lcore_calls(struct lcore *lc)
{
	if (!msg_serve(&lc->inbox))
		return 0;
	lcore_count(&lc->stats, LCORE_calls, 1);
	return 1;
}

unsigned int lcore_timers(struct lcore *lc)
{
	return stack_turn(lc->stack, lc->now, lc->budget->timers);
}

/* One burst of one RX queue: own packets go up first, then others' are handed on. */
static unsigned int rx_burst(struct lcore *lc, const struct lcore_rxq *q)
{
	struct link *link = lc->ifs[port_index(q->port)]->link;
	struct rte_mbuf *pkts[PORT_BURST];
	struct port_sorted sorted;
	unsigned int n = port_rx(q->dev, q->queue, pkts, PORT_BURST);

	if (unlikely(q->copy))
		n = lcore_take_over(lc, pkts, n);
	if (!n)
		return 0;
	if (lc->alone) {
		stack_rx(lc->stack, link, pkts, n);
		return n;
	}
	port_sort(lc->map, lc->index, pkts, n, &sorted);
	if (sorted.n_own)
		stack_rx(lc->stack, link, sorted.own, sorted.n_own);
	if (sorted.n_foreign)
		lcore_give(lc, q->port, &sorted);
	return n;
}

unsigned int lcore_rx(struct lcore *lc)
{
	unsigned int total = 0;

	for (unsigned int i = 0; i < lc->n_rxqs; i++) {
		for (unsigned int b = 0; b < lc->budget->rx_bursts; b++) {
			unsigned int n = rx_burst(lc, &lc->rxqs[i]);

			total += n;
			if (n < PORT_BURST)
				break;
		}
	}
	if (total)
		lcore_count(&lc->stats, LCORE_rx_frames, total);
	return total;
}

unsigned int lcore_guests_tx(struct lcore *lc)
{
	unsigned int n = 0;

	list_for_each(l, &lc->guests) {
		struct guest *g = guest_of_lcore_link(l);

		n += guest_tx(g, guest_config(g)->max_msgs, lc->now);
	}
	if (n)
		lcore_count(&lc->stats, LCORE_guest_tx_msgs, n);
	return n;
}

unsigned int lcore_guests_rx(struct lcore *lc)
{
	unsigned int n = 0;

	list_for_each(l, &lc->guests)
		n += guest_rx(guest_of_lcore_link(l), lc->budget->guest_rx, lc->now);
	if (n)
		lcore_count(&lc->stats, LCORE_guest_rx_msgs, n);
	return n;
}

void lcore_guests_publish(struct lcore *lc)
{
	list_for_each(l, &lc->guests)
		guest_publish(guest_of_lcore_link(l));
}

unsigned int lcore_tx(struct lcore *lc)
{
	bool more = stack_tx(lc->stack, lc->budget->tx);
	unsigned int n = 0;

	for (unsigned int i = 0; i < lc->n_ports; i++)
		n += port_flush(lc->ifs[i]);
	if (n)
		lcore_count(&lc->stats, LCORE_tx_frames, n);
	return n + more;
}

void lcore_notify(struct lcore *lc)
{
	unsigned int n = 0;

	list_for_each(l, &lc->guests)
		n += guest_notify(guest_of_lcore_link(l));
	if (n)
		lcore_count(&lc->stats, LCORE_notifies, n);
	if (!lc->alone)
		lcore_wake_peers(lc);
}

/* For other threads to read: now and then under load, once more when all is done. */
static void snapshot(struct lcore *lc)
{
	list_for_each(l, &lc->guests)
		guest_snapshot(guest_of_lcore_link(l));
	lc->snap_tsc = lc->tsc;
	lc->snap_due = false;
}

void lcore_turn_end(struct lcore *lc, unsigned int work)
{
	lc->worked = work;
	if (work) {
		lc->work_tsc = lc->tsc;
		lc->empty_wakes = 0;
		lc->snap_due = true;
		if (lc->tsc - lc->snap_tsc > lc->snap_cycles)
			snapshot(lc);
		return;
	}
	rte_pause();
	if (lc->tsc - lc->work_tsc < lc->idle_cycles)
		return;
	if (lc->snap_due)
		snapshot(lc);
	if (lc->adaptive)
		lcore_sleep(lc);
}
