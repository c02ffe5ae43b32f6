/* SPDX-License-Identifier: BSD-3-Clause */
/* Header checks: what is good, each way to be bad, and any bytes at all. */
#include "base/rng.h"
#include "wire/byteorder.h"
#include "wire/parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct ip4_hdr good_ip(void)
{
	return (struct ip4_hdr){
		.ver_ihl = 0x45,
		.len = be16(40),
		.ttl = 64,
		.proto = 6,
		.src = be32(0x0a000001),
		.dst = be32(0x0a000002),
	};
}

static void test_ip4_check(void **state)
{
	struct ip4_hdr h = good_ip();

	assert_int_equal(ip4_check(&h, 20, 40), 20);
	assert_int_equal(ip4_check(&h, 20, 60), 20); /* padded */
	assert_int_equal(ip4_check(&h, 19, 40), 0);  /* header is cut */
	assert_int_equal(ip4_check(&h, 0, 0), 0);
	assert_int_equal(ip4_check(&h, 20, 39), 0); /* total length lies */
	h.len = be16(19);
	assert_int_equal(ip4_check(&h, 20, 40), 0); /* less than its header */
	h.len = be16(20);
	assert_int_equal(ip4_check(&h, 20, 40), 20); /* no payload */
}

static void test_ip4_version_and_ihl(void **state)
{
	struct ip4_hdr h[3] = { good_ip() };

	h[0].ver_ihl = 0x65;
	assert_int_equal(ip4_check(h, 60, 60), 0);
	h[0].ver_ihl = 0x44;
	assert_int_equal(ip4_check(h, 60, 60), 0);
	h[0].ver_ihl = 0x46;
	assert_int_equal(ip4_check(h, 60, 60), 24);
	assert_int_equal(ip4_check(h, 23, 60), 0);
	h[0].ver_ihl = 0x4f;
	h[0].len = be16(60);
	assert_int_equal(ip4_check(h, 60, 60), 60);
	h[0].len = be16(59);
	assert_int_equal(ip4_check(h, 60, 60), 0);
}

/* Header with @n option bytes. */
static bool options_ok(const uint8_t *opts, size_t n, bool *ret_source_route)
{
	uint8_t buf[60] = { 0 };
	struct ip4_hdr *h = (struct ip4_hdr *)buf;

	h->ver_ihl = (uint8_t)(0x40 | (5 + n / 4));
	memcpy(buf + 20, opts, n);
	return ip4_options_check(h, ret_source_route);
}

static void test_ip4_options(void **state)
{
	bool sr;

	assert_true(options_ok((uint8_t[]){ 1, 1, 1, 0 }, 4, &sr));
	assert_false(sr);
	assert_true(options_ok((uint8_t[]){ 148, 4, 0, 0 }, 4, &sr)); /* router alert */
	assert_false(sr);
	assert_true(options_ok((uint8_t[]){ 131, 3, 4, 0 }, 4, &sr));
	assert_true(sr);
	assert_true(options_ok((uint8_t[]){ 1, 137, 3, 4 }, 4, &sr));
	assert_true(sr);
	/* Behind the end nothing counts. */
	assert_true(options_ok((uint8_t[]){ 0, 131, 200, 4 }, 4, &sr));
	assert_false(sr);
	assert_false(options_ok((uint8_t[]){ 7, 0, 0, 0 }, 4, &sr)); /* length 0 */
	assert_false(options_ok((uint8_t[]){ 7, 1, 0, 0 }, 4, &sr)); /* length 1 */
	assert_false(options_ok((uint8_t[]){ 7, 5, 0, 0 }, 4, &sr)); /* beyond the header */
	assert_false(options_ok((uint8_t[]){ 1, 1, 1, 7 }, 4, &sr)); /* no room for a length */
}

static struct arp_hdr good_arp(void)
{
	return (struct arp_hdr){
		.hw_type = be16(1),
		.proto_type = be16(0x800),
		.hw_len = 6,
		.proto_len = 4,
		.op = be16(ARP_REQUEST),
		.sha = { { 2, 0, 0, 0, 0, 1 } },
		.spa = be32(0x0a000001),
		.tpa = be32(0x0a000002),
	};
}

#define ARP_BAD_WITH(field, value) \
	do { \
		struct arp_hdr a = good_arp(); \
		a.field = value; \
		assert_false(arp_check(&a, sizeof(a))); \
	} while (0)

