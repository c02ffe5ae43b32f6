/* SPDX-License-Identifier: BSD-3-Clause */
/* Lcores as the control thread handles them: create, connect, start, stop. All cold. */
#ifndef OUTSOCK_DATAPLANE_LCORE_CTL_H
#define OUTSOCK_DATAPLANE_LCORE_CTL_H

#include "base/hist.h"
#include "lcore/lcore.h"
#include "lcore/lcore_stats.h"
#include "main/config.h"
#include "port/addr_map.h"

struct port;
struct rte_mempool;

struct lcore_cfg {
	const struct conf_lcore *conf;
	unsigned int index; /* 0 to n - 1, in the order of the configuration */
	unsigned int eal_id;
	uint64_t tsc_base;     /* the same for all */
	const uint8_t *secret; /* 16 bytes, from the state file */
	uint64_t seed;
	unsigned int pkt_room; /* bytes of a packet buffer behind its headroom */
	const struct addr_map *map;
};

/* 0 or negative errno; what is wrong has been logged. Not started yet. */
int lcore_create(const struct lcore_cfg *cfg, struct lcore **ret_lcore);
void lcore_destroy(struct lcore *lc); /* takes NULL */
/* Rings between all of them, before any is started. */
int lcore_connect(struct lcore *const *lcores, unsigned int n);
/* A link on @port, with the port's routes. Before the start. */
int lcore_port_add(struct lcore *lc, struct port *port);
/* Runs on its EAL lcore, with its scheduling class, until lcore_stop(). */
int lcore_start(struct lcore *lc);
void lcore_stop(struct lcore *lc); /* takes NULL; harmless when it does not run */

/* ---- while it runs, by the control thread ---- */

/* Begins or ceases to poll the RX queues of @port that are for it. */
int lcore_rxq_add(struct lcore *lc, struct port *port);
void lcore_rxq_del(struct lcore *lc, struct port *port);
/* The lcore uses @map from now on; the old one is the caller's again. */
void lcore_map_set(struct lcore *lc, const struct addr_map *map);
/*
 * Other scheduling, polling or budgets: nice, priority, poll, idle_ns, nap_ns, nap_max_ns and
 * budget of @conf. 0 or -errno.
 */
int lcore_retune(struct lcore *lc, const struct conf_lcore *conf);
struct link *lcore_link(struct lcore *lc, unsigned int port);

/* ---- slow turns: the last ones that took longer than the lcore's slow-turn ---- */

#define LCORE_SLOW  16
#define LCORE_MARKS 3

/**
 * struct lcore_slow - a slow turn
 * @when, @ns: its start (as lcore_now()) and its length
 * @ns_in: timers, calls, reception; @ns_guests: guests' messages; @ns_out: the stack's packets;
 *	@ns_end: notifications and, on an RT lcore, wires
 * @did: what each part found to do, in the order of lcore_part_name()
 * @guest, @guest_cost: who used most of the guests' part: bytes, and 1024 for each message
 */
struct lcore_slow {
	uint64_t when, ns, ns_in, ns_guests, ns_out, ns_end;
	uint32_t did[10];
	char guest[CONF_NAME_MAX];
	int64_t guest_cost;
};

/* A copy of them, oldest first; how many. */
unsigned int lcore_slow_get(struct lcore *lc, struct lcore_slow ret_slow[LCORE_SLOW]);
/* NULL behind the last one. */
const char *lcore_part_name(unsigned int part);
/* The time now, as lcore_now(). */
uint64_t lcore_clock(const struct lcore *lc);
/* Forgets slow turns and turn lengths. */
void lcore_measure_reset(struct lcore *lc);

/* ---- what other threads may read ---- */

/* Lengths of turns that found work. */
const struct hist *lcore_turn_hist(const struct lcore *lc);

const struct conf_lcore *lcore_conf(const struct lcore *lc);
const struct lcore_stats *lcore_stats(const struct lcore *lc);
struct rte_mempool *lcore_pool(const struct lcore *lc);
bool lcore_asleep(const struct lcore *lc);
int lcore_tid(const struct lcore *lc);

#endif
