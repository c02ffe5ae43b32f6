/* SPDX-License-Identifier: BSD-3-Clause */
/* outsockd itself: its threads, its limits, its cgroup. */
#include "cli/doctor/doctor.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#define CAP_IPC_LOCK_BIT 14
#define CGROUP_MAX	 256

/* Is there exactly one? Else @ret_verdict. */
static bool one_daemon(struct host *h, struct report *r, enum verdict *ret_verdict)
{
	if (h->daemon > 0)
		return true;
	if (!h->daemon) {
		*ret_verdict = report(r, VERDICT_NA, "outsockd does not run");
		return false;
	}
	mend(r, "run doctor without --config, on the control socket of one of them");
	*ret_verdict = report(r, VERDICT_UNKNOWN, "several processes are outsockd");
	return false;
}

/* The lcore whose thread it is, or NULL. */
static const struct conf_lcore *lcore_of(const struct host *h, const struct host_thread *t)
{
	for (unsigned int i = 0; i < h->conf->n_lcores; i++) {
		char name[32];

		snprintf(name, sizeof(name), "lcore-%.9s", h->conf->lcores[i].head.name);
		if (!strcmp(t->name, name))
			return &h->conf->lcores[i];
	}
	return NULL;
}

/* ---- lcores ---- */

struct lcores {
	struct report *r;
	unsigned int n, n_wrong;
};

static bool only_cpu(const struct conf_cpus *cpus, unsigned int cpu)
{
	return cpus_count(cpus) == 1 && conf_has_cpu(cpus, cpu);
}

static int look_at_lcore(struct host *h, const struct host_thread *t, void *ctx)
{
	const struct conf_lcore *lc = lcore_of(h, t);
	struct lcores *l = ctx;
	bool fifo = lc && lc->class == LCORE_RT;

	if (!lc)
		return 0;
	l->n++;
	if (fifo && (t->policy != SCHED_FIFO || t->priority != lc->priority)) {
		report(l->r, VERDICT_BAD, "%slcore %s is not SCHED_FIFO %u", l->n_wrong ? ", " : "",
		       lc->head.name, lc->priority);
		mend(l->r, "%schrt -f -p %u %d", l->n_wrong++ ? " && " : "run: ", lc->priority,
		     t->tid);
	}
	if (!only_cpu(&t->allowed, lc->cpu)) {
		report(l->r, VERDICT_BAD, "%slcore %s is not on CPU %u", l->n_wrong ? ", " : "",
		       lc->head.name, lc->cpu);
		mend(l->r, "%staskset -pc %u %d", l->n_wrong++ ? " && " : "run: ", lc->cpu, t->tid);
	}
	return 0;
}

enum verdict check_lcore_threads(struct host *h, struct report *r)
{
	struct lcores l = { .r = r };
	enum verdict v;
	int err;

	if (!one_daemon(h, r, &v))
		return v;
	err = host_threads(h, h->daemon, look_at_lcore, &l);
	if (err)
		return unknown(h, r, err);
	if (l.n_wrong)
		return VERDICT_BAD;
	if (l.n == h->conf->n_lcores)
		return report(r, VERDICT_OK, "%u lcores, as configured", l.n);
	mend(r, "run: systemctl restart outsockd");
	return report(r, VERDICT_BAD, "%u threads for %u lcores: another configuration?", l.n,
		      h->conf->n_lcores);
}

/* Another lcore on its CPU. */
static bool shares_cpu(const struct config *c, const struct conf_lcore *lc)
{
	for (unsigned int i = 0; i < c->n_lcores; i++)
		if (&c->lcores[i] != lc && c->lcores[i].cpu == lc->cpu)
			return true;
	return false;
}

enum verdict check_shared_idle(struct host *h, struct report *r)
{
	enum verdict v = VERDICT_OK;

	for (unsigned int i = 0; i < h->conf->n_lcores; i++) {
		const struct conf_lcore *lc = &h->conf->lcores[i];

		if (lc->class != LCORE_RT || lc->poll != POLL_ADAPTIVE || !lc->idle_ns ||
		    !shares_cpu(h->conf, lc))
			continue;
		report(r, v, "%slcore %s shares CPU %u and looks for work for %llu us",
		       v == VERDICT_OK ? "" : ", ", lc->head.name, lc->cpu,
		       (unsigned long long)lc->idle_ns / 1000);
		mend(r, "%sconfigure: idle = 0us in [lcore %s]", v == VERDICT_OK ? "" : "\n",
		     lc->head.name);
		v = VERDICT_WARN;
	}
	return v == VERDICT_OK ? report(r, v, "no RT lcore does that on a shared CPU") : v;
}

