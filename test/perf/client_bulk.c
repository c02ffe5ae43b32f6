/* SPDX-License-Identifier: BSD-3-Clause */
#include "client.h"

#define CREDIT	 (1u << 20)
#define TURN_MAX 65536u /* bytes written to one stream in a turn */

/* What the payload is does not matter; it is written all the same, as a program would. */
static void send_more(struct client_bulk *b, struct sock *s)
{
	uint32_t left = TURN_MAX;

	while (left) {
		uint32_t room;
		int err;
		void *space = sock_tx_space(s, &room, &err);

		if (!space) {
			if (err == -ENOBUFS)
				sock_ready_again(s, false);
			break;
		}
		room = RTE_MIN(room, left);
		memset(space, 'b', room);
		sock_tx_commit(s, room);
		left -= room;
		b->bytes += room;
	}
	if (!left)
		sock_ready_again(s, false);
	sock_tx_end(s, false, false);
}

static void take_all(struct client_bulk *b, struct sock *s)
{
	uint32_t n = 0;

	for (struct rte_mbuf *m = s->rxq.head; m; m = pkt_meta(m)->next)
		n += pkt_meta(m)->payload;
	sock_rx_taken(s, n);
	sock_credit(s, s->rx_off + CREDIT);
	b->bytes += n;
}

static void on_ready(void *ctx, struct sock *s)
{
	struct client_bulk *b = ctx;
	uint16_t ev = s->events;

	if (ev & (SOCK_EV_GONE | SOCK_EV_PEER_CLOSED)) {
		b->failed++;
		sock_close(s, SOCK_CLOSE_ABORT);
		sock_free(s);
		return;
	}
	if (ev & ~SOCK_EV_DATA)
		sock_event_taken(s, ev & (uint16_t)~SOCK_EV_DATA);
	if (ev & SOCK_EV_CONNECTED)
		b->n_open++;
	if (ev & SOCK_EV_DATA)
		take_all(b, s);
	if (b->send)
		send_more(b, s);
}

static void on_turn(void *ctx)
{
	struct client_bulk *b = ctx;

	if (b->n_started == b->n)
		return;
	if (client_connect(b->c, CREDIT))
		b->n_started++;
	else
		b->failed++;
}

static const struct client_app bulk_app = { .ready = on_ready, .turn = on_turn };

void client_bulk_create(struct client_bulk *b, struct client *c, uint32_t n, bool send)
{
	memset(b, 0, sizeof(*b));
	b->c = c;
	b->n = n;
	b->send = send;
	c->app = &bulk_app;
	c->app_ctx = b;
}
