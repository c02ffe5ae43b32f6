/* SPDX-License-Identifier: BSD-3-Clause */
#include "lcore/msg.h"

#include <time.h>

#include <rte_pause.h>

#define SPINS	 2000 /* a polling lcore answers within these */
#define NAP_NSEC 20000

void msg_inbox_init(struct msg_inbox *in)
{
	pthread_mutexattr_t attr;

	/* A holder of low priority is not starved by those between it and a waiting RT caller. */
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
	pthread_mutex_init(&in->lock, &attr);
	pthread_mutexattr_destroy(&attr);
	atomic_init(&in->call, NULL);
	in->open = false;
}

static void wait_done(struct msg_call *call)
{
	const struct timespec nap = { .tv_nsec = NAP_NSEC };

	for (unsigned int i = 0; !atomic_load_explicit(&call->done, memory_order_acquire); i++) {
		if (i < SPINS)
			rte_pause();
		else
			nanosleep(&nap, NULL);
	}
}

/* Under the lock, inbox open. */
static void post(struct msg_inbox *in, struct msg_call *call, void (*wake)(void *lcore),
		 void *lcore)
{
	atomic_store_explicit(&in->call, call, memory_order_release);
	wake(lcore);
	wait_done(call);
}

void msg_call(struct msg_inbox *in, void (*fn)(void *arg), void *arg, void (*wake)(void *lcore),
	      void *lcore)
{
	struct msg_call call = { .fn = fn, .arg = arg };

	pthread_mutex_lock(&in->lock);
	if (in->open)
		post(in, &call, wake, lcore);
	else
		fn(arg);
	pthread_mutex_unlock(&in->lock);
}

void msg_open(struct msg_inbox *in)
{
	pthread_mutex_lock(&in->lock);
	in->open = true;
	pthread_mutex_unlock(&in->lock);
}

void msg_close(struct msg_inbox *in, void (*fn)(void *arg), void *arg, void (*wake)(void *lcore),
	       void (*join)(void *lcore), void *lcore)
{
	struct msg_call call = { .fn = fn, .arg = arg };

	pthread_mutex_lock(&in->lock);
	if (in->open) {
		post(in, &call, wake, lcore);
		join(lcore);
		in->open = false;
	}
	pthread_mutex_unlock(&in->lock);
}

bool msg_serve(struct msg_inbox *in)
{
	struct msg_call *call;

	if (!msg_pending(in))
		return false;
	call = atomic_load_explicit(&in->call, memory_order_acquire);
	atomic_store_explicit(&in->call, NULL, memory_order_relaxed);
	call->fn(call->arg);
	atomic_store_explicit(&call->done, true, memory_order_release);
	return true;
}
