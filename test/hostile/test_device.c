/* SPDX-License-Identifier: BSD-3-Clause */
/* Well-behaved guests: queues, rings, and the life of the device. */
#include "echo_bed.h"

#include <stdlib.h>
#include <string.h>

/* Nothing of the old session is left; a new server has clients. */
static void works_anew(struct fix *f)
{
	assert_int_equal(inproc_stats(&f->ip, 0).n_socks, 0);
	serve(&f->ip, 0, 0);
	f->client.received = 0;
	exchange(f, dial(&f->ip, 1, 0, 0), 1000);
}

static void test_four_pairs(void **state)
{
	struct fix *f = *state;
	struct simguest_cfg sc;

	simguest_cfg_defaults(&sc);
	sc.pairs = 4;
	attach_both(f, &sc);
	assert_int_equal(inproc_stats(&f->ip, 0).queue_pairs, 4);
	serve(&f->ip, 0, 2);
	for (unsigned int pair = 0; pair < 4; pair++) {
		f->client.received = 0;
		exchange(f, dial(&f->ip, 1, pair, 0), 10000);
		assert_int_equal(f->server.conn->pair, 2);
	}
}

static void test_daemon_as_client(void **state)
{
	struct fix *f = *state;
	struct simguest_cfg sc;

	simguest_cfg_defaults(&sc);
	attach_both(f, &sc);
	inproc_detach(&f->ip, 1);
	sc.listen = true;
	sc.ops = &client_ops;
	sc.ctx = &f->client;
	attach(f, DIALS_US, &sc);
	serve(&f->ip, 0, 0);
	exchange(f, dial(&f->ip, DIALS_US, 0, 0), 10000);
}

static void test_without_event_idx(void **state)
{
	struct fix *f = *state;
	struct simguest_cfg sc;
	uint64_t kicks;

	simguest_cfg_defaults(&sc);
	sc.no_event_idx = true;
	sc.no_indirect = true;
	attach_both(f, &sc);
	kicks = simguest_kicks(f->ip.guests[1].sg);
	serve(&f->ip, 0, 0);
	exchange(f, dial(&f->ip, 1, 0, 0), 100000);
	assert_int_equal(simguest_kicks(f->ip.guests[1].sg), kicks);
}

static void test_scattered(void **state)
{
	struct fix *f = *state;
	struct simguest_cfg sc;

	simguest_cfg_defaults(&sc);
	sc.scatter = true;
	attach_both(f, &sc);
	serve(&f->ip, 0, 0);
	exchange(f, dial(&f->ip, 1, 0, 0), 100000);
}

static void test_tiny_ring(void **state)
{
	struct fix *f = *state;
	struct simguest_cfg sc;

	simguest_cfg_defaults(&sc);
	sc.ring_size = 4;
	sc.rx_buf = OUTSOCK_RX_BUF_MIN;
	sc.tx_buf = 600;
	sc.rcv_win = 1400;
	attach_both(f, &sc);
	serve(&f->ip, 0, 0);
	exchange(f, dial(&f->ip, 1, 0, 0), 1000);
}

/* What is sent to a frozen guest waits, and arrives. */
static void test_pause(void **state)
{
	struct fix *f = *state;
	uint32_t epoch = simguest_epoch(f->ip.guests[0].sg);
	struct bytes b = { &f->client, 0 };
	struct sg_sock *s;

	serve(&f->ip, 0, 0);
	s = dial(&f->ip, 1, 0, 0);
	for (unsigned int i = 0; i < 3; i++) {
		exchange(f, s, 20000);
		assert_int_equal(simguest_pause(f->ip.guests[0].sg), 0);
		assert_false(inproc_stats(&f->ip, 0).running);
		assert_int_equal(sg_send(s, "x", 1), 1);
		inproc_turns(&f->ip, 20);
		b.n = f->client.received + 1;
		assert_false(has_received(&f->ip, &b));
		assert_int_equal(simguest_resume(f->ip.guests[0].sg), 0);
		assert_true(inproc_until(&f->ip, has_received, &b));
	}
	assert_int_equal(simguest_epoch(f->ip.guests[0].sg), epoch);
}

