/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Checks with exact expectations. The first one that fails ends the test (the test's process) with
 * file, line, expression, what was expected, and what was seen. Any thread may check.
 */
#ifndef SOCKAPI_CHECK_H
#define SOCKAPI_CHECK_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

/* What the test's process and main() share. */
struct check_page {
	char where[512]; /* the expression that the test's first thread evaluates, or has last */
	char said[1024]; /* why the test failed */
	bool taken;	 /* somebody has failed and says why */
};

extern struct check_page *check_page;

void check_here(const char *file, int line, const char *expression);
void check_failed(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
long check_must(long seen);
void check_eq(long seen, long wanted, const char *text);
void check_fails(long seen, int error);
void check_true(long seen);

/* Notes where we are, then evaluates: a hang is reported with its place. */
#define SEEN(e) (check_here(__FILE__, __LINE__, #e), (long)(e))

/* A call that succeeds; its value. */
#define MUST(e) check_must(SEEN(e))

/* A value, exactly. */
#define EQ(e, wanted) check_eq(SEEN(e), (long)(wanted), #wanted)

/* A call that returns -1 with exactly this errno. */
#define FAILS(e, error) check_fails(SEEN(e), error)

/* A condition. */
#define TRUE(e) check_true(SEEN(e))

#endif /* SOCKAPI_CHECK_H */
