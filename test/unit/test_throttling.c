/* SPDX-License-Identifier: BSD-3-Clause */
/* Which lcores RT throttling would stop, and whether that is refused. */
#include "main/throttling.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define BUSY_RT "[lcore 0]\ncpu = 0\n[lcore 1]\ncpu = 1\nclass = rt\npoll = busy\n"
#define ALLOW	"[dataplane]\nrt-throttling = allow\n"

static char folder[64];

static void put(const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (!text) {
		unlink(path);
		return;
	}
	f = fopen(path, "we");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int setup(void **state)
{
	strcpy(folder, "/tmp/outsock-throttling-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
	put("sched_rt_runtime_us", NULL);
	put("sched_rt_period_us", NULL);
	return rmdir(folder);
}

/* The verdict on lcore @i of a configuration, where the kernel's files hold these words. */
static enum throttling_verdict judge(const char *text, unsigned int i, const char *runtime,
				     const char *period, char *why, size_t size)
{
	struct config *c = config_parse("f", text, strlen(text), 4, config_print_mistake, stderr);
	enum throttling_verdict v;

	assert_non_null(c);
	put("sched_rt_runtime_us", runtime);
	put("sched_rt_period_us", period);
	v = throttling_judge(c, &c->lcores[i], folder, why, size);
	config_free(c);
	return v;
}

static void test_refused(void **state)
{
	char why[512];

	assert_int_equal(judge(BUSY_RT, 1, "950000\n", "1000000\n", why, sizeof(why)),
			 THROTTLING_REFUSED);
	assert_string_equal(why,
			    "lcore 1 is real-time and busy, and RT throttling may stop it for "
			    "50000 us of each 1000000 us (kernel.sched_rt_runtime_us is 950000); "
			    "right: sysctl -w kernel.sched_rt_runtime_us=-1, or poll = adaptive, "
			    "or rt-throttling = allow in [dataplane]");
	/* No share at all is no "no limit". */
	assert_int_equal(judge(BUSY_RT, 1, "0\n", "1000000\n", why, sizeof(why)),
			 THROTTLING_REFUSED);
}

static void test_allowed(void **state)
{
	char why[512];

	assert_int_equal(judge(ALLOW BUSY_RT, 1, "950000\n", "1000000\n", why, sizeof(why)),
			 THROTTLING_ALLOWED);
	assert_non_null(strstr(why, "for 50000 us of each 1000000 us"));
	assert_null(strstr(why, "rt-throttling"));
}

static void test_off(void **state)
{
	char why[512];

	assert_int_equal(judge(BUSY_RT, 1, "-1\n", "1000000\n", why, sizeof(why)), THROTTLING_OFF);
	/* The whole period. */
	assert_int_equal(judge(BUSY_RT, 1, "1000000\n", "1000000\n", why, sizeof(why)),
			 THROTTLING_OFF);
	/* An ordinary thread, and one that sleeps. */
	assert_int_equal(judge(BUSY_RT, 0, "950000\n", "1000000\n", why, sizeof(why)),
			 THROTTLING_OFF);
	assert_int_equal(judge("[lcore 0]\ncpu = 0\npoll = busy\n", 0, "950000\n", "1000000\n", why,
			       sizeof(why)),
			 THROTTLING_OFF);
	assert_int_equal(judge("[lcore 0]\ncpu = 1\nclass = rt\n", 0, "950000\n", "1000000\n", why,
			       sizeof(why)),
			 THROTTLING_OFF);
}

static void test_not_known(void **state)
{
	struct throttling t;
	char why[512];

	assert_int_equal(judge(BUSY_RT, 1, "many\n", "1000000\n", why, sizeof(why)),
			 THROTTLING_OFF);
	assert_int_equal(throttling_read(folder, &t), -EINVAL);
	assert_int_equal(judge(BUSY_RT, 1, "950000\n", NULL, why, sizeof(why)), THROTTLING_OFF);
	assert_int_equal(throttling_read(folder, &t), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_allowed),
		cmocka_unit_test(test_off),
		cmocka_unit_test(test_not_known),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
