/* SPDX-License-Identifier: BSD-3-Clause */
#include "main/config_key.h"

static bool applies(const struct conf_kind *kind, const struct conf_key *key, const void *obj)
{
	const struct conf_lcore *lc = obj;

	return kind != &conf_kinds[CONF_KIND_LCORE] || conf_key_applies(key, lc->class);
}

static void dump_section(const struct conf_kind *kind, const void *obj, FILE *out)
{
	const struct conf_head *head = obj;
	char buf[CONF_TEXT_MAX];

	fprintf(out, "[%s%s%s]\n", kind->name, head->name[0] ? " " : "", head->name);
	for (unsigned int i = 0; i < kind->n_keys; i++) {
		const struct conf_key *key = &kind->keys[i];
		unsigned int n = conf_value_count(key, obj);

		for (unsigned int k = 0; k < n && applies(kind, key, obj); k++) {
			conf_value_format(key, obj, k, buf, sizeof(buf));
			fprintf(out, "%s = %s\n", key->name, buf);
		}
	}
	fputc('\n', out);
}

void config_dump_guest(const struct conf_guest *g, FILE *out)
{
	dump_section(&conf_kinds[CONF_KIND_GUEST], g, out);
}

void config_dump(const struct config *c, FILE *out)
{
	for (unsigned int k = 0; k < conf_n_kinds; k++) {
		const struct conf_kind *kind = &conf_kinds[k];
		const char *items = (const char *)c + kind->items_off;
		unsigned int n =
			*(const unsigned int *)(const void *)((const char *)c + kind->count_off);

		for (unsigned int i = 0; i < n; i++)
			dump_section(kind, items + i * kind->size, out);
	}
}
