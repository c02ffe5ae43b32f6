/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/ctl_priv.h"
#include "main/throttling.h"

#include <rte_cycles.h>
#include <rte_mempool.h>
#include <string.h>

/* Busy turns by length: element i counts those of 2^i to 2^(i+1) cycles; no zeros at the end. */
static json_t *turn_lengths(const struct lcore_stats *s)
{
	json_t *array = json_array();
	unsigned int n = LCORE_TURN_BUCKETS;

	while (n && !count_read(&s->turns[n - 1]))
		n--;
	for (unsigned int i = 0; i < n; i++)
		json_array_append_new(array, json_integer((json_int_t)count_read(&s->turns[i])));
	return array;
}

static unsigned int n_guests(const struct daemon *d, unsigned int lcore)
{
	unsigned int n = 0;

	list_for_each(l, &d->guests)
		n += container_of(l, struct daemon_guest, link)->lcore == lcore;
	return n;
}

static double usec(uint64_t cycles)
{
	return (double)cycles * 1e6 / (double)rte_get_tsc_hz();
}

json_t *ctl_lcore_json(struct daemon *d, unsigned int i)
{
	const struct lcore *lc = d->lcores[i];
	const struct conf_lcore *conf = lcore_conf(lc);
	const struct lcore_stats *s = lcore_stats(lc);
	bool rt = conf->class == LCORE_RT;
	json_t *o =
		json_pack("{s:s, s:i, s:s, s:s, s:i, s:i, s:b, s:i, s:i, s:i, s:I, s:I}", "name",
			  conf->head.name, "cpu", (int)conf->cpu, "class", rt ? "rt" : "non-rt",
			  "poll", conf->poll == POLL_BUSY ? "busy" : "adaptive",
			  rt ? "priority" : "nice", rt ? (int)conf->priority : conf->nice, "guests",
			  (int)n_guests(d, i), "asleep", lcore_asleep(lc), "tid", lcore_tid(lc),
			  "packets", (int)lcore_pool(lc)->size, "packets_free",
			  (int)rte_mempool_avail_count(lcore_pool(lc)), "busy_ns",
			  (json_int_t)(usec(count_read(&s->count[LCORE_busy_cycles])) * 1000),
			  "max_turn_ns",
			  (json_int_t)(usec(count_read(&s->count[LCORE_max_turn_cycles])) * 1000));

	if (!o)
		return NULL;
	for (unsigned int c = 0; c < LCORE_COUNT_N; c++)
		json_object_set_new(o, lcore_count_name(c),
				    json_integer((json_int_t)count_read(&s->count[c])));
	for (unsigned int b = 0; b < BUDGET_N; b++)
		json_object_set_new(o, config_budget_name(b), json_integer(config_budget(conf, b)));
	json_object_set_new(o, "turn_lengths", turn_lengths(s));
	json_object_set_new(o, "tsc_hz", json_integer((json_int_t)rte_get_tsc_hz()));
	return o;
}

json_t *ctl_lcore_list(struct ctl_call *call)
{
	json_t *array = json_array();

	for (unsigned int i = 0; i < call->d->n_lcores; i++)
		json_array_append_new(array, ctl_lcore_json(call->d, i));
	return array;
}

/* Arguments "name" and "keys": what can be changed while it runs. */
json_t *ctl_lcore_set(struct ctl_call *call)
{
	const char *keys[CTL_KEYS_MAX], *values[CTL_KEYS_MAX], *name = ctl_string(call, "name");
	struct conf_lcore *conf = call->d->conf->lcores;
	char why[CTL_ERROR_MAX];
	unsigned int n;
	int i, err;

	if (!name)
		return ctl_fail(call, "\"name\" is missing");
	n = ctl_keys(call, keys, values, CTL_KEYS_MAX);
	i = config_lcore_set(call->d->conf, name, &(struct conf_words){ keys, values, n },
			     call->d->n_cpus, ctl_mistake, call);
	if (i < 0)
		return NULL;
	if (throttling_judge(call->d->conf, conf + i, THROTTLING_FOLDER, why, sizeof(why)) ==
	    THROTTLING_REFUSED) {
		conf[i] = *lcore_conf(call->d->lcores[i]);
		return ctl_fail(call, "%s", why);
	}
	err = lcore_retune(call->d->lcores[i], conf + i);
	if (err) {
		/* Not what the configuration says: say what is. */
		conf[i] = *lcore_conf(call->d->lcores[i]);
		return ctl_fail(call, "lcore %s: %s", name, strerror(-err));
	}
	return ctl_lcore_json(call->d, (unsigned int)i);
}
