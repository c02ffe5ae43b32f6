/* SPDX-License-Identifier: BSD-3-Clause */
/* What checks start from: the CPUs and whose they are, outsockd, and the guests' processes. */
#include "cli/doctor/host.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CMDLINE_MAX (1 << 16)
#define INODES_MAX  (2 * CONF_GUESTS_MAX)

int host_machine(struct host *h, unsigned int *ret_n_cpus)
{
	struct conf_cpus present;
	int err = host_cpu_list(h, &h->online, "/sys/devices/system/cpu/online");

	if (!err)
		err = host_cpu_list(h, &present, "/sys/devices/system/cpu/present");
	if (!err && !cpus_any(&present))
		err = -EINVAL;
	if (err)
		return err;
	cpus_each(cpu, &present) *ret_n_cpus = cpu + 1;
	return 0;
}

bool host_is_preempt_rt(struct host *h)
{
	char text[512];
	long long on;

	if (!host_number(h, &on, "/sys/kernel/realtime"))
		return on == 1;
	return !host_text(h, text, sizeof(text), "/proc/version") &&
		(strstr(text, "PREEMPT_RT") || strstr(text, "PREEMPT RT"));
}

/* ---- whose process has the socket of a guest ---- */

/* Inodes of the sockets that are bound to a guest's path, or come from one that is. */
struct inodes {
	unsigned int n;
	struct {
		unsigned long inode;
		const struct conf_guest *guest;
	} of[INODES_MAX];
};

static const struct conf_guest *guest_of(const struct host *h, const char *socket)
{
	for (unsigned int i = 0; i < h->conf->n_guests; i++)
		if (!strcmp(h->conf->guests[i].socket, socket))
			return &h->conf->guests[i];
	return NULL;
}

/* A line of /proc/net/unix: seven words, the last one the inode, and the path. */
static void take_socket(const struct host *h, char *line, struct inodes *inodes)
{
	char *word = line + strspn(line, " ");
	const struct conf_guest *guest;
	unsigned long inode;
	char *path;

	for (unsigned int i = 0; i < 6; i++) {
		word += strcspn(word, " ");
		word += strspn(word, " ");
	}
	inode = strtoul(word, &path, 10);
	path += strspn(path, " ");
	guest = inode ? guest_of(h, path) : NULL;
	if (!guest || inodes->n == INODES_MAX)
		return;
	inodes->of[inodes->n].inode = inode;
	inodes->of[inodes->n++].guest = guest;
}

static void read_sockets(struct host *h, struct inodes *inodes)
{
	FILE *in = host_stream(h, "/proc/net/unix");
	char line[HOST_LINE_MAX];

	inodes->n = 0;
	while (in && host_line(in, line, sizeof(line)))
		take_socket(h, line, inodes);
	if (in)
		fclose(in);
}

/* An RT guest before another one. */
static const struct conf_guest *better(const struct conf_guest *a, const struct conf_guest *b)
{
	return !a || (b && a->class != LCORE_RT && b->class == LCORE_RT) ? b : a;
}

static const struct conf_guest *guest_by_fd(struct host *h, int pid, const struct inodes *inodes)
{
	DIR *dir = inodes->n ? host_folder(h, "/proc/%d/fd", pid) : NULL;
	const struct conf_guest *guest = NULL;
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		unsigned long inode;
		char target[64];

		if (host_link(h, target, sizeof(target), "/proc/%d/fd/%s", pid, e->d_name) ||
		    sscanf(target, "socket:[%lu]", &inode) != 1)
			continue;
		for (unsigned int i = 0; i < inodes->n; i++)
			if (inodes->of[i].inode == inode)
				guest = better(guest, inodes->of[i].guest);
	}
	if (dir)
		closedir(dir);
	return guest;
}

/* Is @path in the argument, not as a part of a longer one? */
static bool names(const char *text, const char *path)
{
	size_t n = strlen(path);

	for (const char *p = strstr(text, path); p; p = strstr(p + 1, path))
		if ((p == text || !isalnum((unsigned char)p[-1])) && (!p[n] || strchr(",?", p[n])))
			return true;
	return false;
}

