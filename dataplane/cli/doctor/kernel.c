/* SPDX-License-Identifier: BSD-3-Clause */
/* The kernel, and how it was told to leave CPUs alone. */
#include "cli/doctor/doctor.h"
#include "main/throttling.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WORD_MAX 4096

enum verdict check_cpus_left(struct host *h, struct report *r)
{
	struct conf_cpus left = cpus_without(&h->online, &h->quiet);

	if (cpus_any(&left))
		return report(r, VERDICT_OK, "CPUs %s", cpus_list(&left));
	mend(r, "configure: cpu = one for the RT lcores that leaves another one for the rest");
	return report(r, VERDICT_BAD, "RT lcores and vCPUs have all CPUs (%s)",
		      cpus_list(&h->online));
}

enum verdict check_preempt_rt(struct host *h, struct report *r)
{
	char text[512];
	int err;

	if (host_is_preempt_rt(h))
		return report(r, VERDICT_OK, "a PREEMPT_RT kernel");
	err = host_text(h, text, sizeof(text), "/proc/version");
	if (err)
		return unknown(h, r, err);
	mend(r, "run: apt-get install linux-image-rt-amd64 && reboot");
	return report(r, VERDICT_BAD, "not a PREEMPT_RT kernel: %s",
		      strstr(text, "PREEMPT_DYNAMIC")	? "PREEMPT_DYNAMIC"
			      : strstr(text, "PREEMPT") ? "PREEMPT"
							: "no PREEMPT");
}

/* The CPUs of an isolcpus= word, behind its flags. */
static const char *behind_flags(const char *word)
{
	while (isalpha((unsigned char)*word)) {
		word += strcspn(word, ",");
		word += *word == ',';
	}
	return word;
}

/* In isolated partitions of cpusets, where the kernel tells. */
static struct conf_cpus partitions(struct host *h)
{
	struct conf_cpus cpus;

	if (host_cpu_list(h, &cpus, "/sys/fs/cgroup/cpuset.cpus.isolated"))
		memset(&cpus, 0, sizeof(cpus));
	return cpus;
}

/* All that should be in a list of the command line, and is in it. */
static const char *boot_list(const struct host *h, const struct conf_cpus *now)
{
	struct conf_cpus cpus = cpus_or(&h->quiet, now);

	return cpus_list(&cpus);
}

enum verdict check_isolcpus(struct host *h, struct report *r)
{
	struct conf_cpus by_cpuset = partitions(h), by_boot, all, missing, asked;
	char word[WORD_MAX];
	int err = host_boot_word(h, "isolcpus", word, sizeof(word));

	if (!err)
		err = host_cpu_list(h, &by_boot, "/sys/devices/system/cpu/isolated");
	if (err)
		return unknown(h, r, err);
	all = cpus_or(&by_boot, &by_cpuset);
	missing = cpus_without(&h->rt, &all);
	if (!cpus_any(&missing) && (strstr(word, "managed_irq") || !word[0]))
		return report(r, VERDICT_OK, "CPUs %s are isolated", cpus_list(&h->rt));
	mend(r, "boot with: isolcpus=managed_irq,domain,%s", boot_list(h, &by_boot));
	if (!cpus_any(&missing))
		return report(r, VERDICT_WARN,
			      "CPUs %s are isolated, but managed interrupts may go there",
			      cpus_list(&h->rt));
	report(r, VERDICT_BAD, "CPUs %s are not isolated", cpus_list(&missing));
	if (word[0] && !cpus_parse_list(behind_flags(word), &asked)) {
		asked = cpus_and(&asked, &missing);
		if (cpus_any(&asked))
			report(r, VERDICT_BAD,
			       ", though the kernel's command line says isolcpus=%s", word);
	}
	return VERDICT_BAD;
}

enum verdict check_nohz_full(struct host *h, struct report *r)
{
	struct conf_cpus effective, missing;
	char word[WORD_MAX];
	int err = host_cpu_list(h, &effective, "/sys/devices/system/cpu/nohz_full");

	if (err)
		return unknown(h, r, err);
	missing = cpus_without(&h->rt, &effective);
	if (!cpus_any(&missing))
		return report(r, VERDICT_OK, "no tick on CPUs %s", cpus_list(&h->rt));
	mend(r, "boot with: nohz_full=%s", boot_list(h, &effective));
	report(r, VERDICT_BAD, "CPUs %s have a timer tick", cpus_list(&missing));
	if (!host_boot_word(h, "nohz_full", word, sizeof(word)) && word[0])
		report(r, VERDICT_BAD, ", though the kernel's command line says nohz_full=%s",
		       word);
	/* The tick of a CPU that is idle stops anyway. */
	return h->busy ? VERDICT_BAD : VERDICT_WARN;
}

/* ---- RCU ---- */

/* Threads that run callbacks: of which CPUs, and those that may run on an RT one. */
struct rcu {
	struct conf_cpus served;
	unsigned int n, n_stray;
};

static int look_at_rcu(struct host *h, const struct host_thread *t, void *ctx)
{
	struct rcu *rcu = ctx;
	struct conf_cpus stray = cpus_and(&t->allowed, &h->rt);

	rcu->n_stray += cpus_any(&stray);
	return 0;
}

