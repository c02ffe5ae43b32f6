/* SPDX-License-Identifier: BSD-3-Clause */
/* SYNs without end from addresses that do not exist, as from a network behind a router. */
#ifndef OUTSOCK_PERF_LAB_FLOOD_H
#define OUTSOCK_PERF_LAB_FLOOD_H

#include "client.h"

/* @n: of them in each period, to @target and @port (network order). 0 of the others. */
struct lab_flood {
	uint32_t n, target;
	uint16_t port;
	uint64_t sent;
	struct neigh *cache;
};

/* They leave with the next turn. */
void lab_flood_period(struct lab_flood *f, struct client *c);

#endif
