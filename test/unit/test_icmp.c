/* SPDX-License-Identifier: BSD-3-Clause */
/* ICMP: echo, errors to the sockets they concern, errors of our own (RFC 792; RFC 1122, 3.2.2). */
#include "ip_net.h"

static struct ip_net t;

static int setup(void **state)
{
	ip_net_init(&t, 0);
	return 0;
}

static int teardown(void **state)
{
	ip_net_fini(&t);
	return 0;
}

/* ICMP message with @len bytes behind its header, from the peer. */
static void message(uint8_t type, uint8_t code, uint32_t rest, const void *data, size_t len)
{
	uint8_t buf[1500];
	struct icmp_hdr *icmp = (struct icmp_hdr *)buf;
	struct ip_pkt p;

	*icmp = (struct icmp_hdr){ .type = type, .code = code, .rest = rest };
	memcpy(icmp + 1, data, len);
	icmp->cksum = cksum_finish(cksum_add(0, buf, 8 + len));
	p = ip_make(IP_PROTO_ICMP, buf, 8 + len);
	ip_finish(&p);
	ip_receive(&t, &p, 28 + len);
}

static void test_echo(void **state)
{
	struct ip4_hdr *h;
	struct icmp_hdr *icmp;

	message(ICMP_ECHO, 0, be32(0x12340007), "ping!", 5);
	assert_int_equal(t.net.n_out, 1);
	assert_int_equal(t.net.out[0]->pkt_len, 14 + 20 + 13);
	assert_memory_equal(rte_pktmbuf_mtod(t.net.out[0], void *), &peer_mac, 6);
	h = ip_sent(&t, 0);
	assert_int_equal(h->src, OUR_IP);
	assert_int_equal(h->dst, PEER_IP);
	assert_int_equal(h->proto, IP_PROTO_ICMP);
	assert_int_equal(h->ttl, 64);
	assert_int_equal(h->tos, 4); /* RFC 1122, 3.2.2.6: as asked */
	icmp = (struct icmp_hdr *)(h + 1);
	assert_int_equal(icmp->type, ICMP_ECHO_REPLY);
	assert_int_equal(icmp->rest, be32(0x12340007));
	assert_memory_equal(icmp + 1, "ping!", 5);
	assert_int_equal(cksum_fold(cksum_add(0, icmp, 13)), 0xffff);
	net_no_drops(&t.net);
}

/* Larger than the MTU: reassembled, answered, and sent in fragments. */
static void test_large_echo(void **state)
{
	static uint8_t whole[3008] = { ICMP_ECHO };
	struct icmp_hdr *icmp = (struct icmp_hdr *)whole;

	icmp->cksum = cksum_finish(cksum_add(0, whole, sizeof(whole)));
	for (unsigned int at = 0; at < sizeof(whole); at += 1480) {
		unsigned int len = RTE_MIN(1480u, (unsigned int)sizeof(whole) - at);
		struct ip_pkt p = ip_make(IP_PROTO_ICMP, whole + at, len);

		p.h.frag = be16(at / 8 | (at + len < sizeof(whole) ? IP4_MF : 0));
		ip_finish(&p);
		ip_receive(&t, &p, 20 + len);
	}
	assert_int_equal(t.net.n_out, 3);
	assert_int_equal(be16(ip_sent(&t, 2)->len), 20 + 48);
	net_no_drops(&t.net);
}

static void test_malformed(void **state)
{
	struct icmp_hdr icmp = { .type = ICMP_ECHO };
	struct ip_pkt p = ip_make(IP_PROTO_ICMP, &icmp, 8);

	ip_finish(&p);
	ip_receive(&t, &p, 28); /* checksum is wrong */
	net_dropped(&t.net, DROP_ICMP_BAD, 1);
	p = ip_make(IP_PROTO_ICMP, &icmp, 7);
	ip_finish(&p);
	ip_receive(&t, &p, 27);
	net_dropped(&t.net, DROP_ICMP_BAD, 1);
	p = ip_make(IP_PROTO_ICMP, &icmp, 0);
	ip_finish(&p);
	ip_receive(&t, &p, 20);
	net_dropped(&t.net, DROP_ICMP_BAD, 1);
	assert_int_equal(t.net.n_out, 0);
}

