/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What packet scripts can not show of TCP: a port that keeps packets, silent addresses, a socket
 * that connects to itself, TIME-WAIT entries by the hundred, the resume record.
 */
#include "frame.h"
#include "host.h"

#include "abi/abi_cmd.h"
#include "abi/abi_data.h"
#include "tcp/tcp.h"
#include "wire/byteorder.h"
#include "wire/ipv4.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#define PEER_IP	  0x0a4d0001u
#define PEER_PORT 40000
#define PORT	  80
#define KEPT_MAX  600

static const uint8_t peer_mac[6] = { 2, 0, 0, 0, 0, 1 };
static struct host host;
static struct rte_mbuf *kept[KEPT_MAX];
static unsigned int n_kept;
static struct seg last; /* the last segment that left */
static unsigned int n_segs;

static void out(void *ctx, struct rte_mbuf *m)
{
	struct frame f;
	struct seg s;

	if (!frame_parse(rte_pktmbuf_mtod(m, const uint8_t *), m->pkt_len, &f) &&
	    f.proto == IP_PROTO_TCP) {
		assert_null(seg_parse(&f, &s));
		last = s;
		n_segs++;
	}
	assert_true(n_kept < KEPT_MAX);
	kept[n_kept++] = m;
}

/* The port is done with them. */
static void let_go(void)
{
	while (n_kept)
		rte_pktmbuf_free(kept[--n_kept]);
}

static int setup(void **state)
{
	struct host_cfg cfg;

	host_cfg_defaults(&cfg);
	cfg.out = out;
	host_init(&host, &cfg);
	host_meet(&host, PEER_IP, peer_mac);
	let_go();
	n_segs = 0;
	return 0;
}

static int teardown(void **state)
{
	sock_owner_abort(&host.owner);
	let_go();
	assert_int_equal(host_fini(&host), 0);
	return 0;
}

static void inject_to(uint32_t dst, const struct seg *s)
{
	static uint8_t buf[2048];
	struct frame f = {
		.src = PEER_IP, .dst = dst, .proto = IP_PROTO_TCP, .ttl = 64, .l4 = buf
	};

	f.l4_len = seg_build(buf, s, f.src, f.dst, false);
	host_rx(&host, frame_build(host.pool, &f, host.cfg.mac, peer_mac));
}

static void inject(const struct seg *s)
{
	inject_to(host.cfg.addr, s);
}

static void peer_says(uint16_t sport, uint8_t flags, uint32_t seq, uint32_t ack)
{
	const struct seg s = {
		.sport = sport, .dport = PORT, .seq = seq, .ack = ack, .flags = flags, .win = 65535
	};

	inject(&s);
	host_tx(&host);
}

static struct sock *make(void)
{
	struct sock *s;

	assert_int_equal(sock_create(&host.lane, OUTSOCK_INET, SOCK_STREAM_T, 1, &s), 0);
	return s;
}

static struct sock *make_listener(uint16_t port)
{
	const struct ip_endpoint at = { ip_addr_v4(0), be16(port) };
	struct sock *s = make();

	assert_int_equal(sock_bind(s, &at), 0);
	assert_int_equal(sock_listen(s, 1000, 1000, 65535), 0);
	return s;
}

static struct sock *ready(uint16_t event)
{
	struct sock *s = sock_next_ready(&host.lane);

	assert_non_null(s);
	assert_int_equal(s->events & event, event);
	sock_event_taken(s, event);
	return s;
}

/* A connection from @sport; *@ret_iss is our ISN. */
static struct sock *accept_one(uint16_t sport, uint32_t *ret_iss)
{
	peer_says(sport, 0x02, 1000, 0);
	assert_int_equal(last.flags, 0x12);
	*ret_iss = last.seq;
	peer_says(sport, 0x10, 1001, last.seq + 1);
	return ready(SOCK_EV_ACCEPTED);
}

/* Its handshake is complete, and a consumer without room has given it an id and put it back. */
static struct sock *begun(struct sock *l)
{
	struct sock *s;

	peer_says(PEER_PORT, 0x02, 1000, 0);
	peer_says(PEER_PORT, 0x10, 1001, last.seq + 1);
	s = sock_next_ready(&host.lane);
	assert_non_null(s);
	assert_int_equal(s->events, SOCK_EV_ACCEPTED);
	assert_ptr_equal(s->parent, l);
	s->id = 7;
	sock_ready_again(s, true);
	return s;
}

