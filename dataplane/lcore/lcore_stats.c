/* SPDX-License-Identifier: BSD-3-Clause */
/* What others may know of an lcore: counters' names, turn lengths, slow turns. Cold. */
#include "lcore/lcore_priv.h"

#include <rte_cycles.h>

const char *lcore_count_name(enum lcore_count c)
{
	static const char *const names[LCORE_COUNT_N] = {
#define LCORE_COUNT(name, text) [LCORE_##name] = #name,
#include "lcore/lcore_count.def"
#undef LCORE_COUNT
	};

	return names[c];
}

struct slow_call {
	struct lcore *lc;
	struct lcore_slow *slow;
	unsigned int n;
};

static void slow_get(void *arg)
{
	struct slow_call *call = arg;
	const struct lcore *lc = call->lc;

	call->n = RTE_MIN(lc->n_slow, (uint32_t)LCORE_SLOW);
	for (unsigned int i = 0; i < call->n; i++)
		call->slow[i] = lc->slow[(lc->n_slow - call->n + i) % LCORE_SLOW];
}

unsigned int lcore_slow_get(struct lcore *lc, struct lcore_slow ret_slow[LCORE_SLOW])
{
	struct slow_call call = { .lc = lc, .slow = ret_slow };

	lcore_call(lc, slow_get, &call);
	return call.n;
}

const char *lcore_part_name(unsigned int part)
{
	static const char *const names[] = {
#define LCORE_PART(name) #name,
		LCORE_PARTS(LCORE_PART)
#undef LCORE_PART
	};

	return part < LCORE_PART_N ? names[part] : NULL;
}

uint64_t lcore_clock(const struct lcore *lc)
{
	return lcore_ns(lc, rte_rdtsc());
}

static void measure_reset(void *arg)
{
	struct lcore *lc = arg;

	hist_clear(&lc->turn_ns);
	lc->n_slow = 0;
}

void lcore_measure_reset(struct lcore *lc)
{
	lcore_call(lc, measure_reset, lc);
}

const struct hist *lcore_turn_hist(const struct lcore *lc)
{
	return &lc->turn_ns;
}
