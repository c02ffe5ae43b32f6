/* SPDX-License-Identifier: BSD-3-Clause */
/* ARP (RFC 826, RFC 5227): answers, learning, what waits, ageing, and floods. */
#include "link/neigh.h"
#include "net.h"

#define SEC NSEC_PER_SEC

static struct net n;
static struct rte_mbuf *unreached;
static unsigned int n_unreached;

static void no_ip4(void *ctx, struct link *link, struct rte_mbuf **pkts, unsigned int num)
{
	fail_msg("no IP here");
}

static void take_unreach(void *ctx, struct link *link, struct rte_mbuf *m)
{
	n_unreached++;
	unreached = m;
}

static const struct link_up taker = { .ip4 = no_ip4, .unreach = take_unreach };

static int setup(void **state)
{
	struct link_cfg cfg;

	net_init(&n);
	cfg = net_link_cfg(&n);
	n.link = link_create(&cfg);
	link_set_up(n.link, &taker, &n);
	n_unreached = 0;
	return 0;
}

static int teardown(void **state)
{
	net_fini(&n);
	return 0;
}

/* An IP packet of ours to @dst, told apart by @id. */
static void send(uint32_t dst, uint16_t id)
{
	struct ip4_hdr h = { .ver_ihl = 0x45, .id = id, .src = OUR_IP, .dst = dst };
	struct neigh *cache = NULL;

	link_tx_ip4(n.link, net_pkt(&n, &h, sizeof(h)), dst, &cache);
}

/* Is frame @i IP packet @id to @mac? */
static void sent_ip(unsigned int i, uint16_t id, const struct eth_addr *mac)
{
	const struct ip4_hdr *h;

	assert_true(i < n.n_out);
	assert_int_equal(n.out[i]->pkt_len, 34);
	assert_memory_equal(rte_pktmbuf_mtod(n.out[i], void *), mac, 6);
	h = rte_pktmbuf_mtod_offset(n.out[i], const struct ip4_hdr *, 14);
	assert_int_equal(h->id, id);
}

static void sent_arp(unsigned int i, const struct eth_addr *dst, uint16_t op, uint32_t spa,
		     uint32_t tpa)
{
	struct net_arp_frame want = net_arp(dst, op, &our_mac, spa, tpa);

	net_sent(&n, i, &want, sizeof(want));
}

static void receive(const struct eth_addr *dst, uint16_t op, const struct eth_addr *sha,
		    uint32_t spa, uint32_t tpa)
{
	struct net_arp_frame f = net_arp(dst, op, sha, spa, tpa);

	net_rx(&n, &f, sizeof(f));
}

/* Moves time on as a lcore does: turn by turn, at each due time. */
static void run_until(uint64_t when)
{
	while (link_next(n.link) <= when) {
		n.env.now = RTE_MAX(link_next(n.link), n.env.now);
		link_timers(n.link, 64);
	}
	n.env.now = when;
	link_timers(n.link, 64);
}

static void test_request_is_answered(void **state)
{
	receive(&bcast_mac, ARP_REQUEST, &peer_mac, PEER_IP, OUR_IP);
	assert_int_equal(n.n_out, 1);
	sent_arp(0, &peer_mac, ARP_REPLY, OUR_IP, PEER_IP);
	/* And its sender is known now: nobody has to be asked. */
	send(PEER_IP, 1);
	sent_ip(1, 1, &peer_mac);
	net_no_drops(&n);
}

static void test_request_for_another(void **state)
{
	receive(&bcast_mac, ARP_REQUEST, &peer_mac, PEER_IP, PEER2_IP);
	assert_int_equal(n.n_out, 0);
	assert_int_equal(n.n_learnt, 0);
	/* Not learnt either: who does not speak to us takes no room. */
	send(PEER_IP, 1);
	sent_arp(0, &bcast_mac, ARP_REQUEST, OUR_IP, PEER_IP);
}

/* Any address of the port is answered for, also another lcore's. */
static void test_every_owned_address_is_answered(void **state)
{
	n.owned[1] = OUR_IP2;
	receive(&bcast_mac, ARP_REQUEST, &peer_mac, PEER_IP, OUR_IP2);
	assert_int_equal(n.n_out, 1);
	sent_arp(0, &peer_mac, ARP_REPLY, OUR_IP2, PEER_IP);
	assert_int_equal(n.n_learnt, 1);
	assert_int_equal(n.learnt_ip, PEER_IP);
	assert_memory_equal(&n.learnt_mac, &peer_mac, 6);
}

