/* SPDX-License-Identifier: BSD-3-Clause */
/* Ethernet framing: whose frame it is, VLAN tags, what goes up, what a sent frame looks like. */
#include "net.h"

static struct net n;
static struct rte_mbuf *up[128];
static unsigned int n_up, n_calls;

static void take_ip4(void *ctx, struct link *link, struct rte_mbuf **pkts, unsigned int num)
{
	assert_ptr_equal(ctx, &n);
	assert_ptr_equal(link, n.link);
	assert_in_range(num, 1, LINK_BURST);
	n_calls++;
	for (unsigned int i = 0; i < num; i++)
		up[n_up++] = pkts[i];
}

static const struct link_up taker = { .ip4 = take_ip4 };

static void start(uint16_t vlan, uint32_t offload)
{
	struct link_cfg cfg;

	net_init(&n);
	cfg = net_link_cfg(&n);
	cfg.vlan = vlan;
	cfg.offload = offload;
	n.link = link_create(&cfg);
	assert_non_null(n.link);
	link_set_up(n.link, &taker, &n);
	n_up = 0;
	n_calls = 0;
}

static int setup(void **state)
{
	start(0, 0);
	return 0;
}

static int setup_vlan(void **state)
{
	start(7, 0);
	return 0;
}

static int teardown(void **state)
{
	rte_pktmbuf_free_bulk(up, n_up);
	net_fini(&n);
	return 0;
}

#define IP_FRAME(mac, ...) \
	{ \
		mac, 2, 0, 0, 0, 0, 1, __VA_ARGS__, 'i', 'p' \
	}
#define TO_US	2, 0, 0, 0, 0, 0x0b
#define TO_ALL	0xff, 0xff, 0xff, 0xff, 0xff, 0xff
#define TO_ELSE 2, 0, 0, 0, 0, 0x0c
#define TO_GRP	0x01, 0, 0x5e, 0, 0, 1
#define PLAIN	0x08, 0x00
#define TAG(id) 0x81, 0x00, 0x60, id, 0x08, 0x00

#define RX(...) \
	do { \
		static const uint8_t frame[] = __VA_ARGS__; \
		net_rx(&n, frame, sizeof(frame)); \
	} while (0)

/* Asserts that one packet "ip" went up. */
static void went_up(void)
{
	assert_int_equal(n_up, 1);
	assert_int_equal(up[0]->pkt_len, 2);
	assert_int_equal(up[0]->data_len, 2);
	assert_memory_equal(rte_pktmbuf_mtod(up[0], void *), "ip", 2);
	net_no_drops(&n);
}

static void test_ours_goes_up(void **state)
{
	RX(IP_FRAME(TO_US, PLAIN));
	went_up();
}

static void test_not_ours(void **state)
{
	RX(IP_FRAME(TO_ELSE, PLAIN));
	net_dropped(&n, DROP_LINK_DST, 1);
	/* Unicast packets in frames to all (RFC 1122, 3.3.6), and groups that nobody joined. */
	RX(IP_FRAME(TO_ALL, PLAIN));
	net_dropped(&n, DROP_LINK_DST, 1);
	RX(IP_FRAME(TO_GRP, PLAIN));
	net_dropped(&n, DROP_LINK_DST, 1);
	assert_int_equal(n_up, 0);
}

static void test_types(void **state)
{
	RX(IP_FRAME(TO_US, 0x86, 0xdd));
	net_dropped(&n, DROP_LINK_TYPE, 1);
	RX(IP_FRAME(TO_US, 0x00, 0x00));
	net_dropped(&n, DROP_LINK_TYPE, 1);
	RX(IP_FRAME(TO_US, 0xff, 0xff));
	net_dropped(&n, DROP_LINK_TYPE, 1);
	assert_int_equal(n_up, 0);
}

static void test_short(void **state)
{
	static const uint8_t frame[] = IP_FRAME(TO_US, PLAIN);

	for (size_t len = 0; len < 14; len++) {
		net_rx(&n, frame, len);
		net_dropped(&n, DROP_LINK_SHORT, 1);
	}
	/* The header in two segments. */
	up[0] = net_chain(&n, frame, sizeof(frame), 13);
	link_rx(n.link, up, 1);
	net_dropped(&n, DROP_LINK_SHORT, 1);
	assert_int_equal(n_up, 0);
}

