/* SPDX-License-Identifier: BSD-3-Clause */
/* Which lcore serves an address: every address is found, no other one is. */
#include "port/addr_map.h"
#include "pages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define N 2048u

static uint32_t address(uint32_t i)
{
	return __builtin_bswap32(0x0a000001u + i); /* neighbours in a network */
}

static void test_empty(void **state)
{
	struct addr_map *map = addr_map_build(NULL, 0);

	assert_non_null(map);
	assert_null(addr_map_find(map, address(0)));
	assert_null(addr_map_find(map, 0));
	addr_map_free(map);
}

static void test_all_found(void **state)
{
	struct addr_home *homes = calloc(N, sizeof(*homes));
	struct addr_map *map;

	assert_non_null(homes);
	for (uint32_t i = 0; i < N; i++)
		homes[i] = (struct addr_home){ address(i), (uint16_t)(i % 7), (uint16_t)(i % 3) };
	map = addr_map_build(homes, N);
	assert_non_null(map);
	for (uint32_t i = 0; i < N; i++) {
		const struct addr_home *h = addr_map_find(map, address(i));

		assert_non_null(h);
		assert_int_equal(h->be, address(i));
		assert_int_equal(h->lcore, i % 7);
		assert_int_equal(h->port, i % 3);
		assert_null(addr_map_find(map, address(N + i)));
	}
	assert_null(addr_map_find(map, 0));
	assert_true(pages_present(map->slots, (map->mask + 1) * sizeof(map->slots[0])));
	free(homes);
	addr_map_free(map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_all_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
