/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * CPU time of the laboratory's processor and of threads in it, in ns of its clock, between two
 * moments that a client chooses. The kernel sums up idle time exactly, where /proc/stat has 10 ms.
 */
#ifndef OUTSOCK_PERF_LAB_CPU_H
#define OUTSOCK_PERF_LAB_CPU_H

#include <stdint.h>

#define LAB_CPU_THREADS 256
#define LAB_CPU_NAME	32
#define LAB_CPU_PATH	80

struct lab_cpu_thread {
	char name[LAB_CPU_NAME], path[LAB_CPU_PATH];
	uint64_t ns;
};

/* Two of its times: of the clock, and idle; @threads: until @now. */
struct lab_cpu {
	struct lab_cpu_thread threads[LAB_CPU_THREADS];
	unsigned int n;
	uint64_t now, idle;
};

/* @list: a file of lines "NAME /proc/.../schedstat". 0 or -1 (said on stderr). */
int lab_cpu_begin(struct lab_cpu *c, const char *list);
/*
 * What has been used since then, as members of a JSON object: "ns": N, "busy_ns": N, "threads":
 * [["NAME", N], ..]. 0 or -1 (said on stderr).
 */
int lab_cpu_end(const struct lab_cpu *c);

#endif
