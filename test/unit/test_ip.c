/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IPv4: what is accepted, how it reaches the transports, headers and checksums sent, routes,
 * loops.
 */
#include "ip_net.h"

static struct ip_net t;

static int setup(void **state)
{
	ip_net_init(&t, 0);
	return 0;
}

static int setup_offload(void **state)
{
	ip_net_init(&t, LINK_RX_CKSUM | LINK_TX_IP | LINK_TX_L4 | LINK_TX_MSEG);
	return 0;
}

static int teardown(void **state)
{
	ip_net_fini(&t);
	return 0;
}

static struct ip_addr v4(uint32_t be)
{
	return ip_addr_v4(be);
}

/* ---- receive ---- */

static void test_delivery(void **state)
{
	struct ip_pkt p = ip_make(IP_PROTO_UDP, "payload", 7);
	struct ip_addr us = v4(OUR_IP), peer = v4(PEER_IP);
	struct pkt_meta *meta;

	ip_finish(&p);
	ip_receive(&t, &p, 27 + 19); /* with Ethernet padding */
	assert_int_equal(t.udp.n_rx, 1);
	assert_int_equal(t.udp.rx[0]->pkt_len, 7);
	assert_int_equal(t.udp.rx[0]->data_len, 7);
	assert_int_equal(t.udp.rx[0]->l3_len, 20);
	assert_memory_equal(rte_pktmbuf_mtod(t.udp.rx[0], void *), "payload", 7);
	meta = pkt_meta(t.udp.rx[0]);
	assert_ptr_equal(meta->owner, GUEST);
	assert_true(ip_addr_eq(&meta->src, &peer));
	assert_true(ip_addr_eq(&meta->dst, &us));
	assert_int_equal(meta->payload, 7);
	assert_int_equal(meta->proto, IP_PROTO_UDP);
	assert_int_equal(meta->ttl, 63);
	assert_int_equal(meta->tos, 4);
	net_no_drops(&t.net);
}

#define REFUSED(reason, change) \
	do { \
		struct ip_pkt p = ip_make(IP_PROTO_UDP, "x", 1); \
		change; \
		ip_finish(&p); \
		ip_receive(&t, &p, 40); \
		net_dropped(&t.net, reason, 1); \
		assert_int_equal(t.udp.n_rx + t.tcp.n_rx, 0); \
	} while (0)

static void test_validation(void **state)
{
	REFUSED(DROP_IP_BAD, p.h.ver_ihl = 0x65);
	REFUSED(DROP_IP_BAD, p.h.ver_ihl = 0x44);
	REFUSED(DROP_IP_BAD, p.h.ver_ihl = 0x4f; p.h.len = be16(59));
	REFUSED(DROP_IP_BAD, p.h.len = be16(19));
	REFUSED(DROP_IP_BAD, p.h.len = be16(41));
	REFUSED(DROP_IP_BAD, p.h.ver_ihl = 0x46; p.h.len = be16(25); p.data[0] = 7; p.data[1] = 1);
	REFUSED(DROP_IP_OPTIONS, p.h.ver_ihl = 0x46; p.h.len = be16(25); p.data[0] = 131;
		p.data[1] = 4);
	REFUSED(DROP_IP_SRC, p.h.src = 0);
	REFUSED(DROP_IP_SRC, p.h.src = be32(0x7f000001));
	REFUSED(DROP_IP_SRC, p.h.src = be32(0xe0000001));
	REFUSED(DROP_IP_SRC, p.h.src = be32(0xffffffff));
	REFUSED(DROP_IP_SRC, p.h.src = OUR_IP); /* an impostor, or a "land" packet */
	REFUSED(DROP_IP_DST, p.h.dst = OUR_IP2);
	REFUSED(DROP_IP_DST, p.h.dst = be32(0xffffffff));
	REFUSED(DROP_IP_DST, p.h.dst = be32(0x0a4d00ff));
	assert_int_equal(t.net.n_out, 0);
}

static void test_header_checksum(void **state)
{
	struct ip_pkt p = ip_make(IP_PROTO_UDP, "x", 1);

	ip_finish(&p);
	p.h.cksum ^= 1;
	ip_receive(&t, &p, 21);
	net_dropped(&t.net, DROP_IP_CKSUM, 1);
	p.h.cksum ^= 1;
	p.h.ttl--;
	ip_receive(&t, &p, 21);
	net_dropped(&t.net, DROP_IP_CKSUM, 1);
	/* TTL is a router's business (RFC 1122, 3.2.1.7). */
	p.h.ttl = 0;
	ip_finish(&p);
	ip_receive(&t, &p, 21);
	assert_int_equal(t.udp.n_rx, 1);
}

