/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The neighbour table of one link: which MAC address an IPv4 address has (RFC 826), and packets
 * that wait for it. A structure with its timers' states; link/arp.c sends and receives.
 *
 *	FREE -> INCOMPLETE (asked, packets wait) -> REACHABLE -> PROBE (asked again, still in use)
 *
 * An entry that nobody used for its lifetime is freed, one in use is asked again by unicast
 * (RFC 1122, 2.3.2.1). When the table is full, the clock algorithm takes one that was not used
 * lately, so that a flood of addresses costs a busy neighbour nothing.
 */
#ifndef OUTSOCK_LINK_NEIGH_H
#define OUTSOCK_LINK_NEIGH_H

#include "base/wheel.h"
#include "pkt/pkt.h"
#include "wire/eth.h"

enum neigh_state {
	NEIGH_FREE,
	NEIGH_INCOMPLETE,
	NEIGH_REACHABLE, /* from here on usable */
	NEIGH_PROBE,
};

#define NEIGH_LIFE_NS	  (60 * NSEC_PER_SEC) /* RFC 1122, 2.3.2.1: of the order of a minute */
#define NEIGH_RETRY_NS	  NSEC_PER_SEC	      /* at most one request a second for a neighbour */
#define NEIGH_TRIES	  3
#define NEIGH_PENDING	  16  /* packets that wait for one neighbour */
#define NEIGH_PENDING_ALL 512 /* ... and for all */

/*
 * Packets that wait, oldest first. Pointers and no pkt_queue: a transport may have the same packet
 * on a queue of its own.
 */
struct neigh_pkts {
	uint32_t n;
	struct rte_mbuf *m[NEIGH_PENDING];
};

/**
 * struct neigh - one neighbour; what each packet needs is in its first cache line
 * @addr: network order, constant until the entry is free
 * @used: a packet was sent to it since the last look of timer or clock
 * @hdr: Ethernet header for packets to it, complete when usable; its first 6 bytes are the MAC
 * @asker: our address that wanted it last: sender of the requests
 * @timer: retry or end of life
 */
struct neigh {
	uint32_t addr;
	uint8_t state;
	uint8_t used;
	uint8_t tries;
	uint8_t hdr[sizeof(struct eth_hdr) + sizeof(struct vlan_hdr)];
	uint32_t asker;
	struct neigh *next; /* in its bucket, or of the free chain */
	struct wheel_timer timer;
	struct neigh_pkts pending;
} __attribute__((aligned(64)));

struct neigh_table {
	struct neigh *entries, *free;
	struct neigh **buckets;
	uint32_t n_max, n_used, bucket_mask, hand, n_pending;
	uint32_t salt; /* of the hash: neighbours choose their addresses */
	struct wheel wheel;
};

int neigh_table_init(struct neigh_table *t, uint32_t n_max, uint32_t salt, uint64_t now);
void neigh_table_fini(struct neigh_table *t); /* frees what waits, too */

struct neigh *neigh_find(const struct neigh_table *t, uint32_t addr);

/*
 * A new INCOMPLETE entry without timer. Table full: @evict decides whether one that was not used
 * lately goes for it. @ret_lost: packets that waited for that one. NULL: no room.
 */
struct neigh *neigh_add(struct neigh_table *t, uint32_t addr, bool evict,
			struct neigh_pkts *ret_lost);

/* Frees the entry; @ret_lost: packets that waited for it. */
void neigh_del(struct neigh_table *t, struct neigh *n, struct neigh_pkts *ret_lost);

/* Queues @m. Full: the oldest goes (RFC 1122, 2.3.2.2) and is returned, or @m itself. */
struct rte_mbuf *neigh_wait(struct neigh_table *t, struct neigh *n, struct rte_mbuf *m);

/* Takes all packets that wait for @n. */
struct neigh_pkts neigh_take_pending(struct neigh_table *t, struct neigh *n);

#endif
