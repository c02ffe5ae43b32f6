/* SPDX-License-Identifier: BSD-3-Clause */
/* Interrupts and deferred kernel work: on which CPUs. */
#include "cli/doctor/doctor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_MAX 8u
#define IRQS_MAX  (1u << 16)

/* ---- interrupts ---- */

/* Has it the handler of a port of ours, that wakes its lcore? */
static bool is_ports_own(const struct host *h, const char *handler)
{
	if (strncmp(handler, "vfio-", 5))
		return false;
	for (unsigned int i = 0; i < h->conf->n_ports; i++)
		if (strstr(handler, h->conf->ports[i].device))
			return true;
	return false;
}

/* Handlers are the folders in its folder; without one an interrupt never comes. */
static bool in_use(struct host *h, unsigned int irq)
{
	DIR *dir = host_folder(h, "/proc/irq/%u", irq);
	struct dirent *e;
	bool any = false;

	while (dir && (e = readdir(dir))) {
		bool folder = e->d_type == DT_DIR && e->d_name[0] != '.';

		if (folder && is_ports_own(h, e->d_name)) {
			any = false;
			break;
		}
		any |= folder;
	}
	if (dir)
		closedir(dir);
	return any;
}

struct irqs {
	unsigned int n, n_hit, n_may;
	unsigned int hit[IRQS_MAX];
};

static int look_at_irq(struct host *h, unsigned int irq, struct irqs *irqs)
{
	struct conf_cpus allowed, effective;
	int err = host_cpu_list(h, &allowed, "/proc/irq/%u/smp_affinity_list", irq);

	if (err == -ENOENT && !host_exists(h, "/proc/irq/%u", irq))
		return 0; /* it has just gone */
	if (err)
		snprintf(h->path, sizeof(h->path), "/proc/irq/%u/smp_affinity_list", irq);
	if (err || !in_use(h, irq))
		return err;
	irqs->n++;
	allowed = cpus_and(&allowed, &h->rt);
	if (!cpus_any(&allowed))
		return 0;
	if (irqs->n_hit + irqs->n_may < IRQS_MAX)
		irqs->hit[irqs->n_hit + irqs->n_may] = irq;
	err = host_cpu_list(h, &effective, "/proc/irq/%u/effective_affinity_list", irq);
	effective = err || !cpus_any(&effective) ? allowed : cpus_and(&effective, &h->rt);
	if (cpus_any(&effective))
		irqs->n_hit++;
	else
		irqs->n_may++;
	return 0;
}

static int by_number(const void *a, const void *b)
{
	unsigned int x = *(const unsigned int *)a, y = *(const unsigned int *)b;

	return x < y ? -1 : x > y;
}

/* A folder of /proc/irq that is an interrupt's number. */
static bool irq_number(const char *name, unsigned int *ret)
{
	char *end;
	unsigned long n = strtoul(name, &end, 10);

	*ret = (unsigned int)n;
	return name[0] >= '0' && name[0] <= '9' && !*end && n < IRQS_MAX;
}

static int look_at_irqs(struct host *h, struct irqs *irqs)
{
	DIR *dir = host_folder(h, "/proc/irq");
	struct dirent *e;
	int err = 0;

	if (!dir)
		return -errno;
	while (!err && (e = readdir(dir))) {
		unsigned int irq;

		if (irq_number(e->d_name, &irq))
			err = look_at_irq(h, irq, irqs);
	}
	closedir(dir);
	qsort(irqs->hit, irqs->n_hit + irqs->n_may, sizeof(irqs->hit[0]), by_number);
	return err;
}

static enum verdict judge_irqs(struct host *h, struct report *r, const struct irqs *irqs)
{
	unsigned int n = irqs->n_hit + irqs->n_may;

	if (!n)
		return report(r, VERDICT_OK, "none of %u goes to CPUs %s", irqs->n,
			      cpus_list(&h->rt));
	mend(r, "run: for i in");
	for (unsigned int i = 0; i < n; i++)
		mend(r, " %u", irqs->hit[i]);
	mend(r, "; do echo %s >/proc/irq/$i/smp_affinity_list; done", cpus_list(&h->others));
	report(r, VERDICT_OK, "%u of %u %s CPUs %s:", n, irqs->n,
	       irqs->n_hit ? "go or may go to" : "may go to", cpus_list(&h->rt));
	for (unsigned int i = 0; i < n && i < SHOWN_MAX; i++)
		report(r, VERDICT_OK, " %u", irqs->hit[i]);
	if (n > SHOWN_MAX)
		report(r, VERDICT_OK, " and others");
	return irqs->n_hit ? VERDICT_BAD : VERDICT_WARN;
}