static void test_unused(void **state)
{
	static const uint8_t types[] = {
		ICMP_ECHO_REPLY, ICMP_QUENCH, ICMP_REDIRECT, 9, 13, 15, 255
	};

	for (unsigned int i = 0; i < sizeof(types); i++) {
		message(types[i], 0, 0, "0123456789012345678901234567890", 31);
		net_dropped(&t.net, DROP_ICMP_UNUSED, 1);
	}
	message(ICMP_ECHO, 1, 0, "", 0);
	net_dropped(&t.net, DROP_ICMP_UNUSED, 1);
	message(ICMP_UNREACH, 16, 0, "0123456789012345678901234567890", 31);
	net_dropped(&t.net, DROP_ICMP_UNUSED, 1);
	assert_int_equal(t.net.n_out, 0);
}

/* ---- errors about packets of ours ---- */

/* The packet of ours that an error quotes: header and 8 bytes. */
struct quote {
	struct ip4_hdr h;
	struct tcp_hdr tcp;
};

static struct quote our_packet(uint8_t proto)
{
	return (struct quote){
		.h = { .ver_ihl = 0x45,
		       .len = be16(1500),
		       .proto = proto,
		       .ttl = 1,
		       .src = OUR_IP,
		       .dst = PEER2_IP },
		.tcp = { .sport = be16(40000), .dport = be16(80), .seq = be32(0xcafe0001) },
	};
}

#define QUOTE_LEN 28

/* Asserts that exactly one error came up to @u, and forgets it. */
static void told(struct upper *u, int err, bool hard, uint16_t mtu)
{
	assert_int_equal(u->n_err, 1);
	assert_int_equal(u->err.err, err);
	assert_int_equal(u->err.hard, hard);
	assert_int_equal(u->err.mtu, mtu);
	u->n_err = 0;
}

static void test_error_reaches_its_socket(void **state)
{
	struct quote q = our_packet(IP_PROTO_TCP);
	struct ip_addr us = ip_addr_v4(OUR_IP), peer = ip_addr_v4(PEER2_IP);

	message(ICMP_UNREACH, ICMP_UNREACH_PORT, 0, &q, QUOTE_LEN);
	assert_int_equal(t.udp.n_err, 0);
	assert_true(ip_addr_eq(&t.tcp.err.local, &us));
	assert_true(ip_addr_eq(&t.tcp.err.peer, &peer));
	assert_ptr_equal(t.tcp.err.owner, GUEST);
	assert_int_equal(t.tcp.err.local_port, be16(40000));
	assert_int_equal(t.tcp.err.peer_port, be16(80));
	assert_int_equal(t.tcp.err.seq, 0xcafe0001);
	told(&t.tcp, ECONNREFUSED, true, 0);
	q = our_packet(IP_PROTO_UDP);
	message(ICMP_UNREACH, ICMP_UNREACH_HOST, 0, &q, QUOTE_LEN);
	assert_int_equal(t.tcp.n_err, 0);
	told(&t.udp, EHOSTUNREACH, false, 0);
	net_no_drops(&t.net);
	assert_int_equal(t.net.n_out, 0);
}

/* RFC 1122, 4.2.3.9 and Linux' table of the same. */
static void test_error_numbers(void **state)
{
	static const struct {
		uint8_t type, code;
		int err;
		bool hard;
	} v[] = {
		{ 3, 0, ENETUNREACH, false },	{ 3, 1, EHOSTUNREACH, false },
		{ 3, 2, ENOPROTOOPT, true },	{ 3, 3, ECONNREFUSED, true },
		{ 3, 5, EOPNOTSUPP, false },	{ 3, 6, ENETUNREACH, true },
		{ 3, 7, EHOSTDOWN, true },	{ 3, 8, ENONET, true },
		{ 3, 9, ENETUNREACH, true },	{ 3, 10, EHOSTUNREACH, true },
		{ 3, 11, ENETUNREACH, false },	{ 3, 12, EHOSTUNREACH, false },
		{ 3, 13, EHOSTUNREACH, true },	{ 3, 14, EHOSTUNREACH, true },
		{ 3, 15, EHOSTUNREACH, true },	{ 11, 0, EHOSTUNREACH, false },
		{ 11, 1, EHOSTUNREACH, false }, { 12, 0, EPROTO, true },
	};
	struct quote q = our_packet(IP_PROTO_TCP);

	for (unsigned int i = 0; i < RTE_DIM(v); i++) {
		message(v[i].type, v[i].code, 0, &q, QUOTE_LEN);
		told(&t.tcp, v[i].err, v[i].hard, 0);
	}
}

