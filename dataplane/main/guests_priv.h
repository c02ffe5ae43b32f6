/* SPDX-License-Identifier: BSD-3-Clause */
/* What guests.c (they come and go) and guests_set.c (they change) share. The control thread. */
#ifndef OUTSOCK_DATAPLANE_GUESTS_PRIV_H
#define OUTSOCK_DATAPLANE_GUESTS_PRIV_H

#include "main/daemon.h"

static inline struct daemon_guest *guests_entry(struct list *l)
{
	return container_of(l, struct daemon_guest, link);
}

/*
 * What a guest on @lcore has that says "auto", with @but's place taken by @instead (each may be
 * NULL); 0: the quotas do not fit.
 */
uint32_t guests_quota_share(struct daemon *d, unsigned int lcore, const struct daemon_guest *but,
			    const struct conf_guest *instead);
/* The guests of @lcore are others now: those without a quota of their own divide what is left. */
void guests_share_packets(struct daemon *d, unsigned int lcore);

#endif
