/* SPDX-License-Identifier: BSD-3-Clause */
/* What the kernel does with memory behind its users' backs, and what there is for packets. */
#include "cli/doctor/doctor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define THP_DIR	 "/sys/kernel/mm/transparent_hugepage"
#define NODE_DIR "/sys/devices/system/node"

/* PREEMPT_RT kernels have none. */
static bool no_thp(struct host *h)
{
	return host_exists(h, "/sys/kernel/mm") && !host_exists(h, THP_DIR);
}

static enum verdict report_no_thp(struct report *r)
{
	return report(r, VERDICT_NA, "the kernel has no transparent huge pages");
}

enum verdict check_thp(struct host *h, struct report *r)
{
	char word[64];
	int err;

	if (no_thp(h))
		return report_no_thp(r);
	err = host_choice(h, word, sizeof(word), THP_DIR "/enabled");
	if (err)
		return unknown(h, r, err);
	if (strcmp(word, "always"))
		return report(r, VERDICT_OK, "%s", word);
	mend(r, "run: echo madvise >" THP_DIR "/enabled");
	return report(r, VERDICT_BAD, "%s", word);
}

enum verdict check_thp_defrag(struct host *h, struct report *r)
{
	char word[64];
	int err;

	if (no_thp(h))
		return report_no_thp(r);
	err = host_choice(h, word, sizeof(word), THP_DIR "/defrag");
	if (err)
		return unknown(h, r, err);
	if (!strcmp(word, "never") || !strcmp(word, "madvise"))
		return report(r, VERDICT_OK, "%s", word);
	mend(r, "run: echo madvise >" THP_DIR "/defrag");
	return report(r, strcmp(word, "always") ? VERDICT_WARN : VERDICT_BAD, "%s", word);
}

enum verdict check_khugepaged(struct host *h, struct report *r)
{
	char word[64];
	long long on;
	int err;

	if (no_thp(h))
		return report_no_thp(r);
	err = host_choice(h, word, sizeof(word), THP_DIR "/enabled");
	if (!err && !strcmp(word, "never"))
		return report(r, VERDICT_NA, "there are no transparent huge pages");
	if (!err)
		err = host_number(h, &on, THP_DIR "/khugepaged/defrag");
	if (err)
		return unknown(h, r, err);
	if (!on)
		return report(r, VERDICT_OK, "does not compact memory");
	mend(r, "run: echo 0 >" THP_DIR "/khugepaged/defrag");
	return report(r, VERDICT_WARN, "compacts memory");
}

enum verdict check_ksm(struct host *h, struct report *r)
{
	long long run;
	int err = host_number(h, &run, "/sys/kernel/mm/ksm/run");

	if (err)
		return unknown(h, r, err);
	if (run != 1)
		return report(r, VERDICT_OK, "off");
	mend(r, "run: echo 2 >/sys/kernel/mm/ksm/run");
	return report(r, VERDICT_BAD, "merges pages");
}

enum verdict check_swap(struct host *h, struct report *r)
{
	FILE *in = host_stream(h, "/proc/swaps");
	unsigned long long used = 0;
	char line[HOST_LINE_MAX];
	unsigned int n = 0;
	bool whole = true;

	if (!in)
		return unknown(h, r, -errno);
	if (!host_line(in, line, sizeof(line)) || strncmp(line, "Filename", 8))
		whole = false;
	while (whole && host_line(in, line, sizeof(line))) {
		unsigned long long kib;

		if (sscanf(line, "%*s %*s %*u %llu", &kib) != 1) {
			whole = false;
			break;
		}
		used += kib;
		n++;
	}
	fclose(in);
	if (!whole)
		return unknown(h, r, -EINVAL);
	if (!n)
		return report(r, VERDICT_OK, "none");
	mend(r, "run: swapoff -a");
	return report(r, used ? VERDICT_BAD : VERDICT_WARN, "%llu MiB are swapped out",
		      (used + 1023) / 1024);
}

