/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Messages to the guest. What is ready is taken from the lanes as far as the RX ring has buffers
 * and the budget goes; the rest stays where it is. Order on a lane: EPOCH, replies, sockets first
 * come first served, each one's events in the order of its stream.
 *
 * A function that writes a message returns 1, 0 (no buffer: all else waits) or -EPROTO (the session
 * was closed, and with it every socket).
 */
#include "guest/guest_private.h"

#include "tcp/tcp.h"

#include "lcore/rt_forbidden.h"

/* What is in front of each body: the virtio-net header (num_buffers = 1) and ours. */
struct rx_head {
	uint32_t net[3];
	struct outsock_hdr hdr;
} __attribute__((packed, aligned(4)));

#define NET_NUM_BUFFERS_1 0x00010000u /* of net[2] */

_Static_assert(sizeof(struct rx_head) == OUTSOCK_NET_HDR_LEN + sizeof(struct outsock_hdr),
	       "headers are contiguous");

static inline struct rx_head head_of(const struct guest *g, uint8_t op, uint32_t id)
{
	return (struct rx_head){
		.net = { 0, 0, NET_NUM_BUFFERS_1 },
		.hdr = { .op = op, .epoch = g->epoch, .sock = id },
	};
}

/* The next buffer of the guest. */
static inline int rx_next(struct guest *g, struct guest_lane *l, struct vring_chain *c)
{
	int rc = vring_next(&l->rx.v, c);

	if (rc == 0) {
		count_add(&l->ring_full, 1);
		l->rx_need = 1;
		return 0;
	}
	if (rc < 0) {
		guest_fail_ring(g, &l->rx.v);
		return rc;
	}
	if (c->left < OUTSOCK_RX_BUF_MIN) {
		vring_break(&l->rx.v, VRING_ERR_TOO_SHORT);
		guest_fail(g, GUEST_ERR_RX_BUF);
		return -EPROTO;
	}
	return 1;
}

/* The message of @len bytes after the header is complete. */
static inline void rx_done(struct guest_lane *l, uint32_t len)
{
	vring_done(&l->rx.v, sizeof(struct rx_head) + len);
	count_add(&l->rx_msgs, 1);
}

/* A message whose body fits into any buffer. */
static int emit(struct guest *g, struct guest_lane *l, struct rx_head *head, const void *body,
		uint32_t len)
{
	struct vring_chain c;
	int rc = rx_next(g, l, &c);

	if (rc <= 0)
		return rc;
	head->hdr.len = len;
	vring_write(&c, head, sizeof(*head));
	if (len)
		vring_write(&c, body, len);
	rx_done(l, len);
	return 1;
}

static int emit_epoch(struct guest *g, struct guest_lane *l)
{
	struct rx_head head = head_of(g, OUTSOCK_OP_EPOCH, OUTSOCK_ID_NONE);
	int rc = emit(g, l, &head, NULL, 0);

	if (rc > 0)
		l->epoch_due = false;
	return rc;
}

/* A new epoch is announced on every queue before HELLO is answered (abi.h). */
static bool announced(const struct guest *g)
{
	for (unsigned int i = 0; i < g->n_lanes; i++)
		if (g->lanes[i].rx.running && !g->lanes[i].rx.v.err && g->lanes[i].epoch_due)
			return false;
	return true;
}

static int emit_reply(struct guest *g, struct guest_lane *l)
{
	const struct guest_reply *r = &l->replies[l->reply_head % GUEST_REPLIES];
	struct rx_head head = head_of(g, r->op, r->sock);
	struct outsock_hello_reply hello;
	const void *body = r->body;
	int rc;

	head.hdr.flags = r->flags;
	head.hdr.status = r->status;
	head.hdr.off = r->cookie;
	if (r->op == OUTSOCK_OP_HELLO) {
		if (!announced(g))
			return 0;
		guest_hello_reply_body(g, &hello);
		body = &hello;
	}
	rc = emit(g, l, &head, body, r->len);
	if (rc > 0) {
		l->reply_head = (l->reply_head + 1) % GUEST_REPLIES;
		l->n_replies--;
	}
	return rc;
}

