/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/tcp_table.h"

#include "base/mem.h"

#include <stdlib.h>

/* Entries that a bucket holds on average when the table is full: half of its slots. */
#define LOAD 3u

bool tcp_table_init(struct tcp_table *t, uint32_t n_max)
{
	uint64_t n = 16;

	while (n * LOAD < n_max)
		n *= 2;
	t->buckets = mem_take(n * sizeof(struct tcp_bucket));
	if (!t->buckets)
		return false;
	for (uint64_t i = 0; i < n; i++) {
		for (unsigned int s = 0; s < TCP_TABLE_SLOTS; s++)
			t->buckets[i].value[s] = TCP_TABLE_NONE;
	}
	t->mask = (uint32_t)n - 1;
	t->n = 0;
	t->n_max = n_max;
	return true;
}

void tcp_table_fini(struct tcp_table *t)
{
	free(t->buckets);
	t->buckets = NULL;
}

uint32_t tcp_table_hash(const struct siphash_key *key, const struct ip_addr *local,
			uint16_t local_port, const struct ip_addr *peer, uint16_t peer_port)
{
	uint32_t ports = (uint32_t)local_port << 16 | peer_port;

	if (ip_addr_is_v4(local) && ip_addr_is_v4(peer)) {
		const uint32_t k[4] = { local->w[3], peer->w[3], ports, 0 };

		return (uint32_t)siphash13(key, k, sizeof(k));
	} else {
		const uint64_t k[5] = { local->q[0], local->q[1], peer->q[0], peer->q[1], ports };

		return (uint32_t)siphash13(key, k, sizeof(k));
	}
}

static bool bucket_put(struct tcp_bucket *b, uint32_t hash, uint32_t value)
{
	for (unsigned int i = 0; i < TCP_TABLE_SLOTS; i++) {
		if (b->value[i] == TCP_TABLE_NONE) {
			b->hash[i] = hash;
			b->value[i] = value;
			return true;
		}
	}
	return false;
}

bool tcp_table_insert(struct tcp_table *t, uint32_t hash, uint32_t value)
{
	uint32_t i = hash & t->mask;

	if (t->n == t->n_max)
		return false;
	t->n++;
	/* Ends: fewer entries than slots. */
	while (!bucket_put(&t->buckets[i], hash, value)) {
		t->buckets[i].overflow++;
		i = (i + 1) & t->mask;
	}
	return true;
}

static bool bucket_take(struct tcp_bucket *b, uint32_t hash, uint32_t value)
{
	for (unsigned int i = 0; i < TCP_TABLE_SLOTS; i++) {
		if (b->hash[i] == hash && b->value[i] == value) {
			b->value[i] = TCP_TABLE_NONE;
			return true;
		}
	}
	return false;
}

bool tcp_table_remove(struct tcp_table *t, uint32_t hash, uint32_t value)
{
	uint32_t home = hash & t->mask, i = home;

	for (uint32_t left = t->mask; !bucket_take(&t->buckets[i], hash, value); left--) {
		if (!t->buckets[i].overflow || !left)
			return false;
		i = (i + 1) & t->mask;
	}
	for (uint32_t j = home; j != i; j = (j + 1) & t->mask)
		t->buckets[j].overflow--;
	t->n--;
	return true;
}
