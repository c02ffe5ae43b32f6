/* SPDX-License-Identifier: BSD-3-Clause */
/* Text and FIN (RFC 9293, 3.10.7.4, seventh and eighth step), in order and beyond a gap. */
#include "sock/sock_bin.h"
#include "tcp/tcp_conn.h"

#include <string.h>

#define COALESCE_MIN 8u	  /* packets that wait before small ones are copied together */
#define COALESCE_MAX 256u /* bytes that are small */

/*
 * A slow reader and a peer that sends byte by byte must not hold a packet for each byte: small text
 * of @m goes behind that of @tail, which is before it in the stream. True: @m is gone.
 */
static bool append(struct rte_mbuf *tail, struct rte_mbuf *m)
{
	uint32_t n = pkt_meta(m)->payload;

	if (n > COALESCE_MAX || m->nb_segs > 1 || tail->nb_segs > 1 || !RTE_MBUF_DIRECT(tail) ||
	    rte_mbuf_refcnt_read(tail) > 1)
		return false;
	/* Behind its payload, where link padding may be. */
	if (tail->data_off + pkt_meta(tail)->payload + n > tail->buf_len)
		return false;
	memcpy(rte_pktmbuf_mtod_offset(tail, void *, pkt_meta(tail)->payload),
	       rte_pktmbuf_mtod(m, void *), n);
	pkt_meta(tail)->payload += n;
	tail->data_len = (uint16_t)pkt_meta(tail)->payload;
	tail->pkt_len = tail->data_len;
	rte_pktmbuf_free(m);
	return true;
}

/* @m has @n bytes of text that begin at rcv.nxt, at its data pointer. */
static void deliver(struct tcp_conn *c, struct rte_mbuf *m, uint32_t n)
{
	c->rcv.nxt += n;
	pkt_meta(m)->payload = n;
	if (c->s.rxq.n >= COALESCE_MIN && append(c->s.rxq.tail, m))
		sock_ready(&c->s, SOCK_EV_DATA);
	else
		sock_rx_push(&c->s, m);
}

/* ---- beyond a gap ---- */

/*
 * Whoever never fills the gap can make us hold text for ever. So a quarter of the owner's packets
 * is the most for all of it, and one connection may have as many as it leaves free.
 */
static bool ooo_room(const struct tcp_conn *c, uint32_t n)
{
	const struct sock_owner *o = c->s.owner;

	return sock_pkts_room(&c->s, n) &&
		c->ooo->cost + o->n_ooo + n <= RTE_MAX(o->max_pkts / 4, 2u);
}

/* One range, whose front may have been received already: the rest of it in one piece. */
static void deliver_range(struct tcp_conn *c, const struct tcp_ooo_range *r)
{
	struct rte_mbuf *m = r->head, *next;
	uint32_t n = r->items, old, len;

	for (; m; m = next) {
		next = pkt_meta(m)->next;
		old = c->rcv.nxt - pkt_meta(m)->seq;
		len = pkt_meta(m)->payload;
		sock_pkts_sub(&c->s, m->nb_segs);
		n--;
		if (old < len)
			break;
		pkt_drop(c->tcp->env, m, DROP_TCP_DUP);
	}
	if (!m)
		return;
	pkt_skip(m, old);
	deliver(c, m, len - old);
	if (!next)
		return;
	c->rcv.nxt = r->end;
	pkt_queue_append(&c->s.rxq, next, r->tail, n);
}

/* The gap is filled, in whole or in part. */
static void ooo_drain(struct tcp_conn *c)
{
	struct tcp_ooo_range r;

	if (!c->ooo)
		return;
	while (tcp_ooo_pop(c->ooo, c->rcv.nxt, &r)) {
		c->s.owner->n_ooo -= r.cost;
		deliver_range(c, &r);
	}
	c->flags |= TCPC_ACK_QUICK;
	if (!c->ooo->n)
		tcp_ooo_free(c);
}

/*
 * Lets go of the last range: the peer has not been told of it, so it comes again. At least @least
 * packets of it are freed at once. How many it had; 0: there was none.
 */
static unsigned int ooo_drop_last(struct tcp_conn *c, uint32_t least)
{
	struct tcp_ooo_range r;
	struct pkt_queue q;

	if (!tcp_ooo_pop_last(c->ooo, &r))
		return 0;
	c->s.owner->n_ooo -= r.cost;
	q = (struct pkt_queue){ .head = r.head, .tail = r.tail, .n = r.items };
	sock_bin_queue(&c->s, &q, least);
	return r.items;
}

void tcp_ooo_free(struct tcp_conn *c)
{
	if (!c->ooo)
		return;
	while (ooo_drop_last(c, 0))
		;
	pool_put(&c->tcp->ooos, c->ooo);
	c->ooo = NULL;
}

static void chain(void *a, void *b)
{
	pkt_meta(a)->next = b;
}

