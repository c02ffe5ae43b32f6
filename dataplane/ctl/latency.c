/* SPDX-License-Identifier: BSD-3-Clause */
/* How long messages stay in the daemon, how long turns are, and what the slow ones did. */
#include "ctl/ctl_priv.h"

#include <stdlib.h>
#include <string.h>

/* A row: whose, what, and its histogram. */
struct row {
	const char *kind, *name, *what;
};

/* The histograms of a guest. */
static const struct {
	const char *what;
	size_t off;
} kinds[] = {
	{ "rx", offsetof(struct guest_latency, rx) },
	{ "rx-late", offsetof(struct guest_latency, rx_late) },
	{ "tx", offsetof(struct guest_latency, tx) },
	{ "tx-late", offsetof(struct guest_latency, tx_late) },
};

#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

static const struct {
	const char *key;
	double share;
} points[] = {
	{ "p50_ns", 0.5 },    { "p90_ns", 0.9 },      { "p99_ns", 0.99 },
	{ "p999_ns", 0.999 }, { "p9999_ns", 0.9999 },
};

static const struct hist *hist_of(const struct guest *g, unsigned int kind)
{
	return (const struct hist *)(const void *)((const char *)guest_latency(g) +
						   kinds[kind].off);
}

/* @h is a copy of our own. */
static json_t *row_json(const struct row *row, const struct hist *h)
{
	struct hist_summary s;
	json_t *o;

	hist_summary(h, &s);
	o = json_pack("{s:s, s:s, s:s, s:I, s:I, s:I}", "kind", row->kind, "name", row->name,
		      "what", row->what, "count", (json_int_t)s.n, "mean_ns", (json_int_t)s.mean,
		      "sd_ns", (json_int_t)s.sd);
	for (size_t i = 0; o && i < sizeof(points) / sizeof(points[0]); i++)
		json_object_set_new(o, points[i].key,
				    json_integer((json_int_t)hist_at(h, points[i].share)));
	json_object_set_new(o, "max_ns", json_integer((json_int_t)s.max));
	return o;
}

static void add_row(json_t *rows, const struct row *row, const struct hist *from)
{
	struct hist h = { 0 };

	hist_merge(&h, from);
	json_array_append_new(rows, row_json(row, &h));
}

static void add_guest(json_t *rows, const struct daemon_guest *g)
{
	for (unsigned int k = 0; k < N_KINDS; k++) {
		struct row row = { "guest", g->conf.head.name, kinds[k].what };

		add_row(rows, &row, hist_of(g->guest, k));
	}
}

static void add_lcore(json_t *rows, const struct lcore *lc)
{
	struct row row = { "lcore", lcore_conf(lc)->head.name, "turn" };

	add_row(rows, &row, lcore_turn_hist(lc));
}

/* All guests of @class together. */
static void add_class(json_t *rows, struct daemon *d, uint32_t class)
{
	for (unsigned int k = 0; k < N_KINDS; k++) {
		struct row row = { "class", class == LCORE_RT ? "rt" : "non-rt", kinds[k].what };
		struct hist h = { 0 };

		list_for_each(l, &d->guests) {
			struct daemon_guest *g = container_of(l, struct daemon_guest, link);

			if (g->conf.class == class)
				hist_merge(&h, hist_of(g->guest, k));
		}
		json_array_append_new(rows, row_json(&row, &h));
	}
}

static struct lcore *lcore_of(struct daemon *d, const char *name)
{
	for (unsigned int i = 0; i < d->n_lcores; i++)
		if (!strcmp(lcore_conf(d->lcores[i])->head.name, name))
			return d->lcores[i];
	return NULL;
}

static void reset(struct daemon *d, struct daemon_guest *guest, struct lcore *lcore)
{
	bool all = !guest && !lcore;

	list_for_each(l, &d->guests) {
		struct daemon_guest *g = container_of(l, struct daemon_guest, link);

		if (all || g == guest)
			guest_latency_reset(g->guest);
	}
	for (unsigned int i = 0; i < d->n_lcores; i++)
		if (all || d->lcores[i] == lcore)
			lcore_measure_reset(d->lcores[i]);
}

