/* SPDX-License-Identifier: BSD-3-Clause */
/* What an lcore counts. The lcore writes, any thread reads. */
#ifndef OUTSOCK_DATAPLANE_LCORE_STATS_H
#define OUTSOCK_DATAPLANE_LCORE_STATS_H

#include "base/count.h"

enum lcore_count {
#define LCORE_COUNT(name, text) LCORE_##name,
#include "lcore/lcore_count.def"
#undef LCORE_COUNT
	LCORE_COUNT_N
};

#define LCORE_TURN_BUCKETS 40

/* @turns: busy turns by length, bucket i: 2^i to 2^(i+1) TSC cycles. */
struct lcore_stats {
	uint64_t count[LCORE_COUNT_N];
	uint64_t turns[LCORE_TURN_BUCKETS];
};

static inline void lcore_count(struct lcore_stats *s, enum lcore_count c, uint64_t n)
{
	count_add(&s->count[c], n);
}

/* A turn that found work took @cycles. On the lcore. */
static inline void lcore_stats_turn(struct lcore_stats *s, uint64_t cycles)
{
	unsigned int bucket = 63 - (unsigned int)__builtin_clzll(cycles | 1);

	lcore_count(s, LCORE_busy_turns, 1);
	lcore_count(s, LCORE_busy_cycles, cycles);
	count_add(&s->turns[bucket < LCORE_TURN_BUCKETS ? bucket : LCORE_TURN_BUCKETS - 1], 1);
	if (cycles > s->count[LCORE_max_turn_cycles])
		__atomic_store_n(&s->count[LCORE_max_turn_cycles], cycles, __ATOMIC_RELAXED);
}

const char *lcore_count_name(enum lcore_count c);

#endif
