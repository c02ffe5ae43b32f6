/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * net.h with the network layer on top, one guest with one address, and transports that keep what
 * they get.
 */
#ifndef OUTSOCK_TEST_UNIT_IP_NET_H
#define OUTSOCK_TEST_UNIT_IP_NET_H

#include "ip/ip.h"
#include "net.h"
#include "wire/icmp.h"
#include "wire/tcp.h"
#include "wire/udp.h"

#include <errno.h>

#define GUEST  ((struct sock_owner *)0x10000)
#define GUEST2 ((struct sock_owner *)0x20000)

struct upper {
	struct rte_mbuf *rx[256];
	unsigned int n_rx, n_calls, n_err;
	struct ip_err err;
};

struct ip_net {
	struct net net;
	struct ip *ip;
	struct upper tcp, udp;
};

static inline void upper_rx(void *ctx, struct rte_mbuf **pkts, unsigned int n)
{
	struct upper *u = ctx;

	assert_in_range(n, 1, IP_BURST);
	u->n_calls++;
	for (unsigned int i = 0; i < n; i++)
		u->rx[u->n_rx++] = pkts[i];
}

static inline void upper_err(void *ctx, const struct ip_err *err)
{
	struct upper *u = ctx;

	u->n_err++;
	u->err = *err;
}

static const struct ip_proto upper_proto = { upper_rx, upper_err };

static inline void upper_forget(struct upper *u)
{
	rte_pktmbuf_free_bulk(u->rx, u->n_rx);
	memset(u, 0, sizeof(*u));
}

static inline void ip_net_init_cfg(struct ip_net *t, const struct link_cfg *link_cfg,
				   uint32_t icmp_rate)
{
	const struct ip_cfg cfg = {
		.env = &t->net.env,
		.addrs_max = 8,
		.routes_max = 8,
		.frags_max = 64,
		.icmp_rate = icmp_rate,
	};
	const struct ip_addr a = ip_addr_v4(OUR_IP);

	t->net.link = link_create(link_cfg);
	assert_non_null(t->net.link);
	t->ip = ip_create(&cfg);
	assert_non_null(t->ip);
	link_set_up(t->net.link, &ip_link_up, t->ip);
	ip_proto_set(t->ip, IP_PROTO_TCP, &upper_proto, &t->tcp);
	ip_proto_set(t->ip, IP_PROTO_UDP, &upper_proto, &t->udp);
	assert_int_equal(ip_addr_add(t->ip, &a, 24, GUEST, t->net.link), 0);
	link_learn(t->net.link, PEER_IP, &peer_mac);
}

static inline void ip_net_init(struct ip_net *t, uint32_t offload)
{
	struct link_cfg cfg;

	memset(t, 0, sizeof(*t));
	net_init(&t->net);
	cfg = net_link_cfg(&t->net);
	cfg.offload = offload;
	ip_net_init_cfg(t, &cfg, 1000);
}

static inline void ip_net_fini(struct ip_net *t)
{
	upper_forget(&t->tcp);
	upper_forget(&t->udp);
	ip_destroy(t->ip);
	net_fini(&t->net);
}

/* An IPv4 packet with everything right; change what is to be wrong, then ip_finish(). */
struct ip_pkt {
	struct ip4_hdr h;
	uint8_t data[2000];
};

static inline struct ip_pkt ip_make(uint8_t proto, const void *data, size_t len)
{
	struct ip_pkt p = { .h = {
				    .ver_ihl = 0x45,
				    .len = be16(20 + len),
				    .id = be16(7),
				    .ttl = 63,
				    .tos = 4,
				    .proto = proto,
				    .src = PEER_IP,
				    .dst = OUR_IP,
			    } };

	memcpy(p.data, data, len);
	return p;
}

static inline void ip_finish(struct ip_pkt *p)
{
	p->h.cksum = 0;
	p->h.cksum = cksum_finish(cksum_add(0, &p->h, ip4_hdr_len(&p->h)));
}

/* As a frame from the peer; @len of the IP packet. */
static inline struct rte_mbuf *ip_frame(struct ip_net *t, const struct ip_pkt *p, size_t len)
{
	struct eth_hdr eth = { our_mac, peer_mac, be16(ETH_TYPE_IP4) };
	struct rte_mbuf *m = net_pkt(&t->net, &eth, sizeof(eth));

	memcpy(rte_pktmbuf_append(m, (uint16_t)len), p, len);
	return m;
}

static inline void ip_receive(struct ip_net *t, const struct ip_pkt *p, size_t len)
{
	struct rte_mbuf *m = ip_frame(t, p, len);

	link_rx(t->net.link, &m, 1);
}

/* IP header of frame @i that left. */
static inline struct ip4_hdr *ip_sent(struct ip_net *t, unsigned int i)
{
	assert_true(i < t->net.n_out);
	assert_true(t->net.out[i]->data_len >= 34);
	return rte_pktmbuf_mtod_offset(t->net.out[i], struct ip4_hdr *, 14);
}

#endif