/* Of one guest or lcore, or of all and of the classes. NULL: there is none of that name. */
json_t *ctl_latency_json(struct daemon *d, const char *name)
{
	struct daemon_guest *g = name ? guests_find(d, name) : NULL;
	struct lcore *lc = name && !g ? lcore_of(d, name) : NULL;
	json_t *rows;

	if (name && !g && !lc)
		return NULL;
	rows = json_array();
	if (g)
		add_guest(rows, g);
	if (lc)
		add_lcore(rows, lc);
	if (name)
		return rows;
	list_for_each(l, &d->guests)
		add_guest(rows, container_of(l, struct daemon_guest, link));
	add_class(rows, d, LCORE_RT);
	add_class(rows, d, LCORE_NON_RT);
	for (unsigned int i = 0; i < d->n_lcores; i++)
		add_lcore(rows, d->lcores[i]);
	return rows;
}

/*
 * "NAME WHAT" as a packed array: element i counts those of hist_from(i) on, no zeros at the end.
 * NULL: there is none.
 */
json_t *ctl_histogram_json(struct daemon *d, const char *name, const char *what)
{
	struct daemon_guest *g = guests_find(d, name);
	struct lcore *lc = g ? NULL : lcore_of(d, name);
	const struct hist *from = lc && !strcmp(what, "turn") ? lcore_turn_hist(lc) : NULL;
	struct hist h = { 0 };
	unsigned int n = HIST_SLOTS;
	json_t *slots;

	for (unsigned int k = 0; g && k < N_KINDS; k++)
		if (!strcmp(kinds[k].what, what))
			from = hist_of(g->guest, k);
	if (!from)
		return NULL;
	hist_merge(&h, from);
	while (n && !h.slots[n - 1])
		n--;
	slots = json_array();
	for (unsigned int i = 0; i < n; i++)
		json_array_append_new(slots, json_integer((json_int_t)h.slots[i]));
	return json_pack("{s:i, s:i, s:I, s:I, s:o}", "first_ns", 1 << HIST_FIRST_BITS,
			 "slots_per_octave", 1 << HIST_SUB_BITS, "sum_ns", (json_int_t)h.sum,
			 "max_ns", (json_int_t)h.max, "slots", slots);
}

/* Arguments "name" (a guest or lcore) and "reset". */
json_t *ctl_latency(struct ctl_call *call)
{
	const char *name = ctl_string(call, "name");
	json_t *rows = ctl_latency_json(call->d, name);
	struct daemon_guest *g;

	if (!rows)
		return ctl_fail(call, "there is no guest or lcore '%s'", name);
	if (!json_is_true(json_object_get(call->args, "reset")))
		return rows;
	g = name ? guests_find(call->d, name) : NULL;
	reset(call->d, g, name && !g ? lcore_of(call->d, name) : NULL);
	return rows;
}

static json_t *slow_json(const struct lcore *lc, const struct lcore_slow *s)
{
	json_t *did = json_object(), *o;
	const char *part;

	for (unsigned int i = 0; (part = lcore_part_name(i)); i++)
		json_object_set_new(did, part, json_integer(s->did[i]));
	o = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:I, s:o}", "ago_ns",
		      (json_int_t)(lcore_clock(lc) - s->when), "ns", (json_int_t)s->ns, "in_ns",
		      (json_int_t)s->ns_in, "guests_ns", (json_int_t)s->ns_guests, "out_ns",
		      (json_int_t)s->ns_out, "end_ns", (json_int_t)s->ns_end, "guest", s->guest,
		      "guest_cost", (json_int_t)s->guest_cost, "did", did);
	return o;
}

/* Argument "name": an lcore's. Its last slow turns, oldest first. */
json_t *ctl_lcore_slow(struct ctl_call *call)
{
	const char *name = ctl_string(call, "name");
	struct lcore *lc = name ? lcore_of(call->d, name) : NULL;
	struct lcore_slow slow[LCORE_SLOW];
	json_t *array;
	unsigned int n;

	if (!lc)
		return ctl_fail(call, "there is no lcore '%s'", name ? name : "");
	n = lcore_slow_get(lc, slow);
	array = json_array();
	for (unsigned int i = 0; i < n; i++)
		json_array_append_new(array, slow_json(lc, &slow[i]));
	return array;
}
