/* SPDX-License-Identifier: BSD-3-Clause */
#include "lab_cpu.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TIMERS "/proc/timer_list"
#define LINE   256

static int die(const char *what)
{
	fprintf(stderr, "lab_cpu: %s: not as it should be\n", what);
	return -1;
}

/* The clock, and how long all processors have been idle until now (we are not). */
static int read_idle(uint64_t *ret_now, uint64_t *ret_idle)
{
	FILE *file = fopen(TIMERS, "r");
	char line[LINE];
	uint64_t ns;
	int found = 0;

	if (!file)
		return die(TIMERS);
	*ret_now = *ret_idle = 0;
	while (fgets(line, sizeof(line), file)) {
		if (!*ret_now)
			sscanf(line, "now at %" SCNu64, ret_now);
		if (sscanf(line, " .idle_sleeptime : %" SCNu64, &ns) == 1) {
			*ret_idle += ns;
			found++;
		}
	}
	fclose(file);
	return found && *ret_now ? 0 : die(TIMERS);
}

static int read_thread(const char *path, uint64_t *ret_ns)
{
	FILE *file = fopen(path, "r");
	int n = file ? fscanf(file, "%" SCNu64, ret_ns) : 0;

	if (file)
		fclose(file);
	return n == 1 ? 0 : die(path);
}

/* Idle time is read last here, and first at the end: what reading costs is not in between. */
int lab_cpu_begin(struct lab_cpu *c, const char *list)
{
	FILE *file = fopen(list, "r");
	struct lab_cpu_thread *t;

	if (!file)
		return die(list);
	for (c->n = 0; c->n < LAB_CPU_THREADS; c->n++) {
		t = &c->threads[c->n];
		if (fscanf(file, "%31s %79s", t->name, t->path) != 2)
			break;
	}
	fclose(file);
	for (unsigned int i = 0; i < c->n; i++)
		if (read_thread(c->threads[i].path, &c->threads[i].ns))
			return -1;
	return read_idle(&c->now, &c->idle);
}

int lab_cpu_end(const struct lab_cpu *c)
{
	uint64_t now, idle, ns;

	if (read_idle(&now, &idle))
		return -1;
	printf("\"ns\": %" PRIu64 ", \"busy_ns\": %" PRIu64 ", \"threads\": [", now - c->now,
	       now - c->now - (idle - c->idle));
	for (unsigned int i = 0; i < c->n; i++) {
		if (read_thread(c->threads[i].path, &ns))
			return -1;
		printf("%s[\"%s\", %" PRIu64 "]", i ? ", " : "", c->threads[i].name,
		       ns - c->threads[i].ns);
	}
	printf("]");
	return 0;
}
