/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The inbox: calls from several threads are carried out by the lcore's thread, each before its
 * caller goes on; a closed inbox runs them in the caller.
 */
#include "lcore/msg.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define CALLERS 4
#define CALLS	2000

static struct msg_inbox in;
static pthread_t lcore;
static bool stop;	      /* the lcore's own */
static unsigned int n_served; /* the lcore's own */
static _Atomic unsigned int n_wrong, n_wakes;

static void wake(void *arg)
{
	atomic_fetch_add(&n_wakes, 1);
}

static void join(void *arg)
{
	pthread_join(lcore, NULL);
}

static void *lcore_main(void *arg)
{
	while (!stop)
		if (!msg_serve(&in))
			sched_yield();
	return NULL;
}

static void serve(void *arg)
{
	n_served++;
	if (!pthread_equal(pthread_self(), lcore))
		atomic_fetch_add(&n_wrong, 1);
	++*(unsigned int *)arg;
}

static void end(void *arg)
{
	stop = true;
}

static void *caller_main(void *arg)
{
	for (unsigned int i = 1; i <= CALLS; i++) {
		unsigned int answer = i;

		msg_call(&in, serve, &answer, wake, NULL);
		if (answer != i + 1) /* done when it returns */
			atomic_fetch_add(&n_wrong, 1);
	}
	return NULL;
}

static void test_calls(void **state)
{
	pthread_t callers[CALLERS];

	msg_inbox_init(&in);
	msg_open(&in);
	assert_int_equal(pthread_create(&lcore, NULL, lcore_main, NULL), 0);
	for (unsigned int i = 0; i < CALLERS; i++)
		assert_int_equal(pthread_create(&callers[i], NULL, caller_main, NULL), 0);
	for (unsigned int i = 0; i < CALLERS; i++)
		pthread_join(callers[i], NULL);
	msg_close(&in, end, NULL, wake, join, NULL);
	assert_int_equal(n_wrong, 0);
	assert_int_equal(n_served, CALLERS * CALLS);
	assert_int_equal(n_wakes, CALLERS * CALLS + 1);
}

static void test_closed(void **state)
{
	unsigned int answer = 0;

	n_served = 0;
	lcore = pthread_self();
	msg_call(&in, serve, &answer, wake, NULL);
	assert_int_equal(answer, 1);
	assert_int_equal(n_wrong, 0);
	msg_close(&in, end, NULL, wake, join, NULL); /* harmless */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
