/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A stack with one port, one owner and one lane, on a virtual clock: what most tests need. Frames
 * that leave go to a function of the test's.
 */
#ifndef OUTSOCK_TEST_HOST_H
#define OUTSOCK_TEST_HOST_H

#include "stack/stack.h"

struct host;

struct host_cfg {
	const char *name;
	uint32_t addr; /* host order */
	unsigned int prefix_len;
	uint32_t gateway; /* 0: none */
	uint8_t mac[6];
	uint16_t mtu;
	uint32_t offload; /* LINK_* */
	uint32_t n_mbufs;
	uint32_t max_socks, max_pkts;
	uint32_t free;				    /* packets that one host_tx() frees at most */
	struct stack_cfg stack;			    /* pool is filled in */
	void (*out)(void *ctx, struct rte_mbuf *m); /* consumes @m */
	void *ctx;
};

struct host {
	struct stack *stack;
	struct link *link;
	struct rte_mempool *pool;
	struct sock_owner owner;
	struct sock_lane lane;
	struct host_cfg cfg;
	uint64_t now;
};

/* 10.77.0.11/24, MTU 1500, the stack's defaults, seed 1, a clock that starts at 1000 s. */
void host_cfg_defaults(struct host_cfg *cfg);
/* Ends the test process when memory is short. */
void host_init(struct host *h, const struct host_cfg *cfg);
/* Also aborts what sockets are left. Returns packets that are missing from the pool: leaks. */
unsigned int host_fini(struct host *h);

void host_rx(struct host *h, struct rte_mbuf *m);
/* Timers that are due at @now, then all that wants to leave. */
void host_turn(struct host *h, uint64_t now);
/* All that wants to leave; then what is to be freed. */
void host_tx(struct host *h);

uint64_t host_counter(const struct host *h, const char *name);

/* Teaches the host a neighbour, over the wire (an ARP request, whose answer goes to out()). */
void host_meet(struct host *h, uint32_t addr, const uint8_t mac[6]);

#endif
