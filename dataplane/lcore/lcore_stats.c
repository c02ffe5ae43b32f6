/* SPDX-License-Identifier: BSD-3-Clause */
#include "lcore/lcore_stats.h"

const char *lcore_count_name(enum lcore_count c)
{
	static const char *const names[LCORE_COUNT_N] = {
#define LCORE_COUNT(name, text) [LCORE_##name] = #name,
#include "lcore/lcore_count.def"
#undef LCORE_COUNT
	};

	return names[c];
}
