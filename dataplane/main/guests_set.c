/* SPDX-License-Identifier: BSD-3-Clause */
/* Guests change while they run, and move to other lcores. The control thread. */
#include "main/guests_priv.h"

#include "guest/guest_move.h"
#include "main/log.h"
#include "main/place.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct change {
	struct daemon *d;
	struct daemon_guest *g;
	const struct conf_guest *conf; /* what it is to be */
	unsigned int lcore;	       /* where */
	char *why;
	size_t size;
};

static const char *lcore_name(const struct change *c, unsigned int lcore)
{
	return lcore_conf(c->d->lcores[lcore])->head.name;
}

static uint32_t max_pkts(const struct change *c)
{
	return c->conf->max_pkts == CONF_AUTO ? guests_quota_share(c->d, c->lcore, c->g, c->conf)
					      : (uint32_t)c->conf->max_pkts;
}

static void settle(struct change *c, unsigned int lcore, const struct conf_guest *conf)
{
	pthread_rwlock_wrlock(&c->d->lock);
	c->g->lcore = lcore;
	if (conf)
		c->g->conf = *conf;
	pthread_rwlock_unlock(&c->d->lock);
}

/* Everybody's packets for it go to @lcore from now on. */
static int point_to(struct change *c, unsigned int lcore)
{
	int err;

	settle(c, lcore, NULL);
	err = guests_publish_map(c->d);
	/* Without a rule of the device they come to its first queue, and are handed on. */
	guests_steer(c->d, c->g, false);
	if (guests_steer(c->d, c->g, true))
		log_warning("guest %s: its packets are not steered any more", c->g->conf.head.name);
	return err;
}

static const char *move_error(int err)
{
	switch (err) {
	case -EBUSY:
		return "its last session is still being closed; try again";
	case -ENOBUFS:
		return "it has not room for all of its sockets (connections, udp-sockets)";
	case -EDQUOT:
		return "it has not room for all of its packets: a larger quota there, or try again";
	default:
		return strerror(-err);
	}
}

static int move(struct change *c)
{
	unsigned int old = c->g->lcore;
	struct lcore *to = c->d->lcores[c->lcore];
	const struct guest_home home = {
		.lcore = to,
		.link = lcore_link(to, c->g->port),
		.rt = c->conf->class == LCORE_RT,
		.max_pkts = max_pkts(c),
	};
	struct guest_move m;
	int err = guest_move_begin(&m, c->g->guest, &home);

	if (!err) {
		err = point_to(c, c->lcore);
		if (!err)
			err = guest_move_run(&m);
		if (err && point_to(c, old))
			log_error("guest %s: no memory: its addresses are on no lcore",
				  c->g->conf.head.name);
		guest_move_end(&m);
	}
	if (err) {
		snprintf(c->why, c->size, "it stays on lcore %s, for lcore %s: %s",
			 lcore_name(c, old), lcore_name(c, c->lcore), move_error(err));
		return err;
	}
	log_info("guest %s: from lcore %s to lcore %s", c->conf->head.name, lcore_name(c, old),
		 lcore_name(c, c->lcore));
	guests_choose_poller(c->d, c->g->port);
	guests_share_packets(c->d, old);
	return 0;
}

/* The guest as its configuration has it, on its lcore. */
static void retune(struct change *c)
{
	struct guest_tune tune = {
		.priority = (uint8_t)c->conf->priority,
		.max_sockets = c->conf->max_sockets,
		.max_pkts = max_pkts(c),
		.max_msgs = c->conf->max_msgs,
		.grace_ms = (uint32_t)(c->conf->grace_ns / 1000000),
	};

	guest_retune(c->g->guest, &tune);
	settle(c, c->lcore, c->conf);
	guests_share_packets(c->d, c->lcore);
}

/* It stays where it is unless it is told to go. */
static unsigned int choose_lcore(const struct change *c)
{
	unsigned int n[CONF_LCORES_MAX];

	if (c->conf->lcore == CONF_AUTO && c->conf->class == lcore_class(c->d->lcores[c->g->lcore]))
		return c->g->lcore;
	guests_load(c->d, -1, n);
	return (unsigned int)place_guest(c->d->conf, c->conf, n);
}

static int check(const struct change *c)
{
	uint32_t most = guest_sockets_most(c->g->guest);

	if (c->conf->max_sockets > most) {
		snprintf(c->why, c->size,
			 "its tables are for %u sockets; right: at most so many, "
			 "or guest remove and guest add",
			 most);
		return -E2BIG;
	}
	if (!guests_quota_share(c->d, c->lcore, c->g, c->conf)) {
		snprintf(c->why, c->size, "lcore %s has not enough packets left for this quota",
			 lcore_name(c, c->lcore));
		return -ENOSPC;
	}
	return 0;
}

int guests_set(struct daemon *d, struct daemon_guest *g, const struct conf_guest *conf, char *why,
	       size_t size)
{
	struct change c = { .d = d, .g = g, .conf = conf, .why = why, .size = size };
	int err;

	c.lcore = choose_lcore(&c);
	err = check(&c);
	if (!err && c.lcore != g->lcore)
		err = move(&c);
	if (err)
		return err;
	retune(&c);
	log_info("guest %s: changed", conf->head.name);
	return 0;
}
