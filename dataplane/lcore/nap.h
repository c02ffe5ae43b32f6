/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How long an idle lcore sleeps between two looks at ports that wake nobody (memif, whose driver
 * has no RX interrupts, and ring). In proportion to the silence before: so a packet waits for a
 * small part of the time in which there was none, and a long silence costs next to nothing.
 */
#ifndef OUTSOCK_DATAPLANE_NAP_H
#define OUTSOCK_DATAPLANE_NAP_H

#include <stdint.h>
#include <time.h>

#define LCORE_NAP_PART 16 /* of the silence */

/* All in ns; between @least and @most, and @least when it is the larger one. */
static inline uint64_t lcore_nap(uint64_t silence, uint64_t least, uint64_t most)
{
	uint64_t nap = silence / LCORE_NAP_PART;

	if (nap > most)
		nap = most;
	return nap < least ? least : nap;
}

static inline struct timespec lcore_timespec(uint64_t ns)
{
	return (struct timespec){
		.tv_sec = (time_t)(ns / 1000000000),
		.tv_nsec = (long)(ns % 1000000000),
	};
}

#endif
