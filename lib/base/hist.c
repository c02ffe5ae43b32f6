/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/hist.h"

#include <math.h>
#include <string.h>

void hist_clear(struct hist *h)
{
	memset(h, 0, sizeof(*h));
}

void hist_merge(struct hist *to, const struct hist *from)
{
	uint64_t max = count_read(&from->max);

	to->sum += count_read(&from->sum);
	to->max = max > to->max ? max : to->max;
	for (unsigned int i = 0; i < HIST_SLOTS; i++)
		to->slots[i] += count_read(&from->slots[i]);
}

static uint64_t total(const struct hist *h)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < HIST_SLOTS; i++)
		n += h->slots[i];
	return n;
}

/* Mean and maximum are exact, the deviation as if all of a slot lay in its middle. */
void hist_summary(const struct hist *h, struct hist_summary *s)
{
	double squares = 0, middle;

	*s = (struct hist_summary){ .n = total(h), .max = h->max };
	if (!s->n)
		return;
	s->mean = (double)h->sum / (double)s->n;
	for (unsigned int i = 0; i < HIST_SLOTS; i++) {
		middle = (double)(hist_from(i) + hist_from(i + 1)) / 2 - s->mean;
		squares += middle * middle * (double)h->slots[i];
	}
	s->sd = sqrt(squares / (double)s->n);
}

uint64_t hist_at(const struct hist *h, double share)
{
	uint64_t n = total(h), want = (uint64_t)ceil(share * (double)n), seen = 0, end;

	for (unsigned int i = 0; n && i < HIST_SLOTS; i++) {
		seen += h->slots[i];
		if (seen < want || !seen)
			continue;
		end = hist_from(i + 1) - 1;
		return end < h->max && i + 1 < HIST_SLOTS ? end : h->max;
	}
	return h->max;
}
