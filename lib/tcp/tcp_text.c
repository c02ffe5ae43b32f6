/* SPDX-License-Identifier: BSD-3-Clause */
/* Text and FIN (RFC 9293, 3.10.7.4, seventh and eighth step), in order and beyond a gap. */
#include "tcp/tcp_conn.h"

#include <string.h>

#define COALESCE_MIN 8u	  /* packets that wait before small ones are copied together */
#define COALESCE_MAX 256u /* bytes that are small */

void tcp_pkt_skip(struct rte_mbuf *m, uint32_t n)
{
	pkt_meta(m)->payload -= n;
	m->pkt_len -= n;
	for (struct rte_mbuf *seg = m; n; seg = seg->next) {
		uint16_t step = (uint16_t)RTE_MIN(n, (uint32_t)seg->data_len);

		seg->data_off += step;
		seg->data_len -= step;
		n -= step;
	}
}

/*
 * A slow reader and a peer that sends byte by byte must not hold a packet for each byte: small text
 * goes behind the last packet that waits.
 */
static bool coalesce(struct sock *s, struct rte_mbuf *m)
{
	struct rte_mbuf *tail = s->rxq.tail;
	uint32_t n = pkt_meta(m)->payload;

	if (s->rxq.n < COALESCE_MIN || n > COALESCE_MAX || m->nb_segs > 1 || tail->nb_segs > 1 ||
	    !RTE_MBUF_DIRECT(tail) || rte_mbuf_refcnt_read(tail) > 1)
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
	sock_ready(s, SOCK_EV_DATA);
	return true;
}

/* @m has @n bytes of text that begin at rcv.nxt, at its data pointer. */
static void deliver(struct tcp_conn *c, struct rte_mbuf *m, uint32_t n)
{
	c->rcv.nxt += n;
	pkt_meta(m)->payload = n;
	if (!coalesce(&c->s, m))
		sock_rx_push(&c->s, m);
}

/* The packets of one range whose front may have been received already. */
static void deliver_chain(struct tcp_conn *c, struct rte_mbuf *m)
{
	while (m) {
		struct rte_mbuf *next = pkt_meta(m)->next;
		uint32_t old = c->rcv.nxt - pkt_meta(m)->seq, len = pkt_meta(m)->payload;

		sock_pkts_sub(&c->s, m->nb_segs);
		if (old < len) {
			tcp_pkt_skip(m, old);
			deliver(c, m, len - old);
		} else {
			pkt_drop(c->tcp->env, m, DROP_TCP_DUP);
		}
		m = next;
	}
}

/* The gap is filled, in whole or in part. */
static void ooo_drain(struct tcp_conn *c)
{
	struct rte_mbuf *m;
	uint32_t end;

	if (!c->ooo)
		return;
	while ((m = tcp_ooo_pop(c->ooo, c->rcv.nxt, &end)))
		deliver_chain(c, m);
	c->flags |= TCPC_ACK_QUICK;
	if (!c->ooo->n)
		tcp_ooo_free(c);
}

void tcp_ooo_free(struct tcp_conn *c)
{
	struct rte_mbuf *m;

	if (!c->ooo)
		return;
	while ((m = tcp_ooo_drain(c->ooo))) {
		while (m) {
			struct rte_mbuf *next = pkt_meta(m)->next;

			sock_pkts_sub(&c->s, m->nb_segs);
			rte_pktmbuf_free(m);
			m = next;
		}
	}
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

/* Beyond a gap: kept if there is room, and the peer hears of it at once (RFC 5681, 4.2). */
static void text_beyond(struct tcp_conn *c, struct tcp_seg *seg)
{
	struct tcp_ooo_fit fit;
	struct rte_mbuf *m = seg->m;

	if (c->rcv.dup_owed < UINT8_MAX)
		c->rcv.dup_owed++;
	tcp_sched(c);
	if (!sock_pkts_room(&c->s, m->nb_segs) || !ooo_get(c) ||
	    !tcp_ooo_fit(c->ooo, seg->seq, seg->len, &fit)) {
		tcp_seg_drop(c->tcp, seg, DROP_TCP_OOO_FULL);
		return;
	}
	if (!fit.len) {
		tcp_seg_drop(c->tcp, seg, DROP_TCP_DUP);
		return;
	}
	tcp_pkt_skip(m, fit.skip);
	pkt_meta(m)->payload = fit.len;
	pkt_meta(m)->seq = seg->seq + fit.skip;
	pkt_meta(m)->next = NULL;
	sock_pkts_add(&c->s, m->nb_segs);
	tcp_ooo_put(c->ooo, seg->seq, &fit, m, chain);
	tcp_inc(c->tcp, TCP_OOO);
	seg->m = NULL;
}

/* Nobody will take it: the peer is told by RST (RFC 9293, 3.6.1, and RFC 1122, 4.2.2.13). */
static void text_unwanted(struct tcp_conn *c, struct tcp_seg *seg)
{
	tcp_seg_drop(c->tcp, seg, DROP_SOCK_CLOSED);
	tcp_conn_abort(c, ECONNRESET);
}

bool tcp_text(struct tcp_conn *c, struct tcp_seg *seg)
{
	if (c->flags & TCPC_CLOSING) {
		text_unwanted(c, seg);
		return false;
	}
	c->rcv.mss = (uint16_t)RTE_MIN(RTE_MAX(c->rcv.mss, seg->len), (uint32_t)c->rcv.adv_mss);
	tcp_pkt_skip(seg->m, seg->off);
	if (seg->seq != c->rcv.nxt) {
		text_beyond(c, seg);
		return true;
	}
	if (!sock_pkts_room(&c->s, seg->m->nb_segs)) {
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
