/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libFuzzer: any text as a configuration. What is accepted must dump to a file that is accepted
 * too, and dumps to the same.
 */
#include "main/config.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void count_mistake(void *ctx, const struct conf_mistake *m)
{
	if (!m->file || !m->section || !m->key || !m->problem || !m->right)
		abort();
	++*(unsigned int *)ctx;
}

static char *dump(const struct config *c)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		abort();
	config_dump(c, out);
	fclose(out);
	return text;
}

static void round_trip(struct config *c)
{
	unsigned int mistakes = 0;
	char *first = dump(c), *second;
	struct config *again;

	again = config_parse("dump", first, strlen(first), 2, count_mistake, &mistakes);
	if (!again)
		abort();
	second = dump(again);
	if (strcmp(first, second))
		abort();
	config_free(again);
	free(first);
	free(second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned int mistakes = 0;
	struct config *c =
		config_parse("fuzz", (const char *)data, size, 2, count_mistake, &mistakes);

	if (c)
		round_trip(c);
	else if (!mistakes)
		abort();
	config_free(c);
	return 0;
}
