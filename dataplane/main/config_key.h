/* SPDX-License-Identifier: BSD-3-Clause */
/* The keys of the configuration: one row each, read and written by its kind of value. */
#ifndef OUTSOCK_DATAPLANE_CONFIG_KEY_H
#define OUTSOCK_DATAPLANE_CONFIG_KEY_H

#include "main/config.h"

enum conf_value {
	CONF_U32,      /* uint32_t between min and max */
	CONF_I32,      /* int32_t, the same */
	CONF_I32_AUTO, /* the same, or "auto" */
	CONF_SIZE,     /* uint64_t, bytes; K, M, G */
	CONF_TIME,     /* uint64_t, ns; ns, us, ms, s */
	CONF_WORD,     /* uint32_t: index in words */
	CONF_TEXT,     /* char[max], not empty */
	CONF_PATH,     /* the same, absolute */
	CONF_IP4,      /* uint32_t in network order, or "none" */
	CONF_ADDRS,    /* struct conf_addrs; the key may repeat */
	CONF_ROUTES,   /* struct conf_routes, or "none"; the key may repeat */
};

/* conf_key.flags */
#define CONF_RT_ONLY	 1u /* it has a meaning for one class of lcore only */
#define CONF_NON_RT_ONLY 2u
#define CONF_LIVE	 4u /* it may change while its lcore or guest runs */

/**
 * struct conf_key - one key
 * @off: of its field in the section's struct
 * @def: default as it would stand in the file; NULL: the key must be there
 * @right: what would be right, for messages
 */
struct conf_key {
	const char *name;
	enum conf_value value;
	unsigned int flags; /* CONF_* */
	size_t off;
	int64_t min, max;
	const char *const *words;
	const char *def;
	const char *right;
};

enum conf_naming {
	CONF_UNNAMED,
	CONF_NUMBERED,
	CONF_NAMED,
};

/* One kind of section, and where its array and count are in struct config. */
struct conf_kind {
	const char *name;
	enum conf_naming naming;
	const struct conf_key *keys;
	unsigned int n_keys;
	size_t items_off, count_off, size;
	unsigned int max;
};

extern const struct conf_kind conf_kinds[];
extern const unsigned int conf_n_kinds;
enum { CONF_KIND_DATAPLANE, CONF_KIND_LCORE, CONF_KIND_PORT, CONF_KIND_GUEST };

/* Row of the field at @off in the tables of @kind; for messages about it. */
unsigned int conf_key_index(const struct conf_kind *kind, size_t off);

/* Sets the field of @key in section object @obj. 0, or -EINVAL and @problem. */
int conf_value_parse(const struct conf_key *key, void *obj, const char *text, unsigned int line,
		     char *problem, size_t size);
/* May the key stand more than once in a section? */
bool conf_value_repeats(const struct conf_key *key);
/* How many lines it takes: 1, or as many as it has values. */
unsigned int conf_value_count(const struct conf_key *key, const void *obj);
/* Writes it as config_parse() takes it; of a key that repeats: its @i'th. */
void conf_value_format(const struct conf_key *key, const void *obj, unsigned int i, char *buf,
		       size_t size);

static inline bool conf_key_live(const struct conf_key *key)
{
	return key->flags & CONF_LIVE;
}

/* Has it a meaning for an lcore of @class? */
static inline bool conf_key_applies(const struct conf_key *key, uint32_t class)
{
	return !(key->flags & (class == LCORE_RT ? CONF_NON_RT_ONLY : CONF_RT_ONLY));
}

/* Is it the same value in both objects? */
bool conf_value_equal(const struct conf_key *key, const void *a, const void *b);
/* Gives @to the value that @from has, both objects of one kind. */
void conf_value_copy(const struct conf_key *key, void *to, const void *from);

/* Reports one mistake and counts it. @line 0: the section's. */
void conf_mistake(struct config *c, const struct conf_kind *kind, const struct conf_head *head,
		  unsigned int key, const char *right, const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));
#define CONF_NO_KEY CONF_KEYS_MAX

/* ---- the parser, for those who change a part (config.c) ---- */

/* Where it is: the section whose keys follow; @head NULL inside of one that is not valid. */
struct conf_parser {
	struct config *c;
	const struct conf_kind *kind;
	struct conf_head *head;
	bool any_section;
};

void conf_report_mistake(struct config *c, unsigned int line, const char *section, const char *key,
			 const char *problem, const char *right);
/* The new section's object, or NULL after reporting why there is none. */
struct conf_head *conf_open_section(struct config *c, const struct conf_kind *kind,
				    unsigned int line, const char *name);
/* ini_events.key, @ctx a struct conf_parser. */
void conf_on_key(void *ctx, unsigned int line, const char *key, const char *value);
/* Defaults of the keys that were not set; a key without one is missing. */
void conf_complete(struct config *c, const struct conf_kind *kind, struct conf_head *head);

/* The section of that name, or NULL. */
struct conf_head *conf_find(struct config *c, const struct conf_kind *kind, const char *name);
/* Section @i, NULL behind the last one. */
struct conf_head *conf_section(struct config *c, const struct conf_kind *kind, unsigned int i);

/* What no single value shows (config_check.c). */
void config_check(struct config *c, unsigned int n_cpus);
/* The same, but where the guests are already: their quotas are looked at there. */
void config_check_unplaced(struct config *c, unsigned int n_cpus);

#endif
