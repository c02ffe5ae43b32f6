/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Messages from the guest. Each goes from its ring straight into packets. A request for whose reply
 * there is no room stays at its ring's head and is met again next turn. Bytes for which there are
 * no packets are dropped, since others are behind them; the guest has them, and is asked for them
 * when there are.
 *
 * A handler returns 0 (done), -EAGAIN (stays) or -EPROTO (the session was closed, and with it
 * every socket).
 */
#include "guest/guest_private.h"

#include "stack/stack.h"

#include <rte_cycles.h>

#include "lcore/rt_forbidden.h"

#define PREFETCH_LINES 4 /* of a socket: what DATA touches of it and its connection */

static int bad(struct guest *g, enum guest_err err)
{
	guest_fail(g, err);
	return -EPROTO;
}

/* The bytes of the body that are new, into packets. False: there are not enough. */
static bool data_bytes(struct sock *s, struct vring_chain *c)
{
	while (c->left > 0) {
		uint32_t room, n;
		int err;
		void *p = sock_tx_space(s, &room, &err);

		if (!p)
			return false;
		n = room < c->left ? room : c->left;
		vring_read(c, p, n);
		sock_tx_commit(s, n);
	}
	return true;
}

/* Is this a piece of the stream that the guest may send now? */
static int data_check(struct guest *g, const struct outsock_hdr *h, struct sock *s)
{
	if (s->type != SOCK_STREAM_T)
		return bad(g, GUEST_ERR_BAD_TYPE);
	if (s->state != SOCK_CONNECTED)
		return bad(g, GUEST_ERR_NOT_CONNECTED);
	if (h->off > s->tx_off && !s->tx_refused)
		return bad(g, GUEST_ERR_OFFSET);
	if (h->off + h->len > s->tx_acked + s->snd_win)
		return bad(g, GUEST_ERR_WINDOW);
	if (s->tx_fin && h->off + h->len > s->tx_off)
		return bad(g, GUEST_ERR_AFTER_FIN);
	if (h->pos != s->rx_credit && sock_credit(s, h->pos) < 0)
		return bad(g, GUEST_ERR_CREDIT);
	return 0;
}

static int tx_data(struct guest *g, struct guest_lane *l, const struct outsock_hdr *h,
		   struct vring_chain *c, struct sock *s)
{
	uint64_t known;
	int rc;

	/* The guest may not have heard of the end yet. */
	if (s->state == SOCK_DEAD)
		return 0;
	rc = data_check(g, h, s);
	if (rc)
		return rc;
	count_add(&l->tx_bytes, h->len);
	if (h->off > s->tx_off) { /* behind what was refused */
		count_add(&l->tx_refused, 1);
		return 0;
	}
	known = s->tx_off - h->off;
	if (known > h->len)
		return 0;
	if (s->tx_refused)
		sock_tx_accept(s);
	vring_skip(c, (uint32_t)known);
	if (!data_bytes(s, c)) {
		count_add(&l->tx_refused, 1);
		sock_tx_refuse(s);
		return 0;
	}
	if (!s->tx_fin)
		sock_tx_end(s, h->flags & OUTSOCK_F_PUSH, h->flags & OUTSOCK_F_FIN);
	if (guest_close_deferred(s))
		guest_close_due(s);
	return 0;
}

/* A packet, or a chain of them, with the rest of @c. NULL: none is left. */
static struct rte_mbuf *dgram_packet(struct guest *g, struct vring_chain *c)
{
	struct rte_mbuf *head = NULL, **link = &head, *m;
	uint16_t n_segs = 0;
	uint32_t len = c->left;

	do {
		uint16_t n;

		m = pkt_alloc(g->env);
		if (!m) {
			rte_pktmbuf_free(head);
			return NULL;
		}
		pkt_stamp_set(m, g->env->tx_stamp);
		n = RTE_MIN(c->left, (uint32_t)rte_pktmbuf_tailroom(m));
		vring_read(c, rte_pktmbuf_mtod(m, void *), n);
		m->data_len = n;
		*link = m;
		link = &m->next;
		n_segs++;
	} while (c->left > 0);
	head->nb_segs = n_segs;
	head->pkt_len = len;
	pkt_meta(head)->payload = len;
	return head;
}

static int tx_dgram(struct guest *g, struct guest_lane *l, const struct outsock_hdr *h,
		    struct vring_chain *c, struct sock *s)
{
	struct outsock_addr addr;
	struct ip_endpoint dst;
	struct rte_mbuf *m;
	int rc;

	if (s->type != SOCK_DGRAM_T)
		return bad(g, GUEST_ERR_BAD_TYPE);
	if (!vring_read(c, &addr, sizeof(addr)))
		return bad(g, GUEST_ERR_BAD_LEN);
	if (!guest_addr_from_wire(&addr, &dst)) {
		guest_soft_error(l, s->id, EAFNOSUPPORT);
		return 0;
	}
	m = dgram_packet(g, c);
	if (!m) {
		count_add(&g->env->drops[DROP_NO_MBUF], 1);
		return 0;
	}
	count_add(&l->tx_bytes, h->len);
	rc = sock_tx_dgram(s, m, addr.family ? &dst : NULL);
	if (rc < 0 && rc != -ENOBUFS)
		guest_soft_error(l, s->id, -rc);
	return 0;
}

static int tx_credit(struct guest *g, const struct outsock_hdr *h, struct sock *s)
{
	if (h->len != 0)
		return bad(g, GUEST_ERR_BAD_LEN);
	if (sock_credit(s, h->pos) < 0)
		return bad(g, GUEST_ERR_CREDIT);
	return 0;
}