static void test_arp(void **state)
{
	struct arp_hdr good = good_arp();

	assert_true(arp_check(&good, 28));
	assert_true(arp_check(&good, 46));
	assert_false(arp_check(&good, 27));
	good.op = be16(ARP_REPLY);
	assert_true(arp_check(&good, 28));
	good.spa = 0; /* probe */
	assert_true(arp_check(&good, 28));
	ARP_BAD_WITH(hw_type, be16(6));
	ARP_BAD_WITH(proto_type, be16(0x86dd));
	ARP_BAD_WITH(hw_len, 8);
	ARP_BAD_WITH(proto_len, 16);
	ARP_BAD_WITH(op, be16(3));
	ARP_BAD_WITH(op, 0);
	ARP_BAD_WITH(sha.b[0], 0xff);
	ARP_BAD_WITH(spa, be32(0x7f000001));
	ARP_BAD_WITH(spa, be32(0xe0000001));
	ARP_BAD_WITH(spa, be32(0xffffffff));
}

static void test_tcp(void **state)
{
	struct tcp_hdr h[3] = { { .off = 0x50 } };

	assert_int_equal(tcp_check(h, 20, 20), 20);
	assert_int_equal(tcp_check(h, 19, 19), 0);
	h[0].off = 0x40;
	assert_int_equal(tcp_check(h, 60, 60), 0);
	h[0].off = 0xf0;
	assert_int_equal(tcp_check(h, 60, 60), 60);
	assert_int_equal(tcp_check(h, 59, 100), 0); /* options in another segment */
	assert_int_equal(tcp_check(h, 60, 59), 0);  /* longer than the datagram */
}

static void test_udp(void **state)
{
	struct udp_hdr h = { .len = be16(20) };

	assert_int_equal(udp_check(&h, 8, 20), 20);
	assert_int_equal(udp_check(&h, 8, 30), 20);
	assert_int_equal(udp_check(&h, 8, 19), 0);
	assert_int_equal(udp_check(&h, 7, 20), 0);
	h.len = be16(7);
	assert_int_equal(udp_check(&h, 8, 20), 0);
	h.len = 0;
	assert_int_equal(udp_check(&h, 8, 20), 0);
}

static void test_address_classes(void **state)
{
	assert_true(ip4_is_bad_source(be32(0x00000000)));
	assert_true(ip4_is_bad_source(be32(0x7f000001)));
	assert_true(ip4_is_bad_source(be32(0xe0000001)));
	assert_true(ip4_is_bad_source(be32(0xf0000001)));
	assert_true(ip4_is_bad_source(be32(0xffffffff)));
	assert_false(ip4_is_bad_source(be32(0x01000000)));
	assert_false(ip4_is_bad_source(be32(0xdfffffff)));
	assert_true(ip4_is_multicast(be32(0xefffffff)));
	assert_false(ip4_is_multicast(be32(0xf0000000)));
}

/* Any bytes: an answer, and no byte beyond the end is touched (run under ASan). */
static void test_any_bytes(void **state)
{
	struct rng rng = { 1 };

	for (unsigned int round = 0; round < 100000; round++) {
		size_t len = rng_below(&rng, 64);
		uint8_t *p = malloc(len + 1);
		unsigned int hlen;
		bool sr;

		for (size_t i = 0; i < len; i++)
			p[i] = (uint8_t)rng_next(&rng);
		if (len && round % 2)
			p[0] = 0x40 | (p[0] & 0xf);
		hlen = ip4_check(p, len, (uint32_t)len + 65536);
		assert_true(hlen <= len && hlen % 4 == 0 && (!hlen || hlen >= 20));
		if (hlen)
			ip4_options_check((struct ip4_hdr *)p, &sr);
		assert_true(tcp_check(p, len, (uint32_t)len) <= len);
		assert_true(udp_check(p, len, (uint32_t)len) <= len);
		arp_check(p, len);
		free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ip4_check),
		cmocka_unit_test(test_ip4_version_and_ihl),
		cmocka_unit_test(test_ip4_options),
		cmocka_unit_test(test_arp),
		cmocka_unit_test(test_tcp),
		cmocka_unit_test(test_udp),
		cmocka_unit_test(test_address_classes),
		cmocka_unit_test(test_any_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
