/* SPDX-License-Identifier: BSD-3-Clause */
/* Idle states, frequencies, sibling threads. */
#include "cli/doctor/doctor.h"

#include <errno.h>
#include <string.h>

#define CPU_DIR	       "/sys/devices/system/cpu"
#define LATENCY_MAX_US 2 /* of an idle state that does no harm: polling, the shallow halt */
#define STATES_MAX     16u

/* ---- idle states ---- */

/* Enabled states that are too deep, on any CPU; which CPUs have them. */
struct idle {
	struct conf_cpus cpus, states;
	char deepest[32];
	long long latency;
};

static int look_at_state(struct host *h, unsigned int cpu, unsigned int state, struct idle *idle)
{
	long long latency, off;
	char name[32];
	int err = host_number(h, &latency, CPU_DIR "/cpu%u/cpuidle/state%u/latency", cpu, state);

	if (!err)
		err = host_number(h, &off, CPU_DIR "/cpu%u/cpuidle/state%u/disable", cpu, state);
	if (!err)
		err = host_text(h, name, sizeof(name), CPU_DIR "/cpu%u/cpuidle/state%u/name", cpu,
				state);
	if (err || off || latency <= LATENCY_MAX_US)
		return err;
	cpus_add(&idle->cpus, cpu);
	cpus_add(&idle->states, state);
	if (latency > idle->latency) {
		idle->latency = latency;
		memcpy(idle->deepest, name, sizeof(name));
	}
	return 0;
}

static int look_at_states(struct host *h, unsigned int cpu, struct idle *idle)
{
	unsigned int state = 0;
	int err = 0;

	while (!err && state < STATES_MAX &&
	       host_exists(h, CPU_DIR "/cpu%u/cpuidle/state%u", cpu, state))
		err = look_at_state(h, cpu, state++, idle);
	if (!state)
		err = -ENOENT; /* h->path is the first one */
	return err;
}

enum verdict check_cstates(struct host *h, struct report *r)
{
	struct idle idle = { 0 };
	char text[64];
	int err = host_text(h, text, sizeof(text), CPU_DIR "/cpuidle/current_driver");

	if (err)
		return unknown(h, r, err);
	if (!strcmp(text, "none"))
		return report(r, VERDICT_NA, "no cpuidle driver: a halt is all there is");
	if (!host_boot_word(h, "idle", text, sizeof(text)) && !strcmp(text, "poll"))
		return report(r, VERDICT_OK, "idle=poll");
	if (!cpus_any(&h->sleeping))
		return report(r, VERDICT_NA, "RT lcores never sleep, and no RT guest is pinned");
	cpus_each(cpu, &h->sleeping)
	{
		err = look_at_states(h, cpu, &idle);
		if (err)
			return unknown(h, r, err);
	}
	if (!cpus_any(&idle.cpus))
		return report(r, VERDICT_OK, "none above %d us on CPUs %s", LATENCY_MAX_US,
			      cpus_list(&h->sleeping));
	mend(r, "run: echo 1 | tee " CPU_DIR "/cpu%s/cpuidle/state%s/disable",
	     cpus_braces(&idle.cpus), cpus_braces(&idle.states));
	return report(r, VERDICT_BAD, "CPUs %s go down to %s (%lld us)", cpus_list(&idle.cpus),
		      idle.deepest, idle.latency);
}

/* ---- frequency ---- */

/* RT CPUs on which the word in @file is another one; @ret_word: the first of these. */
static int others_than(struct host *h, const char *file, const char *want, struct conf_cpus *ret,
		       char *word, size_t size)
{
	memset(ret, 0, sizeof(*ret));
	cpus_each(cpu, &h->rt)
	{
		char text[64];
		int err = host_text(h, text, sizeof(text), CPU_DIR "/cpu%u/cpufreq/%s", cpu, file);

		if (err)
			return err;
		if (!strcmp(text, want))
			continue;
		if (!cpus_any(ret))
			snprintf(word, size, "%s", text);
		cpus_add(ret, cpu);
	}
	return 0;
}

/* Has any RT CPU such a file? */
static bool any_has(struct host *h, const char *file)
{
	bool any = false;

	cpus_each(cpu, &h->rt) any |= host_exists(h, CPU_DIR "/cpu%u/%s", cpu, file);
	return any;
}

static enum verdict performance(struct host *h, struct report *r, const char *file)
{
	struct conf_cpus cpus;
	char word[64];
	int err = others_than(h, file, "performance", &cpus, word, sizeof(word));

	if (err)
		return unknown(h, r, err);
	if (!cpus_any(&cpus))
		return report(r, VERDICT_OK, "performance on CPUs %s", cpus_list(&h->rt));
	mend(r, "run: echo performance | tee " CPU_DIR "/cpu%s/cpufreq/%s", cpus_braces(&cpus),
	     file);
	return report(r, VERDICT_BAD, "%s on CPUs %s", word, cpus_list(&cpus));
}

enum verdict check_governor(struct host *h, struct report *r)
{
	if (!any_has(h, "cpufreq"))
		return report(r, VERDICT_NA, "the kernel sets no frequencies here");
	return performance(h, r, "scaling_governor");
}

enum verdict check_epp(struct host *h, struct report *r)
{
	if (!any_has(h, "cpufreq/energy_performance_preference"))
		return report(r, VERDICT_NA, "the driver has no energy preference");
	return performance(h, r, "energy_performance_preference");
}

enum verdict check_turbo(struct host *h, struct report *r)
{
	static const struct {
		const char *path;
		long long off;
	} files[] = { { CPU_DIR "/intel_pstate/no_turbo", 1 }, { CPU_DIR "/cpufreq/boost", 0 } };

	for (unsigned int i = 0; i < 2; i++) {
		long long value;
		int err = host_number(h, &value, "%s", files[i].path);

		if (err == -ENOENT)
			continue;
		if (err)
			return unknown(h, r, err);
		if (value == files[i].off)
			return report(r, VERDICT_OK, "off");
		mend(r, "run: echo %lld >%s", files[i].off, files[i].path);
		return report(r, VERDICT_WARN, "on");
	}
	return report(r, VERDICT_NA, "the kernel does not control it");
}

/* ---- sibling threads ---- */

enum verdict check_smt(struct host *h, struct report *r)
{
	struct conf_cpus siblings = { 0 }, ours;

	cpus_each(cpu, &h->rt)
	{
		struct conf_cpus of_cpu;
		int err = host_cpu_list(h, &of_cpu, CPU_DIR "/cpu%u/topology/thread_siblings_list",
					cpu);

		if (err)
			return unknown(h, r, err);
		cpus_del(&of_cpu, cpu);
		siblings = cpus_or(&siblings, &of_cpu);
	}
	siblings = cpus_and(&siblings, &h->online);
	if (!cpus_any(&siblings))
		return report(r, VERDICT_OK, "CPUs %s have their cores alone", cpus_list(&h->rt));
	ours = cpus_and(&siblings, &h->lcores);
	if (cpus_any(&ours))
		mend(r,
		     "configure: another cpu = for the lcores on CPUs %s, then take these offline",
		     cpus_list(&ours));
	else
		mend(r, "run: echo 0 | tee " CPU_DIR "/cpu%s/online", cpus_braces(&siblings));
	return report(r, VERDICT_BAD, "CPUs %s are siblings of RT lcores' CPUs",
		      cpus_list(&siblings));
}
