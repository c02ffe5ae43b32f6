/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The connection table: from a keyed hash of the four-tuple to a number. Buckets of one cache line
 * hold seven (hash, number) pairs; what does not fit goes to the next bucket, and each bucket
 * passed over counts it, so that a search knows when to stop. At half load more than one line is
 * read in 2 of 100 searches. Pure: the caller compares the tuple of what a search offers.
 */
#ifndef OUTSOCK_TCP_TCP_TABLE_H
#define OUTSOCK_TCP_TCP_TABLE_H

#include "base/siphash.h"
#include "pkt/addr.h"

#include <stddef.h>

#define TCP_TABLE_SLOTS 7
#define TCP_TABLE_NONE	UINT32_MAX

struct tcp_bucket {
	uint32_t hash[TCP_TABLE_SLOTS];
	uint32_t overflow;		 /* entries that passed this bucket by */
	uint32_t value[TCP_TABLE_SLOTS]; /* TCP_TABLE_NONE: the slot is free */
	uint32_t reserved;
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct tcp_bucket) == 64, "one cache line");

struct tcp_table {
	struct tcp_bucket *buckets;
	uint32_t mask;
	uint32_t n, n_max;
};

/* Where a search stands. */
struct tcp_table_pos {
	uint32_t bucket, slot, left;
};

/* Start-up only. False: no memory. */
bool tcp_table_init(struct tcp_table *t, uint32_t n_max);
void tcp_table_fini(struct tcp_table *t); /* harmless on a zeroed one */

uint32_t tcp_table_hash(const struct siphash_key *key, const struct ip_addr *local,
			uint16_t local_port, const struct ip_addr *peer, uint16_t peer_port);

/* False: full. @value is not TCP_TABLE_NONE, and is put in once for each hash. */
bool tcp_table_insert(struct tcp_table *t, uint32_t hash, uint32_t value);
/* False: it was not there. */
bool tcp_table_remove(struct tcp_table *t, uint32_t hash, uint32_t value);

static inline void tcp_table_prefetch(const struct tcp_table *t, uint32_t hash)
{
	__builtin_prefetch(&t->buckets[hash & t->mask]);
}

/* The next value with @hash from @pos on, or TCP_TABLE_NONE. */
static inline uint32_t tcp_table_next(const struct tcp_table *t, uint32_t hash,
				      struct tcp_table_pos *pos)
{
	for (;;) {
		const struct tcp_bucket *b = &t->buckets[pos->bucket];

		while (pos->slot < TCP_TABLE_SLOTS) {
			uint32_t i = pos->slot++;

			if (b->hash[i] == hash && b->value[i] != TCP_TABLE_NONE)
				return b->value[i];
		}
		if (!b->overflow || !pos->left--)
			return TCP_TABLE_NONE;
		pos->bucket = (pos->bucket + 1) & t->mask;
		pos->slot = 0;
	}
}

/* The first value with @hash, or TCP_TABLE_NONE. */
static inline uint32_t tcp_table_first(const struct tcp_table *t, uint32_t hash,
				       struct tcp_table_pos *ret_pos)
{
	*ret_pos = (struct tcp_table_pos){ .bucket = hash & t->mask, .left = t->mask };
	return tcp_table_next(t, hash, ret_pos);
}

#endif
