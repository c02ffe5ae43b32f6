/* SPDX-License-Identifier: BSD-3-Clause */
/* Processes and threads of the host, from /proc. */
#include "cli/doctor/host.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STAT_MAX     1024
#define STAT_PRIO    40 /* field of /proc/PID/stat, counted from 1 */
#define STAT_POLICY  41
#define STAT_BEHIND  3 /* the first one behind the name */
#define ALLOWED_LINE "Cpus_allowed_list:"

/* A folder's name that is a process or thread id, or 0. */
static int numeric(const char *name)
{
	char *end;
	long n = strtol(name, &end, 10);

	return *end || end == name || n <= 0 || n > 1 << 22 ? 0 : (int)n;
}

int host_pids(struct host *h, host_pid_fn fn, void *ctx)
{
	DIR *dir = host_folder(h, "/proc");
	struct dirent *e;
	int rc = 0;

	if (!dir)
		return -errno;
	while (!rc && (e = readdir(dir))) {
		int pid = numeric(e->d_name);

		if (pid)
			rc = fn(h, pid, ctx);
	}
	closedir(dir);
	return rc;
}

void host_comm(struct host *h, int pid, char *buf, size_t size)
{
	if (host_text(h, buf, size, "/proc/%d/comm", pid))
		buf[0] = '\0';
}

/* The name is in parentheses, and may have any in it; numbers follow. */
static int parse_stat(char *stat, struct host_thread *t)
{
	char *open = strchr(stat, '('), *close = strrchr(stat, ')'), *save = NULL;
	unsigned long value[2] = { 0 };
	unsigned int field = STAT_BEHIND;

	if (!open || !close || close < open)
		return -EINVAL;
	*close = '\0';
	snprintf(t->name, sizeof(t->name), "%s", open + 1);
	for (char *word = strtok_r(close + 1, " ", &save); word && field <= STAT_POLICY;
	     word = strtok_r(NULL, " ", &save), field++) {
		char *end;

		if (field < STAT_PRIO)
			continue;
		value[field - STAT_PRIO] = strtoul(word, &end, 10);
		if (*end || value[field - STAT_PRIO] > 1000)
			return -EINVAL;
	}
	if (field <= STAT_POLICY)
		return -EINVAL;
	t->priority = (unsigned int)value[0];
	t->policy = (int)value[1];
	return 0;
}

static int read_allowed(struct host *h, struct host_thread *t)
{
	char line[HOST_LINE_MAX * 8];
	FILE *in = host_stream(h, "/proc/%d/task/%d/status", t->pid, t->tid);
	int err = -EINVAL;

	if (!in)
		return -errno;
	while (host_line(in, line, sizeof(line))) {
		if (strncmp(line, ALLOWED_LINE, strlen(ALLOWED_LINE)))
			continue;
		err = cpus_parse_list(line + strlen(ALLOWED_LINE) +
					      strspn(line + strlen(ALLOWED_LINE), " \t"),
				      &t->allowed);
		break;
	}
	fclose(in);
	return err;
}

static int read_thread(struct host *h, struct host_thread *t)
{
	char stat[STAT_MAX];
	int err = host_text(h, stat, sizeof(stat), "/proc/%d/task/%d/stat", t->pid, t->tid);

	if (!err)
		err = parse_stat(stat, t);
	return err ? err : read_allowed(h, t);
}

int host_threads(struct host *h, int pid, host_thread_fn fn, void *ctx)
{
	DIR *dir = host_folder(h, "/proc/%d/task", pid);
	struct dirent *e;
	int rc = 0;

	if (!dir)
		return -errno;
	while (!rc && (e = readdir(dir))) {
		struct host_thread t = { .pid = pid, .tid = numeric(e->d_name) };
		char path[HOST_PATH_MAX];

		if (!t.tid)
			continue;
		rc = read_thread(h, &t);
		memcpy(path, h->path, sizeof(path));
		if (!rc)
			rc = fn(h, &t, ctx);
		else if (!host_exists(h, "/proc/%d/task/%d", pid, t.tid))
			rc = 0;
		else
			memcpy(h->path, path, sizeof(path)); /* the one to complain of */
	}
	closedir(dir);
	return rc;
}

bool host_is_vcpu(const struct host_thread *t)
{
	return !strncmp(t->name, "CPU ", 4) || strstr(t->name, "vcpu");
}
