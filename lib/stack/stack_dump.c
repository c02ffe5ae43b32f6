/* SPDX-License-Identifier: BSD-3-Clause */
/* Counters of all layers under their names. */
#include "stack/stack_priv.h"

#include "base/count.h"

#include <stdio.h>

void stack_counters(const struct stack *s, void (*fn)(void *ctx, const char *name, uint64_t value),
		    void *ctx)
{
	const uint64_t *tcp = tcp_counts(s->tcp);
	char name[64];

	for (int i = 0; i < (int)TCP_COUNT_N; i++) {
		snprintf(name, sizeof(name), "tcp/%s", tcp_count_name(i));
		fn(ctx, name, count_read(&tcp[i]));
	}
	for (int i = 0; i < (int)DROP_N; i++) {
		snprintf(name, sizeof(name), "drop/%s", drop_name(i));
		fn(ctx, name, count_read(&s->env.drops[i]));
	}
}
