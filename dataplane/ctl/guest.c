/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/ctl_priv.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

static json_t *addresses(const struct conf_guest *conf)
{
	json_t *array = json_array();
	char host[INET_ADDRSTRLEN], text[INET_ADDRSTRLEN + 4];

	for (unsigned int i = 0; i < conf->addrs.n; i++) {
		const struct guest_addr *a = &conf->addrs.addr[i];

		inet_ntop(AF_INET, &a->addr.w[3], host, sizeof(host));
		snprintf(text, sizeof(text), "%s/%u", host, a->prefix_len);
		json_array_append_new(array, json_string(text));
	}
	return array;
}

static void add_numbers(json_t *o, const struct guest_stats *s)
{
	const struct {
		const char *name;
		uint64_t value;
	} rows[] = {
		{ "epoch", s->epoch },
		{ "queue_pairs", s->queue_pairs },
		{ "sockets", s->n_socks },
		{ "packets", s->n_pkts },
		{ "quota_packets", s->max_pkts },
		{ "rx_msgs", s->rx_msgs },
		{ "rx_bytes", s->rx_bytes },
		{ "tx_msgs", s->tx_msgs },
		{ "tx_bytes", s->tx_bytes },
		{ "kicks", s->kicks },
		{ "notifies", s->notifies },
		{ "ring_full", s->ring_full },
		{ "session_errors", s->session_errors },
		{ "epoch_drops", s->epoch_drops },
		{ "pre_hello_drops", s->pre_hello_drops },
		{ "tx_stalls", s->tx_stalls },
		{ "tx_refused", s->tx_refused },
		{ "tx_late", s->tx_late },
	};
	char name[32];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		json_object_set_new(o, rows[i].name, json_integer((json_int_t)rows[i].value));
	for (int e = 0; e < GUEST_ERR_N; e++) {
		snprintf(name, sizeof(name), "error/%s", guest_err_name((enum guest_err)e));
		json_object_set_new(o, name, json_integer((json_int_t)s->errors[e]));
	}
}

static const char *state_name(const struct guest_stats *s)
{
	if (s->session)
		return "session";
	if (s->running)
		return "running";
	return s->connected ? "connected" : "away";
}

json_t *ctl_guest_json(struct daemon *d, const struct daemon_guest *g)
{
	struct guest_stats s = { 0 };
	json_t *o;

	guest_stats_get(g->guest, &s);
	o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:o, s:b, s:b, s:b, s:s}", "name",
		      g->conf.head.name, "state", state_name(&s), "class",
		      g->conf.class == LCORE_RT ? "rt" : "non-rt", "lcore",
		      lcore_conf(d->lcores[g->lcore])->head.name, "port", g->conf.port, "mode",
		      g->conf.client ? "client" : "server", "socket", g->conf.socket, "priority",
		      (int)g->conf.priority, "addresses", addresses(&g->conf), "connected",
		      s.connected, "running", s.running, "session", s.session, "last_error",
		      s.last_error ? s.last_error : "");
	if (o)
		add_numbers(o, &s);
	return o;
}

json_t *ctl_guest_list(struct ctl_call *call)
{
	json_t *array = json_array();

	list_for_each(l, &call->d->guests)
		json_array_append_new(array,
				      ctl_guest_json(call->d,
						     container_of(l, struct daemon_guest, link)));
	return array;
}

static struct daemon_guest *named(struct ctl_call *call)
{
	const char *name = ctl_string(call, "name");
	struct daemon_guest *g = name ? guests_find(call->d, name) : NULL;

	if (!name)
		ctl_fail(call, "\"name\" is missing");
	else if (!g)
		ctl_fail(call, "there is no guest '%s'", name);
	return g;
}

json_t *ctl_guest_show(struct ctl_call *call)
{
	struct daemon_guest *g = named(call);

	return g ? ctl_guest_json(call->d, g) : NULL;
}

json_t *ctl_guest_add(struct ctl_call *call)
{
	const char *keys[CTL_KEYS_MAX], *values[CTL_KEYS_MAX], *name = ctl_string(call, "name");
	struct conf_guest *conf;
	unsigned int n;
	int err;

	if (!name)
		return ctl_fail(call, "\"name\" is missing");
	n = ctl_keys(call, keys, values, CTL_KEYS_MAX);
	conf = config_guest_add(call->d->conf, name, keys, values, n, call->d->n_cpus, ctl_mistake,
				call);
	if (!conf)
		return NULL;
	err = guests_add(call->d, conf);
	if (err) {
		config_guest_del(call->d->conf, name, call->d->n_cpus, NULL, NULL);
		return ctl_fail(call, "guest %s can not be served: %s", name, strerror(-err));
	}
	return ctl_guest_json(call->d, guests_find(call->d, name));
}

json_t *ctl_guest_remove(struct ctl_call *call)
{
	struct daemon_guest *g = named(call);
	const char *name = ctl_string(call, "name");

	if (!g)
		return NULL;
	/* What is left must be what a file could say. */
	if (config_guest_del(call->d->conf, name, call->d->n_cpus, ctl_mistake, call))
		return NULL;
	guests_del(call->d, name);
	return json_object();
}

/* Arguments "name" and "keys": what can be changed while it runs. */
json_t *ctl_guest_set(struct ctl_call *call)
{
	const char *keys[CTL_KEYS_MAX], *values[CTL_KEYS_MAX];
	struct daemon_guest *g = named(call);
	struct conf_guest *conf = call->d->conf->guests;
	char why[CONF_TEXT_MAX];
	unsigned int n;
	int i;

	if (!g)
		return NULL;
	n = ctl_keys(call, keys, values, CTL_KEYS_MAX);
	i = config_guest_set(call->d->conf, g->conf.head.name,
			     &(struct conf_words){ keys, values, n }, call->d->n_cpus, ctl_mistake,
			     call);
	if (i < 0)
		return NULL;
	if (guests_set(call->d, g, &conf[i], why, sizeof(why))) {
		conf[i] = g->conf;
		return ctl_fail(call, "guest %s: %s", g->conf.head.name, why);
	}
	return ctl_guest_json(call->d, g);
}
