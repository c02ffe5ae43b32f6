// SPDX-License-Identifier: GPL-2.0
/*
 * Polling in place of interrupts: with SO_BUSY_POLL (or net.core.busy_read) a program that waits
 * for data walks the ring itself for so long, as the ring thread would. Its answer then needs no
 * interrupt, no thread to be woken, and nothing that other networking on this CPU could hold up.
 * Kernels with PREEMPT_RT may be built without that option: the parameter busy_read_us is for the
 * real-time threads there.
 */
#include "compat.h"
#include <linux/poll.h>
#include <linux/sched/clock.h>
#include <linux/sched/rt.h>
#include <linux/sched/signal.h>
#include "dev.h"
#include "mib.h"
#include "ring.h"
#include "sock.h"

#define ORING_POLL_BUDGET 8	/* messages before a program looks at its own socket again */

static unsigned int busy_read_us;
module_param(busy_read_us, uint, 0644);
MODULE_PARM_DESC(busy_read_us,
		 "us that a real-time thread which waits for data polls, as with SO_BUSY_POLL");

/*
 * A ring that somebody else walks is as good as polled, if he does walk: on PREEMPT_RT we may have
 * preempted him, and only by waiting for the lock do we lend him our priority.
 */
bool oring_poll(struct oring *q)
{
	unsigned int n = 0;

	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		oring_rx_lock(q);
	else if (!spin_trylock(&q->rx_lock))
		return false;
	if (q->rx_open) {
		virtqueue_disable_cb(q->rx);
		n = oring_rx(q, ORING_POLL_BUDGET);
		if (n)
			oring_fill(q);
	}
	oring_rx_unlock(q);
	return n;
}

void oring_poll_end(struct oring *q)
{
	bool idle = true;

	oring_rx_lock(q);
	if (q->rx_open)
		idle = virtqueue_enable_cb(q->rx) && q->rx_posted && !q->rx_hungry;
	oring_rx_unlock(q);
	if (!idle)
		oring_wake(q);
}

static unsigned long osk_busy_usecs(const struct sock *sk)
{
#ifdef CONFIG_NET_RX_BUSY_POLL
	if (READ_ONCE(sk->sk_ll_usec))
		return READ_ONCE(sk->sk_ll_usec);
#endif
	return rt_task(current) ? READ_ONCE(busy_read_us) : 0;
}

void osk_busy_poll(struct osk *os, bool (*ready)(struct osk *os, u64 seen), u64 seen)
{
	u64 end = local_clock() + osk_busy_usecs(osk_sk(os)) * NSEC_PER_USEC;
	struct oring *q = os->q;

	if (!osk_busy_usecs(osk_sk(os)) || !q || ready(os, seen))
		return;
	OSMIB_INC(busy_polls);
	do {
		oring_poll(q);
		cpu_relax();
		cond_resched();
	} while (!ready(os, seen) && !signal_pending(current) && local_clock() < end);
	oring_poll_end(q);
	if (ready(os, seen))
		OSMIB_INC(busy_hits);
}

/* poll() and select() with net.core.busy_poll: they come again for so long. */
__poll_t osk_poll_busy(struct osk *os, const poll_table *wait)
{
	if (!osk_busy_usecs(osk_sk(os)) || !os->q || !wait ||
	    !(poll_requested_events(wait) & POLL_BUSY_LOOP))
		return 0;
	oring_poll(os->q);
	oring_poll_end(os->q);
	return POLL_BUSY_LOOP;
}
