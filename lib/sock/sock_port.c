/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The port table: claims hang in buckets by a keyed hash of owner and port, and so do the counters
 * of holds (struct port_use) in buckets of their own. A bitmap of ports that anybody has claimed
 * makes the choice of an ephemeral one a short scan.
 */
#include "base/mem.h"
#include "base/pool.h"
#include "sock/sock_ops.h"

#include <rte_byteorder.h>

#include <stdlib.h>
#include <string.h>

#define EPH_TRIES 64	/* random ports tried when each one of the range is somebody's */
#define USES_MAX  4096u /* pairs of address and port that can be held */

struct port_use {
	struct list link;	/* in its bucket */
	struct list owner_link; /* sock_owner.port_uses */
	struct sock_owner *owner;
	struct ip_addr addr;
	uint16_t port;	  /* network order */
	uint32_t n[2][2]; /* holds, by reuse_addr and reuse_port */
};

struct port_table {
	struct env *env;
	struct pool uses;
	void *uses_mem;
	struct list *use_buckets;
	uint32_t use_mask;
	uint32_t mask; /* buckets - 1 */
	uint16_t eph_first, eph_last;
	uint32_t n_claims[65536];     /* by port, host order */
	uint64_t claimed[65536 / 64]; /* bit: n_claims != 0 */
	struct list buckets[];
};

static bool uses_create(struct port_table *t, uint32_t n)
{
	size_t size = pool_mem_size(sizeof(struct port_use), n);

	t->use_mask = n - 1;
	t->use_buckets = mem_take(n * sizeof(struct list));
	t->uses_mem = mem_take(size);
	if (!t->use_buckets || !t->uses_mem)
		return false;
	pool_init(&t->uses, t->uses_mem, sizeof(struct port_use), n);
	for (uint32_t i = 0; i < n; i++)
		list_init(&t->use_buckets[i]);
	return true;
}

struct port_table *port_table_create(struct env *env, uint32_t binds_max, uint16_t eph_first,
				     uint16_t eph_last)
{
	uint32_t n = rte_align32pow2(RTE_MAX(binds_max, 64u));
	size_t size = RTE_ALIGN_CEIL(sizeof(struct port_table) + n * sizeof(struct list), 64);
	struct port_table *t = aligned_alloc(64, size);

	if (!t)
		return NULL;
	memset(t, 0, size);
	t->env = env;
	t->mask = n - 1;
	t->eph_first = RTE_MAX(eph_first, 1);
	t->eph_last = RTE_MAX(eph_last, t->eph_first);
	for (uint32_t i = 0; i < n; i++)
		list_init(&t->buckets[i]);
	if (!uses_create(t, RTE_MIN(n, USES_MAX))) {
		port_table_destroy(t);
		return NULL;
	}
	return t;
}

void port_table_destroy(struct port_table *t)
{
	if (!t)
		return;
	free(t->use_buckets);
	free(t->uses_mem);
	free(t);
}

static uint32_t hash_of(const struct port_table *t, const struct sock_owner *owner, uint16_t port)
{
	const uint64_t key[2] = { (uintptr_t)owner, port };

	return (uint32_t)siphash13(&t->env->secret, key, sizeof(key));
}

static uint32_t bucket_of(const struct port_table *t, const struct sock_owner *owner, uint16_t port)
{
	return hash_of(t, owner, port) & t->mask;
}

static bool same_port(const struct port_bind *b, const struct sock_owner *owner, uint16_t port)
{
	return b->owner == owner && b->port == port;
}

static bool overlaps(const struct ip_addr *a, const struct ip_addr *b)
{
	return ip_addr_is_any(a) || ip_addr_is_any(b) || ip_addr_eq(a, b);
}

/* May @b share its port with @old? */
static bool may_share(const struct port_bind *b, const struct port_bind *old)
{
	if (!overlaps(&b->addr, &old->addr))
		return true;
	if (b->reuse_addr && old->reuse_addr && !old->listening)
		return true;
	return b->reuse_port && old->reuse_port;
}

/* Can @b have @port? @alone: shared with nobody at its address, whatever the flags say. */
static bool port_free_for(const struct port_table *t, const struct port_bind *b, uint16_t port,
			  bool alone)
{
	const struct list *bucket = &t->buckets[bucket_of(t, b->owner, port)];
	unsigned int n = 0;

	list_for_each(l, bucket) {
		const struct port_bind *old = container_of(l, struct port_bind, link);

		if (old == b || !same_port(old, b->owner, port))
			continue;
		if (alone ? overlaps(&b->addr, &old->addr) : !may_share(b, old))
			return false;
		if (++n == PORT_SHARE_MAX)
			return false;
	}
	return true;
}

