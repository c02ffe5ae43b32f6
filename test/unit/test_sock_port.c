/* SPDX-License-Identifier: BSD-3-Clause */
/* The port table: Linux' rules of SO_REUSEADDR and SO_REUSEPORT, choice of ephemeral ports. */
#include "sock/sock_ops.h"
#include "wire/byteorder.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#define EPH_FIRST 100
#define EPH_LAST  299
#define USES	  256 /* a power of two: so many can be held */

static struct env env = { .rng.state = 42, .secret.k = { 1, 2 } };
static struct sock_owner one, two;
static struct port_table *table;

static int setup(void **state)
{
	table = port_table_create(&env, USES, EPH_FIRST, EPH_LAST);
	list_init(&one.port_uses);
	list_init(&two.port_uses);
	return table ? 0 : -1;
}

static int teardown(void **state)
{
	port_table_destroy(table);
	return 0;
}

#define ANY    0u
#define ADDR_A 0x0b00000au
#define ADDR_B 0x0c00000au

static struct port_bind claim_of(struct sock_owner *o, uint32_t addr, uint16_t port)
{
	return (struct port_bind){ .owner = o, .addr = ip_addr_v4(addr), .port = be16(port) };
}

static void t_exclusive(void **state)
{
	struct port_bind a = claim_of(&one, ANY, 80), b = claim_of(&one, ANY, 80);

	assert_int_equal(port_bind(table, &a), 0);
	assert_int_equal(port_bind(table, &b), -EADDRINUSE);
	assert_int_equal(b.port, 0);
	port_unbind(table, &a);
	assert_int_equal(a.port, 0);
	b.port = be16(80);
	assert_int_equal(port_bind(table, &b), 0);
	port_unbind(table, &b);
	port_unbind(table, &b);
}

static void t_owners_and_addresses_apart(void **state)
{
	struct port_bind a = claim_of(&one, ADDR_A, 80), b = claim_of(&one, ADDR_B, 80);
	struct port_bind c = claim_of(&two, ANY, 80), d = claim_of(&one, ANY, 80);

	assert_int_equal(port_bind(table, &a), 0);
	assert_int_equal(port_bind(table, &b), 0);
	assert_int_equal(port_bind(table, &c), 0);
	assert_int_equal(port_bind(table, &d), -EADDRINUSE);
}

static void t_unspecified_v6_overlaps_all(void **state)
{
	struct port_bind a = claim_of(&one, ADDR_A, 80), b = claim_of(&one, ANY, 80);

	b.addr = (struct ip_addr){ 0 };
	assert_int_equal(port_bind(table, &a), 0);
	assert_int_equal(port_bind(table, &b), -EADDRINUSE);
}

/* inet_csk_bind_conflict(): both have SO_REUSEADDR, and the old one does not listen. */
static void t_reuseaddr(void **state)
{
	struct port_bind a = claim_of(&one, ANY, 80), b = claim_of(&one, ANY, 80);
	struct port_bind c = claim_of(&one, ANY, 80);

	a.reuse_addr = b.reuse_addr = true;
	assert_int_equal(port_bind(table, &a), 0);
	assert_int_equal(port_bind(table, &b), 0);
	assert_int_equal(port_bind(table, &c), -EADDRINUSE); /* without the option */

	assert_int_equal(port_listen(table, &a), 0);
	assert_int_equal(port_listen(table, &a), 0); /* again */
	assert_int_equal(port_listen(table, &b), -EADDRINUSE);
	c = claim_of(&one, ANY, 80);
	c.reuse_addr = true;
	assert_int_equal(port_bind(table, &c), -EADDRINUSE);
	port_unbind(table, &a);
	assert_int_equal(port_listen(table, &b), 0);
}

static void t_reuseport(void **state)
{
	struct port_bind a = claim_of(&one, ANY, 80), b = claim_of(&one, ANY, 80);
	struct port_bind c = claim_of(&one, ANY, 80);

	a.reuse_port = b.reuse_port = true;
	assert_int_equal(port_bind(table, &a), 0);
	assert_int_equal(port_listen(table, &a), 0);
	assert_int_equal(port_bind(table, &b), 0);
	assert_int_equal(port_listen(table, &b), 0);
	assert_int_equal(port_bind(table, &c), -EADDRINUSE);
}

