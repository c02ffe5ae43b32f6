/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

#define CELL_MAX    256
#define COLUMNS_MAX 24

static void join(const json_t *array, char *buf, size_t size)
{
	const json_t *item;
	size_t i, n = 0;

	json_array_foreach(array, i, item) {
		if (json_is_string(item) && n < size)
			n += (size_t)snprintf(buf + n, size - n, "%s%s", i ? "," : "",
					      json_string_value(item));
		else if (json_is_integer(item) && n < size)
			n += (size_t)snprintf(buf + n, size - n, "%s%lld", i ? "," : "",
					      (long long)json_integer_value(item));
	}
}

static void bytes(json_int_t n, char *buf, size_t size)
{
	static const char units[] = " KMGT";
	unsigned int u = 0;
	double x = (double)n;

	while (x >= 10000 && units[u + 1]) {
		x /= 1024;
		u++;
	}
	if (u)
		snprintf(buf, size, "%.0f%c", x, units[u]);
	else
		snprintf(buf, size, "%lld", (long long)n);
}

static void cell(const json_t *v, enum cli_show show, char *buf, size_t size)
{
	buf[0] = '\0';
	if (show == CLI_YES_NO)
		snprintf(buf, size, "%s", json_is_true(v) ? "yes" : "no");
	else if (json_is_array(v))
		join(v, buf, size);
	else if (show == CLI_BYTES)
		bytes(json_integer_value(v), buf, size);
	else if (json_is_integer(v))
		snprintf(buf, size, "%lld", (long long)json_integer_value(v));
	else if (json_is_boolean(v))
		snprintf(buf, size, "%s", json_is_true(v) ? "yes" : "no");
	else if (json_is_string(v))
		snprintf(buf, size, "%s", json_string_value(v));
}

static void print_cell(const char *text, enum cli_show show, int width, bool last)
{
	if (show == CLI_COUNT || show == CLI_BYTES)
		printf("%*s", width, text);
	else
		printf("%-*s", last ? 0 : width, text);
	fputs(last ? "\n" : "  ", stdout);
}

void cli_table(const json_t *rows, const struct cli_column *columns)
{
	int width[COLUMNS_MAX];
	char buf[CELL_MAX];
	const json_t *row;
	size_t i;

	for (unsigned int c = 0; columns[c].title; c++) {
		width[c] = (int)strlen(columns[c].title);
		json_array_foreach(rows, i, row) {
			cell(json_object_get(row, columns[c].key), columns[c].show, buf,
			     sizeof(buf));
			if ((int)strlen(buf) > width[c])
				width[c] = (int)strlen(buf);
		}
	}
	for (unsigned int c = 0; columns[c].title; c++)
		print_cell(columns[c].title, columns[c].show, width[c], !columns[c + 1].title);
	json_array_foreach(rows, i, row) {
		for (unsigned int c = 0; columns[c].title; c++) {
			cell(json_object_get(row, columns[c].key), columns[c].show, buf,
			     sizeof(buf));
			print_cell(buf, columns[c].show, width[c], !columns[c + 1].title);
		}
	}
}

void cli_object(json_t *object)
{
	char buf[CELL_MAX];
	const char *key;
	json_t *v;
	int width = 0;

	json_object_foreach(object, key, v) {
		if ((int)strlen(key) > width)
			width = (int)strlen(key);
	}
	json_object_foreach(object, key, v) {
		cell(v, CLI_TEXT, buf, sizeof(buf));
		printf("%-*s  %s\n", width, key, buf);
	}
}
