/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The host that is examined: its files, read below some folder (/, or a copy of /proc and /sys),
 * and what the configuration says about its CPUs.
 *
 * Reads are bounded and take any bytes: what is not what it should be is an error, and what is
 * shown is printable. Errors are negative errno: -EINVAL not the kind of text that was
 * expected, -EFBIG longer than it can be.
 */
#ifndef OUTSOCK_DATAPLANE_CLI_DOCTOR_HOST_H
#define OUTSOCK_DATAPLANE_CLI_DOCTOR_HOST_H

#include "main/config.h"

#include <dirent.h>
#include <sys/types.h>

#define HOST_PATH_MAX 512
#define HOST_LINE_MAX 512
#define HOST_VMS_MAX  CONF_GUESTS_MAX

/* A process that runs a configured guest; an RT one if it has several. */
struct host_vm {
	int pid;
	const struct conf_guest *guest;
};

/**
 * struct host - a host, and its configuration
 * @root: folder that stands for /
 * @path: the last file that was looked at, for messages
 * @rt, @lcores: CPUs of RT lcores, of all lcores
 * @vcpus: CPUs that a vCPU of an RT guest is pinned to
 * @sleeping: CPUs of adaptive RT lcores, and @vcpus
 * @quiet: @rt and @vcpus
 * @others: the online CPUs that are left for everything else; all, if none is
 * @busy: there is an RT lcore that never sleeps
 * @daemon: process id of outsockd, 0: none runs, -1: several do
 */
struct host {
	int root;
	char path[HOST_PATH_MAX];
	const struct config *conf;
	struct conf_cpus online, rt, lcores, vcpus, sleeping, quiet, others;
	bool busy;
	int daemon;
	unsigned int n_vms;
	struct host_vm vms[HOST_VMS_MAX];
};

int host_open(struct host *h, const char *root);
void host_close(struct host *h);

/* ---- files (files.c) ---- */

/* The whole text without the newlines at its end, other bytes than text as '?'. */
int host_text(struct host *h, char *buf, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
int host_number(struct host *h, long long *ret, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* "0,2-3"; nothing and "(null)" are no CPU */
int host_cpu_list(struct host *h, struct conf_cpus *ret, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* "ff,00000000" */
int host_cpu_mask(struct host *h, struct conf_cpus *ret, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
bool host_exists(struct host *h, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int host_link(struct host *h, char *buf, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* NULL, with errno */
DIR *host_folder(struct host *h, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
FILE *host_stream(struct host *h, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A line of a stream; what does not fit is skipped. Text as in host_text(). */
bool host_line(FILE *in, char *buf, size_t size);

/* The last "name=VALUE" of the kernel's command line; "" if there is none. */
int host_boot_word(struct host *h, const char *name, char *buf, size_t size);
/* "always [madvise] never": the one in brackets. */
int host_choice(struct host *h, char *buf, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* ---- sets of CPUs (cpus.c) ---- */

int cpus_parse_list(const char *text, struct conf_cpus *ret);
int cpus_parse_mask(const char *text, struct conf_cpus *ret);
/* Texts stay valid until four others were made. "none" if there is none. */
const char *cpus_list(const struct conf_cpus *cpus);
const char *cpus_mask(const struct conf_cpus *cpus);
/* "3", or "{2,3}" as a shell expands it */
const char *cpus_braces(const struct conf_cpus *cpus);

void cpus_add(struct conf_cpus *cpus, unsigned int cpu);
void cpus_del(struct conf_cpus *cpus, unsigned int cpu);
bool cpus_any(const struct conf_cpus *cpus);
unsigned int cpus_count(const struct conf_cpus *cpus);
struct conf_cpus cpus_and(const struct conf_cpus *a, const struct conf_cpus *b);
struct conf_cpus cpus_or(const struct conf_cpus *a, const struct conf_cpus *b);
struct conf_cpus cpus_without(const struct conf_cpus *a, const struct conf_cpus *b);

#define CPUS_MAX 1024u
#define cpus_each(cpu, cpus) \
	for (unsigned int cpu = 0; (cpu) < CPUS_MAX; (cpu)++) \
		if (conf_has_cpu(cpus, cpu))

/* ---- processes and threads (threads.c) ---- */

struct host_thread {
	int pid, tid;
	char name[32];
	int policy; /* SCHED_OTHER, ... */
	unsigned int priority;
	struct conf_cpus allowed;
};

/* A number other than 0 ends the walk, and is its result. */
typedef int (*host_pid_fn)(struct host *h, int pid, void *ctx);
typedef int (*host_thread_fn)(struct host *h, const struct host_thread *t, void *ctx);

int host_pids(struct host *h, host_pid_fn fn, void *ctx);
/* Threads that end meanwhile are left out. */
int host_threads(struct host *h, int pid, host_thread_fn fn, void *ctx);
/* Name of a process; "" if it has gone. */
void host_comm(struct host *h, int pid, char *buf, size_t size);
/* As VMMs name them: "CPU 0/KVM", "vcpu0". */
bool host_is_vcpu(const struct host_thread *t);

/* ---- what is known before any check (machine.c) ---- */

/* Online CPUs, and how many the configuration may name. */
int host_machine(struct host *h, unsigned int *ret_n_cpus);
/* Some things do not exist in such a kernel. */
bool host_is_preempt_rt(struct host *h);
/* With h->conf set and, if known, h->daemon: CPU sets, processes of outsockd and of guests. */
void host_examine(struct host *h);
/* NUMA node of a CPU, or -1. */
int host_node_of(struct host *h, unsigned int cpu);

#endif