static void test_harmless_options(void **state)
{
	struct ip_pkt p = ip_make(IP_PROTO_UDP, "\1\1\1\0x", 5);

	p.h.ver_ihl = 0x46;
	ip_finish(&p);
	ip_receive(&t, &p, 25);
	assert_int_equal(t.udp.n_rx, 1);
	assert_int_equal(pkt_meta(t.udp.rx[0])->payload, 1);
	assert_int_equal(t.udp.rx[0]->l3_len, 24);
}

static void test_cut_anywhere(void **state)
{
	struct ip_pkt p = ip_make(IP_PROTO_UDP, "0123456789", 10);

	ip_finish(&p);
	for (size_t len = 0; len < 30; len++) {
		ip_receive(&t, &p, len);
		net_dropped(&t.net, DROP_IP_BAD, 1);
	}
}

/* A chain from the port: padding is cut off its end, a header over two segments is refused. */
static void test_chain_from_the_port(void **state)
{
	struct ip_pkt p = ip_make(IP_PROTO_UDP, "0123456789", 10);
	struct rte_mbuf *m, *tail;

	ip_finish(&p);
	m = ip_frame(&t, &p, 24);
	tail = net_pkt(&t.net, "456789PAD", 9);
	rte_pktmbuf_chain(m, tail);
	link_rx(t.net.link, &m, 1);
	assert_int_equal(t.udp.n_rx, 1);
	assert_int_equal(t.udp.rx[0]->pkt_len, 10);
	assert_int_equal(pkt_meta(t.udp.rx[0])->payload, 10);
	m = ip_frame(&t, &p, 12);
	rte_pktmbuf_chain(m, net_pkt(&t.net, (char *)&p + 12, 18));
	link_rx(t.net.link, &m, 1);
	net_dropped(&t.net, DROP_IP_BAD, 1);
}

/* Packets in a row for one protocol go up in one call, in their order. */
static void test_grouping(void **state)
{
	static const uint8_t protos[] = { 6, 6, 6, 17, 17, 6, 6 };
	struct rte_mbuf *burst[RTE_DIM(protos)];

	for (unsigned int i = 0; i < RTE_DIM(protos); i++) {
		struct ip_pkt p = ip_make(protos[i], "x", 1);

		p.data[0] = (uint8_t)i;
		ip_finish(&p);
		burst[i] = ip_frame(&t, &p, 21);
	}
	link_rx(t.net.link, burst, RTE_DIM(protos));
	assert_int_equal(t.tcp.n_calls, 2);
	assert_int_equal(t.udp.n_calls, 1);
	assert_int_equal(t.tcp.n_rx, 5);
	assert_int_equal(t.udp.n_rx, 2);
	for (unsigned int i = 0; i < 5; i++)
		assert_int_equal(*rte_pktmbuf_mtod(t.tcp.rx[i], uint8_t *), i < 3 ? i : i + 2);
}

static void test_unknown_protocol(void **state)
{
	struct ip_pkt p = ip_make(200, "x", 1);
	struct icmp_hdr *icmp;

	ip_finish(&p);
	ip_receive(&t, &p, 21);
	net_dropped(&t.net, DROP_IP_PROTO, 1);
	assert_int_equal(t.net.n_out, 1);
	icmp = (void *)(ip_sent(&t, 0) + 1);
	assert_int_equal(icmp->type, ICMP_UNREACH);
	assert_int_equal(icmp->code, ICMP_UNREACH_PROTO);
}

/* ---- transport checksums ---- */

struct udp_pkt {
	struct udp_hdr h;
	char data[6];
} __attribute__((packed, aligned(2)));

#define UDP_LEN 13u /* "hello", odd */

static struct udp_pkt udp_good(void)
{
	struct udp_pkt u = { { be16(1), be16(2), be16(13), 0 }, "hello" };

	u.h.cksum = cksum_finish(cksum_add(cksum_pseudo4(PEER_IP, OUR_IP, 17, 13), &u, 13));
	return u;
}

/* The UDP packet as it came up, with these flags of the port's. */
static bool cksum_verdict(const struct udp_pkt *u, uint64_t flags)
{
	struct ip_pkt p = ip_make(IP_PROTO_UDP, u, UDP_LEN);
	struct rte_mbuf *m;
	bool ok;

	ip_finish(&p);
	m = ip_frame(&t, &p, 20 + UDP_LEN);
	m->ol_flags = flags;
	link_rx(t.net.link, &m, 1);
	assert_int_equal(t.udp.n_rx, 1);
	ok = ip_l4_cksum_ok(t.udp.rx[0]);
	upper_forget(&t.udp);
	return ok;
}

