/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/cli.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_SOCKET "/run/outsock/control.sock"

static const struct command {
	const char *noun, *verb;
	cli_fn fn;
	const char *args, *help;
} commands[] = {
	{ "status", NULL, cli_status, "", "the daemon in one look" },
	{ "guest", "list", cli_guest_list, "", "all guests" },
	{ "guest", "show", cli_guest_show, " NAME", "one guest, with all its counters" },
	{ "guest", "add", cli_guest_add, " NAME KEY=VALUE...", "keys as in [guest NAME]" },
	{ "guest", "remove", cli_guest_remove, " NAME", "its connections are reset" },
	{ "socket", "list", cli_socket_list, " [GUEST]", "sockets that the guests have here" },
	{ "lcore", "list", cli_lcore_list, "", "lcores, how busy they are" },
	{ "lcore", "set", cli_lcore_set, " N KEY=VALUE...", "nice, priority, poll, idle, nap" },
	{ "port", "list", cli_port_list, "", "ports and their traffic" },
	{ "counters", NULL, cli_counters, " [LCORE]", "counters of the stack that are not 0" },
	{ "config", "dump", cli_config_dump, "", "the configuration in force, as a file" },
	{ "log", "level", cli_log_level, " [LEVEL]", "tell or set the log level" },
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int usage(FILE *out)
{
	fputs("usage: outsockctl [--socket PATH] [--json] COMMAND\n", out);
	for (size_t i = 0; i < N_COMMANDS; i++) {
		char words[64];

		snprintf(words, sizeof(words), "%s%s%s%s", commands[i].noun,
			 commands[i].verb ? " " : "", commands[i].verb ? commands[i].verb : "",
			 commands[i].args);
		fprintf(out, "  %-32s%s\n", words, commands[i].help);
	}
	return out == stdout ? 0 : 2;
}

static const struct command *find(int argc, char **argv)
{
	for (size_t i = 0; i < N_COMMANDS; i++) {
		const struct command *c = &commands[i];

		if (argc >= 1 && !strcmp(c->noun, argv[0]) &&
		    (!c->verb || (argc >= 2 && !strcmp(c->verb, argv[1]))))
			return c;
	}
	return NULL;
}

static int run(const struct command *c, struct cli *cli, const char *socket_path)
{
	int skip = c->verb ? 2 : 1, rc;

	cli->argc -= skip;
	cli->argv += skip;
	cli->fd = cli_connect(socket_path);
	if (cli->fd < 0)
		return 1;
	rc = c->fn(cli);
	close(cli->fd);
	return rc == 2 ? usage(stderr) : rc;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ 0 },
	};
	const char *path = getenv("OUTSOCK_CONTROL");
	const struct command *c;
	struct cli cli = { .fd = -1 };
	int opt;

	while ((opt = getopt_long(argc, argv, "s:jhv", options, NULL)) != -1) {
		if (opt == 's')
			path = optarg;
		else if (opt == 'j')
			cli.json = true;
		else if (opt == 'v')
			return puts("outsockctl " OUTSOCK_VERSION) < 0;
		else
			return usage(opt == 'h' ? stdout : stderr);
	}
	cli.argc = argc - optind;
	cli.argv = argv + optind;
	c = find(cli.argc, cli.argv);
	return c ? run(c, &cli, path ? path : DEFAULT_SOCKET) : usage(stderr);
}
