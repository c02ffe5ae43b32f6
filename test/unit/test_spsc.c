/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/spsc.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define PTR(n) ((void *)(uintptr_t)(n))

static struct spsc *new_ring(uint32_t size)
{
	struct spsc *r = aligned_alloc(64, spsc_mem_size(size));

	spsc_init(r, size);
	return r;
}

static void test_each_side_has_its_cache_line(void **state)
{
	struct spsc *r = new_ring(4);

	assert_int_equal(offsetof(struct spsc, tail) % 64, 0);
	assert_int_equal(offsetof(struct spsc, head) - offsetof(struct spsc, tail), 64);
	assert_int_equal(spsc_mem_size(4) % 64, 0);
	free(r);
}

static void test_fifo_until_full(void **state)
{
	struct spsc *r = new_ring(4);

	assert_true(spsc_empty(r));
	assert_null(spsc_get(r));
	for (uintptr_t i = 1; i <= 4; i++)
		assert_true(spsc_put(r, PTR(i)));
	assert_false(spsc_put(r, PTR(5)));
	assert_int_equal(spsc_count(r), 4);
	for (uintptr_t i = 1; i <= 4; i++)
		assert_ptr_equal(spsc_get(r), PTR(i));
	assert_null(spsc_get(r));
	free(r);
}

static void test_bursts_take_what_fits(void **state)
{
	struct spsc *r = new_ring(8);
	void *in[6] = { PTR(1), PTR(2), PTR(3), PTR(4), PTR(5), PTR(6) };
	void *out[8];

	assert_int_equal(spsc_put_burst(r, in, 6), 6);
	assert_int_equal(spsc_put_burst(r, in, 6), 2);
	assert_int_equal(spsc_put_burst(r, in, 6), 0);
	assert_int_equal(spsc_get_burst(r, out, 7), 7);
	assert_ptr_equal(out[5], PTR(6));
	assert_ptr_equal(out[6], PTR(1));
	assert_int_equal(spsc_get_burst(r, out, 8), 1);
	assert_ptr_equal(out[0], PTR(2));
	assert_int_equal(spsc_get_burst(r, out, 8), 0);
	free(r);
}

static void test_positions_wrap_around(void **state)
{
	struct spsc *r = new_ring(4);

	/* As after 2^32 - 2 pointers. */
	r->tail = UINT32_MAX - 1;
	r->head = UINT32_MAX - 1;
	r->head_seen = UINT32_MAX - 1;
	r->tail_seen = UINT32_MAX - 1;
	for (uintptr_t i = 1; i <= 4; i++)
		assert_true(spsc_put(r, PTR(i)));
	assert_false(spsc_put(r, PTR(5)));
	assert_int_equal(spsc_count(r), 4);
	for (uintptr_t i = 1; i <= 4; i++)
		assert_ptr_equal(spsc_get(r), PTR(i));
	assert_true(spsc_empty(r));
	free(r);
}

#define N_SENT 200000u

static void *produce(void *arg)
{
	struct spsc *r = arg;
	uintptr_t next = 1;

	while (next <= N_SENT) {
		void *burst[5];
		uint32_t n = 0;

		for (; n < 5 && next + n <= N_SENT; n++)
			burst[n] = PTR(next + n);
		n = spsc_put_burst(r, burst, n);
		if (!n)
			sched_yield();
		next += n;
	}
	return NULL;
}

/* Everything arrives, once and in order. */
static void test_two_threads(void **state)
{
	struct spsc *r = new_ring(16);
	uintptr_t want = 1;
	pthread_t t;

	assert_int_equal(pthread_create(&t, NULL, produce, r), 0);
	while (want <= N_SENT) {
		void *burst[7];
		uint32_t n = spsc_get_burst(r, burst, 7);

		if (!n)
			sched_yield();
		for (uint32_t i = 0; i < n; i++)
			if (burst[i] != PTR(want++))
				fail_msg("%p instead of %p", burst[i], PTR(want - 1));
	}
	pthread_join(t, NULL);
	assert_true(spsc_empty(r));
	free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_side_has_its_cache_line),
		cmocka_unit_test(test_fifo_until_full),
		cmocka_unit_test(test_bursts_take_what_fits),
		cmocka_unit_test(test_positions_wrap_around),
		cmocka_unit_test(test_two_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
