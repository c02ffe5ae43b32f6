/* SPDX-License-Identifier: BSD-3-Clause */
/* Residence of messages, lengths of turns, slow turns: as tables in microseconds. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

static const struct cli_column latency_columns[] = {
	{ "", "kind", CLI_TEXT },
	{ "NAME", "name", CLI_TEXT },
	{ "us", "what", CLI_TEXT },
	{ "COUNT", "count", CLI_COUNT },
	{ "MEAN", "mean_ns", CLI_COUNT },
	{ "SD", "sd_ns", CLI_COUNT },
	{ "P50", "p50_ns", CLI_COUNT },
	{ "P90", "p90_ns", CLI_COUNT },
	{ "P99", "p99_ns", CLI_COUNT },
	{ "P99.9", "p999_ns", CLI_COUNT },
	{ "P99.99", "p9999_ns", CLI_COUNT },
	{ "MAX", "max_ns", CLI_COUNT },
	{ NULL, NULL, CLI_TEXT },
};

static const struct cli_column slow_columns[] = {
	{ "AGO s", "ago_s", CLI_COUNT },
	{ "us", "ns", CLI_COUNT },
	{ "IN", "in_ns", CLI_COUNT },
	{ "GUESTS", "guests_ns", CLI_COUNT },
	{ "OUT", "out_ns", CLI_COUNT },
	{ "END", "end_ns", CLI_COUNT },
	{ "TIMERS", "timers", CLI_COUNT },
	{ "CALLS", "calls", CLI_COUNT },
	{ "RX", "rx", CLI_COUNT },
	{ "GIVEN", "given", CLI_COUNT },
	{ "FROM GUESTS", "guests_tx", CLI_COUNT },
	{ "TO GUESTS", "guests_rx", CLI_COUNT },
	{ "TX", "tx", CLI_COUNT },
	{ "WIRES", "wires", CLI_COUNT },
	{ "FREED", "free", CLI_COUNT },
	{ "MOST BY", "guest", CLI_TEXT },
	{ NULL, NULL, CLI_TEXT },
};

static bool ends_ns(const char *key)
{
	size_t n = strlen(key);

	return !strcmp(key, "ns") || (n > 3 && !strcmp(key + n - 3, "_ns"));
}

/* Times of a row as text, in us. */
static void to_us(json_t *row)
{
	char text[32];
	const char *key;
	json_t *v;
	void *tmp;

	json_object_foreach_safe(row, tmp, key, v) {
		if (!ends_ns(key))
			continue;
		snprintf(text, sizeof(text), "%.2f", (double)json_integer_value(v) / 1000);
		json_object_set_new(row, key, json_string(text));
	}
}

static int print(json_t *rows, const struct cli_column *columns)
{
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
		to_us(row);
	cli_table(rows, columns);
	json_decref(rows);
	return 0;
}

int cli_latency(struct cli *cli)
{
	json_t *ask, *rows;

	if (cli->argc > 1)
		return 2;
	ask = json_pack("{s:s, s:b}", "op", "latency", "reset", cli->reset);
	if (cli->argc)
		json_object_set_new(ask, "name", json_string(cli->argv[0]));
	rows = cli_request(cli, ask);
	if (!rows)
		return 1;
	return cli_print_json(cli, rows) ? 0 : print(rows, latency_columns);
}

int cli_lcore_slow(struct cli *cli)
{
	json_t *rows, *row;
	size_t i;

	if (cli->argc != 1)
		return 2;
	rows = cli_request(cli, json_pack("{s:s, s:s}", "op", "lcore.slow", "name", cli->argv[0]));
	if (!rows)
		return 1;
	if (cli_print_json(cli, rows))
		return 0;
	json_array_foreach(rows, i, row) {
		json_int_t ago = json_integer_value(json_object_get(row, "ago_ns"));

		json_object_update(row, json_object_get(row, "did"));
		json_object_set_new(row, "ago_s", json_integer(ago / 1000000000));
	}
	return print(rows, slow_columns);
}
