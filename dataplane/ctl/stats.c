/* SPDX-License-Identifier: BSD-3-Clause */
/* The daemon in one look, and the counters of all layers. */
#include "ctl/ctl_priv.h"
#include "stack/stack.h"

#include <rte_cycles.h>
#include <string.h>
#include <unistd.h>

json_t *ctl_status_json(struct daemon *d)
{
	uint64_t up = (rte_rdtsc() - d->start_tsc) / rte_get_tsc_hz();
	unsigned int n_connected = 0, n_sessions = 0, n_sockets = 0;

	list_for_each(l, &d->guests) {
		struct guest_stats s = { 0 };

		guest_stats_get(container_of(l, struct daemon_guest, link)->guest, &s);
		n_connected += s.connected;
		n_sessions += s.session;
		n_sockets += s.n_socks;
	}
	return json_pack("{s:s, s:i, s:I, s:i, s:i, s:i, s:i, s:i, s:i}", "version",
			 OUTSOCK_VERSION, "pid", (int)getpid(), "uptime_s", (json_int_t)up,
			 "lcores", (int)d->n_lcores, "ports", (int)d->n_ports, "guests",
			 (int)d->n_guests, "guests_connected", (int)n_connected, "sessions",
			 (int)n_sessions, "sockets", (int)n_sockets);
}

json_t *ctl_status(struct ctl_call *call)
{
	return ctl_status_json(call->d);
}

static void add_counter(void *ctx, const char *name, uint64_t value)
{
	json_t *o = ctx;
	json_int_t sum = (json_int_t)value + json_integer_value(json_object_get(o, name));

	json_object_set_new(o, name, json_integer(sum));
}

json_t *ctl_counters_json(struct daemon *d, unsigned int i)
{
	json_t *o = json_object();

	for (unsigned int k = 0; k < d->n_lcores; k++)
		if (k == i || i == d->n_lcores)
			stack_counters(lcore_stack(d->lcores[k]), add_counter, o);
	return o;
}

/* Argument "lcore": its name; default: all lcores together. */
json_t *ctl_counters(struct ctl_call *call)
{
	const char *name = ctl_string(call, "lcore");
	unsigned int i = 0;

	if (!name)
		return ctl_counters_json(call->d, call->d->n_lcores);
	while (i < call->d->n_lcores && strcmp(call->d->conf->lcores[i].head.name, name))
		i++;
	if (i == call->d->n_lcores)
		return ctl_fail(call, "there is no lcore '%s'", name);
	return ctl_counters_json(call->d, i);
}
