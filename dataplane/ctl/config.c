/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/ctl_priv.h"
#include "main/log.h"

#include <stdlib.h>
#include <string.h>

/* The configuration in force, guests that were added and removed included, as a valid file. */
json_t *ctl_config_dump(struct ctl_call *call)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	json_t *result;

	if (!out)
		return ctl_fail(call, "no memory");
	config_dump(call->d->conf, out);
	fclose(out);
	result = json_pack("{s:s}", "text", text);
	free(text);
	return result;
}

/* Argument "level"; without: only says which one it is. */
json_t *ctl_log_level(struct ctl_call *call)
{
	static const char *const names[] = {
#define LEVEL_NAME(NAME, name, priority) name,
		LOG_LEVELS(LEVEL_NAME)
#undef LEVEL_NAME
	};
	const char *name = ctl_string(call, "level");
	unsigned int i = 0;

	while (name && i < LOG_LVL_N && strcmp(names[i], name))
		i++;
	if (i == LOG_LVL_N)
		return ctl_fail(call,
				"'%s' is no level; right: error, warning, notice, info or debug",
				name);
	if (name) {
		log_set_level((enum log_level)i);
		call->d->conf->dataplane->log_level = i;
	}
	return json_pack("{s:s}", "level", names[log_get_level()]);
}
