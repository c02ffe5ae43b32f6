/* SPDX-License-Identifier: BSD-3-Clause */
#include "link/link_priv.h"

#include <string.h>

void link_tx_to(struct link *link, struct rte_mbuf *m, const struct neigh *n)
{
	char *hdr;

	if (m->nb_segs > 1 && !(link->cfg.offload & LINK_TX_MSEG)) {
		m = pkt_linear(link->env, m);
		if (!m)
			return;
	}
	hdr = rte_pktmbuf_prepend(m, (uint16_t)link->hdr_len);
	if (unlikely(!hdr)) {
		pkt_drop(link->env, m, DROP_TX_PORT);
		return;
	}
	memcpy(hdr, n->hdr, sizeof(struct eth_hdr));
	if (link->cfg.vlan)
		memcpy(hdr + sizeof(struct eth_hdr), n->hdr + sizeof(struct eth_hdr),
		       sizeof(struct vlan_hdr));
	m->l2_len = link->hdr_len;
	link_out(link, m);
}

void link_tx_ip4(struct link *link, struct rte_mbuf *m, uint32_t next_hop, struct neigh **cache)
{
	struct neigh *n = *cache;

	if (unlikely(!n || n->addr != next_hop)) {
		n = neigh_find(&link->neighs, next_hop);
		*cache = n;
	}
	if (unlikely(!n || n->state < NEIGH_REACHABLE)) {
		arp_resolve(link, m, next_hop);
		return;
	}
	if (!n->used)
		n->used = 1;
	link_tx_to(link, m, n);
}
