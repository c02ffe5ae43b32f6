/* SPDX-License-Identifier: BSD-3-Clause */
/* Start-up memory: zeroed and aligned at every size. */
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void t_sizes(void **state)
{
	static const size_t sizes[] = { 0, 1, 64, 4097, (2u << 20) - 1, 2u << 20, (5u << 20) + 3 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint8_t *p = mem_take(sizes[i]);
		size_t set = 0;

		assert_non_null(p);
		assert_int_equal((uintptr_t)p % 64, 0);
		for (size_t j = 0; j < sizes[i]; j++)
			set += p[j] != 0;
		assert_int_equal(set, 0);
		free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(t_sizes) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