static void test_untagged_port(void **state)
{
	RX(IP_FRAME(TO_US, TAG(7)));
	net_dropped(&n, DROP_LINK_VLAN, 1);
	RX({ TO_US, 2, 0, 0, 0, 0, 1, 0x81, 0x00, 0x60 }); /* tag is cut */
	net_dropped(&n, DROP_LINK_VLAN, 1);
	/* A priority tag is no VLAN. */
	RX(IP_FRAME(TO_US, TAG(0)));
	went_up();
}

static void test_tagged_port(void **state)
{
	RX(IP_FRAME(TO_US, PLAIN));
	net_dropped(&n, DROP_LINK_VLAN, 1);
	RX(IP_FRAME(TO_US, TAG(8)));
	net_dropped(&n, DROP_LINK_VLAN, 1);
	RX(IP_FRAME(TO_US, TAG(7)));
	went_up();
}

/* The port took the tag out and tells it beside the frame. */
static void test_stripped_tag(void **state)
{
	static const uint8_t frame[] = IP_FRAME(TO_US, PLAIN);
	struct rte_mbuf *m = net_pkt(&n, frame, sizeof(frame));

	m->ol_flags = RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
	m->vlan_tci = 0x6008;
	link_rx(n.link, &m, 1);
	net_dropped(&n, DROP_LINK_VLAN, 1);
	m = net_pkt(&n, frame, sizeof(frame));
	m->ol_flags = RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
	m->vlan_tci = 0x6007;
	link_rx(n.link, &m, 1);
	went_up();
}

/* Bursts of any length go up in pieces of at most LINK_BURST, in order. */
static void test_bursts(void **state)
{
	static const uint8_t frame[] = IP_FRAME(TO_US, PLAIN);
	struct rte_mbuf *burst[70];

	for (unsigned int i = 0; i < 70; i++) {
		burst[i] = net_pkt(&n, frame, sizeof(frame));
		pkt_meta(burst[i])->seq = i;
	}
	link_rx(n.link, burst, 70);
	assert_int_equal(n_up, 70);
	assert_int_equal(n_calls, 3);
	for (unsigned int i = 0; i < 70; i++)
		assert_int_equal(pkt_meta(up[i])->seq, i);
	link_rx(n.link, burst, 0);
	assert_int_equal(n_calls, 3);
}

/* What a port that promised nothing says about checksums is not believed. */
static void test_rx_flags(void **state)
{
	static const uint8_t frame[] = IP_FRAME(TO_US, PLAIN);
	const uint64_t good = RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	struct rte_mbuf *m = net_pkt(&n, frame, sizeof(frame));

	m->ol_flags = good;
	link_rx(n.link, &m, 1);
	assert_int_equal(up[0]->ol_flags, 0);
	teardown(state);
	start(0, LINK_RX_CKSUM);
	m = net_pkt(&n, frame, sizeof(frame));
	m->ol_flags = good;
	link_rx(n.link, &m, 1);
	assert_int_equal(up[0]->ol_flags, good);
}

/* ---- transmit ---- */

static struct rte_mbuf *ip_pkt(void)
{
	struct ip4_hdr h = { .ver_ihl = 0x45, .src = OUR_IP, .dst = PEER_IP };

	return net_pkt(&n, &h, sizeof(h));
}

static void test_tx(void **state)
{
	static const uint8_t hdr[] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0x0b, 8, 0, 0x45 };
	struct neigh *cache = NULL;

	net_meet(&n, PEER_IP, &peer_mac);
	link_tx_ip4(n.link, ip_pkt(), PEER_IP, &cache);
	assert_non_null(cache);
	link_tx_ip4(n.link, ip_pkt(), PEER_IP, &cache);
	assert_int_equal(n.n_out, 2);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(n.out[i]->pkt_len, 34);
		assert_int_equal(n.out[i]->l2_len, 14);
		assert_memory_equal(rte_pktmbuf_mtod(n.out[i], void *), hdr, sizeof(hdr));
	}
}

static void test_tx_vlan(void **state)
{
	static const uint8_t hdr[] = { 2, 0,	0,    0, 0, 1, 2, 0, 0,	  0,
				       0, 0x0b, 0x81, 0, 0, 7, 8, 0, 0x45 };
	struct rte_mbuf *m;
	struct neigh *cache = NULL;
	struct eth_addr mac = peer_mac;

	link_learn(n.link, PEER_IP, &mac);
	m = ip_pkt();
	link_tx_ip4(n.link, m, PEER_IP, &cache);
	assert_int_equal(n.n_out, 1);
	assert_int_equal(n.out[0]->pkt_len, 38);
	assert_int_equal(n.out[0]->l2_len, 18);
	assert_memory_equal(rte_pktmbuf_mtod(n.out[0], void *), hdr, sizeof(hdr));
}

