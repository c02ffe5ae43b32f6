/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/siphash.h"

#include <string.h>

struct sip {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotl(uint64_t x, unsigned int n)
{
	return x << n | x >> (64 - n);
}

static inline void sip_rounds(struct sip *s, unsigned int n)
{
	while (n--) {
		s->v0 += s->v1;
		s->v2 += s->v3;
		s->v1 = rotl(s->v1, 13) ^ s->v0;
		s->v3 = rotl(s->v3, 16) ^ s->v2;
		s->v0 = rotl(s->v0, 32);
		s->v2 += s->v1;
		s->v0 += s->v3;
		s->v1 = rotl(s->v1, 17) ^ s->v2;
		s->v3 = rotl(s->v3, 21) ^ s->v0;
		s->v2 = rotl(s->v2, 32);
	}
}

/* The last word: what is left of the input, and its length in the top byte. */
static inline uint64_t sip_tail(const uint8_t *p, size_t len)
{
	uint64_t w = (uint64_t)len << 56;

	for (size_t i = 0; i < (len & 7); i++)
		w |= (uint64_t)p[i] << (8 * i);
	return w;
}

/* Inlined twice, so that the numbers of rounds are constants. */
static inline __attribute__((always_inline)) uint64_t
sip(const struct siphash_key *key, const void *data, size_t len, unsigned int c, unsigned int d)
{
	struct sip s = {
		.v0 = key->k[0] ^ 0x736f6d6570736575u,
		.v1 = key->k[1] ^ 0x646f72616e646f6du,
		.v2 = key->k[0] ^ 0x6c7967656e657261u,
		.v3 = key->k[1] ^ 0x7465646279746573u,
	};
	const uint8_t *p = data;
	uint64_t w;

	for (size_t left = len; left >= 8; left -= 8, p += 8) {
		memcpy(&w, p, 8);
		s.v3 ^= w;
		sip_rounds(&s, c);
		s.v0 ^= w;
	}
	w = sip_tail(p, len);
	s.v3 ^= w;
	sip_rounds(&s, c);
	s.v0 ^= w;
	s.v2 ^= 0xff;
	sip_rounds(&s, d);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

uint64_t siphash24(const struct siphash_key *key, const void *data, size_t len)
{
	return sip(key, data, len, 2, 4);
}

uint64_t siphash13(const struct siphash_key *key, const void *data, size_t len)
{
	return sip(key, data, len, 1, 3);
}
