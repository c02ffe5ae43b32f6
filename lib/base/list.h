/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Intrusive doubly linked lists. An entry is on at most one list through one link; a link that
 * is on none points to itself, so that taking it off twice is harmless.
 */
#ifndef OUTSOCK_BASE_LIST_H
#define OUTSOCK_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next, *prev;
};

#ifndef container_of
#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))
#endif

static inline void list_init(struct list *l)
{
	l->next = l;
	l->prev = l;
}

static inline bool list_empty(const struct list *l)
{
	return l->next == l;
}

static inline void list_insert_(struct list *e, struct list *prev, struct list *next)
{
	e->prev = prev;
	e->next = next;
	prev->next = e;
	next->prev = e;
}

static inline void list_add_tail(struct list *head, struct list *e)
{
	list_insert_(e, head->prev, head);
}

static inline void list_add_head(struct list *head, struct list *e)
{
	list_insert_(e, head, head->next);
}

static inline void list_del(struct list *e)
{
	e->prev->next = e->next;
	e->next->prev = e->prev;
	list_init(e);
}

/* @to takes @e's place on whatever list that is on, or is. */
static inline void list_replace(struct list *e, struct list *to)
{
	if (list_empty(e)) {
		list_init(to);
		return;
	}
	to->next = e->next;
	to->prev = e->prev;
	to->next->prev = to;
	to->prev->next = to;
	list_init(e);
}

/* First entry of a list that is not empty. */
static inline struct list *list_first(struct list *head)
{
	return head->next;
}

/* Moves all entries of @from to the tail of @to. */
static inline void list_splice_tail(struct list *to, struct list *from)
{
	if (list_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	list_init(from);
}

#define list_for_each(pos, head) \
	for (struct list *pos = (head)->next; pos != (head); pos = pos->next)

#endif
