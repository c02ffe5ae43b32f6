/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define N 5

static struct pool *new_pool(size_t obj_size)
{
	struct pool *p = malloc(sizeof(*p));

	pool_init(p, aligned_alloc(64, pool_mem_size(obj_size, N)), obj_size, N);
	return p;
}

static void free_pool(struct pool *p)
{
	free(p->mem);
	free(p);
}

static void test_sizes_are_whole_cache_lines(void **state)
{
	assert_int_equal(pool_mem_size(1, 3), 192);
	assert_int_equal(pool_mem_size(64, 3), 192);
	assert_int_equal(pool_mem_size(65, 3), 384);
	assert_int_equal(pool_mem_size(8, 0), 0);
}

static void test_all_objects_are_handed_out_once(void **state)
{
	struct pool *p = new_pool(100);
	void *seen[N];

	for (unsigned int i = 0; i < N; i++) {
		assert_int_equal(p->n_free, N - i);
		seen[i] = pool_get(p);
		assert_non_null(seen[i]);
		assert_int_equal((uintptr_t)seen[i] % 64, 0);
		for (unsigned int k = 0; k < i; k++)
			assert_ptr_not_equal(seen[i], seen[k]);
	}
	assert_null(pool_get(p));
	assert_int_equal(p->n_free, 0);
	free_pool(p);
}

static void test_last_in_is_first_out(void **state)
{
	struct pool *p = new_pool(64);
	void *a = pool_get(p), *b = pool_get(p);

	pool_put(p, a);
	pool_put(p, b);
	assert_int_equal(p->n_free, N);
	assert_ptr_equal(pool_get(p), b);
	assert_ptr_equal(pool_get(p), a);
	free_pool(p);
}

static void test_index_and_back(void **state)
{
	struct pool *p = new_pool(100);

	for (unsigned int i = 0; i < N; i++) {
		char *obj = pool_at(p, i);

		assert_ptr_equal(obj, p->mem + i * 128);
		assert_int_equal(pool_index(p, obj), i);
		/* Of any byte of the object. */
		assert_int_equal(pool_index(p, obj + 127), i);
	}
	free_pool(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes_are_whole_cache_lines),
		cmocka_unit_test(test_all_objects_are_handed_out_once),
		cmocka_unit_test(test_last_in_is_first_out),
		cmocka_unit_test(test_index_and_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
