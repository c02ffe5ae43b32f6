/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Time stamps of 32 bits for packets: sixteenths of TSC cycles, good for some 20 s, never 0. Only
 * for measuring: the stack's time is env.now.
 */
#ifndef OUTSOCK_BASE_STAMP_H
#define OUTSOCK_BASE_STAMP_H

#include <stdint.h>

#define STAMP_SHIFT 4

static inline uint32_t stamp_of(uint64_t tsc)
{
	return (uint32_t)(tsc >> STAMP_SHIFT) | 1;
}

/* What is measured against: now, the start of this turn; and ns = (stamps * mult) >> 20. */
struct stamp_clock {
	uint32_t now, turn;
	uint64_t mult;
};

/* @tsc_mult: ns = (cycles * tsc_mult) >> 32 */
static inline uint64_t stamp_mult(uint64_t tsc_mult)
{
	return tsc_mult >> (12 - STAMP_SHIFT);
}

/* Since @when; 0 where the clocks of two processors differ by a little. */
static inline uint64_t stamp_ns(const struct stamp_clock *c, uint32_t when)
{
	uint32_t d = c->now - when;

	return (int32_t)d < 0 ? 0 : (d * c->mult) >> 20;
}

/* Did @when lie before this turn? */
static inline int stamp_late(const struct stamp_clock *c, uint32_t when)
{
	return (int32_t)(c->turn - when) > 0;
}

#endif
