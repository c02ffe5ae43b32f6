/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The send queue. The consumer writes straight into packets, one for each segment, behind
 * PKT_HEADROOM. Sending puts headers in front and leaves the queue its reference; an
 * acknowledgement drops it. The payload is always the packet's last bytes, so what was put in
 * front, and what was acknowledged of it, need no book-keeping:
 *
 *	| headroom | headers of last time | acknowledged | payload (meta.seq) | tailroom |
 */
#include "tcp/tcp_conn.h"

#include <string.h>

static uint16_t payload_off(const struct rte_mbuf *m, uint32_t payload)
{
	return (uint16_t)(m->data_off + m->data_len - payload);
}

/* Room in the last packet while no byte of it was sent, up to one segment. */
static uint32_t tail_room(const struct tcp_conn *c)
{
	struct rte_mbuf *m = c->txq.tail;
	uint32_t payload;

	if (!m || seq_lt(pkt_meta(m)->seq, c->snd.max))
		return 0;
	payload = pkt_meta(m)->payload;
	if (payload >= c->snd.mss)
		return 0;
	return RTE_MIN(c->snd.mss - payload, (uint32_t)rte_pktmbuf_tailroom(m));
}

/* The next packet to write into, whose lines are on their way before anybody asks for it. */
static void spare_fetch(struct tcp *tcp)
{
	const char *p;

	tcp->spare = pkt_alloc(tcp->env);
	if (!tcp->spare)
		return;
	p = rte_pktmbuf_mtod(tcp->spare, char *);
	rte_prefetch0(p - 64);
	rte_prefetch0(p);
}

static struct rte_mbuf *spare(struct tcp *tcp)
{
	if (!tcp->spare)
		spare_fetch(tcp);
	return tcp->spare;
}

void *tcp_tx_space(struct sock *s, uint32_t *ret_room, int *ret_err)
{
	struct tcp_conn *c = tcp_conn(s);
	uint32_t room = tail_room(c);
	struct rte_mbuf *m = c->txq.tail;

	if (!room) {
		if (unlikely(c->pmtu))
			tcp_pmtu_age(c);
		m = sock_tx_room(s, s->tx_pkts) ? spare(c->tcp) : NULL;
		if (!m) {
			*ret_err = -ENOBUFS;
			return NULL;
		}
		room = RTE_MIN((uint32_t)c->snd.mss, (uint32_t)rte_pktmbuf_tailroom(m));
	}
	*ret_room = room;
	return rte_pktmbuf_mtod_offset(m, void *, m->data_len);
}

/* The spare packet becomes the queue's last. */
static struct rte_mbuf *txq_push(struct tcp_conn *c, uint32_t seq)
{
	struct rte_mbuf *m = c->tcp->spare;
	struct pkt_meta *meta = pkt_meta(m);

	spare_fetch(c->tcp);
	pkt_stamp_set(m, c->tcp->env->tx_stamp);
	meta->seq = seq;
	meta->payload = 0;
	meta->tx_next = NULL;
	if (c->txq.tail)
		pkt_meta(c->txq.tail)->tx_next = m;
	else
		c->txq.head = m;
	c->txq.tail = m;
	if (!c->txq.send)
		c->txq.send = m;
	sock_tx_pkts_add(&c->s, 1);
	return m;
}

void tcp_tx_commit(struct sock *s, uint32_t n)
{
	struct tcp_conn *c = tcp_conn(s);
	struct rte_mbuf *m = c->txq.tail;

	if (!n)
		return;
	if (!tail_room(c))
		m = txq_push(c, tcp_end_seq(c) - n);
	m->data_len += n;
	m->pkt_len += n;
	pkt_meta(m)->payload += n;
	tcp_sched(c);
}

static void txq_pop(struct tcp_conn *c)
{
	struct rte_mbuf *m = c->txq.head, *next = pkt_meta(m)->tx_next;

	if (c->txq.send == m)
		c->txq.send = next;
	c->txq.head = next;
	if (!next)
		c->txq.tail = NULL;
	sock_tx_pkts_sub(&c->s, 1);
	rte_pktmbuf_free(m);
}

