/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One cache line to another CPU and back: the price of every hand-over between daemon and guest on
 * this machine, at this moment. All other figures are to be read beside it.
 *
 *	line_rtt CPU CPU
 *
 * Prints one JSON object, nanoseconds.
 */
#include "hist.h"
#include "report.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>
#include <x86intrin.h>

#define ROUNDS 1000000u

static _Alignas(128) atomic_uint line;
static struct hist hist;

static bool pin(const char *cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)atoi(cpu), &set);
	return !sched_setaffinity(0, sizeof(set), &set);
}

static void *answer(void *cpu)
{
	if (!pin(cpu))
		exit(EXIT_FAILURE);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		while (atomic_load_explicit(&line, memory_order_acquire) != 2 * i + 1)
			;
		atomic_store_explicit(&line, 2 * i + 2, memory_order_release);
	}
	return NULL;
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void ask(void)
{
	for (unsigned int i = 0; i < ROUNDS; i++) {
		uint64_t start = __rdtsc();

		atomic_store_explicit(&line, 2 * i + 1, memory_order_release);
		while (atomic_load_explicit(&line, memory_order_acquire) != 2 * i + 2)
			;
		hist_add(&hist, __rdtsc() - start);
	}
}

int main(int argc, char **argv)
{
	uint64_t ns, tsc;
	pthread_t t;

	if (argc != 3 || !pin(argv[1]) || pthread_create(&t, NULL, answer, argv[2])) {
		fprintf(stderr, "usage: line_rtt CPU CPU\n");
		return EXIT_FAILURE;
	}
	hist_clear(&hist);
	ns = now_ns();
	tsc = __rdtsc();
	ask();
	tsc = __rdtsc() - tsc;
	ns = now_ns() - ns;
	pthread_join(t, NULL);
	printf("{");
	report_hist("line_ns", &hist, (uint64_t)((double)tsc * 1e9 / (double)ns));
	printf("}\n");
	return EXIT_SUCCESS;
}
