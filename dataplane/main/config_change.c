/* SPDX-License-Identifier: BSD-3-Clause */
/* Changes while the daemon runs: guests come and go, lcores are tuned. All or nothing. */
#include "main/config_key.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct conf_guest *config_guest_add(struct config *c, const char *name, const char *const *keys,
				    const char *const *values, unsigned int n, unsigned int n_cpus,
				    conf_report fn, void *ctx)
{
	struct conf_parser p = { .c = c,
				 .kind = &conf_kinds[CONF_KIND_GUEST],
				 .any_section = true };
	unsigned int n_guests = c->n_guests;

	c->report = fn;
	c->report_ctx = ctx;
	c->n_mistakes = 0;
	p.head = conf_open_section(c, p.kind, 1, name);
	for (unsigned int i = 0; p.head && i < n; i++)
		conf_on_key(&p, 1, keys[i], values[i]);
	if (p.head)
		conf_complete(c, p.kind, p.head);
	if (!c->n_mistakes)
		config_check(c, n_cpus);
	c->report = NULL;
	if (c->n_mistakes) {
		c->n_guests = n_guests;
		return NULL;
	}
	return &c->guests[n_guests];
}

/* "nice, priority or poll": what may change. */
static void live_keys(const struct conf_kind *kind, char *buf, size_t size)
{
	unsigned int n = 0, i = 0;

	for (unsigned int k = 0; k < kind->n_keys; k++)
		n += conf_key_live(&kind->keys[k]);
	buf[0] = 0;
	for (unsigned int k = 0; k < kind->n_keys; k++) {
		size_t len = strlen(buf);

		if (!conf_key_live(&kind->keys[k]))
			continue;
		snprintf(buf + len, size - len, "%s%s",
			 !i		      ? ""
				 : i + 1 == n ? " or "
					      : ", ",
			 kind->keys[k].name);
		i++;
	}
}

/* One key of something that runs. */
static void reset_key(struct conf_parser *p, const char *key, const char *value)
{
	char right[2 * CONF_TEXT_MAX];
	unsigned int k = 0;

	while (k < p->kind->n_keys && strcmp(p->kind->keys[k].name, key))
		k++;
	if (k < p->kind->n_keys && !conf_key_live(&p->kind->keys[k])) {
		live_keys(p->kind, right, sizeof(right));
		conf_mistake(p->c, p->kind, p->head, k, right,
			     "the key can not be changed while the %s runs", p->kind->name);
		return;
	}
	if (k < p->kind->n_keys)
		p->head->key_line[k] = 0;
	conf_on_key(p, 1, key, value);
}

/* Other values for @head, which runs; false: mistakes were reported and nothing is changed. */
static bool reset_keys(struct config *c, const struct conf_kind *kind, struct conf_head *head,
		       const struct conf_words *w, unsigned int n_cpus)
{
	struct conf_parser p = { .c = c, .kind = kind, .head = head, .any_section = true };
	union {
		struct conf_lcore lcore;
		struct conf_guest guest;
	} before;

	memcpy(&before, head, kind->size);
	for (unsigned int k = 0; k < w->n; k++)
		reset_key(&p, w->keys[k], w->values[k]);
	if (!c->n_mistakes)
		config_check(c, n_cpus);
	if (c->n_mistakes)
		memcpy(head, &before, kind->size);
	return !c->n_mistakes;
}

static int section_set(struct config *c, const struct conf_kind *kind, const char *name,
		       const struct conf_words *w, unsigned int n_cpus, conf_report fn, void *ctx)
{
	unsigned int i = 0;
	struct conf_head *head;
	bool ok = false;

	c->report = fn;
	c->report_ctx = ctx;
	c->n_mistakes = 0;
	while ((head = conf_section(c, kind, i)) && strcmp(head->name, name))
		i++;
	if (head)
		ok = reset_keys(c, kind, head, w, n_cpus);
	else
		conf_report_mistake(c, 0, kind->name, "",
				    kind->naming == CONF_NUMBERED ? "there is no such lcore"
								  : "there is no such guest",
				    kind->naming == CONF_NUMBERED ? "the number of an [lcore N]"
								  : "the name of a [guest NAME]");
	c->report = NULL;
	return ok ? (int)i : -1;
}

int config_lcore_set(struct config *c, const char *name, const struct conf_words *words,
		     unsigned int n_cpus, conf_report fn, void *ctx)
{
	return section_set(c, &conf_kinds[CONF_KIND_LCORE], name, words, n_cpus, fn, ctx);
}

int config_guest_set(struct config *c, const char *name, const struct conf_words *words,
		     unsigned int n_cpus, conf_report fn, void *ctx)
{
	return section_set(c, &conf_kinds[CONF_KIND_GUEST], name, words, n_cpus, fn, ctx);
}

static void take_out(struct config *c, unsigned int i)
{
	c->n_guests--;
	memmove(&c->guests[i], &c->guests[i + 1], (c->n_guests - i) * sizeof(c->guests[0]));
}

static void put_back(struct config *c, unsigned int i, const struct conf_guest *g)
{
	memmove(&c->guests[i + 1], &c->guests[i], (c->n_guests - i) * sizeof(c->guests[0]));
	c->guests[i] = *g;
	c->n_guests++;
}

int config_guest_del(struct config *c, const char *name, unsigned int n_cpus, conf_report fn,
		     void *ctx)
{
	struct conf_guest gone;
	unsigned int i = 0;

	while (i < c->n_guests && strcmp(c->guests[i].head.name, name))
		i++;
	if (i == c->n_guests)
		return -ENOENT;
	gone = c->guests[i];
	take_out(c, i);
	c->report = fn;
	c->report_ctx = ctx;
	c->n_mistakes = 0;
	config_check_unplaced(c, n_cpus);
	c->report = NULL;
	if (!c->n_mistakes)
		return 0;
	put_back(c, i, &gone);
	return -EINVAL;
}
