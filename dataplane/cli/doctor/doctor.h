/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * outsockctl doctor: what ruins latency on this host. A check is a row of checks.def and a function
 * that looks at the host and reports: what it found, and how to mend it.
 */
#ifndef OUTSOCK_DATAPLANE_CLI_DOCTOR_H
#define OUTSOCK_DATAPLANE_CLI_DOCTOR_H

#include "cli/doctor/host.h"

#include <jansson.h>

enum verdict {
	VERDICT_OK,
	VERDICT_WARN,	 /* costs now and then */
	VERDICT_BAD,	 /* ruins latency */
	VERDICT_UNKNOWN, /* a file is missing, or not what it should be */
	VERDICT_NA,	 /* has no meaning on this host */
	VERDICT_N,
};

/* Where a check writes to; nothing in @mend if there is nothing to mend. */
struct report {
	FILE *found, *mend;
};

/*
 * How to mend, a line for each step: "run: COMMAND" for a shell, "boot with: PARAMETERS" for the
 * kernel's command line, "configure: WORDS" for outsockd.conf, or a sentence.
 */
enum verdict report(struct report *r, enum verdict v, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void mend(struct report *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The file that was looked at last could not be read: @err. */
enum verdict unknown(struct host *h, struct report *r, int err);

typedef enum verdict (*check_fn)(struct host *h, struct report *r);

#define CHECK(fn, name, scope, why) enum verdict check_##fn(struct host *h, struct report *r);
#include "cli/doctor/checks.def"
#undef CHECK

struct result {
	const char *name, *why;
	enum verdict verdict;
	char *found, *mend;
};

extern const char *const verdict_names[VERDICT_N];

/* All checks, in the order of the table. The array (doctor_n_checks long) is the caller's. */
extern const unsigned int doctor_n_checks;
struct result *doctor_examine(struct host *h);
void doctor_free(struct result *results); /* takes NULL */

void doctor_print(const struct result *results, FILE *out);
json_t *doctor_json(const struct result *results);

#endif
