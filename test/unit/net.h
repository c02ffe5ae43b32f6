/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One link of a stack without the rest: a port that keeps what is sent, and tables of what the port
 * owns and has learnt. For tests of link and ip.
 */
#ifndef OUTSOCK_TEST_UNIT_NET_H
#define OUTSOCK_TEST_UNIT_NET_H

#include "eal.h"
#include "link/link.h"
#include "wire/arp.h"
#include "wire/byteorder.h"
#include "wire/cksum.h"
#include "wire/ipv4.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NET_START (1000 * NSEC_PER_SEC)
#define NET_OUT	  1024
#define NET_ROOM  1600

#define OUR_IP	 be32(0x0a4d000b) /* 10.77.0.11 */
#define OUR_IP2	 be32(0x0a4d000c)
#define PEER_IP	 be32(0x0a4d0001)
#define PEER2_IP be32(0x0a4d0002)

static const struct eth_addr our_mac = { { 0x02, 0, 0, 0, 0, 0x0b } };
static const struct eth_addr peer_mac = { { 0x02, 0, 0, 0, 0, 0x01 } };
static const struct eth_addr peer2_mac = { { 0x02, 0, 0, 0, 0, 0x02 } };
static const struct eth_addr bcast_mac = { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } };

struct net {
	struct env env;
	struct link *link;
	struct rte_mbuf *out[NET_OUT];
	unsigned int n_out;
	unsigned int n_learnt;
	uint32_t learnt_ip;
	struct eth_addr learnt_mac;
	uint32_t owned[4];
	unsigned int avail; /* packets in the pool at first */
};

static inline void net_tx(void *ctx, struct rte_mbuf *m)
{
	struct net *n = ctx;

	assert_true(n->n_out < NET_OUT);
	n->out[n->n_out++] = m;
}

static inline bool net_owns(void *ctx, uint32_t be)
{
	struct net *n = ctx;

	for (unsigned int i = 0; i < 4; i++)
		if (be && n->owned[i] == be)
			return true;
	return false;
}

static inline void net_learnt(void *ctx, uint32_t be, const struct eth_addr *mac)
{
	struct net *n = ctx;

	n->n_learnt++;
	n->learnt_ip = be;
	n->learnt_mac = *mac;
}

static const struct link_ops net_ops = { net_tx, net_owns, net_learnt };

static inline struct link_cfg net_link_cfg(struct net *n)
{
	return (struct link_cfg){
		.ops = &net_ops,
		.ctx = n,
		.env = &n->env,
		.mac = our_mac,
		.mtu = 1500,
		.neigh_max = 32,
	};
}

/* All but the link. One pool for the process: it ends as full as it began. */
static inline void net_init(struct net *n)
{
	static struct rte_mempool *pool;

	test_eal_init();
	if (!pool)
		pool = pkt_pool_create("net", 2047, NET_ROOM, SOCKET_ID_ANY);
	assert_non_null(pool);
	memset(n, 0, sizeof(*n));
	n->env.now = NET_START;
	n->env.rng.state = 1;
	n->env.pool = pool;
	n->avail = rte_mempool_avail_count(pool);
	n->owned[0] = OUR_IP;
}

static inline void net_forget(struct net *n)
{
	rte_pktmbuf_free_bulk(n->out, n->n_out);
	n->n_out = 0;
}

/* Nothing leaks: with the link gone, the pool has what it had. */
static inline void net_fini(struct net *n)
{
	net_forget(n);
	link_destroy(n->link);
	assert_int_equal(rte_mempool_avail_count(n->env.pool), n->avail);
}

/* A packet with these bytes. */
static inline struct rte_mbuf *net_pkt(struct net *n, const void *data, size_t len)
{
	struct rte_mbuf *m = pkt_alloc(&n->env);

	assert_non_null(m);
	memcpy(rte_pktmbuf_append(m, (uint16_t)len), data, len);
	return m;
}

/* The same, cut into a chain after its first @cut bytes. */
static inline struct rte_mbuf *net_chain(struct net *n, const void *data, size_t len, size_t cut)
{
	struct rte_mbuf *m = net_pkt(n, data, cut);

	assert_int_equal(rte_pktmbuf_chain(m, net_pkt(n, (const char *)data + cut, len - cut)), 0);
	return m;
}

/* Asserts that exactly @reason was counted, @count times, and forgets it. */
static inline void net_dropped(struct net *n, enum drop_reason reason, uint64_t count)
{
	for (unsigned int r = 0; r < DROP_N; r++)
		if (n->env.drops[r] != (r == reason ? count : 0))
			fail_msg("%s: %llu", drop_name(r), (unsigned long long)n->env.drops[r]);
	n->env.drops[reason] = 0;
}

static inline void net_no_drops(struct net *n)
{
	net_dropped(n, DROP_LINK_SHORT, 0);
}

/* Asserts that frame @i that left is exactly these bytes. */
static inline void net_sent(struct net *n, unsigned int i, const void *want, size_t len)
{
	assert_true(i < n->n_out);
	assert_int_equal(n->out[i]->pkt_len, len);
	assert_int_equal(n->out[i]->nb_segs, 1);
	assert_memory_equal(rte_pktmbuf_mtod(n->out[i], void *), want, len);
}

struct net_arp_frame {
	struct eth_hdr eth;
	struct arp_hdr arp;
} __attribute__((packed, aligned(2)));

/* @tha is dst unless that is broadcast. */
static inline struct net_arp_frame net_arp(const struct eth_addr *dst, uint16_t op,
					   const struct eth_addr *sha, uint32_t spa, uint32_t tpa)
{
	static const struct eth_addr zero;
	bool all = !memcmp(dst, &bcast_mac, 6);

	return (struct net_arp_frame){
		.eth = { *dst, *sha, be16(ETH_TYPE_ARP) },
		.arp = { be16(1), be16(ETH_TYPE_IP4), 6, 4, be16(op), *sha, spa,
			 all || op == ARP_REQUEST ? zero : *dst, tpa },
	};
}

static inline void net_rx(struct net *n, const void *frame, size_t len)
{
	struct rte_mbuf *m = net_pkt(n, frame, len);

	link_rx(n->link, &m, 1);
}

/* The peer asks for our address: from now on it is known. The answer is forgotten. */
static inline void net_meet(struct net *n, uint32_t ip, const struct eth_addr *mac)
{
	struct net_arp_frame f = net_arp(&bcast_mac, ARP_REQUEST, mac, ip, OUR_IP);

	net_rx(n, &f, sizeof(f));
	net_forget(n);
}

#endif
