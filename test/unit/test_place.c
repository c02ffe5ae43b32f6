/* SPDX-License-Identifier: BSD-3-Clause */
/* Which lcore serves a guest, and which one polls a port. */
#include "main/place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char text[] = "[lcore 0]\ncpu = 0\n[lcore 1]\ncpu = 1\nclass = rt\n"
			   "[lcore 2]\ncpu = 0\n[lcore 3]\ncpu = 1\nclass = rt\n"
			   "[dataplane]\nmemory = 512M\n[port p]\ndevice = x\n";
static struct config *c;

static int setup(void **state)
{
	c = config_parse("f", text, sizeof(text) - 1, 2, config_print_mistake, stderr);
	return c ? 0 : -1;
}

static int teardown(void **state)
{
	config_free(c);
	return 0;
}

static void test_guest(void **state)
{
	struct conf_guest g = { .class = LCORE_NON_RT, .lcore = CONF_AUTO };
	unsigned int load[CONF_LCORES_MAX] = { 2, 0, 1, 0 };

	assert_int_equal(place_guest(c, &g, load), 2);
	load[2] = 2;
	assert_int_equal(place_guest(c, &g, load), 0); /* the first of equals */
	g.class = LCORE_RT;
	assert_int_equal(place_guest(c, &g, load), 1);
	load[1] = 1;
	assert_int_equal(place_guest(c, &g, load), 3);
	g.lcore = 1;
	assert_int_equal(place_guest(c, &g, load), 1); /* as it is told */
}

static void test_poller(void **state)
{
	unsigned int load[CONF_LCORES_MAX] = { 0 };

	assert_int_equal(place_poller(c, load), 0); /* nobody there: an ordinary one */
	load[2] = 5;
	assert_int_equal(place_poller(c, load), 2);
	load[0] = 1;
	assert_int_equal(place_poller(c, load), 0);
	load[3] = 1; /* RT packets never wait for an ordinary lcore */
	assert_int_equal(place_poller(c, load), 3);
}

static void test_quota(void **state)
{
	struct conf_guest said = { .max_pkts = 5000 }, any = { .max_pkts = CONF_AUTO };
	struct place_quota q = { 0 };

	/* 16384 less 1024 for the port and an eighth; of a small pool a half at least. */
	assert_int_equal(place_quota_room(c, 0), 13312);
	c->lcores[1].packets = 2048;
	assert_int_equal(place_quota_room(c, 1), 1024);

	assert_int_equal(place_quota_share(&q, 13312), 13312);
	place_quota_add(&q, &any);
	assert_int_equal(place_quota_share(&q, 13312), 13312);
	place_quota_add(&q, &said);
	assert_int_equal(place_quota_share(&q, 13312), 8312);
	place_quota_add(&q, &any);
	assert_int_equal(place_quota_share(&q, 13312), 4156);
	assert_int_equal(place_quota_share(&q, 5000 + 2 * PLACE_QUOTA_MIN), PLACE_QUOTA_MIN);
	assert_int_equal(place_quota_share(&q, 4999 + 2 * PLACE_QUOTA_MIN), 0);
}

/* An RT lcore's pool, although an ordinary one polls; without RT the poller's own. */
static void test_holder(void **state)
{
	struct config *plain = calloc(1, sizeof(*plain));

	assert_int_equal(place_holder(c, 0), 1);
	assert_int_equal(place_holder(c, 2), 1);
	assert_int_equal(place_holder(c, 1), 1);
	assert_int_equal(place_holder(c, 3), 3);
	assert_non_null(plain);
	plain->n_lcores = 2;
	assert_int_equal(place_holder(plain, 1), 1);
	free(plain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_guest),
		cmocka_unit_test(test_poller),
		cmocka_unit_test(test_quota),
		cmocka_unit_test(test_holder),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
