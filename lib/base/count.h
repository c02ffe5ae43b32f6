/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Counters: one thread writes, any thread may read. Relaxed stores compile to plain ones, and
 * keep a reader from seeing half a value.
 */
#ifndef OUTSOCK_BASE_COUNT_H
#define OUTSOCK_BASE_COUNT_H

#include <stdint.h>

/* The owner only. */
static inline void count_add(uint64_t *c, uint64_t n)
{
	__atomic_store_n(c, *c + n, __ATOMIC_RELAXED);
}

static inline uint64_t count_read(const uint64_t *c)
{
	return __atomic_load_n(c, __ATOMIC_RELAXED);
}

#endif
