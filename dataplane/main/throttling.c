/* SPDX-License-Identifier: BSD-3-Clause */
#include "main/throttling.h"

#include <errno.h>
#include <limits.h>

static int read_long(const char *folder, const char *name, long *ret)
{
	char path[PATH_MAX];
	int err = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	if (fscanf(f, "%ld", ret) != 1)
		err = -EINVAL;
	fclose(f);
	return err;
}

int throttling_read(const char *folder, struct throttling *t)
{
	int err = read_long(folder, "sched_rt_runtime_us", &t->runtime_us);

	return err ? err : read_long(folder, "sched_rt_period_us", &t->period_us);
}

bool throttling_stops(const struct throttling *t, const struct conf_lcore *lc)
{
	return lc->class == LCORE_RT && lc->poll == POLL_BUSY && t->runtime_us >= 0 &&
		t->runtime_us < t->period_us;
}

enum throttling_verdict throttling_judge(const struct config *c, const struct conf_lcore *lc,
					 const char *folder, char *why, size_t size)
{
	bool refuse = c->dataplane->rt_throttling == CONF_THROTTLING_REFUSE;
	struct throttling t;

	if (throttling_read(folder, &t) || !throttling_stops(&t, lc))
		return THROTTLING_OFF;
	snprintf(why, size,
		 "lcore %s is real-time and busy, and RT throttling may stop it for %ld us of each "
		 "%ld us (kernel.sched_rt_runtime_us is %ld); right: sysctl -w "
		 "kernel.sched_rt_runtime_us=-1, or poll = adaptive%s",
		 lc->head.name, t.period_us - t.runtime_us, t.period_us, t.runtime_us,
		 refuse ? ", or rt-throttling = allow in [dataplane]" : "");
	return refuse ? THROTTLING_REFUSED : THROTTLING_ALLOWED;
}
