/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which lcore serves an address, and on which port: one look-up for each received packet
 * (IPv4; addresses of guests only). A map does not change once it is built: a change builds another
 * one, every lcore takes it between two turns, and then the old one is freed.
 */
#ifndef OUTSOCK_DATAPLANE_ADDR_MAP_H
#define OUTSOCK_DATAPLANE_ADDR_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct addr_home {
	uint32_t be; /* network order; 0: the slot is free */
	uint16_t lcore;
	uint16_t port;
};

struct addr_map {
	uint32_t mask; /* slots - 1; at most half of them are taken */
	struct addr_home slots[];
};

/* Cold. NULL: no memory. The addresses are different ones and not 0. */
struct addr_map *addr_map_build(const struct addr_home *homes, unsigned int n);
void addr_map_free(struct addr_map *map); /* takes NULL */

static inline uint32_t addr_map_hash(uint32_t be)
{
	return (uint32_t)(((uint64_t)be * 0x9e3779b97f4a7c15u) >> 40);
}

/* Any lcore, in its turn. NULL: no guest's address. */
static inline const struct addr_home *addr_map_find(const struct addr_map *map, uint32_t be)
{
	for (uint32_t i = addr_map_hash(be);; i++) {
		const struct addr_home *h = &map->slots[i & map->mask];

		if (h->be == be && be)
			return h;
		if (!h->be)
			return NULL;
	}
}

#endif