static void test_l4_checksum_in_software(void **state)
{
	struct udp_pkt u = udp_good();

	assert_true(cksum_verdict(&u, 0));
	/* This port is not believed. */
	assert_true(cksum_verdict(&u, RTE_MBUF_F_RX_L4_CKSUM_BAD));
	u.data[2] ^= 4;
	assert_false(cksum_verdict(&u, 0));
	assert_false(cksum_verdict(&u, RTE_MBUF_F_RX_L4_CKSUM_GOOD));
	u.h.cksum = 0;
	assert_true(cksum_verdict(&u, 0));
}

static void test_l4_checksum_by_the_port(void **state)
{
	struct udp_pkt u = udp_good();

	u.data[2] ^= 4;
	assert_true(cksum_verdict(&u, RTE_MBUF_F_RX_L4_CKSUM_GOOD));
	assert_true(cksum_verdict(&u, RTE_MBUF_F_RX_L4_CKSUM_NONE));
	assert_false(cksum_verdict(&u, 0));
	assert_false(cksum_verdict(&u, RTE_MBUF_F_RX_L4_CKSUM_BAD));
}

static void test_l4_checksum_over_a_chain(void **state)
{
	struct udp_pkt u = udp_good();
	struct ip_pkt p = ip_make(IP_PROTO_UDP, &u, UDP_LEN);
	struct rte_mbuf *m;

	ip_finish(&p);
	m = ip_frame(&t, &p, 31);
	rte_pktmbuf_chain(m, net_pkt(&t.net, (char *)&u + 11, 2));
	link_rx(t.net.link, &m, 1);
	assert_true(ip_l4_cksum_ok(t.udp.rx[0]));
	*rte_pktmbuf_mtod(t.udp.rx[0]->next, uint8_t *) ^= 1;
	assert_false(ip_l4_cksum_ok(t.udp.rx[0]));
}

/* ---- transmit ---- */

static struct ip_flow flow_to(uint32_t dst, uint8_t proto)
{
	return (struct ip_flow){ .src = v4(OUR_IP), .dst = v4(dst), .proto = proto, .df = true };
}

static struct rte_mbuf *udp_out(void)
{
	struct udp_pkt u = { { be16(1), be16(2), be16(UDP_LEN), 0 }, "hello" };

	return net_pkt(&t.net, &u, UDP_LEN);
}

static void test_tx_header(void **state)
{
	struct ip_flow flow = flow_to(PEER_IP, IP_PROTO_UDP);
	static const uint8_t want[] = {
		0x45, 0x10, 0, 33, 0, 0, 0x40, 0, 9, 17, 0, 0, 10, 77, 0, 11, 10, 77, 0, 1,
	};
	struct ip4_hdr h;

	flow.tos = 0x10;
	flow.ttl = 9;
	assert_int_equal(ip_tx(t.ip, udp_out(), &flow), 0);
	assert_int_equal(t.net.n_out, 1);
	assert_int_equal(t.net.out[0]->pkt_len, 14 + 33);
	assert_int_equal(t.net.out[0]->l3_len, 20);
	h = *ip_sent(&t, 0);
	assert_int_equal(cksum_fold(cksum_ip4_sum(&h)), 0xffff);
	h.cksum = 0;
	assert_memory_equal(&h, want, 20);
	assert_int_equal(t.net.out[0]->ol_flags, 0);
}

/* Defaults: TTL 64 (RFC 1700); without DF an identification that differs. */
static void test_tx_defaults(void **state)
{
	struct ip_flow flow = flow_to(PEER_IP, IP_PROTO_UDP);

	flow.df = false;
	ip_tx(t.ip, udp_out(), &flow);
	ip_tx(t.ip, udp_out(), &flow);
	assert_int_equal(ip_sent(&t, 0)->ttl, 64);
	assert_int_equal(ip_sent(&t, 0)->frag, 0);
	assert_int_not_equal(ip_sent(&t, 0)->id, ip_sent(&t, 1)->id);
}

static uint16_t l4_sum(const struct ip4_hdr *h, uint32_t len)
{
	return cksum_fold(cksum_add(cksum_pseudo4(h->src, h->dst, h->proto, len), h + 1, len));
}