static int emit_conn(struct guest *g, struct guest_lane *l, struct sock *s)
{
	uint16_t ev = s->events & (SOCK_EV_CONNECTED | SOCK_EV_ACCEPTED);
	struct outsock_evt_conn body = { .listener = OUTSOCK_ID_NONE, .snd_win = s->snd_win };
	struct rx_head head;
	int rc;

	if (s->id == OUTSOCK_ID_NONE && !guest_ids_add_host(&g->ids, s))
		return 0;
	head = head_of(g, ev & SOCK_EV_ACCEPTED ? OUTSOCK_OP_ACCEPTED : OUTSOCK_OP_CONNECTED,
		       s->id);
	if (ev & SOCK_EV_ACCEPTED)
		head.hdr.off = s->rx_credit;
	if ((ev & SOCK_EV_ACCEPTED) && s->parent)
		body.listener = s->parent->id;
	tcp_resume_record(s, &body.record);
	rc = emit(g, l, &head, &body, sizeof(body));
	if (rc > 0)
		sock_event_taken(s, ev);
	return rc;
}

/* Up to @n bytes of a packet (a chain, perhaps) from @skip on. */
static void copy_packet(struct vring_chain *c, const struct rte_mbuf *m, uint32_t skip, uint32_t n)
{
	for (; n > 0; m = m->next) {
		uint32_t len = m->data_len;

		if (skip >= len) {
			skip -= len;
			continue;
		}
		len = RTE_MIN(len - skip, n);
		vring_write(c, rte_pktmbuf_mtod_offset(m, const char *, skip), len);
		n -= len;
		skip = 0;
	}
}

/* When it came; bursts beyond the last run that there is room for count as that one. */
static void measure(struct guest *g, const struct rte_mbuf *m)
{
	uint32_t when = (uint32_t)pkt_stamp(m);
	struct guest_run *r = &g->runs[g->n_runs ? g->n_runs - 1 : 0];

	if (!when)
		return;
	if (!g->n_runs || (r->when != when && g->n_runs < GUEST_RUNS)) {
		r = &g->runs[g->n_runs++];
		*r = (struct guest_run){ .when = when };
	}
	r->n++;
}

void guest_measure_rx(struct guest *g, const struct stamp_clock *c)
{
	for (unsigned int i = 0; i < g->n_runs; i++) {
		const struct guest_run *r = &g->runs[i];
		uint64_t ns = stamp_ns(c, r->when);

		hist_add(&g->latency.rx, ns, r->n);
		if (stamp_late(c, r->when))
			hist_add(&g->latency.rx_late, ns, r->n);
	}
	g->n_runs = 0;
}

/* One DATA with as much of rxq as the buffer takes. */
static int emit_data(struct guest *g, struct guest_lane *l, struct sock *s)
{
	struct rx_head head = head_of(g, OUTSOCK_OP_DATA, s->id);
	uint32_t len = 0, left, room;
	struct vring_chain c;
	int rc = rx_next(g, l, &c);

	if (rc <= 0)
		return rc;
	room = RTE_MIN(c.left - (uint32_t)sizeof(head), OUTSOCK_BODY_MAX);
	for (struct rte_mbuf *m = s->rxq.head; m && len < room; m = pkt_meta(m)->next)
		len += pkt_meta(m)->payload;
	if (len > room)
		len = room;
	head.hdr.len = len;
	head.hdr.off = s->rx_off;
	head.hdr.pos = s->tx_acked;
	vring_write(&c, &head, sizeof(head));
	left = len;
	for (struct rte_mbuf *m = s->rxq.head; left > 0; m = pkt_meta(m)->next) {
		uint32_t n = RTE_MIN(left, pkt_meta(m)->payload);

		copy_packet(&c, m, 0, n);
		left -= n;
	}
	rx_done(l, len);
	count_add(&l->rx_bytes, len);
	guest_spend(g, len);
	measure(g, s->rxq.head);
	if (s->events & SOCK_EV_ACKED)
		sock_event_taken(s, SOCK_EV_ACKED);
	sock_rx_taken(s, len);
	return 1;
}