/* The VMM that connects has no name on its socket, but the path on its command line. */
static const struct conf_guest *guest_by_words(struct host *h, int pid)
{
	const struct conf_guest *guest = NULL;
	char *text = malloc(CMDLINE_MAX);

	if (text && !host_text(h, text, CMDLINE_MAX, "/proc/%d/cmdline", pid))
		for (unsigned int i = 0; i < h->conf->n_guests; i++)
			if (names(text, h->conf->guests[i].socket))
				guest = better(guest, &h->conf->guests[i]);
	free(text);
	return guest;
}

static int any_vcpu(struct host *h, const struct host_thread *t, void *ctx)
{
	return host_is_vcpu(t);
}

/* Others may name a guest's socket too: the daemon, a shell, a manager of VMs. */
static bool is_vmm(struct host *h, int pid, const char *comm)
{
	return !strncmp(comm, "qemu", 4) || !strcmp(comm, "kvm") ||
		host_threads(h, pid, any_vcpu, NULL) == 1;
}

static int look_at(struct host *h, int pid, void *ctx)
{
	const struct inodes *inodes = ctx;
	const struct conf_guest *guest;
	char comm[32];

	host_comm(h, pid, comm, sizeof(comm));
	if (!strcmp(comm, "outsockd")) {
		h->daemon = h->daemon ? -1 : pid;
		return 0;
	}
	guest = better(guest_by_words(h, pid), guest_by_fd(h, pid, inodes));
	if (guest && is_vmm(h, pid, comm) && h->n_vms < HOST_VMS_MAX)
		h->vms[h->n_vms++] = (struct host_vm){ pid, guest };
	return 0;
}

/* CPUs of RT guests: their vCPUs sleep there. */
static int add_pinned(struct host *h, const struct host_thread *t, void *ctx)
{
	if (host_is_vcpu(t) && cpus_count(&t->allowed) == 1)
		h->vcpus = cpus_or(&h->vcpus, &t->allowed);
	return 0;
}

static int by_pid(const void *a, const void *b)
{
	return ((const struct host_vm *)a)->pid - ((const struct host_vm *)b)->pid;
}

static void find_processes(struct host *h)
{
	int known = h->daemon;
	struct inodes *inodes = malloc(sizeof(*inodes));

	if (!inodes)
		return;
	read_sockets(h, inodes);
	host_pids(h, look_at, inodes);
	free(inodes);
	if (known)
		h->daemon = known;
	qsort(h->vms, h->n_vms, sizeof(h->vms[0]), by_pid);
	for (unsigned int i = 0; i < h->n_vms; i++)
		if (h->vms[i].guest->class == LCORE_RT)
			host_threads(h, h->vms[i].pid, add_pinned, NULL);
}

void host_examine(struct host *h)
{
	for (unsigned int i = 0; i < h->conf->n_lcores; i++) {
		const struct conf_lcore *lc = &h->conf->lcores[i];

		cpus_add(&h->lcores, lc->cpu);
		if (lc->class != LCORE_RT)
			continue;
		cpus_add(&h->rt, lc->cpu);
		if (lc->poll == POLL_BUSY)
			h->busy = true;
		else
			cpus_add(&h->sleeping, lc->cpu);
	}
	find_processes(h);
	h->sleeping = cpus_or(&h->sleeping, &h->vcpus);
	h->quiet = cpus_or(&h->rt, &h->vcpus);
	h->others = cpus_without(&h->online, &h->quiet);
	if (!cpus_any(&h->others))
		h->others = h->online;
}

int host_node_of(struct host *h, unsigned int cpu)
{
	struct conf_cpus nodes, cpus;

	if (host_cpu_list(h, &nodes, "/sys/devices/system/node/online"))
		return -1;
	cpus_each(node,
		  &nodes) if (!host_cpu_list(h, &cpus, "/sys/devices/system/node/node%u/cpulist",
					     node) &&
			      conf_has_cpu(&cpus, cpu)) return (int)node;
	return -1;
}
