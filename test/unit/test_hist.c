/* SPDX-License-Identifier: BSD-3-Clause */
/* Histograms and stamps: every value in its slot, what is read from them is right within a slot. */
#include "base/hist.h"
#include "base/rng.h"
#include "base/stamp.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <stdint.h>

#include <cmocka.h>

static void test_slots(void **state)
{
	assert_int_equal(hist_slot(0), 0);
	assert_int_equal(hist_slot(63), 0);
	assert_int_equal(hist_slot(64), 1);
	assert_int_equal(hist_slot(1ull << 40), HIST_SLOTS - 1);
	for (unsigned int i = 1; i < HIST_SLOTS; i++) {
		uint64_t from = hist_from(i), end = hist_from(i + 1);

		assert_int_equal(hist_slot(from), i);
		assert_int_equal(hist_slot(end - 1), i);
		assert_true((end - from) * 16 <= from);
	}
	assert_int_equal(hist_from(HIST_SLOTS), 1ull << 30);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

#define N 100000

/* Against the values themselves. */
static void test_summary(void **state)
{
	static const double shares[] = { 0.01, 0.5, 0.9, 0.99, 0.999, 0.9999 };
	static uint64_t v[N];
	static struct hist h, merged;
	struct rng rng = { .state = 3 };
	struct hist_summary s;
	double sum = 0, squares = 0;

	for (unsigned int i = 0; i < N; i++) {
		v[i] = 64 + (rng_below(&rng, 1u << (7 + rng_below(&rng, 20))));
		hist_add(&h, v[i], 1);
		sum += (double)v[i];
	}
	for (unsigned int i = 0; i < N; i++)
		squares += ((double)v[i] - sum / N) * ((double)v[i] - sum / N);
	hist_merge(&merged, &h);
	hist_summary(&merged, &s);
	qsort(v, N, sizeof(v[0]), compare);
	assert_int_equal(s.n, N);
	assert_int_equal(s.max, v[N - 1]);
	assert_true(fabs(s.mean - sum / N) < 1e-6 * s.mean);
	assert_true(fabs(s.sd - sqrt(squares / N)) < s.sd / 16);
	for (unsigned int i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
		uint64_t exact = v[(unsigned int)ceil(shares[i] * N) - 1];
		uint64_t got = hist_at(&merged, shares[i]);

		assert_true(got >= exact && got - exact <= exact / 16);
	}
	assert_int_equal(hist_at(&merged, 1), s.max);
	hist_clear(&h);
	hist_summary(&h, &s);
	assert_int_equal(s.n, 0);
	assert_int_equal(hist_at(&h, 0.5), 0);
}

/* Many at once; beyond the last slot the maximum is still exact. */
static void test_runs(void **state)
{
	static struct hist h;
	struct hist_summary s;

	hist_add(&h, 1000, 7);
	hist_add(&h, 5000000000, 3);
	hist_summary(&h, &s);
	assert_int_equal(s.n, 10);
	assert_int_equal(s.max, 5000000000);
	assert_int_equal(h.sum, 7 * 1000 + 3 * 5000000000);
	assert_in_range(hist_at(&h, 0.7), 1000, 1063);
	assert_int_equal(hist_at(&h, 0.71), 5000000000);
}

/* Stamps of any clock rate, over the turn of their 32 bits. */
static void test_stamps(void **state)
{
	static const uint64_t rates[] = { 1000000000, 2400000000, 3999999999 };

	for (unsigned int i = 0; i < 3; i++) {
		uint64_t hz = rates[i], tsc_mult = (1000000000ull << 32) / hz;
		struct stamp_clock c = { .mult = stamp_mult(tsc_mult) };

		for (uint64_t ns = 100; ns < 5000000000; ns *= 3) {
			uint64_t tsc = UINT64_MAX / 3, cycles = ns * (hz / 1000000) / 1000, got;

			c.now = stamp_of(tsc + cycles);
			c.turn = stamp_of(tsc + cycles / 2);
			got = stamp_ns(&c, stamp_of(tsc));
			assert_true(stamp_of(tsc));
			assert_true(got + ns / 1000 + 33 >= ns && got <= ns + ns / 1000 + 33);
			assert_int_equal(stamp_late(&c, stamp_of(tsc)), cycles > 64);
			assert_int_equal(stamp_late(&c, c.turn), 0);
			assert_int_equal(stamp_late(&c, c.now), 0);
		}
		assert_int_equal(stamp_ns(&c, c.now + 2), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slots),
		cmocka_unit_test(test_summary),
		cmocka_unit_test(test_runs),
		cmocka_unit_test(test_stamps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
