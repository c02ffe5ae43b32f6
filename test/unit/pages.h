/* SPDX-License-Identifier: BSD-3-Clause */
/* Which pages of a process are there. */
#ifndef OUTSOCK_TEST_PAGES_H
#define OUTSOCK_TEST_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* Is every page of @mem there, so that touching it is no fault? */
static inline bool pages_present(const void *mem, size_t size)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), from = (uintptr_t)mem & ~(page - 1);
	size_t n = ((uintptr_t)mem + size - from + page - 1) / page;
	unsigned char *vec = malloc(n);
	bool all = vec && !mincore((void *)from, n * page, vec);

	for (size_t i = 0; i < n && all; i++)
		all = vec[i] & 1;
	free(vec);
	return all;
}

#endif
