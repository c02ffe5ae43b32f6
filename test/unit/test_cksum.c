/* SPDX-License-Identifier: BSD-3-Clause */
/* The Internet checksum against RFC 1071's example, known packets, and a plain loop. */
#include "base/rng.h"
#include "wire/cksum.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* By the definition: big-endian words, in host order. */
static uint16_t plain(const uint8_t *p, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum >> 16) + (sum & 0xffff);
	return (uint16_t)sum;
}

static uint16_t swap(uint16_t v)
{
	return (uint16_t)(v << 8 | v >> 8);
}

/* RFC 1071, 3: the bytes 00 01 f2 03 f4 f5 f6 f7 have the sum ddf2. */
static void test_rfc1071_example(void **state)
{
	const uint8_t data[] = { 0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7 };

	assert_int_equal(swap(cksum_fold(cksum_add(0, data, sizeof(data)))), 0xddf2);
	assert_int_equal(swap(cksum_finish(cksum_add(0, data, sizeof(data)))), 0x220d);
}

static void test_ipv4_header(void **state)
{
	uint8_t h[20] = { 0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11,
			  0x00, 0x00, 0xc0, 0xa8, 0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7 };
	uint16_t c = cksum_finish(cksum_ip4_sum((const struct ip4_hdr *)h));

	assert_int_equal(swap(c), 0xb861);
	memcpy(h + 10, &c, 2);
	assert_int_equal(cksum_fold(cksum_ip4_sum((const struct ip4_hdr *)h)), 0xffff);
	assert_int_equal(cksum_fold(cksum_add(0, h, sizeof(h))), 0xffff);
}

/* UDP 10.0.0.1:1 -> 10.0.0.2:2, payload "hi!" (odd). */
static void test_pseudo_header(void **state)
{
	const uint8_t whole[] = { 10, 0, 0, 1, 10, 0,  0, 2, 0,	  17,  0,  11,
				  0,  1, 0, 2, 0,  11, 0, 0, 'h', 'i', '!' };
	uint32_t src, dst;
	uint64_t sum;

	memcpy(&src, whole, 4);
	memcpy(&dst, whole + 4, 4);
	sum = cksum_add(cksum_pseudo4(src, dst, 17, 11), whole + 12, 11);
	assert_int_equal(swap(cksum_fold(sum)), plain(whole, sizeof(whole)));
}

static void test_every_length_and_alignment(void **state)
{
	uint8_t data[300 + 32];
	struct rng rng = { 7 };

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)rng_next(&rng);
	for (size_t off = 0; off < 32; off++)
		for (size_t len = 0; len <= 300; len++)
			assert_int_equal(swap(cksum_fold(cksum_add(0, data + off, len))),
					 plain(data + off, len));
}

/* No carry is lost where every word is full. */
static void test_all_ones(void **state)
{
	uint8_t *data = malloc(65536);
	uint64_t sum = 0;

	memset(data, 0xff, 65536);
	assert_int_equal(cksum_fold(cksum_add(0, data, 65535)), 0xff);
	assert_int_equal(cksum_fold(cksum_add(0, data, 65536)), 0xffff);
	for (unsigned int i = 0; i < 1000; i++)
		sum = cksum_add(sum, data, 65536);
	assert_int_equal(cksum_fold(sum), 0xffff);
	free(data);
}

static void test_odd_pieces(void **state)
{
	const uint8_t data[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };
	uint64_t sum = cksum_add(0, data, 3);

	sum += cksum_swap(cksum_add(0, data + 3, 6));
	assert_int_equal(swap(cksum_fold(sum)), plain(data, 9));
}

static void test_update(void **state)
{
	uint8_t data[16];
	struct rng rng = { 3 };

	for (unsigned int round = 0; round < 1000; round++) {
		uint16_t before, from, to = (uint16_t)rng_next(&rng);

		for (unsigned int i = 0; i < sizeof(data); i++)
			data[i] = (uint8_t)rng_next(&rng);
		before = cksum_finish(cksum_add(0, data, sizeof(data)));
		memcpy(&from, data + 4, 2);
		memcpy(data + 4, &to, 2);
		assert_int_equal(cksum_update16(before, from, to),
				 cksum_finish(cksum_add(0, data, sizeof(data))));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc1071_example),
		cmocka_unit_test(test_ipv4_header),
		cmocka_unit_test(test_pseudo_header),
		cmocka_unit_test(test_every_length_and_alignment),
		cmocka_unit_test(test_all_ones),
		cmocka_unit_test(test_odd_pieces),
		cmocka_unit_test(test_update),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
