/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Segments from ip, a burst at a time: headers are checked and hashed, then the table's buckets are
 * fetched, then the connections, so that their cache misses overlap. What is established, in order
 * and unremarkable is done here (header prediction); everything else takes tcp_segment.c's steps.
 */
#include "tcp/tcp_conn.h"

#include "wire/parse.h"

#define BURST 32u

static bool same_tuple(const struct ip_endpoint *a, const struct ip_endpoint *b,
		       const struct ip_addr *local, uint16_t local_port, const struct ip_addr *peer,
		       uint16_t peer_port)
{
	return a->port == local_port && b->port == peer_port && ip_addr_eq(&b->addr, peer) &&
		ip_addr_eq(&a->addr, local);
}

struct tcp_conn *tcp_find(struct tcp *tcp, uint32_t hash, const struct ip_addr *local,
			  uint16_t local_port, const struct ip_addr *peer, uint16_t peer_port,
			  struct tcp_tw **ret_tw)
{
	struct tcp_table_pos pos;
	uint32_t v;

	*ret_tw = NULL;
	for (v = tcp_table_first(&tcp->table, hash, &pos); v != TCP_TABLE_NONE;
	     v = tcp_table_next(&tcp->table, hash, &pos)) {
		if (v < tcp->cfg.conns_max) {
			struct tcp_conn *c = pool_at(&tcp->conns, v);

			if (same_tuple(&c->s.local, &c->s.peer, local, local_port, peer, peer_port))
				return c;
		} else {
			struct tcp_tw *tw = tcp_tw_at(tcp, v);

			if (same_tuple(&tw->local, &tw->peer, local, local_port, peer, peer_port)) {
				*ret_tw = tw;
				return NULL;
			}
		}
	}
	return NULL;
}

/* Header to @seg. False: dropped. */
static bool parse(struct tcp *tcp, struct rte_mbuf *m, struct tcp_seg *seg)
{
	const struct tcp_hdr *h = rte_pktmbuf_mtod(m, struct tcp_hdr *);
	struct pkt_meta *meta = pkt_meta(m);
	unsigned int hlen = tcp_check(h, m->data_len, meta->payload);

	if (!hlen || !ip_l4_cksum_ok(m)) {
		pkt_drop(tcp->env, m, hlen ? DROP_L4_CKSUM : DROP_L4_BAD);
		return false;
	}
	meta->sport = h->sport;
	meta->dport = h->dport;
	seg->m = m;
	seg->seq = be32(h->seq);
	seg->ack = be32(h->ack);
	seg->wnd = be16(h->win);
	seg->flags = h->flags;
	seg->hdr_len = (uint8_t)hlen;
	seg->off = hlen;
	seg->len = meta->payload - hlen;
	seg->opt.has = 0;
	seg->hash =
		tcp_table_hash(&tcp->env->secret, &meta->dst, meta->dport, &meta->src, meta->sport);
	return true;
}

/* Most likely the connection (only its hash was compared), on its way into the cache; or NULL. */
static const struct tcp_conn *prefetch_conn(const struct tcp *tcp, uint32_t hash)
{
	struct tcp_table_pos pos;
	uint32_t v = tcp_table_first(&tcp->table, hash, &pos);
	const char *p;

	if (v >= tcp->cfg.conns_max)
		return NULL;
	p = pool_at(&tcp->conns, v);
	for (unsigned int off = 0; off < offsetof(struct tcp_conn, bind); off += 64)
		rte_prefetch0(p + off);
	return (const struct tcp_conn *)(const void *)p;
}

/* What an acknowledgement frees: the first packet of the send queue, and what is known of it. */
static void prefetch_txq(const struct tcp_conn *c)
{
	const char *m = (const char *)c->txq.head;

	if (!m)
		return;
	rte_prefetch0(m);
	rte_prefetch0(m + 64);
	rte_prefetch0(m + sizeof(struct rte_mbuf));
}

