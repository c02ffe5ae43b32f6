/* SPDX-License-Identifier: BSD-3-Clause */
/* A guest begins and ends; what others may know of it. Cold. */
#include "guest/guest_private.h"

#include "lcore/lcore.h"
#include "sock/sock_bin.h"
#include "stack/stack.h"

#include <stdlib.h>

static const struct {
	const char *name, *text;
} errs[GUEST_ERR_N] = {
#define GUEST_ERR_ENTRY(name, text) { #name, text },
	GUEST_ERRORS(GUEST_ERR_ENTRY)
#undef GUEST_ERR_ENTRY
};

const char *guest_err_name(enum guest_err err)
{
	return (unsigned int)err < GUEST_ERR_N ? errs[err].name : "?";
}

const char *guest_err_text(enum guest_err err)
{
	return (unsigned int)err < GUEST_ERR_N ? errs[err].text : "?";
}

struct guest_seat *guest_seat(struct guest *g)
{
	return &g->seat;
}

const struct guest_cfg *guest_config(const struct guest *g)
{
	return &g->cfg;
}

const char *guest_take_error(struct guest *g)
{
	return __atomic_exchange_n(&g->error_text, NULL, __ATOMIC_ACQUIRE);
}

static void lanes_init(struct guest *g)
{
	for (unsigned int i = 0; i < GUEST_LANES; i++) {
		struct guest_lane *l = &g->lanes[i];

		sock_lane_init(&l->sl, &g->owner);
		l->rx.call_fd = l->rx.kick_fd = -1;
		l->tx.call_fd = l->tx.kick_fd = -1;
		l->rx_need = 1;
	}
}

static int addrs_add(struct guest *g)
{
	struct ip *ip = stack_ip(g->stack);

	for (unsigned int i = 0; i < g->cfg.n_addrs; i++) {
		const struct guest_addr *a = &g->cfg.addrs[i];
		int rc = ip_addr_add(ip, &a->addr, a->prefix_len, &g->owner, g->cfg.link);

		if (rc) {
			while (i--)
				ip_addr_del(ip, &g->cfg.addrs[i].addr);
			return rc;
		}
	}
	return 0;
}

static void addrs_announce(struct guest *g)
{
	for (unsigned int i = 0; g->cfg.link && i < g->cfg.n_addrs; i++)
		if (ip_addr_is_v4(&g->cfg.addrs[i].addr))
			link_announce(g->cfg.link, g->cfg.addrs[i].addr.w[3]);
}

struct attach {
	struct guest *g;
	int rc;
};

/* On the lcore. */
static void attach(void *arg)
{
	struct attach *a = arg;
	struct guest *g = a->g;

	g->stack = lcore_stack(g->cfg.lcore);
	g->env = stack_env(g->stack);
	sock_owner_init(&g->owner, g->stack, g->cfg.max_sockets, g->cfg.max_pkts, g);
	lanes_init(g);
	a->rc = addrs_add(g);
	if (a->rc)
		return;
	g->now = lcore_now(g->cfg.lcore);
	g->grace_until = g->now + (uint64_t)g->cfg.grace_ms * NSEC_PER_MSEC;
	guest_session_close(g);
	guest_silence(g, true);
	addrs_announce(g);
	g->attached = true;
	lcore_guest_add(g->cfg.lcore, g);
	guest_snapshot(g);
}

struct leave {
	struct guest *g;
	bool begun, done;
};

/* On the lcore: its sockets reset their peers, some of them a call; then its addresses are free. */
static void leave(void *arg)
{
	struct leave *a = arg;
	struct guest *g = a->g;

	if (a->begun) {
		guest_reap(g);
	} else {
		a->begun = true;
		guest_silence(g, false);
		guest_session_close(g);
	}
	if (!g->reaping)
		sock_bin_free(&g->owner, GUEST_REAP_PKTS);
	a->done = !g->reaping && sock_bin_empty(&g->owner);
	if (!a->done)
		return;
	g->attached = false;
	lcore_guest_del(g->cfg.lcore, g);
	for (unsigned int i = 0; i < g->cfg.n_addrs; i++)
		ip_addr_del(stack_ip(g->stack), &g->cfg.addrs[i].addr);
}

static void leave_lcore(struct guest *g)
{
	struct leave a = { .g = g, .done = !g->attached };

	while (!a.done)
		lcore_call(g->cfg.lcore, leave, &a);
}

/* The configuration with strings of our own. */
static int copy_cfg(struct guest *g, const struct guest_cfg *cfg)
{
	struct stack_cfg stack;

	g->cfg = *cfg;
	g->cfg.name = strndup(cfg->name, GUEST_NAME_MAX - 1);
	g->cfg.socket_path = strdup(cfg->socket_path);
	if (!g->cfg.name || !g->cfg.socket_path)
		return -ENOMEM;
	if (!g->cfg.eph_first) {
		stack_cfg_defaults(&stack);
		g->cfg.eph_first = stack.eph_first;
		g->cfg.eph_last = stack.eph_last;
	}
	return 0;
}

static void guest_free(struct guest *g)
{
	guest_ids_fini(&g->ids);
	free((void *)(uintptr_t)g->cfg.name);
	free((void *)(uintptr_t)g->cfg.socket_path);
	free(g);
}

static void seat_init(struct guest *g)
{
	struct guest_seat *seat = &g->seat;

	seat->guest = g;
	list_init(&seat->link);
	list_init(&seat->touched);
	list_init(&seat->upkeep);
	list_init(&seat->snap);
}

