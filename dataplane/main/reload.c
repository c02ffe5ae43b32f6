/* SPDX-License-Identifier: BSD-3-Clause */
#include "main/reload.h"

#include "main/config_key.h"
#include "main/log.h"
#include "main/throttling.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct reload {
	struct daemon *d;
	conf_report mistake;
	reload_say say;
	void *ctx;
};

static void say(const struct reload *r, enum reload_what what, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void say(const struct reload *r, enum reload_what what, const char *fmt, ...)
{
	char text[CONF_TEXT_MAX + 128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	r->say(r->ctx, what, text);
}

static void on_mistake(void *ctx, const struct conf_mistake *m)
{
	const struct reload *r = ctx;

	r->mistake(r->ctx, m);
}

static void on_restart(void *ctx, const char *what)
{
	say(ctx, RELOAD_RESTART, "%s", what);
}

/* "priority = 5, poll = busy": where the sections differ. */
static void differences(const struct conf_kind *kind, const void *now, const void *want, char *buf,
			size_t size)
{
	char value[CONF_TEXT_MAX];

	buf[0] = 0;
	for (unsigned int k = 0; k < kind->n_keys; k++) {
		const struct conf_key *key = &kind->keys[k];
		size_t len = strlen(buf);
		int n;

		if (conf_value_equal(key, now, want))
			continue;
		conf_value_format(key, want, 0, value, sizeof(value));
		n = snprintf(buf + len, size - len, "%s%s = %s", len ? ", " : "", key->name, value);
		if (n < 0 || (size_t)n >= size - len)
			return; /* what there is room for */
	}
}

/* ---- its parts, by the new configuration, which is in force already ---- */

static void remove_guests(const struct reload *r, const struct config *before)
{
	for (unsigned int i = 0; i < before->n_guests; i++) {
		const char *name = before->guests[i].head.name;

		if (conf_find(r->d->conf, &conf_kinds[CONF_KIND_GUEST], name))
			continue;
		guests_del(r->d, name);
		say(r, RELOAD_CHANGED, "[guest %s] removed", name);
	}
}

static void set_lcore(const struct reload *r, unsigned int i, const struct conf_lcore *before)
{
	struct conf_lcore *conf = &r->d->conf->lcores[i];
	char what[CONF_TEXT_MAX], why[CONF_TEXT_MAX + 128];
	int err;

	differences(&conf_kinds[CONF_KIND_LCORE], before, conf, what, sizeof(what));
	if (!what[0])
		return;
	if (throttling_judge(r->d->conf, conf, THROTTLING_FOLDER, why, sizeof(why)) ==
	    THROTTLING_REFUSED) {
		*conf = *before;
		say(r, RELOAD_FAILED, "%s", why);
		return;
	}
	err = lcore_retune(r->d->lcores[i], conf);
	if (err) {
		*conf = *before;
		say(r, RELOAD_FAILED, "[lcore %s] %s: %s", conf->head.name, what, strerror(-err));
	} else {
		say(r, RELOAD_CHANGED, "[lcore %s] %s", conf->head.name, what);
	}
}

static void set_guest(const struct reload *r, struct daemon_guest *g, struct conf_guest *conf)
{
	char what[CONF_TEXT_MAX], why[CONF_TEXT_MAX];

	differences(&conf_kinds[CONF_KIND_GUEST], &g->conf, conf, what, sizeof(what));
	if (!what[0])
		return;
	if (guests_set(r->d, g, conf, why, sizeof(why))) {
		*conf = g->conf;
		say(r, RELOAD_FAILED, "[guest %s] %s: %s", conf->head.name, what, why);
	} else {
		say(r, RELOAD_CHANGED, "[guest %s] %s", conf->head.name, what);
	}
}

/* False: the configuration goes without it. */
static bool add_guest(const struct reload *r, const struct conf_guest *conf)
{
	int err = guests_add(r->d, conf);

	if (err)
		say(r, RELOAD_FAILED, "[guest %s] %s", conf->head.name, strerror(-err));
	else
		say(r, RELOAD_CHANGED, "[guest %s] added", conf->head.name);
	return !err;
}

static void set_guests(const struct reload *r)
{
	struct config *c = r->d->conf;

	for (unsigned int i = 0; i < c->n_guests;) {
		struct daemon_guest *g = guests_find(r->d, c->guests[i].head.name);

		if (g)
			set_guest(r, g, &c->guests[i]);
		if (g || add_guest(r, &c->guests[i])) {
			i++;
			continue;
		}
		c->n_guests--;
		memmove(&c->guests[i], &c->guests[i + 1], (c->n_guests - i) * sizeof(c->guests[0]));
	}
}

static void set_log_level(const struct reload *r, const struct config *before)
{
	const struct conf_dataplane *now = r->d->conf->dataplane;
	char what[CONF_TEXT_MAX];

	if (now->log_level == before->dataplane->log_level)
		return;
	log_set_level((enum log_level)now->log_level);
	differences(&conf_kinds[CONF_KIND_DATAPLANE], before->dataplane, now, what, sizeof(what));
	say(r, RELOAD_CHANGED, "[dataplane] %s", what);
}

static void apply(const struct reload *r, const struct config *before)
{
	set_log_level(r, before);
	remove_guests(r, before);
	for (unsigned int i = 0; i < r->d->conf->n_lcores; i++)
		set_lcore(r, i, &before->lcores[i]);
	set_guests(r);
}

int reload(struct daemon *d, conf_report mistake, reload_say fn, void *ctx)
{
	struct reload r = { .d = d, .mistake = mistake, .say = fn, .ctx = ctx };
	struct config *new = config_load(d->conf->file, d->n_cpus, on_mistake, &r), *want, *before;

	if (!new)
		return -EINVAL;
	want = config_merge(d->conf, new, d->n_cpus, on_restart, on_mistake, &r);
	before = want ? malloc(sizeof(*before)) : NULL;
	if (before) {
		*before = *d->conf;
		*d->conf = *want;
		apply(&r, before);
	}
	free(before);
	config_free(want);
	config_free(new);
	return before ? 0 : -EINVAL;
}

/* ---- SIGHUP ---- */

static void log_mistake(void *ctx, const struct conf_mistake *m)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return;
	config_print_mistake(out, m);
	fclose(out);
	text[strcspn(text, "\n")] = 0;
	log_error("%s", text);
	free(text);
}

static void log_say(void *ctx, enum reload_what what, const char *text)
{
	switch (what) {
	case RELOAD_CHANGED:
		log_notice("reload: %s", text);
		break;
	case RELOAD_RESTART:
		log_warning("reload: %s: only after a restart", text);
		break;
	case RELOAD_FAILED:
		log_error("reload: %s", text);
		break;
	}
}

void reload_logged(struct daemon *d)
{
	if (reload(d, log_mistake, log_say, NULL))
		log_error("reload: nothing is changed");
	else
		log_notice("reload: done");
}
