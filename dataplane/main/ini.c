/* SPDX-License-Identifier: BSD-3-Clause */
#include "main/ini.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

static char *trim(char *s)
{
	size_t n;

	while (isspace((unsigned char)*s))
		s++;
	for (n = strlen(s); n && isspace((unsigned char)s[n - 1]); n--)
		s[n - 1] = '\0';
	return s;
}

/* A comment begins at the start of a line, or after white space. */
static void cut_comment(char *s)
{
	for (char *p = s; *p; p++) {
		bool first = p == s || isspace((unsigned char)p[-1]);

		if (first && (*p == '#' || (*p == ';' && p == s))) {
			*p = '\0';
			return;
		}
	}
}

static void parse_section(char *s, unsigned int line, const struct ini_events *ev, void *ctx)
{
	size_t n = strlen(s);
	char *name;

	if (n < 3 || s[n - 1] != ']') {
		ev->bad(ctx, line, "a section without its closing bracket", "[kind name]");
		return;
	}
	s[n - 1] = '\0';
	s = trim(s + 1);
	name = s + strcspn(s, " \t");
	if (*name) {
		*name++ = '\0';
		name = trim(name);
	}
	ev->section(ctx, line, s, name);
}

static void parse_key(char *s, unsigned int line, const struct ini_events *ev, void *ctx)
{
	char *value = strchr(s, '=');
	char *key;

	if (!value) {
		ev->bad(ctx, line, "neither section, key nor comment", "key = value");
		return;
	}
	*value++ = '\0';
	key = trim(s);
	if (!*key) {
		ev->bad(ctx, line, "a value without a key", "key = value");
		return;
	}
	ev->key(ctx, line, key, trim(value));
}

static void parse_line(char *s, unsigned int line, const struct ini_events *ev, void *ctx)
{
	s = trim(s);
	cut_comment(s);
	s = trim(s);
	if (*s == '[')
		parse_section(s, line, ev, ctx);
	else if (*s)
		parse_key(s, line, ev, ctx);
}

void ini_parse(const char *text, size_t len, const struct ini_events *ev, void *ctx)
{
	char buf[INI_LINE_MAX];
	unsigned int line = 1;

	for (size_t pos = 0; pos < len; line++) {
		const char *end = memchr(text + pos, '\n', len - pos);
		size_t n = end ? (size_t)(end - (text + pos)) : len - pos;

		if (n >= sizeof(buf)) {
			ev->bad(ctx, line, "the line is too long", "at most 1023 characters");
		} else if (memchr(text + pos, '\0', n)) {
			ev->bad(ctx, line, "a zero byte", "plain text");
		} else {
			memcpy(buf, text + pos, n);
			buf[n] = '\0';
			parse_line(buf, line, ev, ctx);
		}
		pos += n + 1;
	}
}
