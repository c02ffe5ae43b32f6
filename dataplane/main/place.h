/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which lcore serves a guest whose configuration says "auto", which one polls a port, and how many
 * packets of an lcore its guests may hold. Cold.
 */
#ifndef OUTSOCK_DATAPLANE_PLACE_H
#define OUTSOCK_DATAPLANE_PLACE_H

#include "main/config.h"

/*
 * Index of the lcore for @g: the one it names, or of those of its class the one with the fewest
 * guests, @load[i] being lcore i's. The configuration has been checked: there is one. Negative:
 * there is not.
 */
int place_guest(const struct config *c, const struct conf_guest *g, const unsigned int *load);

/*
 * Index of the lcore that polls a port's shared queue: of those that serve guests there (@load[i]
 * not 0) an RT one, so that no RT packet ever waits for an ordinary lcore; else the first of them;
 * with no guest there yet, the first ordinary lcore.
 */
unsigned int place_poller(const struct config *c, const unsigned int *load);

/*
 * Index of the lcore whose pool a shared queue's packets come from, for as long as the port is
 * open: an RT one if there is any, though another one polls as yet; else @poller. What ordinary
 * guests do not read then never keeps an RT lcore from receiving.
 */
unsigned int place_holder(const struct config *c, unsigned int poller);

#define PLACE_QUOTA_MIN 64 /* packets without which a guest is not worth an lcore's while */

/* The guests of one lcore: what their configurations say, and how many say "auto". */
struct place_quota {
	uint64_t said;
	unsigned int n_auto;
};

static inline void place_quota_add(struct place_quota *q, const struct conf_guest *g)
{
	if (g->max_pkts == CONF_AUTO)
		q->n_auto++;
	else
		q->said += (uint32_t)g->max_pkts;
}

/* Packets of lcore @i for its guests; without the rest it could receive nothing any more. */
uint32_t place_quota_room(const struct config *c, unsigned int i);
/* What each guest with "auto" has of @room; 0: they do not all fit. */
uint32_t place_quota_share(const struct place_quota *q, uint32_t room);

#endif