/* RFC 1191: the next hop's MTU, or one below the packet's size that is in use (7.1). */
static void test_fragmentation_needed(void **state)
{
	static const uint16_t v[][2] = {
		{ 1500, 1492 }, { 1492, 1006 }, { 60, 68 }, { 65535, 32000 }
	};
	struct quote q = our_packet(IP_PROTO_TCP);

	message(ICMP_UNREACH, ICMP_UNREACH_FRAG, be32(1400), &q, QUOTE_LEN);
	told(&t.tcp, EMSGSIZE, false, 1400);
	message(ICMP_UNREACH, ICMP_UNREACH_FRAG, be32(20), &q, QUOTE_LEN);
	told(&t.tcp, EMSGSIZE, false, 68);
	for (unsigned int i = 0; i < RTE_DIM(v); i++) {
		q.h.len = be16(v[i][0]);
		message(ICMP_UNREACH, ICMP_UNREACH_FRAG, 0, &q, QUOTE_LEN);
		told(&t.tcp, EMSGSIZE, false, v[i][1]);
	}
}

/* Asserts that the error about @q, of which @len bytes are quoted, concerns nobody. */
static void unused(const struct quote *q, size_t len)
{
	message(ICMP_UNREACH, ICMP_UNREACH_PORT, 0, q, len);
	net_dropped(&t.net, DROP_ICMP_UNUSED, 1);
	assert_int_equal(t.tcp.n_err + t.udp.n_err, 0);
}

static void test_forged_quotes(void **state)
{
	struct quote q;

	for (size_t len = 0; len < QUOTE_LEN; len++) {
		q = our_packet(IP_PROTO_TCP);
		unused(&q, len);
	}
	q.h.src = PEER2_IP; /* not a packet of ours */
	unused(&q, QUOTE_LEN);
	q = our_packet(200); /* nobody sends that */
	unused(&q, QUOTE_LEN);
	q = our_packet(IP_PROTO_ICMP);
	unused(&q, QUOTE_LEN);
	q = our_packet(IP_PROTO_TCP);
	q.h.ver_ihl = 0x65;
	unused(&q, QUOTE_LEN);
	q.h.ver_ihl = 0x44;
	unused(&q, QUOTE_LEN);
	q.h.ver_ihl = 0x4f; /* 60 bytes and 8 more are not there */
	unused(&q, QUOTE_LEN);
	q = our_packet(IP_PROTO_TCP);
	q.h.frag = be16(1); /* no ports in a later piece */
	unused(&q, QUOTE_LEN);
	q.h.frag = be16(IP4_MF); /* ... but in the first */
	message(ICMP_UNREACH, ICMP_UNREACH_PORT, 0, &q, QUOTE_LEN);
	told(&t.tcp, ECONNREFUSED, true, 0);
}

/* Errors about one guest's packets are not taken from another guest's address. */
static void test_error_for_another_address(void **state)
{
	struct ip_addr second = ip_addr_v4(OUR_IP2);
	struct quote q = our_packet(IP_PROTO_TCP);

	assert_int_equal(ip_addr_add(t.ip, &second, 24, GUEST2, t.net.link), 0);
	q.h.src = OUR_IP2; /* the message itself goes to OUR_IP */
	unused(&q, QUOTE_LEN);
}

/* ---- a neighbour that does not answer ---- */

