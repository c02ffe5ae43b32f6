/* SPDX-License-Identifier: BSD-3-Clause */
/* TCP options: RFC 9293, 3.2; RFC 7323, 2.2, 2.3 and 3.2. */
#include "tcp/tcp_opt.h"

#include "base/rng.h"
#include "wire/tcp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#define PARSE(o, ...) \
	do { \
		static const uint8_t bytes_[] = { __VA_ARGS__ }; \
		tcp_opt_parse(bytes_, sizeof(bytes_), (o)); \
	} while (0)

static void t_none(void **state)
{
	struct tcp_opts o = { .has = 0xff };

	tcp_opt_parse(NULL, 0, &o);
	assert_int_equal(o.has, 0);
}

static void t_all(void **state)
{
	struct tcp_opts o;

	PARSE(&o, 2, 4, 0x05, 0xb4, 4, 2, 8, 10, 0, 0, 1, 2, 0, 0, 3, 4, 1, 3, 3, 7);
	assert_int_equal(o.has, TCP_HAS_MSS | TCP_HAS_SACK_PERM | TCP_HAS_TS | TCP_HAS_WSCALE);
	assert_int_equal(o.mss, 1460);
	assert_int_equal(o.ts_val, 0x0102);
	assert_int_equal(o.ts_ecr, 0x0304);
	assert_int_equal(o.wscale, 7);
}

static void t_unknown_is_skipped(void **state)
{
	struct tcp_opts o;

	PARSE(&o, 254, 6, 1, 2, 3, 4, 2, 4, 0x02, 0x18);
	assert_int_equal(o.has, TCP_HAS_MSS);
	assert_int_equal(o.mss, 536);
}

static void t_end_ends(void **state)
{
	struct tcp_opts o;

	PARSE(&o, 1, 0, 2, 4, 0x05, 0xb4);
	assert_int_equal(o.has, 0);
}

static void t_bad_lengths(void **state)
{
	struct tcp_opts o;

	PARSE(&o, 2, 0, 5, 5); /* 0 would loop for ever */
	assert_int_equal(o.has, 0);
	PARSE(&o, 2, 1, 5, 5);
	assert_int_equal(o.has, 0);
	PARSE(&o, 2, 5, 5, 5); /* reaches beyond the header */
	assert_int_equal(o.has, 0);
	PARSE(&o, 1, 1, 1, 2); /* kind without length */
	assert_int_equal(o.has, 0);
	PARSE(&o, 2, 3, 5, 2, 4, 0x05, 0xb4); /* MSS of length 3 is none; the next one counts */
	assert_int_equal(o.has, TCP_HAS_MSS);
	assert_int_equal(o.mss, 1460);
}

/* RFC 7323, 2.3: a shift above 14 is taken as 14. */
static void t_shift_limit(void **state)
{
	struct tcp_opts o;

	PARSE(&o, 3, 3, 255);
	assert_int_equal(o.wscale, 14);
}

static void t_write_then_parse(void **state)
{
	for (unsigned int has = 0; has < 16; has++) {
		const struct tcp_opts in = { .has = (uint8_t)has,
					     .mss = 1400,
					     .wscale = 9,
					     .ts_val = 0xdeadbeef,
					     .ts_ecr = 77 };
		struct tcp_opts out;
		uint8_t buf[TCP_OPTS_MAX];
		unsigned int len = tcp_opt_write(buf, &in);

		assert_int_equal(len % 4, 0);
		assert_true(len <= TCP_OPTS_MAX);
		tcp_opt_parse(buf, len, &out);
		assert_int_equal(out.has, has);
		if (has & TCP_HAS_MSS)
			assert_int_equal(out.mss, 1400);
		if (has & TCP_HAS_WSCALE)
			assert_int_equal(out.wscale, 9);
		if (has & TCP_HAS_TS)
			assert_true(out.ts_val == 0xdeadbeef && out.ts_ecr == 77);
	}
}

/* A lone timestamp is in the form that the fast path looks for. */
static void t_timestamp_form(void **state)
{
	const struct tcp_opts in = { .has = TCP_HAS_TS, .ts_val = 1, .ts_ecr = 2 };
	uint8_t buf[TCP_OPTS_MAX];
	uint32_t word;

	assert_int_equal(tcp_opt_write(buf, &in), TCP_OPT_TS_ALIGNED);
	memcpy(&word, buf, sizeof(word));
	assert_int_equal(word, TCP_OPT_TS_WORD);
}

/* Any bytes of any length: no read beyond the end (a sanitizer sees it), no endless loop. */
static void t_total(void **state)
{
	struct rng rng = { 1 };

	for (unsigned int i = 0; i < 200000; i++) {
		unsigned int len = rng_below(&rng, TCP_OPTS_MAX + 1);
		uint8_t *p = malloc(len ? len : 1);
		struct tcp_opts o;

		for (unsigned int j = 0; j < len; j++)
			p[j] = (uint8_t)rng_below(&rng, 12);
		tcp_opt_parse(p, len, &o);
		assert_true(o.wscale <= TCP_WSCALE_MAX);
		free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_none),
		cmocka_unit_test(t_all),
		cmocka_unit_test(t_unknown_is_skipped),
		cmocka_unit_test(t_end_ends),
		cmocka_unit_test(t_bad_lengths),
		cmocka_unit_test(t_shift_limit),
		cmocka_unit_test(t_write_then_parse),
		cmocka_unit_test(t_timestamp_form),
		cmocka_unit_test(t_total),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
