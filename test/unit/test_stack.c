/* SPDX-License-Identifier: BSD-3-Clause */
/* The composition: layers wired together, guests of one stack that reach each other, counters. */
#include "frame.h"
#include "host.h"

#include "tcp/tcp.h"
#include "wire/byteorder.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#define ADDR_1 0x0a4d000bu
#define ADDR_2 0x0a4d000cu

static struct host host;
static struct sock_owner owner2;
static struct sock_lane lane2;
static unsigned int n_out;

static void out(void *ctx, struct rte_mbuf *m)
{
	n_out++;
	rte_pktmbuf_free(m);
}

static int setup(void **state)
{
	const struct ip_addr addr2 = ip_addr_v4(be32(ADDR_2));
	struct host_cfg cfg;

	host_cfg_defaults(&cfg);
	cfg.out = out;
	host_init(&host, &cfg);
	sock_owner_init(&owner2, host.stack, 100, 100, NULL);
	sock_lane_init(&lane2, &owner2);
	assert_int_equal(ip_addr_add(stack_ip(host.stack), &addr2, 24, &owner2, host.link), 0);
	n_out = 0;
	return 0;
}

static int teardown(void **state)
{
	sock_owner_abort(&owner2);
	assert_int_equal(host_fini(&host), 0);
	return 0;
}

static struct ip_endpoint at(uint32_t addr, uint16_t port)
{
	return (struct ip_endpoint){ ip_addr_v4(be32(addr)), be16(port) };
}

static struct sock *make(struct sock_lane *lane, uint8_t type)
{
	struct sock *s;

	assert_int_equal(sock_create(lane, OUTSOCK_INET, type, 1, &s), 0);
	return s;
}

static struct rte_mbuf *bytes(uint32_t n)
{
	struct rte_mbuf *m = pkt_alloc(stack_env(host.stack));

	pattern_fill((void *)rte_pktmbuf_append(m, n), 0, n, 1);
	return m;
}

/* ---- tests ---- */

/* Guest to guest on one lcore: over the loop queue, never the port. */
static void t_datagram_between_guests(void **state)
{
	const struct ip_endpoint a1 = at(ADDR_1, 53), a2 = at(ADDR_2, 53);
	struct sock *s1 = make(&host.lane, SOCK_DGRAM_T), *s2 = make(&lane2, SOCK_DGRAM_T);

	assert_int_equal(sock_bind(s1, &a1), 0);
	assert_int_equal(sock_bind(s2, &a2), 0);
	assert_int_equal(sock_credit(s2, 10000), 0);
	assert_int_equal(sock_tx_dgram(s1, bytes(100), &a2), 0);
	assert_null(sock_next_ready(&lane2)); /* not from within the call */
	host_tx(&host);
	assert_ptr_equal(sock_next_ready(&lane2), s2);
	assert_int_equal(s2->events, SOCK_EV_DATA);
	assert_int_equal(pkt_meta(s2->rxq.head)->payload, 100);
	assert_true(ip_addr_eq(&pkt_meta(s2->rxq.head)->src, &a1.addr));
	assert_int_equal(pattern_check(rte_pktmbuf_mtod(s2->rxq.head, uint8_t *), 0, 100, 1), 100);
	sock_rx_taken_dgram(s2);
	assert_int_equal(n_out, 0);
}

/* Somebody else's address can not be taken. */
static void t_addresses_are_the_owners(void **state)
{
	const struct ip_endpoint a2 = at(ADDR_2, 53);

	assert_int_equal(sock_bind(make(&host.lane, SOCK_DGRAM_T), &a2), -EADDRNOTAVAIL);
	assert_int_equal(sock_bind(make(&host.lane, SOCK_STREAM_T), &a2), -EADDRNOTAVAIL);
}

static void pump(void)
{
	for (unsigned int i = 0; i < 10; i++)
		host_turn(&host, host.now + NSEC_PER_MSEC);
}

