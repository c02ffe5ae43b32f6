/* SPDX-License-Identifier: BSD-3-Clause */
/* Times as they were measured, each of them, as members of the JSON objects that we print. */
#ifndef OUTSOCK_PERF_SAMPLES_H
#define OUTSOCK_PERF_SAMPLES_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct samples {
	uint32_t *ns;
	uint32_t n, max;
};

/* 0 or -1. Touched, so that no page fault is measured. */
static inline int samples_init(struct samples *s, uint32_t max)
{
	s->ns = malloc((max + 1) * sizeof(*s->ns));
	s->n = 0;
	s->max = max;
	for (uint32_t i = 0; s->ns && i <= max; i++)
		((volatile uint32_t *)s->ns)[i] = 1;
	return s->ns ? 0 : -1;
}

/* What is beyond four seconds is four seconds. */
static inline void samples_add(struct samples *s, uint64_t ns)
{
	if (s->n < s->max)
		s->ns[s->n++] = ns > UINT32_MAX ? UINT32_MAX : (uint32_t)ns;
}

/* "NAME": [..] */
static inline void samples_print(const char *name, const struct samples *s)
{
	printf("\"%s\": [", name);
	for (uint32_t i = 0; i < s->n; i++)
		printf("%s%u", i ? "," : "", s->ns[i]);
	printf("]");
}

#endif