/* RFC 5227, 2.1.1: a probe has no sender address. */
static void test_probe_is_answered_and_not_learnt(void **state)
{
	receive(&bcast_mac, ARP_REQUEST, &peer_mac, 0, OUR_IP);
	assert_int_equal(n.n_out, 1);
	sent_arp(0, &peer_mac, ARP_REPLY, OUR_IP, 0);
	assert_int_equal(n.n_learnt, 0);
}

static void test_malformed(void **state)
{
	struct net_arp_frame f = net_arp(&bcast_mac, ARP_REQUEST, &peer_mac, PEER_IP, OUR_IP);

	net_rx(&n, &f, sizeof(f) - 1);
	net_dropped(&n, DROP_ARP_BAD, 1);
	net_rx(&n, &f, 14);
	net_dropped(&n, DROP_ARP_BAD, 1);
	f.arp.proto_len = 16;
	net_rx(&n, &f, sizeof(f));
	net_dropped(&n, DROP_ARP_BAD, 1);
	assert_int_equal(n.n_out, 0);
}

/* Padding behind it does not matter. */
static void test_padded(void **state)
{
	struct {
		struct net_arp_frame f;
		uint8_t pad[18];
	} p = { .f = net_arp(&bcast_mac, ARP_REQUEST, &peer_mac, PEER_IP, OUR_IP) };

	net_rx(&n, &p, sizeof(p));
	sent_arp(0, &peer_mac, ARP_REPLY, OUR_IP, PEER_IP);
}

/* RFC 5227, 2.4: somebody else has our address; nothing is learnt from that. */
static void test_conflict(void **state)
{
	receive(&bcast_mac, ARP_REQUEST, &peer_mac, OUR_IP, OUR_IP);
	net_dropped(&n, DROP_ARP_CONFLICT, 1);
	assert_int_equal(n.n_out, 0);
	assert_int_equal(n.n_learnt, 0);
}

static void test_announce(void **state)
{
	link_announce(n.link, OUR_IP);
	assert_int_equal(n.n_out, 1);
	sent_arp(0, &bcast_mac, ARP_REQUEST, OUR_IP, OUR_IP);
}

static void test_packets_wait_for_the_answer(void **state)
{
	send(PEER_IP, 1);
	send(PEER_IP, 2);
	/* One request for both. */
	assert_int_equal(n.n_out, 1);
	sent_arp(0, &bcast_mac, ARP_REQUEST, OUR_IP, PEER_IP);
	receive(&our_mac, ARP_REPLY, &peer_mac, PEER_IP, OUR_IP);
	assert_int_equal(n.n_out, 3);
	sent_ip(1, 1, &peer_mac);
	sent_ip(2, 2, &peer_mac);
	net_no_drops(&n);
}

static void test_answer_from_another_lcore(void **state)
{
	send(PEER_IP, 1);
	link_learn(n.link, PEER_IP, &peer_mac);
	sent_ip(1, 1, &peer_mac);
	/* Told by one: not told on to others. */
	assert_int_equal(n.n_learnt, 0);
}

/* RFC 1122, 2.3.2.2: the latest packets are the ones that are kept. */
static void test_pending_is_bounded(void **state)
{
	for (uint16_t i = 0; i < NEIGH_PENDING + 3; i++)
		send(PEER_IP, i);
	net_dropped(&n, DROP_ARP_PENDING_FULL, 3);
	net_forget(&n);
	receive(&our_mac, ARP_REPLY, &peer_mac, PEER_IP, OUR_IP);
	assert_int_equal(n.n_out, NEIGH_PENDING);
	for (uint16_t i = 0; i < NEIGH_PENDING; i++)
		sent_ip(i, (uint16_t)(i + 3), &peer_mac);
}

/* ... for all neighbours together, too. */
static void test_pending_of_all_is_bounded(void **state)
{
	unsigned int hosts = NEIGH_PENDING_ALL / NEIGH_PENDING;

	for (unsigned int h = 0; h < hosts; h++)
		for (uint16_t i = 0; i < NEIGH_PENDING; i++)
			send(be32(0x0a4d0100 + h), i);
	assert_int_equal(hosts, 32);
	net_no_drops(&n);
	net_forget(&n);
	/* The table is full as well: one that nobody used since takes its packets with it. */
	send(PEER_IP, 1);
	assert_true(n.env.drops[DROP_ARP_TABLE_FULL] >= 1);
}

