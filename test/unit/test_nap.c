/* SPDX-License-Identifier: BSD-3-Clause */
/* Naps of an idle lcore grow with the silence, between two bounds. */
#include "lcore/nap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define US 1000u
#define MS 1000000u

static void test_bounds(void **state)
{
	assert_int_equal(lcore_nap(0, 50 * US, MS), 50 * US);
	assert_int_equal(lcore_nap(UINT64_MAX, 50 * US, MS), MS);
	assert_int_equal(lcore_nap(10 * MS, 2 * MS, MS), 2 * MS); /* nap alone was made longer */
}

/* Whenever a packet comes, it waits for no more than a sixteenth of the silence before it. */
static void test_in_proportion(void **state)
{
	for (uint64_t silence = MS; silence <= 16 * MS; silence += 100 * US)
		assert_int_equal(lcore_nap(silence, 50 * US, MS), silence / LCORE_NAP_PART);
}

/* A second of silence: a look each millisecond, but for the first sixteen of them. */
static void test_few(void **state)
{
	unsigned int naps = 0;

	for (uint64_t t = 0; t < 1000 * MS; t += lcore_nap(t, 50 * US, MS))
		naps++;
	assert_in_range(naps, 1000, 1100);
}

/* A second is no number of nanoseconds that the kernel takes. */
static void test_timespec(void **state)
{
	struct timespec t = lcore_timespec(1000 * MS);

	assert_int_equal(t.tv_sec, 1);
	assert_int_equal(t.tv_nsec, 0);
	t = lcore_timespec(3 * 1000 * MS + 5 * US);
	assert_int_equal(t.tv_sec, 3);
	assert_int_equal(t.tv_nsec, 5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_in_proportion),
		cmocka_unit_test(test_few),
		cmocka_unit_test(test_timespec),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
