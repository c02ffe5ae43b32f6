/* SPDX-License-Identifier: BSD-3-Clause */
/* ICMP on the wire (RFC 792, 1191). Multi-byte fields in network order. */
#ifndef OUTSOCK_WIRE_ICMP_H
#define OUTSOCK_WIRE_ICMP_H

#include <stdint.h>

struct icmp_hdr {
	uint8_t type, code;
	uint16_t cksum;
	union {
		struct {
			uint16_t id, seq;
		} echo;
		struct {
			uint16_t unused, mtu; /* RFC 1191, 4 */
		} frag;
		uint32_t rest;
	};
} __attribute__((packed, aligned(2)));

_Static_assert(sizeof(struct icmp_hdr) == 8, "RFC 792");

#define ICMP_ECHO_REPLY	   0
#define ICMP_UNREACH	   3
#define ICMP_QUENCH	   4
#define ICMP_REDIRECT	   5
#define ICMP_ECHO	   8
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAM	   12

/* Codes of ICMP_UNREACH. */
#define ICMP_UNREACH_NET       0
#define ICMP_UNREACH_HOST      1
#define ICMP_UNREACH_PROTO     2
#define ICMP_UNREACH_PORT      3
#define ICMP_UNREACH_FRAG      4
#define ICMP_UNREACH_SRC_ROUTE 5
#define ICMP_UNREACH_FILTERED  13 /* RFC 1812, 5.2.7.1 */

/* Codes of ICMP_TIME_EXCEEDED. */
#define ICMP_EXCEEDED_TTL  0
#define ICMP_EXCEEDED_FRAG 1

#endif
