/* SPDX-License-Identifier: BSD-3-Clause */
/* outsockd: reads its configuration, starts, waits, ends. */
#include "main/daemon.h"
#include "main/log.h"

#include <ctype.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#else
#define sd_notify(unset, state) ((void)(state))
#endif

#define CPUS_MAX       1024
#define DEFAULT_CONFIG "/etc/outsock/outsockd.conf"

enum action {
	ACTION_RUN,
	ACTION_CHECK,
	ACTION_DUMP,
	ACTION_HELP,
	ACTION_VERSION,
	ACTION_WRONG,
};

struct words {
	enum action action;
	const char *file;
	unsigned int n_cpus;
};

static int usage(FILE *out)
{
	fputs("usage: outsockd [FILE]             serve, as FILE says (" DEFAULT_CONFIG ")\n"
	      "       outsockd --config FILE      the same\n"
	      "       outsockd --check FILE       only look for mistakes in FILE\n"
	      "       outsockd --dump FILE        print the effective configuration\n"
	      "         --cpus N                  with these two: of a machine with N CPUs\n"
	      "       outsockd --version | --help\n",
	      out);
	return out == stdout ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int run(struct config *c, unsigned int n_cpus)
{
	static struct daemon d; /* zero, and too large for the stack */

	d.conf = c;
	d.n_cpus = n_cpus;
	log_setup((enum log_level)c->dataplane->log_level,
		  (enum log_target)c->dataplane->log_target);
	if (daemon_init(&d))
		return EXIT_FAILURE;
	log_notice("ready: %u lcores, %u ports, %u guests", d.n_lcores, d.n_ports, d.n_guests);
	sd_notify(0, "READY=1");
	loop_run(&d.loop);
	sd_notify(0, "STOPPING=1");
	daemon_fini(&d);
	log_notice("ended");
	return EXIT_SUCCESS;
}

/* A number of CPUs; 0: it is none. */
static unsigned int count_of(const char *text)
{
	char *end;
	unsigned long n = isdigit((unsigned char)*text) ? strtoul(text, &end, 10) : 0;

	return n && !*end && n <= CPUS_MAX ? (unsigned int)n : 0;
}

/* One option of the command line. */
static void take_option(int opt, struct words *w)
{
	static const struct {
		char opt;
		enum action action;
	} actions[] = {
		{ 'f', ACTION_RUN },  { 'c', ACTION_CHECK },   { 'd', ACTION_DUMP },
		{ 'h', ACTION_HELP }, { 'v', ACTION_VERSION }, { '?', ACTION_WRONG },
	};

	if (opt == 'n') {
		w->n_cpus = count_of(optarg);
		if (!w->n_cpus)
			w->action = ACTION_WRONG;
		return;
	}
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (actions[i].opt == opt)
			w->action = actions[i].action;
	if (optarg && w->file)
		w->action = ACTION_WRONG;
	else if (optarg)
		w->file = optarg;
}

static void take_words(int argc, char **argv, struct words *w)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'f' },
		{ "check", required_argument, NULL, 'c' },
		{ "dump", required_argument, NULL, 'd' },
		{ "cpus", required_argument, NULL, 'n' },
		{ "version", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int opt;

	while (w->action != ACTION_WRONG &&
	       (opt = getopt_long(argc, argv, "hv", options, NULL)) != -1)
		take_option(opt, w);
	if (optind < argc && w->file)
		w->action = ACTION_WRONG;
	else if (optind < argc)
		w->file = argv[optind++];
	if (optind < argc || (w->n_cpus && w->action == ACTION_RUN))
		w->action = ACTION_WRONG;
	if (!w->n_cpus)
		w->n_cpus = (unsigned int)sysconf(_SC_NPROCESSORS_CONF);
	if (!w->file)
		w->file = DEFAULT_CONFIG;
}

int main(int argc, char **argv)
{
	struct words w = { .action = ACTION_RUN };
	int rc = EXIT_SUCCESS;
	struct config *c;

	take_words(argc, argv, &w);
	if (w.action == ACTION_HELP || w.action == ACTION_WRONG)
		return usage(w.action == ACTION_HELP ? stdout : stderr);
	if (w.action == ACTION_VERSION)
		return puts("outsockd " OUTSOCK_VERSION) < 0;
	c = config_load(w.file, w.n_cpus, config_print_mistake, stderr);
	if (!c)
		return EXIT_FAILURE;
	if (w.action == ACTION_DUMP)
		config_dump(c, stdout);
	else if (w.action == ACTION_RUN)
		rc = run(c, w.n_cpus);
	config_free(c);
	return rc;
}
