/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What every layer of one stack instance shares: the time of the turn, randomness, the packet
 * pool, the drop counters. One lcore owns it and everything that hangs on it; other threads may
 * read the counters (relaxed), nothing else.
 */
#ifndef OUTSOCK_PKT_ENV_H
#define OUTSOCK_PKT_ENV_H

#include "base/list.h"
#include "base/rng.h"
#include "base/siphash.h"

#include <stdint.h>

struct rte_mempool;

enum drop_reason {
#define DROP(name, text) DROP_##name,
#include "pkt/drop.def"
#undef DROP
	DROP_N
};

struct env {
	uint64_t now; /* ns, monotonic; set once at the start of each turn */
	struct rng rng;
	struct siphash_key secret; /* tables, ISNs, ports; drawn by the daemon */
	struct rte_mempool *pool;  /* this lcore's packets */
	uint64_t drops[DROP_N];
	uint64_t tx_stamp; /* of the packets for the message that is under way (pkt_stamp()) */
	/* What this turn may still free of queues; owners of what waits for that: sock_bin.h. */
	uint32_t free_left;
	struct list bins;
};

#define NSEC_PER_MSEC 1000000ull
#define NSEC_PER_SEC  1000000000ull

/* Name ("TCP_SEQ") and text of a reason. */
const char *drop_name(enum drop_reason reason);
const char *drop_text(enum drop_reason reason);

#endif
