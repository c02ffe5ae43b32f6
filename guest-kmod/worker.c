// SPDX-License-Identifier: GPL-2.0
/*
 * The ring thread: one for each queue pair, SCHED_FIFO.
 *
 * A virtqueue callback does no more than wake it: no lock, no socket. So everything that touches
 * sockets runs in process context, the same code on every kernel, PREEMPT_RT or not, and a
 * real-time program can be given a higher priority than its network.
 */
#include "compat.h"
#include <linux/kthread.h>
#include <linux/sched.h>
#include <linux/sched/clock.h>
#include "dev.h"
#include "mib.h"
#include "ring.h"

#define ORING_RX_BUDGET	64

static int poll_us;
module_param(poll_us, int, 0644);
MODULE_PARM_DESC(poll_us,
		 "us that a ring thread (rt_queue: that one) polls after a message; -1: for ever");
#define ORING_RETRY	msecs_to_jiffies(10)

/*
 * While a thread polls it needs no interrupt, and so nothing that keeps interrupt threads or
 * bottom halves of this CPU from running can delay it.
 */
static bool oring_lingers(const struct oring *q, u64 *idle_since)
{
	int us = READ_ONCE(poll_us);

	if (!us || (osdev_rt_queue(q->dev) && osdev_rt_queue(q->dev) != q))
		return false;
	if (!*idle_since)
		*idle_since = local_clock();
	return us < 0 || local_clock() - *idle_since < us * (u64)NSEC_PER_USEC;
}

/* With INTx every queue's callback is called for every interrupt: an empty ring is normal. */
void oring_callback(struct virtqueue *vq)
{
	struct osdev *dev = vq->vdev->priv;
	struct oring *q = &dev->q[vq->index / 2];

	virtqueue_disable_cb(vq);
	OSMIB_INC(interrupts);
	oring_wake(q);
}

/* TX interrupts are wanted only while someone waits for room. */
static bool oring_arm_tx(struct oring *q, bool *retry)
{
	bool idle = true;

	oring_lock(q);
	if (q->tx && (!list_empty(&q->req_out) || (q->open && !list_empty(&q->pending)))) {
		idle = virtqueue_enable_cb(q->tx);
		*retry = true;
	}
	oring_unlock(q);
	return idle;
}

static void oring_sleep(struct oring *q)
{
	bool retry, idle;

	set_current_state(TASK_IDLE);
	oring_rx_lock(q);
	retry = q->rx_hungry;
	idle = virtqueue_enable_cb(q->rx);
	oring_rx_unlock(q);
	if (kthread_should_stop() || !idle) {
		__set_current_state(TASK_RUNNING);
		return;
	}
	/* On PREEMPT_RT taking a lock keeps our state; a wake-up meanwhile is not lost. */
	if (!oring_arm_tx(q, &retry))
		__set_current_state(TASK_RUNNING);
	else if (retry)
		schedule_timeout(ORING_RETRY);
	else
		schedule();
	__set_current_state(TASK_RUNNING);
}

static unsigned int oring_look(struct oring *q)
{
	unsigned int n;

	oring_rx_lock(q);
	n = oring_rx(q, ORING_RX_BUDGET);
	if (n || q->rx_hungry)
		oring_fill(q);
	oring_rx_unlock(q);
	oring_feed(q);
	return n;
}

static int oring_thread(void *arg)
{
	struct oring *q = arg;
	u64 idle_since = 0;

	oring_rx_lock(q);
	q->rx_open = true;
	oring_fill(q);
	oring_rx_unlock(q);
	while (!kthread_should_stop()) {
		unsigned int n = oring_look(q);

		if (oring_flush(q) || n)
			idle_since = 0;
		else if (!oring_lingers(q, &idle_since))
			oring_sleep(q);
		else
			cpu_relax();
		cond_resched();
	}
	oring_rx_lock(q);
	q->rx_open = false;
	oring_rx_unlock(q);
	return 0;
}

int oring_thread_start(struct oring *q)
{
	struct task_struct *thread = kthread_create(oring_thread, q, "outsock/%u", q->idx);

	if (IS_ERR(thread))
		return PTR_ERR(thread);
	sched_set_fifo(thread);
	get_task_struct(thread);
	q->thread = thread;
	wake_up_process(thread);
	return 0;
}

void oring_thread_stop(struct oring *q)
{
	struct task_struct *thread = q->thread;

	if (!thread)
		return;
	kthread_stop(thread);
}
