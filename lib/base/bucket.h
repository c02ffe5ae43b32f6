/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A token bucket that is one number: the time at which it is full again. What is taken from it
 * costs so many nanoseconds each, and a full one has @burst of them.
 */
#ifndef OUTSOCK_BASE_BUCKET_H
#define OUTSOCK_BASE_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

/* Takes one. @full_at: 0 at first. @cost 0: there are none. False: there is none left. */
static inline bool bucket_take(uint64_t *full_at, uint64_t now, uint64_t cost, uint32_t burst)
{
	uint64_t full = *full_at > now ? *full_at : now;

	if (!cost || full - now > (burst - 1) * cost)
		return false;
	*full_at = full + cost;
	return true;
}

#endif
