/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The rings of a guest: what a turn did becomes visible, the guest is told where it asked for it,
 * and before the lcore sleeps the guest is asked for kicks.
 */
#include "guest/guest_private.h"

#include <unistd.h>

void guest_publish(struct guest *g)
{
	for (unsigned int i = 0; i < g->n_lanes; i++) {
		struct guest_lane *l = &g->lanes[i];

		if (l->rx.running)
			vring_publish(&l->rx.v);
		if (l->tx.running)
			vring_publish(&l->tx.v);
	}
	guest_settle(g);
}

static unsigned int ring_notify(struct guest_lane *l, struct guest_ring *r)
{
	const uint64_t one = 1;

	if (!r->running || !vring_notify_due(&r->v) || !vring_should_notify(&r->v) ||
	    r->call_fd < 0)
		return 0;
	count_add(&l->notifies, 1);
	/* Full (EAGAIN): the guest has been told often enough. */
	if (write(r->call_fd, &one, sizeof(one)) < 0)
		return 1;
	return 1;
}

static bool notify_due(const struct guest_ring *r)
{
	return r->running && vring_notify_due(&r->v);
}

unsigned int guest_notify(struct guest *g)
{
	unsigned int calls = 0;
	bool due = false;

	for (unsigned int i = 0; i < g->n_lanes; i++)
		due |= notify_due(&g->lanes[i].rx) || notify_due(&g->lanes[i].tx);
	if (!due)
		return 0;
	/* The used indices first, then what the guest says of its event indices (2.7.7.2). */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (unsigned int i = 0; i < g->n_lanes; i++) {
		calls += ring_notify(&g->lanes[i], &g->lanes[i].rx);
		calls += ring_notify(&g->lanes[i], &g->lanes[i].tx);
	}
	return calls;
}

static bool tx_armed_work(struct guest_lane *l)
{
	bool more = vring_want_kicks(&l->tx.v, true);

	/* Waiting for replies to leave: room in the RX ring is what wakes us. */
	if (l->stalled)
		return false;
	return more || vring_avail(&l->tx.v) > 0;
}

static bool rx_armed_work(const struct guest *g, struct guest_lane *l)
{
	if (!guest_rx_pending(g, l))
		return false;
	if (vring_avail(&l->rx.v) >= l->rx_need)
		return true;
	return vring_want_kicks(&l->rx.v, true) && vring_avail(&l->rx.v) >= l->rx_need;
}

bool guest_arm_kicks(struct guest *g)
{
	bool listening = g->now >= g->pause_until, work = false;

	for (unsigned int i = 0; i < g->n_lanes; i++) {
		struct guest_lane *l = &g->lanes[i];

		if (l->tx.running && listening)
			work |= tx_armed_work(l);
		if (l->rx.running && !l->rx.v.err)
			work |= rx_armed_work(g, l);
	}
	g->seat.armed = listening;
	return work;
}

static void ring_disarm(struct guest_lane *l, struct guest_ring *r)
{
	if (!r->running || !r->v.kicks_wanted)
		return;
	if (vring_avail(&r->v) > 0)
		count_add(&l->kicks, 1);
	vring_want_kicks(&r->v, false);
}

void guest_disarm_kicks(struct guest *g)
{
	for (unsigned int i = 0; i < g->n_lanes; i++) {
		ring_disarm(&g->lanes[i], &g->lanes[i].rx);
		ring_disarm(&g->lanes[i], &g->lanes[i].tx);
	}
	g->seat.armed = false;
}

static struct guest_ring *ring_at(struct guest *g, unsigned int index)
{
	struct guest_lane *l = &g->lanes[index / 2];

	return index % 2 ? &l->tx : &l->rx;
}

/* Lanes above the last one with a running ring cost a turn nothing. */
static void count_lanes(struct guest *g)
{
	g->n_lanes = 0;
	for (unsigned int i = 0; i < GUEST_LANES; i++) {
		const struct guest_lane *l = &g->lanes[i];

		g->seat.glances[i] = (struct guest_glance){
			.avail = l->tx.running ? &l->tx.v.avail->idx : &l->tx.v.idx,
			.idx = &l->tx.v.idx,
		};
		if (l->rx.running || l->tx.running)
			g->n_lanes = i + 1;
	}
	g->seat.n_glances = (uint8_t)g->n_lanes;
	g->seat.attention = true;
	g->seat.armed = false;
	g->tx_first = 0;
	g->rx_first = 0;
}

int guest_ring_start(struct guest *g, unsigned int index, const struct guest_ring_cfg *cfg)
{
	struct guest_ring *r = ring_at(g, index);
	bool eaten = index % 2 && r->held && cfg->vring.idx != r->v.idx;
	int rc = vring_start(&r->v, &cfg->vring);

	if (rc)
		return rc;
	r->call_fd = cfg->call_fd;
	r->kick_fd = cfg->kick_fd;
	r->running = true;
	r->held = false;
	g->seat.fresh = true;
	vring_want_kicks(&r->v, false);
	if (index % 2 == 0) {
		g->lanes[index / 2].epoch_due = true;
		g->lanes[index / 2].rx_need = 1;
	}
	count_lanes(g);
	if (eaten)
		guest_interrupted(g);
	return 0;
}

bool guest_ring_stop(struct guest *g, unsigned int index, uint16_t *ret_idx, int ret_fds[2])
{
	struct guest_ring *r = ring_at(g, index);

	if (!r->running)
		return false;
	if (r->v.err)
		vring_rewind(&r->v, r->v.published);
	vring_publish(&r->v);
	*ret_idx = r->v.idx;
	ret_fds[0] = r->call_fd;
	ret_fds[1] = r->kick_fd;
	r->call_fd = -1;
	r->kick_fd = -1;
	r->running = false;
	r->held = true;
	count_lanes(g);
	return true;
}
