/* SPDX-License-Identifier: BSD-3-Clause */
#include "echo.h"

#define CREDIT	65536u
#define BACKLOG 1024u

int echo_listen(struct echo *e, struct stack *stack, uint16_t port, uint32_t max_socks)
{
	struct ip_endpoint local = { .addr = ip_addr_v4(0), .port = port };
	int err;

	sock_owner_init(&e->owner, stack, max_socks, UINT32_MAX, e);
	sock_lane_init(&e->lane, &e->owner);
	err = sock_create(&e->lane, OUTSOCK_INET, SOCK_STREAM_T, 0, &e->listener);
	if (!err)
		err = sock_bind(e->listener, &local);
	if (!err)
		err = sock_listen(e->listener, BACKLOG, max_socks, CREDIT);
	return err;
}

/* Bytes of @m's next segment that has some; the data pointer has moved past what was taken. */
static uint32_t first_piece(struct rte_mbuf *m, const char **ret_data)
{
	while (!m->data_len && m->next)
		m = m->next;
	*ret_data = rte_pktmbuf_mtod(m, const char *);
	return m->data_len;
}

/* Copies one piece from the receive queue to the send queue; false when there is no more to do. */
static bool echo_piece(struct sock *s)
{
	struct rte_mbuf *m = s->rxq.head;
	const char *data;
	uint32_t room, n;
	void *space;
	int err;

	if (!m)
		return false;
	space = sock_tx_space(s, &room, &err);
	if (!space) {
		if (err == -ENOBUFS) /* no event will tell of new packets */
			sock_ready_again(s, false);
		return false;
	}
	n = RTE_MIN(RTE_MIN(first_piece(m, &data), pkt_meta(m)->payload), room);
	memcpy(space, data, n);
	sock_tx_commit(s, n);
	sock_rx_taken(s, n);
	return true;
}

static void echo_data(struct sock *s)
{
	bool any = false;

	while (echo_piece(s))
		any = true;
	if (!any)
		return;
	sock_tx_end(s, true, false);
	sock_credit(s, s->rx_off + CREDIT);
}

static void echo_sock(struct echo *e, struct sock *s)
{
	uint16_t ev = s->events;

	if (ev & SOCK_EV_ACCEPTED)
		e->n_conns++;
	if (ev & (SOCK_EV_PEER_CLOSED | SOCK_EV_GONE)) {
		e->n_conns--;
		sock_close(s, SOCK_CLOSE_ABORT);
		sock_free(s);
		return;
	}
	if (ev & ~SOCK_EV_DATA)
		sock_event_taken(s, ev & (uint16_t)~SOCK_EV_DATA);
	if (s != e->listener)
		echo_data(s);
}

void echo_serve(struct echo *e, unsigned int budget)
{
	struct sock *s;

	while (budget-- && (s = sock_next_ready(&e->lane)))
		echo_sock(e, s);
}
