/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DPDK's telemetry: lists of names, and one object for a name. Its threads call us at any time
 * between rte_eal_init() and the end of the process; they see the daemon only while it is
 * published.
 */
#include "ctl/ctl.h"
#include "ctl/ctl_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_telemetry.h>

#define DICT_MAX 256 /* telemetry's own limit */

static struct daemon *published;
static pthread_rwlock_t published_lock = PTHREAD_RWLOCK_INITIALIZER;

/* Keys have letters, digits, _ and / only. */
static void clean_key(char *buf, size_t size, const char *key)
{
	size_t i;

	for (i = 0; i + 1 < size && key[i]; i++)
		buf[i] = strchr("-. ", key[i]) ? '_' : key[i];
	buf[i] = '\0';
}

static void add_array(struct rte_tel_data *data, const char *key, const json_t *array)
{
	struct rte_tel_data *list = rte_tel_data_alloc();
	bool strings = json_is_string(json_array_get(array, 0));
	const json_t *item;
	size_t i;

	if (!list)
		return;
	rte_tel_data_start_array(list, strings ? RTE_TEL_STRING_VAL : RTE_TEL_U64_VAL);
	json_array_foreach(array, i, item) {
		if (strings)
			rte_tel_data_add_array_string(list, json_string_value(item));
		else
			rte_tel_data_add_array_u64(list, (uint64_t)json_integer_value(item));
	}
	rte_tel_data_add_dict_container(data, key, list, 0);
}

static void to_dict(struct rte_tel_data *data, json_t *o)
{
	char name[64];
	const char *key;
	json_t *v;
	unsigned int n = 0;

	rte_tel_data_start_dict(data);
	json_object_foreach(o, key, v) {
		if (++n > DICT_MAX)
			break;
		clean_key(name, sizeof(name), key);
		if (json_is_string(v))
			rte_tel_data_add_dict_string(data, name, json_string_value(v));
		else if (json_is_array(v))
			add_array(data, name, v);
		else if (json_is_integer(v) && json_integer_value(v) < 0)
			rte_tel_data_add_dict_int(data, name, (int)json_integer_value(v));
		else
			rte_tel_data_add_dict_u64(data, name,
						  json_is_integer(v)
							  ? (uint64_t)json_integer_value(v)
							  : (uint64_t)json_is_true(v));
	}
}

/* ---- what can be asked ---- */

static json_t *status(struct daemon *d, const char *name)
{
	return ctl_status_json(d);
}

static json_t *guest_list(struct daemon *d, const char *name)
{
	json_t *array = json_array();

	list_for_each(l, &d->guests)
		json_array_append_new(
			array,
			json_string(container_of(l, struct daemon_guest, link)->conf.head.name));
	return array;
}

static json_t *guest_info(struct daemon *d, const char *name)
{
	struct daemon_guest *g = guests_find(d, name);

	return g ? ctl_guest_json(d, g) : NULL;
}

static json_t *lcore_list(struct daemon *d, const char *name)
{
	json_t *array = json_array();

	for (unsigned int i = 0; i < d->n_lcores; i++)
		json_array_append_new(array, json_string(lcore_conf(d->lcores[i])->head.name));
	return array;
}

static unsigned int lcore_named(struct daemon *d, const char *name)
{
	unsigned int i = 0;

	while (i < d->n_lcores && strcmp(lcore_conf(d->lcores[i])->head.name, name))
		i++;
	return i;
}

static json_t *lcore_info(struct daemon *d, const char *name)
{
	unsigned int i = lcore_named(d, name);

	return i < d->n_lcores ? ctl_lcore_json(d, i) : NULL;
}

static json_t *port_list(struct daemon *d, const char *name)
{
	json_t *array = json_array();

	for (unsigned int i = 0; i < d->n_ports; i++)
		json_array_append_new(array, json_string(port_conf(d->ports[i])->head.name));
	return array;
}

