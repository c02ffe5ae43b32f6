/* SPDX-License-Identifier: BSD-3-Clause */
/* Routes and local addresses as pure structures. */
#include "ip/addr_table.h"
#include "ip/route.h"
#include "wire/byteorder.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define LINK_A	 ((struct link *)0x1000)
#define LINK_B	 ((struct link *)0x2000)
#define OWNER(n) ((struct sock_owner *)(uintptr_t)(0x10000 + 64 * (n)))

static const struct ip_addr any;

static struct ip_addr v4(uint32_t host_order)
{
	return ip_addr_v4(be32(host_order));
}

static int add(struct route_table *t, uint32_t dst, unsigned int len, uint32_t via, struct link *l)
{
	struct ip_addr d = v4(dst), g = v4(via);

	return route_add(t, &d, len, via ? &g : &any, l);
}

/* Gateway of the route to @dst in host order, 0: on link, UINT32_MAX: none. */
static uint32_t via(const struct route_table *t, uint32_t dst, const struct link *l)
{
	struct ip_addr d = v4(dst);
	const struct route *r = route_find(t, &d, l);

	return r ? be32(r->via.w[3]) : UINT32_MAX;
}

static void test_longest_prefix_wins(void **state)
{
	struct route_table t;

	assert_int_equal(route_table_init(&t, 8), 0);
	assert_int_equal(add(&t, 0, 0, 0x0a000001, LINK_A), 0);
	assert_int_equal(add(&t, 0x0a010203, 32, 0x0a000004, LINK_A), 0);
	assert_int_equal(add(&t, 0x0a010000, 16, 0x0a000002, LINK_A), 0);
	assert_int_equal(add(&t, 0x0a010200, 24, 0x0a000003, LINK_A), 0);
	assert_int_equal(add(&t, 0x0a010280, 25, 0, LINK_A), 0);
	assert_int_equal(via(&t, 0x08080808, LINK_A), 0x0a000001);
	assert_int_equal(via(&t, 0x0a01ffff, LINK_A), 0x0a000002);
	assert_int_equal(via(&t, 0x0a010202, LINK_A), 0x0a000003);
	assert_int_equal(via(&t, 0x0a010203, LINK_A), 0x0a000004);
	assert_int_equal(via(&t, 0x0a0102ff, LINK_A), 0);
	assert_int_equal(via(&t, 0x0a010203, LINK_B), UINT32_MAX);
	route_table_fini(&t);
}

static void test_links_have_routes_of_their_own(void **state)
{
	struct route_table t;

	assert_int_equal(route_table_init(&t, 2), 0);
	assert_int_equal(add(&t, 0, 0, 0x0a000001, LINK_A), 0);
	assert_int_equal(add(&t, 0, 0, 0x0b000001, LINK_B), 0);
	assert_int_equal(via(&t, 0x08080808, LINK_A), 0x0a000001);
	assert_int_equal(via(&t, 0x08080808, LINK_B), 0x0b000001);
	/* The same again: a new gateway, and no new route. */
	assert_int_equal(add(&t, 0, 0, 0x0a000009, LINK_A), 0);
	assert_int_equal(via(&t, 0x08080808, LINK_A), 0x0a000009);
	assert_int_equal(add(&t, 0x0a000000, 8, 0, LINK_A), -ENOSPC);
	route_table_fini(&t);
}

static void test_mistakes(void **state)
{
	struct route_table t;
	struct ip_addr d = v4(0x0a000000);

	assert_int_equal(route_table_init(&t, 4), 0);
	assert_int_equal(add(&t, 0x0a000000, 33, 0, LINK_A), -EINVAL);
	assert_int_equal(add(&t, 0x0a000001, 8, 0, LINK_A), -EINVAL); /* bits behind the prefix */
	assert_int_equal(add(&t, 0x0a000000, 8, 0, NULL), -EINVAL);
	assert_int_equal(route_del(&t, &d, 8, LINK_A), -ENOENT);
	assert_int_equal(t.n, 0);
	route_table_fini(&t);
}

static void test_delete(void **state)
{
	struct route_table t;
	struct ip_addr d = v4(0x0a000000);

	assert_int_equal(route_table_init(&t, 4), 0);
	assert_int_equal(add(&t, 0x0a000000, 8, 0x0a000001, LINK_A), 0);
	assert_int_equal(add(&t, 0, 0, 0x0a000002, LINK_A), 0);
	assert_int_equal(route_del(&t, &d, 8, LINK_A), 0);
	assert_int_equal(via(&t, 0x0a000007, LINK_A), 0x0a000002);
	assert_int_equal(route_del(&t, &d, 8, LINK_A), -ENOENT);
	route_table_fini(&t);
}