static bool ooo_get(struct tcp_conn *c)
{
	if (c->ooo)
		return true;
	c->ooo = pool_get(&c->tcp->ooos);
	if (c->ooo)
		tcp_ooo_init(c->ooo);
	return c->ooo != NULL;
}

/* Puts the text, cut to @fit, where it belongs. False: it would be a packet too many. */
static bool ooo_keep(struct tcp_conn *c, const struct tcp_seg *seg, const struct tcp_ooo_fit *fit)
{
	struct rte_mbuf *m = seg->m, *prev = tcp_ooo_prev(c->ooo, seg->seq, fit);
	uint32_t cost = m->nb_segs;

	pkt_skip(m, fit->skip);
	pkt_meta(m)->payload = fit->len;
	pkt_meta(m)->seq = seg->seq + fit->skip;
	pkt_meta(m)->next = NULL;
	if (prev && append(prev, m)) {
		m = prev;
		cost = 0;
	} else if (!ooo_room(c, cost)) {
		return false;
	}
	sock_pkts_add(&c->s, cost);
	c->s.owner->n_ooo += cost;
	tcp_ooo_put(c->ooo, seg->seq, fit, m, cost, chain);
	tcp_inc(c->tcp, TCP_OOO);
	return true;
}

/* Beyond a gap: kept if there is room, and the peer hears of it at once (RFC 5681, 4.2). */
static void text_beyond(struct tcp_conn *c, struct tcp_seg *seg)
{
	struct tcp_ooo_fit fit;

	if (c->rcv.dup_owed < UINT8_MAX)
		c->rcv.dup_owed++;
	tcp_sched(c);
	if (!ooo_get(c) || !tcp_ooo_fit(c->ooo, seg->seq, seg->len, &fit))
		tcp_seg_drop(c->tcp, seg, DROP_TCP_OOO_FULL);
	else if (!fit.len)
		tcp_seg_drop(c->tcp, seg, DROP_TCP_DUP);
	else if (ooo_keep(c, seg, &fit))
		seg->m = NULL;
	else
		tcp_seg_drop(c->tcp, seg, DROP_TCP_OOO_FULL);
}

/* Nobody will take it: the peer is told by RST (RFC 9293, 3.6.1, and RFC 1122, 4.2.2.13). */
static void text_unwanted(struct tcp_conn *c, struct tcp_seg *seg)
{
	tcp_seg_drop(c->tcp, seg, DROP_SOCK_CLOSED);
	tcp_conn_abort(c, ECONNRESET);
}

/* Is there room for text in order? What waits beyond a gap, and so can't be taken, makes some. */
static bool text_room(struct tcp_conn *c, uint32_t n)
{
	while (!sock_pkts_room(&c->s, n)) {
		unsigned int dropped = c->ooo ? ooo_drop_last(c, n) : 0;

		if (!dropped)
			return false;
		count_add(&c->tcp->env->drops[DROP_TCP_OOO_FULL], dropped);
	}
	return true;
}

bool tcp_text(struct tcp_conn *c, struct tcp_seg *seg)
{
	if (c->flags & TCPC_CLOSING) {
		text_unwanted(c, seg);
		return false;
	}
	c->rcv.mss = (uint16_t)RTE_MIN(RTE_MAX(c->rcv.mss, seg->len), (uint32_t)c->rcv.adv_mss);
	pkt_skip(seg->m, seg->off);
	if (seg->seq != c->rcv.nxt) {
		text_beyond(c, seg);
		return true;
	}
	if (!text_room(c, seg->m->nb_segs)) {
		tcp_ack_now(c);
		tcp_seg_drop(c->tcp, seg, DROP_SOCK_QUOTA);
		return false;
	}
	deliver(c, seg->m, seg->len);
	seg->m = NULL;
	ooo_drain(c);
	return true;
}

/* The sequence number of the first byte that the consumer has not taken. */
static uint32_t text_seq(const struct tcp_conn *c)
{
	return c->rcv.irs + 1 + (uint32_t)c->s.rx_off;
}

void tcp_fin_received(struct tcp_conn *c)
{
	c->rcv.nxt++;
	c->rcv.adv = seq_max(c->rcv.adv, c->rcv.nxt);
	c->flags |= TCPC_PEER_FIN;
	tcp_ooo_free(c);
	if (c->flags & TCPC_CLOSING) {
		/* Nobody is there to take it. */
		c->flags |= TCPC_FIN_TAKEN;
		c->rcv.ack = c->rcv.nxt;
		tcp_ack_now(c);
		return;
	}
	/* Not from rcv.ack: that is a SYN behind until CONNECTED is taken. */
	c->s.rx_end = c->s.rx_off + (c->rcv.nxt - 1 - text_seq(c));
	sock_ready(&c->s, SOCK_EV_PEER_CLOSED);
}
