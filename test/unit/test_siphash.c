/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SipHash-2-4: the vectors of its authors (key 00 01 .. 0f, input 00 01 ..). SipHash-1-3 with key
 * 0 is the string hash of CPython 3.11 under PYTHONHASHSEED=0, which gave the values here.
 */
#include "base/siphash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct siphash_key key = { { 0x0706050403020100, 0x0f0e0d0c0b0a0908 } };
static uint8_t input[64];

static int setup(void **state)
{
	for (unsigned int i = 0; i < sizeof(input); i++)
		input[i] = (uint8_t)i;
	return 0;
}

static void test_siphash24(void **state)
{
	static const uint64_t want[] = {
		0x726fdb47dd0e0e31, 0x74f839c593dc67fd, 0x0d6c8009d9a94f5a, 0x85676696d7fb7e2d,
		0xcf2794e0277187b7, 0x18765564cd99a68d, 0xcbc9466e58fee3ce, 0xab0200f58b01d137,
		0x93f5f5799a932462, 0x9e0082df0ba9e4b0, 0x7a5dbbc594ddb9f3, 0xf4b32f46226bada7,
		0x751e8fbc860ee5fb, 0x14ea5627c0843d90, 0xf723ca908e7af2ee, 0xa129ca6149be45e5,
	};

	for (size_t len = 0; len < sizeof(want) / sizeof(want[0]); len++)
		assert_true(siphash24(&key, input, len) == want[len]);
}

static void test_siphash13(void **state)
{
	static const struct siphash_key zero;
	static const struct {
		size_t len;
		uint64_t want;
	} v[] = {
		{ 1, 0x68a914128e01e473 },  { 7, 0x2f098ab0c751325a },	{ 8, 0xead411e67ebe2eea },
		{ 12, 0xa6baf4fb0f9fe1c2 }, { 15, 0xf30eb725bb91c9ea }, { 16, 0x8972188433a5c5b7 },
		{ 33, 0x7fb71d24dfa4c9f6 },
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		assert_true(siphash13(&zero, input, v[i].len) == v[i].want);
}

static void test_any_alignment(void **state)
{
	uint8_t moved[48];

	for (size_t off = 1; off < 8; off++) {
		memcpy(moved + off, input, 33);
		assert_true(siphash24(&key, moved + off, 33) == siphash24(&key, input, 33));
		assert_true(siphash13(&key, moved + off, 33) == siphash13(&key, input, 33));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_siphash24),
		cmocka_unit_test(test_siphash13),
		cmocka_unit_test(test_any_alignment),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