/* ---- holds ---- */

static struct list *use_bucket(const struct port_table *t, const struct sock_owner *owner,
			       uint16_t port)
{
	return &t->use_buckets[hash_of(t, owner, port) & t->use_mask];
}

/* May @b share its port with all that are counted in @use? The rules of may_share(). */
static bool may_share_use(const struct port_bind *b, const struct port_use *use)
{
	if (use->n[0][0] || (!b->reuse_addr && use->n[1][0]) || (!b->reuse_port && use->n[0][1]))
		return false;
	return b->reuse_addr || b->reuse_port || !use->n[1][1];
}

/* Does a hold keep @b from @port? An owner has few addresses, so the walk is short. */
static bool is_held(const struct port_table *t, const struct port_bind *b, uint16_t port)
{
	const struct list *bucket = use_bucket(t, b->owner, port);

	list_for_each(l, bucket) {
		const struct port_use *use = container_of(l, struct port_use, link);

		if (use->owner == b->owner && use->port == port && overlaps(&b->addr, &use->addr) &&
		    !may_share_use(b, use))
			return true;
	}
	return false;
}

/* The counter for that address and port; a new one if need be. NULL: there are none left. */
static struct port_use *use_get(struct port_table *t, struct sock_owner *owner,
				const struct ip_addr *addr, uint16_t port)
{
	struct list *bucket = use_bucket(t, owner, port);
	struct port_use *use;

	list_for_each(l, bucket) {
		use = container_of(l, struct port_use, link);
		if (use->owner == owner && use->port == port && ip_addr_eq(&use->addr, addr))
			return use;
	}
	use = pool_get(&t->uses);
	if (!use)
		return NULL;
	*use = (struct port_use){ .owner = owner, .addr = *addr, .port = port };
	list_add_head(bucket, &use->link);
	list_add_head(&owner->port_uses, &use->owner_link);
	return use;
}

void port_hold(struct port_table *t, struct port_hold *h, const struct port_bind *like,
	       const struct ip_addr *addr)
{
	h->use = use_get(t, like->owner, addr, like->port);
	h->reuse_addr = like->reuse_addr;
	h->reuse_port = like->reuse_port;
	if (h->use)
		h->use->n[h->reuse_addr][h->reuse_port]++;
}

void port_hold_flags(struct port_hold *h, bool reuse_addr, bool reuse_port)
{
	if (h->use) {
		h->use->n[h->reuse_addr][h->reuse_port]--;
		h->use->n[reuse_addr][reuse_port]++;
	}
	h->reuse_addr = reuse_addr;
	h->reuse_port = reuse_port;
}

void port_release(struct port_table *t, struct port_hold *h)
{
	struct port_use *use = h->use;

	h->use = NULL;
	if (!use)
		return;
	use->n[h->reuse_addr][h->reuse_port]--;
	if (use->n[0][0] || use->n[0][1] || use->n[1][0] || use->n[1][1])
		return;
	list_del(&use->link);
	list_del(&use->owner_link);
	pool_put(&t->uses, use);
}

/* What is left of it only says that there was one. */
void port_hold_leave(struct port_table *t, struct port_hold *h)
{
	static struct port_use mark;
	bool held = h->use && h->use->owner;

	port_release(t, h);
	h->use = held ? &mark : NULL;
}

void port_hold_arrive(struct port_table *t, struct port_hold *h, struct sock_owner *owner,
		      const struct ip_addr *addr, uint16_t port)
{
	const struct port_bind like = {
		.owner = owner,
		.port = port,
		.reuse_addr = h->reuse_addr,
		.reuse_port = h->reuse_port,
	};

	if (h->use)
		port_hold(t, h, &like, addr);
}

bool port_owner_gone(struct sock_owner *o, unsigned int max)
{
	for (; max && !list_empty(&o->port_uses); max--) {
		struct port_use *use =
			container_of(list_first(&o->port_uses), struct port_use, owner_link);

		list_del(&use->link);
		list_del(&use->owner_link);
		use->owner = NULL;
	}
	return list_empty(&o->port_uses);
}

/* ---- claims ---- */

static bool is_claimed(const struct port_table *t, uint32_t port)
{
	return t->claimed[port / 64] >> (port % 64) & 1;
}

/* First port from @from to @last that nobody has claimed, or 0. */
static uint32_t scan_unclaimed(const struct port_table *t, uint32_t from, uint32_t last)
{
	for (uint32_t port = from; port <= last; port++) {
		if (t->claimed[port / 64] == UINT64_MAX)
			port |= 63;
		else if (!is_claimed(t, port))
			return port;
	}
	return 0;
}