static void t_lookup_prefers(void **state)
{
	const struct ip_addr addr_a = ip_addr_v4(ADDR_A), addr_b = ip_addr_v4(ADDR_B);
	struct port_bind any = claim_of(&one, ANY, 53), exact = claim_of(&one, ADDR_A, 53);

	any.reuse_addr = exact.reuse_addr = true;
	assert_int_equal(port_bind(table, &exact), 0);
	assert_int_equal(port_bind(table, &any), 0);
	assert_ptr_equal(port_lookup(table, &one, &addr_a, be16(53)), &exact);
	assert_ptr_equal(port_lookup(table, &one, &addr_b, be16(53)), &any);
	assert_null(port_lookup(table, &one, &addr_a, be16(54)));
	assert_null(port_lookup(table, &two, &addr_a, be16(53)));

	exact.hidden = true;
	assert_ptr_equal(port_lookup(table, &one, &addr_a, be16(53)), &any);
	exact.hidden = false;
	port_unbind(table, &any);
	assert_null(port_lookup(table, &one, &addr_b, be16(53)));
	/* A listener before one that is only bound, though less exact. */
	any = claim_of(&one, ANY, 53);
	any.reuse_addr = true;
	assert_int_equal(port_bind(table, &any), 0);
	any.listening = true;
	assert_ptr_equal(port_lookup(table, &one, &addr_a, be16(53)), &any);
}

static void t_reuseport_spreads(void **state)
{
	const struct ip_addr addr = ip_addr_v4(ADDR_A);
	struct port_bind b[4];
	unsigned int hits[4] = { 0 };
	struct rng rng = { 7 };

	for (unsigned int i = 0; i < 4; i++) {
		b[i] = claim_of(&one, ANY, 80);
		b[i].reuse_port = true;
		assert_int_equal(port_bind(table, &b[i]), 0);
	}
	for (unsigned int i = 0; i < 4000; i++) {
		uint32_t hash = (uint32_t)rng_next(&rng);
		struct port_bind *got = port_lookup_flow(table, &one, &addr, be16(80), hash);

		assert_ptr_equal(got, port_lookup_flow(table, &one, &addr, be16(80), hash));
		hits[got - b]++;
	}
	for (unsigned int i = 0; i < 4; i++)
		assert_in_range(hits[i], 800, 1200);
}

static void t_ephemeral_all_of_range(void **state)
{
	static struct port_bind b[EPH_LAST - EPH_FIRST + 2];
	bool seen[65536] = { false };
	unsigned int in_order = 0;

	for (unsigned int i = 0; i <= EPH_LAST - EPH_FIRST; i++) {
		uint16_t port;

		b[i] = claim_of(&one, ANY, 0);
		assert_int_equal(port_bind(table, &b[i]), 0);
		port = be16(b[i].port);
		assert_in_range(port, EPH_FIRST, EPH_LAST);
		assert_false(seen[port]);
		seen[port] = true;
		in_order += i && port == be16(b[i - 1].port) + 1;
	}
	assert_true(in_order < 100); /* random, not sequential */
	b[EPH_LAST - EPH_FIRST + 1] = claim_of(&one, ANY, 0);
	assert_int_equal(port_bind(table, &b[EPH_LAST - EPH_FIRST + 1]), -EADDRINUSE);
	/* One that nobody has is found, wherever it is. */
	port_unbind(table, &b[17]);
	assert_int_equal(port_bind(table, &b[EPH_LAST - EPH_FIRST + 1]), 0);
}

/* A range that one guest has used up is still another one's. */
static void t_ephemeral_of_other_owner(void **state)
{
	static struct port_bind b[EPH_LAST - EPH_FIRST + 1];
	struct port_bind c;

	for (unsigned int i = 0; i <= EPH_LAST - EPH_FIRST; i++) {
		b[i] = claim_of(&one, ANY, 0);
		assert_int_equal(port_bind(table, &b[i]), 0);
	}
	c = claim_of(&two, ANY, 0);
	assert_int_equal(port_bind(table, &c), 0);
	assert_in_range(be16(c.port), EPH_FIRST, EPH_LAST);
}

/* SO_REUSEADDR is no reason to be given a port that is in use. */
static void t_ephemeral_is_alone(void **state)
{
	static struct port_bind b[EPH_LAST - EPH_FIRST + 2];

	for (unsigned int i = 0; i < RTE_DIM(b); i++) {
		b[i] = claim_of(&one, ANY, 0);
		b[i].reuse_addr = b[i].reuse_port = true;
		assert_int_equal(port_bind(table, &b[i]), i + 1 < RTE_DIM(b) ? 0 : -EADDRINUSE);
	}
}

static void t_walks_are_bounded(void **state)
{
	static struct port_bind b[PORT_SHARE_MAX + 1];

	for (unsigned int i = 0; i < RTE_DIM(b); i++) {
		b[i] = claim_of(&one, ANY, 80);
		b[i].reuse_addr = true;
		assert_int_equal(port_bind(table, &b[i]), i < PORT_SHARE_MAX ? 0 : -EADDRINUSE);
	}
}

