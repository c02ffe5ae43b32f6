/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames as tests see them: built and taken apart by code of their own, with checksums from DPDK,
 * so that a mistake in lib/wire does not hide itself. All numbers in host order.
 */
#ifndef OUTSOCK_TEST_FRAME_H
#define OUTSOCK_TEST_FRAME_H

#include <rte_mbuf.h>

#include <stdbool.h>
#include <stdint.h>

#define FRAME_MAX 70000

struct seg_opts {
	bool mss_ok, wscale_ok, sack_ok, ts_ok;
	uint16_t mss;
	uint8_t wscale;
	uint32_t ts_val, ts_ecr;
	unsigned int n_sack;
	uint32_t sack[4][2]; /* left, right edge */
	unsigned int n_raw;  /* in: further option bytes */
	uint8_t raw[40];
};

/* An IPv4 packet. */
struct frame {
	uint32_t src, dst;
	uint8_t proto, ttl, tos;
	uint16_t id;
	bool df, mf;
	uint32_t frag_off; /* bytes */
	const uint8_t *l4; /* header and payload */
	uint32_t l4_len;
};

struct seg {
	uint16_t sport, dport;
	uint32_t seq, ack;
	uint8_t flags;
	uint16_t win, urp;
	struct seg_opts opts;
	const uint8_t *data;
	uint32_t len;
};

/* Header and payload into @buf (at least len + 60); returns how many. @bad: spoil the sum. */
uint32_t seg_build(uint8_t *buf, const struct seg *seg, uint32_t src, uint32_t dst, bool bad);
uint32_t udp_build(uint8_t *buf, uint16_t sport, uint16_t dport, const uint8_t *data, uint32_t len,
		   uint32_t src, uint32_t dst);
/* A frame from @f in a fresh mbuf (a chain when it is large); NULL: pool is empty. */
struct rte_mbuf *frame_build(struct rte_mempool *pool, const struct frame *f,
			     const uint8_t dst_mac[6], const uint8_t src_mac[6]);
/* Any bytes behind an Ethernet header. */
struct rte_mbuf *frame_raw(struct rte_mempool *pool, uint16_t type, const void *data, uint32_t len,
			   const uint8_t dst_mac[6], const uint8_t src_mac[6]);

/* NULL, or what is wrong with the packet, checksums too. @len from the Ethernet header on. */
const char *frame_parse(const uint8_t *buf, uint32_t len, struct frame *ret);
const char *seg_parse(const struct frame *f, struct seg *ret);
/* Header length is 8: payload at f->l4 + 8. */
const char *udp_parse(const struct frame *f, uint16_t *ret_sport, uint16_t *ret_dport);

/* "SA" of TCP flags. */
const char *seg_flags_name(uint8_t flags, char buf[9]);

/* The byte at offset @off of every test stream number @key. */
static inline uint8_t pattern_byte(uint64_t off, uint32_t key)
{
	uint64_t x = (off + key * 0x9e3779b9u) * 0x9e3779b97f4a7c15u;

	return x >> 56;
}

static inline void pattern_fill(uint8_t *p, uint64_t off, uint32_t n, uint32_t key)
{
	for (uint32_t i = 0; i < n; i++)
		p[i] = pattern_byte(off + i, key);
}

/* Index of the first wrong byte, or @n. */
static inline uint32_t pattern_check(const uint8_t *p, uint64_t off, uint32_t n, uint32_t key)
{
	for (uint32_t i = 0; i < n; i++)
		if (p[i] != pattern_byte(off + i, key))
			return i;
	return n;
}

#endif
