/* SPDX-License-Identifier: BSD-3-Clause */
/* Changes while the daemon runs: guests come and go, lcores are tuned. All or nothing. */
#include "main/config_key.h"

#include <errno.h>
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

static bool changeable(const char *key)
{
	static const char *const keys[] = { "nice", "priority", "poll", "idle", "nap", "nap-max" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (!strcmp(keys[i], key))
			return true;
	return false;
}

/* One key of a running lcore. */
static void reset_key(struct conf_parser *p, const char *key, const char *value)
{
	unsigned int k = 0;

	while (k < p->kind->n_keys && strcmp(p->kind->keys[k].name, key))
		k++;
	if (k < p->kind->n_keys && !changeable(key)) {
		conf_mistake(p->c, p->kind, p->head, k,
			     "nice, priority, poll, idle, nap or nap-max",
			     "the key can not be changed while the lcore runs");
		return;
	}
	if (k < p->kind->n_keys)
		p->head->key_line[k] = 0;
	conf_on_key(p, 1, key, value);
}

int config_lcore_set(struct config *c, const char *name, const char *const *keys,
		     const char *const *values, unsigned int n, unsigned int n_cpus, conf_report fn,
		     void *ctx)
{
	struct conf_parser p = { .c = c,
				 .kind = &conf_kinds[CONF_KIND_LCORE],
				 .any_section = true };
	struct conf_lcore before;
	unsigned int i = 0;

	c->report = fn;
	c->report_ctx = ctx;
	c->n_mistakes = 0;
	while (i < c->n_lcores && strcmp(c->lcores[i].head.name, name))
		i++;
	if (i == c->n_lcores) {
		conf_report_mistake(c, 0, "lcore", "", "there is no such lcore",
				    "the number of an [lcore N]");
		return -1;
	}
	before = c->lcores[i];
	p.head = &c->lcores[i].head;
	for (unsigned int k = 0; k < n; k++)
		reset_key(&p, keys[k], values[k]);
	if (!c->n_mistakes)
		config_check(c, n_cpus);
	c->report = NULL;
	if (!c->n_mistakes)
		return (int)i;
	c->lcores[i] = before;
	return -1;
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
	config_check(c, n_cpus);
	c->report = NULL;
	if (!c->n_mistakes)
		return 0;
	put_back(c, i, &gone);
	return -EINVAL;
}