static void test_tx_checksums_in_software(void **state)
{
	struct ip_flow udp = flow_to(PEER_IP, IP_PROTO_UDP), tcp = flow_to(PEER_IP, IP_PROTO_TCP);
	struct tcp_hdr th = { .sport = be16(1), .off = 0x50 };

	ip_tx(t.ip, udp_out(), &udp);
	assert_int_equal(l4_sum(ip_sent(&t, 0), 13), 0xffff);
	ip_tx(t.ip, net_pkt(&t.net, &th, sizeof(th)), &tcp);
	assert_int_equal(l4_sum(ip_sent(&t, 1), 20), 0xffff);
	/* A chain, cut at an odd place. */
	ip_tx(t.ip, net_chain(&t.net, &(struct udp_pkt){ { 1, 2, be16(13), 0 }, "hello" }, 13, 9),
	      &udp);
	assert_int_equal(t.net.out[2]->nb_segs, 1);
	assert_int_equal(l4_sum(ip_sent(&t, 2), 13), 0xffff);
}

/* RFC 768: a UDP checksum that comes out as 0 is sent as all ones. */
static void test_tx_udp_checksum_zero(void **state)
{
	struct ip_flow flow = flow_to(PEER_IP, IP_PROTO_UDP);
	struct udp_hdr u = { be16(1), be16(2), be16(10), 0 };
	uint16_t rest = cksum_finish(cksum_add(cksum_pseudo4(OUR_IP, PEER_IP, 17, 10), &u, 8));
	struct rte_mbuf *m = net_pkt(&t.net, &u, sizeof(u));

	memcpy(rte_pktmbuf_append(m, 2), &rest, 2);
	ip_tx(t.ip, m, &flow);
	assert_int_equal(((struct udp_hdr *)(ip_sent(&t, 0) + 1))->cksum, 0xffff);
}

static void test_tx_offload(void **state)
{
	struct ip_flow udp = flow_to(PEER_IP, IP_PROTO_UDP), tcp = flow_to(PEER_IP, IP_PROTO_TCP);
	struct tcp_hdr th = { .sport = be16(1), .off = 0x50 };
	struct udp_hdr *u;

	ip_tx(t.ip, udp_out(), &udp);
	assert_int_equal(t.net.out[0]->ol_flags,
			 RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_UDP_CKSUM);
	assert_int_equal(t.net.out[0]->l2_len, 14);
	assert_int_equal(t.net.out[0]->l3_len, 20);
	assert_int_equal(ip_sent(&t, 0)->cksum, 0);
	u = (void *)(ip_sent(&t, 0) + 1);
	assert_int_equal(u->cksum, cksum_fold(cksum_pseudo4(OUR_IP, PEER_IP, 17, 13)));
	ip_tx(t.ip, net_pkt(&t.net, &th, sizeof(th)), &tcp);
	assert_int_equal(t.net.out[1]->ol_flags,
			 RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_TCP_CKSUM);
}

/* Sent again as a transport does it: data pointer back at the payload, new header in front. */
static void test_tx_again(void **state)
{
	struct ip_flow flow = flow_to(PEER_IP, IP_PROTO_UDP);
	struct rte_mbuf *m = udp_out();
	uint16_t off = m->data_off;

	rte_mbuf_refcnt_update(m, 1);
	for (unsigned int i = 0; i < 3; i++) {
		struct udp_hdr *u;

		assert_int_equal(ip_tx(t.ip, m, &flow), 0);
		assert_int_equal(t.net.n_out, 1);
		assert_int_equal(t.net.out[0]->pkt_len, 14 + 33);
		assert_int_equal(l4_sum(ip_sent(&t, 0), 13), 0xffff);
		net_forget(&t.net);
		assert_int_equal(rte_mbuf_refcnt_read(m), 1);
		rte_mbuf_refcnt_update(m, 1);
		m->pkt_len -= off - m->data_off;
		m->data_len -= off - m->data_off;
		m->data_off = off;
		u = rte_pktmbuf_mtod(m, struct udp_hdr *);
		assert_memory_equal(u + 1, "hello", 5);
		u->cksum = 0;
	}
	rte_mbuf_refcnt_update(m, -1);
	rte_pktmbuf_free(m);
}

static void test_tx_too_big_with_df(void **state)
{
	static const char data[1481];
	struct ip_flow flow = flow_to(PEER_IP, IP_PROTO_TCP);

	assert_int_equal(ip_tx(t.ip, net_pkt(&t.net, data, 1480), &flow), 0);
	assert_int_equal(t.net.n_out, 1);
	assert_int_equal(ip_tx(t.ip, net_pkt(&t.net, data, 1481), &flow), -EMSGSIZE);
	net_dropped(&t.net, DROP_IP_TOO_BIG, 1);
	assert_int_equal(t.net.n_out, 1);
}

/* ---- routes of flows ---- */

static void test_route_on_link(void **state)
{
	struct ip_flow flow = { .dst = v4(PEER2_IP) };
	struct ip_addr us = v4(OUR_IP);

	assert_int_equal(ip_flow_route(t.ip, &flow, GUEST), 0);
	assert_true(ip_addr_eq(&flow.src, &us));
	assert_ptr_equal(flow.link, t.net.link);
	assert_int_equal(flow.next_hop, PEER2_IP);
	assert_int_equal(flow.mtu, 1500);
}