/*
 * Messages of a socket. One that is not (any more) of this queue has ended while they were on
 * their way: what the guest was asked for again comes behind its CLOSE, and a peer may reset.
 */
static int tx_sock(struct guest *g, struct guest_lane *l, const struct outsock_hdr *h,
		   struct vring_chain *c)
{
	struct sock *s = guest_sock(&g->ids, h->sock);

	if (!guest_id_valid(&g->ids, h->sock))
		return bad(g, GUEST_ERR_BAD_ID);
	if (!s || s->lane != &l->sl) {
		count_add(&l->tx_late, 1);
		return 0;
	}
	switch (h->op) {
	case OUTSOCK_OP_DATA:
		return tx_data(g, l, h, c, s);
	case OUTSOCK_OP_DGRAM:
		return tx_dgram(g, l, h, c, s);
	default:
		return tx_credit(g, h, s);
	}
}

/*
 * Before HELLO the ring may carry anything (virtio_net's Ethernet frames, say). What looks like a
 * HELLO in every field that is fixed is one.
 */
static bool is_hello(const struct outsock_hdr *h, const struct vring_chain *c)
{
	return h->op == OUTSOCK_OP_HELLO && h->flags == 0 && h->status == 0 &&
		h->len == sizeof(struct outsock_hello) && h->len == c->left;
}

/* In this session? If not, counts and drops (true). */
static bool tx_stranger(struct guest *g, const struct outsock_hdr *h, const struct vring_chain *c)
{
	if (h && is_hello(h, c))
		return false;
	if (!g->hello) {
		count_add(&g->pre_hello_drops, 1);
		return true;
	}
	if (h && h->epoch != g->epoch) {
		count_add(&g->epoch_drops, 1);
		return true;
	}
	return false;
}

static int tx_msg(struct guest *g, struct guest_lane *l, struct vring_chain *c)
{
	const struct outsock_hdr *h = c->hdr;

	if (tx_stranger(g, h, c))
		return 0;
	if (!h || h->len != c->left)
		return bad(g, GUEST_ERR_BAD_LEN);
	switch (h->op) {
	case OUTSOCK_OP_DATA:
	case OUTSOCK_OP_DGRAM:
	case OUTSOCK_OP_CREDIT:
		return tx_sock(g, l, h, c);
	case OUTSOCK_OP_EPOCH:
		return bad(g, GUEST_ERR_BAD_OP);
	default:
		if (h->op >= OUTSOCK_OP_DATA || (h->flags & OUTSOCK_F_REPLY))
			return bad(g, GUEST_ERR_BAD_OP);
		return guest_cmd(g, l, h, c);
	}
}

/* The sockets of the messages ahead; their lines come while the first ones are worked on. */
static void prefetch_socks(struct guest *g, const struct guest_lane *l, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		const struct outsock_hdr *h = vring_ahead(&l->tx.v, i);
		const char *s = h ? (const char *)guest_sock_hint(&g->ids, h->sock) : NULL;

		if (!s)
			continue;
		for (unsigned int k = 0; k < PREFETCH_LINES; k++)
			__builtin_prefetch(s + k * 64, 1);
	}
}

static unsigned int lane_tx(struct guest *g, struct guest_lane *l, unsigned int budget)
{
	struct vring_dev *r = &l->tx.v;
	struct vring_chain c;
	unsigned int n = 0, ahead = 0;
	int rc = 0;

	if (!l->tx.running || r->err)
		return 0;
	l->stalled = false;
	for (; n < budget && g->bytes_left > 0 && !rc; n++) {
		if (ahead == 0) {
			ahead = vring_fill(r, RTE_MIN(budget - n, (unsigned int)VRING_LOOK));
			prefetch_socks(g, l, ahead);
		}
		if (ahead == 0 || vring_next(r, &c) <= 0)
			break;
		ahead--;
		guest_spend(g, c.left);
		rc = tx_msg(g, l, &c);
		if (rc == -EAGAIN) {
			count_add(&l->tx_stalls, 1);
			break;
		}
		vring_done(r, 0);
	}
	if (r->err)
		guest_fail_ring(g, r);
	count_add(&l->tx_msgs, n);
	return n;
}

void guest_measure_tx(struct guest *g, const struct stamp_clock *c, uint32_t when, uint32_t n)
{
	uint64_t ns = stamp_ns(c, when);

	hist_add(&g->latency.tx, ns, n);
	if (stamp_late(c, when))
		hist_add(&g->latency.tx_late, ns, n);
}

struct share_amount guest_tx(struct guest *g, const struct share_amount *grant, uint64_t now)
{
	unsigned int n = 0, budget = (unsigned int)grant->msgs;

	guest_session_turn(g, now);
	if (!guest_listening(g))
		return (struct share_amount){ 0 };
	g->bytes_left = grant->bytes;
	g->env->tx_stamp = (uint64_t)g->seat.number << 32 | stamp_of(rte_rdtsc());
	for (unsigned int i = 0; i < g->n_lanes && n < budget; i++) {
		unsigned int k = g->tx_first + i;

		n += lane_tx(g, &g->lanes[k < g->n_lanes ? k : k - g->n_lanes], budget - n);
		if (now < g->pause_until)
			break;
	}
	if (++g->tx_first >= g->n_lanes)
		g->tx_first = 0;
	g->env->tx_stamp = 0;
	return (struct share_amount){ (int32_t)n, grant->bytes - g->bytes_left };
}
