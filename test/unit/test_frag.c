/* SPDX-License-Identifier: BSD-3-Clause */
/* Reassembly and fragmentation: RFC 791, 3.2; RFC 1122, 3.3.2 and 3.3.3. */
#include "ip/frag.h"
#include "ip_net.h"

static struct ip_net t;
static uint8_t datagram[5000];

static int setup(void **state)
{
	ip_net_init(&t, 0);
	for (unsigned int i = 0; i < sizeof(datagram); i++)
		datagram[i] = (uint8_t)(i * 7 + i / 256);
	return 0;
}

static int teardown(void **state)
{
	ip_net_fini(&t);
	return 0;
}

/* Which piece of which datagram. */
struct piece {
	uint16_t id;
	uint8_t proto;
	uint32_t src;
	unsigned int off, len;
	bool more;
};

static struct ip_pkt make_piece(const struct piece *f)
{
	struct ip_pkt p = ip_make(f->proto ? f->proto : IP_PROTO_UDP, datagram + f->off, f->len);

	p.h.id = f->id;
	p.h.src = f->src ? f->src : PEER_IP;
	p.h.frag = be16(f->off / 8 | (f->more ? IP4_MF : 0));
	ip_finish(&p);
	return p;
}

static void piece(struct piece f)
{
	struct ip_pkt p = make_piece(&f);

	ip_receive(&t, &p, 20 + f.len);
}

#define PIECE(...) piece((struct piece){ __VA_ARGS__ })

/* Asserts that datagram bytes 0 to @len have come up, as the @i-th one. */
static void came_up(unsigned int i, uint32_t len)
{
	uint8_t bytes[sizeof(datagram)];
	const void *p;

	assert_int_equal(t.udp.n_rx, i + 1);
	assert_int_equal(t.udp.rx[i]->pkt_len, len);
	assert_int_equal(pkt_meta(t.udp.rx[i])->payload, len);
	p = rte_pktmbuf_read(t.udp.rx[i], 0, len, bytes);
	assert_memory_equal(p, datagram, len);
}

static void test_in_order(void **state)
{
	PIECE(.id = 1, .off = 0, .len = 800, .more = true);
	PIECE(.id = 1, .off = 800, .len = 400, .more = true);
	assert_int_equal(t.udp.n_rx, 0);
	PIECE(.id = 1, .off = 1200, .len = 13);
	came_up(0, 1213);
	/* Small enough to be one segment again. */
	assert_int_equal(t.udp.rx[0]->nb_segs, 1);
	assert_int_equal(t.udp.rx[0]->l3_len, 20);
	net_no_drops(&t.net);
}

