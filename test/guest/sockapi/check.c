/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"

struct check_page *check_page;
static _Thread_local char where[512];

static const char *base_name(const char *file)
{
	const char *slash = strrchr(file, '/');

	return slash ? slash + 1 : file;
}

void check_here(const char *file, int line, const char *expression)
{
	snprintf(where, sizeof(where), "%s:%d %s", base_name(file), line, expression);
	if (gettid() == getpid())
		memcpy(check_page->where, where, sizeof(where));
}

void check_failed(const char *format, ...)
{
	char text[400];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	/* What fails first is the cause; others of the test's processes fail for it. */
	if (!__atomic_test_and_set(&check_page->taken, __ATOMIC_SEQ_CST))
		snprintf(check_page->said, sizeof(check_page->said), "%s: %s", where, text);
	_exit(1);
}

static const char *error_name(int error)
{
	const char *name = strerrorname_np(error);

	return name ? name : "an unknown errno";
}

long check_must(long seen)
{
	if (seen < 0)
		check_failed("expected success, seen %ld %s", seen, error_name(errno));
	return seen;
}

void check_eq(long seen, long wanted, const char *text)
{
	const char *error = seen == -1 ? error_name(errno) : "";

	if (seen != wanted)
		check_failed("expected %s = %ld (%#lx), seen %ld (%#lx) %s", text, wanted, wanted,
			     seen, seen, error);
}

void check_fails(long seen, int error)
{
	if (seen != -1)
		check_failed("expected -1 %s, seen %ld", error_name(error), seen);
	if (errno != error)
		check_failed("expected %s, seen %s", error_name(error), error_name(errno));
}

void check_true(long seen)
{
	if (!seen)
		check_failed("not so (errno %s)", error_name(errno));
}