static void test_route_by_gateway(void **state)
{
	struct ip_addr none = v4(0), gw = v4(PEER_IP);
	struct ip_flow flow = { .dst = v4(be32(0x08080808)), .proto = IP_PROTO_UDP };

	assert_int_equal(ip_flow_route(t.ip, &flow, GUEST), -ENETUNREACH);
	assert_int_equal(ip_route_add(t.ip, &none, 0, &gw, t.net.link), 0);
	assert_int_equal(ip_flow_route(t.ip, &flow, GUEST), 0);
	assert_int_equal(flow.next_hop, PEER_IP);
	ip_tx(t.ip, udp_out(), &flow);
	assert_int_equal(ip_sent(&t, 0)->dst, be32(0x08080808));
	assert_memory_equal(rte_pktmbuf_mtod(t.net.out[0], void *), &peer_mac, 6);
	assert_int_equal(ip_route_del(t.ip, &none, 0, t.net.link), 0);
	assert_int_equal(ip_tx(t.ip, udp_out(), &flow), -ENETUNREACH);
	net_dropped(&t.net, DROP_IP_NO_ROUTE, 1);
}

static void test_route_errors(void **state)
{
	struct ip_flow flow = { .dst = v4(PEER_IP) };
	static const uint32_t no_unicast[] = { 0, 0x7f000001, 0xe0000001, 0xfffffffe };
	struct ip_addr other = v4(OUR_IP2);

	/* Who has no address, and who takes another's. */
	assert_int_equal(ip_flow_route(t.ip, &flow, GUEST2), -EADDRNOTAVAIL);
	flow.src = v4(OUR_IP);
	assert_int_equal(ip_flow_route(t.ip, &flow, GUEST2), -EADDRNOTAVAIL);
	flow.src = other;
	assert_int_equal(ip_flow_route(t.ip, &flow, GUEST), -EADDRNOTAVAIL);
	for (unsigned int i = 0; i < RTE_DIM(no_unicast); i++) {
		flow = (struct ip_flow){ .dst = v4(be32(no_unicast[i])) };
		assert_int_equal(ip_flow_route(t.ip, &flow, GUEST), -ENETUNREACH);
	}
}

static bool is_broadcast(uint32_t dst)
{
	struct ip_flow flow = { .dst = v4(be32(dst)) };

	assert_int_equal(ip_flow_route(t.ip, &flow, GUEST), 0);
	assert_ptr_equal(flow.link, t.net.link);
	return flow.broadcast;
}

/* RFC 919: all ones, and all ones behind a prefix of the guest's own. RFC 3021: not of a pair. */
static void test_route_broadcast(void **state)
{
	struct ip_addr wide = v4(be32(0x0a000005)), pair = v4(be32(0x0a020004));
	struct ip_flow flow = { .dst = v4(UINT32_MAX) };

	assert_true(is_broadcast(UINT32_MAX));
	assert_true(is_broadcast(be32(OUR_IP) | 0xff));
	assert_false(is_broadcast(be32(PEER_IP)));
	assert_int_equal(ip_addr_add(t.ip, &wide, 8, GUEST, t.net.link), 0);
	assert_int_equal(ip_addr_add(t.ip, &pair, 31, GUEST, t.net.link), 0);
	assert_true(is_broadcast(0x0affffff));
	assert_false(is_broadcast(0x0a0200ff));
	assert_false(is_broadcast(0x0a020005));
	ip_addr_del(t.ip, &wide);
	ip_addr_del(t.ip, &pair);
	assert_int_equal(ip_flow_route(t.ip, &flow, GUEST2), -EADDRNOTAVAIL);
}

/* The address whose prefix fits best, else the first one. */
static void test_source_choice(void **state)
{
	struct ip_addr wide = v4(be32(0x0a000005)), us = v4(OUR_IP);
	struct ip_flow flow = { .dst = v4(be32(0x0a010101)) };

	assert_int_equal(ip_addr_add(t.ip, &wide, 8, GUEST, t.net.link), 0);
	assert_int_equal(ip_flow_route(t.ip, &flow, GUEST), 0);
	assert_int_equal(flow.src.w[3], OUR_IP); /* same link: the same route serves both */
	flow = (struct ip_flow){ .src = wide, .dst = v4(PEER_IP) };
	assert_int_equal(ip_flow_route(t.ip, &flow, GUEST), 0);
	assert_true(ip_addr_eq(&flow.src, &wide));
	ip_addr_del(t.ip, &us);
	flow = (struct ip_flow){ .dst = v4(PEER_IP) };
	assert_int_equal(ip_flow_route(t.ip, &flow, GUEST), 0);
	assert_true(ip_addr_eq(&flow.src, &wide));
}

