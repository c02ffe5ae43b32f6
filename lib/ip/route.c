/* SPDX-License-Identifier: BSD-3-Clause */
#include "ip/route.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int route_table_init(struct route_table *t, uint32_t n_max)
{
	*t = (struct route_table){ .n_max = n_max };
	t->routes = calloc(n_max, sizeof(*t->routes));
	return t->routes ? 0 : -ENOMEM;
}

void route_table_fini(struct route_table *t)
{
	free(t->routes);
	*t = (struct route_table){ 0 };
}

/* Destination, mask and bits of a prefix; -EINVAL: too long, or bits set behind it and @exact. */
static int prefix(const struct ip_addr *dst, unsigned int len, bool exact, struct route *ret)
{
	unsigned int max = ip_addr_is_v4(dst) ? 32 : 128;

	if (len > max)
		return -EINVAL;
	*ret = (struct route){ .bits = (uint16_t)(128 - max + len) };
	for (unsigned int i = 0; i < 16; i++) {
		unsigned int n = ret->bits > 8 * i ? ret->bits - 8 * i : 0;

		ret->mask.b[i] = n >= 8 ? 0xff : (uint8_t)(0xff00 >> n);
		ret->dst.b[i] = dst->b[i] & ret->mask.b[i];
	}
	return exact && !ip_addr_eq(&ret->dst, dst) ? -EINVAL : 0;
}

static struct route *find_same(const struct route_table *t, const struct route *r,
			       const struct link *link)
{
	for (uint32_t i = 0; i < t->n; i++) {
		struct route *o = &t->routes[i];

		if (o->bits == r->bits && o->link == link && ip_addr_eq(&o->dst, &r->dst))
			return o;
	}
	return NULL;
}

/* Puts @r behind those with as many bits, or returns the one that is there. NULL: full. */
static struct route *find_or_insert(struct route_table *t, const struct route *r, struct link *link)
{
	struct route *o = find_same(t, r, link);
	uint32_t i = t->n;

	if (o)
		return o;
	if (t->n == t->n_max)
		return NULL;
	for (; i > 0 && t->routes[i - 1].bits < r->bits; i--)
		t->routes[i] = t->routes[i - 1];
	t->n++;
	t->routes[i] = *r;
	t->routes[i].link = link;
	return &t->routes[i];
}

static void remove_unused(struct route_table *t, struct route *r)
{
	size_t i = (size_t)(r - t->routes);

	if (r->fixed || r->n_addrs)
		return;
	t->n--;
	memmove(r, r + 1, (t->n - i) * sizeof(*r));
}

int route_add(struct route_table *t, const struct ip_addr *dst, unsigned int prefix_len,
	      const struct ip_addr *via, struct link *link)
{
	struct route r, *o;
	bool on_link = ip_addr_is_any(via);

	if (prefix(dst, prefix_len, true, &r) || !link ||
	    (!on_link && ip_addr_is_v4(via) != ip_addr_is_v4(dst)))
		return -EINVAL;
	o = find_or_insert(t, &r, link);
	if (!o)
		return -ENOSPC;
	o->via = *via;
	o->fixed = true;
	return 0;
}

int route_del(struct route_table *t, const struct ip_addr *dst, unsigned int prefix_len,
	      struct link *link)
{
	struct route r, *o;

	if (prefix(dst, prefix_len, true, &r))
		return -EINVAL;
	o = find_same(t, &r, link);
	if (!o || !o->fixed)
		return -ENOENT;
	o->fixed = false;
	memset(&o->via, 0, sizeof(o->via));
	remove_unused(t, o);
	return 0;
}

int route_connect(struct route_table *t, const struct ip_addr *local, unsigned int prefix_len,
		  struct link *link)
{
	struct route r, *o;

	if (prefix(local, prefix_len, false, &r))
		return -EINVAL;
	o = find_or_insert(t, &r, link);
	if (!o)
		return -ENOSPC;
	o->n_addrs++;
	return 0;
}

void route_disconnect(struct route_table *t, const struct ip_addr *local, unsigned int prefix_len,
		      struct link *link)
{
	struct route r, *o;

	prefix(local, prefix_len, false, &r);
	o = find_same(t, &r, link);
	if (!o)
		return;
	o->n_addrs--;
	remove_unused(t, o);
}

const struct route *route_find(const struct route_table *t, const struct ip_addr *dst,
			       const struct link *link)
{
	for (uint32_t i = 0; i < t->n; i++) {
		const struct route *r = &t->routes[i];
		uint64_t diff = ((dst->q[0] & r->mask.q[0]) ^ r->dst.q[0]) |
			((dst->q[1] & r->mask.q[1]) ^ r->dst.q[1]);

		if (!diff && r->link == link)
			return r;
	}
	return NULL;
}
