/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The daemon as a whole: what there is of each kind, and how guests come and go. The control thread
 * owns and changes it; telemetry's threads read the list of guests under the lock.
 */
#ifndef OUTSOCK_DATAPLANE_DAEMON_H
#define OUTSOCK_DATAPLANE_DAEMON_H

#include "lcore/lcore_ctl.h"
#include "main/config.h"
#include "main/loop.h"
#include "main/node.h"
#include "port/port.h"

#include <pthread.h>

struct ctl_server;

/* A guest that is served. @conf is its own copy: strings of struct guest_cfg point into it. */
struct daemon_guest {
	struct list link;
	struct conf_guest conf;
	unsigned int lcore, port; /* indices */
	struct node_places nodes; /* as last looked at */
	struct guest *guest;
};

/**
 * struct daemon - all of outsockd
 * @guests: struct daemon_guest; changed by the control thread under @lock
 * @pollers: which lcore polls each port's shared queue; CONF_LCORES_MAX: none
 * @map: in use by all lcores
 */
struct daemon {
	struct config *conf;
	unsigned int n_cpus;
	struct loop loop;
	struct loop_fd signals, guest_log;
	uint8_t secret[16];
	uint64_t start_tsc;
	unsigned int n_lcores, n_ports, n_guests;
	struct lcore *lcores[CONF_LCORES_MAX];
	struct port *ports[CONF_PORTS_MAX];
	unsigned int pollers[CONF_PORTS_MAX];
	struct addr_map *map;
	pthread_rwlock_t lock;
	struct list guests;
	struct ctl_server *ctl;
};

/* ---- init.c ---- */

/* All steps of the start, in order; on failure those done are undone. 0 or -errno, logged. */
int daemon_init(struct daemon *d);
void daemon_fini(struct daemon *d);

/* ---- guests.c, guests_set.c: control thread ---- */

/* The ports are polled, the guests of the configuration served. */
int guests_init(struct daemon *d);
void guests_fini(struct daemon *d);
/* Guests that each lcore will have on @port, for who polls it at first; before there are any. */
void guests_expect(const struct config *c, const char *port, unsigned int *ret_load);
/* A guest of the configuration is served from now on. 0 or -errno, logged. */
int guests_add(struct daemon *d, const struct conf_guest *conf);
/* -ENOENT */
int guests_del(struct daemon *d, const char *name);
/*
 * @g becomes as @conf says, which differs in what can change only. -errno and @why: it stayed as it
 * was.
 */
int guests_set(struct daemon *d, struct daemon_guest *g, const struct conf_guest *conf, char *why,
	       size_t size);
/* With @d->lock held, or by the control thread. NULL: there is none. */
struct daemon_guest *guests_find(struct daemon *d, const char *name);

/* ---- guest_log.c: what guests did wrong, and where they are, each second ---- */

int guest_log_init(struct daemon *d);
void guest_log_fini(struct daemon *d);

#endif