/* Packets leave by the link of their source address. */
static void test_two_links(void **state)
{
	struct link_cfg cfg = net_link_cfg(&t.net);
	struct ip_addr b = v4(be32(0x0b000005)), none = v4(0);
	struct ip_addr gw_a = v4(PEER_IP), gw_b = v4(be32(0x0b000001));
	struct ip_flow flow;
	struct link *second;

	cfg.mtu = 9000;
	second = link_create(&cfg);
	assert_int_equal(ip_addr_add(t.ip, &b, 8, GUEST, second), 0);
	assert_int_equal(ip_route_add(t.ip, &none, 0, &gw_a, t.net.link), 0);
	assert_int_equal(ip_route_add(t.ip, &none, 0, &gw_b, second), 0);
	flow = (struct ip_flow){ .src = b, .dst = v4(be32(0x08080808)) };
	assert_int_equal(ip_flow_route(t.ip, &flow, GUEST), 0);
	assert_ptr_equal(flow.link, second);
	assert_int_equal(flow.next_hop, be32(0x0b000001));
	assert_int_equal(flow.mtu, 9000);
	flow = (struct ip_flow){ .src = v4(OUR_IP), .dst = v4(be32(0x08080808)) };
	assert_int_equal(ip_flow_route(t.ip, &flow, GUEST), 0);
	assert_ptr_equal(flow.link, t.net.link);
	flow = (struct ip_flow){ .dst = v4(be32(0x0b000009)) };
	assert_int_equal(ip_flow_route(t.ip, &flow, GUEST), 0);
	assert_true(ip_addr_eq(&flow.src, &b));
	link_destroy(second);
}

/* A flow that was routed before something changed finds its new way by itself. */
static void test_stale_flow(void **state)
{
	struct ip_flow flow = flow_to(PEER_IP, IP_PROTO_UDP);
	struct ip_addr us = v4(OUR_IP), host = v4(PEER_IP), gw = v4(PEER2_IP);

	ip_tx(t.ip, udp_out(), &flow);
	link_learn(t.net.link, PEER2_IP, &peer2_mac);
	assert_int_equal(ip_route_add(t.ip, &host, 32, &gw, t.net.link), 0);
	ip_tx(t.ip, udp_out(), &flow);
	assert_memory_equal(rte_pktmbuf_mtod(t.net.out[0], void *), &peer_mac, 6);
	assert_memory_equal(rte_pktmbuf_mtod(t.net.out[1], void *), &peer2_mac, 6);
	ip_addr_del(t.ip, &us);
	assert_int_equal(ip_tx(t.ip, udp_out(), &flow), -EADDRNOTAVAIL);
	net_dropped(&t.net, DROP_IP_NO_ROUTE, 1);
}

/* ---- addresses ---- */

static void test_addresses(void **state)
{
	struct ip_addr us = v4(OUR_IP), second = v4(OUR_IP2), loopback = v4(be32(0x7f000001));

	assert_ptr_equal(ip_addr_owner(t.ip, &us), GUEST);
	assert_null(ip_addr_owner(t.ip, &second));
	assert_int_equal(ip_addr_add(t.ip, &us, 24, GUEST2, t.net.link), -EEXIST);
	assert_int_equal(ip_addr_add(t.ip, &loopback, 8, GUEST2, t.net.link), -EINVAL);
	assert_int_equal(ip_addr_add(t.ip, &second, 33, GUEST2, t.net.link), -EINVAL);
	assert_int_equal(ip_addr_add(t.ip, &second, 24, GUEST2, t.net.link), 0);
	assert_ptr_equal(ip_addr_owner(t.ip, &second), GUEST2);
	ip_addr_del(t.ip, &second);
	ip_addr_del(t.ip, &second);
	assert_null(ip_addr_owner(t.ip, &second));
	assert_false(ip_addr_is_silent(t.ip, &us));
	ip_addr_silent(t.ip, &us, true);
	assert_true(ip_addr_is_silent(t.ip, &us));
	ip_addr_silent(t.ip, &us, false);
	assert_false(ip_addr_is_silent(t.ip, &us));
}

