/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets that nobody needs any more. One acknowledgement, or one reset, can give back thousands of
 * them, and whoever waits for this turn's end has not made them. So a turn frees as many as it may
 * (env.free_left), a few of them at once; the others go to the bin of their owner in one piece, and
 * count against its quota until stack_free() gets to them.
 */
#ifndef OUTSOCK_SOCK_SOCK_BIN_H
#define OUTSOCK_SOCK_SOCK_BIN_H

#include "sock/sock_ops.h"

#define SOCK_FREE_NOW 32u /* that one event frees before the turn's other work */

/* How many of @n packets may be freed at once; they count as freed. */
static inline uint32_t sock_free_now(struct env *env, uint32_t n)
{
	n = RTE_MIN(RTE_MIN(n, SOCK_FREE_NOW), env->free_left);
	env->free_left -= n;
	return n;
}

/*
 * All of @q, received for @s and counted against its owner: @least of them are freed at once,
 * whatever the turn may, so that there is room for as many.
 */
void sock_bin_queue(struct sock *s, struct pkt_queue *q, uint32_t least);
/* A chain of sent packets to the bin: not in sock.tx_pkts any more, but still in owner.n_tx. */
void sock_bin_tx(struct sock *s, struct rte_mbuf *head, struct rte_mbuf *tail);

static inline bool sock_bin_empty(const struct sock_owner *o)
{
	return list_empty(&o->bin.link);
}

/* Frees at most @max packets of the bin; how many. On the lcore of the owner's stack. */
unsigned int sock_bin_free(struct sock_owner *o, unsigned int max);
/* The same for all owners in turn. */
unsigned int sock_bins_free(struct env *env, unsigned int max);

#endif