/* The fragments of the first datagram; 0 when they did not all find buffers. */
static int dgram_fragments(struct guest *g, struct guest_lane *l, struct sock *s,
			   const struct outsock_addr *from)
{
	struct rte_mbuf *m = s->rxq.head;
	uint32_t total = pkt_meta(m)->payload, off = 0;

	do {
		struct rx_head head = head_of(g, OUTSOCK_OP_DGRAM, s->id);
		struct vring_chain c;
		uint32_t n;
		int rc = rx_next(g, l, &c);

		if (rc <= 0)
			return rc;
		n = RTE_MIN(total - off, c.left - (uint32_t)(sizeof(head) + sizeof(*from)));
		head.hdr.len = n + sizeof(*from);
		head.hdr.flags = off + n < total ? OUTSOCK_F_MORE : 0;
		head.hdr.off = off;
		head.hdr.pos = total;
		vring_write(&c, &head, sizeof(head));
		vring_write(&c, from, sizeof(*from));
		copy_packet(&c, m, off, n);
		rx_done(l, head.hdr.len);
		off += n;
	} while (off < total);
	return 1;
}

/*
 * A datagram's fragments are consecutive: all of them now, or none. One that the empty ring could
 * not hold is dropped.
 */
static int emit_dgram(struct guest *g, struct guest_lane *l, struct sock *s)
{
	const struct pkt_meta *meta = pkt_meta(s->rxq.head);
	const struct ip_endpoint ep = { .addr = meta->src, .port = meta->sport };
	uint16_t start = l->rx.v.idx, avail;
	uint64_t msgs = l->rx_msgs;
	struct outsock_addr from;
	int rc;

	guest_addr_to_wire(s, &ep, &from);
	rc = dgram_fragments(g, l, s, &from);
	if (rc == 0) {
		vring_rewind(&l->rx.v, start);
		count_set(&l->rx_msgs, msgs);
		avail = vring_avail(&l->rx.v);
		l->rx_need = avail + 1u;
		if (avail <= l->rx.v.mask)
			return 0;
		l->rx_need = 1;
		count_add(&g->env->drops[DROP_GUEST_RING], 1);
	} else if (rc < 0) {
		return rc;
	}
	count_add(&l->rx_bytes, meta->payload);
	guest_spend(g, meta->payload);
	if (rc > 0)
		measure(g, s->rxq.head);
	sock_rx_taken_dgram(s);
	return 1;
}

static int emit_rxq(struct guest *g, struct guest_lane *l, struct sock *s)
{
	for (unsigned int i = 0;
	     i < GUEST_DATA_BURST && g->bytes_left > 0 && (s->events & SOCK_EV_DATA); i++) {
		int rc;

		if (!s->rxq.head) {
			sock_event_taken(s, SOCK_EV_DATA);
			break;
		}
		rc = s->type == SOCK_STREAM_T ? emit_data(g, l, s) : emit_dgram(g, l, s);
		if (rc <= 0)
			return rc;
	}
	return 1;
}

/* A message that is its header: CREDIT, PEER_CLOSED, ERROR, CLOSED; @ev is told by it. */
static int emit_event(struct guest *g, struct guest_lane *l, struct sock *s, uint8_t op,
		      uint16_t ev)
{
	struct rx_head head = head_of(g, op, s->id);
	int rc;

	if (!(s->events & ev))
		return 1;
	head.hdr.pos = op == OUTSOCK_OP_ERROR ? 0 : s->tx_acked;
	if (op == OUTSOCK_OP_PEER_CLOSED) {
		head.hdr.off = s->rx_end;
	} else if (op == OUTSOCK_OP_ERROR) {
		head.hdr.status = s->err;
		head.hdr.flags = s->events & SOCK_EV_GONE ? OUTSOCK_F_FATAL : 0;
	} else if (s->events & ev & SOCK_EV_TX_ROOM) {
		head.hdr.off = s->tx_off;
		head.hdr.flags = OUTSOCK_F_REWIND;
	}
	rc = emit(g, l, &head, NULL, 0);
	if (rc > 0)
		sock_event_taken(s, ev);
	return rc;
}

