/* SPDX-License-Identifier: BSD-3-Clause */
/* The addresses that live here: found by address on every packet, by owner on connect. */
#ifndef OUTSOCK_IP_ADDR_TABLE_H
#define OUTSOCK_IP_ADDR_TABLE_H

#include "base/pool.h"
#include "pkt/addr.h"

struct link;
struct sock_owner;

struct ip_local {
	struct ip_local *next; /* in its bucket */
	struct sock_owner *owner;
	struct ip_addr addr;
	struct link *link;
	struct ip_local *next_of_owner; /* in its owner's bucket */
	uint8_t prefix_len;
	uint8_t rx; /* enum ip_addr_rx */
	bool silent;
};

struct addr_table {
	struct ip_local **by_addr, **by_owner;
	uint32_t mask;
	struct pool pool;
};

int addr_table_init(struct addr_table *t, uint32_t n_max);
void addr_table_fini(struct addr_table *t);

/* NULL: full. The address must not be there yet. */
struct ip_local *addr_table_add(struct addr_table *t, const struct ip_addr *a,
				struct sock_owner *owner);
void addr_table_del(struct addr_table *t, struct ip_local *l);

/* Fibonacci hashing: the addresses are the configuration's, not the network's. */
static inline uint32_t addr_table_hash(uint64_t v)
{
	return (uint32_t)((v * 0x9e3779b97f4a7c15u) >> 32);
}

static inline struct ip_local *addr_table_find(const struct addr_table *t, const struct ip_addr *a)
{
	struct ip_local *l = t->by_addr[addr_table_hash(a->q[0] ^ a->q[1]) & t->mask];

	while (l && !ip_addr_eq(&l->addr, a))
		l = l->next;
	return l;
}

/* The first address of @owner, and the one after @l; NULL: no more. */
struct ip_local *addr_table_first(const struct addr_table *t, const struct sock_owner *owner);
struct ip_local *addr_table_next(const struct ip_local *l);

#endif
