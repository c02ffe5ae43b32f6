/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The log: one line a message, to stderr or to journald, by level. Any thread but an lcore inside
 * its turn: hot code counts, and cold code says what the counters mean.
 *
 * The texts are for an operator: they name the thing (guest, port, file) and what to do about it.
 */
#ifndef OUTSOCK_DATAPLANE_LOG_H
#define OUTSOCK_DATAPLANE_LOG_H

#include <stdarg.h>
#include <stdbool.h>

/* Levels, most urgent first: X(NAME, name in the configuration, priority of syslog(3)) */
#define LOG_LEVELS(X) \
	X(ERROR, "error", 3) \
	X(WARNING, "warning", 4) \
	X(NOTICE, "notice", 5) \
	X(INFO, "info", 6) \
	X(DEBUG, "debug", 7)

enum log_level {
#define LOG_LEVEL_ENUM(NAME, name, priority) LOG_LVL_##NAME,
	LOG_LEVELS(LOG_LEVEL_ENUM)
#undef LOG_LEVEL_ENUM
		LOG_LVL_N
};

/* Where to: LOG_TO_AUTO is journald when it started us (JOURNAL_STREAM), else stderr. */
enum log_target {
	LOG_TO_AUTO,
	LOG_TO_STDERR,
	LOG_TO_JOURNAL,
};

/* Before any other thread is there. Until then: stderr, level info. */
void log_setup(enum log_level level, enum log_target target);
/* At any time, by any thread. */
void log_set_level(enum log_level level);
enum log_level log_get_level(void);

void log_msg(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...)	 log_msg(LOG_LVL_ERROR, __VA_ARGS__)
#define log_warning(...) log_msg(LOG_LVL_WARNING, __VA_ARGS__)
#define log_notice(...)	 log_msg(LOG_LVL_NOTICE, __VA_ARGS__)
#define log_info(...)	 log_msg(LOG_LVL_INFO, __VA_ARGS__)
#define log_debug(...)	 log_msg(LOG_LVL_DEBUG, __VA_ARGS__)

#endif
