/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What this machine itself does to a program that only looks at the clock: the gaps of a loop, as
 * the lateness of events on a fixed grid. A latency measured beside it, by the same thread on the
 * same CPU within the same second, can hardly be better.
 */
#ifndef OUTSOCK_PERF_BARE_H
#define OUTSOCK_PERF_BARE_H

#include <stdint.h>
#include <time.h>

#define BARE_GRID_NS 100000ull

static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

/* Looks at the clock for @ns; the lateness of each event, up to @max. How many. */
static inline uint32_t bare_run(uint64_t ns, uint32_t *lateness, uint32_t max)
{
	uint64_t begin = clock_ns(CLOCK_MONOTONIC), due = begin;
	uint32_t n = 0;

	while (due < begin + ns && n < max) {
		uint64_t now = clock_ns(CLOCK_MONOTONIC);

		for (; due <= now && due < begin + ns && n < max; due += BARE_GRID_NS)
			lateness[n++] = (uint32_t)(now - due);
	}
	return n;
}

#endif
