/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/ctl_priv.h"
#include "main/log.h"
#include "main/reload.h"

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

struct report {
	struct ctl_call *call;
	json_t *changed, *restart, *failed;
};

/* With file and line, which other changes have not. */
static void report_mistake(void *ctx, const struct conf_mistake *m)
{
	struct ctl_call *call = ((struct report *)ctx)->call;
	size_t n = strlen(call->error);
	FILE *out = fmemopen(call->error + n, sizeof(call->error) - n, "w");

	if (!out)
		return;
	config_print_mistake(out, m);
	fclose(out);
}

static void report_say(void *ctx, enum reload_what what, const char *text)
{
	struct report *r = ctx;
	json_t *const arrays[] = { r->changed, r->restart, r->failed };

	json_array_append_new(arrays[what], json_string(text));
}

/* The file is read again. Result: "changed", "restart" (only after one), "failed": texts. */
json_t *ctl_config_reload(struct ctl_call *call)
{
	struct report r = { call, json_array(), json_array(), json_array() };
	json_t *result = json_pack("{s:o, s:o, s:o}", "changed", r.changed, "restart", r.restart,
				   "failed", r.failed);

	if (!reload(call->d, report_mistake, report_say, &r))
		return result;
	json_decref(result);
	if (call->error[0])
		call->error[strlen(call->error) - 1] = 0; /* the last newline */
	return NULL;
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
