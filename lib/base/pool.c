/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/pool.h"

#include <assert.h>
#include <string.h>

#define POOL_ALIGN 64u

static size_t round_up(size_t size)
{
	return (size + POOL_ALIGN - 1) & ~(size_t)(POOL_ALIGN - 1);
}

size_t pool_mem_size(size_t obj_size, uint32_t n_objs)
{
	return round_up(obj_size) * n_objs;
}

/* Writes to every object: a page fault happens here, not later in a turn. */
void pool_init(struct pool *p, void *mem, size_t obj_size, uint32_t n_objs)
{
	p->mem = mem;
	p->obj_size = (uint32_t)round_up(obj_size);
	p->n_objs = n_objs;
	p->n_free = n_objs;
	p->free = NULL;
	memset(mem, 0, pool_mem_size(obj_size, n_objs));
	for (uint32_t i = n_objs; i-- > 0;) {
		void **obj = pool_at(p, i);

		*obj = p->free;
		p->free = obj;
	}
}

void *pool_get(struct pool *p)
{
	void **obj = p->free;

	if (obj) {
		p->free = *obj;
		p->n_free--;
	}
	return obj;
}

void pool_put(struct pool *p, void *obj)
{
	void **o = obj;

	assert(pool_index(p, obj) < p->n_objs && p->n_free < p->n_objs);
	*o = p->free;
	p->free = o;
	p->n_free++;
}

uint32_t pool_index(const struct pool *p, const void *obj)
{
	return (uint32_t)((size_t)((const char *)obj - p->mem) / p->obj_size);
}

void *pool_at(const struct pool *p, uint32_t index)
{
	return p->mem + (size_t)index * p->obj_size;
}
