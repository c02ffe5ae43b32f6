/* SPDX-License-Identifier: BSD-3-Clause */
#include "hist.h"

#include <string.h>

void hist_clear(struct hist *h)
{
	memset(h, 0, sizeof(*h));
	h->min = UINT64_MAX;
}

static uint64_t slot_value(unsigned int slot)
{
	unsigned int shift;

	if (slot < 2 * HIST_HALF)
		return slot;
	shift = slot / HIST_HALF - 1;
	return (uint64_t)(slot - shift * HIST_HALF) << shift;
}

uint64_t hist_at(const struct hist *h, double share)
{
	uint64_t want = (uint64_t)(share * (double)h->n), seen = 0;

	if (!h->n)
		return 0;
	if (want >= h->n)
		return h->max;
	for (unsigned int i = 0; i < HIST_SLOTS; i++) {
		seen += h->slots[i];
		if (seen > want)
			return slot_value(i);
	}
	return h->max;
}