static int find_rcu(struct host *h, int pid, void *ctx)
{
	struct rcu *rcu = ctx;
	char comm[32], kind;
	unsigned int cpu;

	host_comm(h, pid, comm, sizeof(comm));
	if (sscanf(comm, "rcuo%c/%u", &kind, &cpu) != 2 || cpu >= CPUS_MAX)
		return 0;
	rcu->n++;
	if (kind != 'g')
		cpus_add(&rcu->served, cpu);
	return host_threads(h, pid, look_at_rcu, rcu);
}

/* CPUs that the command line names, by itself or through nohz_full. */
static int rcu_asked(struct host *h, struct conf_cpus *ret)
{
	struct conf_cpus cpus = { 0 }, nohz = { 0 };
	char word[WORD_MAX];
	int err = host_boot_word(h, "rcu_nocbs", word, sizeof(word));

	if (!err && !strcmp(word, "all"))
		cpus = h->online;
	else if (!err)
		err = cpus_parse_list(word, &cpus);
	if (err)
		return err;
	/* Checked on its own. */
	if (host_cpu_list(h, &nohz, "/sys/devices/system/cpu/nohz_full"))
		memset(&nohz, 0, sizeof(nohz));
	snprintf(h->path, sizeof(h->path), "/proc/cmdline");
	*ret = cpus_or(&cpus, &nohz);
	return 0;
}

enum verdict check_rcu_nocbs(struct host *h, struct report *r)
{
	struct conf_cpus asked, missing;
	struct rcu rcu = { 0 };
	int err = rcu_asked(h, &asked);

	if (!err)
		err = host_pids(h, find_rcu, &rcu);
	if (err)
		return unknown(h, r, err);
	if (!rcu.n) {
		mend(r, "boot with: rcu_nocbs=%s\nit needs a kernel with CONFIG_RCU_NOCB_CPU",
		     boot_list(h, &asked));
		return report(r, VERDICT_BAD, "no RCU callback thread runs (rcuop/N)");
	}
	missing = cpus_without(&h->rt, &rcu.served);
	if (cpus_any(&missing)) {
		struct conf_cpus ignored = cpus_and(&missing, &asked);

		mend(r, "boot with: rcu_nocbs=%s", boot_list(h, &asked));
		return report(r, VERDICT_BAD, "RCU callbacks of CPUs %s run there%s",
			      cpus_list(&missing),
			      cpus_any(&ignored) ? ", though the command line says otherwise" : "");
	}
	if (!rcu.n_stray)
		return report(r, VERDICT_OK, "RCU callbacks of CPUs %s run elsewhere",
			      cpus_list(&h->rt));
	mend(r, "run: for p in $(pgrep rcuo); do taskset -pc %s $p; done", cpus_list(&h->others));
	return report(r, VERDICT_WARN, "%u RCU callback threads may run on CPUs %s", rcu.n_stray,
		      cpus_list(&h->rt));
}

/* ---- who may take CPU time from real-time threads ---- */

enum verdict check_rt_throttling(struct host *h, struct report *r)
{
	long long runtime, period;
	int err = host_number(h, &runtime, "/proc/sys/kernel/sched_rt_runtime_us");

	if (!err)
		err = host_number(h, &period, "/proc/sys/kernel/sched_rt_period_us");
	if (err)
		return unknown(h, r, err);
	if (runtime < 0 || runtime >= period)
		return report(r, VERDICT_OK, "off");
	mend(r, "run: sysctl -w kernel.sched_rt_runtime_us=-1");
	report(r, VERDICT_OK, "real-time threads have %lld us of each %lld us", runtime, period);
	if (h->busy)
		return VERDICT_BAD;
	return report(r, VERDICT_WARN, ", and RT lcores sleep when idle");
}

enum verdict check_fair_server(struct host *h, struct report *r)
{
	struct conf_cpus taken = { 0 };
	char release[64];
	int err = host_text(h, release, sizeof(release), "/proc/sys/kernel/osrelease");
	unsigned int major, minor;

	if (err)
		return unknown(h, r, err);
	if (sscanf(release, "%u.%u", &major, &minor) != 2)
		return unknown(h, r, -EINVAL);
	if (major < 6 || (major == 6 && minor < 12))
		return report(r, VERDICT_NA, "Linux %u.%u has none", major, minor);
	cpus_each(cpu, &h->rt)
	{
		long long ns;

		err = host_number(h, &ns, "/sys/kernel/debug/sched/fair_server/cpu%u/runtime", cpu);
		if (err)
			return unknown(h, r, err);
		if (ns)
			cpus_add(&taken, cpu);
	}
	if (!cpus_any(&taken))
		return report(r, VERDICT_OK, "off on CPUs %s", cpus_list(&h->rt));
	mend(r, "run: echo 0 | tee /sys/kernel/debug/sched/fair_server/cpu%s/runtime",
	     cpus_braces(&taken));
	return report(r, VERDICT_WARN, "on, on CPUs %s", cpus_list(&taken));
}
