/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs the checks. */
#include "cli/doctor/doctor.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum scope {
	SCOPE_ANY,
	SCOPE_RT,
};

static const struct check {
	check_fn fn;
	const char *name;
	enum scope scope;
	const char *why;
} checks[] = {
#define CHECK(fn, name, scope, why) { check_##fn, name, SCOPE_##scope, why },
#include "cli/doctor/checks.def"
#undef CHECK
};

const unsigned int doctor_n_checks = sizeof(checks) / sizeof(checks[0]);

const char *const verdict_names[VERDICT_N] = {
	[VERDICT_OK] = "ok",	       [VERDICT_WARN] = "warn",		[VERDICT_BAD] = "bad",
	[VERDICT_UNKNOWN] = "unknown", [VERDICT_NA] = "not applicable",
};

enum verdict report(struct report *r, enum verdict v, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(r->found, fmt, ap);
	va_end(ap);
	return v;
}

void mend(struct report *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(r->mend, fmt, ap);
	va_end(ap);
}

enum verdict unknown(struct host *h, struct report *r, int err)
{
	return report(r, VERDICT_UNKNOWN, "%s: %s", h->path,
		      err == -EINVAL	      ? "holds something else"
			      : err == -EFBIG ? "too long"
					      : strerror(-err));
}

static int examine_one(struct host *h, const struct check *check, struct result *result)
{
	size_t n_found, n_mend;
	struct report r = { open_memstream(&result->found, &n_found),
			    open_memstream(&result->mend, &n_mend) };

	result->name = check->name;
	result->why = check->why;
	if (r.found && r.mend) {
		if (check->scope == SCOPE_RT && !cpus_any(&h->rt))
			result->verdict = report(&r, VERDICT_NA, "no lcore is real-time");
		else
			result->verdict = check->fn(h, &r);
	}
	if (r.found)
		fclose(r.found);
	if (r.mend)
		fclose(r.mend);
	return result->found && result->mend ? 0 : -ENOMEM;
}

struct result *doctor_examine(struct host *h)
{
	struct result *results = calloc(doctor_n_checks, sizeof(*results));
	int err = results ? 0 : -ENOMEM;

	for (unsigned int i = 0; i < doctor_n_checks && !err; i++)
		err = examine_one(h, &checks[i], &results[i]);
	if (!err)
		return results;
	doctor_free(results);
	return NULL;
}

void doctor_free(struct result *results)
{
	for (unsigned int i = 0; results && i < doctor_n_checks; i++) {
		free(results[i].found);
		free(results[i].mend);
	}
	free(results);
}