#define MANY_KIDS 300
#define TX_BUDGET 32

/* Children that nobody has accepted are reset a few at a time: others wait for their turn. */
static void t_many_children(void **state)
{
	struct sock *l = make_listener(PORT);
	unsigned int resets = 0, turns = 0;

	for (uint16_t i = 0; i < MANY_KIDS; i++) {
		peer_says(PEER_PORT + i, 0x02, 1000, 0);
		if (i % 2)
			peer_says(PEER_PORT + i, 0x10, 1001, last.seq + 1);
		let_go();
	}
	assert_int_equal(host.owner.n_socks, MANY_KIDS + 1);
	n_segs = 0;
	sock_close(l, 0);
	assert_int_equal(n_segs, 0);
	assert_int_equal(l->events & SOCK_EV_CLOSED, 0);
	/* Nobody comes in any more. */
	inject(&(struct seg){ .sport = PEER_PORT - 1, .dport = PORT, .flags = 0x02, .win = 100 });
	assert_int_equal(last.flags, 0x14);
	for (; !(l->events & SOCK_EV_CLOSED); turns++) {
		n_segs = 0;
		stack_tx(host.stack, TX_BUDGET);
		assert_in_range(n_segs, 1, TX_BUDGET);
		assert_int_equal(last.flags & 0x04, 0x04);
		resets += n_segs;
		let_go();
	}
	assert_int_equal(resets, MANY_KIDS);
	assert_in_range(turns, 2, MANY_KIDS);
	assert_int_equal(host.owner.n_socks, 1);
	sock_free(l);
	assert_int_equal(host.owner.n_socks, 0);
}

/* The owner goes: one socket after the other, and a listener behind its children. */
static void t_abort_one_by_one(void **state)
{
	struct sock *l = make_listener(PORT);
	unsigned int calls = 0;

	peer_says(PEER_PORT, 0x02, 1000, 0);
	peer_says(PEER_PORT + 1, 0x02, 1000, 0);
	peer_says(PEER_PORT + 1, 0x10, 1001, last.seq + 1);
	n_segs = 0;
	assert_ptr_equal(container_of(list_first(&host.owner.socks), struct sock, owner_link), l);
	assert_false(sock_abort(l));
	while (!list_empty(&host.owner.socks)) {
		sock_abort(container_of(list_first(&host.owner.socks), struct sock, owner_link));
		assert_in_range(++calls, 1, 3);
	}
	assert_int_equal(calls, 3);
	assert_int_equal(n_segs, 2);
	assert_int_equal(last.flags & 0x04, 0x04);
}

/* A child that its consumer knows stays until it is told, also when it is reset before. */
static void t_child_reset(void **state)
{
	struct sock *l = make_listener(PORT), *s = begun(l);

	peer_says(PEER_PORT, 0x04, 1001, 0);
	assert_ptr_equal(sock_next_ready(&host.lane), s);
	assert_int_equal(s->events, SOCK_EV_ACCEPTED | SOCK_EV_ERROR | SOCK_EV_GONE);
	assert_int_equal(s->err, ECONNRESET);
	assert_ptr_equal(s->parent, l);
	assert_int_equal(l->accepted, 1);
	sock_event_taken(s, SOCK_EV_ACCEPTED | SOCK_EV_ERROR | SOCK_EV_GONE);
	sock_close(s, 0);
	sock_free(s);
	assert_int_equal(host.owner.n_socks, 1);
}

/* ... and when its listener closes. */
static void t_child_of_closed(void **state)
{
	struct sock *l = make_listener(PORT), *s = begun(l);

	sock_close(l, 0);
	sock_free(l);
	assert_int_equal(last.flags, 0x14);
	assert_int_equal(s->events, SOCK_EV_ACCEPTED | SOCK_EV_ERROR | SOCK_EV_GONE);
	assert_int_equal(s->err, ECONNABORTED);
	assert_null(s->parent);
	sock_close(s, 0);
	sock_free(s);
	assert_int_equal(host.owner.n_socks, 0);
}

#define CROWD 250 /* refused at once */