/* A cached neighbour is one hint, checked by address. */
static void test_tx_wrong_cache(void **state)
{
	struct neigh *cache = NULL;

	net_meet(&n, PEER_IP, &peer_mac);
	net_meet(&n, PEER2_IP, &peer2_mac);
	link_tx_ip4(n.link, ip_pkt(), PEER_IP, &cache);
	link_tx_ip4(n.link, ip_pkt(), PEER2_IP, &cache);
	assert_memory_equal(rte_pktmbuf_mtod(n.out[0], void *), &peer_mac, 6);
	assert_memory_equal(rte_pktmbuf_mtod(n.out[1], void *), &peer2_mac, 6);
}

static void test_tx_chain(void **state)
{
	struct ip4_hdr h = { .ver_ihl = 0x45, .src = OUR_IP, .dst = PEER_IP };
	struct neigh *cache = NULL;

	link_learn(n.link, PEER_IP, &peer_mac);
	link_tx_ip4(n.link, net_chain(&n, &h, sizeof(h), 12), PEER_IP, &cache);
	assert_int_equal(n.out[0]->nb_segs, 1);
	assert_int_equal(n.out[0]->pkt_len, 34);
	assert_memory_equal(rte_pktmbuf_mtod_offset(n.out[0], void *, 14), &h, sizeof(h));
	teardown(state);
	start(0, LINK_TX_MSEG);
	link_learn(n.link, PEER_IP, &peer_mac);
	cache = NULL;
	link_tx_ip4(n.link, net_chain(&n, &h, sizeof(h), 12), PEER_IP, &cache);
	assert_int_equal(n.out[0]->nb_segs, 2);
	assert_int_equal(n.out[0]->pkt_len, 34);
}

/* The reference that a transport keeps is left alone; its payload stays where it is. */
static void test_tx_kept_packet(void **state)
{
	struct rte_mbuf *m = ip_pkt();
	char *payload = rte_pktmbuf_mtod(m, char *);
	struct neigh *cache = NULL;

	rte_mbuf_refcnt_update(m, 1);
	link_learn(n.link, PEER_IP, &peer_mac);
	link_tx_ip4(n.link, m, PEER_IP, &cache);
	assert_ptr_equal(n.out[0], m);
	assert_int_equal(payload[0], 0x45);
	net_forget(&n);
	assert_int_equal(rte_mbuf_refcnt_read(m), 1);
	rte_pktmbuf_free(m);
}

static void test_tx_without_headroom(void **state)
{
	struct rte_mbuf *m = ip_pkt();
	struct neigh *cache = NULL;

	rte_pktmbuf_prepend(m, 120);
	link_learn(n.link, PEER_IP, &peer_mac);
	link_tx_ip4(n.link, m, PEER_IP, &cache);
	net_dropped(&n, DROP_TX_PORT, 1);
	assert_int_equal(n.n_out, 0);
}

static void test_create(void **state)
{
	struct link_cfg cfg = net_link_cfg(&n);

	assert_int_equal(link_mtu(n.link), 1500);
	assert_int_equal(link_offload(n.link), 0);
	assert_memory_equal(link_mac(n.link), &our_mac, 6);
	assert_int_equal(link_next(n.link), UINT64_MAX);
	cfg.vlan = 4095;
	assert_null(link_create(&cfg));
	cfg.vlan = 0;
	cfg.neigh_max = 0;
	assert_null(link_create(&cfg));
	link_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_ours_goes_up, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_ours, setup, teardown),
		cmocka_unit_test_setup_teardown(test_types, setup, teardown),
		cmocka_unit_test_setup_teardown(test_short, setup, teardown),
		cmocka_unit_test_setup_teardown(test_untagged_port, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tagged_port, setup_vlan, teardown),
		cmocka_unit_test_setup_teardown(test_stripped_tag, setup_vlan, teardown),
		cmocka_unit_test_setup_teardown(test_bursts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rx_flags, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tx, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tx_vlan, setup_vlan, teardown),
		cmocka_unit_test_setup_teardown(test_tx_wrong_cache, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tx_chain, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tx_kept_packet, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tx_without_headroom, setup, teardown),
		cmocka_unit_test_setup_teardown(test_create, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