static void t_stream_between_guests(void **state)
{
	const struct ip_endpoint a2 = at(ADDR_2, 80);
	struct sock *l = make(&lane2, SOCK_STREAM_T), *c = make(&host.lane, SOCK_STREAM_T), *s;
	uint32_t room;
	uint8_t *p;
	int err;

	assert_int_equal(sock_bind(l, &a2), 0);
	assert_int_equal(sock_listen(l, 5, 5, 65535), 0);
	sock_credit(c, 65535);
	assert_int_equal(sock_connect(c, &a2), 0);
	pump();
	assert_ptr_equal(sock_next_ready(&host.lane), c);
	assert_int_equal(c->events, SOCK_EV_CONNECTED);
	sock_event_taken(c, SOCK_EV_CONNECTED);
	pump();
	s = sock_next_ready(&lane2);
	assert_non_null(s);
	assert_true(s->events & SOCK_EV_ACCEPTED);
	assert_ptr_equal(s->parent, l);
	sock_event_taken(s, SOCK_EV_ACCEPTED);
	p = sock_tx_space(c, &room, &err);
	assert_non_null(p);
	assert_true(room >= 100);
	pattern_fill(p, 0, 100, 2);
	sock_tx_commit(c, 100);
	sock_tx_end(c, true, true);
	pump();
	assert_true(s->events & SOCK_EV_DATA);
	assert_int_equal(pattern_check(rte_pktmbuf_mtod(s->rxq.head, uint8_t *), 0, 100, 2), 100);
	sock_rx_taken(s, 100);
	for (unsigned int i = 0; i < 10; i++) /* the acknowledgement is delayed */
		pump();
	assert_int_equal(c->tx_acked, 100);
	assert_true(s->events & SOCK_EV_PEER_CLOSED);
	assert_int_equal(n_out, 0);
}

/* An owner that goes takes its sockets along, and tells their peers. */
static void t_owner_gone(void **state)
{
	const struct ip_endpoint a2 = at(ADDR_2, 80);
	struct sock *l = make(&lane2, SOCK_STREAM_T), *c = make(&host.lane, SOCK_STREAM_T);

	assert_int_equal(sock_bind(l, &a2), 0);
	assert_int_equal(sock_listen(l, 5, 5, 65535), 0);
	assert_int_equal(sock_connect(c, &a2), 0);
	pump();
	sock_event_taken(c, SOCK_EV_CONNECTED);
	pump();
	assert_int_equal(owner2.n_socks, 2);
	sock_owner_abort(&owner2);
	assert_int_equal(owner2.n_socks, 0);
	assert_true(list_empty(&lane2.ready));
	pump();
	assert_true(c->events & SOCK_EV_GONE);
	assert_int_equal(c->err, ECONNRESET);
}

struct names {
	unsigned int n_drop, n_tcp, n_other;
};

static void count_name(void *ctx, const char *name, uint64_t value)
{
	struct names *n = ctx;

	assert_int_equal(value, 0);
	if (!strncmp(name, "drop/", 5))
		n->n_drop++;
	else if (!strncmp(name, "tcp/", 4))
		n->n_tcp++;
	else
		n->n_other++;
	/* What telemetry takes as a key (design D8). */
	assert_int_equal(strspn(name,
				"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_/"),
			 strlen(name));
}

static void t_counters(void **state)
{
	struct names n = { 0 };

	stack_counters(host.stack, count_name, &n);
	assert_int_equal(n.n_drop, DROP_N);
	assert_int_equal(n.n_tcp, TCP_COUNT_N);
	assert_int_equal(n.n_other, 0);
}

static void t_idle_has_no_deadline(void **state)
{
	assert_true(stack_next(host.stack) == UINT64_MAX);
	assert_false(stack_turn(host.stack, host.now + 1000 * NSEC_PER_SEC, 64));
	assert_false(stack_tx(host.stack, 64));
	assert_int_equal(n_out, 0);
}

static void t_destroy_null(void **state)
{
	stack_destroy(NULL);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(t_datagram_between_guests),
		T(t_addresses_are_the_owners),
		T(t_stream_between_guests),
		T(t_owner_gone),
		T(t_counters),
		T(t_idle_has_no_deadline),
		cmocka_unit_test(t_destroy_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
