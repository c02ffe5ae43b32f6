/* SPDX-License-Identifier: BSD-3-Clause */
#include "main/config.h"
#include "main/config_key.h"
#include "main/ini.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX_BYTES (4u << 20)

void conf_report_mistake(struct config *c, unsigned int line, const char *section, const char *key,
			 const char *problem, const char *right)
{
	struct conf_mistake m = { .file = c->file,
				  .line = line,
				  .section = section,
				  .key = key,
				  .problem = problem,
				  .right = right };

	c->n_mistakes++;
	if (c->report)
		c->report(c->report_ctx, &m);
}

static void section_name(const struct conf_kind *kind, const struct conf_head *head, char *buf,
			 size_t size)
{
	snprintf(buf, size, "%s%s%s", kind->name, head->name[0] ? " " : "", head->name);
}

void conf_mistake(struct config *c, const struct conf_kind *kind, const struct conf_head *head,
		  unsigned int key, const char *right, const char *fmt, ...)
{
	char section[CONF_NAME_MAX + 16], problem[CONF_TEXT_MAX + 128];
	unsigned int line = head->line;
	const char *name = "";
	va_list ap;

	if (key < kind->n_keys) {
		name = kind->keys[key].name;
		if (head->key_line[key])
			line = head->key_line[key];
		if (!right)
			right = kind->keys[key].right;
	}
	section_name(kind, head, section, sizeof(section));
	va_start(ap, fmt);
	vsnprintf(problem, sizeof(problem), fmt, ap);
	va_end(ap);
	conf_report_mistake(c, line, section, name, problem, right);
}

void config_print_mistake(void *stream, const struct conf_mistake *m)
{
	FILE *out = stream;

	fprintf(out, "%s:", m->file);
	if (m->line)
		fprintf(out, "%u:", m->line);
	fputc(' ', out);
	if (m->section[0])
		fprintf(out, "[%s] ", m->section);
	if (m->key[0])
		fprintf(out, "%s: ", m->key);
	fprintf(out, "%s; right: %s\n", m->problem, m->right);
}

/* ---- sections ---- */

static unsigned int *kind_count(struct config *c, const struct conf_kind *kind)
{
	return (unsigned int *)(void *)((char *)c + kind->count_off);
}

static struct conf_head *kind_item(struct config *c, const struct conf_kind *kind, unsigned int i)
{
	return (struct conf_head *)(void *)((char *)c + kind->items_off + i * kind->size);
}

struct conf_head *conf_section(struct config *c, const struct conf_kind *kind, unsigned int i)
{
	return i < *kind_count(c, kind) ? kind_item(c, kind, i) : NULL;
}

struct conf_head *conf_find(struct config *c, const struct conf_kind *kind, const char *name)
{
	struct conf_head *head;

	for (unsigned int i = 0; (head = conf_section(c, kind, i)); i++)
		if (!strcmp(head->name, name))
			return head;
	return NULL;
}

static const char *naming_problem(const struct conf_kind *kind, const char *name)
{
	size_t n = strlen(name);

	if (kind->naming == CONF_UNNAMED)
		return n ? "this section has no name" : NULL;
	if (kind->naming == CONF_NUMBERED)
		return n < 1 || n > 3 || strspn(name, "0123456789") != n || (n > 1 && *name == '0')
			? "this section needs a number"
			: NULL;
	if (!n)
		return "this section needs a name";
	if (n >= CONF_NAME_MAX)
		return "the name is too long";
	for (const char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("-_.", *p))
			return "the name has a character that names can not have";
	return NULL;
}

static const char *naming_right(const struct conf_kind *kind)
{
	switch (kind->naming) {
	case CONF_UNNAMED:
		return "[dataplane]";
	case CONF_NUMBERED:
		return "[lcore N] with N from 0 to 999";
	default:
		return "at most 31 letters, digits, '-', '_' and '.'";
	}
}

struct conf_head *conf_open_section(struct config *c, const struct conf_kind *kind,
				    unsigned int line, const char *name)
{
	const char *problem = naming_problem(kind, name);
	unsigned int *n = kind_count(c, kind);
	struct conf_head *head;

	if (problem) {
		conf_report_mistake(c, line, kind->name, "", problem, naming_right(kind));
		return NULL;
	}
	if (conf_find(c, kind, name)) {
		conf_report_mistake(c, line, kind->name, "", "this section was there before",
				    "one section of each name");
		return NULL;
	}
	if (*n == kind->max) {
		conf_report_mistake(c, line, kind->name, "", "too many sections of this kind",
				    "fewer");
		return NULL;
	}
	head = kind_item(c, kind, (*n)++);
	memset(head, 0, kind->size);
	memcpy(head->name, name, strlen(name) + 1);
	head->line = line;
	return head;
}

static void on_section(void *ctx, unsigned int line, const char *kind_name, const char *name)
{
	struct conf_parser *p = ctx;

	p->any_section = true;
	p->head = NULL;
	for (unsigned int i = 0; i < conf_n_kinds; i++) {
		if (!strcmp(conf_kinds[i].name, kind_name)) {
			p->kind = &conf_kinds[i];
			p->head = conf_open_section(p->c, p->kind, line, name);
			return;
		}
	}
	conf_report_mistake(p->c, line, kind_name, "", "unknown kind of section",
			    "[dataplane], [lcore N], [port NAME] or [guest NAME]");
}

/* ---- keys ---- */