/* ---- hugepages ---- */

struct huge {
	uint64_t free, all; /* bytes */
};

/* Of all sizes, in one folder. */
static int huge_in(struct host *h, const char *dir, struct huge *huge)
{
	static const unsigned int sizes[] = { 1048576, 2048 };
	int err = -ENOENT;

	memset(huge, 0, sizeof(*huge));
	for (unsigned int i = 0; i < 2; i++) {
		long long free, all;
		int e = host_number(h, &free, "%s/hugepages-%ukB/free_hugepages", dir, sizes[i]);

		if (!e)
			e = host_number(h, &all, "%s/hugepages-%ukB/nr_hugepages", dir, sizes[i]);
		if (e == -ENOENT)
			continue;
		if (e)
			return e;
		if (free < 0 || all < 0 || free > 1ll << 40 || all > 1ll << 40)
			return -EINVAL;
		err = 0;
		huge->free += ((uint64_t)free * sizes[i]) << 10;
		huge->all += ((uint64_t)all * sizes[i]) << 10;
	}
	return err;
}

/* Nodes with an RT lcore, and no free hugepage. */
static int empty_nodes(struct host *h, struct report *r, struct conf_cpus *ret)
{
	struct conf_cpus nodes;

	memset(ret, 0, sizeof(*ret));
	if (host_cpu_list(h, &nodes, NODE_DIR "/online") || cpus_count(&nodes) < 2)
		return 0;
	cpus_each(node, &nodes)
	{
		struct conf_cpus cpus;
		struct huge huge;
		char dir[64];
		int err = host_cpu_list(h, &cpus, NODE_DIR "/node%u/cpulist", node);

		snprintf(dir, sizeof(dir), NODE_DIR "/node%u/hugepages", node);
		if (!err)
			err = huge_in(h, dir, &huge);
		if (err)
			return err;
		report(r, VERDICT_OK, ", node %u: %llu MiB", node,
		       (unsigned long long)huge.free >> 20);
		cpus = cpus_and(&cpus, &h->rt);
		if (cpus_any(&cpus) && !huge.free)
			cpus_add(ret, node);
	}
	return 0;
}

static enum verdict not_enough(struct host *h, struct report *r, uint64_t missing)
{
	long long now = 0;
	int err = host_number(h, &now, "/proc/sys/vm/nr_hugepages");

	if (err)
		return unknown(h, r, err);
	mend(r, "run: sysctl -w vm.nr_hugepages=%llu",
	     (unsigned long long)now + (missing + (2 << 20) - 1) / (2 << 20));
	return VERDICT_BAD;
}

enum verdict check_hugepages(struct host *h, struct report *r)
{
	uint64_t need = h->conf->dataplane->memory;
	struct conf_cpus empty;
	struct huge huge;
	int err;

	if (!h->conf->dataplane->hugepages) {
		mend(r, "configure: hugepages = yes in [dataplane]");
		return report(r, VERDICT_BAD, "the configuration says hugepages = no");
	}
	if (h->daemon)
		return report(r, VERDICT_OK, "outsockd runs, and has its memory");
	err = huge_in(h, "/sys/kernel/mm/hugepages", &huge);
	if (err)
		return unknown(h, r, err);
	report(r, VERDICT_OK, "%llu MiB are free of %llu, memory = %llu MiB",
	       (unsigned long long)huge.free >> 20, (unsigned long long)huge.all >> 20,
	       (unsigned long long)need >> 20);
	if (huge.free < need)
		return not_enough(h, r, need - huge.free);
	err = empty_nodes(h, r, &empty);
	if (err)
		return report(r, VERDICT_OK, ", by node: "), unknown(h, r, err);
	if (!cpus_any(&empty))
		return VERDICT_OK;
	mend(r, "run: echo %llu | tee " NODE_DIR "/node%s/hugepages/hugepages-2048kB/nr_hugepages",
	     (unsigned long long)need >> 21, cpus_braces(&empty));
	return VERDICT_BAD;
}