static void test_addresses_are_bounded(void **state)
{
	struct ip_addr a;

	for (uint32_t i = 0; i < 7; i++) {
		a = v4(be32(0x0a4d0020 + i));
		assert_int_equal(ip_addr_add(t.ip, &a, 24, GUEST, t.net.link), 0);
	}
	a = v4(be32(0x0a4d0030));
	assert_int_equal(ip_addr_add(t.ip, &a, 24, GUEST, t.net.link), -ENOSPC);
	assert_int_equal(ip_addr_add(t.ip, &a, 24, GUEST, NULL), -ENOSPC);
}

/* ---- in house ---- */

static void add_second_guest(void)
{
	struct ip_addr a = v4(OUR_IP2);

	assert_int_equal(ip_addr_add(t.ip, &a, 24, GUEST2, t.net.link), 0);
}

static void test_loop(void **state)
{
	struct ip_flow flow = flow_to(OUR_IP2, IP_PROTO_UDP);

	add_second_guest();
	assert_int_equal(ip_tx(t.ip, udp_out(), &flow), 0);
	assert_null(flow.link);
	assert_int_equal(flow.mtu, 1500);
	assert_int_equal(t.udp.n_rx, 0);
	assert_false(ip_loop(t.ip, 10));
	assert_int_equal(t.udp.n_rx, 1);
	assert_int_equal(t.net.n_out, 0);
	assert_ptr_equal(pkt_meta(t.udp.rx[0])->owner, GUEST2);
	assert_int_equal(pkt_meta(t.udp.rx[0])->src.w[3], OUR_IP);
	assert_int_equal(pkt_meta(t.udp.rx[0])->payload, 13);
	assert_true(ip_l4_cksum_ok(t.udp.rx[0]));
	net_no_drops(&t.net);
}

static void test_loop_has_a_budget(void **state)
{
	struct ip_flow flow = flow_to(OUR_IP2, IP_PROTO_UDP);

	add_second_guest();
	for (unsigned int i = 0; i < 100; i++)
		ip_tx(t.ip, udp_out(), &flow);
	assert_true(ip_loop(t.ip, 40));
	assert_int_equal(t.udp.n_rx, 40);
	assert_true(ip_loop(t.ip, 0));
	assert_int_equal(t.udp.n_rx, 40);
	assert_false(ip_loop(t.ip, 1000));
	assert_int_equal(t.udp.n_rx, 100);
}

static void test_loop_is_bounded(void **state)
{
	struct ip_flow flow = flow_to(OUR_IP2, IP_PROTO_UDP);

	add_second_guest();
	for (unsigned int i = 0; i < 1024; i++)
		assert_int_equal(ip_tx(t.ip, udp_out(), &flow), 0);
	assert_int_equal(ip_tx(t.ip, udp_out(), &flow), -ENOBUFS);
	net_dropped(&t.net, DROP_LOOP_FULL, 1);
}

/* The receiver gets a packet of its own when the sender keeps one, and the same one when not. */
static void test_loop_copies_kept_packets(void **state)
{
	struct ip_flow flow = flow_to(OUR_IP2, IP_PROTO_UDP);
	struct rte_mbuf *kept = udp_out(), *given = udp_out();

	add_second_guest();
	rte_mbuf_refcnt_update(kept, 1);
	ip_tx(t.ip, kept, &flow);
	ip_tx(t.ip, given, &flow);
	assert_int_equal(rte_mbuf_refcnt_read(kept), 1);
	ip_loop(t.ip, 10);
	assert_int_equal(t.udp.n_rx, 2);
	assert_ptr_not_equal(t.udp.rx[0], kept);
	assert_ptr_not_equal(t.udp.rx[0]->buf_addr, kept->buf_addr);
	assert_memory_equal(rte_pktmbuf_mtod_offset(t.udp.rx[0], void *, 8), "hello", 5);
	assert_ptr_equal(t.udp.rx[1], given);
	rte_pktmbuf_free(kept);
}

/* Large ones need no fragments in house, but DF and MTU hold for the transport's sake. */
static void test_loop_takes_large_datagrams(void **state)
{
	static const char data[3000];
	struct ip_flow flow = flow_to(OUR_IP2, IP_PROTO_UDP);

	add_second_guest();
	assert_int_equal(ip_tx(t.ip, net_chain(&t.net, data, 3000, 1500), &flow), 0);
	ip_loop(t.ip, 10);
	assert_int_equal(t.udp.n_rx, 1);
	assert_int_equal(pkt_meta(t.udp.rx[0])->payload, 3000);
}

static struct rte_mbuf *wired;

static bool wire_owns(void *ctx, const struct ip_addr *dst)
{
	return dst->w[3] == *(uint32_t *)ctx;
}

static void wire_tx(void *ctx, const struct ip_addr *dst, struct rte_mbuf *m)
{
	assert_true(wire_owns(ctx, dst));
	assert_null(wired);
	wired = m;
}

