/* SPDX-License-Identifier: BSD-3-Clause */
/* Sorting a burst by the lcore that serves its destination. */
#include "port/port.h"
#include "eal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define OWN	0xc0000201u /* 192.0.2.1, lcore 0 */
#define OTHER	0xc0000202u /* lcore 3 */
#define UNKNOWN 0xc0000203u

static struct rte_mempool *pool;
static struct addr_map *map;

static int setup(void **state)
{
	const struct addr_home homes[] = {
		{ __builtin_bswap32(OWN), 0, 0 },
		{ __builtin_bswap32(OTHER), 3, 0 },
	};

	test_eal_init();
	pool = pkt_pool_create("sort", 511, 2048, SOCKET_ID_ANY);
	map = addr_map_build(homes, 2);
	return pool && map ? 0 : -1;
}

static int teardown(void **state)
{
	addr_map_free(map);
	rte_mempool_free(pool);
	return 0;
}

/* A frame of @len bytes with EtherType @type and, after an optional tag, an IPv4 destination. */
static struct rte_mbuf *frame(uint16_t type, bool tag, uint32_t dst, uint16_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	uint8_t *p = (uint8_t *)rte_pktmbuf_append(m, len);
	uint8_t bytes[64] = { [12] = 0x81 };
	unsigned int at = tag ? 16 : 12;

	bytes[at] = (uint8_t)(type >> 8);
	bytes[at + 1] = (uint8_t)type;
	dst = __builtin_bswap32(dst);
	memcpy(bytes + at + 2 + 16, &dst, sizeof(dst));
	memcpy(p, bytes, len);
	return m;
}

static void test_sort(void **state)
{
	struct rte_mbuf *pkts[] = {
		frame(ETH_TYPE_IP4, false, OTHER, 34), frame(ETH_TYPE_IP4, false, OWN, 34),
		frame(ETH_TYPE_IP4, true, OTHER, 38),  frame(ETH_TYPE_IP4, false, UNKNOWN, 34),
		frame(ETH_TYPE_ARP, false, OTHER, 42), frame(ETH_TYPE_IP4, false, OTHER, 33),
		frame(ETH_TYPE_IP4, true, OTHER, 37),  frame(ETH_TYPE_IP4, false, OTHER, 3),
	};
	struct port_sorted s;

	port_sort(map, 0, pkts, 8, &s);
	assert_int_equal(s.n_foreign, 2);
	assert_ptr_equal(s.foreign[0], pkts[0]);
	assert_ptr_equal(s.foreign[1], pkts[2]);
	assert_int_equal(s.home[0], 3);
	assert_int_equal(s.home[1], 3);
	/* Cut short, not IPv4, or nobody's: the stack here looks closer. Order is kept. */
	assert_int_equal(s.n_own, 6);
	assert_ptr_equal(s.own[0], pkts[1]);
	for (unsigned int i = 1; i < 6; i++)
		assert_ptr_equal(s.own[i], pkts[i + 2]);
	/* For the other lcore it is the other way round. */
	port_sort(map, 3, pkts, 8, &s);
	assert_int_equal(s.n_foreign, 1);
	assert_ptr_equal(s.foreign[0], pkts[1]);
	rte_pktmbuf_free_bulk(pkts, 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sort),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
