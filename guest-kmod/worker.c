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
#include "dev.h"
#include "ring.h"

#define ORING_RX_BUDGET	64
#define ORING_RETRY	msecs_to_jiffies(10)

/* With INTx every queue's callback is called for every interrupt: an empty ring is normal. */
void oring_callback(struct virtqueue *vq)
{
	struct osdev *dev = vq->vdev->priv;
	struct oring *q = &dev->q[vq->index / 2];

	virtqueue_disable_cb(vq);
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
	bool retry = q->rx_hungry;

	set_current_state(TASK_IDLE);
	if (kthread_should_stop() || !virtqueue_enable_cb(q->rx)) {
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

static int oring_thread(void *arg)
{
	struct oring *q = arg;

	oring_fill(q);
	while (!kthread_should_stop()) {
		unsigned int n = oring_rx(q, ORING_RX_BUDGET);
		bool more = oring_flush(q);

		if (n || q->rx_hungry)
			oring_fill(q);
		if (n || more)
			cond_resched();
		else
			oring_sleep(q);
	}
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