enum verdict check_irq_affinity(struct host *h, struct report *r)
{
	struct irqs *irqs = calloc(1, sizeof(*irqs));
	int err = irqs ? look_at_irqs(h, irqs) : -ENOMEM;
	enum verdict v = err ? unknown(h, r, err) : judge_irqs(h, r, irqs);

	free(irqs);
	return v;
}

/* ---- masks ---- */

static enum verdict mask_without_rt(struct host *h, struct report *r, const char *path)
{
	struct conf_cpus cpus, rt;
	int err = host_cpu_mask(h, &cpus, "%s", path);

	if (err)
		return unknown(h, r, err);
	rt = cpus_and(&cpus, &h->rt);
	if (!cpus_any(&rt))
		return report(r, VERDICT_OK, "CPUs %s", cpus_list(&cpus));
	mend(r, "run: echo %s >%s", cpus_mask(&h->others), path);
	return report(r, VERDICT_BAD, "CPUs %s, real-time ones (%s) among them", cpus_list(&cpus),
		      cpus_list(&rt));
}

enum verdict check_default_irqs(struct host *h, struct report *r)
{
	enum verdict v = mask_without_rt(h, r, "/proc/irq/default_smp_affinity");

	if (v == VERDICT_BAD)
		mend(r, "\nboot with: irqaffinity=%s", cpus_list(&h->others));
	return v;
}

enum verdict check_workqueues(struct host *h, struct report *r)
{
	return mask_without_rt(h, r, "/sys/devices/virtual/workqueue/cpumask");
}

enum verdict check_writeback(struct host *h, struct report *r)
{
	return mask_without_rt(h, r, "/sys/devices/virtual/workqueue/writeback/cpumask");
}

/* ---- irqbalance ---- */

static int is_irqbalance(struct host *h, int pid, void *ctx)
{
	char comm[32];

	host_comm(h, pid, comm, sizeof(comm));
	return strcmp(comm, "irqbalance") ? 0 : pid;
}

/* CPUs it leaves alone: those its environment names, else isolated and nohz_full ones. */
static struct conf_cpus banned(struct host *h, int pid)
{
	static const char list[] = "IRQBALANCE_BANNED_CPULIST=";
	static const char mask[] = "IRQBALANCE_BANNED_CPUS=";
	struct conf_cpus cpus = { 0 }, nohz = { 0 };
	char text[16384], *save = NULL;

	if (host_text(h, text, sizeof(text), "/proc/%d/environ", pid))
		text[0] = '\0';
	/* What was between its words is not text. */
	for (char *word = strtok_r(text, "?", &save); word; word = strtok_r(NULL, "?", &save)) {
		if (!strncmp(word, list, strlen(list)) &&
		    !cpus_parse_list(word + strlen(list), &cpus))
			return cpus;
		if (!strncmp(word, mask, strlen(mask)) &&
		    !cpus_parse_mask(word + strlen(mask), &cpus))
			return cpus;
	}
	if (host_cpu_list(h, &cpus, "/sys/devices/system/cpu/isolated"))
		memset(&cpus, 0, sizeof(cpus));
	if (host_cpu_list(h, &nohz, "/sys/devices/system/cpu/nohz_full"))
		memset(&nohz, 0, sizeof(nohz));
	return cpus_or(&cpus, &nohz);
}

enum verdict check_irqbalance(struct host *h, struct report *r)
{
	int pid = host_pids(h, is_irqbalance, NULL);
	struct conf_cpus left_alone, missing;

	if (pid < 0)
		return unknown(h, r, pid);
	if (!pid)
		return report(r, VERDICT_OK, "does not run");
	left_alone = banned(h, pid);
	missing = cpus_without(&h->rt, &left_alone);
	if (!cpus_any(&missing))
		return report(r, VERDICT_OK, "runs, and leaves CPUs %s alone", cpus_list(&h->rt));
	mend(r, "run: systemctl disable --now irqbalance");
	return report(r, VERDICT_BAD, "runs, and may use CPUs %s", cpus_list(&missing));
}
