/* SPDX-License-Identifier: BSD-3-Clause */
/* UDP on the wire (RFC 768). All fields in network order. */
#ifndef OUTSOCK_WIRE_UDP_H
#define OUTSOCK_WIRE_UDP_H

#include <stdint.h>

struct udp_hdr {
	uint16_t sport, dport;
	uint16_t len;	/* bytes, header included */
	uint16_t cksum; /* 0: none */
} __attribute__((packed, aligned(2)));

_Static_assert(sizeof(struct udp_hdr) == 8, "RFC 768");

#endif
