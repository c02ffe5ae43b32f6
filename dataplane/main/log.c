/* SPDX-License-Identifier: BSD-3-Clause */
#include "main/log.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#ifdef HAVE_SYSTEMD
#include <systemd/sd-journal.h>
#endif

#define LINE_MAX_BYTES 1024

static _Atomic int log_level = LOG_LVL_INFO;
static enum log_target log_target = LOG_TO_STDERR;

static const struct {
	const char *name;
	int priority;
} levels[] = {
#define LOG_LEVEL_ROW(NAME, name, priority) { name, priority },
	LOG_LEVELS(LOG_LEVEL_ROW)
#undef LOG_LEVEL_ROW
};

/* Is our stderr the stream that journald gave us? (sd_journal_stream_fd(3), JOURNAL_STREAM) */
static bool stderr_is_journal(void)
{
	const char *env = getenv("JOURNAL_STREAM");
	unsigned long dev, ino;
	struct stat st;

	if (!env || sscanf(env, "%lu:%lu", &dev, &ino) != 2 || fstat(STDERR_FILENO, &st))
		return false;
	return st.st_dev == dev && st.st_ino == ino;
}

void log_setup(enum log_level level, enum log_target target)
{
	if (target == LOG_TO_AUTO)
		target = stderr_is_journal() ? LOG_TO_JOURNAL : LOG_TO_STDERR;
	log_target = target;
	log_level = (int)level;
}

void log_set_level(enum log_level level)
{
	log_level = (int)level;
}

enum log_level log_get_level(void)
{
	return (enum log_level)log_level;
}

static void to_journal(enum log_level level, const char *text)
{
#ifdef HAVE_SYSTEMD
	sd_journal_send("MESSAGE=%s", text, "PRIORITY=%i", levels[level].priority, NULL);
#else
	dprintf(STDERR_FILENO, "<%d>%s\n", levels[level].priority, text);
#endif
}

/* One write for a line, so that the lines of several threads do not mix. */
static void to_stderr(enum log_level level, const char *text)
{
	char line[LINE_MAX_BYTES + 64];
	struct timespec now;
	struct tm tm;
	int n;

	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &tm);
	n = snprintf(line, sizeof(line), "%02d:%02d:%02d.%03ld outsockd: %s: %s\n", tm.tm_hour,
		     tm.tm_min, tm.tm_sec, now.tv_nsec / 1000000, levels[level].name, text);
	if (write(STDERR_FILENO, line, (size_t)n) < 0)
		return; /* nobody is left to tell */
}

void log_msg(enum log_level level, const char *fmt, ...)
{
	char text[LINE_MAX_BYTES];
	va_list ap;

	if ((int)level > log_level)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (log_target == LOG_TO_JOURNAL)
		to_journal(level, text);
	else
		to_stderr(level, text);
}