/* A flood to one owner's closed port is answered up to a limit, which is not that of others. */
static void t_reset_rate(void **state)
{
	const struct ip_addr other_addr = ip_addr_v4(be32(host.cfg.addr + 1));
	const struct seg syn = { .sport = PEER_PORT, .dport = 99, .flags = 0x02, .win = 100 };
	struct sock_owner other;

	sock_owner_init(&other, host.stack, 1, 10, NULL);
	assert_int_equal(ip_addr_add(stack_ip(host.stack), &other_addr, 24, &other, host.link), 0);
	for (unsigned int i = 0; i < 2 * CROWD; i++)
		inject(&syn);
	assert_int_equal(n_segs, CROWD);
	assert_int_equal(last.flags, 0x14);
	assert_int_equal(host_counter(&host, "drop/RST_RATE"), CROWD);
	let_go();
	n_segs = 0;
	for (unsigned int i = 0; i < CROWD; i++)
		inject_to(host.cfg.addr + 1, &syn);
	assert_int_equal(n_segs, CROWD);
	let_go();
	/* From then on 1,000 a second. */
	n_segs = 0;
	for (unsigned int ms = 0; ms < 100; ms++) {
		host_turn(&host, host.now + NSEC_PER_MSEC);
		for (unsigned int i = 0; i < 50; i++)
			inject(&syn);
	}
	assert_int_equal(n_segs, 100);
	assert_int_equal(host_counter(&host, "tcp/RSTS_OUT"), 2 * CROWD + 100);
	ip_addr_del(stack_ip(host.stack), &other_addr);
}

static void write_bytes(struct sock *s, uint32_t n)
{
	while (n) {
		uint32_t room;
		int err;
		void *p = sock_tx_space(s, &room, &err);

		assert_non_null(p);
		room = RTE_MIN(room, n);
		pattern_fill(p, s->tx_off, room, 1);
		sock_tx_commit(s, room);
		n -= room;
	}
	sock_tx_end(s, true, false);
}

/* The port still has the first transmission when the time-out comes: the second one is a copy. */
static void t_retransmit_while_held(void **state)
{
	uint32_t iss;
	struct sock *s;
	struct frame f;
	struct seg first;

	make_listener(PORT);
	s = accept_one(PEER_PORT, &iss);
	let_go();
	write_bytes(s, 500);
	host_tx(&host);
	assert_int_equal(n_kept, 1);
	assert_int_equal(rte_mbuf_refcnt_read(kept[0]), 2);
	host_turn(&host, host.now + 300 * NSEC_PER_MSEC);
	assert_int_equal(n_kept, 2);
	assert_int_equal(host_counter(&host, "tcp/TX_COPIES"), 1);
	assert_int_equal(last.len, 500);
	assert_int_equal(pattern_check(last.data, 0, 500, 1), 500);
	/* the first one is as it was */
	assert_null(frame_parse(rte_pktmbuf_mtod(kept[0], const uint8_t *), kept[0]->pkt_len, &f));
	assert_null(seg_parse(&f, &first));
	assert_int_equal(first.seq, last.seq);
	assert_int_equal(pattern_check(first.data, 0, 500, 1), 500);
	/* acknowledged while the port has it: freed when the port lets go */
	peer_says(PEER_PORT, 0x10, 1001, iss + 501);
	assert_int_equal(rte_mbuf_refcnt_read(kept[0]), 1);
	assert_int_equal(host.owner.n_pkts, 0);
}

/* And when it has not: the same packet, its headers put on anew. */
static void t_retransmit_in_place(void **state)
{
	uint32_t iss;
	struct sock *s;

	make_listener(PORT);
	s = accept_one(PEER_PORT, &iss);
	write_bytes(s, 500);
	host_tx(&host);
	let_go();
	host_turn(&host, host.now + 300 * NSEC_PER_MSEC);
	assert_int_equal(host_counter(&host, "tcp/TX_COPIES"), 0);
	assert_int_equal(host_counter(&host, "tcp/RETRANS"), 1);
	assert_int_equal(pattern_check(last.data, 0, 500, 1), 500);
	/* an odd part was acknowledged: headers must not begin at odd addresses */
	let_go();
	peer_says(PEER_PORT, 0x10, 1001, iss + 1 + 7);
	host_turn(&host, host.now + 1000 * NSEC_PER_MSEC);
	assert_int_equal(host_counter(&host, "tcp/TX_COPIES"), 1);
	assert_int_equal(last.len, 493);
	assert_int_equal(pattern_check(last.data, 7, 493, 1), 493);
}

