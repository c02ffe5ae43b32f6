/* SPDX-License-Identifier: BSD-3-Clause */
/* Guests change while they run. The control thread. */
#include "main/guests_priv.h"

#include "main/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The guest as @conf has it, on its lcore. */
static void retune(struct daemon *d, struct daemon_guest *g, const struct conf_guest *conf)
{
	struct guest_tune tune = {
		.priority = (uint8_t)conf->priority,
		.max_sockets = conf->max_sockets,
		.max_pkts = conf->max_pkts == CONF_AUTO ? guests_quota_share(d, g->lcore, g, conf)
							: (uint32_t)conf->max_pkts,
		.max_msgs = conf->max_msgs,
		.grace_ms = (uint32_t)(conf->grace_ns / 1000000),
	};

	guest_retune(g->guest, &tune);
	pthread_rwlock_wrlock(&d->lock);
	g->conf = *conf;
	pthread_rwlock_unlock(&d->lock);
	guests_share_packets(d, g->lcore);
}

int guests_set(struct daemon *d, struct daemon_guest *g, const struct conf_guest *conf, char *why,
	       size_t size)
{
	uint32_t most = guest_sockets_most(g->guest);

	if (conf->max_sockets > most) {
		snprintf(why, size,
			 "its tables are for %u sockets; right: at most so many, or "
			 "guest remove and guest add",
			 most);
		return -E2BIG;
	}
	if (!guests_quota_share(d, g->lcore, g, conf)) {
		snprintf(why, size, "lcore %s has not enough packets left for this quota",
			 lcore_conf(d->lcores[g->lcore])->head.name);
		return -ENOSPC;
	}
	retune(d, g, conf);
	log_info("guest %s: changed", conf->head.name);
	return 0;
}