static void test_arp_failure_reaches_the_socket(void **state)
{
	struct ip_flow flow = { .src = ip_addr_v4(OUR_IP),
				.dst = ip_addr_v4(PEER2_IP),
				.proto = IP_PROTO_TCP,
				.df = true };
	struct tcp_hdr th = {
		.sport = be16(40000), .dport = be16(80), .seq = be32(5), .off = 0x50
	};

	assert_int_equal(ip_tx(t.ip, net_pkt(&t.net, &th, sizeof(th)), &flow), 0);
	while (t.net.env.now < NET_START + 5 * NSEC_PER_SEC) {
		t.net.env.now += NSEC_PER_SEC / 10;
		link_timers(t.net.link, 64);
	}
	assert_int_equal(t.tcp.err.local_port, be16(40000));
	assert_int_equal(t.tcp.err.peer_port, be16(80));
	assert_int_equal(t.tcp.err.seq, 5);
	assert_ptr_equal(t.tcp.err.owner, GUEST);
	told(&t.tcp, EHOSTUNREACH, true, 0);
	net_dropped(&t.net, DROP_ARP_UNRESOLVED, 1);
}

/* ---- errors of our own ---- */

/* A datagram comes up as UDP; the upper layer finds no socket. */
static struct rte_mbuf *datagram(size_t len)
{
	uint8_t data[1480] = { 0x12, 0x34, 0x56, 0x78 };
	struct ip_pkt p = ip_make(IP_PROTO_UDP, data, len);

	upper_forget(&t.udp);
	ip_finish(&p);
	ip_receive(&t, &p, 20 + len);
	assert_int_equal(t.udp.n_rx, 1);
	return t.udp.rx[0];
}

static void test_port_unreachable(void **state)
{
	struct rte_mbuf *m = datagram(30);
	const struct ip4_hdr *h, *quoted;
	const struct icmp_hdr *icmp;

	ip_icmp_unreach(t.ip, m, ICMP_UNREACH_PORT);
	/* It keeps the packet as it is. */
	assert_int_equal(m->pkt_len, 30);
	assert_int_equal(t.net.n_out, 1);
	assert_int_equal(t.net.out[0]->pkt_len, 14 + 20 + 8 + 50);
	h = ip_sent(&t, 0);
	assert_int_equal(h->src, OUR_IP);
	assert_int_equal(h->dst, PEER_IP);
	assert_int_equal(h->tos, 0);
	icmp = (const struct icmp_hdr *)(h + 1);
	assert_int_equal(icmp->type, ICMP_UNREACH);
	assert_int_equal(icmp->code, ICMP_UNREACH_PORT);
	assert_int_equal(icmp->rest, 0);
	assert_int_equal(cksum_fold(cksum_add(0, icmp, 58)), 0xffff);
	quoted = (const struct ip4_hdr *)(icmp + 1);
	assert_int_equal(quoted->src, PEER_IP);
	assert_int_equal(quoted->dst, OUR_IP);
	assert_int_equal(be16(quoted->len), 50);
	assert_int_equal(be32(*(const uint32_t *)(quoted + 1)), 0x12345678);
}

/* RFC 1812, 4.3.2.3: 576 bytes in all. */
static void test_quote_is_bounded(void **state)
{
	ip_icmp_unreach(t.ip, datagram(1480), ICMP_UNREACH_PORT);
	assert_int_equal(t.net.out[0]->pkt_len, 14 + 576);
}

static void test_silent_address(void **state)
{
	struct ip_addr us = ip_addr_v4(OUR_IP);

	ip_addr_silent(t.ip, &us, true);
	ip_icmp_unreach(t.ip, datagram(30), ICMP_UNREACH_PORT);
	assert_int_equal(t.net.n_out, 0);
	ip_addr_silent(t.ip, &us, false);
	ip_icmp_unreach(t.ip, datagram(30), ICMP_UNREACH_PORT);
	assert_int_equal(t.net.n_out, 1);
	net_no_drops(&t.net);
}

