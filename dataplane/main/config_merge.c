/* SPDX-License-Identifier: BSD-3-Clause */
/* Another file for a daemon that runs: what of it can be had, and what only after a restart. */
#include "main/config_key.h"

#include <stdlib.h>
#include <string.h>

struct merge {
	struct config *want, *new;
	void (*restart)(void *ctx, const char *what);
	void *ctx;
};

static void tell(const struct merge *m, const struct conf_kind *kind, const struct conf_head *head,
		 const char *what)
{
	char text[CONF_TEXT_MAX];

	snprintf(text, sizeof(text), "[%s%s%s]%s%s", kind->name, head->name[0] ? " " : "",
		 head->name, what[0] ? " " : "", what);
	m->restart(m->ctx, text);
}

/* Section @now, which runs, gets the values of @new that it can have. */
static void merge_keys(const struct merge *m, const struct conf_kind *kind, struct conf_head *now,
		       const struct conf_head *new)
{
	for (unsigned int k = 0; k < kind->n_keys; k++) {
		const struct conf_key *key = &kind->keys[k];

		now->key_line[k] = new->key_line[k];
		if (conf_value_equal(key, now, new))
			continue;
		if (conf_key_live(key))
			conf_value_copy(key, now, new);
		else
			tell(m, kind, now, key->name);
	}
	now->line = new->line;
}

/* Sections that neither come nor go while it runs. */
static void merge_fixed(const struct merge *m, const struct conf_kind *kind)
{
	struct conf_head *now, *new;

	for (unsigned int i = 0; (now = conf_section(m->want, kind, i)); i++) {
		new = conf_find(m->new, kind, now->name);
		if (new)
			merge_keys(m, kind, now, new);
		else
			tell(m, kind, now, "is gone");
	}
	for (unsigned int i = 0; (new = conf_section(m->new, kind, i)); i++)
		if (!conf_find(m->want, kind, new->name))
			tell(m, kind, new, "is new");
}

/* As the file has them, in its order. */
static void merge_guests(const struct merge *m, const struct config *now)
{
	const struct conf_kind *kind = &conf_kinds[CONF_KIND_GUEST];

	m->want->n_guests = m->new->n_guests;
	for (unsigned int i = 0; i < m->new->n_guests; i++) {
		const struct conf_guest *new = &m->new->guests[i];
		struct conf_guest *g = &m->want->guests[i];
		unsigned int k = 0;

		while (k < now->n_guests && strcmp(now->guests[k].head.name, new->head.name))
			k++;
		if (k == now->n_guests) {
			*g = *new;
		} else {
			*g = now->guests[k];
			merge_keys(m, kind, &g->head, &new->head);
		}
	}
}

struct config *config_merge(const struct config *now, struct config *new, unsigned int n_cpus,
			    void (*restart)(void *ctx, const char *what), conf_report fn, void *ctx)
{
	struct merge m = {
		.want = malloc(sizeof(*now)), .new = new, .restart = restart, .ctx = ctx
	};

	if (!m.want)
		return NULL;
	*m.want = *now;
	merge_fixed(&m, &conf_kinds[CONF_KIND_DATAPLANE]);
	merge_fixed(&m, &conf_kinds[CONF_KIND_LCORE]);
	merge_fixed(&m, &conf_kinds[CONF_KIND_PORT]);
	merge_guests(&m, now);
	m.want->report = fn;
	m.want->report_ctx = ctx;
	m.want->n_mistakes = 0;
	config_check(m.want, n_cpus);
	m.want->report = NULL;
	if (!m.want->n_mistakes)
		return m.want;
	config_free(m.want);
	return NULL;
}
