/* SPDX-License-Identifier: BSD-3-Clause */
/* A histogram of times with about 1.6 % resolution from 1 to 2^40: log-linear, fixed size. */
#ifndef OUTSOCK_PERF_HIST_H
#define OUTSOCK_PERF_HIST_H

#include <stdint.h>

#define HIST_HALF_BITS 6
#define HIST_HALF      (1u << HIST_HALF_BITS) /* slots for each power of two above the first ones */
#define HIST_SHIFT_MAX (39u - HIST_HALF_BITS)
#define HIST_SLOTS     ((HIST_SHIFT_MAX + 2) * HIST_HALF)

struct hist {
	uint64_t n, min, max;
	uint32_t slots[HIST_SLOTS];
};

void hist_clear(struct hist *h);

static inline unsigned int hist_slot(uint64_t v)
{
	unsigned int shift;

	if (v < 2 * HIST_HALF)
		return (unsigned int)v;
	shift = 63u - (unsigned int)__builtin_clzll(v) - HIST_HALF_BITS;
	if (shift > HIST_SHIFT_MAX)
		return HIST_SLOTS - 1;
	return shift * HIST_HALF + (unsigned int)(v >> shift);
}

static inline void hist_add(struct hist *h, uint64_t v)
{
	h->n++;
	if (v < h->min)
		h->min = v;
	if (v > h->max)
		h->max = v;
	h->slots[hist_slot(v)]++;
}

/* The value below which @share (0 to 1) of all lie; 0 when there are none. */
uint64_t hist_at(const struct hist *h, double share);

#endif
