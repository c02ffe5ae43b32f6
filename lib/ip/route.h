/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Static and connected routes: a short array, longest prefix first. Looked at when a flow is
 * routed, not for each packet. Prefix lengths are those of the address's family (IPv4: 0 to 32).
 */
#ifndef OUTSOCK_IP_ROUTE_H
#define OUTSOCK_IP_ROUTE_H

#include "pkt/addr.h"

struct link;

/**
 * struct route
 * @dst, @mask: destinations are those with (address & mask) == dst
 * @via: gateway; unspecified: on link
 * @bits: ones in @mask
 * @fixed: set by configuration
 * @n_addrs: local addresses whose prefix this is
 */
struct route {
	struct ip_addr dst, mask, via;
	struct link *link;
	uint16_t bits;
	bool fixed;
	uint32_t n_addrs;
};

struct route_table {
	struct route *routes;
	uint32_t n, n_max;
};

int route_table_init(struct route_table *t, uint32_t n_max);
void route_table_fini(struct route_table *t);

/* Fixed route; the same once more replaces @via. -EINVAL, -ENOSPC. */
int route_add(struct route_table *t, const struct ip_addr *dst, unsigned int prefix_len,
	      const struct ip_addr *via, struct link *link);
/* -ENOENT, -EINVAL. */
int route_del(struct route_table *t, const struct ip_addr *dst, unsigned int prefix_len,
	      struct link *link);

/* The route to the prefix of a local address comes and goes with the addresses in it. */
int route_connect(struct route_table *t, const struct ip_addr *local, unsigned int prefix_len,
		  struct link *link);
void route_disconnect(struct route_table *t, const struct ip_addr *local, unsigned int prefix_len,
		      struct link *link);

/* The longest match of @link's routes, or NULL. */
const struct route *route_find(const struct route_table *t, const struct ip_addr *dst,
			       const struct link *link);

#endif