/* Design D9, rule 10: until its guest has resumed, an address sends no RST. */
static void t_silent_address(void **state)
{
	const struct ip_addr addr = ip_addr_v4(be32(host.cfg.addr));

	ip_addr_silent(stack_ip(host.stack), &addr, true);
	peer_says(PEER_PORT, 0x02, 1000, 0);
	peer_says(PEER_PORT, 0x10, 1000, 77);
	assert_int_equal(n_segs, 0);
	assert_int_equal(host_counter(&host, "drop/SILENT"), 2);
	ip_addr_silent(stack_ip(host.stack), &addr, false);
	peer_says(PEER_PORT, 0x10, 1000, 77);
	assert_int_equal(n_segs, 1);
	assert_int_equal(last.flags, 0x04);
}

static void turns(unsigned int n)
{
	while (n--)
		host_turn(&host, host.now + NSEC_PER_MSEC);
}

/* RFC 9293, 3.5: a socket that connects to itself is a simultaneous open, and hears itself. */
static void t_self_connect(void **state)
{
	const struct ip_endpoint at = { ip_addr_v4(be32(host.cfg.addr)), be16(5555) };
	struct sock *s = make();

	s->rx_credit = 65535;
	assert_int_equal(sock_bind(s, &at), 0);
	assert_int_equal(sock_connect(s, &at), 0);
	turns(10);
	assert_ptr_equal(ready(SOCK_EV_CONNECTED), s);
	write_bytes(s, 100);
	turns(10);
	assert_ptr_equal(ready(SOCK_EV_DATA), s);
	assert_int_equal(pkt_meta(s->rxq.head)->payload, 100);
	sock_rx_taken(s, 100);
	turns(50);
	assert_int_equal(s->tx_acked, 100);
	assert_int_equal(n_segs, 0); /* nothing of it on the port */
}

static struct sock *connect_to(uint16_t port, struct seg *ret_syn)
{
	const struct ip_endpoint peer = { ip_addr_v4(be32(PEER_IP)), be16(port) };
	struct sock *s = make();

	s->rx_credit = 65535;
	assert_int_equal(sock_connect(s, &peer), 0);
	host_tx(&host);
	*ret_syn = last;
	return s;
}

/* Both closed, we first: TIME-WAIT. With @ts timestamps are in use. */
static void through_time_wait(struct sock *s, const struct seg *syn, bool ts)
{
	struct seg p = { .sport = syn->dport,
			 .dport = syn->sport,
			 .seq = 1000,
			 .ack = syn->seq + 1,
			 .flags = 0x12,
			 .win = 65535 };

	p.opts.ts_ok = ts;
	p.opts.ts_val = 1;
	p.opts.ts_ecr = syn->opts.ts_val;
	inject(&p);
	ready(SOCK_EV_CONNECTED);
	host_tx(&host);
	sock_close(s, 0);
	host_tx(&host);
	p.seq++;
	p.ack++;
	p.flags = 0x11;
	inject(&p);
	ready(SOCK_EV_CLOSED);
	sock_free(s);
	host_tx(&host);
}

/* When entries run out (256 at least, as many as connections) the eldest makes room. */
static void t_time_wait_bounded(void **state)
{
	const unsigned int n = 1024 + 10;
	struct seg syn;

	for (unsigned int i = 0; i < n; i++) {
		struct sock *s = connect_to((uint16_t)(10000 + i), &syn);

		through_time_wait(s, &syn, false);
		let_go();
	}
	assert_int_equal(host_counter(&host, "tcp/TIME_WAITS"), n);
	assert_int_equal(host_counter(&host, "tcp/TIME_WAIT_FULL"), 10);
	assert_int_equal(host.owner.n_socks, 0);
	host_turn(&host, host.now + 61 * NSEC_PER_SEC);
	n_segs = 0;
	for (unsigned int i = 0; i < n; i++) {
		host_turn(&host, host.now + NSEC_PER_MSEC); /* RSTs have a rate */
		peer_says((uint16_t)(10000 + i), 0x11, 1001, 5);
		let_go();
	}
	assert_int_equal(n_segs, n); /* nobody is left: RST for each */
	assert_int_equal(last.flags, 0x04);
}

/*
 * RFC 6191: a bound port connects again out of TIME-WAIT once timestamps have moved on. To be bound
 * again meanwhile it needs SO_REUSEADDR.
 */
