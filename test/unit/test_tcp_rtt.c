/* SPDX-License-Identifier: BSD-3-Clause */
/* The retransmission time-out: RFC 6298, section 2 and (5.5). */
#include "tcp/tcp_rtt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define MIN_US 200000u

static void t_first(void **state)
{
	struct tcp_rtt r;

	tcp_rtt_init(&r);
	assert_int_equal(tcp_rtt_rto(&r), 1000000); /* (2.1) */
	tcp_rtt_sample(&r, 500000, MIN_US);
	/* (2.2): SRTT = R, RTTVAR = R/2, RTO = SRTT + 4 RTTVAR */
	assert_int_equal(r.srtt >> 3, 500000);
	assert_int_equal(tcp_rtt_rto(&r), 1500000);
}

static void t_second(void **state)
{
	struct tcp_rtt r;

	tcp_rtt_init(&r);
	tcp_rtt_sample(&r, 400000, MIN_US);
	tcp_rtt_sample(&r, 800000, MIN_US);
	/* (2.3): RTTVAR = 3/4 * 200 + 1/4 * 400 = 250 ms; SRTT = 7/8 * 400 + 1/8 * 800 = 450 ms */
	assert_int_equal(r.var >> 2, 250000);
	assert_int_equal(r.srtt >> 3, 450000);
	assert_int_equal(tcp_rtt_rto(&r), 1450000);
}

static void t_steady_reaches_the_minimum(void **state)
{
	struct tcp_rtt r;

	tcp_rtt_init(&r);
	for (unsigned int i = 0; i < 100; i++)
		tcp_rtt_sample(&r, 50, MIN_US);
	assert_in_range(r.srtt >> 3, 49, 51);
	assert_int_equal(tcp_rtt_rto(&r), MIN_US); /* (2.4), with the minimum that was configured */
}

static void t_backoff(void **state)
{
	struct tcp_rtt r;
	uint32_t last = 0;

	tcp_rtt_init(&r);
	tcp_rtt_backoff(&r);
	assert_int_equal(tcp_rtt_rto(&r), 2000000);
	tcp_rtt_backoff(&r);
	assert_int_equal(tcp_rtt_rto(&r), 4000000);
	for (unsigned int i = 0; i < 300; i++) {
		tcp_rtt_backoff(&r);
		assert_true(tcp_rtt_rto(&r) >= last);
		last = tcp_rtt_rto(&r);
	}
	assert_int_equal(last, TCP_RTO_MAX); /* (2.5) */
	tcp_rtt_sample(&r, 1000, MIN_US);
	assert_int_equal(r.backoff, 0);
}

static void t_extremes(void **state)
{
	struct tcp_rtt r;

	tcp_rtt_init(&r);
	tcp_rtt_sample(&r, 0, MIN_US);
	assert_true(r.srtt != 0); /* 0 means "no sample" */
	for (unsigned int i = 0; i < 100; i++)
		tcp_rtt_sample(&r, UINT32_MAX, MIN_US);
	assert_in_range(tcp_rtt_rto(&r), 60000000, TCP_RTO_MAX);
	for (unsigned int i = 0; i < 1000; i++)
		tcp_rtt_sample(&r, 0, MIN_US);
	assert_true(r.srtt != 0);
	assert_int_equal(tcp_rtt_rto(&r), MIN_US);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_first),
		cmocka_unit_test(t_second),
		cmocka_unit_test(t_steady_reaches_the_minimum),
		cmocka_unit_test(t_backoff),
		cmocka_unit_test(t_extremes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