static void test_any_order(void **state)
{
	static const uint8_t orders[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
					      { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
	static const struct piece pieces[3] = {
		{ .off = 0, .len = 64, .more = true },
		{ .off = 64, .len = 128, .more = true },
		{ .off = 192, .len = 1 },
	};

	for (unsigned int o = 0; o < 6; o++) {
		for (unsigned int i = 0; i < 3; i++) {
			struct piece f = pieces[orders[o][i]];

			f.id = (uint16_t)o;
			piece(f);
		}
		came_up(o, 193);
	}
	net_no_drops(&t.net);
}

static void test_large_one_is_a_chain(void **state)
{
	PIECE(.id = 1, .off = 0, .len = 1480, .more = true);
	PIECE(.id = 1, .off = 1480, .len = 1480, .more = true);
	PIECE(.id = 1, .off = 2960, .len = 1480, .more = true);
	PIECE(.id = 1, .off = 4440, .len = 560);
	came_up(0, 5000);
	assert_true(t.udp.rx[0]->nb_segs > 1);
}

/* RFC 791: addresses, identification and protocol make the datagram. */
static void test_datagrams_are_told_apart(void **state)
{
	PIECE(.id = 1, .off = 0, .len = 64, .more = true);
	PIECE(.id = 2, .off = 64, .len = 8);
	PIECE(.id = 1, .off = 64, .len = 8, .proto = IP_PROTO_TCP);
	PIECE(.id = 1, .off = 64, .len = 8, .src = PEER2_IP);
	assert_int_equal(t.udp.n_rx + t.tcp.n_rx, 0);
	PIECE(.id = 1, .off = 64, .len = 8);
	came_up(0, 72);
	PIECE(.id = 1, .off = 0, .len = 64, .more = true, .proto = IP_PROTO_TCP);
	assert_int_equal(t.tcp.n_rx, 1);
	PIECE(.id = 1, .off = 0, .len = 64, .more = true, .src = PEER2_IP);
	came_up(1, 72);
	net_no_drops(&t.net);
}

static void test_destinations_are_told_apart(void **state)
{
	const struct piece first = { .id = 1, .off = 0, .len = 64, .more = true };
	struct ip_addr second = ip_addr_v4(OUR_IP2);
	struct ip_pkt p = make_piece(&first);

	assert_int_equal(ip_addr_add(t.ip, &second, 24, GUEST2, t.net.link), 0);
	p.h.dst = OUR_IP2;
	ip_finish(&p);
	ip_receive(&t, &p, 84);
	PIECE(.id = 1, .off = 64, .len = 8);
	assert_int_equal(t.udp.n_rx, 0);
	PIECE(.id = 1, .off = 0, .len = 64, .more = true);
	came_up(0, 72);
	assert_ptr_equal(pkt_meta(t.udp.rx[0])->owner, GUEST);
}

#define BAD(...) \
	do { \
		PIECE(__VA_ARGS__); \
		net_dropped(&t.net, DROP_FRAG_BAD, 1); \
	} while (0)

static void test_malformed(void **state)
{
	BAD(.id = 1, .off = 0, .len = 63, .more = true); /* no multiple of 8 */
	BAD(.id = 1, .off = 0, .len = 0, .more = true);
	BAD(.id = 1, .off = 8, .len = 0);
	assert_int_equal(ip_next(t.ip), UINT64_MAX);
}

/* "Ping of death": the end lies beyond 65,535. */
static void test_beyond_the_end(void **state)
{
	struct ip_pkt p = ip_make(IP_PROTO_UDP, datagram, 100);

	p.h.frag = be16(0x1fff);
	ip_finish(&p);
	ip_receive(&t, &p, 120);
	net_dropped(&t.net, DROP_FRAG_BAD, 1);
	/* The last byte that there can be. */
	p.h.len = be16(23);
	p.h.frag = be16(0x1ffd);
	ip_finish(&p);
	ip_receive(&t, &p, 23);
	net_no_drops(&t.net);
	assert_int_not_equal(ip_next(t.ip), UINT64_MAX);
	t.net.env.now += 20 * NSEC_PER_SEC;
	ip_timers(t.ip, 1);
}

/* RFC 1858, 3128, 5722: what overlaps is never put together in any way. */
static void test_overlap(void **state)
{
	PIECE(.id = 1, .off = 0, .len = 64, .more = true);
	PIECE(.id = 1, .off = 32, .len = 64, .more = true);
	PIECE(.id = 1, .off = 96, .len = 8);
	assert_int_equal(t.udp.n_rx, 0);
	assert_int_equal(t.net.env.drops[DROP_FRAG_BAD], 3);
}

/* One datagram never pays for another's faults. */
static void test_two_first_pieces(void **state)
{
	PIECE(.id = 2, .off = 0, .len = 64, .more = true);
	PIECE(.id = 1, .off = 0, .len = 64, .more = true);
	PIECE(.id = 1, .off = 0, .len = 64, .more = true);
	net_dropped(&t.net, DROP_FRAG_BAD, 2);
	PIECE(.id = 2, .off = 64, .len = 8);
	came_up(0, 72);
}

/* As many pieces as DPDK's table takes, and one more. */
static void test_too_many_pieces(void **state)
{
	for (unsigned int i = 0; i < 8; i++)
		PIECE(.id = 1, .off = i * 8, .len = 8, .more = i < 7);
	came_up(0, 64);
	for (unsigned int i = 0; i < 7; i++)
		PIECE(.id = 2, .off = i * 8, .len = 8, .more = true);
	net_no_drops(&t.net);
	PIECE(.id = 2, .off = 56, .len = 8, .more = true);
	net_dropped(&t.net, DROP_FRAG_BAD, 8);
}

static void test_table_is_bounded(void **state)
{
	for (uint16_t i = 0; i < 64; i++)
		PIECE(.id = i, .off = 0, .len = 64, .more = true);
	net_no_drops(&t.net);
	PIECE(.id = 64, .off = 0, .len = 64, .more = true);
	net_dropped(&t.net, DROP_FRAG_FULL, 1);
	/* Those that have a place are not disturbed. */
	for (uint16_t i = 0; i < 64; i++)
		PIECE(.id = i, .off = 64, .len = 8);
	came_up(63, 72);
	/* And there is room again. */
	PIECE(.id = 64, .off = 0, .len = 64, .more = true);
	PIECE(.id = 64, .off = 64, .len = 8);
	came_up(64, 72);
}

/* Lets time pass as a lcore does. */
static void run_until(uint64_t when)
{
	while (ip_next(t.ip) <= when) {
		t.net.env.now = RTE_MAX(ip_next(t.ip), t.net.env.now);
		ip_timers(t.ip, 8);
	}
	t.net.env.now = when;
	ip_timers(t.ip, 8);
}

/*
 * RFC 1122, 3.3.2: late ones are thrown away, and the sender hears of it if its first piece came.
 */
static void test_timeout(void **state)
{
	struct ip4_hdr *h;
	struct icmp_hdr *icmp;

	PIECE(.id = be16(77), .off = 0, .len = 64, .more = true);
	run_until(NET_START + FRAG_TIMEOUT_NS - FRAG_SCAN_NS);
	net_no_drops(&t.net);
	assert_int_equal(t.net.n_out, 0);
	run_until(NET_START + FRAG_TIMEOUT_NS + 2 * FRAG_SCAN_NS);
	net_dropped(&t.net, DROP_FRAG_TIMEOUT, 1);
	assert_int_equal(t.net.n_out, 1);
	h = ip_sent(&t, 0);
	assert_int_equal(h->dst, PEER_IP);
	assert_int_equal(h->proto, IP_PROTO_ICMP);
	icmp = (struct icmp_hdr *)(h + 1);
	assert_int_equal(icmp->type, ICMP_TIME_EXCEEDED);
	assert_int_equal(icmp->code, ICMP_EXCEEDED_FRAG);
	assert_int_equal(((struct ip4_hdr *)(icmp + 1))->id, be16(77));
	assert_int_equal(ip_next(t.ip), UINT64_MAX);
}

static void test_timeout_without_first_piece(void **state)
{
	PIECE(.id = 1, .off = 64, .len = 64, .more = true);
	run_until(NET_START + FRAG_TIMEOUT_NS + 2 * FRAG_SCAN_NS);
	net_dropped(&t.net, DROP_FRAG_TIMEOUT, 1);
	assert_int_equal(t.net.n_out, 0);
}

/* All of them go, also many at once. */
static void test_many_timeouts(void **state)
{
	for (uint16_t i = 0; i < 64; i++)
		PIECE(.id = i, .off = 64, .len = 8);
	run_until(NET_START + FRAG_TIMEOUT_NS + 5 * FRAG_SCAN_NS);
	net_dropped(&t.net, DROP_FRAG_TIMEOUT, 64);
	assert_int_equal(ip_next(t.ip), UINT64_MAX);
}

/* What the port says of a piece's checksum says nothing of the whole. */
static void test_flags_of_pieces_are_forgotten(void **state)
{
	const struct piece f[2] = { { .id = 1, .off = 0, .len = 64, .more = true },
				    { .id = 1, .off = 64, .len = 8 } };

	teardown(state);
	ip_net_init(&t, LINK_RX_CKSUM);
	for (unsigned int i = 0; i < 2; i++) {
		struct ip_pkt p = make_piece(&f[i]);
		struct rte_mbuf *m = ip_frame(&t, &p, 20 + f[i].len);

		m->ol_flags = RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
		link_rx(t.net.link, &m, 1);
	}
	came_up(0, 72);
	assert_int_equal(t.udp.rx[0]->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK, 0);
}

/* ---- transmit ---- */

/* What left goes back in: the same bytes come up. */
static void send_and_reassemble(uint32_t len, unsigned int want_pieces)
{
	struct ip_flow flow = { .src = ip_addr_v4(OUR_IP),
				.dst = ip_addr_v4(PEER_IP),
				.proto = IP_PROTO_UDP,
				.tos = 8 };
	struct rte_mbuf *m = net_pkt(&t.net, datagram, RTE_MIN(len, 1500u));
	uint16_t id = 0;

	memset(rte_pktmbuf_mtod_offset(m, char *, 6), 0, 2); /* the UDP checksum */
	for (uint32_t at = 1500; at < len; at += 1500)
		rte_pktmbuf_chain(m, net_pkt(&t.net, datagram + at, RTE_MIN(len - at, 1500u)));
	rte_pktmbuf_refcnt_update(m, 1);
	assert_int_equal(ip_tx(t.ip, m, &flow), 0);
	rte_pktmbuf_free(m);
	assert_int_equal(t.net.n_out, want_pieces);
	for (unsigned int i = 0; i < want_pieces; i++) {
		struct ip4_hdr *h = ip_sent(&t, i);
		bool last = i == want_pieces - 1;

		assert_int_equal(t.net.out[i]->nb_segs, 1);
		assert_int_equal(be16(h->len) + 14, t.net.out[i]->pkt_len);
		assert_true(be16(h->len) <= 1500);
		assert_int_equal(be16(h->frag), i * 185 | (last ? 0 : IP4_MF));
		assert_int_equal(cksum_fold(cksum_ip4_sum(h)), 0xffff);
		assert_int_equal(h->tos, 8);
		assert_true(!i || h->id == id);
		id = h->id;
		h->src = PEER_IP;
		h->dst = OUR_IP;
		h->cksum = 0;
		h->cksum = cksum_finish(cksum_ip4_sum(h));
		memcpy(rte_pktmbuf_mtod(t.net.out[i], void *), &our_mac, 6);
		link_rx(t.net.link, &t.net.out[i], 1);
	}
	t.net.n_out = 0;
}

static void test_tx(void **state)
{
	uint16_t sum;

	send_and_reassemble(4000, 3);
	assert_int_equal(t.udp.n_rx, 1);
	assert_int_equal(t.udp.rx[0]->pkt_len, 4000);
	/* The UDP checksum was filled in over the whole. */
	sum = cksum_fold(pkt_cksum(cksum_pseudo4(OUR_IP, PEER_IP, 17, 4000), t.udp.rx[0], 0, 4000));
	assert_int_equal(sum, 0xffff);
	memcpy(rte_pktmbuf_mtod_offset(t.udp.rx[0], char *, 6), datagram + 6, 2);
	came_up(0, 4000);
}

static void test_tx_sizes(void **state)
{
	send_and_reassemble(1480, 1);
	send_and_reassemble(1481, 2);
	send_and_reassemble(2960, 2);
	send_and_reassemble(2961, 3);
	net_no_drops(&t.net);
}

/* The port's offload can't do it: no flag asks for it. */
static void test_tx_with_offload(void **state)
{
	teardown(state);
	ip_net_init(&t, LINK_TX_IP | LINK_TX_L4);
	send_and_reassemble(3000, 3);
	assert_int_equal(cksum_fold(pkt_cksum(cksum_pseudo4(OUR_IP, PEER_IP, 17, 3000), t.udp.rx[0],
					      0, 3000)),
			 0xffff);
}

static void test_tx_out_of_packets(void **state)
{
	struct ip_flow flow = { .src = ip_addr_v4(OUR_IP),
				.dst = ip_addr_v4(PEER_IP),
				.proto = IP_PROTO_UDP };
	struct rte_mbuf *m = net_chain(&t.net, datagram, 3000, 1500);
	struct rte_mbuf *all[2047];
	unsigned int got = 0;

	while (got < 2047 && (all[got] = pkt_alloc(&t.net.env)))
		got++;
	rte_pktmbuf_free(all[--got]);
	assert_int_equal(ip_tx(t.ip, m, &flow), -ENOBUFS);
	net_dropped(&t.net, DROP_NO_MBUF, 1);
	assert_int_equal(t.net.n_out, 1);
	rte_pktmbuf_free_bulk(all, got);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_in_order),
		T(test_any_order),
		T(test_large_one_is_a_chain),
		T(test_datagrams_are_told_apart),
		T(test_destinations_are_told_apart),
		T(test_malformed),
		T(test_beyond_the_end),
		T(test_overlap),
		T(test_two_first_pieces),
		T(test_too_many_pieces),
		T(test_table_is_bounded),
		T(test_timeout),
		T(test_timeout_without_first_piece),
		T(test_many_timeouts),
		T(test_flags_of_pieces_are_forgotten),
		T(test_tx),
		T(test_tx_sizes),
		T(test_tx_with_offload),
		T(test_tx_out_of_packets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
