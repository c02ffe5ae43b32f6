/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A pool of objects of one size, all memory taken at creation: allocation and release are O(1)
 * and touch one object. A pool belongs to one lcore.
 */
#ifndef OUTSOCK_BASE_POOL_H
#define OUTSOCK_BASE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pool {
	char *mem;
	void *free;	   /* chain through the first word of free objects */
	uint32_t obj_size; /* bytes, a multiple of 64 */
	uint32_t n_objs;
	uint32_t n_free;
};

/* Bytes that pool_init needs for @n_objs objects of @obj_size bytes. */
size_t pool_mem_size(size_t obj_size, uint32_t n_objs);

/*
 * @mem: pool_mem_size() bytes, 64-byte aligned, owned by the caller, who frees it after the pool.
 */
void pool_init(struct pool *p, void *mem, size_t obj_size, uint32_t n_objs);

/* An object with undefined content, or NULL when all are taken. */
void *pool_get(struct pool *p);

void pool_put(struct pool *p, void *obj);

/* The object's number, 0 to n_objs - 1, and back. */
uint32_t pool_index(const struct pool *p, const void *obj);
void *pool_at(const struct pool *p, uint32_t index);

#endif
