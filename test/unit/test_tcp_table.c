/* SPDX-License-Identifier: BSD-3-Clause */
/* The connection table: finds what was put in, forgets what was taken out, and stays shallow. */
#include "tcp/tcp_table.h"

#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <stdlib.h>

#define N 100000u

static bool has(const struct tcp_table *t, uint32_t hash, uint32_t value)
{
	struct tcp_table_pos pos;

	for (uint32_t v = tcp_table_first(t, hash, &pos); v != TCP_TABLE_NONE;
	     v = tcp_table_next(t, hash, &pos)) {
		if (v == value)
			return true;
	}
	return false;
}

static uint32_t hash_of(uint32_t i)
{
	static const struct siphash_key key = { { 1, 2 } };
	const struct ip_addr local = ip_addr_v4(0x0b004d0a), peer = ip_addr_v4(i);

	return tcp_table_hash(&key, &local, 80, &peer, 1234);
}

static void t_full_and_empty(void **state)
{
	struct tcp_table t;

	assert_true(tcp_table_init(&t, N));
	for (uint32_t i = 0; i < N; i++)
		assert_true(tcp_table_insert(&t, hash_of(i), i));
	assert_false(tcp_table_insert(&t, hash_of(N), N));
	for (uint32_t i = 0; i < N; i++)
		assert_true(has(&t, hash_of(i), i));
	for (uint32_t i = 0; i < N; i += 2)
		assert_true(tcp_table_remove(&t, hash_of(i), i));
	for (uint32_t i = 0; i < N; i++)
		assert_int_equal(has(&t, hash_of(i), i), i % 2);
	assert_false(tcp_table_remove(&t, hash_of(0), 0));
	for (uint32_t i = 1; i < N; i += 2)
		assert_true(tcp_table_remove(&t, hash_of(i), i));
	assert_int_equal(t.n, 0);
	for (uint32_t i = 0; i <= t.mask; i++)
		assert_int_equal(t.buckets[i].overflow, 0);
	tcp_table_fini(&t);
}

/* Full, at most 3 in 100 entries lie outside of their own bucket. */
static void t_shallow(void **state)
{
	struct tcp_table t;
	uint32_t away = 0;

	assert_true(tcp_table_init(&t, N));
	for (uint32_t i = 0; i < N; i++)
		tcp_table_insert(&t, hash_of(i), i);
	for (uint32_t i = 0; i <= t.mask; i++) {
		for (unsigned int s = 0; s < TCP_TABLE_SLOTS; s++) {
			if (t.buckets[i].value[s] != TCP_TABLE_NONE)
				away += (t.buckets[i].hash[s] & t.mask) != i;
		}
	}
	assert_true(away * 100 <= N * 3);
	tcp_table_fini(&t);
}

/* All in one bucket: slow, and still right. */
static void t_collisions(void **state)
{
	struct tcp_table t;

	assert_true(tcp_table_init(&t, 40));
	for (uint32_t i = 0; i < 40; i++)
		assert_true(tcp_table_insert(&t, 5, i));
	for (uint32_t i = 0; i < 40; i++)
		assert_true(has(&t, 5, i));
	assert_false(has(&t, 5, 40));
	assert_false(has(&t, 6, 1));
	assert_true(tcp_table_remove(&t, 5, 39));
	assert_true(tcp_table_remove(&t, 5, 0));
	assert_false(has(&t, 5, 39));
	assert_true(has(&t, 5, 38));
	tcp_table_fini(&t);
}

static void t_random(void **state)
{
	static bool in[256];
	struct rng rng = { 3 };
	struct tcp_table t;

	assert_true(tcp_table_init(&t, 64));
	for (unsigned int i = 0; i < 100000; i++) {
		uint32_t v = rng_below(&rng, 256), hash = v % 23 * 0x9e3779b9u;

		if (in[v]) {
			assert_true(tcp_table_remove(&t, hash, v));
			in[v] = false;
		} else {
			in[v] = tcp_table_insert(&t, hash, v);
		}
		v = rng_below(&rng, 256);
		assert_int_equal(has(&t, v % 23 * 0x9e3779b9u, v), in[v]);
	}
	tcp_table_fini(&t);
}

/* Each part of the tuple counts, and so does the key. */
static void t_hash(void **state)
{
	const struct siphash_key k1 = { { 1, 2 } }, k2 = { { 1, 3 } };
	const struct ip_addr a = ip_addr_v4(1), b = ip_addr_v4(2);
	const struct ip_addr v6 = { .q = { 1, 2 } };
	uint32_t h = tcp_table_hash(&k1, &a, 10, &b, 20);

	assert_int_equal(h, tcp_table_hash(&k1, &a, 10, &b, 20));
	assert_int_not_equal(h, tcp_table_hash(&k2, &a, 10, &b, 20));
	assert_int_not_equal(h, tcp_table_hash(&k1, &b, 10, &a, 20));
	assert_int_not_equal(h, tcp_table_hash(&k1, &a, 20, &b, 10));
	assert_int_not_equal(h, tcp_table_hash(&k1, &a, 10, &v6, 20));
	assert_int_not_equal(h, tcp_table_hash(&k1, &a, 11, &b, 20));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_full_and_empty), cmocka_unit_test(t_shallow),
		cmocka_unit_test(t_collisions),	    cmocka_unit_test(t_random),
		cmocka_unit_test(t_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
