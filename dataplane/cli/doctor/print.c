/* SPDX-License-Identifier: BSD-3-Clause */
/* The results as a table and as JSON. */
#include "cli/doctor/doctor.h"

#include <string.h>

#define WIDTH	  110
#define NAME_COL  17 /* widths of the columns */
#define STATE_COL 9
#define FOUND_COL 42
#define WHY_COL	  (WIDTH - NAME_COL - STATE_COL - FOUND_COL)
#define MEND_COL  (WIDTH - NAME_COL - STATE_COL - 6)

/* How many of the @n characters of @text go on one line of @width: to a blank, if there is one. */
static int line_of(const char *text, int n, int width)
{
	int end;

	if (n <= width)
		return n;
	for (end = width; end > 0 && text[end] != ' '; end--)
		;
	if (end)
		return end;
	end = (int)strcspn(text, " "); /* a word is never cut: it may be a path to copy */
	return end < n ? end : n;
}

static void next_line(const char **text, int n)
{
	*text += n;
	*text += strspn(*text, " ");
}

/* Found and why, side by side. */
static void print_found(const struct result *res, FILE *out)
{
	const char *name = res->name, *state = verdict_names[res->verdict], *found = res->found,
		   *why = res->why;

	if (res->verdict == VERDICT_NA)
		state = "n/a";
	do {
		int f = line_of(found, (int)strlen(found), FOUND_COL - 2);
		/* A word that is too long has its line alone. */
		int w = f < FOUND_COL ? line_of(why, (int)strlen(why), WHY_COL) : 0;

		fprintf(out, "%-*s%-*s%.*s", NAME_COL, name, STATE_COL, state, f, found);
		if (w)
			fprintf(out, "%*s%.*s", FOUND_COL - f, "", w, why);
		fputc('\n', out);
		next_line(&found, f);
		next_line(&why, w);
		name = state = "";
	} while (*found || *why);
}

/* A command that needs several lines is one that a shell takes. */
static void print_step(const char *text, int len, FILE *out)
{
	bool command = !strncmp(text, "run: ", 5);
	const char *end = text + len, *label = "mend:";

	while (text < end) {
		int n = line_of(text, (int)(end - text), MEND_COL - 2);

		fprintf(out, "%*s%-6s%.*s", NAME_COL + STATE_COL, "", label, n, text);
		next_line(&text, n);
		fputs(text < end && command ? " \\\n" : "\n", out);
		label = "";
	}
}

static void print_mend(const struct result *res, FILE *out)
{
	for (const char *p = res->mend; *p;) {
		int n = (int)strcspn(p, "\n");

		print_step(p, n, out);
		p += n + (p[n] == '\n');
	}
}

static json_t *mend_json(const struct result *res)
{
	json_t *array = json_array();

	for (const char *p = res->mend; *p;) {
		size_t n = strcspn(p, "\n");

		json_array_append_new(array, json_stringn(p, n));
		p += n + (p[n] == '\n');
	}
	return array;
}

void doctor_print(const struct result *results, FILE *out)
{
	unsigned int n[VERDICT_N] = { 0 };

	fprintf(out, "%-*s%-*s%-*s%s\n", NAME_COL, "CHECK", STATE_COL, "VERDICT", FOUND_COL,
		"FOUND", "WHY IT MATTERS");
	for (unsigned int i = 0; i < doctor_n_checks; i++) {
		print_found(&results[i], out);
		print_mend(&results[i], out);
		n[results[i].verdict]++;
	}
	fprintf(out, "%u checks:", doctor_n_checks);
	for (unsigned int v = 0; v < VERDICT_N; v++)
		fprintf(out, "%s %u %s", v ? "," : "", n[v], verdict_names[v]);
	fputc('\n', out);
}

json_t *doctor_json(const struct result *results)
{
	json_t *array = json_array();

	for (unsigned int i = 0; i < doctor_n_checks; i++) {
		const struct result *res = &results[i];

		json_array_append_new(array,
				      json_pack("{s:s, s:s, s:s, s:s, s:o}", "name", res->name,
						"verdict", verdict_names[res->verdict], "found",
						res->found, "why", res->why, "mend",
						mend_json(res)));
	}
	return array;
}