static void test_unanswered(void **state)
{
	uint64_t asked = n.env.now;

	send(PEER_IP, 1);
	run_until(asked + SEC * 29 / 10);
	/* Three requests, a second apart. */
	assert_int_equal(n.n_out, 3);
	for (unsigned int i = 0; i < 3; i++)
		sent_arp(i, &bcast_mac, ARP_REQUEST, OUR_IP, PEER_IP);
	assert_int_equal(n_unreached, 0);
	run_until(asked + SEC * 31 / 10);
	assert_int_equal(n.n_out, 3);
	assert_int_equal(n_unreached, 1);
	net_dropped(&n, DROP_ARP_UNRESOLVED, 1);
	assert_int_equal(link_next(n.link), UINT64_MAX);
	/* The next packet begins anew. */
	send(PEER_IP, 2);
	assert_int_equal(n.n_out, 4);
}

/* No more than one request a second, however many packets want to go. */
static void test_requests_are_limited(void **state)
{
	for (uint16_t i = 0; i < 10; i++) {
		send(PEER_IP, i);
		n.env.now += SEC / 20;
		link_timers(n.link, 64);
	}
	assert_int_equal(n.n_out, 1);
}

/* RFC 1122, 2.3.2.1: one in use is asked by unicast when its time is over, and stays in use. */
static void test_used_neighbour_is_probed(void **state)
{
	net_meet(&n, PEER_IP, &peer_mac);
	send(PEER_IP, 1);
	net_forget(&n);
	run_until(NET_START + NEIGH_LIFE_NS + SEC / 10);
	assert_int_equal(n.n_out, 1);
	sent_arp(0, &peer_mac, ARP_REQUEST, OUR_IP, PEER_IP);
	send(PEER_IP, 2);
	sent_ip(1, 2, &peer_mac);
	receive(&our_mac, ARP_REPLY, &peer_mac, PEER_IP, OUR_IP);
	net_forget(&n);
	run_until(n.env.now + SEC * 10);
	assert_int_equal(n.n_out, 0);
}

/* A guest that has gone asks for nobody: the request is a probe (RFC 5227, 1.1). */
static void test_probe_for_a_guest_that_has_gone(void **state)
{
	net_meet(&n, PEER_IP, &peer_mac);
	send(PEER_IP, 1);
	net_forget(&n);
	n.owned[0] = 0;
	run_until(NET_START + NEIGH_LIFE_NS + SEC / 10);
	assert_int_equal(n.n_out, 1);
	sent_arp(0, &peer_mac, ARP_REQUEST, 0, PEER_IP);
}

static void test_lost_neighbour(void **state)
{
	net_meet(&n, PEER_IP, &peer_mac);
	send(PEER_IP, 1);
	net_forget(&n);
	run_until(NET_START + NEIGH_LIFE_NS + 4 * SEC);
	assert_int_equal(n.n_out, 3);
	for (unsigned int i = 0; i < 3; i++)
		sent_arp(i, &peer_mac, ARP_REQUEST, OUR_IP, PEER_IP);
	/* Gone: from now on everybody is asked. */
	send(PEER_IP, 2);
	sent_arp(3, &bcast_mac, ARP_REQUEST, OUR_IP, PEER_IP);
}

static void test_unused_neighbour_is_forgotten(void **state)
{
	net_meet(&n, PEER_IP, &peer_mac);
	run_until(NET_START + NEIGH_LIFE_NS + SEC / 10);
	assert_int_equal(n.n_out, 0);
	assert_int_equal(link_next(n.link), UINT64_MAX);
	send(PEER_IP, 1);
	sent_arp(0, &bcast_mac, ARP_REQUEST, OUR_IP, PEER_IP);
}

/* The neighbour has got another card, or an address moved: gratuitous ARP. */
static void test_gratuitous_updates_only(void **state)
{
	net_meet(&n, PEER_IP, &peer_mac);
	receive(&bcast_mac, ARP_REQUEST, &peer2_mac, PEER_IP, PEER_IP);
	assert_int_equal(n.n_out, 0);
	assert_int_equal(n.n_learnt, 2);
	send(PEER_IP, 1);
	sent_ip(0, 1, &peer2_mac);
	/* Unknown ones are not learnt from it. */
	receive(&bcast_mac, ARP_REQUEST, &peer2_mac, PEER2_IP, PEER2_IP);
	send(PEER2_IP, 2);
	sent_arp(1, &bcast_mac, ARP_REQUEST, OUR_IP, PEER2_IP);
}

