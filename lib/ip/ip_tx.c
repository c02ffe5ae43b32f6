/* SPDX-License-Identifier: BSD-3-Clause */
#include "ip/ip_priv.h"

#include "wire/byteorder.h"
#include "wire/cksum.h"
#include "wire/tcp.h"
#include "wire/udp.h"

#include <errno.h>
#include <stddef.h>

#define LOCAL_GOOD (RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD)
/* What belongs to the buffer and not to the packet. */
#define KEEP_FLAGS (RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL)

/* The checksum field of the transport header, or NULL. */
static inline uint16_t *l4_cksum(const struct rte_mbuf *m, uint8_t proto)
{
	if (likely(proto == IP_PROTO_TCP))
		return rte_pktmbuf_mtod_offset(m, uint16_t *, offsetof(struct tcp_hdr, cksum));
	if (proto == IP_PROTO_UDP)
		return rte_pktmbuf_mtod_offset(m, uint16_t *, offsetof(struct udp_hdr, cksum));
	return NULL;
}

/*
 * Fills in the transport checksum, or has it filled in by the port: the field then holds the sum
 * of the pseudo header. The ol_flags for that.
 */
static inline uint64_t l4_finish(struct rte_mbuf *m, const struct ip_flow *flow, uint32_t offload)
{
	uint16_t *cksum = l4_cksum(m, flow->proto);
	uint64_t sum;

	if (!cksum)
		return 0;
	sum = cksum_pseudo4(flow->src.w[3], flow->dst.w[3], flow->proto, m->pkt_len);
	if (offload & LINK_TX_L4) {
		*cksum = cksum_fold(sum);
		return RTE_MBUF_F_TX_IPV4 |
			(flow->proto == IP_PROTO_TCP ? RTE_MBUF_F_TX_TCP_CKSUM
						     : RTE_MBUF_F_TX_UDP_CKSUM);
	}
	if (likely(m->nb_segs == 1))
		sum = cksum_add(sum, rte_pktmbuf_mtod(m, void *), m->data_len);
	else
		sum = pkt_cksum(sum, m, 0, m->pkt_len);
	*cksum = cksum_finish(sum);
	/* RFC 768: 0 says "none". */
	if (flow->proto == IP_PROTO_UDP && !*cksum)
		*cksum = 0xffff;
	return 0;
}

/* With DF a datagram is atomic, and its identification means nothing (RFC 6864, 4.1). */
static uint16_t next_id(struct ip *ip, const struct ip_flow *flow)
{
	uint32_t h;

	if (flow->df)
		return 0;
	h = addr_table_hash(((uint64_t)flow->src.w[3] << 32 | flow->dst.w[3]) + flow->proto);
	return be16(ip->ids[h % IP_ID_COUNTS]++);
}

/* Room is there: PKT_HEADROOM is for all headers. NULL: it was used up. */
static inline struct ip4_hdr *put_header(struct ip *ip, struct rte_mbuf *m,
					 const struct ip_flow *flow)
{
	uint16_t len = (uint16_t)(m->pkt_len + sizeof(struct ip4_hdr));
	struct ip4_hdr *h = (void *)rte_pktmbuf_prepend(m, sizeof(*h));

	if (unlikely(!h))
		return NULL;
	h->ver_ihl = IP4_VER_IHL;
	h->tos = flow->tos;
	h->len = be16(len);
	h->id = next_id(ip, flow);
	h->frag = flow->df ? be16(IP4_DF) : 0;
	h->ttl = flow->ttl ? flow->ttl : IP_TTL;
	h->proto = flow->proto;
	h->cksum = 0;
	h->src = flow->src.w[3];
	h->dst = flow->dst.w[3];
	m->l3_len = sizeof(*h);
	return h;
}

static int drop(struct ip *ip, struct rte_mbuf *m, enum drop_reason reason, int err)
{
	pkt_drop(ip->env, m, reason);
	return err;
}

/* To a socket of this stack or of another lcore's. The receiver must have the packet for itself. */
static int tx_in_house(struct ip *ip, struct rte_mbuf *m, struct ip_flow *flow)
{
	struct rte_mbuf *own = m;

	if (!put_header(ip, m, flow))
		return drop(ip, m, DROP_TX_PORT, -ENOBUFS);
	if (pkt_shared(m)) {
		own = pkt_copy(ip->env, m);
		if (!own)
			return drop(ip, m, DROP_NO_MBUF, -ENOBUFS);
		rte_pktmbuf_free(m);
	}
	own->ol_flags = (own->ol_flags & KEEP_FLAGS) | LOCAL_GOOD;
	if (flow->next_hop == IP_HOP_WIRE) {
		ip->wire->tx(ip->wire_ctx, &flow->dst, own);
		return 0;
	}
	if (ip->loop.n >= IP_LOOP_MAX)
		return drop(ip, own, DROP_LOOP_FULL, -ENOBUFS);
	pkt_queue_push(&ip->loop, own);
	return 0;
}

static void tx_piece(void *ctx, struct rte_mbuf *m)
{
	struct ip_flow *flow = ctx;

	m->l3_len = sizeof(struct ip4_hdr);
	link_tx_ip4(flow->link, m, flow->next_hop, &flow->neigh);
}

/* Larger than the MTU. The checksum is over the whole, so no port can fill it in. */
static int tx_big(struct ip *ip, struct rte_mbuf *m, struct ip_flow *flow)
{
	if (flow->df)
		return drop(ip, m, DROP_IP_TOO_BIG, -EMSGSIZE);
	if (m->pkt_len + sizeof(struct ip4_hdr) > IP4_MAX_PKT)
		return drop(ip, m, DROP_IP_TOO_BIG, -EMSGSIZE);
	l4_finish(m, flow, 0);
	if (!put_header(ip, m, flow))
		return drop(ip, m, DROP_TX_PORT, -ENOBUFS);
	return frag_tx(ip->env, m, flow->mtu, tx_piece, flow);
}

static int tx_link(struct ip *ip, struct rte_mbuf *m, struct ip_flow *flow)
{
	uint32_t offload = link_offload(flow->link);
	uint64_t flags = l4_finish(m, flow, offload);
	struct ip4_hdr *h = put_header(ip, m, flow);

	if (unlikely(!h))
		return drop(ip, m, DROP_TX_PORT, -ENOBUFS);
	if (offload & LINK_TX_IP)
		flags |= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM;
	else
		h->cksum = cksum_finish(cksum_ip4_sum(h));
	m->ol_flags = (m->ol_flags & KEEP_FLAGS) | flags;
	link_tx_ip4(flow->link, m, flow->next_hop, &flow->neigh);
	return 0;
}

int ip_tx(struct ip *ip, struct rte_mbuf *m, struct ip_flow *flow)
{
	if (unlikely(flow->gen != ip->gen)) {
		int rc = ip_flow_route(ip, flow, ip_addr_owner(ip, &flow->src));

		if (rc)
			return drop(ip, m, DROP_IP_NO_ROUTE, rc);
	}
	if (unlikely(!flow->link))
		return tx_in_house(ip, m, flow);
	if (unlikely(m->pkt_len + sizeof(struct ip4_hdr) > flow->mtu))
		return tx_big(ip, m, flow);
	return tx_link(ip, m, flow);
}
