/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A wire between two hosts on a virtual clock that loses, doubles, delays, reorders and spoils
 * frames as a seed says: the same seed, the same fate for every frame.
 */
#ifndef OUTSOCK_TEST_VWIRE_H
#define OUTSOCK_TEST_VWIRE_H

#include "host.h"

/* Probabilities in parts per million, times in microseconds. */
struct vwire_cfg {
	uint32_t loss, dup, reorder, corrupt;
	uint32_t delay_us;   /* one way */
	uint32_t reorder_us; /* a reordered frame comes up to so much later */
	uint32_t mbit;	     /* rate of each direction, 0: no limit */
	uint32_t queue;	     /* frames that wait for the rate; more are lost. 0: no limit */
};

struct vwire_frame;

struct vwire_dir {
	struct vwire *wire;
	struct host *to;
	struct vwire_frame **heap; /* by time, then by order of sending */
	uint32_t n, size;
	uint64_t busy_until;
	uint64_t order;
};

struct vwire {
	struct vwire_cfg cfg;
	struct rng rng;
	struct vwire_dir dir[2];
	uint64_t now;
	uint64_t sent, lost;
	void (*trace)(void *ctx, int dir, const char *what, const uint8_t *data, uint32_t len);
	void *ctx;
};

void vwire_init(struct vwire *w, const struct vwire_cfg *cfg, uint64_t seed, uint64_t now);
void vwire_fini(struct vwire *w);
/* Direction @d carries frames to @to: the other host's out() is vwire_send on &w->dir[d]. */
void vwire_attach(struct vwire *w, int d, struct host *to);
/* host_cfg.out; @dir is a struct vwire_dir. */
void vwire_send(void *dir, struct rte_mbuf *m);
/* When the next frame arrives, UINT64_MAX: none is on its way. */
uint64_t vwire_next(const struct vwire *w);
/* Delivers what is due. */
void vwire_deliver(struct vwire *w, uint64_t now);

#endif
