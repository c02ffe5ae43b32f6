/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * RT throttling: of each period the kernel leaves real-time threads of a CPU a part only. An lcore
 * that never sleeps would use that up and then stand still, guests and all, to the period's end.
 */
#ifndef OUTSOCK_DATAPLANE_THROTTLING_H
#define OUTSOCK_DATAPLANE_THROTTLING_H

#include "main/config.h"

#define THROTTLING_FOLDER "/proc/sys/kernel"

/* sched_rt_runtime_us, -1: no limit, and sched_rt_period_us. */
struct throttling {
	long runtime_us, period_us;
};

/* From the files of that name in @folder. -errno; -EINVAL: they hold no numbers. */
int throttling_read(const char *folder, struct throttling *ret_throttling);
/* Would it stop the thread of @lc? */
bool throttling_stops(const struct throttling *t, const struct conf_lcore *lc);

enum throttling_verdict {
	THROTTLING_OFF,	    /* it stops nothing, or can not be known */
	THROTTLING_ALLOWED, /* it does, and the operator says that this is all right */
	THROTTLING_REFUSED,
};

/* May @lc run? Unless it is off, @why says what is wrong and what would be right. */
enum throttling_verdict throttling_judge(const struct config *c, const struct conf_lcore *lc,
					 const char *folder, char *why, size_t size);

#endif
