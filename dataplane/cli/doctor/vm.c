/* SPDX-License-Identifier: BSD-3-Clause */
/* The processes of guests: where their threads may run, and how they are scheduled. */
#include "cli/doctor/doctor.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#define TIDS_MAX 1024u

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* What the threads of a process, or of several, were found to be. */
struct found {
	unsigned int n_vcpus;
	unsigned int n;
	int tid[TIDS_MAX];		/* those to mend */
	struct conf_cpus taken, shared; /* by vCPUs that are pinned */
	int nobody; /* a process whose vCPUs can not be told from its other threads */
};

static void take(struct found *f, int tid)
{
	if (f->n < TIDS_MAX)
		f->tid[f->n++] = tid;
}

static struct found *found_new(void)
{
	return calloc(1, sizeof(struct found));
}

/* Ends with the list of threads, in order, as a shell's for takes it. */
static void mend_each(struct report *r, struct found *f, const char *command)
{
	qsort(f->tid, f->n, sizeof(f->tid[0]), by_number);
	mend(r, "run: for t in");
	for (unsigned int i = 0; i < f->n; i++)
		mend(r, " %d", f->tid[i]);
	mend(r, "; do %s $t; done", command);
}

/* @fn for the threads of all guests' processes, or of RT guests' ones. */
static int each_thread(struct host *h, bool rt_only, host_thread_fn fn, struct found *f)
{
	int err = 0;

	for (unsigned int i = 0; i < h->n_vms && !err; i++) {
		unsigned int before = f->n_vcpus;

		if (rt_only && h->vms[i].guest->class != LCORE_RT)
			continue;
		err = host_threads(h, h->vms[i].pid, fn, f);
		if (!err && f->n_vcpus == before)
			f->nobody = h->vms[i].pid;
	}
	return err;
}

static bool any_vm(const struct host *h, bool rt_only)
{
	for (unsigned int i = 0; i < h->n_vms; i++)
		if (!rt_only || h->vms[i].guest->class == LCORE_RT)
			return true;
	return false;
}

/* Threads without names of their own. */
static enum verdict no_vcpus(struct report *r, const struct found *f)
{
	mend(r, "start QEMU with: -name debug-threads=on");
	return report(r, VERDICT_UNKNOWN, "process %d does not name its vCPU threads", f->nobody);
}

typedef enum verdict (*judge_fn)(struct host *h, struct report *r, struct found *f);

static enum verdict check_vms(struct host *h, struct report *r, bool rt_only, host_thread_fn look,
			      judge_fn judge)
{
	enum verdict v;
	struct found *f;
	int err;

	if (!any_vm(h, rt_only))
		return report(r, VERDICT_NA, "no process has the socket of %s",
			      rt_only ? "an RT guest" : "a guest");
	f = found_new();
	if (!f)
		return unknown(h, r, -ENOMEM);
	err = each_thread(h, rt_only, look, f);
	v = err ? unknown(h, r, err) : judge(h, r, f);
	free(f);
	return v;
}

/* ---- threads on RT CPUs ---- */

static int on_rt_cpu(struct host *h, const struct host_thread *t, void *ctx)
{
	struct conf_cpus rt = cpus_and(&t->allowed, &h->rt);
	struct found *f = ctx;

	f->n_vcpus += host_is_vcpu(t);
	if (cpus_any(&rt))
		take(f, t->tid);
	return 0;
}

static enum verdict judge_affinity(struct host *h, struct report *r, struct found *f)
{
	char command[6000];

	if (!f->n)
		return report(r, VERDICT_OK, "no thread of %u VMs may run on CPUs %s", h->n_vms,
			      cpus_list(&h->rt));
	snprintf(command, sizeof(command), "taskset -pc %s", cpus_list(&h->others));
	mend_each(r, f, command);
	return report(r, VERDICT_BAD, "%u threads of VMs may run on CPUs %s", f->n,
		      cpus_list(&h->rt));
}

enum verdict check_vcpu_affinity(struct host *h, struct report *r)
{
	return check_vms(h, r, false, on_rt_cpu, judge_affinity);
}

/* ---- vCPUs of RT guests on CPUs of their own ---- */

static int pinned(struct host *h, const struct host_thread *t, void *ctx)
{
	struct found *f = ctx;
	struct conf_cpus twice;

	if (!host_is_vcpu(t))
		return 0;
	f->n_vcpus++;
	if (cpus_count(&t->allowed) != 1) {
		take(f, t->tid);
		return 0;
	}
	twice = cpus_or(&f->taken, &h->lcores);
	twice = cpus_and(&t->allowed, &twice);
	f->shared = cpus_or(&f->shared, &twice);
	f->taken = cpus_or(&f->taken, &t->allowed);
	return 0;
}

static enum verdict judge_pinning(struct host *h, struct report *r, struct found *f)
{
	struct conf_cpus in_use = cpus_or(&h->lcores, &f->taken);
	struct conf_cpus left = cpus_without(&h->online, &in_use);

	if (f->nobody)
		return no_vcpus(r, f);
	if (!f->n && !cpus_any(&f->shared))
		return report(r, VERDICT_OK, "%u vCPUs of RT guests, each on a CPU of its own",
			      f->n_vcpus);
	qsort(f->tid, f->n, sizeof(f->tid[0]), by_number);
	for (unsigned int i = 0; i < f->n; i++) {
		unsigned int cpu = 0;

		while (cpu < CPUS_MAX && !conf_has_cpu(&left, cpu))
			cpu++;
		if (cpu == CPUS_MAX)
			break;
		mend(r, "%staskset -pc %u %d", i ? " && " : "run: ", cpu, f->tid[i]);
		cpus_del(&left, cpu);
	}
	if (!ftell(r->mend))
		mend(r, "give each vCPU of an RT guest a CPU that no lcore and no other vCPU has");
	if (f->n)
		return report(r, VERDICT_WARN,
			      "%u of %u vCPUs of RT guests are not pinned to a CPU", f->n,
			      f->n_vcpus);
	return report(r, VERDICT_WARN, "vCPUs of RT guests share CPUs %s", cpus_list(&f->shared));
}

enum verdict check_vcpu_pinning(struct host *h, struct report *r)
{
	return check_vms(h, r, true, pinned, judge_pinning);
}

/* ---- their scheduling ---- */

static int is_real_time(struct host *h, const struct host_thread *t, void *ctx)
{
	struct found *f = ctx;

	if (!host_is_vcpu(t))
		return 0;
	f->n_vcpus++;
	if (t->policy != SCHED_FIFO && t->policy != SCHED_RR && t->policy != SCHED_DEADLINE)
		take(f, t->tid);
	return 0;
}

static enum verdict judge_scheduling(struct host *h, struct report *r, struct found *f)
{
	if (f->nobody)
		return no_vcpus(r, f);
	if (!f->n)
		return report(r, VERDICT_OK, "%u vCPUs of RT guests are real-time", f->n_vcpus);
	mend_each(r, f, "chrt -f -p 1");
	return report(r, VERDICT_BAD, "%u of %u vCPUs of RT guests are not SCHED_FIFO", f->n,
		      f->n_vcpus);
}

enum verdict check_vcpu_scheduling(struct host *h, struct report *r)
{
	return check_vms(h, r, true, is_real_time, judge_scheduling);
}