static json_t *port_info(struct daemon *d, const char *name)
{
	for (unsigned int i = 0; i < d->n_ports; i++)
		if (!strcmp(port_conf(d->ports[i])->head.name, name))
			return ctl_port_json(d, i);
	return NULL;
}

/* Without a name: of all lcores together. */
static json_t *counters(struct daemon *d, const char *name)
{
	unsigned int i = *name ? lcore_named(d, name) : d->n_lcores;

	return *name && i == d->n_lcores ? NULL : ctl_counters_json(d, i);
}

/* One dict: keys are "rx/p50_ns". */
static json_t *latency(struct daemon *d, const char *name)
{
	json_t *rows = ctl_latency_json(d, name), *o = rows ? json_object() : NULL, *row, *v;
	const char *key, *what;
	char path[64];
	size_t i;

	json_array_foreach(rows, i, row) {
		what = json_string_value(json_object_get(row, "what"));
		json_object_foreach(row, key, v) {
			if (!json_is_integer(v))
				continue;
			snprintf(path, sizeof(path), "%s/%s", what, key);
			json_object_set(o, path, v);
		}
	}
	json_decref(rows);
	return o;
}

/* Parameter: "NAME,rx". */
static json_t *histogram(struct daemon *d, const char *params)
{
	const char *comma = strchr(params, ',');
	char name[CONF_NAME_MAX];

	if (!comma || (size_t)(comma - params) >= sizeof(name))
		return NULL;
	memcpy(name, params, (size_t)(comma - params));
	name[comma - params] = '\0';
	return ctl_histogram_json(d, name, comma + 1);
}

static const struct command {
	const char *path;
	json_t *(*fn)(struct daemon *d, const char *name);
	const char *help;
} commands[] = {
	{ "/outsock/status", status, "The daemon in one look." },
	{ "/outsock/guest/list", guest_list, "Names of the guests." },
	{ "/outsock/guest/info", guest_info, "One guest. Parameter: its name." },
	{ "/outsock/lcore/list", lcore_list, "Names of the lcores." },
	{ "/outsock/lcore/info", lcore_info, "One lcore. Parameter: its name." },
	{ "/outsock/latency", latency, "Residence and turns. Parameter: a guest or lcore." },
	{ "/outsock/histogram", histogram,
	  "A histogram. Parameters: a guest, rx, rx-late, tx or tx-late; or an lcore, turn." },
	{ "/outsock/port/list", port_list, "Names of the ports." },
	{ "/outsock/port/info", port_info, "One port. Parameter: its name." },
	{ "/outsock/counters", counters, "Counters of the stacks. Parameter: an lcore's name." },
};

static void to_list(struct rte_tel_data *data, const json_t *array)
{
	const json_t *item;
	size_t i;

	rte_tel_data_start_array(data, RTE_TEL_STRING_VAL);
	json_array_foreach(array, i, item)
		rte_tel_data_add_array_string(data, json_string_value(item));
}

static json_t *ask(const char *path, const char *name)
{
	json_t *o = NULL;

	pthread_rwlock_rdlock(&published_lock);
	if (published) {
		pthread_rwlock_rdlock(&published->lock);
		for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
			if (!strcmp(commands[i].path, path))
				o = commands[i].fn(published, name);
		pthread_rwlock_unlock(&published->lock);
	}
	pthread_rwlock_unlock(&published_lock);
	return o;
}

static int answer(const char *cmd, const char *params, struct rte_tel_data *data)
{
	json_t *o = ask(cmd, params ? params : "");

	if (!o)
		return -EINVAL;
	if (json_is_array(o))
		to_list(data, o);
	else
		to_dict(data, o);
	json_decref(o);
	return 0;
}

static void publish(struct daemon *d)
{
	pthread_rwlock_wrlock(&published_lock);
	published = d;
	pthread_rwlock_unlock(&published_lock);
}

void ctl_telemetry_init(struct daemon *d)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		rte_telemetry_register_cmd(commands[i].path, answer, commands[i].help);
	publish(d);
}

void ctl_telemetry_fini(struct daemon *d)
{
	publish(NULL);
}
