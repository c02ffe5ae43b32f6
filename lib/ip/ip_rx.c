/* SPDX-License-Identifier: BSD-3-Clause */
#include "ip/ip_priv.h"

#include "wire/byteorder.h"
#include "wire/cksum.h"
#include "wire/parse.h"

/* Packets of one protocol in a row: they go up in one call. */
struct group {
	unsigned int n;
	uint8_t proto;
	struct rte_mbuf *pkts[IP_BURST];
};

static void proto_unknown(struct ip *ip, struct rte_mbuf *m)
{
	ip_icmp_unreach(ip, m, ICMP_UNREACH_PROTO);
	pkt_drop(ip->env, m, DROP_IP_PROTO);
}

static void flush(struct ip *ip, struct group *g)
{
	const struct ip_upper *up = &ip->uppers[g->proto];
	unsigned int n = g->n;

	g->n = 0;
	if (!n)
		return;
	if (likely(up->ops)) {
		up->ops->rx(up->ctx, g->pkts, n);
		return;
	}
	for (unsigned int i = 0; i < n; i++)
		proto_unknown(ip, g->pkts[i]);
}

static inline bool cksum_ok(const struct ip4_hdr *h, unsigned int hlen)
{
	uint64_t sum = likely(hlen == IP4_MIN_LEN) ? cksum_ip4_sum(h) : cksum_add(0, h, hlen);

	return cksum_fold(sum) == 0xffff;
}

/* An address of a guest here, or on another lcore. */
static inline bool is_ours(const struct ip *ip, uint32_t be)
{
	const struct ip_addr addr = ip_addr_v4(be);

	return ip_local4(ip, be) || (ip->wire && ip->wire->owns(ip->wire_ctx, &addr));
}

/* Why the packet with header @h, @hlen bytes long, is not acceptable; DROP_N: it is. */
static inline enum drop_reason check(const struct ip *ip, const struct rte_mbuf *m,
				     const struct ip4_hdr *h, unsigned int hlen, bool foreign)
{
	bool source_route;

	if ((m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) != RTE_MBUF_F_RX_IP_CKSUM_GOOD &&
	    !cksum_ok(h, hlen))
		return DROP_IP_CKSUM;
	if (unlikely(hlen > IP4_MIN_LEN)) {
		if (!ip4_options_check(h, &source_route))
			return DROP_IP_BAD;
		if (source_route)
			return DROP_IP_OPTIONS;
	}
	/* From outside nobody speaks with an address of ours (RFC 1122, 3.2.1.3). */
	if (unlikely(ip4_is_bad_source(h->src) || (foreign && is_ours(ip, h->src))))
		return DROP_IP_SRC;
	return DROP_N;
}

/* What upper layers need to know, and the data pointer to their header. */
static inline void deliver(struct rte_mbuf *m, const struct ip4_hdr *h, unsigned int hlen,
			   struct sock_owner *owner)
{
	struct pkt_meta *meta = pkt_meta(m);

	meta->owner = owner;
	meta->src = ip_addr_v4(h->src);
	meta->dst = ip_addr_v4(h->dst);
	meta->proto = h->proto;
	meta->ttl = h->ttl;
	meta->tos = h->tos;
	m->l3_len = hlen;
	m->data_off += hlen;
	m->data_len -= hlen;
	m->pkt_len -= hlen;
	meta->payload = m->pkt_len;
}

/*
 * A straggler: its address is on another lcore now, or comes from there and is not ready. False:
 * it is neither.
 */
static bool rx_aside(struct ip *ip, const struct ip_local *local, struct rte_mbuf *m,
		     const struct ip4_hdr *h)
{
	const struct ip_addr dst = ip_addr_v4(h->dst);

	if (local && local->rx == IP_RX_HELD) {
		if (ip->releasing)
			return false;
		if (ip->held.n < IP_HELD_MAX)
			pkt_queue_push(&ip->held, m);
		else
			pkt_drop(ip->env, m, DROP_WIRE_FULL);
		return true;
	}
	if (!ip->wire || !ip->wire->owns(ip->wire_ctx, &dst))
		return false;
	ip->wire->tx(ip->wire_ctx, &dst, m);
	return true;
}

