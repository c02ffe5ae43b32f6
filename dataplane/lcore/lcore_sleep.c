/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sleeping, the one wait of an lcore. Consumer: set sleeping, full fence, look at every input once
 * more, wait on the descriptors. Producer: put in, full fence, clear sleeping and write the eventfd
 * if it was set. One of the two fences is first, so either the consumer sees the input or the
 * producer sees it asleep. Who is woken already, but has not run yet, is not woken again: that is a
 * system call.
 */
#include "lcore/lcore_priv.h"
#include "lcore/nap.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>

#define EVENTS_MAX 16
/*
 * A descriptor that is readable though its driver has nothing to give (TAP, until its signal has
 * been taken) must not keep a FIFO thread from sleeping: after so many wakes for nothing it naps.
 */
#define EMPTY_WAKES_MAX 4
#define SNAP_NS		1000000u /* between snapshots that are left over when all is done */

bool lcore_wake(struct lcore *lc)
{
	const uint64_t one = 1;

	atomic_thread_fence(memory_order_seq_cst);
	if (!atomic_load_explicit(&lc->sleeping, memory_order_relaxed) ||
	    !atomic_exchange_explicit(&lc->sleeping, false, memory_order_relaxed))
		return false;
	/* It can only fail when the counter is full, and then it is readable anyway. */
	return write(lc->wake_fd, &one, sizeof(one)) == sizeof(one);
}

int lcore_wait_add(struct lcore *lc, int fd, bool edge)
{
	struct epoll_event ev = { .events = EPOLLIN | (edge ? EPOLLET : 0u), .data.fd = fd };

	return epoll_ctl(lc->epoll_fd, EPOLL_CTL_ADD, fd, &ev) ? -errno : 0;
}

void lcore_wait_del(struct lcore *lc, int fd)
{
	epoll_ctl(lc->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
}

static bool peers_waiting(struct lcore *lc)
{
	for (unsigned int i = 0; i < lc->n_peers; i++)
		if (lcore_peer_waits(&lc->peers[i]))
			return true;
	return false;
}

/* Asks the devices that have them for RX interrupts. True: packets came meanwhile. */
static bool arm_ports(struct lcore *lc)
{
	bool work = false;

	for (unsigned int i = 0; i < lc->n_rxqs; i++) {
		const struct lcore_rxq *q = &lc->rxqs[i];

		if (port_wait(q->port) != PORT_WAIT_INTR)
			continue;
		rte_eth_dev_rx_intr_enable(q->dev, q->queue);
		work |= rte_eth_rx_queue_count(q->dev, q->queue) > 0;
	}
	return work;
}

static void disarm_ports(struct lcore *lc)
{
	for (unsigned int i = 0; i < lc->n_rxqs; i++)
		if (port_wait(lc->rxqs[i].port) == PORT_WAIT_INTR)
			rte_eth_dev_rx_intr_disable(lc->rxqs[i].dev, lc->rxqs[i].queue);
}

/*
 * Kicks wanted, on every ring of every guest; true: there is work already. Who has them since an
 * earlier sleep, and has said nothing since, is left alone: its first word is a kick.
 */
static bool arm_guests(struct lcore *lc)
{
	uint64_t now = lc->now;
	bool work = false;

	list_for_each(l, &lc->guests) {
		struct guest_seat *seat = container_of(l, struct guest_seat, link);

		if (!seat->armed || guest_glance(seat, now))
			work |= guest_arm_kicks(seat->guest);
	}
	return work;
}

/* The next thing that is due by time, ns. Snapshots go on, a few at each wake. */
static uint64_t next_deadline(struct lcore *lc, uint64_t now)
{
	uint64_t next = stack_next(lc->stack);

	list_for_each(l, &lc->guests) {
		const struct guest_seat *seat = container_of(l, struct guest_seat, link);

		/* What it waits for may have come since it was looked into: packets. */
		next = RTE_MIN(next, seat->attention ? guest_next(seat->guest) : seat->due);
	}
	if (lc->napping)
		next = RTE_MIN(next,
			       now +
				       lcore_nap(now - lcore_ns(lc, lc->work_tsc), lc->conf.nap_ns,
						 lc->conf.nap_max_ns));
	if (lc->n_snaps)
		next = RTE_MIN(next, now + SNAP_NS);
	/* A device that did not take our frames: it does not tell when it will. */
	for (unsigned int i = 0; i < lc->n_ports; i++)
		if (lc->ifs[i]->n != 0)
			next = RTE_MIN(next, now + lc->conf.nap_ns);
	return next;
}

static void wait_for_events(struct lcore *lc)
{
	struct epoll_event events[EVENTS_MAX];
	uint64_t now = lcore_ns(lc, rte_rdtsc()), next = next_deadline(lc, now);
	struct timespec t;
	int n;

	if (next <= now)
		return;
	lcore_count(&lc->stats, LCORE_sleeps, 1);
	if (lc->empty_wakes > EMPTY_WAKES_MAX) {
		t = lcore_timespec(lc->conf.nap_ns);
		nanosleep(&t, NULL);
		lc->empty_wakes--;
		return;
	}
	t = lcore_timespec(next - now);
	n = epoll_pwait2(lc->epoll_fd, events, EVENTS_MAX, next == UINT64_MAX ? NULL : &t, NULL);
	lc->empty_wakes = n > 0 ? lc->empty_wakes + 1 : 0;
}

void lcore_sleep(struct lcore *lc)
{
	bool work;

	atomic_store_explicit(&lc->sleeping, true, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
	work = msg_pending(&lc->inbox) || peers_waiting(lc) || !list_empty(&lc->woken);
	work |= arm_guests(lc);
	work |= lc->mem_faults != __atomic_load_n(&guest_mem_faults, __ATOMIC_ACQUIRE);
	work |= arm_ports(lc);
	if (!work)
		wait_for_events(lc);
	atomic_store_explicit(&lc->sleeping, false, memory_order_relaxed);
	disarm_ports(lc);
	lc->awake = 0;
}