int guest_create(const struct guest_cfg *cfg, struct guest **ret_guest)
{
	struct attach a;
	struct guest *g;
	int rc;

	if (cfg->n_addrs > GUEST_ADDRS_MAX || cfg->max_sockets == 0 || cfg->max_msgs == 0 ||
	    cfg->max_sockets >= OUTSOCK_ID_HOST / 2)
		return -EINVAL;
	g = aligned_alloc(64, (sizeof(*g) + 63) / 64 * 64);
	if (!g)
		return -ENOMEM;
	memset(g, 0, sizeof(*g));
	a = (struct attach){ .g = g };
	seat_init(g);
	rc = copy_cfg(g, cfg);
	if (!rc)
		rc = guest_ids_init(&g->ids, cfg->max_sockets);
	if (!rc)
		rc = guest_vhost_alloc(g);
	if (rc)
		goto err_free;
	lcore_call(cfg->lcore, attach, &a);
	rc = a.rc;
	if (rc)
		goto err_free;
	rc = guest_vhost_start(g);
	if (rc)
		goto err_detach;
	*ret_guest = g;
	return 0;
err_detach:
	leave_lcore(g);
err_free:
	guest_vhost_destroy(g);
	guest_free(g);
	return rc;
}

void guest_destroy(struct guest *g)
{
	if (!g)
		return;
	guest_vhost_destroy(g);
	leave_lcore(g);
	guest_free(g);
}

struct quota_call {
	struct guest *g;
	uint32_t max_pkts;
};

static void set_quota(void *arg)
{
	struct quota_call *call = arg;

	sock_owner_quota(&call->g->owner, call->max_pkts);
	guest_snapshot(call->g);
}

void guest_quota_set(struct guest *g, uint32_t max_pkts)
{
	struct quota_call call = { g, max_pkts };

	lcore_call(g->cfg.lcore, set_quota, &call);
}

struct tune_call {
	struct guest *g;
	const struct guest_tune *tune;
};

/* On the lcore, between two turns: its place in the order of priorities may be another one. */
static void set_tune(void *arg)
{
	const struct tune_call *call = arg;
	const struct guest_tune *t = call->tune;
	struct guest *g = call->g;

	g->cfg.priority = t->priority;
	g->cfg.max_sockets = t->max_sockets;
	g->cfg.max_pkts = t->max_pkts;
	g->cfg.max_msgs = t->max_msgs;
	g->cfg.grace_ms = t->grace_ms;
	g->owner.max_socks = t->max_sockets;
	sock_owner_quota(&g->owner, t->max_pkts);
	lcore_guest_del(g->cfg.lcore, g);
	lcore_guest_add(g->cfg.lcore, g);
	guest_snapshot(g);
}

void guest_retune(struct guest *g, const struct guest_tune *tune)
{
	struct tune_call call = { g, tune };

	lcore_call(g->cfg.lcore, set_tune, &call);
}

const struct guest_latency *guest_latency(const struct guest *g)
{
	return &g->latency;
}

static void latency_reset(void *arg)
{
	struct guest *g = arg;

	hist_clear(&g->latency.rx);
	hist_clear(&g->latency.rx_late);
	hist_clear(&g->latency.tx);
	hist_clear(&g->latency.tx_late);
}

void guest_latency_reset(struct guest *g)
{
	lcore_call(g->cfg.lcore, latency_reset, g);
}

uint32_t guest_sockets_most(const struct guest *g)
{
	return g->ids.max;
}

static void stats_lanes(const struct guest *g, struct guest_stats *s)
{
	for (unsigned int i = 0; i < GUEST_LANES; i++) {
		const struct guest_lane *l = &g->lanes[i];

		s->running |= l->rx.running || l->tx.running;
		s->queue_pairs += l->rx.running && l->tx.running;
		s->rx_msgs += l->rx_msgs;
		s->rx_bytes += l->rx_bytes;
		s->tx_msgs += l->tx_msgs;
		s->tx_bytes += l->tx_bytes;
		s->kicks += l->kicks;
		s->notifies += l->notifies;
		s->ring_full += l->ring_full;
		s->tx_stalls += l->tx_stalls;
		s->tx_refused += l->tx_refused;
		s->tx_late += l->tx_late;
	}
}

/* One writer (the lcore); readers try again when the sequence was odd or moved. */
void guest_snapshot(struct guest *g)
{
	struct guest_stats s = {
		.connected = g->connected,
		.session = g->hello,
		.epoch = g->epoch,
		.n_socks = g->owner.n_socks,
		.n_pkts = g->owner.n_pkts,
		.max_pkts = g->owner.max_pkts,
		.session_errors = g->session_errors,
		.epoch_drops = g->epoch_drops,
		.pre_hello_drops = g->pre_hello_drops,
		.last_error = g->last_error,
	};

	strncpy(s.name, g->cfg.name, sizeof(s.name) - 1);
	memcpy(s.errors, g->errors, sizeof(s.errors));
	stats_lanes(g, &s);
	__atomic_store_n(&g->snap_seq, g->snap_seq + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	g->snap = s;
	__atomic_store_n(&g->snap_seq, g->snap_seq + 1, __ATOMIC_RELEASE);
}

void guest_stats_get(const struct guest *g, struct guest_stats *ret_stats)
{
	uint32_t seq;

	do {
		seq = __atomic_load_n(&g->snap_seq, __ATOMIC_ACQUIRE);
		*ret_stats = g->snap;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while ((seq & 1) || seq != __atomic_load_n(&g->snap_seq, __ATOMIC_RELAXED));
}
