/* SPDX-License-Identifier: BSD-3-Clause */
#include "port/port.h"

#include <rte_byteorder.h>
#include <rte_ethdev.h>
#include <rte_prefetch.h>

#include "lcore/rt_forbidden.h"

/* Offset of the destination address in an IPv4 header. */
#define IP4_DST	    16
#define IP4_HDR_MIN 20

unsigned int port_rx(uint16_t dev, uint16_t queue, struct rte_mbuf **pkts, unsigned int max)
{
	unsigned int n = rte_eth_rx_burst(dev, queue, pkts, (uint16_t)max);

	for (unsigned int i = 0; i < n; i++)
		rte_prefetch0(rte_pktmbuf_mtod(pkts[i], void *));
	return n;
}

/* Destination in network order; 0: not an IPv4 packet whose header is all in the first segment. */
static inline uint32_t destination(const struct rte_mbuf *m)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	const struct eth_hdr *eth = (const void *)p;
	uint32_t len = rte_pktmbuf_data_len(m), at = sizeof(*eth);
	uint16_t type;
	uint32_t be;

	if (len < at + IP4_HDR_MIN)
		return 0;
	type = eth->type;
	if (type == rte_cpu_to_be_16(ETH_TYPE_VLAN)) {
		const struct vlan_hdr *vlan = (const void *)(p + at);

		type = vlan->type;
		at += sizeof(*vlan);
	}
	if (type != rte_cpu_to_be_16(ETH_TYPE_IP4) || len < at + IP4_HDR_MIN)
		return 0;
	memcpy(&be, p + at + IP4_DST, sizeof(be));
	return be;
}

void port_sort(const struct addr_map *map, unsigned int self, struct rte_mbuf **pkts,
	       unsigned int n, struct port_sorted *s)
{
	s->n_own = 0;
	s->n_foreign = 0;
	for (unsigned int i = 0; i < n; i++) {
		const struct addr_home *home = addr_map_find(map, destination(pkts[i]));

		if (!home || home->lcore == self) {
			s->own[s->n_own++] = pkts[i];
		} else {
			s->home[s->n_foreign] = home->lcore;
			s->foreign[s->n_foreign++] = pkts[i];
		}
	}
}
