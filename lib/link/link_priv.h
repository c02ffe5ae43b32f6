/* SPDX-License-Identifier: BSD-3-Clause */
/* Private state of a link; link_*.c and arp.c only. */
#ifndef OUTSOCK_LINK_LINK_PRIV_H
#define OUTSOCK_LINK_LINK_PRIV_H

#include "link/link.h"
#include "link/neigh.h"
#include "wire/arp.h"

/**
 * struct link
 * @hdr_len: bytes of Ethernet header on transmit: 14, or 18 with a VLAN tag
 * @rx_flags: ol_flags of received packets that the port's offloads make worth believing
 * @cfg: as given, constant
 * @all: the neighbour that is everybody; in no table, for ever usable
 */
struct link {
	struct env *env;
	const struct link_up *up;
	void *up_ctx;
	uint64_t rx_flags;
	uint32_t hdr_len;
	struct link_cfg cfg;
	struct neigh_table neighs;
	struct neigh all;
};

/* Writes the Ethernet header (link->hdr_len bytes) of frames of @type to @dst. */
void link_hdr_write(const struct link *link, uint8_t *hdr, const struct eth_addr *dst,
		    uint16_t type);

/* An ARP packet, data pointer at it. Consumes @m. */
void arp_rx(struct link *link, struct rte_mbuf *m);

/* No usable entry: queues @m, and asks when nobody has asked yet. Consumes @m. */
void arp_resolve(struct link *link, struct rte_mbuf *m, uint32_t next_hop);

/* Puts the header of usable neighbour @n in front of @m and gives it to the port. Consumes @m. */
void link_tx_to(struct link *link, struct rte_mbuf *m, const struct neigh *n);

/* Gives finished frame @m to the port. */
static inline void link_out(struct link *link, struct rte_mbuf *m)
{
	link->cfg.ops->tx(link->cfg.ctx, m);
}

#endif
