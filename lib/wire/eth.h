/* SPDX-License-Identifier: BSD-3-Clause */
/* Ethernet II and 802.1Q on the wire. */
#ifndef OUTSOCK_WIRE_ETH_H
#define OUTSOCK_WIRE_ETH_H

#include <stdint.h>

struct eth_addr {
	uint8_t b[6];
} __attribute__((packed));

struct eth_hdr {
	struct eth_addr dst, src;
	uint16_t type; /* network order */
} __attribute__((packed, aligned(2)));

struct vlan_hdr {
	uint16_t tci;
	uint16_t type;
} __attribute__((packed, aligned(2)));

#define ETH_TYPE_IP4  0x0800
#define ETH_TYPE_ARP  0x0806
#define ETH_TYPE_VLAN 0x8100
#define ETH_TYPE_IP6  0x86dd

#endif