static void test_connected_routes_follow_addresses(void **state)
{
	struct route_table t;
	struct ip_addr a = v4(0x0a4d000b), b = v4(0x0a4d000c), net = v4(0x0a4d0000);

	assert_int_equal(route_table_init(&t, 4), 0);
	assert_int_equal(route_connect(&t, &a, 24, LINK_A), 0);
	assert_int_equal(route_connect(&t, &b, 24, LINK_A), 0);
	assert_int_equal(t.n, 1);
	assert_int_equal(via(&t, 0x0a4d0001, LINK_A), 0);
	route_disconnect(&t, &a, 24, LINK_A);
	assert_int_equal(via(&t, 0x0a4d0001, LINK_A), 0);
	route_disconnect(&t, &b, 24, LINK_A);
	assert_int_equal(via(&t, 0x0a4d0001, LINK_A), UINT32_MAX);
	assert_int_equal(t.n, 0);
	/* A configured one stays when the addresses go. */
	assert_int_equal(add(&t, 0x0a4d0000, 24, 0, LINK_A), 0);
	assert_int_equal(route_connect(&t, &a, 24, LINK_A), 0);
	assert_int_equal(t.n, 1);
	route_disconnect(&t, &a, 24, LINK_A);
	assert_int_equal(t.n, 1);
	assert_int_equal(route_connect(&t, &a, 24, LINK_A), 0);
	assert_int_equal(route_del(&t, &net, 24, LINK_A), 0);
	assert_int_equal(t.n, 1);
	route_disconnect(&t, &a, 24, LINK_A);
	assert_int_equal(t.n, 0);
	route_table_fini(&t);
}

static void test_ipv6_prefixes(void **state)
{
	struct ip_addr net = { .b = { 0x20, 0x01, 0x0d, 0xb8 } };
	struct ip_addr in = { .b = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 } };
	struct ip_addr out = { .b = { 0x20, 0x01, 0x0d, 0xb9, [15] = 1 } };
	struct ip_addr gw4 = v4(0x0a000001);
	struct route_table t;

	assert_int_equal(route_table_init(&t, 4), 0);
	assert_int_equal(route_add(&t, &net, 32, &gw4, LINK_A), -EINVAL);
	assert_int_equal(route_add(&t, &net, 129, &any, LINK_A), -EINVAL);
	assert_int_equal(route_add(&t, &net, 32, &any, LINK_A), 0);
	assert_non_null(route_find(&t, &in, LINK_A));
	assert_null(route_find(&t, &out, LINK_A));
	route_table_fini(&t);
}

static void test_addresses(void **state)
{
	struct addr_table t;
	struct ip_local *l[4];
	struct ip_addr a[5];

	assert_int_equal(addr_table_init(&t, 4), 0);
	for (unsigned int i = 0; i < 5; i++)
		a[i] = v4(0x0a000000 + i);
	for (unsigned int i = 0; i < 4; i++) {
		l[i] = addr_table_add(&t, &a[i], OWNER(i % 2));
		assert_non_null(l[i]);
	}
	assert_null(addr_table_add(&t, &a[4], OWNER(0)));
	assert_null(addr_table_find(&t, &a[4]));
	for (unsigned int i = 0; i < 4; i++)
		assert_ptr_equal(addr_table_find(&t, &a[i]), l[i]);
	/* By owner, in the order in which they were given. */
	assert_ptr_equal(addr_table_first(&t, OWNER(1)), l[1]);
	assert_ptr_equal(addr_table_next(l[1]), l[3]);
	assert_null(addr_table_next(l[3]));
	assert_null(addr_table_first(&t, OWNER(2)));
	addr_table_del(&t, l[1]);
	assert_null(addr_table_find(&t, &a[1]));
	assert_ptr_equal(addr_table_first(&t, OWNER(1)), l[3]);
	assert_ptr_equal(addr_table_add(&t, &a[4], OWNER(0)), l[1]);
	addr_table_fini(&t);
}

static void test_many_addresses(void **state)
{
	enum { N = 3000 };
	struct addr_table t;

	assert_int_equal(addr_table_init(&t, N), 0);
	for (unsigned int i = 0; i < N; i++) {
		struct ip_addr a = v4(0x0a000000 + i);

		assert_non_null(addr_table_add(&t, &a, OWNER(i / 3)));
	}
	for (unsigned int i = 0; i < N; i += 2) {
		struct ip_addr a = v4(0x0a000000 + i);

		addr_table_del(&t, addr_table_find(&t, &a));
	}
	for (unsigned int i = 0; i < N; i++) {
		struct ip_addr a = v4(0x0a000000 + i);
		struct ip_local *l = addr_table_find(&t, &a);

		assert_true(i % 2 ? l && l->owner == OWNER(i / 3) : !l);
	}
	addr_table_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_longest_prefix_wins),
		cmocka_unit_test(test_links_have_routes_of_their_own),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_delete),
		cmocka_unit_test(test_connected_routes_follow_addresses),
		cmocka_unit_test(test_ipv6_prefixes),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_many_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
