/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The operations, one file a noun. Each builds JSON from snapshots and statistics; those with
 * @control set change something or ask lcores, and are for the control thread only.
 */
#ifndef OUTSOCK_DATAPLANE_CTL_PRIV_H
#define OUTSOCK_DATAPLANE_CTL_PRIV_H

#include "main/daemon.h"

#include <jansson.h>

#define CTL_ERROR_MAX 1024

/* A request on its way: where the reason of a failure goes. */
struct ctl_call {
	struct daemon *d;
	const json_t *args;
	char error[CTL_ERROR_MAX];
};

/* NULL, with the reason in the call: it failed. */
typedef json_t *(*ctl_fn)(struct ctl_call *call);

struct ctl_op {
	const char *name;
	ctl_fn fn;
};

extern const struct ctl_op ctl_ops[];

/* The answer to one line of text. Never NULL but without memory. */
json_t *ctl_answer(struct daemon *d, const char *line, size_t len);

json_t *ctl_fail(struct ctl_call *call, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A string argument, or NULL. */
const char *ctl_string(const struct ctl_call *call, const char *key);

#define CTL_KEYS_MAX 64
/*
 * "keys": an object of strings, or arrays of strings where a key may repeat, as pairs. How many.
 */
unsigned int ctl_keys(const struct ctl_call *call, const char **keys, const char **values,
		      unsigned int max);
/* A conf_report: adds the mistake to the reason in @ctx, a struct ctl_call. */
void ctl_mistake(void *ctx, const struct conf_mistake *m);

json_t *ctl_status(struct ctl_call *call);
json_t *ctl_guest_list(struct ctl_call *call);
json_t *ctl_guest_show(struct ctl_call *call);
json_t *ctl_guest_add(struct ctl_call *call);
json_t *ctl_guest_remove(struct ctl_call *call);
json_t *ctl_guest_set(struct ctl_call *call);
json_t *ctl_socket_list(struct ctl_call *call);
json_t *ctl_lcore_list(struct ctl_call *call);
json_t *ctl_lcore_set(struct ctl_call *call);
json_t *ctl_lcore_slow(struct ctl_call *call);
json_t *ctl_latency(struct ctl_call *call);
json_t *ctl_port_list(struct ctl_call *call);
json_t *ctl_counters(struct ctl_call *call);
json_t *ctl_config_dump(struct ctl_call *call);
json_t *ctl_config_reload(struct ctl_call *call);
json_t *ctl_log_level(struct ctl_call *call);

/* What telemetry shows too; any thread, with the daemon's lock held where guests are concerned. */
json_t *ctl_guest_json(struct daemon *d, const struct daemon_guest *g);
json_t *ctl_lcore_json(struct daemon *d, unsigned int i);
json_t *ctl_latency_json(struct daemon *d, const char *name);
json_t *ctl_histogram_json(struct daemon *d, const char *name, const char *what);
json_t *ctl_port_json(struct daemon *d, unsigned int i);
json_t *ctl_status_json(struct daemon *d);
/* Counters of lcore @i; all of them together: @i = n_lcores. */
json_t *ctl_counters_json(struct daemon *d, unsigned int i);

#endif
