/* SPDX-License-Identifier: BSD-3-Clause */
/* Network order and back; constants fold. Our hosts are little-endian (pkt/addr.h). */
#ifndef OUTSOCK_WIRE_BYTEORDER_H
#define OUTSOCK_WIRE_BYTEORDER_H

#include <stdint.h>
#include <string.h>

#define be16(x) ((uint16_t)__builtin_bswap16((uint16_t)(x)))
#define be32(x) ((uint32_t)__builtin_bswap32((uint32_t)(x)))

/* At any alignment; value in host order. */
static inline uint16_t be16_get(const void *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return be16(v);
}

static inline uint32_t be32_get(const void *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return be32(v);
}

static inline void be16_put(void *p, uint16_t v)
{
	v = be16(v);
	memcpy(p, &v, sizeof(v));
}

static inline void be32_put(void *p, uint32_t v)
{
	v = be32(v);
	memcpy(p, &v, sizeof(v));
}

#endif