/* ---- the others ---- */

struct others {
	unsigned int n;
	char first[32];
};

static int look_at_other(struct host *h, const struct host_thread *t, void *ctx)
{
	struct conf_cpus rt = cpus_and(&t->allowed, &h->rt);
	struct others *o = ctx;

	if (lcore_of(h, t) || !cpus_any(&rt))
		return 0;
	if (!o->n++)
		memcpy(o->first, t->name, sizeof(o->first));
	return 0;
}

enum verdict check_control_threads(struct host *h, struct report *r)
{
	struct others o = { 0 };
	enum verdict v;
	int err;

	if (!one_daemon(h, r, &v))
		return v;
	err = host_threads(h, h->daemon, look_at_other, &o);
	if (err)
		return unknown(h, r, err);
	if (!o.n)
		return report(r, VERDICT_OK, "none may run on CPUs %s", cpus_list(&h->rt));
	cpus_each(cpu, &h->others)
	{
		mend(r, "configure: control-cpu = %u in [dataplane]", cpu);
		break;
	}
	return report(r, VERDICT_BAD, "%u threads (%s) may run on CPUs %s", o.n, o.first,
		      cpus_list(&h->rt));
}

/* ---- memory ---- */

/* The word behind @name in a file of lines, "" if there is none. */
static int word_of(struct host *h, const char *file, const char *name, char *buf, size_t size)
{
	FILE *in = host_stream(h, "/proc/%d/%s", h->daemon, file);
	char line[HOST_LINE_MAX];

	if (!in)
		return -errno;
	buf[0] = '\0';
	while (!buf[0] && host_line(in, line, sizeof(line))) {
		char *word = line + strlen(name);

		if (strncmp(line, name, strlen(name)))
			continue;
		word += strspn(word, " \t");
		word[strcspn(word, " \t")] = '\0';
		snprintf(buf, size, "%s", word);
	}
	fclose(in);
	return buf[0] ? 0 : -EINVAL;
}

enum verdict check_memlock(struct host *h, struct report *r)
{
	char limit[32], caps[32], locked[32];
	enum verdict v;
	int err;

	if (!one_daemon(h, r, &v))
		return v;
	err = word_of(h, "limits", "Max locked memory", limit, sizeof(limit));
	if (!err)
		err = word_of(h, "status", "CapEff:", caps, sizeof(caps));
	if (!err)
		err = word_of(h, "status", "VmLck:", locked, sizeof(locked));
	if (err)
		return unknown(h, r, err);
	if (strcmp(limit, "unlimited") && !(strtoull(caps, NULL, 16) & 1ull << CAP_IPC_LOCK_BIT)) {
		mend(r,
		     "in [Service] of outsockd.service: LimitMEMLOCK=infinity\n"
		     "run: systemctl daemon-reload && systemctl restart outsockd");
		return report(r, VERDICT_BAD, "outsockd may lock %s bytes", limit);
	}
	if (strtoull(locked, NULL, 10))
		return report(r, VERDICT_OK, "outsockd has locked %s KiB", locked);
	mend(r, "run: systemctl restart outsockd");
	return report(r, VERDICT_BAD, "outsockd has not locked its memory");
}

/* ---- cgroup ---- */

/* Path of the daemon's cgroup: of version 2, or of the controller in version 1. -ENODATA: none */
static int cgroup_of(struct host *h, const char *controller, char *buf, size_t size, bool *ret_v1)
{
	FILE *in = host_stream(h, "/proc/%d/cgroup", h->daemon);
	char line[HOST_LINE_MAX];
	int err = -ENODATA;

	if (!in)
		return -errno;
	while (host_line(in, line, sizeof(line))) {
		char *names = strchr(line, ':'), *path = names ? strchr(names + 1, ':') : NULL;
		bool v1;

		if (!path || path[1] != '/' || strstr(path, "..") || strlen(path + 1) >= size) {
			err = -EINVAL;
			break;
		}
		*path++ = '\0';
		names++;
		v1 = *names;
		if (v1) {
			size_t n = strlen(controller);
			char *at = strstr(names, controller);

			while (at && ((at > names && at[-1] != ',') || (at[n] && at[n] != ',')))
				at = strstr(at + 1, controller);
			if (!at)
				continue;
		}
		/* A controller that version 1 has, version 2 has not. */
		if (v1 || err) {
			snprintf(buf, size, "%s", path);
			*ret_v1 = v1;
			err = 0;
		}
	}
	fclose(in);
	return err;
}