static void t_time_wait_reuse(void **state)
{
	const struct ip_endpoint local = { ip_addr_v4(0), be16(6000) };
	const struct ip_endpoint peer = { ip_addr_v4(be32(PEER_IP)), be16(8080) };
	struct sock *s = make();
	struct seg syn;

	assert_int_equal(sock_setopt(s, OUTSOCK_OPT_REUSEADDR, 1), 0);
	assert_int_equal(sock_bind(s, &local), 0);
	s->rx_credit = 65535;
	assert_int_equal(sock_connect(s, &peer), 0);
	host_tx(&host);
	syn = last;
	through_time_wait(s, &syn, true);
	s = make();
	assert_int_equal(sock_bind(s, &local), -EADDRINUSE);
	assert_int_equal(sock_setopt(s, OUTSOCK_OPT_REUSEADDR, 1), 0);
	assert_int_equal(sock_bind(s, &local), 0);
	assert_int_equal(sock_connect(s, &peer), -EADDRNOTAVAIL);
	host_turn(&host, host.now + 1001 * NSEC_PER_MSEC);
	assert_int_equal(sock_connect(s, &peer), 0);
	host_tx(&host);
	assert_int_equal(last.flags, 0x02);
	assert_true((int32_t)(last.seq - syn.seq) > 65535);
}

/* Design D9, rule 5. */
static void t_resume_record(void **state)
{
	const struct seg syn = { .sport = PEER_PORT,
				 .dport = PORT,
				 .seq = 1000,
				 .flags = 0x02,
				 .win = 100,
				 .opts = { .mss_ok = true,
					   .mss = 1400,
					   .wscale_ok = true,
					   .wscale = 5,
					   .ts_ok = true,
					   .ts_val = 50 } };
	const uint8_t want_peer[16] = { 10, 77, 0, 1 };
	struct outsock_resume r;
	struct seg ack = syn;
	uint32_t iss;

	make_listener(PORT);
	inject(&syn);
	host_tx(&host);
	iss = last.seq;
	ack.flags = 0x10;
	ack.seq = 1001;
	ack.ack = iss + 1;
	ack.opts.mss_ok = ack.opts.wscale_ok = false;
	inject(&ack);
	tcp_resume_record(ready(SOCK_EV_ACCEPTED), &r);
	assert_int_equal(r.version, 1);
	assert_int_equal(r.size, 64);
	assert_int_equal(r.family, OUTSOCK_INET);
	assert_int_equal(r.flags, OUTSOCK_RESUME_WSCALE | OUTSOCK_RESUME_TS);
	assert_int_equal(r.local_port, be16(PORT));
	assert_int_equal(r.peer_port, be16(PEER_PORT));
	assert_int_equal(r.peer_mss, 1400);
	assert_int_equal(r.snd_shift, 5);
	assert_int_equal(r.rcv_shift, last.opts.wscale);
	assert_int_equal(r.iss, iss);
	assert_int_equal(r.irs, 1000);
	assert_int_equal((uint32_t)(r.ts_offset + host.now / NSEC_PER_MSEC), last.opts.ts_val);
	assert_memory_equal(r.peer, want_peer, 16);
}

/* ISNs of different tuples tell nothing about each other (RFC 6528). */
static void t_isn(void **state)
{
	struct seg a, b, c;

	connect_to(8080, &a);
	connect_to(8081, &b);
	connect_to(8082, &c);
	assert_int_not_equal(a.seq, b.seq);
	assert_int_not_equal(b.seq - a.seq, c.seq - b.seq);
	assert_int_not_equal(a.opts.ts_val, b.opts.ts_val);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(t_retransmit_while_held, setup, teardown),
		cmocka_unit_test_setup_teardown(t_retransmit_in_place, setup, teardown),
		cmocka_unit_test_setup_teardown(t_many_children, setup, teardown),
		cmocka_unit_test_setup_teardown(t_abort_one_by_one, setup, teardown),
		cmocka_unit_test_setup_teardown(t_child_reset, setup, teardown),
		cmocka_unit_test_setup_teardown(t_child_of_closed, setup, teardown),
		cmocka_unit_test_setup_teardown(t_silent_address, setup, teardown),
		cmocka_unit_test_setup_teardown(t_reset_rate, setup, teardown),
		cmocka_unit_test_setup_teardown(t_self_connect, setup, teardown),
		cmocka_unit_test_setup_teardown(t_time_wait_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(t_time_wait_reuse, setup, teardown),
		cmocka_unit_test_setup_teardown(t_resume_record, setup, teardown),
		cmocka_unit_test_setup_teardown(t_isn, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