static void test_wire(void **state)
{
	static const struct ip_wire wire = { wire_owns, wire_tx };
	struct ip_flow flow = flow_to(OUR_IP2, IP_PROTO_UDP);
	uint32_t elsewhere = OUR_IP2;
	struct ip_addr a = v4(OUR_IP2);
	struct rte_mbuf *m = udp_out();

	ip_wire_set(t.ip, &wire, &elsewhere);
	rte_mbuf_refcnt_update(m, 1);
	assert_int_equal(ip_tx(t.ip, m, &flow), 0);
	/* What goes to another lcore belongs to it alone. */
	assert_non_null(wired);
	assert_ptr_not_equal(wired, m);
	assert_int_equal(rte_mbuf_refcnt_read(m), 1);
	rte_pktmbuf_free(m);
	/* The guest moves here: its packets find it, and what is on the wire is delivered. */
	elsewhere = 0;
	assert_int_equal(ip_addr_add(t.ip, &a, 24, GUEST2, t.net.link), 0);
	ip_wire_rx(t.ip, &wired, 1);
	wired = NULL;
	assert_int_equal(t.udp.n_rx, 1);
	assert_ptr_equal(pkt_meta(t.udp.rx[0])->owner, GUEST2);
	assert_true(ip_l4_cksum_ok(t.udp.rx[0]));
	assert_int_equal(ip_tx(t.ip, udp_out(), &flow), 0);
	assert_null(wired);
	ip_loop(t.ip, 10);
	assert_int_equal(t.udp.n_rx, 2);
}

/* From outside nobody speaks for a guest of another lcore either. */
static void test_source_elsewhere(void **state)
{
	static const struct ip_wire wire = { wire_owns, wire_tx };
	uint32_t elsewhere = OUR_IP2;

	ip_wire_set(t.ip, &wire, &elsewhere);
	REFUSED(DROP_IP_SRC, p.h.src = OUR_IP2);
}

static void test_flows_stale(void **state)
{
	static const struct ip_wire wire = { wire_owns, wire_tx };
	struct ip_flow flow = flow_to(PEER_IP, IP_PROTO_UDP);
	uint32_t elsewhere = 0;

	ip_wire_set(t.ip, &wire, &elsewhere);
	ip_tx(t.ip, udp_out(), &flow);
	assert_int_equal(t.net.n_out, 1);
	elsewhere = PEER_IP;
	ip_flows_stale(t.ip);
	ip_tx(t.ip, udp_out(), &flow);
	assert_int_equal(t.net.n_out, 1);
	assert_non_null(wired);
	rte_pktmbuf_free(wired);
	wired = NULL;
}

/* From another lcore too, nothing but well-formed packets for addresses of ours is taken. */
static void test_wire_rx_checks(void **state)
{
	struct ip_pkt p = ip_make(IP_PROTO_UDP, "x", 1);
	struct rte_mbuf *m;

	ip_finish(&p);
	p.h.dst = OUR_IP2;
	m = net_pkt(&t.net, &p, 21);
	m->ol_flags = RTE_MBUF_F_RX_IP_CKSUM_GOOD;
	ip_wire_rx(t.ip, &m, 1);
	net_dropped(&t.net, DROP_IP_DST, 1);
}

#define T(f)	     cmocka_unit_test_setup_teardown(f, setup, teardown)
#define T_OFFLOAD(f) cmocka_unit_test_setup_teardown(f, setup_offload, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_delivery),
		T(test_validation),
		T(test_header_checksum),
		T(test_harmless_options),
		T(test_cut_anywhere),
		T(test_chain_from_the_port),
		T(test_grouping),
		T(test_unknown_protocol),
		T(test_l4_checksum_in_software),
		T_OFFLOAD(test_l4_checksum_by_the_port),
		T(test_l4_checksum_over_a_chain),
		T(test_tx_header),
		T(test_tx_defaults),
		T(test_tx_checksums_in_software),
		T(test_tx_udp_checksum_zero),
		T_OFFLOAD(test_tx_offload),
		T(test_tx_again),
		T(test_tx_too_big_with_df),
		T(test_route_on_link),
		T(test_route_by_gateway),
		T(test_route_errors),
		T(test_route_broadcast),
		T(test_source_choice),
		T(test_two_links),
		T(test_stale_flow),
		T(test_addresses),
		T(test_addresses_are_bounded),
		T(test_loop),
		T(test_loop_has_a_budget),
		T(test_loop_is_bounded),
		T(test_loop_copies_kept_packets),
		T(test_loop_takes_large_datagrams),
		T(test_wire),
		T(test_source_elsewhere),
		T(test_flows_stale),
		T(test_wire_rx_checks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