static void unknown_key(struct conf_parser *p, unsigned int line, const char *key)
{
	char section[CONF_NAME_MAX + 16], list[2 * CONF_TEXT_MAX] = "";

	for (unsigned int i = 0; i < p->kind->n_keys; i++) {
		size_t n = strlen(list);

		snprintf(list + n, sizeof(list) - n, "%s%s", i ? ", " : "", p->kind->keys[i].name);
	}
	section_name(p->kind, p->head, section, sizeof(section));
	conf_report_mistake(p->c, line, section, key, "unknown key", list);
}

static void set_key(struct conf_parser *p, unsigned int k, unsigned int line, const char *value)
{
	const struct conf_key *key = &p->kind->keys[k];
	unsigned int before = p->head->key_line[k];
	char problem[CONF_TEXT_MAX];

	p->head->key_line[k] = line;
	if (before && !conf_value_repeats(key))
		conf_mistake(p->c, p->kind, p->head, k, "each key once",
			     "the key was set in line %u", before);
	else if (conf_value_parse(key, p->head, value, line, problem, sizeof(problem)))
		conf_mistake(p->c, p->kind, p->head, k, NULL, "%s", problem);
}

void conf_on_key(void *ctx, unsigned int line, const char *key, const char *value)
{
	struct conf_parser *p = ctx;

	if (!p->any_section)
		conf_report_mistake(p->c, line, "", key, "a key outside of any section",
				    "a section first, such as [dataplane]");
	if (!p->head)
		return;
	for (unsigned int i = 0; i < p->kind->n_keys; i++) {
		if (!strcmp(p->kind->keys[i].name, key)) {
			set_key(p, i, line, value);
			return;
		}
	}
	unknown_key(p, line, key);
}

static void on_bad(void *ctx, unsigned int line, const char *problem, const char *right)
{
	conf_report_mistake(((struct conf_parser *)ctx)->c, line, "", "", problem, right);
}

void conf_complete(struct config *c, const struct conf_kind *kind, struct conf_head *head)
{
	char problem[CONF_TEXT_MAX];

	for (unsigned int k = 0; k < kind->n_keys; k++) {
		if (head->key_line[k])
			continue;
		if (!kind->keys[k].def)
			conf_mistake(c, kind, head, k, NULL, "the key is missing");
		else
			conf_value_parse(&kind->keys[k], head, kind->keys[k].def, 0, problem,
					 sizeof(problem));
	}
}

static void complete_all(struct config *c)
{
	if (!c->n_dataplanes)
		c->n_dataplanes = 1; /* all of it has defaults */
	for (unsigned int k = 0; k < conf_n_kinds; k++)
		for (unsigned int i = 0; i < *kind_count(c, &conf_kinds[k]); i++)
			conf_complete(c, &conf_kinds[k], kind_item(c, &conf_kinds[k], i));
}

/* ---- the whole ---- */

static struct config *config_new(const char *file, conf_report fn, void *ctx)
{
	struct config *c = calloc(1, sizeof(*c));

	if (c) {
		c->file = file;
		c->report = fn;
		c->report_ctx = ctx;
	}
	return c;
}

void config_free(struct config *c)
{
	free(c);
}

struct config *config_parse(const char *file, const char *text, size_t len, unsigned int n_cpus,
			    conf_report fn, void *ctx)
{
	static const struct ini_events events = { on_section, conf_on_key, on_bad };
	struct conf_parser p = { .c = config_new(file, fn, ctx) };

	if (!p.c)
		return NULL;
	ini_parse(text, len, &events, &p);
	complete_all(p.c);
	/* Rules between values make sense only for values that do. */
	if (!p.c->n_mistakes)
		config_check(p.c, n_cpus);
	if (p.c->n_mistakes) {
		config_free(p.c);
		return NULL;
	}
	return p.c;
}

static int read_file(const char *file, char **ret_text, size_t *ret_len)
{
	FILE *f = fopen(file, "re");
	char *text = NULL;
	size_t len;
	int err = 0;

	if (!f)
		return -errno;
	text = malloc(FILE_MAX_BYTES);
	errno = 0;
	len = text ? fread(text, 1, FILE_MAX_BYTES, f) : 0;
	if (!text)
		err = -ENOMEM;
	else if (ferror(f))
		err = errno ? -errno : -EIO;
	else if (len == FILE_MAX_BYTES)
		err = -EFBIG;
	fclose(f);
	if (err) {
		free(text);
		return err;
	}
	*ret_text = text;
	*ret_len = len;
	return 0;
}

struct config *config_load(const char *file, unsigned int n_cpus, conf_report fn, void *ctx)
{
	struct conf_mistake m = {
		.file = file, .section = "", .key = "", .right = "the path of a configuration file"
	};
	struct config *c;
	char *text = NULL;
	size_t len = 0;
	int err = read_file(file, &text, &len);

	if (err) {
		m.problem = strerror(-err);
		fn(ctx, &m);
		return NULL;
	}
	c = config_parse(file, text, len, n_cpus, fn, ctx);
	free(text);
	return c;
}

const struct conf_port *config_port(const struct config *c, const char *name)
{
	for (unsigned int i = 0; i < c->n_ports; i++)
		if (!strcmp(c->ports[i].head.name, name))
			return &c->ports[i];
	return NULL;
}

int config_lcore_index(const struct config *c, int32_t number)
{
	char name[16];

	snprintf(name, sizeof(name), "%d", number);
	for (unsigned int i = 0; i < c->n_lcores; i++)
		if (!strcmp(c->lcores[i].head.name, name))
			return (int)i;
	return -1;
}
