/* SPDX-License-Identifier: BSD-3-Clause */
/* The state file: drawn once, private, the same ever after; a damaged one is refused. */
#include "main/state.h"
#include "main/log.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/test_state.XXXXXX";
static char path[64];

static int setup(void **state)
{
	log_set_level(LOG_LVL_ERROR);
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/sub/state", folder);
	return 0;
}

static int teardown(void **state)
{
	unlink(path);
	*strrchr(path, '/') = '\0';
	rmdir(path);
	return rmdir(folder);
}

static void test_written_once(void **state)
{
	uint8_t first[16] = { 0 }, second[16] = { 0 }, zero[16] = { 0 };
	struct stat st;

	assert_int_equal(state_load(path, first), 0);
	assert_memory_not_equal(first, zero, 16);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(state_load(path, second), 0);
	assert_memory_equal(first, second, 16);
}

static void test_refused(void **state)
{
	uint8_t secret[16];
	FILE *f;

	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(state_load(path, secret), -EINVAL);
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(state_load(path, secret), 0);
	f = fopen(path, "r+");
	assert_non_null(f);
	fputs("something else", f);
	fclose(f);
	assert_int_equal(state_load(path, secret), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_written_once),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
