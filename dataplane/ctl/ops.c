/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of operations, and a request's way to one of them. */
#include "ctl/ctl_priv.h"

#include <stdarg.h>
#include <string.h>

const struct ctl_op ctl_ops[] = {
	{ "status", ctl_status },
	{ "guest.list", ctl_guest_list },
	{ "guest.show", ctl_guest_show },
	{ "guest.add", ctl_guest_add },
	{ "guest.remove", ctl_guest_remove },
	{ "guest.set", ctl_guest_set },
	{ "socket.list", ctl_socket_list },
	{ "lcore.list", ctl_lcore_list },
	{ "lcore.set", ctl_lcore_set },
	{ "lcore.slow", ctl_lcore_slow },
	{ "latency", ctl_latency },
	{ "port.list", ctl_port_list },
	{ "counters", ctl_counters },
	{ "config.dump", ctl_config_dump },
	{ "config.reload", ctl_config_reload },
	{ "log.level", ctl_log_level },
	{ NULL, NULL },
};

json_t *ctl_fail(struct ctl_call *call, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(call->error, sizeof(call->error), fmt, ap);
	va_end(ap);
	return NULL;
}

const char *ctl_string(const struct ctl_call *call, const char *key)
{
	return json_string_value(json_object_get(call->args, key));
}

/* Mistakes, in one text. */
void ctl_mistake(void *ctx, const struct conf_mistake *m)
{
	struct ctl_call *call = ctx;
	size_t n = strlen(call->error);

	snprintf(call->error + n, sizeof(call->error) - n, "%s[%s] %s%s%s; right: %s",
		 n ? "\n" : "", m->section, m->key, m->key[0] ? ": " : "", m->problem, m->right);
}

unsigned int ctl_keys(const struct ctl_call *call, const char **keys, const char **values,
		      unsigned int max)
{
	json_t *object = json_object_get(call->args, "keys"), *value, *item;
	const char *key;
	size_t i;
	unsigned int n = 0;

	json_object_foreach(object, key, value) {
		if (!json_is_array(value) && n < max) {
			keys[n] = key;
			values[n++] = json_is_string(value) ? json_string_value(value) : "";
		}
		json_array_foreach(value, i, item) {
			if (n == max)
				return n;
			keys[n] = key;
			values[n++] = json_is_string(item) ? json_string_value(item) : "";
		}
	}
	return n;
}

static json_t *dispatch(struct ctl_call *call)
{
	const char *name = ctl_string(call, "op");

	if (!name)
		return ctl_fail(call, "a request is an object with an \"op\"");
	for (const struct ctl_op *op = ctl_ops; op->name; op++)
		if (!strcmp(op->name, name))
			return op->fn(call);
	return ctl_fail(call, "unknown operation '%s'", name);
}

json_t *ctl_answer(struct daemon *d, const char *line, size_t len)
{
	struct ctl_call call = { .d = d };
	json_error_t err;
	json_t *request = json_loadb(line, len, JSON_REJECT_DUPLICATES, &err);
	json_t *result = NULL, *answer;

	call.args = request;
	if (request)
		result = dispatch(&call);
	else
		ctl_fail(&call, "not JSON: %s", err.text);
	if (result)
		answer = json_pack("{s:b, s:o}", "ok", 1, "result", result);
	else
		answer = json_pack("{s:b, s:s}", "ok", 0, "error", call.error);
	json_decref(request);
	return answer;
}
