/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Guests come and go: each gets an lcore, its addresses go into the map of all lcores, and the
 * lcore that polls its port may become another one. The control thread.
 */
#include "main/guests_priv.h"

#include "main/files.h"
#include "main/log.h"
#include "main/place.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NO_POLLER CONF_LCORES_MAX

struct daemon_guest *guests_find(struct daemon *d, const char *name)
{
	list_for_each(l, &d->guests)
		if (!strcmp(guests_entry(l)->conf.head.name, name))
			return guests_entry(l);
	return NULL;
}

void guests_load(struct daemon *d, int port, unsigned int *ret_load)
{
	memset(ret_load, 0, CONF_LCORES_MAX * sizeof(ret_load[0]));
	list_for_each(l, &d->guests)
		if (port < 0 || guests_entry(l)->port == (unsigned int)port)
			ret_load[guests_entry(l)->lcore]++;
}

void guests_expect(const struct config *c, const char *port, unsigned int *ret_load)
{
	unsigned int all[CONF_LCORES_MAX] = { 0 };

	memset(ret_load, 0, CONF_LCORES_MAX * sizeof(ret_load[0]));
	for (unsigned int i = 0; i < c->n_guests; i++) {
		int lcore = place_guest(c, &c->guests[i], all);

		all[lcore]++;
		ret_load[lcore] += !strcmp(c->guests[i].port, port);
	}
}

/* ---- the address map ---- */

static struct addr_map *build_map(struct daemon *d)
{
	struct addr_home *homes;
	struct addr_map *map;
	unsigned int n = 0;

	homes = calloc(CONF_GUESTS_MAX * GUEST_ADDRS_MAX, sizeof(*homes));
	if (!homes)
		return NULL;
	list_for_each(l, &d->guests) {
		const struct daemon_guest *g = guests_entry(l);

		for (unsigned int i = 0; i < g->conf.addrs.n; i++)
			homes[n++] = (struct addr_home){
				.be = g->conf.addrs.addr[i].addr.w[3],
				.lcore = (uint16_t)g->lcore,
				.port = (uint16_t)g->port,
			};
	}
	map = addr_map_build(homes, n);
	free(homes);
	return map;
}

int guests_publish_map(struct daemon *d)
{
	struct addr_map *map = build_map(d);

	if (!map)
		return -ENOMEM;
	for (unsigned int i = 0; i < d->n_lcores; i++)
		lcore_map_set(d->lcores[i], map);
	addr_map_free(d->map);
	d->map = map;
	return 0;
}

/* ---- ports ---- */

int guests_steer(struct daemon *d, const struct daemon_guest *g, bool add)
{
	int err = 0;

	for (unsigned int i = 0; i < g->conf.addrs.n && !err; i++)
		err = port_steer(d->ports[g->port], g->conf.addrs.addr[i].addr.w[3], g->lcore, add);
	return err;
}

int guests_choose_poller(struct daemon *d, unsigned int port)
{
	unsigned int n[CONF_LCORES_MAX], old = d->pollers[port], new;
	int err;

	if (port_steered(d->ports[port]))
		return 0;
	guests_load(d, (int)port, n);
	new = place_poller(d->conf, n);
	if (new == old)
		return 0;
	if (old != NO_POLLER)
		lcore_rxq_del(d->lcores[old], d->ports[port]);
	d->pollers[port] = new;
	err = lcore_rxq_add(d->lcores[new], d->ports[port]);
	log_debug("port %s: lcore %s polls it", port_conf(d->ports[port])->head.name,
		  lcore_conf(d->lcores[new])->head.name);
	return err;
}

static int start_polling(struct daemon *d, unsigned int port)
{
	int err = 0;

	d->pollers[port] = NO_POLLER;
	if (!port_steered(d->ports[port]))
		return guests_choose_poller(d, port);
	for (unsigned int i = 0; i < d->n_lcores && !err; i++)
		err = lcore_rxq_add(d->lcores[i], d->ports[port]);
	return err;
}

static void stop_polling(struct daemon *d, unsigned int port)
{
	for (unsigned int i = 0; i < d->n_lcores; i++)
		if (port_steered(d->ports[port]) || d->pollers[port] == i)
			lcore_rxq_del(d->lcores[i], d->ports[port]);
	d->pollers[port] = NO_POLLER;
}

/* ---- quotas of packets ---- */

uint32_t guests_quota_share(struct daemon *d, unsigned int lcore, const struct daemon_guest *but,
			    const struct conf_guest *instead)
{
	struct place_quota q = { 0 };

	list_for_each(l, &d->guests)
		if (guests_entry(l)->lcore == lcore && guests_entry(l) != but)
			place_quota_add(&q, &guests_entry(l)->conf);
	if (instead)
		place_quota_add(&q, instead);
	return place_quota_share(&q, place_quota_room(d->conf, lcore));
}

static uint32_t quota(struct daemon *d, const struct daemon_guest *g)
{
	return g->conf.max_pkts == CONF_AUTO ? guests_quota_share(d, g->lcore, g, &g->conf)
					     : (uint32_t)g->conf.max_pkts;
}