static bool dead(struct inproc *ip, void *arg)
{
	const struct sg_sock *s = arg;

	return s->dead;
}

/* What a ring carried is lost, so the epoch is over: no connection goes on with a hole in it. */
static void test_eaten(void **state)
{
	struct fix *f = *state;
	struct simguest *sg = f->ip.guests[0].sg;
	uint32_t epoch = simguest_epoch(sg);
	struct sg_sock *s;

	serve(&f->ip, 0, 0);
	s = dial(&f->ip, 1, 0, 0);
	exchange(f, s, 20000);
	assert_int_equal(simguest_pause(sg), 0);
	assert_int_equal(sg_send(f->server.conn, "x", 1), 1);
	simguest_eat(sg, 0);
	assert_int_equal(simguest_resume(sg), 0);
	assert_true(inproc_until(&f->ip, dead, s));
	assert_int_equal(s->err, ECONNRESET);
	assert_true(inproc_session(&f->ip, 0));
	assert_int_not_equal(simguest_epoch(sg), epoch);
	works_anew(f);
}

static void test_remap(void **state)
{
	struct fix *f = *state;
	struct sg_sock *s;

	serve(&f->ip, 0, 0);
	s = dial(&f->ip, 1, 0, 0);
	for (unsigned int i = 0; i < 5; i++) {
		exchange(f, s, 30000);
		assert_int_equal(simguest_remap(f->ip.guests[i % 2].sg), 0);
		assert_true(inproc_stats(&f->ip, i % 2).running);
	}
	exchange(f, s, 30000);
}

/* Another boot id: the old sockets are reset, the new session works. */
static void test_reboot(void **state)
{
	static const uint8_t boot_id[16] = { 99 };
	struct fix *f = *state;
	uint32_t epoch = simguest_epoch(f->ip.guests[0].sg);
	struct sg_sock *s;

	serve(&f->ip, 0, 0);
	s = dial(&f->ip, 1, 0, 0);
	exchange(f, s, 1000);
	assert_int_equal(simguest_reboot(f->ip.guests[0].sg, boot_id), 0);
	assert_true(inproc_until(&f->ip, dead, s));
	assert_int_equal(s->err, ECONNRESET);
	assert_true(inproc_session(&f->ip, 0));
	assert_int_not_equal(simguest_epoch(f->ip.guests[0].sg), epoch);
	works_anew(f);
}

/* Back within the grace time: a new epoch; and after it the sockets are gone. */
static void test_connection_lost(void **state)
{
	struct fix *f = *state;
	uint32_t epoch = simguest_epoch(f->ip.guests[0].sg);
	struct sg_sock *s;

	serve(&f->ip, 0, 0);
	s = dial(&f->ip, 1, 0, 0);
	exchange(f, s, 1000);
	simguest_disconnect(f->ip.guests[0].sg);
	assert_true(inproc_lost(&f->ip, 0));
	inproc_turns(&f->ip, 50);
	assert_false(s->dead);
	assert_int_equal(inproc_stats(&f->ip, 0).n_socks, 2);
	assert_int_equal(simguest_reconnect(f->ip.guests[0].sg), 0);
	assert_true(inproc_session(&f->ip, 0));
	assert_int_not_equal(simguest_epoch(f->ip.guests[0].sg), epoch);
	assert_true(inproc_until(&f->ip, dead, s));
	works_anew(f);
}

static void test_grace_over(void **state)
{
	struct fix *f = *state;
	struct sg_sock *s;

	serve(&f->ip, 0, 0);
	s = dial(&f->ip, 1, 0, 0);
	exchange(f, s, 1000);
	simguest_disconnect(f->ip.guests[0].sg);
	assert_true(inproc_lost(&f->ip, 0));
	assert_true(guest_next(f->ip.guests[0].g) != UINT64_MAX);
	fake_lcore_skip(f->ip.lc, 11 * NSEC_PER_SEC);
	assert_true(inproc_until(&f->ip, dead, s));
	assert_int_equal(s->err, ECONNRESET);
	assert_int_equal(inproc_stats(&f->ip, 0).n_socks, 0);
	assert_true(guest_next(f->ip.guests[0].g) == UINT64_MAX);
}

