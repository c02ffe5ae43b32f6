/* SPDX-License-Identifier: BSD-3-Clause */
/* Which lcore serves a guest whose configuration says "auto", and which one polls a port. Cold. */
#ifndef OUTSOCK_DATAPLANE_PLACE_H
#define OUTSOCK_DATAPLANE_PLACE_H

#include "main/config.h"

/*
 * Index of the lcore for @g: the one it names, or of those of its class the one with the fewest
 * guests,
 * @load[i] being lcore i's. The configuration has been checked: there is one. Negative: there is
 * not.
 */
int place_guest(const struct config *c, const struct conf_guest *g, const unsigned int *load);

/*
 * Index of the lcore that polls a port's shared queue: of those that serve guests there (@load[i]
 * not 0) an RT one, so that no RT packet ever waits for an ordinary lcore; else the first of them;
 * with no guest there yet, the first ordinary lcore.
 */
unsigned int place_poller(const struct config *c, const unsigned int *load);

#endif