/* What remains after the events: the socket's end. */
static int emit_closed(struct guest *g, struct guest_lane *l, struct sock *s)
{
	int rc;

	/* The connection died before all bytes of a deferred CLOSE came. */
	if (guest_close_deferred(s) && s->state == SOCK_DEAD)
		guest_close_due(s);
	if (!(s->events & SOCK_EV_CLOSED))
		return 1;
	rc = emit_event(g, l, s, OUTSOCK_OP_CLOSED, SOCK_EV_CLOSED);
	if (rc > 0) {
		guest_ids_del(&g->ids, s);
		sock_free(s);
	}
	return rc;
}

/* Everything of one socket, in the order of its stream. */
static int emit_sock(struct guest *g, struct guest_lane *l, struct sock *s)
{
	int rc = 1;

	if (s->events & (SOCK_EV_CONNECTED | SOCK_EV_ACCEPTED)) {
		/* Too late: it will be reset, as all children that its listener still has. */
		if (s->parent && s->parent->closing && s->id == OUTSOCK_ID_NONE)
			return 1;
		rc = emit_conn(g, l, s);
	}
	if (rc > 0 && (s->events & SOCK_EV_DATA))
		rc = emit_rxq(g, l, s);
	if (rc > 0 && (s->events & SOCK_EV_DATA)) {
		sock_ready_again(s, false);
		return 1;
	}
	if (rc > 0 && s->events) {
		rc = emit_event(g, l, s, OUTSOCK_OP_CREDIT, SOCK_EV_ACKED | SOCK_EV_TX_ROOM);
		if (rc > 0)
			rc = emit_event(g, l, s, OUTSOCK_OP_PEER_CLOSED, SOCK_EV_PEER_CLOSED);
		if (rc > 0)
			rc = emit_event(g, l, s, OUTSOCK_OP_ERROR, SOCK_EV_ERROR | SOCK_EV_GONE);
		if (rc > 0)
			rc = emit_closed(g, l, s);
	}
	if (rc == 0)
		sock_ready_again(s, true);
	return rc;
}

/* EPOCH and replies, at most @budget. 1: nothing of them is left. */
static int lane_head(struct guest *g, struct guest_lane *l, unsigned int budget)
{
	int rc = 1;

	if (l->epoch_due)
		rc = emit_epoch(g, l);
	for (; rc > 0 && l->n_replies; budget--)
		rc = budget ? emit_reply(g, l) : 0;
	return rc;
}

static unsigned int lane_rx(struct guest *g, struct guest_lane *l, unsigned int budget)
{
	uint64_t before = l->rx_msgs;
	struct sock *s;
	int rc;

	if (!l->rx.running || l->rx.v.err)
		return 0;
	l->rx_need = 1;
	rc = lane_head(g, l, budget);
	/* After a lost connection there may be sockets of a session that is still to be resumed. */
	while (rc > 0 && g->hello && g->bytes_left > 0 && l->rx_msgs - before < budget) {
		s = sock_next_ready(&l->sl);
		if (!s)
			break;
		rc = emit_sock(g, l, s);
	}
	return (unsigned int)(l->rx_msgs - before);
}

struct share_amount guest_rx(struct guest *g, const struct share_amount *grant, uint64_t now)
{
	unsigned int n = 0, budget = (unsigned int)grant->msgs;

	guest_session_turn(g, now);
	g->bytes_left = grant->bytes;
	for (unsigned int i = 0; i < g->n_lanes && n < budget; i++) {
		unsigned int k = g->rx_first + i;

		n += lane_rx(g, &g->lanes[k < g->n_lanes ? k : k - g->n_lanes], budget - n);
	}
	if (++g->rx_first >= g->n_lanes)
		g->rx_first = 0;
	return (struct share_amount){ (int32_t)n, grant->bytes - g->bytes_left };
}
