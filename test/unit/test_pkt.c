/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets: queue, copies, chains, checksums over segments, the names of drops. */
#include "net.h"

static struct net n;

static int setup(void **state)
{
	net_init(&n);
	return 0;
}

static int teardown(void **state)
{
	net_fini(&n);
	return 0;
}

static void test_drop_names(void **state)
{
	assert_string_equal(drop_name(DROP_LINK_SHORT), "LINK_SHORT");
	assert_string_equal(drop_name(DROP_SILENT), "SILENT");
	assert_string_equal(drop_name(DROP_N), "?");
	for (unsigned int i = 0; i < DROP_N; i++) {
		assert_true(strlen(drop_name(i)) > 2);
		assert_true(strlen(drop_text(i)) > 10);
	}
}

static void test_drop_counts_and_frees(void **state)
{
	pkt_drop(&n.env, pkt_alloc(&n.env), DROP_ARP_BAD);
	pkt_drop(&n.env, pkt_alloc(&n.env), DROP_ARP_BAD);
	net_dropped(&n, DROP_ARP_BAD, 2);
}

static void test_alloc_has_headroom_and_no_past(void **state)
{
	struct rte_mbuf *m = pkt_alloc(&n.env);

	assert_int_equal(rte_pktmbuf_headroom(m), 128);
	assert_int_equal(rte_pktmbuf_tailroom(m), NET_ROOM);
	assert_null(pkt_meta(m)->next);
	assert_int_equal((uintptr_t)pkt_meta(m) % 64, 0);
	rte_pktmbuf_free(m);
}

static void test_queue_is_fifo(void **state)
{
	struct pkt_queue q = { 0 };
	struct rte_mbuf *m[3];

	assert_null(pkt_queue_pop(&q));
	for (unsigned int i = 0; i < 3; i++) {
		m[i] = pkt_alloc(&n.env);
		pkt_queue_push(&q, m[i]);
	}
	assert_int_equal(q.n, 3);
	for (unsigned int i = 0; i < 3; i++) {
		assert_ptr_equal(pkt_queue_pop(&q), m[i]);
		rte_pktmbuf_free(m[i]);
	}
	assert_null(q.head);
	assert_null(q.tail);
	pkt_queue_push(&q, pkt_alloc(&n.env));
	pkt_queue_push(&q, pkt_alloc(&n.env));
	pkt_queue_free(&q);
	assert_int_equal(q.n, 0);
}

static void test_copy_shares_nothing(void **state)
{
	struct rte_mbuf *m = net_pkt(&n, "0123456789", 10);
	struct rte_mbuf *c;

	pkt_meta(m)->seq = 77;
	rte_mbuf_refcnt_update(m, 1);
	assert_true(pkt_shared(m));
	c = pkt_copy(&n.env, m);
	assert_non_null(c);
	assert_false(pkt_shared(c));
	assert_ptr_not_equal(c->buf_addr, m->buf_addr);
	assert_int_equal(c->pkt_len, 10);
	assert_memory_equal(rte_pktmbuf_mtod(c, void *), "0123456789", 10);
	assert_int_equal(pkt_meta(c)->seq, 77);
	assert_int_equal(rte_pktmbuf_headroom(c), 128);
	rte_mbuf_refcnt_update(m, -1);
	assert_false(pkt_shared(m));
	rte_pktmbuf_free(m);
	rte_pktmbuf_free(c);
}

static void test_shared_anywhere_in_a_chain(void **state)
{
	struct rte_mbuf *m = net_chain(&n, "abcdef", 6, 2);

	assert_false(pkt_shared(m));
	rte_mbuf_refcnt_update(m->next, 1);
	assert_true(pkt_shared(m));
	rte_mbuf_refcnt_update(m->next, -1);
	rte_pktmbuf_free(m);
}

static void test_linear(void **state)
{
	struct rte_mbuf *m = pkt_linear(&n.env, net_chain(&n, "abcdef", 6, 2));

	assert_non_null(m);
	assert_int_equal(m->nb_segs, 1);
	assert_int_equal(m->data_len, 6);
	assert_memory_equal(rte_pktmbuf_mtod(m, void *), "abcdef", 6);
	rte_pktmbuf_free(m);
	net_no_drops(&n);
}

static void test_linear_too_long_is_dropped(void **state)
{
	static const char data[2 * NET_ROOM];

	assert_null(pkt_linear(&n.env, net_chain(&n, data, sizeof(data), NET_ROOM)));
	net_dropped(&n, DROP_NO_MBUF, 1);
}

/* The same sum, however the bytes are spread over segments, also at odd places. */
static void test_cksum_over_segments(void **state)
{
	uint8_t data[64];
	uint16_t want;

	for (unsigned int i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 37 + 11);
	want = cksum_fold(cksum_add(0, data + 5, 40));
	for (size_t cut = 0; cut <= 64; cut++) {
		struct rte_mbuf *m = net_chain(&n, data, 64, cut);

		assert_int_equal(cksum_fold(pkt_cksum(0, m, 5, 40)), want);
		rte_pktmbuf_free(m);
	}
}

static void test_cut(void **state)
{
	struct rte_mbuf *m = net_pkt(&n, "abcdef", 6);

	assert_true(pkt_cut(m, 4));
	assert_int_equal(m->data_len, 4);
	assert_int_equal(m->pkt_len, 4);
	rte_pktmbuf_free(m);
	m = net_chain(&n, "abcdef", 6, 2);
	assert_true(pkt_cut(m, 3));
	assert_int_equal(m->pkt_len, 3);
	assert_int_equal(m->next->data_len, 1);
	/* More than the last segment has. */
	assert_false(pkt_cut(m, 1));
	rte_pktmbuf_free(m);
}

static void test_pool_limits(void **state)
{
	assert_null(pkt_pool_create("too_long", 15, 65536, SOCKET_ID_ANY));
	assert_string_equal(rte_mempool_get_ops(n.env.pool->ops_index)->name, "ring_mt_rts");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_drop_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_drop_counts_and_frees, setup, teardown),
		cmocka_unit_test_setup_teardown(test_alloc_has_headroom_and_no_past, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_queue_is_fifo, setup, teardown),
		cmocka_unit_test_setup_teardown(test_copy_shares_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_shared_anywhere_in_a_chain, setup, teardown),
		cmocka_unit_test_setup_teardown(test_linear, setup, teardown),
		cmocka_unit_test_setup_teardown(test_linear_too_long_is_dropped, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cksum_over_segments, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pool_limits, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
