/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The Internet checksum (RFC 1071). Sums are unfolded, in the byte order of memory; they start at
 * 0 and are passed on from piece to piece.
 */
#ifndef OUTSOCK_WIRE_CKSUM_H
#define OUTSOCK_WIRE_CKSUM_H

#include "wire/ipv4.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Sum of @len bytes at @data (any alignment), added to @sum. A piece of odd length must be the
 * last.
 */
uint64_t cksum_add(uint64_t sum, const void *data, size_t len);

static inline uint16_t cksum_fold(uint64_t sum)
{
	uint32_t half;

	/* The upper half of x + swapped x is the sum of both halves, with its carry. */
	sum += sum << 32 | sum >> 32;
	half = (uint32_t)(sum >> 32);
	half += half << 16 | half >> 16;
	return (uint16_t)(half >> 16);
}

/* What a piece of @sum adds when it begins at an odd byte of the whole (RFC 1071, 2 (B)). */
static inline uint64_t cksum_swap(uint64_t sum)
{
	return __builtin_bswap16(cksum_fold(sum));
}

/* The value for the checksum field. */
static inline uint16_t cksum_finish(uint64_t sum)
{
	return (uint16_t)~cksum_fold(sum);
}

/* Pseudo header (RFC 9293, 3.1): @src and @dst in network order, @len of header and payload. */
static inline uint64_t cksum_pseudo4(uint32_t src, uint32_t dst, uint8_t proto, uint32_t len)
{
	return (uint64_t)src + dst + ((uint32_t)proto << 8) + __builtin_bswap16((uint16_t)len);
}

/* Of a 20-byte IPv4 header: cksum_fold() gives 0xffff when its checksum is right. */
static inline uint64_t cksum_ip4_sum(const struct ip4_hdr *h)
{
	uint32_t w[5];

	__builtin_memcpy(w, h, sizeof(w));
	return (uint64_t)w[0] + w[1] + w[2] + w[3] + w[4];
}

/*
 * The new checksum when one 16-bit field of the data changes from @from to @to (RFC 1624, eqn. 3).
 * All in the byte order of memory.
 */
static inline uint16_t cksum_update16(uint16_t cksum, uint16_t from, uint16_t to)
{
	return cksum_finish((uint64_t)(uint16_t)~cksum + (uint16_t)~from + to);
}

#endif
