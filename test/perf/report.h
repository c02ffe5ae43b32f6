/* SPDX-License-Identifier: BSD-3-Clause */
/* Members of the JSON objects that the benchmarks print, for scripts/bench. */
#ifndef OUTSOCK_PERF_REPORT_H
#define OUTSOCK_PERF_REPORT_H

#include "hist.h"

#include <stdio.h>

/* "NAME": {"n": .., "min": .., "p50": .., "p99": .., "p999": .., "max": ..} from cycles, in ns. */
static inline void report_hist(const char *name, const struct hist *h, uint64_t hz)
{
	double ns = 1e9 / (double)hz;

	printf("\"%s\": {\"n\": %lu, \"min\": %.1f, \"p50\": %.1f, \"p99\": %.1f, \"p999\": %.1f, "
	       "\"max\": %.1f}",
	       name, h->n, h->n ? (double)h->min * ns : 0, (double)hist_at(h, 0.5) * ns,
	       (double)hist_at(h, 0.99) * ns, (double)hist_at(h, 0.999) * ns, (double)h->max * ns);
}

#endif