/* The folder above; false behind the topmost one. */
static bool go_up(char *path)
{
	char *slash = strrchr(path, '/');

	if (!path[0])
		return false;
	*(slash ? slash : path) = '\0';
	return true;
}

/* The quota of one folder; 0: none, 1: @text says which. A folder without the file has none. */
static int quota_of(struct host *h, const char *cgroup, bool v1, char *text, size_t size)
{
	const char *file = v1 ? "cpu.cfs_quota_us" : "cpu.max";
	int err = host_text(h, text, size, "/sys/fs/cgroup%s%s/%s", v1 ? "/cpu" : "", cgroup, file);

	if (err)
		return err == -ENOENT ? 0 : err;
	if (v1 ? !strcmp(text, "-1") : !strncmp(text, "max", 3))
		return 0;
	return text[0] >= '0' && text[0] <= '9' ? 1 : -EINVAL;
}

enum verdict check_cgroup_cpu(struct host *h, struct report *r)
{
	char cgroup[CGROUP_MAX], text[64];
	bool v1 = false;
	enum verdict v;
	int rc;

	if (!one_daemon(h, r, &v))
		return v;
	rc = cgroup_of(h, "cpu", cgroup, sizeof(cgroup), &v1);
	if (rc)
		return unknown(h, r, rc);
	if (!host_exists(h, "/sys/fs/cgroup%s%s", v1 ? "/cpu" : "", cgroup))
		return unknown(h, r, -ENOENT);
	if (!strcmp(cgroup, "/"))
		cgroup[0] = '\0';
	do {
		rc = quota_of(h, cgroup, v1, text, sizeof(text));
	} while (!rc && go_up(cgroup));
	if (rc < 0)
		return unknown(h, r, rc);
	if (!rc)
		return report(r, VERDICT_OK, "no quota");
	mend(r, "run: echo %s >%s", v1 ? "-1" : "max", h->path);
	return report(r, VERDICT_BAD, "%s says %s", h->path, text);
}

/* The set of the nearest folder that has one. */
static int cpuset_of(struct host *h, char *cgroup, bool v1, struct conf_cpus *ret)
{
	const char *file = v1 ? "cpuset.effective_cpus" : "cpuset.cpus.effective";
	int err;

	do {
		err = host_cpu_list(h, ret, "/sys/fs/cgroup%s%s/%s", v1 ? "/cpuset" : "", cgroup,
				    file);
	} while (err == -ENOENT && go_up(cgroup));
	return err;
}

enum verdict check_cgroup_cpuset(struct host *h, struct report *r)
{
	char cgroup[CGROUP_MAX];
	struct conf_cpus cpus, missing;
	bool v1 = false;
	enum verdict v;
	int err;

	if (!one_daemon(h, r, &v))
		return v;
	err = cgroup_of(h, "cpuset", cgroup, sizeof(cgroup), &v1);
	if (err)
		return unknown(h, r, err);
	if (!host_exists(h, "/sys/fs/cgroup%s%s", v1 ? "/cpuset" : "", cgroup))
		return unknown(h, r, -ENOENT);
	if (!strcmp(cgroup, "/"))
		cgroup[0] = '\0';
	err = cpuset_of(h, cgroup, v1, &cpus);
	if (err == -ENOENT)
		return report(r, VERDICT_OK, "no set of CPUs");
	if (err)
		return unknown(h, r, err);
	missing = cpus_without(&h->lcores, &cpus);
	if (!cpus_any(&missing))
		return report(r, VERDICT_OK, "CPUs %s", cpus_list(&cpus));
	cpus = cpus_or(&cpus, &missing);
	if (v1)
		mend(r, "run: echo %s >/sys/fs/cgroup/cpuset%s/cpuset.cpus", cpus_list(&cpus),
		     cgroup);
	else
		mend(r, "run: systemctl set-property outsockd AllowedCPUs=%s", cpus_list(&cpus));
	return report(r, VERDICT_BAD, "CPUs %s of lcores are not in %s", cpus_list(&missing),
		      h->path);
}