void guests_share_packets(struct daemon *d, unsigned int lcore)
{
	uint32_t share = guests_quota_share(d, lcore, NULL, NULL);

	list_for_each(l, &d->guests)
		if (guests_entry(l)->lcore == lcore && guests_entry(l)->conf.max_pkts == CONF_AUTO)
			guest_quota_set(guests_entry(l)->guest, share);
}

/* ---- guests ---- */

static struct daemon_guest *entry_new(struct daemon *d, const struct conf_guest *conf)
{
	struct daemon_guest *g = calloc(1, sizeof(*g));
	unsigned int n[CONF_LCORES_MAX];

	if (!g)
		return NULL;
	g->conf = *conf;
	guests_load(d, -1, n);
	g->lcore = (unsigned int)place_guest(d->conf, conf, n);
	g->port = (unsigned int)(config_port(d->conf, conf->port) - d->conf->ports);
	g->nodes = (struct node_places){ NODE_NONE, NODE_NONE, NODE_NONE };
	list_init(&g->link);
	return g;
}

static int create(struct daemon *d, struct daemon_guest *g)
{
	struct guest_cfg cfg = {
		.name = g->conf.head.name,
		.socket_path = g->conf.socket,
		.client = g->conf.client,
		.rt = g->conf.class == LCORE_RT,
		.priority = (uint8_t)g->conf.priority,
		.n_addrs = g->conf.addrs.n,
		.max_sockets = g->conf.max_sockets,
		.max_pkts = quota(d, g),
		.max_msgs = g->conf.max_msgs,
		.grace_ms = (uint32_t)(g->conf.grace_ns / 1000000),
		.lcore = d->lcores[g->lcore],
		.link = lcore_link(d->lcores[g->lcore], g->port),
	};

	memcpy(cfg.addrs, g->conf.addrs.addr, sizeof(cfg.addrs));
	files_make_folder(cfg.socket_path, 0755);
	return guest_create(&cfg, &g->guest);
}

static void list_in(struct daemon *d, struct daemon_guest *g)
{
	pthread_rwlock_wrlock(&d->lock);
	list_add_tail(&d->guests, &g->link);
	d->n_guests++;
	pthread_rwlock_unlock(&d->lock);
}

static void list_out(struct daemon *d, struct daemon_guest *g)
{
	pthread_rwlock_wrlock(&d->lock);
	list_del(&g->link);
	d->n_guests--;
	pthread_rwlock_unlock(&d->lock);
}

static void remove_guest(struct daemon *d, struct daemon_guest *g)
{
	/* First nobody finds it, then it goes, then its packets go nowhere. */
	list_out(d, g);
	guest_destroy(g->guest);
	guests_steer(d, g, false);
	if (guests_publish_map(d))
		log_warning("guest %s: no memory: its addresses stay in the map",
			    g->conf.head.name);
	guests_choose_poller(d, g->port);
	guests_share_packets(d, g->lcore);
	free(g);
}

/* It is there: the rest of the daemon learns of it. */
static int announce(struct daemon *d, struct daemon_guest *g)
{
	int err = guests_publish_map(d);

	if (!err)
		err = guests_steer(d, g, true);
	return err ? err : guests_choose_poller(d, g->port);
}

int guests_add(struct daemon *d, const struct conf_guest *conf)
{
	struct daemon_guest *g = entry_new(d, conf);
	int err;

	if (!g)
		return -ENOMEM;
	/* The configuration was checked as it would start; what came and went may lie elsewhere. */
	err = guests_quota_share(d, g->lcore, g, &g->conf) ? create(d, g) : -ENOSPC;
	if (err) {
		if (err == -ENOSPC)
			log_error("guest %s: lcore %s has no packets left for its quota",
				  conf->head.name, lcore_conf(d->lcores[g->lcore])->head.name);
		else
			log_error("guest %s: %s: %s", conf->head.name, conf->socket,
				  strerror(-err));
		free(g);
		return err;
	}
	list_in(d, g);
	guests_share_packets(d, g->lcore);
	err = announce(d, g);
	if (err) {
		log_error("guest %s: %s", conf->head.name, strerror(-err));
		remove_guest(d, g);
		return err;
	}
	log_info("guest %s: lcore %s, %s %s", conf->head.name,
		 lcore_conf(d->lcores[g->lcore])->head.name,
		 conf->client ? "connects to" : "listens on", conf->socket);
	return 0;
}

int guests_del(struct daemon *d, const char *name)
{
	struct daemon_guest *g = guests_find(d, name);

	if (!g)
		return -ENOENT;
	remove_guest(d, g);
	log_info("guest %s: removed", name);
	return 0;
}

int guests_init(struct daemon *d)
{
	int err = 0;

	for (unsigned int i = 0; i < d->n_ports && !err; i++)
		err = start_polling(d, i);
	for (unsigned int i = 0; i < d->conf->n_guests && !err; i++)
		err = guests_add(d, &d->conf->guests[i]);
	if (err)
		guests_fini(d);
	return err;
}

void guests_fini(struct daemon *d)
{
	while (!list_empty(&d->guests))
		remove_guest(d, guests_entry(list_first(&d->guests)));
	for (unsigned int i = 0; i < d->n_ports; i++)
		stop_polling(d, i);
}
