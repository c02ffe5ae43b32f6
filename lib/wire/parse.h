/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Checks of received headers. Total: any bytes of any length may come in, nothing beyond @avail is
 * read. @avail is what lies contiguous at the pointer.
 */
#ifndef OUTSOCK_WIRE_PARSE_H
#define OUTSOCK_WIRE_PARSE_H

#include "wire/arp.h"
#include "wire/ipv4.h"
#include "wire/tcp.h"
#include "wire/udp.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Is it an IPv4 header whose total length fits into a packet of @pkt_len bytes (RFC 1122, 3.2.1)?
 * Looks at no checksum. Header length in bytes, or 0.
 */
static inline unsigned int ip4_check(const void *data, size_t avail, uint32_t pkt_len)
{
	const struct ip4_hdr *h = data;
	unsigned int hlen, len;

	if (avail < IP4_MIN_LEN)
		return 0;
	hlen = ip4_hdr_len(h);
	len = __builtin_bswap16(h->len);
	if (h->ver_ihl >> 4 != 4 || hlen < IP4_MIN_LEN || hlen > avail || len < hlen ||
	    len > pkt_len)
		return 0;
	return hlen;
}

/*
 * Walks the options of a header that ip4_check() accepted. False: malformed; *@ret_source_route:
 * one of the source route options is there.
 */
bool ip4_options_check(const struct ip4_hdr *h, bool *ret_source_route);

/* Ethernet and IPv4, request or reply, sender that can be one (RFC 826; RFC 5227, 1.1). */
bool arp_check(const void *data, size_t avail);

/* TCP header length in bytes within a segment of @len bytes, or 0. */
static inline unsigned int tcp_check(const void *data, size_t avail, uint32_t len)
{
	const struct tcp_hdr *h = data;
	unsigned int hlen;

	if (avail < TCP_HDR_MIN)
		return 0;
	hlen = tcp_hdr_len(h);
	return hlen < TCP_HDR_MIN || hlen > avail || hlen > len ? 0 : hlen;
}

/* UDP length (header and payload) of a datagram in @len bytes of IP payload, or 0. */
static inline unsigned int udp_check(const void *data, size_t avail, uint32_t len)
{
	const struct udp_hdr *h = data;
	unsigned int n;

	if (avail < sizeof(*h))
		return 0;
	n = __builtin_bswap16(h->len);
	return n < sizeof(*h) || n > len ? 0 : n;
}

#endif