/* inet_csk_bind_conflict(), with what has no claim: connections accepted there, TIME-WAIT. */
static void t_held(void **state)
{
	const struct ip_addr addr_a = ip_addr_v4(ADDR_A);
	struct port_bind l = claim_of(&one, ANY, 80), b = claim_of(&one, ANY, 80);
	struct port_bind elsewhere = claim_of(&one, ADDR_B, 80), other = claim_of(&two, ANY, 80);
	struct port_hold h[2];

	l.reuse_addr = true;
	assert_int_equal(port_bind(table, &l), 0);
	port_hold(table, &h[0], &l, &addr_a);
	port_hold(table, &h[1], &l, &addr_a);
	port_unbind(table, &l);

	assert_int_equal(port_bind(table, &b), -EADDRINUSE); /* without the option */
	assert_int_equal(port_bind(table, &elsewhere), 0);   /* not at that address */
	assert_int_equal(port_bind(table, &other), 0);	     /* not its owner's */
	port_unbind(table, &elsewhere);
	b = claim_of(&one, ANY, 80);
	b.reuse_addr = true;
	assert_int_equal(port_bind(table, &b), 0);
	assert_int_equal(port_listen(table, &b), 0);
	port_unbind(table, &b);
	b = claim_of(&one, ANY, 80); /* it was bound there before */
	b.again = true;
	assert_int_equal(port_bind(table, &b), 0);
	assert_int_equal(port_listen(table, &b), -EADDRINUSE);
	port_unbind(table, &b);

	port_release(table, &h[0]);
	port_release(table, &h[0]);
	b = claim_of(&one, ADDR_A, 80);
	assert_int_equal(port_bind(table, &b), -EADDRINUSE); /* one is left */
	port_release(table, &h[1]);
	b = claim_of(&one, ADDR_A, 80);
	assert_int_equal(port_bind(table, &b), 0);
}

/* Both sides need the same option, and one plain hold is enough to refuse. */
static void t_held_flags(void **state)
{
	const struct ip_addr addr = ip_addr_v4(ADDR_A);

	for (unsigned int held = 0; held < 4; held++) {
		for (unsigned int asked = 0; asked < 4; asked++) {
			struct port_bind l = claim_of(&one, ANY, 80), b = l;
			struct port_hold h, plain;

			l.reuse_addr = held & 1;
			l.reuse_port = held & 2;
			b.reuse_addr = asked & 1;
			b.reuse_port = asked & 2;
			port_hold(table, &h, &l, &addr);
			assert_int_equal(port_bind(table, &b), held & asked ? 0 : -EADDRINUSE);
			port_unbind(table, &b);
			b.port = be16(80);
			port_hold(table, &plain, &l, &addr);
			port_hold_flags(&plain, false, false);
			assert_int_equal(port_bind(table, &b), -EADDRINUSE);
			port_release(table, &plain);
			port_release(table, &h);
		}
	}
}

/* bind() is given a port that nobody holds; connect(), whose tuple is its own, any. */
static void t_held_ephemeral(void **state)
{
	static struct port_hold h[EPH_LAST - EPH_FIRST + 1];
	const struct ip_addr addr = ip_addr_v4(ADDR_A);
	struct port_bind b = claim_of(&one, ANY, 0), c = b, d = b;

	for (unsigned int i = 0; i < RTE_DIM(h); i++) {
		struct port_bind l = claim_of(&one, ANY, EPH_FIRST + i);

		l.reuse_addr = true;
		port_hold(table, &h[i], &l, &addr);
	}
	b.reuse_addr = true;
	assert_int_equal(port_bind(table, &b), -EADDRINUSE);
	c.by_connect = true;
	assert_int_equal(port_bind(table, &c), 0);
	for (unsigned int i = 0; i < RTE_DIM(h) / 2; i++)
		port_release(table, &h[i]);
	assert_int_equal(port_bind(table, &d), 0);
	assert_true(be16(d.port) < EPH_FIRST + RTE_DIM(h) / 2);
}

static void t_held_owner_gone(void **state)
{
	const struct ip_addr addr = ip_addr_v4(ADDR_A);
	struct port_bind l = claim_of(&one, ANY, 80), b = l;
	struct port_hold h;

	port_hold(table, &h, &l, &addr);
	assert_true(port_owner_gone(&one, 100));
	assert_true(list_empty(&one.port_uses));
	assert_int_equal(port_bind(table, &b), 0);
	port_release(table, &h); /* its memory is free again: all of it can be had */
	for (unsigned int i = 0; i < USES; i++) {
		l.port = be16(1000 + i);
		port_hold(table, &h, &l, &addr);
		assert_non_null(h.use);
	}
	l.port = be16(2000);
	port_hold(table, &h, &l, &addr);
	assert_null(h.use);
	port_release(table, &h);
	assert_int_equal(port_bind(table, &l), 0);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(t_exclusive),
		T(t_owners_and_addresses_apart),
		T(t_unspecified_v6_overlaps_all),
		T(t_reuseaddr),
		T(t_reuseport),
		T(t_lookup_prefers),
		T(t_reuseport_spreads),
		T(t_ephemeral_all_of_range),
		T(t_ephemeral_of_other_owner),
		T(t_ephemeral_is_alone),
		T(t_walks_are_bounded),
		T(t_held),
		T(t_held_flags),
		T(t_held_ephemeral),
		T(t_held_owner_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
