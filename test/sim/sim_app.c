/* SPDX-License-Identifier: BSD-3-Clause */
/* The programs at both ends: they send, check and close as their plan says. */
#include "sim.h"

#include "abi/abi_cmd.h"

#include <string.h>

#define ACCEPTS 64 /* connections that the server can take at any time */

static struct ip_endpoint server_at(const struct sim *sim)
{
	return (struct ip_endpoint){
		ip_addr_v4(rte_cpu_to_be_32(sim->host[SERVER].cfg.addr)),
		rte_cpu_to_be_16(SIM_PORT),
	};
}

static uint32_t key_of(const struct conn *c, enum sim_side sender)
{
	/* An echo carries the client's bytes both ways. */
	return c->id * 2 + (sender == SERVER && !c->app[SERVER].plan->echo);
}

static void app_init(struct sim *sim, struct conn *c, enum sim_side side)
{
	c->app[side] = (struct app){
		.sim = sim,
		.plan = &sim->sc->plan[side],
		.side = side,
		.conn = c,
	};
}

void sim_listen(struct sim *sim)
{
	const struct ip_endpoint at = server_at(sim);
	int rc = sock_create(&sim->host[SERVER].lane, OUTSOCK_INET, SOCK_STREAM_T, 1000000,
			     &sim->listener);

	if (!rc)
		rc = sock_bind(sim->listener, &at);
	if (!rc)
		rc = sock_listen(sim->listener, 64, ACCEPTS, sim->sc->plan[SERVER].window);
	if (rc)
		sim_fail(sim, "listen: %s", strerror(-rc));
}

static void adopt(struct app *a, struct sock *s)
{
	a->s = s;
	s->cookie = a;
	if (a->plan->nodelay && sock_setopt(s, OUTSOCK_OPT_NODELAY, 1))
		sim_fail(a->sim, "NODELAY");
}

void app_connect(struct sim *sim, struct conn *c)
{
	const struct ip_endpoint to = server_at(sim);
	struct app *a = &c->app[CLIENT];
	struct sock *s;
	int rc;

	app_init(sim, c, CLIENT);
	app_init(sim, c, SERVER);
	c->id = c - sim->conns;
	c->started = true;
	rc = sock_create(&sim->host[CLIENT].lane, OUTSOCK_INET, SOCK_STREAM_T, c->id, &s);
	if (!rc) {
		adopt(a, s);
		rc = sock_credit(s, a->plan->window);
	}
	if (!rc)
		rc = sock_connect(s, &to);
	if (rc)
		sim_fail(sim, "connect %u: %s", c->id, strerror(-rc));
	c->client_port = s->local.port;
}

static void accept_one(struct sim *sim, struct sock *s)
{
	struct sock *l = sim->listener;

	if (s->parent != l)
		sim_fail(sim, "ACCEPTED, and the parent is not the listener");
	if (l->accepted > l->accept_credit)
		sim_fail(sim, "more connections than credit");
	if (sock_credit(l, l->accepted + ACCEPTS))
		sim_fail(sim, "accept credit");
	for (uint32_t i = 0; i < sim->sc->conns; i++) {
		struct conn *c = &sim->conns[i];

		if (c->started && !c->app[SERVER].s && !c->app[SERVER].done &&
		    c->client_port == s->peer.port) {
			adopt(&c->app[SERVER], s);
			return;
		}
	}
	sim_fail(sim, "a connection from port %u that nobody made", rte_be_to_cpu_16(s->peer.port));
}

/* ---- receiving ---- */

static void check(struct app *a, const uint8_t *p, uint32_t n)
{
	uint32_t key = key_of(a->conn, !a->side);
	uint32_t good = pattern_check(p, a->got, n, key);

	if (good != n)
		sim_fail(a->sim, "connection %u: byte %lu that %s got is wrong", a->conn->id,
			 a->got + good, a->side == CLIENT ? "the client" : "the server");
	a->got += n;
}

static void take(struct app *a, uint32_t max)
{
	struct sock *s = a->s;
	uint32_t taken = 0;

	for (struct rte_mbuf *m = s->rxq.head; m && taken < max; m = pkt_meta(m)->next) {
		uint32_t n = RTE_MIN(pkt_meta(m)->payload, max - taken);

		taken += n;
		for (const struct rte_mbuf *seg = m; n; seg = seg->next) {
			uint32_t len = RTE_MIN(n, (uint32_t)seg->data_len);

			check(a, rte_pktmbuf_mtod(seg, const uint8_t *), len);
			n -= len;
		}
	}
	sock_rx_taken(s, taken);
	if (s->rx_off != a->got)
		sim_fail(a->sim, "rx_off is %lu after %lu bytes", s->rx_off, a->got);
	if (a->got > s->rx_credit)
		sim_fail(a->sim, "%lu bytes came, credit was %lu", a->got, s->rx_credit);
	sock_credit(s, a->got + a->plan->window);
}

static void on_peer_closed(struct app *a)
{
	if (a->s->rx_end != a->got)
		sim_fail(a->sim, "FIN after %lu bytes, of which %lu came", a->s->rx_end, a->got);
	a->peer_closed = true;
	sock_event_taken(a->s, SOCK_EV_PEER_CLOSED);
}

static void finish(struct app *a)
{
	sock_event_taken(a->s, SOCK_EV_CLOSED);
	sock_free(a->s);
	a->s = NULL;
	a->done = true;
}

