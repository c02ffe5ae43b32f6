/* SPDX-License-Identifier: BSD-3-Clause */
/* Which NUMA node ports, lcores and guests' memory are on. */
#include "cli/doctor/doctor.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NODE_DIR      "/sys/devices/system/node"
#define FOREIGN_SHARE 10 /* one page in so many may lie elsewhere */

/* 1, or -errno: more are told apart by what follows. */
static int nodes_of(struct host *h, struct conf_cpus *nodes)
{
	int err = host_cpu_list(h, nodes, NODE_DIR "/online");

	return !err && !cpus_any(nodes) ? -EINVAL : err;
}

enum verdict check_numa_balancing(struct host *h, struct report *r)
{
	struct conf_cpus nodes;
	long long on;
	int err = nodes_of(h, &nodes);

	if (err)
		return unknown(h, r, err);
	if (cpus_count(&nodes) == 1)
		return report(r, VERDICT_NA, "one NUMA node");
	if (host_is_preempt_rt(h) && !host_exists(h, "/proc/sys/kernel/numa_balancing"))
		return report(r, VERDICT_NA, "a PREEMPT_RT kernel has none");
	err = host_number(h, &on, "/proc/sys/kernel/numa_balancing");
	if (err)
		return unknown(h, r, err);
	if (!on)
		return report(r, VERDICT_OK, "off");
	mend(r, "run: sysctl -w kernel.numa_balancing=0");
	return report(r, VERDICT_BAD, "on");
}

/* ---- ports ---- */

/* The interface a virtual device is made of, or "". */
static void iface_of(const char *device, char *buf, size_t size)
{
	const char *word = strstr(device, "iface=");
	size_t n;

	buf[0] = '\0';
	if (!word)
		return;
	word += strlen("iface=");
	n = strcspn(word, ",");
	if (n < size && !memchr(word, '/', n)) {
		memcpy(buf, word, n);
		buf[n] = '\0';
	}
}

/* -1: of none, or not known. */
static int node_of_port(struct host *h, const struct conf_port *port)
{
	char iface[64];
	long long node;

	if (isxdigit((unsigned char)port->device[0]) &&
	    !host_number(h, &node, "/sys/bus/pci/devices/%s/numa_node", port->device))
		return (int)node;
	iface_of(port->device, iface, sizeof(iface));
	if (iface[0] && !host_number(h, &node, "/sys/class/net/%s/device/numa_node", iface))
		return (int)node;
	return -1;
}

/* ---- guests' memory ---- */

/* Pages of a process, on RT lcores' nodes and on others. */
struct pages {
	unsigned long long here, there;
	unsigned int where; /* one of the others */
};

/* "N1=512" */
static void take_word(const char *word, const struct conf_cpus *nodes, struct pages *pages)
{
	unsigned long long n;
	unsigned int node;

	if (sscanf(word, "N%u=%llu", &node, &n) != 2 || node >= CPUS_MAX || n > 1ull << 40)
		return;
	if (conf_has_cpu(nodes, node)) {
		pages->here += n;
	} else {
		pages->there += n;
		pages->where = node;
	}
}

static int pages_of(struct host *h, int pid, const struct conf_cpus *nodes, struct pages *pages)
{
	FILE *in = host_stream(h, "/proc/%d/numa_maps", pid);
	char line[HOST_LINE_MAX];

	memset(pages, 0, sizeof(*pages));
	if (!in)
		return -errno;
	while (host_line(in, line, sizeof(line))) {
		char *save = NULL;

		for (char *word = strtok_r(line, " ", &save); word;
		     word = strtok_r(NULL, " ", &save))
			take_word(word, nodes, pages);
	}
	fclose(in);
	return 0;
}

/* ---- the check ---- */

static int nodes_of_rt(struct host *h, struct conf_cpus *ret)
{
	memset(ret, 0, sizeof(*ret));
	cpus_each(cpu, &h->rt)
	{
		int node = host_node_of(h, cpu);

		if (node < 0)
			return -EINVAL;
		cpus_add(ret, (unsigned int)node);
	}
	return 0;
}

static void next_mend(struct report *r)
{
	mend(r, "%s", ftell(r->mend) > 0 ? "\n" : "");
}

/* RT lcores away from every port that is on a node. */
static enum verdict ports_and_lcores(struct host *h, struct report *r, const struct conf_cpus *rt)
{
	enum verdict v = VERDICT_OK;

	for (unsigned int i = 0; i < h->conf->n_ports; i++) {
		const struct conf_port *port = &h->conf->ports[i];
		int node = node_of_port(h, port);
		struct conf_cpus cpus;

		if (node < 0)
			continue;
		report(r, v, ", port %s on node %d", port->head.name, node);
		if (conf_has_cpu(rt, (unsigned int)node))
			continue;
		v = VERDICT_BAD;
		if (host_cpu_list(h, &cpus, NODE_DIR "/node%d/cpulist", node))
			memset(&cpus, 0, sizeof(cpus));
		next_mend(r);
		mend(r, "configure: cpu = one of %s for the RT lcores", cpus_list(&cpus));
	}
	return v;
}

static enum verdict guests(struct host *h, struct report *r, const struct conf_cpus *rt)
{
	unsigned int node = 0;
	enum verdict v = VERDICT_OK;

	cpus_each(n, rt)
	{
		node = n;
		break;
	}
	for (unsigned int i = 0; i < h->n_vms; i++) {
		const struct host_vm *vm = &h->vms[i];
		struct pages pages;
		int err;

		if (vm->guest->class != LCORE_RT)
			continue;
		err = pages_of(h, vm->pid, rt, &pages);
		if (err) {
			report(r, v, "; ");
			return unknown(h, r, err);
		}
		if (pages.there * FOREIGN_SHARE <= pages.here + pages.there)
			continue;
		v = VERDICT_BAD;
		report(r, v, ", %llu %% of guest %s's memory on node %u",
		       pages.there * 100 / (pages.here + pages.there), vm->guest->head.name,
		       pages.where);
		next_mend(r);
		mend(r, "run: migratepages %d %u %u", vm->pid, pages.where, node);
	}
	return v;
}

enum verdict check_numa_placement(struct host *h, struct report *r)
{
	enum verdict of_ports, of_guests;
	struct conf_cpus nodes, rt;
	int err = nodes_of(h, &nodes);

	if (err)
		return unknown(h, r, err);
	if (cpus_count(&nodes) == 1)
		return report(r, VERDICT_NA, "one NUMA node");
	err = nodes_of_rt(h, &rt);
	if (err)
		return unknown(h, r, err);
	report(r, VERDICT_OK, "RT lcores on node %s", cpus_list(&rt));
	of_ports = ports_and_lcores(h, r, &rt);
	of_guests = guests(h, r, &rt);
	return of_ports == VERDICT_OK ? of_guests : of_ports;
}
