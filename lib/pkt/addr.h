/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IP addresses of both families in one form: 16 bytes in network order, IPv4 as ::ffff:a.b.c.d
 * (RFC 4291, 2.5.5.2).
 */
#ifndef OUTSOCK_PKT_ADDR_H
#define OUTSOCK_PKT_ADDR_H

#include <stdbool.h>
#include <stdint.h>

struct ip_addr {
	union {
		uint8_t b[16];
		uint32_t w[4];
		uint64_t q[2];
	};
};

/* Port in network order. */
struct ip_endpoint {
	struct ip_addr addr;
	uint16_t port;
};

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "outsock runs on little-endian hosts"
#endif
#define IP_ADDR_MAPPED 0xffff0000u /* w[2] of an IPv4 address, little-endian host */

/* @be: network order. */
static inline struct ip_addr ip_addr_v4(uint32_t be)
{
	return (struct ip_addr){ .w = { 0, 0, IP_ADDR_MAPPED, be } };
}

static inline bool ip_addr_is_v4(const struct ip_addr *a)
{
	return a->q[0] == 0 && a->w[2] == IP_ADDR_MAPPED;
}

/* The unspecified address of either family: ::, ::ffff:0.0.0.0 */
static inline bool ip_addr_is_any(const struct ip_addr *a)
{
	return a->q[0] == 0 && a->w[3] == 0 && (a->w[2] == 0 || a->w[2] == IP_ADDR_MAPPED);
}

static inline bool ip_addr_eq(const struct ip_addr *a, const struct ip_addr *b)
{
	return ((a->q[0] ^ b->q[0]) | (a->q[1] ^ b->q[1])) == 0;
}

#endif
