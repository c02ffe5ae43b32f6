/* SPDX-License-Identifier: BSD-3-Clause */
#include "ip/addr_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int addr_table_init(struct addr_table *t, uint32_t n_max)
{
	size_t size = pool_mem_size(sizeof(struct ip_local), n_max);
	uint32_t n_buckets = 1;
	void *mem;

	memset(t, 0, sizeof(*t));
	while (n_buckets < 2 * n_max)
		n_buckets *= 2;
	t->mask = n_buckets - 1;
	t->by_addr = calloc(n_buckets, sizeof(*t->by_addr));
	t->by_owner = calloc(n_buckets, sizeof(*t->by_owner));
	mem = n_max ? aligned_alloc(64, size) : NULL;
	if (!t->by_addr || !t->by_owner || !mem) {
		free(mem);
		addr_table_fini(t);
		return -ENOMEM;
	}
	pool_init(&t->pool, mem, sizeof(struct ip_local), n_max);
	return 0;
}

void addr_table_fini(struct addr_table *t)
{
	free(t->by_addr);
	free(t->by_owner);
	free(t->pool.mem);
	memset(t, 0, sizeof(*t));
}

static struct ip_local **addr_bucket(struct addr_table *t, const struct ip_addr *a)
{
	return &t->by_addr[addr_table_hash(a->q[0] ^ a->q[1]) & t->mask];
}

static struct ip_local **owner_bucket(const struct addr_table *t, const struct sock_owner *owner)
{
	return &t->by_owner[addr_table_hash((uintptr_t)owner) & t->mask];
}

struct ip_local *addr_table_add(struct addr_table *t, const struct ip_addr *a,
				struct sock_owner *owner)
{
	struct ip_local **by_addr = addr_bucket(t, a);
	struct ip_local **by_owner = owner_bucket(t, owner);
	struct ip_local *l = pool_get(&t->pool);

	if (!l)
		return NULL;
	*l = (struct ip_local){ .addr = *a, .owner = owner, .next = *by_addr };
	*by_addr = l;
	/* Behind those it has: the address given first is the one that is chosen first. */
	while (*by_owner)
		by_owner = &(*by_owner)->next_of_owner;
	*by_owner = l;
	return l;
}

void addr_table_del(struct addr_table *t, struct ip_local *l)
{
	struct ip_local **p = addr_bucket(t, &l->addr);

	while (*p != l)
		p = &(*p)->next;
	*p = l->next;
	p = owner_bucket(t, l->owner);
	while (*p != l)
		p = &(*p)->next_of_owner;
	*p = l->next_of_owner;
	pool_put(&t->pool, l);
}

static struct ip_local *first_of(struct ip_local *l, const struct sock_owner *owner)
{
	while (l && l->owner != owner)
		l = l->next_of_owner;
	return l;
}

struct ip_local *addr_table_first(const struct addr_table *t, const struct sock_owner *owner)
{
	return first_of(*owner_bucket(t, owner), owner);
}

struct ip_local *addr_table_next(const struct ip_local *l)
{
	return first_of(l->next_of_owner, l->owner);
}
