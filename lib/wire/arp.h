/* SPDX-License-Identifier: BSD-3-Clause */
/* ARP for IPv4 over Ethernet on the wire (RFC 826). All fields in network order. */
#ifndef OUTSOCK_WIRE_ARP_H
#define OUTSOCK_WIRE_ARP_H

#include "wire/eth.h"

struct arp_hdr {
	uint16_t hw_type;    /* ARP_HW_ETHER */
	uint16_t proto_type; /* ETH_TYPE_IP4 */
	uint8_t hw_len;	     /* 6 */
	uint8_t proto_len;   /* 4 */
	uint16_t op;
	struct eth_addr sha; /* sender */
	uint32_t spa;
	struct eth_addr tha; /* target */
	uint32_t tpa;
} __attribute__((packed, aligned(2)));

_Static_assert(sizeof(struct arp_hdr) == 28, "RFC 826");

#define ARP_HW_ETHER 1
#define ARP_REQUEST  1
#define ARP_REPLY    2

#endif
