/* SPDX-License-Identifier: BSD-3-Clause */
/* What the kernel does on every CPU: clocks, timers, watchdogs, statistics, tracers. */
#include "cli/doctor/doctor.h"

#include <errno.h>
#include <string.h>

enum verdict check_timer_migration(struct host *h, struct report *r)
{
	struct conf_cpus nohz, missing;
	long long on;
	int err = host_number(h, &on, "/proc/sys/kernel/timer_migration");
	bool want;

	if (err)
		return unknown(h, r, err);
	err = host_cpu_list(h, &nohz, "/sys/devices/system/cpu/nohz_full");
	if (err && err != -ENOENT)
		return unknown(h, r, err);
	if (err) /* the kernel has no such CPUs */
		memset(&nohz, 0, sizeof(nohz));
	/* Nothing migrates to CPUs without a tick, and what they start goes elsewhere. */
	missing = cpus_without(&h->rt, &nohz);
	want = !cpus_any(&missing);
	if ((on != 0) == want)
		return report(r, VERDICT_OK, "%s, as it should be %s nohz_full", on ? "on" : "off",
			      want ? "with" : "without");
	mend(r, "run: sysctl -w kernel.timer_migration=%d", want);
	return report(r, VERDICT_WARN,
		      want ? "off: timers stay on CPUs %s"
			   : "on: timers of others expire on CPUs %s",
		      cpus_list(&h->rt));
}

enum verdict check_clocksource(struct host *h, struct report *r)
{
	static const char dir[] = "/sys/devices/system/clocksource/clocksource0";
	char now[64], all[256];
	int err = host_text(h, now, sizeof(now), "%s/current_clocksource", dir);

	if (!err)
		err = host_text(h, all, sizeof(all), "%s/available_clocksource", dir);
	if (err)
		return unknown(h, r, err);
	if (!strcmp(now, "tsc") || !strcmp(now, "arch_sys_counter"))
		return report(r, VERDICT_OK, "%s", now);
	if (strstr(all, "tsc"))
		mend(r, "run: echo tsc >%s/current_clocksource", dir);
	else
		mend(r, "boot with: tsc=reliable");
	/* These read the TSC. */
	return report(r,
		      !strcmp(now, "kvm-clock") || !strncmp(now, "hyperv", 6) ? VERDICT_WARN
									      : VERDICT_BAD,
		      "%s", now);
}

/* A watchdog that @file switches on and off, on the CPUs of one mask. */
static enum verdict watchdog(struct host *h, struct report *r, const char *file)
{
	struct conf_cpus cpus;
	long long on;
	int err = host_number(h, &on, "/proc/sys/kernel/%s", file);

	if (err)
		return unknown(h, r, err);
	if (!on)
		return report(r, VERDICT_OK, "off");
	err = host_cpu_list(h, &cpus, "/proc/sys/kernel/watchdog_cpumask");
	if (err)
		return unknown(h, r, err);
	cpus = cpus_and(&cpus, &h->rt);
	if (!cpus_any(&cpus))
		return report(r, VERDICT_OK, "on, but not on CPUs %s", cpus_list(&h->rt));
	return report(r, VERDICT_BAD, "on, on CPUs %s", cpus_list(&cpus));
}

enum verdict check_nmi_watchdog(struct host *h, struct report *r)
{
	enum verdict v = watchdog(h, r, "nmi_watchdog");

	if (v == VERDICT_BAD)
		mend(r, "run: sysctl -w kernel.nmi_watchdog=0");
	return v;
}

enum verdict check_soft_watchdog(struct host *h, struct report *r)
{
	enum verdict v = watchdog(h, r, "soft_watchdog");

	if (v == VERDICT_BAD)
		mend(r, "run: sysctl -w kernel.watchdog_cpumask=%s", cpus_list(&h->others));
	return v;
}

enum verdict check_vmstat(struct host *h, struct report *r)
{
	long long seconds;
	int err = host_number(h, &seconds, "/proc/sys/vm/stat_interval");

	if (err)
		return unknown(h, r, err);
	if (seconds >= 10)
		return report(r, VERDICT_OK, "each %lld s", seconds);
	mend(r, "run: sysctl -w vm.stat_interval=10");
	return report(r, VERDICT_WARN, "each %lld s", seconds);
}

/* A hint: who traces knows it. */
enum verdict check_tracing(struct host *h, struct report *r)
{
	static const char *const dirs[] = { "/sys/kernel/tracing", "/sys/kernel/debug/tracing" };
	char tracer[64];
	int err = 0;

	for (unsigned int i = 0; i < 2; i++) {
		err = host_text(h, tracer, sizeof(tracer), "%s/current_tracer", dirs[1 - i]);
		if (err)
			continue;
		if (!strcmp(tracer, "nop"))
			return report(r, VERDICT_OK, "no tracer");
		mend(r, "run: echo nop >%s/current_tracer", dirs[1 - i]);
		return report(r, VERDICT_WARN, "the tracer '%s' is on", tracer);
	}
	return unknown(h, r, err);
}
