/* SPDX-License-Identifier: BSD-3-Clause */
/* The configuration is read again while the daemon runs: SIGHUP, or `outsockctl config reload`. */
#ifndef OUTSOCK_DATAPLANE_RELOAD_H
#define OUTSOCK_DATAPLANE_RELOAD_H

#include "main/daemon.h"

enum reload_what {
	RELOAD_CHANGED, /* it is so now */
	RELOAD_RESTART, /* it will be so after a restart */
	RELOAD_FAILED,	/* it stayed as it was, and why */
};

typedef void (*reload_say)(void *ctx, enum reload_what what, const char *text);

/*
 * Guests come and go, and what can change of guests and lcores does; all that is told through @say.
 * -EINVAL: the file has mistakes, each reported through @mistake, and nothing is changed.
 */
int reload(struct daemon *d, conf_report mistake, reload_say say, void *ctx);
/* The same, told to the log. */
void reload_logged(struct daemon *d);

#endif
