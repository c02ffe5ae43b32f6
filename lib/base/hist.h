/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Histograms of times: log-linear slots from 64 ns to a second, each a sixteenth of its power of
 * two wide, so that a value is known within 1/16. Fixed arrays of counters: one thread writes, any
 * thread may read.
 */
#ifndef OUTSOCK_BASE_HIST_H
#define OUTSOCK_BASE_HIST_H

#include "base/count.h"

#define HIST_FIRST_BITS 6 /* all below 64 ns are one slot */
#define HIST_LAST_BITS	30
#define HIST_SUB_BITS	4
#define HIST_SLOTS	(1 + ((HIST_LAST_BITS - HIST_FIRST_BITS) << HIST_SUB_BITS))

/* ns; @max: the largest one, exactly. */
struct hist {
	uint64_t sum, max;
	uint64_t slots[HIST_SLOTS];
};

static inline unsigned int hist_slot(uint64_t ns)
{
	unsigned int bits;

	if (ns < 1u << HIST_FIRST_BITS)
		return 0;
	if (ns >= 1ull << HIST_LAST_BITS)
		return HIST_SLOTS - 1;
	bits = 63u - (unsigned int)__builtin_clzll(ns);
	return 1 + ((bits - HIST_FIRST_BITS) << HIST_SUB_BITS) +
		((unsigned int)(ns >> (bits - HIST_SUB_BITS)) & ((1u << HIST_SUB_BITS) - 1));
}

/* The least value of slot @i; @i up to HIST_SLOTS. */
static inline uint64_t hist_from(unsigned int i)
{
	unsigned int shift = HIST_FIRST_BITS - HIST_SUB_BITS + ((i - 1) >> HIST_SUB_BITS);
	uint64_t sub = (i - 1) & ((1u << HIST_SUB_BITS) - 1);

	return i ? ((1ull << HIST_SUB_BITS) + sub) << shift : 0;
}

/* @n times @ns. */
static inline void hist_add(struct hist *h, uint64_t ns, uint64_t n)
{
	count_add(&h->sum, ns * n);
	count_add(&h->slots[hist_slot(ns)], n);
	if (ns > h->max)
		__atomic_store_n(&h->max, ns, __ATOMIC_RELAXED);
}

/* ---- reading: cold ---- */

/* What @h says, all in ns; of several histograms together: hist_merge() them first. */
struct hist_summary {
	uint64_t n, max;
	double mean, sd;
};

void hist_clear(struct hist *h); /* by the writer */
/* Adds what @from, which may be written meanwhile, has now. */
void hist_merge(struct hist *to, const struct hist *from);
void hist_summary(const struct hist *h, struct hist_summary *ret_sum);
/* The value that @share (0 to 1) of all do not exceed: their slot's upper end, or the maximum. */
uint64_t hist_at(const struct hist *h, double share);

#endif
