/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * INI text: sections, keys, values, comments. Total on any input: what is no INI is reported with
 * its line, never skipped in silence.
 *
 *	[kind name]		name may be missing
 *	key = value		value up to the end of the line or " #"
 *	# comment, ; comment
 */
#ifndef OUTSOCK_DATAPLANE_INI_H
#define OUTSOCK_DATAPLANE_INI_H

#include <stddef.h>

#define INI_LINE_MAX 1024

/* Called in the order of the text. Strings are valid during the call; @name is "" when missing. */
struct ini_events {
	void (*section)(void *ctx, unsigned int line, const char *kind, const char *name);
	void (*key)(void *ctx, unsigned int line, const char *key, const char *value);
	void (*bad)(void *ctx, unsigned int line, const char *problem, const char *right);
};

void ini_parse(const char *text, size_t len, const struct ini_events *events, void *ctx);

#endif