/* RFC 1122, 3.2.2: never about an ICMP error. */
static void test_no_error_about_errors(void **state)
{
	ip_proto_set(t.ip, IP_PROTO_ICMP, &upper_proto, &t.udp);
	message(ICMP_UNREACH, 1, 0, "", 0);
	ip_icmp_unreach(t.ip, t.udp.rx[0], ICMP_UNREACH_PROTO);
	message(ICMP_TIME_EXCEEDED, 1, 0, "", 0);
	ip_icmp_unreach(t.ip, t.udp.rx[1], ICMP_UNREACH_PROTO);
	message(ICMP_REDIRECT, 1, 0, "", 0);
	ip_icmp_unreach(t.ip, t.udp.rx[2], ICMP_UNREACH_PROTO);
	assert_int_equal(t.net.n_out, 0);
	message(ICMP_ECHO, 0, 0, "", 0);
	ip_icmp_unreach(t.ip, t.udp.rx[3], ICMP_UNREACH_PROTO);
	assert_int_equal(t.net.n_out, 1);
}

/* RFC 1122, 3.2.2; RFC 1812, 4.3.2.8: a burst, then the configured rate. */
static void test_rate(void **state)
{
	struct rte_mbuf *m = datagram(30);

	for (unsigned int i = 0; i < 60; i++)
		ip_icmp_unreach(t.ip, m, ICMP_UNREACH_PORT);
	assert_int_equal(t.net.n_out, 50);
	net_dropped(&t.net, DROP_ICMP_RATE, 10);
	/* 1,000 a second: 10 ms are worth 10. */
	t.net.env.now += 10000000;
	for (unsigned int i = 0; i < 20; i++)
		ip_icmp_unreach(t.ip, m, ICMP_UNREACH_PORT);
	assert_int_equal(t.net.n_out, 60);
	net_dropped(&t.net, DROP_ICMP_RATE, 10);
	/* And a long silence no more than the burst. */
	t.net.env.now += 3600 * NSEC_PER_SEC;
	for (unsigned int i = 0; i < 60; i++)
		ip_icmp_unreach(t.ip, m, ICMP_UNREACH_PORT);
	assert_int_equal(t.net.n_out, 110);
	net_dropped(&t.net, DROP_ICMP_RATE, 10);
}

static void test_rate_zero_says_nothing(void **state)
{
	struct link_cfg cfg;

	teardown(state);
	memset(&t, 0, sizeof(t));
	net_init(&t.net);
	cfg = net_link_cfg(&t.net);
	ip_net_init_cfg(&t, &cfg, 0);
	ip_icmp_unreach(t.ip, datagram(30), ICMP_UNREACH_PORT);
	assert_int_equal(t.net.n_out, 0);
	net_dropped(&t.net, DROP_ICMP_RATE, 1);
}

/* Between guests of one stack errors find their way, too. */
static void test_in_house(void **state)
{
	struct ip_addr second = ip_addr_v4(OUR_IP2);
	struct ip_flow flow = { .src = ip_addr_v4(OUR_IP), .dst = second, .proto = IP_PROTO_UDP };
	struct udp_hdr u = { be16(5), be16(6), be16(8), 0 };

	assert_int_equal(ip_addr_add(t.ip, &second, 24, GUEST2, t.net.link), 0);
	ip_tx(t.ip, net_pkt(&t.net, &u, sizeof(u)), &flow);
	ip_loop(t.ip, 8);
	assert_int_equal(t.udp.n_rx, 1);
	ip_icmp_unreach(t.ip, t.udp.rx[0], ICMP_UNREACH_PORT);
	ip_loop(t.ip, 8);
	assert_ptr_equal(t.udp.err.owner, GUEST);
	assert_int_equal(t.udp.err.local_port, be16(5));
	assert_int_equal(t.udp.err.peer_port, be16(6));
	told(&t.udp, ECONNREFUSED, true, 0);
	net_no_drops(&t.net);
	assert_int_equal(t.net.n_out, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_echo),
		T(test_large_echo),
		T(test_malformed),
		T(test_unused),
		T(test_error_reaches_its_socket),
		T(test_error_numbers),
		T(test_fragmentation_needed),
		T(test_forged_quotes),
		T(test_error_for_another_address),
		T(test_arp_failure_reaches_the_socket),
		T(test_port_unreachable),
		T(test_quote_is_bounded),
		T(test_silent_address),
		T(test_no_error_about_errors),
		T(test_rate),
		T(test_rate_zero_says_nothing),
		T(test_in_house),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
