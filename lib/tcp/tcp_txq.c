/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The send queue. The consumer writes straight into packets, one for each segment, behind
 * PKT_HEADROOM. Sending puts headers in front and leaves the queue its reference; an
 * acknowledgement drops it. The payload is always the packet's last bytes, so what was put in
 * front, and what was acknowledged of it, need no book-keeping:
 *
 *	| headroom | headers of last time | acknowledged | payload (meta.seq) | tailroom |
 *
 * One acknowledgement may concern thousands of packets. So that it need not look at each of them,
 * packets stand in groups of up to GROUP: meta.tx_at is the place in it; tx_mate of the first one
 * is the last one, and that of the others is the first one. Packets of a group that has lost its
 * front stand alone: at the head of the queue, or where a move was called off.
 */
#include "sock/sock_bin.h"
#include "tcp/tcp_conn.h"

#include <string.h>

#define GROUP 32u

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

/* @m joins the group of @prev, the packet before it (NULL: none), or begins one. */
static void group_join(const struct tcp_conn *c, struct rte_mbuf *prev, struct rte_mbuf *m)
{
	struct pkt_meta *meta = pkt_meta(m);
	uint32_t at = prev ? pkt_meta(prev)->tx_at : GROUP;
	struct rte_mbuf *first = at ? NULL : prev;

	/* Its first packet may be gone: is the queue long enough for it? */
	if (at && at + 1 < GROUP && at < c->s.tx_pkts)
		first = pkt_meta(prev)->tx_mate;
	meta->tx_at = first ? at + 1 : 0;
	meta->tx_mate = first ? first : m;
	if (first)
		pkt_meta(first)->tx_mate = m;
}

static void txq_append(struct tcp_conn *c, struct rte_mbuf *m)
{
	group_join(c, c->txq.tail, m);
	pkt_meta(m)->tx_next = NULL;
	if (c->txq.tail)
		pkt_meta(c->txq.tail)->tx_next = m;
	else
		c->txq.head = m;
	c->txq.tail = m;
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
	txq_append(c, m);
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

static bool is_acked(struct rte_mbuf *m, uint32_t seq)
{
	const struct pkt_meta *meta = pkt_meta(m);

	return seq_leq(meta->seq + meta->payload, seq);
}

/* What is acknowledged from @m, the head, on goes to the bin, a group at a time. */
static __rte_noinline void txq_cut(struct tcp_conn *c, uint32_t seq)
{
	struct rte_mbuf *head = c->txq.head, *m = head, *tail = NULL;

	while (m && is_acked(m, seq)) {
		struct pkt_meta *first = pkt_meta(m);

		tail = first->tx_at ? m : first->tx_mate;
		if (tail != m && !is_acked(tail, seq))
			tail = m;
		c->s.tx_pkts -= tail == m ? 1 : pkt_meta(tail)->tx_at + 1;
		m = pkt_meta(tail)->tx_next;
	}
	if (!tail)
		return;
	c->txq.head = m;
	if (!m)
		c->txq.tail = NULL;
	if (c->txq.send && (!m || seq_lt(pkt_meta(c->txq.send)->seq, pkt_meta(m)->seq)))
		c->txq.send = m;
	sock_bin_tx(&c->s, head, tail);
}

void tcp_txq_acked(struct tcp_conn *c, uint32_t seq)
{
	uint32_t left = sock_free_now(c->tcp->env, SOCK_FREE_NOW);

	while (c->txq.head) {
		struct pkt_meta *meta = pkt_meta(c->txq.head);
		uint32_t acked = seq - meta->seq;

		if (acked < meta->payload) {
			meta->seq += acked;
			meta->payload -= acked;
			break;
		}
		if (unlikely(!left)) {
			txq_cut(c, seq);
			continue;
		}
		left--;
		txq_pop(c);
	}
	c->tcp->env->free_left += left;
}

void tcp_txq_free(struct tcp_conn *c)
{
	struct tcp_txq *q = &c->txq;

	for (uint32_t now = sock_free_now(c->tcp->env, c->s.tx_pkts); now; now--)
		txq_pop(c);
	if (!q->head)
		return;
	sock_bin_tx(&c->s, q->head, q->tail);
	c->s.tx_pkts = 0;
	*q = (struct tcp_txq){ 0 };
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

/* The packet whose link to the next one this is. NULL: the queue's. */
static struct rte_mbuf *link_of(const struct tcp_conn *c, struct rte_mbuf **link)
{
	if (link == &c->txq.head)
		return NULL;
	return (void *)((char *)container_of(link, struct pkt_meta, tx_next) -
			sizeof(struct rte_mbuf));
}

/* Packets are replaced one by one, so their groups are made anew on the way. */
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
		group_join(c, link_of(c, link), *link);
	}
	return 0;
}

void tcp_txq_stay(struct tcp_conn *c)
{
	/* The first one of its group may have been replaced. */
	if (c->txq.tail && pkt_meta(c->txq.tail)->tx_at)
		pkt_meta(c->txq.tail)->tx_mate = NULL;
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
		txq_append(c, n);
		if (from->txq.send == m)
			c->txq.send = n;
	}
	from->txq = (struct tcp_txq){ 0 };
	return true;
}
