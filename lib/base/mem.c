/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_PAGE (2ul << 20)
#define LINE	  64ul

void *mem_take(size_t size)
{
	size_t align = size < HUGE_PAGE ? LINE : HUGE_PAGE;
	size_t whole = (size + align - 1) & ~(align - 1);
	void *mem = aligned_alloc(align, whole ? whole : align);

	if (!mem)
		return NULL;
	if (align == HUGE_PAGE)
		madvise(mem, whole, MADV_HUGEPAGE);
	memset(mem, 0, whole);
	/*
	 * What is not huge by now stays so: the kernel must not rearrange it under a running
	 * lcore.
	 */
	if (align == HUGE_PAGE)
		madvise(mem, whole, MADV_NOHUGEPAGE);
	return mem;
}
