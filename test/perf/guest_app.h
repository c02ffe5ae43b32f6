/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What runs in the simulated guest of the benchmarks: servers for echo, discard and chargen
 * (RFC 862, 863, 864), polled; echo and discard for datagrams, too.
 */
#ifndef OUTSOCK_PERF_GUEST_APP_H
#define OUTSOCK_PERF_GUEST_APP_H

#include <stdbool.h>
#include <stdint.h>

#define GUEST_ECHO    7
#define GUEST_DISCARD 9
#define GUEST_CHARGEN 19

struct guest_app;

/* What the servers have received and answered. */
struct guest_counts {
	uint64_t accepted, bytes, dgrams, lost;
};

/* Small: little memory, for requests only; many of them fit into a process. */
enum guest_size {
	GUEST_LARGE,
	GUEST_SMALL,
};

/* Attaches to the daemon's vhost-user socket. NULL: said on stderr. */
struct guest_app *guest_app_open(const char *socket_path, enum guest_size size);
void guest_app_close(struct guest_app *a); /* takes NULL */

/* Serves what there is; how many messages, -1: the session is over. */
int guest_app_poll(struct guest_app *a);

/* Asks for a notification of the next message, though we go on polling. */
void guest_app_notify(struct guest_app *a);

/* Waits until the daemon notifies, @timeout_ms at most. -1: it failed. */
int guest_app_sleep(struct guest_app *a, int timeout_ms);

/* All servers listen. */
bool guest_app_ready(const struct guest_app *a);

const struct guest_counts *guest_app_counts(const struct guest_app *a);

#endif
