/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/cli.h"

static const struct cli_column columns[] = {
	{ "NAME", "name", CLI_TEXT },
	{ "STATE", "state", CLI_TEXT },
	{ "CLASS", "class", CLI_TEXT },
	{ "LCORE", "lcore", CLI_TEXT },
	{ "PORT", "port", CLI_TEXT },
	{ "SOCKETS", "sockets", CLI_COUNT },
	{ "TO GUEST", "rx_bytes", CLI_BYTES },
	{ "FROM GUEST", "tx_bytes", CLI_BYTES },
	{ "ERRORS", "session_errors", CLI_COUNT },
	{ "ADDRESSES", "addresses", CLI_LIST },
	{ NULL, NULL, CLI_TEXT },
};

int cli_guest_list(struct cli *cli)
{
	json_t *result;

	if (cli->argc)
		return 2;
	result = cli_request(cli, json_pack("{s:s}", "op", "guest.list"));
	if (!result)
		return 1;
	if (cli_print_json(cli, result))
		return 0;
	cli_table(result, columns);
	json_decref(result);
	return 0;
}

int cli_guest_show(struct cli *cli)
{
	if (cli->argc != 1)
		return 2;
	return cli_print_object(cli,
				cli_request(cli,
					    json_pack("{s:s, s:s}", "op", "guest.show", "name",
						      cli->argv[0])));
}

static int with_keys(struct cli *cli, const char *op)
{
	json_t *keys = cli_keys(cli);

	if (!keys)
		return 2;
	return cli_print_object(cli,
				cli_request(cli,
					    json_pack("{s:s, s:s, s:o}", "op", op, "name",
						      cli->argv[0], "keys", keys)));
}

int cli_guest_add(struct cli *cli)
{
	return with_keys(cli, "guest.add");
}

int cli_guest_set(struct cli *cli)
{
	return with_keys(cli, "guest.set");
}

int cli_guest_remove(struct cli *cli)
{
	json_t *result;

	if (cli->argc != 1)
		return 2;
	result = cli_request(cli,
			     json_pack("{s:s, s:s}", "op", "guest.remove", "name", cli->argv[0]));
	json_decref(result);
	return result ? 0 : 1;
}
