/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An lcore's inbox: one call at a time from threads that are no lcore. The lcore looks at one word
 * a turn, runs what it finds there, and says so in the call itself: it never waits, locks or calls
 * the system. Callers take their turns with a mutex, which the lcore never touches.
 */
#ifndef OUTSOCK_DATAPLANE_MSG_H
#define OUTSOCK_DATAPLANE_MSG_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

/* Lives on the caller's stack while it waits. */
struct msg_call {
	void (*fn)(void *arg);
	void *arg;
	_Atomic bool done; /* the lcore writes it, last of all */
};

/* @open: the lcore runs its loop (under @lock). */
struct msg_inbox {
	struct msg_call *_Atomic call; /* the caller writes it, the lcore takes it */
	pthread_mutex_t lock;
	bool open;
};

void msg_inbox_init(struct msg_inbox *in);
/*
 * Runs @fn(@arg) on the inbox's lcore and waits for it; @wake(@lcore) wakes that if it sleeps. An
 * inbox that is not open: runs it here.
 */
void msg_call(struct msg_inbox *in, void (*fn)(void *arg), void *arg, void (*wake)(void *lcore),
	      void *lcore);

/* Opens it: the lcore will look. */
void msg_open(struct msg_inbox *in);
/* The last call: then waits with @join(@lcore) until the lcore has ended, and closes. */
void msg_close(struct msg_inbox *in, void (*fn)(void *arg), void *arg, void (*wake)(void *lcore),
	       void (*join)(void *lcore), void *lcore);

/* The lcore: is there a call? */
static inline bool msg_pending(const struct msg_inbox *in)
{
	return atomic_load_explicit(&in->call, memory_order_relaxed) != NULL;
}

/* The lcore, between two turns: carries out the call, if there is one. */
bool msg_serve(struct msg_inbox *in);

#endif
