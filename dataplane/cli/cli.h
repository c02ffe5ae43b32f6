/* SPDX-License-Identifier: BSD-3-Clause */
/* outsockctl: one file a noun; each turns words into a request, and the result into a table. */
#ifndef OUTSOCK_DATAPLANE_CLI_H
#define OUTSOCK_DATAPLANE_CLI_H

#include <jansson.h>
#include <stdbool.h>

struct cli {
	int fd;		    /* connected to outsockd, or -1: the command does so itself */
	const char *socket; /* the daemon's */
	bool json;	    /* print results as JSON */
	int argc;	    /* words after the command's own */
	char **argv;
	const char *root, *config; /* doctor's */
	bool reset;		   /* latency's */
};

/* 0: done; 1: failed, and said so; 2: wrong usage. */
typedef int (*cli_fn)(struct cli *cli);

/* Connects, or says why not: negative. */
int cli_connect(const char *path);
/* Takes @request. The result, or NULL after saying what the daemon answered. */
json_t *cli_request(struct cli *cli, json_t *request);
/* Prints @result as JSON if that is wanted (true), and releases it then. */
bool cli_print_json(struct cli *cli, json_t *result);

/* The same for one object, else as lines; takes it. 0, or 1 if it is NULL. */
int cli_print_object(struct cli *cli, json_t *result);
/* The words KEY=VALUE after the first one, as an object of arrays. NULL: wrong usage. */
json_t *cli_keys(struct cli *cli);

/* A column: its title, its key in each row, and how to show the value. */
enum cli_show {
	CLI_TEXT,  /* string, or number as it is */
	CLI_COUNT, /* number, right-aligned */
	CLI_BYTES, /* with K, M, G */
	CLI_YES_NO,
	CLI_LIST, /* array of strings, joined by commas */
};

struct cli_column {
	const char *title, *key;
	enum cli_show show;
};

/* @columns end with a NULL title. */
void cli_table(const json_t *rows, const struct cli_column *columns);
/* One object as lines "key  value". */
void cli_object(json_t *object);

int cli_status(struct cli *cli);
int cli_guest_list(struct cli *cli);
int cli_guest_show(struct cli *cli);
int cli_guest_add(struct cli *cli);
int cli_guest_remove(struct cli *cli);
int cli_guest_set(struct cli *cli);
int cli_socket_list(struct cli *cli);
int cli_lcore_list(struct cli *cli);
int cli_lcore_set(struct cli *cli);
int cli_lcore_slow(struct cli *cli);
int cli_latency(struct cli *cli);
int cli_port_list(struct cli *cli);
int cli_counters(struct cli *cli);
int cli_config_dump(struct cli *cli);
int cli_config_reload(struct cli *cli);
int cli_log_level(struct cli *cli);
/* Its results are statuses of the program: 0: all is well, 1: something is bad, 2: not known. */
int cli_doctor(struct cli *cli);

#endif
