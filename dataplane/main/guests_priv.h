/* SPDX-License-Identifier: BSD-3-Clause */
/* What guests.c (they come and go) and guests_set.c (they change) share. The control thread. */
#ifndef OUTSOCK_DATAPLANE_GUESTS_PRIV_H
#define OUTSOCK_DATAPLANE_GUESTS_PRIV_H

#include "main/daemon.h"

static inline struct daemon_guest *guests_entry(struct list *l)
{
	return container_of(l, struct daemon_guest, link);
}

/* Guests of each lcore; @port: only those there, or -1. */
void guests_load(struct daemon *d, int port, unsigned int *ret_load);
/* All lcores take the map of the guests there are now; after that nobody reads the old one. */
int guests_publish_map(struct daemon *d);
/* The port sends the guest's packets to its lcore's queue, or no more. */
int guests_steer(struct daemon *d, const struct daemon_guest *g, bool add);
/* The lcore that polls the port's queues, given the guests there are: never two at a time. */
int guests_choose_poller(struct daemon *d, unsigned int port);
/*
 * What a guest on @lcore has that says "auto", with @but's place taken by @instead (each may be
 * NULL); 0: the quotas do not fit.
 */
uint32_t guests_quota_share(struct daemon *d, unsigned int lcore, const struct daemon_guest *but,
			    const struct conf_guest *instead);
/* The guests of @lcore are others now: those without a quota of their own divide what is left. */
void guests_share_packets(struct daemon *d, unsigned int lcore);

#endif
