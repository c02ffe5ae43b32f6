/* SPDX-License-Identifier: BSD-3-Clause */
/* A request to the daemon, and its answer: a line each way. */
#include "cli/cli.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PATIENCE_MS 3000 /* before it says that it waits */

int cli_connect(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(sun.sun_path)) {
		fprintf(stderr, "outsockctl: %s: the path is too long for a socket\n", path);
		return -1;
	}
	memcpy(sun.sun_path, path, strlen(path) + 1);
	if (fd >= 0 && !connect(fd, (struct sockaddr *)&sun, sizeof(sun)))
		return fd;
	fprintf(stderr, "outsockctl: %s: %s%s\n", path, strerror(errno),
		errno == ENOENT || errno == ECONNREFUSED ? ": is outsockd running?" : "");
	if (fd >= 0)
		close(fd);
	return -1;
}

static int send_line(int fd, const char *text, size_t n)
{
	while (n) {
		ssize_t sent = send(fd, text, n, MSG_NOSIGNAL);

		if (sent < 0)
			return -errno;
		text += sent;
		n -= (size_t)sent;
	}
	return 0;
}

/* The daemon is there, it has accepted us or will: it may be very busy. */
static void wait_for_answer(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (poll(&p, 1, PATIENCE_MS) == 0)
		fprintf(stderr,
			"outsockctl: still waiting for the daemon: is the CPU of its control "
			"threads taken (control-cpu)?\n");
}

static json_t *receive(int fd)
{
	FILE *in = fdopen(dup(fd), "r");
	char *line = NULL;
	size_t size = 0;
	json_t *answer = NULL;

	wait_for_answer(fd);
	if (in && getline(&line, &size, in) > 0)
		answer = json_loads(line, 0, NULL);
	free(line);
	if (in)
		fclose(in);
	return answer;
}

/* Lines of a reason, each after our name. */
static void complain(const char *error)
{
	do {
		int n = (int)strcspn(error, "\n");

		fprintf(stderr, "outsockctl: %.*s\n", n, error);
		error += n;
	} while (*error++);
}

json_t *cli_request(struct cli *cli, json_t *request)
{
	char *text = json_dumps(request, JSON_COMPACT);
	json_t *answer = NULL, *result = NULL;
	size_t n;

	json_decref(request);
	if (!text)
		return NULL;
	n = strlen(text);
	text[n] = '\n';
	if (!send_line(cli->fd, text, n + 1))
		answer = receive(cli->fd);
	free(text);
	if (!answer) {
		fprintf(stderr,
			"outsockctl: the daemon has closed the connection without an answer\n");
		return NULL;
	}
	if (json_is_true(json_object_get(answer, "ok")))
		result = json_incref(json_object_get(answer, "result"));
	else
		complain(json_string_value(json_object_get(answer, "error")) ?: "unknown error");
	json_decref(answer);
	return result;
}

bool cli_print_json(struct cli *cli, json_t *result)
{
	if (!cli->json)
		return false;
	json_dumpf(result, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(result);
	return true;
}

int cli_print_object(struct cli *cli, json_t *result)
{
	if (!result)
		return 1;
	if (cli_print_json(cli, result))
		return 0;
	cli_object(result);
	json_decref(result);
	return 0;
}

/* "key=value" into @keys; a key that comes again becomes an array. */
static bool add_key(json_t *keys, const char *word)
{
	const char *eq = strchr(word, '=');
	char key[64];
	json_t *array;

	if (!eq || eq == word || (size_t)(eq - word) >= sizeof(key))
		return false;
	memcpy(key, word, (size_t)(eq - word));
	key[eq - word] = '\0';
	array = json_object_get(keys, key);
	if (!array) {
		array = json_array();
		json_object_set_new(keys, key, array);
	}
	return !json_array_append_new(array, json_string(eq + 1));
}

json_t *cli_keys(struct cli *cli)
{
	json_t *keys = json_object();

	for (int i = 1; i < cli->argc; i++) {
		if (!add_key(keys, cli->argv[i])) {
			json_decref(keys);
			return NULL;
		}
	}
	if (cli->argc)
		return keys;
	json_decref(keys);
	return NULL;
}
