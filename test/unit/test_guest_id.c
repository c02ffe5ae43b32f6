/* SPDX-License-Identifier: BSD-3-Clause */
/* Socket ids of a guest: its own, the host's, and the memory behind them. */
#include "guest/guest_id.h"
#include "pages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define MANY (1u << 16)

/* A first socket of a page is no page fault in a turn. */
static void test_all_pages_are_there(void **state)
{
	struct guest_ids ids;

	assert_int_equal(guest_ids_init(&ids, MANY), 0);
	assert_true(pages_present(ids.own, MANY * sizeof(*ids.own)));
	assert_true(pages_present(ids.host, MANY * sizeof(*ids.host)));
	assert_true(pages_present(ids.host_ids, MANY * sizeof(*ids.host_ids)));
	assert_true(pages_present(ids.free, MANY * sizeof(*ids.free)));
	guest_ids_fini(&ids);
}

static void test_own(void **state)
{
	struct guest_ids ids;
	struct sock s = { .id = 3 };

	assert_int_equal(guest_ids_init(&ids, 5), 0);
	assert_true(guest_id_valid(&ids, 4));
	assert_false(guest_id_valid(&ids, 5));
	assert_null(guest_sock(&ids, 3));
	ids.own[3] = &s;
	assert_ptr_equal(guest_sock(&ids, 3), &s);
	assert_null(guest_sock(&ids, OUTSOCK_ID_HOST | 3));
	guest_ids_del(&ids, &s);
	assert_null(guest_sock(&ids, 3));
	assert_int_equal(s.id, OUTSOCK_ID_NONE);
	guest_ids_del(&ids, &s); /* harmless */
	guest_ids_fini(&ids);
}

/* All of them at once, each another one; an id that was used names nobody. */
static void test_host(void **state)
{
	struct guest_ids ids;
	struct sock s[5], more = { .id = OUTSOCK_ID_NONE };
	uint32_t old;

	memset(s, 0, sizeof(s));
	assert_int_equal(guest_ids_init(&ids, 5), 0);
	for (unsigned int i = 0; i < 5; i++) {
		assert_true(guest_ids_add_host(&ids, &s[i]));
		assert_true(s[i].id & OUTSOCK_ID_HOST);
		for (unsigned int k = 0; k <= i; k++)
			assert_ptr_equal(guest_sock(&ids, s[k].id), &s[k]);
	}
	assert_false(guest_ids_add_host(&ids, &more));
	old = s[2].id;
	guest_ids_del(&ids, &s[2]);
	assert_null(guest_sock(&ids, old));
	assert_true(guest_ids_add_host(&ids, &more));
	assert_int_not_equal(more.id, old);
	assert_null(guest_sock(&ids, old));
	assert_ptr_equal(guest_sock(&ids, more.id), &more);
	guest_ids_fini(&ids);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_pages_are_there),
		cmocka_unit_test(test_own),
		cmocka_unit_test(test_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
