/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The session of the ABI: when it begins (HELLO), when it ends, and the epoch that tells one from
 * the next.
 *
 * It ends at HELLO with another boot id, when the connection has been lost for the grace time,
 * and at a protocol error. A protocol error resets the guest's sockets towards their peers, and
 * draws a new epoch: what the guest sends is then dropped until it says HELLO again, for which
 * it is listened to after GUEST_ERROR_PAUSE, so that a guest can not make work of being thrown
 * out. A ring whose walker has given up is not touched again before it is started anew.
 *
 * There may be many sockets, and others are waiting for their turn: guest_upkeep() resets a few of
 * them a turn, and until none is left the guest is not listened to.
 *
 * A lost connection draws a new epoch too (the VMM may have eaten messages of the TX ring), but
 * keeps the sockets: they are aborted at the next HELLO, or when the grace time is over. (RESUME
 * will take them over at HELLO.) So does a TX ring that starts elsewhere than it stopped: QEMU
 * eats it while the link is set down. Hence nothing is ever lost within an epoch.
 */
#include "guest/guest_private.h"

#include "lcore/lcore.h"
#include "sock/sock_ops.h"
#include "stack/stack.h"

#include "lcore/rt_forbidden.h"

void guest_silence(struct guest *g, bool silent)
{
	for (unsigned int i = 0; i < g->cfg.n_addrs; i++)
		ip_addr_silent(stack_ip(g->stack), &g->cfg.addrs[i].addr, silent);
}

static void draw_epoch(struct guest *g)
{
	uint32_t old = g->epoch;

	do
		g->epoch = (uint32_t)(rng_next(&g->env->rng) >> 32);
	while (g->epoch == 0 || g->epoch == old);
}

static void announce(struct guest *g)
{
	for (unsigned int i = 0; i < GUEST_LANES; i++)
		g->lanes[i].epoch_due = true;
}

void guest_reap(struct guest *g)
{
	struct sock_owner *o = &g->owner;

	for (unsigned int n = 0; n < GUEST_REAP && !list_empty(&o->socks); n++) {
		struct sock *s = container_of(list_first(&o->socks), struct sock, owner_link);

		guest_ids_del(&g->ids, s);
		sock_abort(s);
	}
	/* Ports that connections in TIME-WAIT hold are not this owner's any more. */
	g->reaping = !list_empty(&o->socks) || !port_owner_gone(o, GUEST_REAP_USES);
	guest_snapshot(g); /* not every one of these turns counts as work */
}

/* What a session that is over leaves behind goes bit by bit, by guest_upkeep(). */
static void reap_later(struct guest *g)
{
	g->reaping = !list_empty(&g->owner.socks) || !list_empty(&g->owner.port_uses);
}

static void lane_forget(struct guest_lane *l)
{
	l->n_replies = 0;
	l->tx.held = false;
}

static void new_epoch(struct guest *g)
{
	g->hello = false;
	draw_epoch(g);
	for (unsigned int i = 0; i < GUEST_LANES; i++)
		lane_forget(&g->lanes[i]);
	announce(g);
}

void guest_session_close(struct guest *g)
{
	reap_later(g);
	new_epoch(g);
}

static void fail(struct guest *g, enum guest_err err, const char *text)
{
	count_add(&g->session_errors, 1);
	count_add(&g->errors[err], 1);
	g->last_error = text;
	__atomic_store_n(&g->error_text, text, __ATOMIC_RELEASE);
	g->pause_until = g->now + GUEST_ERROR_PAUSE;
	guest_session_close(g);
}

static bool break_rings(struct guest *g)
{
	bool broke = false;

	for (unsigned int i = 0; i < GUEST_LANES; i++) {
		struct guest_ring *rings[] = { &g->lanes[i].rx, &g->lanes[i].tx };

		for (unsigned int k = 0; k < 2; k++) {
			if (!rings[k]->running || rings[k]->v.err)
				continue;
			vring_break(&rings[k]->v, VRING_ERR_DESC_ADDR);
			broke = true;
		}
	}
	return broke;
}

/* Guest memory went away under us: no ring of it is touched again. True: that was news. */
static bool memory_gone(struct guest *g)
{
	if (!g->mem_fault || !__atomic_load_n(g->mem_fault, __ATOMIC_RELAXED)) {
		g->mem_told = false;
		return false;
	}
	if (!break_rings(g))
		return false;
	/* A ring that was started only afterwards is no second error. */
	if (g->mem_told)
		return true;
	g->mem_told = true;
	fail(g, GUEST_ERR_MEMORY, guest_err_text(GUEST_ERR_MEMORY));
	return true;
}

/* What looks like an error of the protocol may be the zero pages in place of lost memory. */
void guest_fail(struct guest *g, enum guest_err err)
{
	if (!memory_gone(g))
		fail(g, err, guest_err_text(err));
}

void guest_fail_ring(struct guest *g, const struct vring_dev *r)
{
	if (!memory_gone(g))
		fail(g, GUEST_ERR_RING, vring_err_text(r->err));
}

void guest_session_turn(struct guest *g, uint64_t now)
{
	g->now = now;
	memory_gone(g);
}

static bool memory_news(const struct guest *g)
{
	return g->mem_fault && __atomic_load_n(g->mem_fault, __ATOMIC_RELAXED) && !g->mem_told;
}

/* Is there something that the lcore does not see by itself? */
static bool needs_attention(const struct guest *g)
{
	if (g->reaping || g->owner.n_refused)
		return true;
	for (unsigned int i = 0; i < g->n_lanes; i++)
		if (g->lanes[i].epoch_due || g->lanes[i].n_replies ||
		    !list_empty(&g->lanes[i].sl.ready))
			return true;
	return false;
}

