/* SPDX-License-Identifier: BSD-3-Clause */
#include "client.h"

#include <rte_cycles.h>

#include <stdlib.h>

#define CREDIT	   65536u
#define CONNECTING 64u /* handshakes at one time */

/* ---- idle connections, first in, first out ---- */

static void idle_push(struct client_echo *e, struct client_conn *conn)
{
	e->idle[e->idle_tail++ & e->idle_mask] = (uint32_t)(conn - e->conns);
}

static struct client_conn *idle_pop(struct client_echo *e)
{
	if (e->idle_head == e->idle_tail)
		return NULL;
	return &e->conns[e->idle[e->idle_head++ & e->idle_mask]];
}

/* False: no room for a packet now. */
static bool send_request(struct client_echo *e, struct client_conn *conn)
{
	uint32_t room, left = ECHO_BYTES;
	int err;

	while (left) {
		void *space = sock_tx_space(conn->s, &room, &err);

		if (!space && left == ECHO_BYTES)
			return false;
		if (!space) {
			e->failed++; /* half a request: not in so small a stream */
			return false;
		}
		room = RTE_MIN(room, left);
		memset(space, 'r', room);
		sock_tx_commit(conn->s, room);
		left -= room;
	}
	conn->got = 0;
	conn->sent_at = rte_rdtsc();
	sock_tx_end(conn->s, true, false);
	e->in_flight++;
	return true;
}

static void take_reply(struct client_echo *e, struct client_conn *conn)
{
	struct sock *s = conn->s;
	uint32_t n = 0;

	for (struct rte_mbuf *m = s->rxq.head; m; m = pkt_meta(m)->next)
		n += pkt_meta(m)->payload;
	sock_rx_taken(s, n);
	sock_credit(s, s->rx_off + CREDIT);
	conn->got += n;
	if (conn->got < ECHO_BYTES)
		return;
	if (conn->got > ECHO_BYTES)
		e->failed++;
	hist_add(&e->rtt, rte_rdtsc() - conn->sent_at);
	e->done++;
	e->in_flight--;
	idle_push(e, conn);
}

static void on_ready(void *ctx, struct sock *s)
{
	struct client_echo *e = ctx;
	uint16_t ev = s->events;

	if (ev & (SOCK_EV_GONE | SOCK_EV_PEER_CLOSED)) {
		e->failed++;
		sock_close(s, SOCK_CLOSE_ABORT);
		sock_free(s);
		return;
	}
	if (ev & ~SOCK_EV_DATA)
		sock_event_taken(s, ev & (uint16_t)~SOCK_EV_DATA);
	if (ev & SOCK_EV_CONNECTED) {
		e->n_open++;
		idle_push(e, s->cookie);
	}
	if (ev & SOCK_EV_DATA)
		take_reply(e, s->cookie);
}

static void start_connections(struct client_echo *e)
{
	while (e->n_started < e->n && e->n_started - e->n_open < CONNECTING) {
		struct client_conn *conn = &e->conns[e->n_started];

		conn->s = client_connect(e->c, CREDIT);
		if (!conn->s) {
			e->failed++;
			return;
		}
		conn->s->cookie = conn;
		e->n_started++;
	}
}

static void on_turn(void *ctx)
{
	struct client_echo *e = ctx;
	struct client_conn *conn;

	if (e->n_open < e->n) {
		start_connections(e);
		return;
	}
	while (e->in_flight < e->limit && (conn = idle_pop(e))) {
		if (!send_request(e, conn)) {
			idle_push(e, conn);
			return;
		}
	}
}

static const struct client_app echo_app = { .ready = on_ready, .turn = on_turn };

int client_echo_create(struct client_echo *e, struct client *c, uint32_t n, uint32_t limit)
{
	uint32_t slots = 1;

	while (slots < n)
		slots *= 2;
	memset(e, 0, sizeof(*e));
	e->c = c;
	e->n = n;
	e->limit = limit;
	e->idle_mask = slots - 1;
	e->conns = calloc(n, sizeof(*e->conns));
	e->idle = calloc(slots, sizeof(*e->idle));
	hist_clear(&e->rtt);
	c->app = &echo_app;
	c->app_ctx = e;
	return e->conns && e->idle ? 0 : -ENOMEM;
}

void client_echo_destroy(struct client_echo *e)
{
	free(e->conns);
	free(e->idle);
}
