/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Start-up memory. Large blocks lie on huge pages where the system has some to give: an object that
 * is touched once in a while then costs its cache misses and no page walk besides.
 */
#ifndef OUTSOCK_BASE_MEM_H
#define OUTSOCK_BASE_MEM_H

#include <stddef.h>

/* @size bytes of zeroes, every page present, at least 64-byte aligned; free(). NULL: no memory. */
void *mem_take(size_t size);

#endif