void guest_wakes(struct guest *g, struct list *woken)
{
	for (unsigned int i = 0; i < GUEST_LANES; i++)
		sock_lane_wakes(&g->lanes[i].sl, woken);
}

struct guest_seat *guest_woken(struct list *woken)
{
	struct sock_lane *lane = container_of(list_first(woken), struct sock_lane, woken_link);
	struct guest *g = container_of(lane->owner, struct guest, owner);

	for (unsigned int i = 0; i < GUEST_LANES; i++)
		list_del(&g->lanes[i].sl.woken_link);
	return &g->seat;
}

/*
 * Called as it is looked into and as its rings are published: all that changes a guest happens
 * between these two, or in a call, after which all are looked into.
 */
void guest_settle(struct guest *g)
{
	g->seat.attention = needs_attention(g);
	g->seat.due = guest_next(g);
}

static bool upkeep_due(const struct guest *g)
{
	return g->now >= g->grace_until || g->reaping || sock_tx_retry_due(&g->owner) ||
		memory_news(g);
}

unsigned int guest_look(struct guest *g, uint64_t now)
{
	unsigned int what;
	bool listening;

	g->now = now;
	listening = guest_listening(g);
	what = unlikely(upkeep_due(g)) ? GUEST_LOOK_UPKEEP : 0;
	for (unsigned int i = 0; i < g->n_lanes; i++) {
		struct guest_lane *l = &g->lanes[i];

		if (listening && l->tx.running && !l->tx.v.err && vring_avail(&l->tx.v) > 0)
			what |= GUEST_LOOK_TX;
		if (guest_rx_pending(g, l) && l->rx.running && !l->rx.v.err &&
		    vring_avail(&l->rx.v) >= l->rx_need)
			what |= GUEST_LOOK_RX;
	}
	guest_settle(g);
	return what;
}

void guest_upkeep(struct guest *g, uint64_t now)
{
	guest_session_turn(g, now);
	if (now >= g->grace_until) {
		g->grace_until = GUEST_NO_TIME;
		guest_silence(g, false);
		if (!g->hello)
			reap_later(g);
	}
	if (g->reaping)
		guest_reap(g);
	if (sock_tx_retry_due(&g->owner))
		sock_tx_retry(&g->owner, g->env);
	guest_settle(g);
}

uint64_t guest_next(const struct guest *g)
{
	uint64_t next = g->reaping ? g->now : g->grace_until;

	if (g->pause_until > g->now && g->pause_until < next)
		next = g->pause_until;
	if (sock_tx_retry_due(&g->owner))
		next = RTE_MIN(next, g->now + GUEST_RETRY_NS);
	return next;
}

void guest_connected(struct guest *g)
{
	g->connected = true;
	g->pause_until = 0;
}

void guest_interrupted(struct guest *g)
{
	new_epoch(g);
	guest_silence(g, true);
	g->now = lcore_now(g->cfg.lcore); /* it may have slept since its last turn */
	g->grace_until = g->now + (uint64_t)g->cfg.grace_ms * NSEC_PER_MSEC;
}

void guest_lost(struct guest *g)
{
	g->connected = false;
	guest_interrupted(g);
	guest_snapshot(g);
}

int guest_hello(struct guest *g, const struct outsock_hello *hello)
{
	bool same = g->has_boot_id && !memcmp(g->boot_id, hello->boot_id, sizeof(g->boot_id));

	if (hello->version_min > OUTSOCK_ABI_VERSION || hello->version_max < OUTSOCK_ABI_VERSION)
		return -EPROTONOSUPPORT;
	if (g->hello && same)
		return 0;
	/* The peers of what does not go on may hear of it. */
	guest_silence(g, false);
	/* Another boot of the guest: what it knew of this epoch is gone. */
	if (g->hello)
		guest_session_close(g);
	else
		reap_later(g);
	if (g->reaping)
		return -EAGAIN;
	memcpy(g->boot_id, hello->boot_id, sizeof(g->boot_id));
	g->has_boot_id = true;
	g->features = hello->features & GUEST_FEATURES;
	g->hello = true;
	g->grace_until = GUEST_NO_TIME;
	return 0;
}

static void addr_to_hello(const struct guest_addr *a, struct outsock_hello_addr *ret)
{
	bool v4 = ip_addr_is_v4(&a->addr);

	*ret = (struct outsock_hello_addr){
		.family = v4 ? OUTSOCK_INET : OUTSOCK_INET6,
		.prefix_len = a->prefix_len,
	};
	if (v4)
		memcpy(ret->addr, &a->addr.w[3], 4);
	else
		memcpy(ret->addr, a->addr.b, 16);
}

void guest_hello_reply_body(const struct guest *g, struct outsock_hello_reply *ret_body)
{
	*ret_body = (struct outsock_hello_reply){
		.version = OUTSOCK_ABI_VERSION,
		.mtu = g->cfg.link ? link_mtu(g->cfg.link) : 0,
		.features = g->features,
		.max_sockets = g->cfg.max_sockets,
		.eph_first = g->cfg.eph_first,
		.eph_last = g->cfg.eph_last,
		.grace_ms = g->cfg.grace_ms,
		.n_addrs = g->cfg.n_addrs,
	};
	for (unsigned int i = 0; i < g->cfg.n_addrs; i++)
		addr_to_hello(&g->cfg.addrs[i], &ret_body->addrs[i]);
}
