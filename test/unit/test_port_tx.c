/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sending by a packet socket: what was sent, what waits, and what will never be sent are counted
 * apart. Datagram sockets of the UNIX domain stand in for it: they are full, too small, or gone.
 */
#include "port/port.h"
#include "eal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define FRAME	 100u
#define TOO_LONG 60000u
#define SNDBUF	 20000

struct fix {
	struct env env;
	struct port_if pi;
	int far; /* the other end */
};

static int setup(void **state)
{
	static struct fix f;
	int fds[2], sndbuf = SNDBUF;

	test_eal_init();
	memset(&f, 0, sizeof(f));
	f.env.pool = pkt_pool_create("port_tx", 511, 65000, SOCKET_ID_ANY);
	if (!f.env.pool || socketpair(AF_UNIX, SOCK_DGRAM, 0, fds) ||
	    setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &sndbuf, sizeof(sndbuf)))
		return -1;
	f.env.now = 1;
	f.pi.env = &f.env;
	f.pi.raw_fd = fds[0];
	f.far = fds[1];
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fix *f = *state;

	close(f->pi.raw_fd);
	if (f->far >= 0)
		close(f->far);
	while (f->pi.n)
		rte_pktmbuf_free(f->pi.pkts[--f->pi.n]);
	assert_int_equal(rte_mempool_in_use_count(f->env.pool), 0);
	rte_mempool_free(f->env.pool);
	return 0;
}

static void put(struct fix *f, uint32_t len)
{
	struct rte_mbuf *m = pkt_alloc(&f->env);

	assert_non_null(m);
	memset(rte_pktmbuf_append(m, (uint16_t)len), 0, len);
	port_tx(&f->pi, m);
}

static unsigned int arrived(const struct fix *f, uint32_t len)
{
	static char buf[TOO_LONG];
	unsigned int n = 0;

	while (recv(f->far, buf, sizeof(buf), MSG_DONTWAIT) == (ssize_t)len)
		n++;
	return n;
}

/* The queue of the other end takes a few, and what is left waits without being dropped. */
static void test_full(void **state)
{
	struct fix *f = *state;
	unsigned int sent, got;

	for (unsigned int i = 0; i < 200; i++)
		put(f, FRAME);
	sent = port_flush(&f->pi);
	assert_in_range(sent, 1, 199);
	assert_int_equal(port_flush(&f->pi), 0);
	assert_int_equal(f->pi.n, 200 - sent);
	while (f->pi.n) {
		got = arrived(f, FRAME);
		assert_int_not_equal(got, 0);
		sent += port_flush(&f->pi);
	}
	assert_int_equal(sent, 200);
	assert_int_equal(f->pi.frames, 200);
	assert_int_equal(f->pi.bytes, 200 * FRAME);
	assert_int_equal(f->pi.refused, 0);
}

/* One that can't be sent is dropped, counted as that and as nothing else; the others go. */
static void test_too_long(void **state)
{
	struct fix *f = *state;

	put(f, FRAME);
	put(f, TOO_LONG);
	put(f, FRAME);
	while (f->pi.n)
		port_flush(&f->pi);
	assert_int_equal(arrived(f, FRAME), 2);
	assert_int_equal(f->pi.frames, 2);
	assert_int_equal(f->pi.bytes, 2 * FRAME);
	assert_int_equal(f->pi.refused, 1);
	assert_int_equal(f->env.drops[DROP_TX_PORT], 1);
}

/* No way out: all of them are dropped at once, none is counted as sent. */
static void test_gone(void **state)
{
	struct fix *f = *state;

	close(f->far);
	f->far = -1;
	for (unsigned int i = 0; i < 200; i++)
		put(f, FRAME);
	assert_int_equal(port_flush(&f->pi), 0);
	assert_int_equal(f->pi.n, 0);
	assert_int_equal(f->pi.frames, 0);
	assert_int_equal(f->pi.bytes, 0);
	assert_int_equal(f->pi.refused, 200);
	assert_int_equal(f->env.drops[DROP_TX_PORT], 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_full, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_long, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gone, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
