/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/cli.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The one command that asks the host, and needs no daemon. */
#define DOCTOR	       "doctor"
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
	{ "guest", "set", cli_guest_set, " NAME KEY=VALUE...", "what can change while it runs" },
	{ "socket", "list", cli_socket_list, " [GUEST]", "sockets that the guests have here" },
	{ "lcore", "list", cli_lcore_list, "", "lcores, how busy they are" },
	{ "lcore", "set", cli_lcore_set, " N KEY=VALUE...",
	  "nice, priority, poll, idle, nap, nap-max, budgets" },
	{ "lcore", "slow", cli_lcore_slow, " N", "its last slow turns, and what they did" },
	{ "latency", NULL, cli_latency, " [GUEST|LCORE] [--reset]",
	  "residence of messages, lengths of turns" },
	{ "port", "list", cli_port_list, "", "ports and their traffic" },
	{ "counters", NULL, cli_counters, " [LCORE]", "counters of the stack that are not 0" },
	{ "config", "dump", cli_config_dump, "", "the configuration in force, as a file" },
	{ "config", "reload", cli_config_reload, "", "read the file again, as at SIGHUP" },
	{ "log", "level", cli_log_level, " [LEVEL]", "tell or set the log level" },
	{ DOCTOR, NULL, cli_doctor, " [--config FILE] [--root DIR]", "what ruins latency here" },
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
		fprintf(out, "  %-36s%s\n", words, commands[i].help);
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

static int run(const struct command *c, struct cli *cli)
{
	bool doctor = !strcmp(c->noun, DOCTOR);
	int skip = c->verb ? 2 : 1, rc;

	cli->argc -= skip;
	cli->argv += skip;
	if (doctor)
		return cli->argc ? usage(stderr) : c->fn(cli);
	if (cli->root || cli->config || (cli->reset && c->fn != cli_latency))
		return usage(stderr);
	cli->fd = cli_connect(cli->socket);
	if (cli->fd < 0)
		return 1;
	rc = c->fn(cli);
	close(cli->fd);
	return rc == 2 ? usage(stderr) : rc;
}

/* One option; the exit status if the program ends with it, else -1. */
static int take_option(struct cli *cli, int opt)
{
	switch (opt) {
	case 's':
		cli->socket = optarg;
		return -1;
	case 'j':
		cli->json = true;
		return -1;
	case 'r':
		cli->root = optarg;
		return -1;
	case 'c':
		cli->config = optarg;
		return -1;
	case 'z':
		cli->reset = true;
		return -1;
	case 'v':
		return puts("outsockctl " OUTSOCK_VERSION) < 0;
	default:
		return usage(opt == 'h' ? stdout : stderr);
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "json", no_argument, NULL, 'j' },
		{ "config", required_argument, NULL, 'c' },
		{ "root", required_argument, NULL, 'r' },
		{ "reset", no_argument, NULL, 'z' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ 0 },
	};
	struct cli cli = { .fd = -1, .socket = getenv("OUTSOCK_CONTROL") };
	const struct command *c;
	int opt;

	if (!cli.socket)
		cli.socket = DEFAULT_SOCKET;
	while ((opt = getopt_long(argc, argv, "s:jhv", options, NULL)) != -1) {
		int status = take_option(&cli, opt);

		if (status >= 0)
			return status;
	}
	cli.argc = argc - optind;
	cli.argv = argv + optind;
	c = find(cli.argc, cli.argv);
	return c ? run(c, &cli) : usage(stderr);
}
