/* SPDX-License-Identifier: BSD-3-Clause */
/* IPv4 on the wire (RFC 791). Multi-byte fields in network order. */
#ifndef OUTSOCK_WIRE_IPV4_H
#define OUTSOCK_WIRE_IPV4_H

#include <stdbool.h>
#include <stdint.h>

struct ip4_hdr {
	uint8_t ver_ihl; /* version, header length in 32-bit words */
	uint8_t tos;
	uint16_t len; /* bytes, header included */
	uint16_t id;
	uint16_t frag; /* IP4_DF, IP4_MF, offset in units of 8 bytes */
	uint8_t ttl;
	uint8_t proto;
	uint16_t cksum;
	uint32_t src, dst;
} __attribute__((packed, aligned(2)));

_Static_assert(sizeof(struct ip4_hdr) == 20, "RFC 791");

#define IP4_VER_IHL 0x45 /* without options */
#define IP4_MIN_LEN 20u
#define IP4_MAX_PKT 65535u
/* Of frag in host order. */
#define IP4_DF	   0x4000
#define IP4_MF	   0x2000
#define IP4_OFFSET 0x1fff

#define IP_PROTO_ICMP 1
#define IP_PROTO_TCP  6
#define IP_PROTO_UDP  17

/* Options (RFC 791, 3.1). */
#define IP4_OPT_END  0
#define IP4_OPT_NOP  1
#define IP4_OPT_LSRR 131
#define IP4_OPT_SSRR 137

static inline unsigned int ip4_hdr_len(const struct ip4_hdr *h)
{
	return (h->ver_ihl & 0xfu) * 4;
}

/* Address classes; @be in network order, whose first byte is the low one on our hosts. */
static inline bool ip4_is_multicast(uint32_t be)
{
	return (be & 0xf0) == 0xe0; /* 224.0.0.0/4 */
}

static inline bool ip4_is_loopback(uint32_t be)
{
	return (be & 0xff) == 127;
}

/* 0.0.0.0/8, 127.0.0.0/8, 224.0.0.0/4 and above: never a sender (RFC 1122, 3.2.1.3). */
static inline bool ip4_is_bad_source(uint32_t be)
{
	uint8_t first = be & 0xff;

	return first == 0 || first == 127 || first >= 224;
}

#endif