/* A port for @b in network order, or 0. RFC 6056, 3.3.1: random start, then the next free one. */
static uint16_t choose(struct port_table *t, const struct port_bind *b)
{
	uint32_t n = t->eph_last - t->eph_first + 1u;
	uint32_t start = t->eph_first + rng_below(&t->env->rng, n);
	uint32_t port = scan_unclaimed(t, start, t->eph_last);

	if (!port)
		port = scan_unclaimed(t, t->eph_first, start);
	if (port)
		return rte_cpu_to_be_16((uint16_t)port);
	/* All are somebody's, perhaps another owner's: a bounded number of tries. */
	for (unsigned int i = 0; i < EPH_TRIES; i++) {
		uint16_t be = rte_cpu_to_be_16(t->eph_first + rng_below(&t->env->rng, n));

		if (port_free_for(t, b, be, true))
			return be;
	}
	return 0;
}

static void claim(struct port_table *t, struct port_bind *b)
{
	uint16_t port = rte_be_to_cpu_16(b->port);

	list_add_head(&t->buckets[bucket_of(t, b->owner, b->port)], &b->link);
	if (t->n_claims[port]++ == 0)
		t->claimed[port / 64] |= UINT64_C(1) << (port % 64);
}

/* A chosen port is shared with nobody; with connections only if connect() chooses. 0: none. */
static uint16_t choose_alone(struct port_table *t, const struct port_bind *b)
{
	struct port_bind plain = { .owner = b->owner, .addr = b->addr };

	for (unsigned int i = 0; i < EPH_TRIES; i++) {
		uint16_t port = choose(t, b);

		if (!port || b->by_connect || !is_held(t, &plain, port))
			return port;
	}
	return 0;
}

int port_bind(struct port_table *t, struct port_bind *b)
{
	if (!b->port) {
		b->port = choose_alone(t, b);
		if (!b->port)
			return -EADDRINUSE;
	} else if (!port_free_for(t, b, b->port, false) || (!b->again && is_held(t, b, b->port))) {
		b->port = 0;
		return -EADDRINUSE;
	}
	b->listening = false;
	claim(t, b);
	return 0;
}

int port_bind_sock(struct port_table *t, struct port_bind *b, struct sock *s,
		   const struct ip_endpoint *local)
{
	int rc;

	b->owner = s->owner;
	b->addr = local->addr;
	b->port = local->port;
	b->again = s->bind_again;
	rc = port_bind(t, b);
	if (!rc)
		s->local = (struct ip_endpoint){ .addr = local->addr, .port = b->port };
	return rc;
}

void port_unbind(struct port_table *t, struct port_bind *b)
{
	uint16_t port = rte_be_to_cpu_16(b->port);

	if (!port)
		return;
	list_del(&b->link);
	if (--t->n_claims[port] == 0)
		t->claimed[port / 64] &= ~(UINT64_C(1) << (port % 64));
	b->port = 0;
	b->listening = false;
}

void port_bind_leave(struct port_table *t, struct port_bind *b)
{
	uint16_t port = b->port;
	bool listening = b->listening;

	port_unbind(t, b);
	b->port = port;
	b->listening = listening;
}

void port_bind_arrive(struct port_table *t, struct port_bind *b)
{
	list_init(&b->link);
	if (b->port)
		claim(t, b);
}

int port_listen(struct port_table *t, struct port_bind *b)
{
	if (!b->listening && (!port_free_for(t, b, b->port, false) || is_held(t, b, b->port)))
		return -EADDRINUSE;
	b->listening = true;
	return 0;
}

struct port_bind *port_lookup_flow(const struct port_table *t, const struct sock_owner *owner,
				   const struct ip_addr *addr, uint16_t port, uint32_t flow_hash)
{
	const struct list *bucket = &t->buckets[bucket_of(t, owner, port)];
	struct port_bind *best = NULL;
	int best_score = -1;
	uint32_t n_equal = 0;

	list_for_each(l, bucket) {
		struct port_bind *b = container_of(l, struct port_bind, link);
		bool exact = ip_addr_eq(&b->addr, addr);
		int score = 2 * b->listening + exact;

		if (!same_port(b, owner, port) || b->hidden || score < best_score)
			continue;
		if (!exact && !ip_addr_is_any(&b->addr))
			continue;
		if (score > best_score) {
			best = b;
			best_score = score;
			n_equal = 1;
		} else if (b->reuse_port && best->reuse_port) {
			/* The n-th replaces the choice in one of n cases: each equally often. */
			flow_hash = flow_hash * 1103515245u + 12345u;
			if (((uint64_t)flow_hash * ++n_equal) >> 32 == 0)
				best = b;
		}
	}
	return best;
}
