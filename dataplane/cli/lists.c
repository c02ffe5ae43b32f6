/* SPDX-License-Identifier: BSD-3-Clause */
/* The daemon, its lcores and ports, sockets, counters, configuration, log. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

static const struct cli_column lcore_columns[] = {
	{ "LCORE", "name", CLI_TEXT },
	{ "CPU", "cpu", CLI_COUNT },
	{ "CLASS", "class", CLI_TEXT },
	{ "POLL", "poll", CLI_TEXT },
	{ "GUESTS", "guests", CLI_COUNT },
	{ "TURNS", "turns", CLI_COUNT },
	{ "BUSY", "busy_turns", CLI_COUNT },
	{ "BUSY ns", "busy_ns", CLI_COUNT },
	{ "MAX TURN ns", "max_turn_ns", CLI_COUNT },
	{ "SLEEPS", "sleeps", CLI_COUNT },
	{ "RX", "rx_frames", CLI_COUNT },
	{ "TX", "tx_frames", CLI_COUNT },
	{ "FREE PACKETS", "packets_free", CLI_COUNT },
	{ NULL, NULL, CLI_TEXT },
};

static const struct cli_column port_columns[] = {
	{ "PORT", "name", CLI_TEXT },
	{ "LINK", "link", CLI_TEXT },
	{ "MAC", "mac", CLI_TEXT },
	{ "MTU", "mtu", CLI_COUNT },
	{ "LCORE", "lcore", CLI_TEXT },
	{ "RX", "rx_frames", CLI_COUNT },
	{ "RX BYTES", "rx_bytes", CLI_BYTES },
	{ "MISSED", "rx_missed", CLI_COUNT },
	{ "TX", "tx_frames", CLI_COUNT },
	{ "TX BYTES", "tx_bytes", CLI_BYTES },
	{ "REFUSED", "tx_refused", CLI_COUNT },
	{ "DEVICE", "device", CLI_TEXT },
	{ NULL, NULL, CLI_TEXT },
};

static const struct cli_column socket_columns[] = {
	{ "GUEST", "guest", CLI_TEXT },	      { "TYPE", "type", CLI_TEXT },
	{ "STATE", "state", CLI_TEXT },	      { "LOCAL", "local", CLI_TEXT },
	{ "PEER", "peer", CLI_TEXT },	      { "RECEIVED", "rx_off", CLI_BYTES },
	{ "SENT", "tx_off", CLI_BYTES },      { "ACKED", "tx_acked", CLI_BYTES },
	{ "QUEUED", "rxq_bytes", CLI_BYTES }, { NULL, NULL, CLI_TEXT },
};

static int list(struct cli *cli, const char *op, const struct cli_column *columns)
{
	json_t *result;

	if (cli->argc)
		return 2;
	result = cli_request(cli, json_pack("{s:s}", "op", op));
	if (!result)
		return 1;
	if (cli_print_json(cli, result))
		return 0;
	if (columns)
		cli_table(result, columns);
	else
		cli_object(result);
	json_decref(result);
	return 0;
}

int cli_status(struct cli *cli)
{
	return list(cli, "status", NULL);
}

int cli_lcore_list(struct cli *cli)
{
	return list(cli, "lcore.list", lcore_columns);
}

int cli_lcore_set(struct cli *cli)
{
	json_t *keys = cli_keys(cli);

	if (!keys)
		return 2;
	return cli_print_object(cli,
				cli_request(cli,
					    json_pack("{s:s, s:s, s:o}", "op", "lcore.set", "name",
						      cli->argv[0], "keys", keys)));
}

int cli_port_list(struct cli *cli)
{
	return list(cli, "port.list", port_columns);
}

/* All pages: each answer says how to ask for the next one. */
static json_t *all_sockets(struct cli *cli, const char *guest)
{
	json_t *sockets = json_array(), *ask, *result;

	ask = guest ? json_pack("{s:s}", "guest", guest) : json_pack("{s:b}", "all", 1);
	while (ask) {
		json_object_set_new(ask, "op", json_string("socket.list"));
		result = cli_request(cli, ask);
		if (!result) {
			json_decref(sockets);
			return NULL;
		}
		json_array_extend(sockets, json_object_get(result, "sockets"));
		ask = json_incref(json_object_get(result, "next"));
		json_decref(result);
	}
	return sockets;
}

int cli_socket_list(struct cli *cli)
{
	json_t *sockets;

	if (cli->argc > 1)
		return 2;
	sockets = all_sockets(cli, cli->argc ? cli->argv[0] : NULL);
	if (!sockets)
		return 1;
	if (cli_print_json(cli, sockets))
		return 0;
	cli_table(sockets, socket_columns);
	json_decref(sockets);
	return 0;
}

/* Those that are 0 say nothing. */
static void drop_zeros(json_t *counters)
{
	const char *key;
	json_t *v;
	void *tmp;

	json_object_foreach_safe(counters, tmp, key, v) {
		if (!json_integer_value(v))
			json_object_del(counters, key);
	}
}

int cli_counters(struct cli *cli)
{
	json_t *ask = json_pack("{s:s}", "op", "counters"), *result;

	if (cli->argc > 1) {
		json_decref(ask);
		return 2;
	}
	if (cli->argc)
		json_object_set_new(ask, "lcore", json_string(cli->argv[0]));
	result = cli_request(cli, ask);
	if (!result)
		return 1;
	if (cli_print_json(cli, result))
		return 0;
	drop_zeros(result);
	cli_object(result);
	json_decref(result);
	return 0;
}

/* Prints the member @key of the result: a text. */
static int print_text(struct cli *cli, json_t *result, const char *key, const char *end)
{
	if (!result)
		return 1;
	if (cli_print_json(cli, result))
		return 0;
	printf("%s%s", json_string_value(json_object_get(result, key)), end);
	json_decref(result);
	return 0;
}

int cli_config_dump(struct cli *cli)
{
	if (cli->argc)
		return 2;
	return print_text(cli, cli_request(cli, json_pack("{s:s}", "op", "config.dump")), "text",
			  "");
}

int cli_config_reload(struct cli *cli)
{
	static const char *const parts[] = { "changed", "restart", "failed" };
	static const char *const words[] = { "changed: ", "only after a restart: ", "failed: " };
	json_t *result, *text;
	size_t i;
	int rc;

	if (cli->argc)
		return 2;
	result = cli_request(cli, json_pack("{s:s}", "op", "config.reload"));
	if (!result)
		return 1;
	rc = json_array_size(json_object_get(result, "failed")) != 0;
	if (cli_print_json(cli, result))
		return rc;
	for (size_t k = 0; k < 3; k++)
		json_array_foreach(json_object_get(result, parts[k]), i, text)
			printf("%s%s\n", words[k], json_string_value(text));
	json_decref(result);
	return rc;
}

int cli_log_level(struct cli *cli)
{
	json_t *ask = json_pack("{s:s}", "op", "log.level");

	if (cli->argc > 1) {
		json_decref(ask);
		return 2;
	}
	if (cli->argc)
		json_object_set_new(ask, "level", json_string(cli->argv[0]));
	return print_text(cli, cli_request(cli, ask), "level", "\n");
}