/* The timestamp, in the one form that the fast path knows. False: something else is there. */
static bool fast_options(const struct tcp_conn *c, struct tcp_seg *seg)
{
	const uint8_t *p = rte_pktmbuf_mtod_offset(seg->m, uint8_t *, TCP_HDR_MIN);
	uint32_t word;

	if (!(c->flags & TCPC_TS))
		return seg->hdr_len == TCP_HDR_MIN;
	if (seg->hdr_len != TCP_HDR_MIN + TCP_OPT_TS_ALIGNED)
		return false;
	memcpy(&word, p, sizeof(word));
	seg->opt.has = TCP_HAS_TS;
	seg->opt.ts_val = be32_get(p + 4);
	seg->opt.ts_ecr = be32_get(p + 8);
	return word == TCP_OPT_TS_WORD && seq_geq(seg->opt.ts_val, c->rcv.ts_recent);
}

/* Is it what header prediction expects: next in order, acknowledging something or with text? */
static bool is_fast(const struct tcp_conn *c, struct tcp_seg *seg)
{
	if (c->state != TCPS_ESTABLISHED || (c->flags & TCPC_SLOW) || c->ooo)
		return false;
	if ((seg->flags & ~TCP_F_PSH) != TCP_F_ACK || seg->seq != c->rcv.nxt)
		return false;
	if (seg->ack - c->snd.una > c->snd.max - c->snd.una || seg->len > c->rcv.adv - c->rcv.nxt)
		return false;
	if (!seg->len && seg->ack == c->snd.una)
		return false; /* duplicate or window update */
	if (seg->len && !sock_pkts_room(&c->s, seg->m->nb_segs))
		return false;
	return fast_options(c, seg);
}

static void fast(struct tcp_conn *c, struct tcp_seg *seg)
{
	if ((seg->opt.has & TCP_HAS_TS) && seq_leq(seg->seq, c->rcv.sent)) {
		c->rcv.ts_recent = seg->opt.ts_val;
		c->rcv.ts_age_ms = c->tcp->now_ms;
	}
	c->rx_ms = c->tcp->now_ms;
	tcp_window_update(c, seg);
	if (seg->ack != c->snd.una)
		tcp_acked(c, seg);
	if (seg->len)
		tcp_text(c, seg);
	else
		rte_pktmbuf_free(seg->m);
}

static void rx_one(struct tcp *tcp, struct tcp_seg *seg)
{
	const struct pkt_meta *meta = pkt_meta(seg->m);
	struct tcp_tw *tw;
	struct tcp_conn *c =
		tcp_find(tcp, seg->hash, &meta->dst, meta->dport, &meta->src, meta->sport, &tw);

	if (likely(c != NULL)) {
		if (likely(is_fast(c, seg))) {
			tcp_inc(tcp, TCP_SEGS_FAST);
			fast(c, seg);
		} else {
			tcp_segment(c, seg);
		}
		return;
	}
	if (!tw || !tcp_tw_segment(tcp, tw, seg))
		tcp_no_conn(tcp, seg);
}

static void rx_burst(struct tcp *tcp, struct rte_mbuf **pkts, unsigned int n)
{
	const struct tcp_conn *hints[BURST];
	struct tcp_seg segs[BURST];
	unsigned int n_segs = 0;

	for (unsigned int i = 0; i < n; i++) {
		if (!parse(tcp, pkts[i], &segs[n_segs]))
			continue;
		tcp_table_prefetch(&tcp->table, segs[n_segs].hash);
		n_segs++;
	}
	for (unsigned int i = 0; i < n_segs; i++)
		hints[i] = prefetch_conn(tcp, segs[i].hash);
	for (unsigned int i = 0; i < n_segs; i++) {
		if (hints[i])
			prefetch_txq(hints[i]);
	}
	for (unsigned int i = 0; i < n_segs; i++)
		rx_one(tcp, &segs[i]);
}

void tcp_rx(void *ctx, struct rte_mbuf **pkts, unsigned int n)
{
	struct tcp *tcp = ctx;

	tcp_set_now(tcp);
	count_add(&tcp->counts[TCP_SEGS_IN], n);
	for (unsigned int i = 0; i < n; i += BURST)
		rx_burst(tcp, pkts + i, RTE_MIN(n - i, BURST));
}

const struct ip_proto tcp_ip_proto = {
	.rx = tcp_rx,
	.err = tcp_err,
};
