/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An owner and all it has goes from one stack to another one of the same process, each socket as it
 * is: nothing is sent, nothing is lost, nothing is told. Cold, and in pieces: each step is called
 * on the lcore it names, between two turns, until it has nothing left to do. Before the first one
 * the consumer leaves the owner alone, and nothing is received for its addresses any more
 * (ip_addr_rx_set(): packets wait on the new stack).
 *
 *	sock_move_reserve()	new stack: objects for all, so that nothing can fail later
 *	sock_move_leave()	old stack: its sockets are off all its tables and timers
 *	sock_move_arrive()	new stack: they are in there, in objects of their own
 *	sock_move_clean()	old stack: the objects that they were in are free again
 *
 * Until the third step begins, sock_move_cancel() leaves everything as it was; from then on the
 * owner is the new stack's (sock_owner.stack).
 */
#ifndef OUTSOCK_SOCK_SOCK_MOVE_H
#define OUTSOCK_SOCK_SOCK_MOVE_H

#include "sock/sock.h"

/**
 * struct sock_move - one owner on its way
 * @arrived:	the socket is at @s from now on (its id may be NONE); ctx is @ctx
 * @spare:	objects of @to: streams, datagrams
 * @left:	sockets that have left
 * @ghosts:	connections that nobody owns: TIME-WAIT
 * @empty, @ghosts_empty: objects of @from that are to be freed there
 * @now:	the one that is leaving or arriving, its packets so far only
 * @at:		where that, or the search for ghosts, goes on
 */
struct sock_move {
	struct sock_owner *owner;
	struct stack *from, *to;
	void (*arrived)(void *ctx, struct sock *s);
	void *ctx;
	struct list spare[2], left, ghosts, empty, ghosts_empty;
	struct sock *now;
	void *at;
	uint32_t ghosts_at, n_spare[2];
};

/* @m->owner, from, to, arrived and ctx are filled in. */
void sock_move_init(struct sock_move *m);
/*
 * Each returns 1: there is more to do; 0: that was all; and reserve -ENOBUFS: the new stack has no
 * room; leave -ENOBUFS: no packets now, try again. @budget: packets and the like.
 */
int sock_move_reserve(struct sock_move *m, unsigned int budget);
int sock_move_leave(struct sock_move *m, unsigned int budget);
int sock_move_arrive(struct sock_move *m, unsigned int budget);
int sock_move_clean(struct sock_move *m, unsigned int budget);
/* Old stack: those that have left are back; then sock_move_release() on the new one. */
int sock_move_cancel(struct sock_move *m, unsigned int budget);
int sock_move_release(struct sock_move *m, unsigned int budget);

#endif
