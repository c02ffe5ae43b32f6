/* SPDX-License-Identifier: BSD-3-Clause */
#include "link/link_priv.h"

#include "wire/byteorder.h"

#include <string.h>

/* Packets ahead whose first bytes are fetched while one is looked at. */
#define AHEAD 4

static inline void prefetch(struct rte_mbuf *m)
{
	/* Ethernet, IP and TCP headers with timestamps are 66 bytes, and payload follows. */
	rte_prefetch0(rte_pktmbuf_mtod(m, void *));
	rte_prefetch0(rte_pktmbuf_mtod_offset(m, void *, 64));
	rte_prefetch0(pkt_meta(m));
}

static inline bool mac_eq(const struct eth_addr *a, const struct eth_addr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/*
 * Is it tagged as the port wants it? Looks at a tag that the port took out, or takes it out: *@type
 * is then the inner type and *@hlen grows. Priority tags (VLAN 0) count as untagged.
 */
static bool vlan_ok(const struct link *link, const struct rte_mbuf *m, const struct eth_hdr *eth,
		    uint16_t *type, uint32_t *hlen)
{
	uint16_t vid = 0;

	if (m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) {
		vid = m->vlan_tci & 0xfff;
	} else if (*type == be16(ETH_TYPE_VLAN)) {
		const struct vlan_hdr *tag = (const struct vlan_hdr *)(eth + 1);

		if (m->data_len < sizeof(*eth) + sizeof(*tag))
			return false;
		vid = be16(tag->tci) & 0xfff;
		*type = tag->type;
		*hlen += sizeof(*tag);
	}
	return vid == link->cfg.vlan;
}

/* Strips the Ethernet header. The EtherType (network order), or CONSUMED. */
#define CONSUMED -1
static inline int strip(struct link *link, struct rte_mbuf *m)
{
	const struct eth_hdr *eth = rte_pktmbuf_mtod(m, const struct eth_hdr *);
	uint32_t hlen = sizeof(*eth);
	uint16_t type;
	bool mine;

	if (unlikely(m->data_len < sizeof(*eth))) {
		pkt_drop(link->env, m, DROP_LINK_SHORT);
		return CONSUMED;
	}
	type = eth->type;
	if (unlikely(!vlan_ok(link, m, eth, &type, &hlen))) {
		pkt_drop(link->env, m, DROP_LINK_VLAN);
		return CONSUMED;
	}
	mine = mac_eq(&eth->dst, &link->cfg.mac);
	/*
	 * To a group: only ARP looks at it. No unicast packet may come that way (RFC 1122, 3.3.6).
	 */
	if (unlikely(!mine && (type != be16(ETH_TYPE_ARP) || !(eth->dst.b[0] & 1)))) {
		pkt_drop(link->env, m, DROP_LINK_DST);
		return CONSUMED;
	}
	m->data_off += hlen;
	m->data_len -= hlen;
	m->pkt_len -= hlen;
	m->ol_flags &= link->rx_flags;
	return type;
}

static void rx_burst(struct link *link, struct rte_mbuf **pkts, unsigned int n)
{
	struct rte_mbuf *ip4[LINK_BURST];
	unsigned int n_ip4 = 0;

	for (unsigned int i = 0; i < n && i < AHEAD; i++)
		prefetch(pkts[i]);
	for (unsigned int i = 0; i < n; i++) {
		int type;

		if (i + AHEAD < n)
			prefetch(pkts[i + AHEAD]);
		type = strip(link, pkts[i]);
		if (likely(type == be16(ETH_TYPE_IP4)))
			ip4[n_ip4++] = pkts[i];
		else if (type == be16(ETH_TYPE_ARP))
			arp_rx(link, pkts[i]);
		else if (type != CONSUMED)
			pkt_drop(link->env, pkts[i], DROP_LINK_TYPE);
	}
	if (n_ip4)
		link->up->ip4(link->up_ctx, link, ip4, n_ip4);
}

void link_rx(struct link *link, struct rte_mbuf **pkts, unsigned int n)
{
	for (; n > LINK_BURST; n -= LINK_BURST, pkts += LINK_BURST)
		rx_burst(link, pkts, LINK_BURST);
	if (n)
		rx_burst(link, pkts, n);
}
