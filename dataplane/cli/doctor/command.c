/* SPDX-License-Identifier: BSD-3-Clause */
/* outsockctl doctor: where the configuration comes from, and what is made of the results. */
#include "cli/cli.h"
#include "cli/doctor/doctor.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CANNOT 2 /* exit status */

/* What is in force in the daemon that runs, and its process. */
static struct config *from_daemon(struct cli *cli, struct host *h, unsigned int n_cpus)
{
	struct ucred peer = { 0 };
	socklen_t size = sizeof(peer);
	struct config *c = NULL;
	const char *text;
	json_t *result;

	cli->fd = cli_connect(cli->socket);
	if (cli->fd < 0)
		return NULL;
	if (!getsockopt(cli->fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) && peer.pid > 0)
		h->daemon = peer.pid;
	result = cli_request(cli, json_pack("{s:s}", "op", "config.dump"));
	close(cli->fd);
	cli->fd = -1;
	text = json_string_value(json_object_get(result, "text"));
	if (text)
		c = config_parse("outsockd's configuration", text, strlen(text), n_cpus,
				 config_print_mistake, stderr);
	json_decref(result);
	return c;
}

static struct config *get_config(struct cli *cli, struct host *h, unsigned int n_cpus)
{
	struct config *c;

	if (cli->config)
		return config_load(cli->config, n_cpus, config_print_mistake, stderr);
	if (cli->root) {
		fputs("outsockctl: doctor: --root DIR needs --config FILE\n", stderr);
		return NULL;
	}
	c = from_daemon(cli, h, n_cpus);
	if (!c)
		fputs("outsockctl: doctor: which CPUs are real-time is not known; start outsockd, "
		      "name its control socket with --socket PATH, or its configuration with "
		      "--config FILE\n",
		      stderr);
	return c;
}

static int show(struct cli *cli, const struct host *h, const struct result *results)
{
	int status = 0;

	if (!cli_print_json(cli, cli->json ? doctor_json(results) : NULL)) {
		printf("RT lcores on CPUs %s, other CPUs %s, %u VMs of %u guests\n\n",
		       cpus_list(&h->rt), cpus_list(&h->others), h->n_vms, h->conf->n_guests);
		doctor_print(results, stdout);
	}
	for (unsigned int i = 0; i < doctor_n_checks; i++)
		if (results[i].verdict == VERDICT_BAD)
			status = 1;
	return status;
}

static int examine(struct cli *cli, struct host *h)
{
	struct result *results;
	struct config *c;
	unsigned int n_cpus = 0;
	int err = host_machine(h, &n_cpus), status = CANNOT;

	if (err) {
		fprintf(stderr, "outsockctl: doctor: %s: %s\n", h->path, strerror(-err));
		return CANNOT;
	}
	c = get_config(cli, h, n_cpus);
	if (!c)
		return CANNOT;
	h->conf = c;
	host_examine(h);
	results = doctor_examine(h);
	if (results)
		status = show(cli, h, results);
	else
		fputs("outsockctl: doctor: no memory\n", stderr);
	doctor_free(results);
	config_free(c);
	return status;
}

int cli_doctor(struct cli *cli)
{
	static struct host h; /* too large for the stack */
	const char *root = cli->root ? cli->root : "/";
	int err, status;

	err = host_open(&h, root);
	if (err) {
		fprintf(stderr, "outsockctl: doctor: %s: %s\n", root, strerror(-err));
		return CANNOT;
	}
	status = examine(cli, &h);
	host_close(&h);
	return status;
}