/* An entry that is taken for another address: flows that remember it find their own again. */
static void test_reused_entry_is_noticed(void **state)
{
	struct ip4_hdr h = { .ver_ihl = 0x45, .src = OUR_IP, .dst = PEER_IP };
	struct neigh *cache = NULL;

	net_meet(&n, PEER_IP, &peer_mac);
	link_tx_ip4(n.link, net_pkt(&n, &h, sizeof(h)), PEER_IP, &cache);
	net_forget(&n);
	run_until(NET_START + 2 * NEIGH_LIFE_NS);
	net_forget(&n);
	net_meet(&n, PEER2_IP, &peer2_mac);
	assert_int_equal(cache->addr, PEER2_IP);
	link_tx_ip4(n.link, net_pkt(&n, &h, sizeof(h)), PEER_IP, &cache);
	sent_arp(0, &bcast_mac, ARP_REQUEST, OUR_IP, PEER_IP);
}

/* Thousands of strangers speak to us: the one in use stays. */
static void test_flood_does_not_evict_who_is_used(void **state)
{
	net_meet(&n, PEER_IP, &peer_mac);
	for (unsigned int i = 0; i < 5000; i++) {
		send(PEER_IP, 1);
		assert_memory_equal(rte_pktmbuf_mtod(n.out[0], void *), &peer_mac, 6);
		assert_int_equal(n.out[0]->pkt_len, 34);
		net_forget(&n);
		net_meet(&n, be32(0x0a4e0000 + i), &peer2_mac);
	}
	net_no_drops(&n);
}

/* A guest sends to thousands of addresses that nobody has: bounded, and others get through. */
static void test_scan_by_a_guest(void **state)
{
	net_meet(&n, PEER_IP, &peer_mac);
	for (unsigned int i = 0; i < 3000; i++) {
		send(be32(0x0a4e0000 + i), 1);
		send(PEER_IP, 2);
		net_forget(&n);
	}
	net_dropped(&n, DROP_ARP_TABLE_FULL, 3000 - 31);
	send(PEER_IP, 3);
	sent_ip(0, 3, &peer_mac);
}

/* A packet that a transport keeps waits without being linked anywhere or changed. */
static void test_kept_packet_waits(void **state)
{
	struct ip4_hdr h = { .ver_ihl = 0x45, .src = OUR_IP, .dst = PEER_IP };
	struct rte_mbuf *m = net_pkt(&n, &h, sizeof(h));
	struct pkt_meta before;
	struct neigh *cache = NULL;

	memset(pkt_meta(m), 0x5a, sizeof(before));
	before = *pkt_meta(m);
	rte_mbuf_refcnt_update(m, 1);
	link_tx_ip4(n.link, m, PEER_IP, &cache);
	assert_int_equal(rte_mbuf_refcnt_read(m), 2);
	assert_memory_equal(pkt_meta(m), &before, sizeof(before));
	run_until(NET_START + 10 * SEC);
	assert_int_equal(rte_mbuf_refcnt_read(m), 1);
	assert_int_equal(n_unreached, 1);
	net_dropped(&n, DROP_ARP_UNRESOLVED, 1);
	rte_pktmbuf_free(m);
}

static void test_pool_empty(void **state)
{
	struct rte_mbuf *all[2047];
	unsigned int got = 0;

	while (got < 2047 && (all[got] = pkt_alloc(&n.env)))
		got++;
	link_announce(n.link, OUR_IP);
	net_dropped(&n, DROP_NO_MBUF, 1);
	assert_int_equal(n.n_out, 0);
	rte_pktmbuf_free_bulk(all, got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_request_is_answered, setup, teardown),
		cmocka_unit_test_setup_teardown(test_request_for_another, setup, teardown),
		cmocka_unit_test_setup_teardown(test_every_owned_address_is_answered, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_probe_is_answered_and_not_learnt, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_malformed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_padded, setup, teardown),
		cmocka_unit_test_setup_teardown(test_conflict, setup, teardown),
		cmocka_unit_test_setup_teardown(test_announce, setup, teardown),
		cmocka_unit_test_setup_teardown(test_packets_wait_for_the_answer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_answer_from_another_lcore, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pending_is_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pending_of_all_is_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unanswered, setup, teardown),
		cmocka_unit_test_setup_teardown(test_requests_are_limited, setup, teardown),
		cmocka_unit_test_setup_teardown(test_used_neighbour_is_probed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_probe_for_a_guest_that_has_gone, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_lost_neighbour, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unused_neighbour_is_forgotten, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_gratuitous_updates_only, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reused_entry_is_noticed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flood_does_not_evict_who_is_used, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_scan_by_a_guest, setup, teardown),
		cmocka_unit_test_setup_teardown(test_kept_packet_waits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pool_empty, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
