/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire/cksum.h"

#include <string.h>

typedef uint64_t vec __attribute__((vector_size(16)));

/* 32-bit words as 64-bit sums in four lanes: no carry to catch, any compiler vectorises it. */
static uint64_t sum_blocks(const uint8_t *p, size_t n_blocks)
{
	const vec low = { 0xffffffffu, 0xffffffffu };
	vec s0 = { 0 }, s1 = { 0 };

	for (; n_blocks--; p += 32) {
		vec a, b;

		memcpy(&a, p, 16);
		memcpy(&b, p + 16, 16);
		s0 += (a & low) + (a >> 32);
		s1 += (b & low) + (b >> 32);
	}
	s0 += s1;
	return s0[0] + s0[1];
}

uint64_t cksum_add(uint64_t sum, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t part = 0;
	uint32_t w;

	if (len >= 32) {
		part = sum_blocks(p, len / 32);
		p += len & ~(size_t)31;
		len &= 31;
	}
	for (; len >= 4; len -= 4, p += 4) {
		memcpy(&w, p, 4);
		part += w;
	}
	w = 0;
	memcpy(&w, p, len);
	/* Folded once, so that a sum stays far from 64 bits however many pieces it takes. */
	return sum + (part & 0xffffffffu) + (part >> 32) + w;
}
