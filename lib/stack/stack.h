/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The stack: one shared-nothing instance per lcore, and the only header of lib/ (with sock.h) that
 * its users need. It starts no thread, makes no system call, takes no lock, never logs, and
 * allocates nothing after stack_create(). Time is an argument: nanoseconds of any monotonic clock.
 *
 * One turn of an lcore:
 *
 *	stack_turn(s, now, ...)		time moves on, timers that are due
 *	stack_rx(s, link, pkts, n)	what the ports received: sockets become ready
 *	(consumer)			takes from and gives to sockets (sock.h)
 *	stack_tx(s, budget)		segments, ACKs and retransmissions leave through link_ops
 *	stack_free(s, budget)		packets that were acknowledged or are not wanted any more
 */
#ifndef OUTSOCK_STACK_STACK_H
#define OUTSOCK_STACK_STACK_H

#include "ip/ip.h"
#include "link/link.h"
#include "sock/sock.h"

struct stack_cfg {
	struct rte_mempool *pool; /* pkt_pool_create(), this lcore's own */
	uint64_t seed;		  /* for struct rng */
	uint8_t secret[16];	  /* keeps ISNs and ports unpredictable; from the state file */
	uint64_t now;
	uint32_t tcp_conns_max;
	uint32_t udp_socks_max;
	uint32_t addrs_max;
	uint32_t routes_max;
	uint32_t frags_max;
	uint32_t icmp_rate, rst_rate; /* own errors a second, of the stack and of an owner */
	uint16_t eph_first, eph_last; /* ephemeral ports, host order, inclusive */
	uint32_t snd_win;
	uint32_t rto_min_ms, msl_ms, delack_ms;
};

/* Sensible values for everything but pool, seed, secret, now. */
void stack_cfg_defaults(struct stack_cfg *cfg);

struct stack *stack_create(const struct stack_cfg *cfg); /* start-up only; NULL: no memory */
void stack_destroy(struct stack *s);			 /* takes NULL */

/* @cfg->env is filled in here. The stack owns the link. */
struct link *stack_link_add(struct stack *s, struct link_cfg *cfg);
struct ip *stack_ip(struct stack *s);
struct env *stack_env(struct stack *s);

/* Time moves on; at most @budget timers fire. True when more are due. */
bool stack_turn(struct stack *s, uint64_t now, unsigned int budget);
void stack_rx(struct stack *s, struct link *link, struct rte_mbuf **pkts, unsigned int n);
/* Emits at most @budget packets, delivers the loop queue. True when more waits. */
bool stack_tx(struct stack *s, unsigned int budget);
/*
 * Ends a turn: frees packets of queues that have ended or were acknowledged, at most what the turn
 * may still free (sock/sock_bin.h); the next one may free @budget, whoever does. How many it freed,
 * and at least 1 while there are more.
 */
unsigned int stack_free(struct stack *s, unsigned int budget);
/* When stack_turn() has something to do again; UINT64_MAX: nothing. */
uint64_t stack_next(const struct stack *s);

/*
 * Calls @fn for every counter of every layer: "tcp/SEGS_IN", value. Any thread may call it; values
 * are read relaxed.
 */
void stack_counters(const struct stack *s, void (*fn)(void *ctx, const char *name, uint64_t value),
		    void *ctx);

#endif