/* An lcore that sleeps: with nothing to do there is no work, a message kicks, and is found. */
static void test_kicks(void **state)
{
	struct fix *f = *state;
	struct sg_sock *s;

	serve(&f->ip, 0, 0);
	s = dial(&f->ip, 1, 0, 0);
	inproc_turns(&f->ip, 10);
	/* What was sent before the rings ran may have kicked. */
	fake_lcore_arm(f->ip.lc);
	fake_lcore_disarm(f->ip.lc);
	for (unsigned int i = 0; i < 3; i++) {
		uint64_t kicks = simguest_kicks(s->sg);

		assert_false(fake_lcore_arm(f->ip.lc));
		assert_int_equal(fake_lcore_disarm(f->ip.lc), 0);
		assert_false(fake_lcore_arm(f->ip.lc));
		assert_int_equal(sg_send(s, "y", 1), 1);
		simguest_flush(s->sg);
		assert_int_equal(simguest_kicks(s->sg), kicks + 1);
		assert_int_equal(fake_lcore_disarm(f->ip.lc), 1);
		inproc_turns(&f->ip, 10);
		/* Awake: no more kicks. */
		assert_int_equal(sg_send(s, "y", 1), 1);
		inproc_turns(&f->ip, 10);
		assert_int_equal(simguest_kicks(s->sg), kicks + 1);
	}
	assert_int_equal(s->rx_off, 6);
}

static bool dropped(struct inproc *ip, void *arg)
{
	const struct guest_stats *want = arg;

	return inproc_stats(ip, 0).pre_hello_drops >= want->pre_hello_drops;
}

/* A driver that is not ours: whatever it sends is dropped and counted, nothing else. */
static void test_before_hello(void **state)
{
	struct fix *f = *state;
	struct simguest_cfg sc;
	struct guest_stats before;
	struct sg_queue *q;

	simguest_cfg_defaults(&sc);
	sc.no_hello = true;
	attach(f, 0, &sc);
	before = inproc_stats(&f->ip, 0);
	q = simguest_queue(f->ip.guests[0].sg, 1);
	for (uint32_t len = 0; len < 200; len++) {
		uint8_t *slot = sg_tx_slot(q);

		assert_non_null(slot);
		memset(slot, OUTSOCK_OP_HELLO, 200);
		sg_tx_push(q, len);
		inproc_turns(&f->ip, 3);
	}
	before.pre_hello_drops += 200;
	assert_true(inproc_until(&f->ip, dropped, &before));
	inproc_turns(&f->ip, 10);
	assert_int_equal(inproc_stats(&f->ip, 0).pre_hello_drops, before.pre_hello_drops);
	assert_int_not_equal(simguest_epoch(f->ip.guests[0].sg), 0);
	assert_false(simguest_session(f->ip.guests[0].sg));
}

static void test_second_connection_refused(void **state)
{
	struct fix *f = *state;
	struct simguest_cfg sc;
	struct simguest *first = f->ip.guests[0].sg;

	simguest_cfg_defaults(&sc);
	sc.timeout_ms = 2000;
	assert_true(inproc_attach(&f->ip, 0, &sc) < 0);
	f->ip.guests[0].sg = first;
	serve(&f->ip, 0, 0);
	exchange(f, dial(&f->ip, 1, 0, 0), 1000);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TE(test_four_pairs),
		TE(test_daemon_as_client),
		TE(test_without_event_idx),
		TE(test_scattered),
		TE(test_tiny_ring),
		T(test_pause),
		T(test_eaten),
		T(test_remap),
		T(test_reboot),
		T(test_connection_lost),
		T(test_grace_over),
		T(test_kicks),
		TE(test_before_hello),
		T(test_second_connection_refused),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
