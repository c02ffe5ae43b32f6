/* SPDX-License-Identifier: BSD-3-Clause */
#include "link/link_priv.h"

#include "wire/byteorder.h"

#include <stdlib.h>
#include <string.h>

#define VLAN_ID_MAX 4094

static const struct eth_addr link_all = { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } };

struct link *link_create(const struct link_cfg *cfg)
{
	struct link *link;

	if (cfg->vlan > VLAN_ID_MAX)
		return NULL;
	link = aligned_alloc(_Alignof(struct link), sizeof(*link));
	if (!link)
		return NULL;
	memset(link, 0, sizeof(*link));
	link->cfg = *cfg;
	link->env = cfg->env;
	link->hdr_len = sizeof(struct eth_hdr) + (cfg->vlan ? sizeof(struct vlan_hdr) : 0);
	link->rx_flags = ~0ull;
	if (!(cfg->offload & LINK_RX_CKSUM))
		link->rx_flags &= ~(RTE_MBUF_F_RX_IP_CKSUM_MASK | RTE_MBUF_F_RX_L4_CKSUM_MASK);
	if (neigh_table_init(&link->neighs, cfg->neigh_max, (uint32_t)rng_next(&cfg->env->rng),
			     cfg->env->now)) {
		free(link);
		return NULL;
	}
	link->all.addr = UINT32_MAX;
	link->all.state = NEIGH_REACHABLE;
	link_hdr_write(link, link->all.hdr, &link_all, ETH_TYPE_IP4);
	return link;
}

void link_destroy(struct link *link)
{
	if (!link)
		return;
	neigh_table_fini(&link->neighs);
	free(link);
}

void link_set_up(struct link *link, const struct link_up *up, void *ctx)
{
	link->up = up;
	link->up_ctx = ctx;
}

uint16_t link_mtu(const struct link *link)
{
	return link->cfg.mtu;
}

uint32_t link_offload(const struct link *link)
{
	return link->cfg.offload;
}

const struct eth_addr *link_mac(const struct link *link)
{
	return &link->cfg.mac;
}

struct neigh *link_broadcast(struct link *link, uint32_t *ret_hop)
{
	*ret_hop = link->all.addr;
	return &link->all;
}

uint64_t link_next(const struct link *link)
{
	return wheel_next(&link->neighs.wheel);
}

void link_hdr_write(const struct link *link, uint8_t *hdr, const struct eth_addr *dst,
		    uint16_t type)
{
	memcpy(hdr, dst, 6);
	memcpy(hdr + 6, &link->cfg.mac, 6);
	if (link->cfg.vlan) {
		be16_put(hdr + 12, ETH_TYPE_VLAN);
		be16_put(hdr + 14, link->cfg.vlan);
		hdr += 4;
	}
	be16_put(hdr + 12, type);
}
