/* SPDX-License-Identifier: BSD-3-Clause */
/* Congestion windows: RFC 6928, 2; RFC 5681, 3.1. */
#include "tcp/tcp_cc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define MSS 1460u

static void t_initial_window(void **state)
{
	assert_int_equal(tcp_cc_iw(1460, 0), 14600);
	assert_int_equal(tcp_cc_iw(536, 0), 5360);
	assert_int_equal(tcp_cc_iw(9000, 0), 18000); /* two segments where they are large */
	assert_int_equal(tcp_cc_iw(4000, 0), 14600);
	assert_int_equal(tcp_cc_iw(1460, 1), 1460); /* the SYN was lost */
}

static struct tcp_cc begin(void)
{
	struct tcp_cc cc;

	tcp_cc_init(&cc, &tcp_newreno, 10 * MSS);
	return cc;
}

/* Equation (2): by no more than what was acknowledged. */
static void t_slow_start(void **state)
{
	struct tcp_cc cc = begin();

	cc.ops->acked(&cc, MSS, MSS, 0);
	assert_int_equal(cc.cwnd, 11 * MSS);
	cc.ops->acked(&cc, 1, MSS, 0);
	assert_int_equal(cc.cwnd, 11 * MSS + 1); /* ACK division gains nothing */
	cc.ops->acked(&cc, 50 * MSS, MSS, 0);
	assert_int_equal(cc.cwnd, 13 * MSS + 1); /* RFC 3465, 2.2: L = 2 */
	cc.cwnd = MSS;
	cc.ssthresh = 8 * MSS;
	cc.ops->acked(&cc, 50 * MSS, MSS, 0);
	assert_int_equal(cc.cwnd, 2 * MSS); /* 2.3: 1 after a time-out */
}

/* A full window acknowledged: one segment more. */
static void t_avoidance(void **state)
{
	struct tcp_cc cc = begin();

	cc.ssthresh = 10 * MSS;
	for (unsigned int i = 0; i < 9; i++)
		cc.ops->acked(&cc, MSS, MSS, 0);
	assert_int_equal(cc.cwnd, 10 * MSS);
	cc.ops->acked(&cc, MSS, MSS, 0);
	assert_int_equal(cc.cwnd, 11 * MSS);
}

/* Equation (4). */
static void t_loss(void **state)
{
	struct tcp_cc cc = begin();

	cc.ops->loss(&cc, 20 * MSS, MSS, 0);
	assert_int_equal(cc.ssthresh, 10 * MSS);
	cc.ops->loss(&cc, 3 * MSS, MSS, 0);
	assert_int_equal(cc.ssthresh, 2 * MSS);
	cc.ops->timeout(&cc, 8 * MSS, MSS, 0);
	assert_int_equal(cc.ssthresh, 4 * MSS);
}

static void t_bounded(void **state)
{
	struct tcp_cc cc = begin();

	for (unsigned int i = 0; i < 1000000; i++)
		cc.ops->acked(&cc, 2 * MSS, MSS, 0);
	assert_int_equal(cc.cwnd, TCP_CWND_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_initial_window), cmocka_unit_test(t_slow_start),
		cmocka_unit_test(t_avoidance),	    cmocka_unit_test(t_loss),
		cmocka_unit_test(t_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