void tcp_txq_acked(struct tcp_conn *c, uint32_t seq)
{
	while (c->txq.head) {
		struct pkt_meta *meta = pkt_meta(c->txq.head);
		uint32_t n = seq - meta->seq;

		if (n < meta->payload) {
			meta->seq += n;
			meta->payload -= n;
			return;
		}
		txq_pop(c);
	}
}

void tcp_txq_free(struct tcp_conn *c)
{
	while (c->txq.head)
		txq_pop(c);
}

/* Ours alone again: takes off the headers of the last time. */
static struct rte_mbuf *restore(struct rte_mbuf *m, uint32_t payload)
{
	m->data_off = payload_off(m, payload);
	m->data_len = (uint16_t)payload;
	m->pkt_len = payload;
	m->ol_flags = 0;
	m->tx_offload = 0;
	rte_mbuf_refcnt_update(m, 1);
	return m;
}

/* The driver still holds it, or only a part is wanted (smaller MSS or window). */
static struct rte_mbuf *copy(struct tcp_conn *c, const struct rte_mbuf *m, uint32_t payload,
			     uint32_t off, uint32_t len)
{
	struct rte_mbuf *n = pkt_alloc(c->tcp->env);

	if (!n) {
		c->tcp->starved = true;
		tcp_inc(c->tcp, TCP_NO_MBUF);
		return NULL;
	}
	memcpy(rte_pktmbuf_mtod(n, void *), (char *)m->buf_addr + payload_off(m, payload) + off,
	       len);
	n->data_len = (uint16_t)len;
	n->pkt_len = len;
	tcp_inc(c->tcp, TCP_TX_COPIES);
	return n;
}

struct rte_mbuf *tcp_txq_segment(struct tcp_conn *c, struct rte_mbuf *m, uint32_t off, uint32_t len)
{
	uint32_t payload = pkt_meta(m)->payload;
	/* Headers begin at even addresses; a partial ACK may have left an odd one. */
	bool even = !(payload_off(m, payload) & 1);

	if (even && !off && len == payload && rte_mbuf_refcnt_read(m) == 1)
		return restore(m, payload);
	return copy(c, m, payload, off, len);
}

/* ---- to another stack ---- */

/* A packet of ours with what is left of the payload, in the place of @m, which *@link points to. */
static bool own_copy(struct tcp_conn *c, struct rte_mbuf **link, struct rte_mbuf *m)
{
	struct rte_mbuf *n = pkt_alloc(c->tcp->env);
	uint32_t payload = pkt_meta(m)->payload;

	if (!n)
		return false;
	memcpy(rte_pktmbuf_mtod(n, void *), (char *)m->buf_addr + payload_off(m, payload), payload);
	n->data_len = (uint16_t)payload;
	n->pkt_len = payload;
	*pkt_meta(n) = *pkt_meta(m);
	pkt_meta(n)->next = NULL;
	*link = n;
	if (c->txq.tail == m)
		c->txq.tail = n;
	if (c->txq.send == m)
		c->txq.send = n;
	rte_pktmbuf_free(m);
	return true;
}

int tcp_txq_leave(struct tcp_conn *c, void **at, unsigned int *budget)
{
	struct rte_mbuf **link = *at ? *at : &c->txq.head;

	for (; *link; link = &pkt_meta(*link)->tx_next) {
		*at = link;
		if (!*budget)
			return 1;
		--*budget;
		if (rte_mbuf_refcnt_read(*link) > 1 && !own_copy(c, link, *link))
			return -ENOBUFS;
	}
	return 0;
}

bool tcp_txq_arrive(struct tcp_conn *c, struct tcp_conn *from, unsigned int *budget)
{
	for (; from->txq.head; --*budget) {
		struct rte_mbuf *m = from->txq.head, *n;
		uint32_t payload = pkt_meta(m)->payload;

		if (!*budget)
			return false;
		from->txq.head = pkt_meta(m)->tx_next;
		m->data_off = payload_off(m, payload);
		m->data_len = (uint16_t)payload;
		m->pkt_len = payload;
		n = sock_pkt_arrive(&c->s, c->tcp->env, m);
		pkt_meta(n)->tx_next = NULL;
		if (c->txq.tail)
			pkt_meta(c->txq.tail)->tx_next = n;
		else
			c->txq.head = n;
		c->txq.tail = n;
		if (from->txq.send == m)
			c->txq.send = n;
	}
	from->txq = (struct tcp_txq){ 0 };
	return true;
}