static void on_gone(struct app *a)
{
	/* Linux says EPIPE when the peer had closed its direction before. */
	bool reset = a->s->err == ECONNRESET || a->s->err == EPIPE;

	if (!a->plan->reset_ok || !reset)
		sim_fail(a->sim, "connection %u, %s: error %s", a->conn->id,
			 a->side == CLIENT ? "client" : "server", strerror(a->s->err));
	sock_close(a->s, 0);
	if (!(a->s->events & SOCK_EV_CLOSED))
		sim_fail(a->sim, "a dead socket was closed, and no CLOSED");
	finish(a);
}

/* In the order of sock.h. Returns false when @a could not take everything. */
static bool handle(struct app *a)
{
	struct sock *s = a->s;

	if (s->events & SOCK_EV_GONE) {
		on_gone(a);
		return true;
	}
	if (s->events & SOCK_EV_CONNECTED)
		sock_event_taken(s, SOCK_EV_CONNECTED);
	if (s->events & SOCK_EV_DATA && !a->closing) {
		if (a->plan->read_max)
			return false;
		take(a, UINT32_MAX);
	}
	if (s->events & SOCK_EV_PEER_CLOSED && !s->rxq.n)
		on_peer_closed(a);
	sock_event_taken(s, SOCK_EV_DATA | SOCK_EV_ACKED);
	if (s->events & SOCK_EV_CLOSED) {
		if (!a->closing)
			sim_fail(a->sim, "CLOSED before close");
		finish(a);
	}
	return true;
}

/* ---- sending ---- */

static uint64_t may_send(const struct app *a)
{
	const struct plan *p = a->plan;

	if (p->echo)
		return a->got - a->sent;
	if (p->after_fin && !a->peer_closed)
		return 0;
	if (p->pingpong && a->got != a->sent)
		return 0;
	return p->bytes - a->sent;
}

/* All that this end will ever send is sent. */
static bool sent_all(const struct app *a)
{
	return a->plan->echo ? a->peer_closed && a->sent == a->got : a->sent == a->plan->bytes;
}

static bool got_all(const struct app *a)
{
	const struct plan *peer = a->conn->app[!a->side].plan;

	return a->got == (peer->echo ? a->plan->bytes : peer->bytes);
}

/* One write of up to a chunk. False: no room now, or nothing to send. */
static bool write_chunk(struct app *a)
{
	uint64_t left = RTE_MIN(may_send(a), 1 + rng_below(&a->sim->rng, a->plan->chunk));
	bool any = false;

	while (left) {
		uint32_t room;
		int err;
		uint8_t *p = sock_tx_space(a->s, &room, &err);

		if (!p && err != -EAGAIN && err != -ENOBUFS)
			sim_fail(a->sim, "write: %s", strerror(-err));
		if (!p)
			break;
		room = RTE_MIN(room, left);
		pattern_fill(p, a->sent, room, key_of(a->conn, a->side));
		sock_tx_commit(a->s, room);
		a->sent += room;
		left -= room;
		any = true;
	}
	if (any)
		sock_tx_end(a->s, true, false);
	return any && !left;
}

static void app_abort(struct app *a)
{
	sock_close(a->s, SOCK_CLOSE_ABORT);
	if (!(a->s->events & SOCK_EV_CLOSED))
		sim_fail(a->sim, "aborted, and no CLOSED");
	finish(a);
}

static void app_act(struct app *a)
{
	if (!a->s || a->s->state != SOCK_CONNECTED || a->closing)
		return;
	if (a->plan->abort_after && a->got >= a->plan->abort_after) {
		app_abort(a);
		return;
	}
	while (!a->fin_sent && write_chunk(a))
		;
	if (!sent_all(a))
		return;
	if (a->plan->close_at_once ? got_all(a) : a->peer_closed) {
		sock_close(a->s, 0);
		a->closing = true;
	} else if (!a->fin_sent && !a->plan->close_at_once) {
		sock_tx_end(a->s, true, true);
		a->fin_sent = true;
	}
}

/* ---- turns ---- */

static bool ring_is_full(struct sim *sim, enum sim_side side)
{
	uint32_t pct = sim->sc->plan[side].busy_pct;

	return pct && rng_below(&sim->rng, 100) < pct;
}

void apps_turn(struct sim *sim, enum sim_side side)
{
	struct sock_lane *lane = &sim->host[side].lane;
	struct sock *s;

	while (!list_empty(&lane->ready) && !ring_is_full(sim, side)) {
		s = sock_next_ready(lane);
		if (s == sim->listener)
			sim_fail(sim, "events %#x on the listener", s->events);
		if (s->events & SOCK_EV_ACCEPTED) {
			accept_one(sim, s);
			sock_event_taken(s, SOCK_EV_ACCEPTED);
		}
		if (!handle(s->cookie))
			((struct app *)s->cookie)->stalled = true;
	}
	for (uint32_t i = 0; i < sim->sc->conns; i++)
		if (sim->conns[i].started)
			app_act(&sim->conns[i].app[side]);
}

/* Slow readers take their share. */
void apps_millisecond(struct sim *sim)
{
	for (uint32_t i = 0; i < 2 * sim->sc->conns; i++) {
		struct app *a = &sim->conns[i / 2].app[i % 2];

		if (!a->s || !a->stalled || a->closing)
			continue;
		if (a->side == SERVER && mover_frozen(sim))
			continue;
		a->stalled = false;
		if (a->s->events & SOCK_EV_DATA)
			take(a, a->plan->read_max);
		if (a->s->events)
			sock_ready_again(a->s, false);
	}
}