/* One packet: ready for its protocol, or NULL when it was dropped or is a fragment among others. */
static inline struct rte_mbuf *rx_one(struct ip *ip, struct rte_mbuf *m, bool foreign)
{
	const struct ip4_hdr *h = rte_pktmbuf_mtod(m, const struct ip4_hdr *);
	unsigned int hlen = ip4_check(h, m->data_len, m->pkt_len);
	enum drop_reason why = DROP_IP_BAD;
	const struct ip_local *local;

	if (likely(hlen))
		why = check(ip, m, h, hlen, foreign);
	if (unlikely(why != DROP_N))
		goto drop;
	why = DROP_IP_DST;
	local = ip_local4(ip, h->dst);
	if (unlikely(!local || local->rx) && rx_aside(ip, local, m, h))
		return NULL;
	if (unlikely(!local))
		goto drop;
	why = DROP_IP_BAD;
	if (unlikely(m->pkt_len != be16(h->len) && !pkt_cut(m, be16(h->len))))
		goto drop;
	if (unlikely(h->frag & be16(IP4_MF | IP4_OFFSET))) {
		m = frag_rx(ip->frag, m, hlen, pool_index(&ip->addrs.pool, local));
		if (!m)
			return NULL;
		h = rte_pktmbuf_mtod(m, const struct ip4_hdr *);
		hlen = ip4_hdr_len(h);
	}
	deliver(m, h, hlen, local->owner);
	return m;
drop:
	pkt_drop(ip->env, m, why);
	return NULL;
}

static void rx_burst(struct ip *ip, struct rte_mbuf **pkts, unsigned int n, bool foreign)
{
	struct group g = { 0 };

	for (unsigned int i = 0; i < n; i++) {
		struct rte_mbuf *m = rx_one(ip, pkts[i], foreign);

		if (!m)
			continue;
		if (pkt_meta(m)->proto != g.proto) {
			flush(ip, &g);
			g.proto = pkt_meta(m)->proto;
		}
		g.pkts[g.n++] = m;
	}
	flush(ip, &g);
}

static void link_ip4(void *ctx, struct link *link, struct rte_mbuf **pkts, unsigned int n)
{
	rx_burst(ctx, pkts, n, true);
}

/* Packets of our own, and of our other lcores: nothing of them is in this processor's cache yet. */
static void prefetch(struct rte_mbuf **pkts, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		rte_prefetch0(rte_pktmbuf_mtod(pkts[i], void *));
		rte_prefetch0(pkt_meta(pkts[i]));
	}
}

void ip_wire_rx(struct ip *ip, struct rte_mbuf **pkts, unsigned int n)
{
	while (n) {
		unsigned int burst = RTE_MIN(n, IP_BURST);

		prefetch(pkts, burst);
		rx_burst(ip, pkts, burst, false);
		pkts += burst;
		n -= burst;
	}
}

bool ip_loop(struct ip *ip, unsigned int budget)
{
	struct rte_mbuf *pkts[IP_BURST];

	if (!ip->loop.n)
		return false;
	/* What the receivers send in answer waits for the next call. */
	budget = RTE_MIN(budget, ip->loop.n);
	while (budget) {
		unsigned int n = RTE_MIN(budget, (unsigned int)IP_BURST);

		for (unsigned int i = 0; i < n; i++)
			pkts[i] = pkt_queue_pop(&ip->loop);
		rx_burst(ip, pkts, n, false);
		budget -= n;
	}
	return ip->loop.n != 0;
}

bool ip_held_rx(struct ip *ip, unsigned int budget)
{
	struct rte_mbuf *m;

	ip->releasing = true;
	for (; budget && (m = pkt_queue_pop(&ip->held)); budget--)
		rx_burst(ip, &m, 1, false);
	ip->releasing = false;
	return ip->held.head != NULL;
}

bool ip_l4_cksum_ok(struct rte_mbuf *m)
{
	uint64_t seen = m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;
	const struct pkt_meta *meta = pkt_meta(m);
	uint64_t sum;

	/* NONE: not filled in by a sender on this machine, and verified as far as that goes. */
	if (seen == RTE_MBUF_F_RX_L4_CKSUM_GOOD || seen == RTE_MBUF_F_RX_L4_CKSUM_NONE)
		return true;
	if (meta->proto == IP_PROTO_UDP && m->data_len >= sizeof(struct udp_hdr) &&
	    !rte_pktmbuf_mtod(m, const struct udp_hdr *)->cksum)
		return true;
	sum = cksum_pseudo4(meta->src.w[3], meta->dst.w[3], meta->proto, meta->payload);
	if (likely(m->nb_segs == 1))
		sum = cksum_add(sum, rte_pktmbuf_mtod(m, void *), meta->payload);
	else
		sum = pkt_cksum(sum, m, 0, meta->payload);
	return cksum_fold(sum) == 0xffff;
}

const struct link_up ip_link_up = {
	.ip4 = link_ip4,
	.unreach = ip_neigh_unreach,
};
