/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An owner goes from one stack to another and back: sockets in every state, their ports, what they
 * have received, who waits for them. (Connections under traffic and loss: test/sim, sim -m.)
 */
#include "frame.h"
#include "host.h"
#include "sock/sock_move.h"

#include "abi/abi_cmd.h"
#include "wire/byteorder.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#define MOVER_ADDR 0x0a4d000bu
#define OTHER_ADDR 0x0a4d000cu
#define SOCKS	   24u /* that a stack has room for, of each kind */
#define SMALL	   3u  /* budget: every step takes several pieces */

static struct host hosts[2];
static unsigned int home; /* stack of the owner that moves: hosts[0].owner */
static uint64_t now;
static struct pkt_queue wires[2]; /* to each of them */

static void out(void *ctx, struct rte_mbuf *m)
{
	rte_pktmbuf_free(m);
}

/* ---- the wire between the stacks ---- */

static bool is_mover(const struct ip_addr *a)
{
	return a->w[3] == be32(MOVER_ADDR);
}

static bool wire_owns(void *ctx, const struct ip_addr *dst)
{
	unsigned int self = (unsigned int)((struct host *)ctx - hosts);

	if (is_mover(dst))
		return home != self;
	return dst->w[3] == be32(OTHER_ADDR) && self != 1;
}

static void wire_tx(void *ctx, const struct ip_addr *dst, struct rte_mbuf *m)
{
	pkt_queue_push(&wires[!((struct host *)ctx - hosts)], m);
}

static const struct ip_wire wire = { .owns = wire_owns, .tx = wire_tx };

static int setup(void **state)
{
	for (unsigned int i = 0; i < 2; i++) {
		struct host_cfg cfg;

		host_cfg_defaults(&cfg);
		cfg.name = i ? "two" : "one";
		cfg.addr = i ? OTHER_ADDR : MOVER_ADDR;
		cfg.out = out;
		cfg.stack.tcp_conns_max = cfg.stack.udp_socks_max = SOCKS;
		host_init(&hosts[i], &cfg);
		ip_wire_set(stack_ip(hosts[i].stack), &wire, &hosts[i]);
		now = hosts[i].now;
	}
	home = 0;
	return 0;
}

static void turn(struct host *h)
{
	struct rte_mbuf *m;

	while ((m = pkt_queue_pop(&wires[h - hosts])))
		ip_wire_rx(stack_ip(h->stack), &m, 1);
	host_turn(h, now);
}

static void pass(unsigned int ms)
{
	while (ms--) {
		now += NSEC_PER_MSEC;
		turn(&hosts[0]);
		turn(&hosts[1]);
	}
}

static int teardown(void **state)
{
	unsigned int missing = 0;

	sock_owner_abort(&hosts[0].owner);
	sock_owner_abort(&hosts[1].owner);
	pass(3);
	/* Each stack may have packets of the other one's pool. */
	for (unsigned int i = 0; i < 2; i++) {
		pkt_queue_free(&wires[i]);
		stack_destroy(hosts[i].stack);
		assert_int_equal(hosts[i].owner.n_pkts, 0);
	}
	for (unsigned int i = 0; i < 2; i++) {
		missing += hosts[i].cfg.n_mbufs - rte_mempool_avail_count(hosts[i].pool);
		rte_mempool_free(hosts[i].pool);
	}
	assert_int_equal(missing, 0);
	return 0;
}

/* ---- the move ---- */

static struct sock *moved[2 * SOCKS];
static unsigned int n_moved;

static void on_arrived(void *ctx, struct sock *s)
{
	assert_true(n_moved < RTE_DIM(moved));
	moved[n_moved++] = s;
}

/* The socket of that id: where it was, it is no more. */
static struct sock *by_id(uint32_t id)
{
	list_for_each(l, &hosts[0].owner.socks) {
		struct sock *s = container_of(l, struct sock, owner_link);

		if (s->id == id)
			return s;
	}
	fail_msg("no socket %u", id);
	return NULL;
}

static void steps(int (*fn)(struct sock_move *m, unsigned int budget), struct sock_move *m)
{
	int rc;

	do {
		rc = fn(m, SMALL);
		/* What comes meanwhile is held. */
		pass(1);
	} while (rc == 1);
	assert_int_equal(rc, 0);
}

static struct sock_move mv;

static void move_begin(void)
{
	const struct ip_addr a = ip_addr_v4(be32(MOVER_ADDR));
	struct host *to = &hosts[!home];

	n_moved = 0;
	mv = (struct sock_move){
		.owner = &hosts[0].owner,
		.from = hosts[home].stack,
		.to = to->stack,
		.arrived = on_arrived,
	};
	assert_int_equal(ip_addr_add(stack_ip(to->stack), &a, 24, mv.owner, to->link), 0);
	ip_addr_rx_set(stack_ip(to->stack), &a, IP_RX_HELD);
	home = !home;
	ip_addr_rx_set(stack_ip(mv.from), &a, IP_RX_WIRE);
	sock_move_init(&mv);
}

static void move_end(void)
{
	const struct ip_addr a = ip_addr_v4(be32(MOVER_ADDR));

	while (ip_held_rx(stack_ip(mv.to), SMALL))
		;
	ip_addr_rx_set(stack_ip(mv.to), &a, IP_RX_HERE);
	steps(sock_move_clean, &mv);
	ip_addr_del(stack_ip(mv.from), &a);
}

static void move(void)
{
	uint32_t n = hosts[0].owner.n_socks;

	move_begin();
	steps(sock_move_reserve, &mv);
	steps(sock_move_leave, &mv);
	assert_true(list_empty(&hosts[0].owner.socks));
	steps(sock_move_arrive, &mv);
	steps(sock_move_release, &mv);
	move_end();
	assert_int_equal(n_moved, n);
	assert_int_equal(hosts[0].owner.n_socks, n);
}

/* ---- sockets ---- */

static struct ip_endpoint at(uint32_t addr, uint16_t port)
{
	return (struct ip_endpoint){ ip_addr_v4(be32(addr)), be16(port) };
}

static struct sock *make(struct host *h, uint8_t type, uint32_t id)
{
	struct sock *s;

	assert_int_equal(sock_create(&h->lane, OUTSOCK_INET, type, id, &s), 0);
	sock_credit(s, 1 << 20);
	return s;
}

static struct sock *bound(struct host *h, uint8_t type, uint32_t id, uint16_t port)
{
	const struct ip_endpoint ep = at(0, port);
	struct sock *s = make(h, type, id);

	assert_int_equal(sock_bind(s, &ep), 0);
	return s;
}

static void say(struct sock *s, uint32_t n, uint32_t key, const struct ip_endpoint *to)
{
	struct rte_mbuf *m = pkt_alloc(stack_env(s->owner->stack));

	assert_non_null(m);
	pattern_fill((void *)rte_pktmbuf_append(m, (uint16_t)n), 0, n, key);
	assert_int_equal(sock_tx_dgram(s, m, to), 0);
}

static void hear(struct sock *s, uint32_t n, uint32_t key)
{
	struct rte_mbuf *m = s->rxq.head;

	assert_non_null(m);
	assert_int_equal(pkt_meta(m)->payload, n);
	assert_int_equal(pattern_check(rte_pktmbuf_mtod(m, uint8_t *), 0, n, key), n);
	sock_rx_taken_dgram(s);
}

/* ---- tests ---- */

static void t_datagrams(void **state)
{
	const struct ip_endpoint one = at(MOVER_ADDR, 53), peer = at(OTHER_ADDR, 99),
				 two = at(MOVER_ADDR, 54);
	struct sock *other = bound(&hosts[1], SOCK_DGRAM_T, 1, 99), *s;

	bound(&hosts[0], SOCK_DGRAM_T, 1, 53);
	s = bound(&hosts[0], SOCK_DGRAM_T, 2, 54);
	assert_int_equal(sock_connect(s, &peer), 0);
	make(&hosts[0], SOCK_DGRAM_T, 3);
	for (unsigned int i = 0; i < 5; i++)
		say(other, 100 + i, i, &one);
	say(other, 50, 50, &two);
	pass(1);
	move();
	/* In the order in which they became ready, with all that they had. */
	s = sock_next_ready(&hosts[0].lane);
	assert_ptr_equal(s, by_id(1));
	for (unsigned int i = 0; i < 5; i++)
		hear(s, 100 + i, i);
	s = sock_next_ready(&hosts[0].lane);
	assert_ptr_equal(s, by_id(2));
	hear(s, 50, 50);
	/* And so it goes on, both ways; a peer keeps other senders away. */
	say(by_id(2), 70, 70, NULL);
	say(by_id(1), 71, 71, &peer);
	pass(1);
	hear(other, 70, 70);
	hear(other, 71, 71);
	say(other, 72, 72, &one);
	say(other, 73, 73, &two);
	pass(1);
	hear(by_id(1), 72, 72);
	hear(by_id(2), 73, 73);
	assert_int_equal(by_id(3)->state, SOCK_NEW);
}

/* What comes in the midst of it is not lost. */
static void t_held(void **state)
{
	const struct ip_endpoint one = at(MOVER_ADDR, 53);
	struct sock *other = bound(&hosts[1], SOCK_DGRAM_T, 1, 99);

	bound(&hosts[0], SOCK_DGRAM_T, 1, 53);
	move_begin();
	say(other, 10, 10, &one);
	steps(sock_move_reserve, &mv);
	say(other, 11, 11, &one);
	steps(sock_move_leave, &mv);
	say(other, 12, 12, &one);
	steps(sock_move_arrive, &mv);
	say(other, 13, 13, &one);
	pass(1);
	assert_null(by_id(1)->rxq.head);
	move_end();
	for (unsigned int i = 10; i < 14; i++)
		hear(by_id(1), i, i);
}

/* Nothing stays behind: a stack has as many objects as it had. */
static void t_again_and_again(void **state)
{
	for (unsigned int i = 0; i < 3 * SOCKS; i++) {
		struct sock *t = bound(&hosts[0], SOCK_STREAM_T, 1, 80);
		struct sock *u = bound(&hosts[0], SOCK_DGRAM_T, 2, 53);

		move();
		assert_ptr_not_equal(by_id(1), t);
		assert_ptr_not_equal(by_id(2), u);
		for (uint32_t id = 1; id <= 2; id++) {
			struct sock *s = by_id(id);

			sock_close(s, 0);
			assert_true(s->events & SOCK_EV_CLOSED);
			sock_free(s);
		}
	}
	for (unsigned int i = 0; i < SOCKS; i++)
		make(&hosts[0], SOCK_STREAM_T, i);
}

/* Claims on ports are the same there, and gone here. */
static void t_ports(void **state)
{
	const struct ip_endpoint tcp = at(0, 80), udp = at(0, 53);
	struct sock *s;

	s = make(&hosts[0], SOCK_STREAM_T, 1);
	assert_int_equal(sock_setopt(s, OUTSOCK_OPT_REUSEADDR, 1), 0);
	assert_int_equal(sock_bind(s, &tcp), 0);
	assert_int_equal(sock_listen(s, 5, 5, 65535), 0);
	bound(&hosts[0], SOCK_DGRAM_T, 2, 53);
	move();
	s = make(&hosts[0], SOCK_STREAM_T, 3);
	assert_int_equal(sock_setopt(s, OUTSOCK_OPT_REUSEADDR, 1), 0);
	assert_int_equal(sock_bind(s, &tcp), -EADDRINUSE); /* beside a listener */
	s = make(&hosts[0], SOCK_DGRAM_T, 4);
	assert_int_equal(sock_bind(s, &udp), -EADDRINUSE);
	sock_close(by_id(1), 0);
	sock_free(by_id(1));
	sock_close(by_id(2), 0);
	sock_free(by_id(2));
	move();
	assert_int_equal(sock_bind(by_id(3), &tcp), 0);
	assert_int_equal(sock_bind(by_id(4), &udp), 0);
}

static struct sock *connect_to(struct sock *l, uint16_t port, struct sock **ret_child)
{
	const struct ip_endpoint to = at(MOVER_ADDR, port);
	struct sock *c = make(&hosts[1], SOCK_STREAM_T, 100);

	assert_int_equal(sock_connect(c, &to), 0);
	pass(3);
	sock_event_taken(c, SOCK_EV_CONNECTED);
	pass(3);
	*ret_child = sock_next_ready(&hosts[0].lane);
	assert_non_null(*ret_child);
	assert_ptr_equal((*ret_child)->parent, l);
	return c;
}

/* A child that nobody has accepted is still its listener's; TIME-WAIT keeps the port. */
static void t_children_and_time_wait(void **state)
{
	const struct ip_endpoint ep = at(0, 80);
	struct sock *l = bound(&hosts[0], SOCK_STREAM_T, 1, 80), *child, *c;

	assert_int_equal(sock_listen(l, 5, 5, 65535), 0);
	c = connect_to(l, 80, &child);
	sock_ready_again(child, true);
	move();
	l = by_id(1);
	child = sock_next_ready(&hosts[0].lane);
	assert_ptr_equal(child->parent, l);
	assert_int_equal(l->accepted, 1);
	sock_event_taken(child, SOCK_EV_ACCEPTED);
	/* Our side closes first. */
	sock_close(child, 0);
	pass(3);
	sock_event_taken(c, SOCK_EV_PEER_CLOSED);
	sock_close(c, 0);
	pass(3);
	assert_true(child->events & SOCK_EV_CLOSED);
	sock_free(child);
	sock_close(l, 0);
	sock_free(l);
	pass(3);
	for (unsigned int i = 0; i < 2; i++) {
		move();
		c = make(&hosts[0], SOCK_STREAM_T, 5);
		assert_int_equal(sock_bind(c, &ep), -EADDRINUSE);
		sock_free(c);
	}
	pass(61000);
	bound(&hosts[0], SOCK_STREAM_T, 6, 80);
}

/* The other stack has not so many objects: it stays, and works as before. */
static void t_no_room(void **state)
{
	const struct ip_addr a = ip_addr_v4(be32(MOVER_ADDR));
	const struct ip_endpoint one = at(MOVER_ADDR, 53);
	struct sock *other = bound(&hosts[1], SOCK_DGRAM_T, 1, 99), *s;
	int rc;

	s = bound(&hosts[0], SOCK_DGRAM_T, 1, 53);
	for (unsigned int i = 1; i < SOCKS; i++)
		make(&hosts[0], SOCK_DGRAM_T, 1 + i);
	move_begin();
	say(other, 10, 10, &one);
	do {
		rc = sock_move_reserve(&mv, SMALL);
		pass(1);
	} while (rc == 1);
	assert_int_equal(rc, -ENOBUFS);
	steps(sock_move_cancel, &mv);
	steps(sock_move_release, &mv);
	home = !home;
	ip_addr_rx_set(stack_ip(mv.from), &a, IP_RX_HERE);
	ip_addr_rx_set(stack_ip(mv.to), &a, IP_RX_WIRE);
	while (ip_held_rx(stack_ip(mv.to), SMALL))
		;
	pass(1);
	ip_addr_del(stack_ip(mv.to), &a);
	assert_int_equal(n_moved, 0);
	say(other, 11, 11, &one);
	pass(1);
	hear(s, 10, 10);
	hear(s, 11, 11);
	for (unsigned int i = 1; i < SOCKS; i++)
		make(&hosts[1], SOCK_DGRAM_T, 1 + i);
}

/* What an owner has of the events of a socket that died goes along. */
static void t_dead(void **state)
{
	const struct ip_endpoint nobody = at(OTHER_ADDR, 9);
	struct sock *s = make(&hosts[0], SOCK_STREAM_T, 1);

	assert_int_equal(sock_connect(s, &nobody), 0);
	pass(3);
	assert_int_equal(s->state, SOCK_DEAD);
	move();
	s = sock_next_ready(&hosts[0].lane);
	assert_ptr_equal(s, by_id(1));
	assert_int_equal(s->state, SOCK_DEAD);
	assert_int_equal(s->err, ECONNREFUSED);
	assert_true(s->events & SOCK_EV_GONE);
}

/* A connect on its way gets its answer on the other stack. */
static void t_connecting(void **state)
{
	const struct ip_endpoint to = at(OTHER_ADDR, 80);
	struct sock *l = bound(&hosts[1], SOCK_STREAM_T, 1, 80);
	struct sock *s = make(&hosts[0], SOCK_STREAM_T, 1);

	assert_int_equal(sock_listen(l, 5, 5, 65535), 0);
	assert_int_equal(sock_connect(s, &to), 0);
	move();
	pass(5);
	assert_true(by_id(1)->events & SOCK_EV_CONNECTED);
}

#define PKTS 300

/* Packets that are still to be freed are, where they came from; no socket has them. */
static void t_bin(void **state)
{
	const struct ip_endpoint ep = at(0, 80);
	struct sock *l = bound(&hosts[0], SOCK_STREAM_T, 1, 80), *child, *c;

	assert_int_equal(sock_listen(l, 5, 5, 65535), 0);
	c = connect_to(l, 80, &child);
	sock_event_taken(child, SOCK_EV_ACCEPTED);
	child->id = 7;
	assert_int_equal(sock_setopt(child, OUTSOCK_OPT_NODELAY, 1), 0);
	for (unsigned int i = 0; i < PKTS; i++) {
		uint32_t room;
		int err;

		pattern_fill(sock_tx_space(child, &room, &err), child->tx_off, 5, 1);
		sock_tx_commit(child, 5);
		sock_tx_end(child, true, false);
		turn(&hosts[0]);
		turn(&hosts[1]);
	}
	assert_int_equal(child->tx_pkts, PKTS);
	/* One acknowledgement. */
	hosts[0].cfg.free = 1;
	sock_rx_taken(c, 5 * PKTS);
	pass(2);
	assert_int_equal(child->tx_pkts, 0);
	assert_in_range(hosts[0].owner.n_pkts, PKTS / 2, PKTS);
	move();
	assert_int_equal(hosts[0].owner.n_pkts, 0);
	assert_int_equal(hosts[0].owner.n_tx, 0);
	child = by_id(7);
	assert_int_equal(child->tx_acked, 5 * PKTS);
	sock_close(child, SOCK_CLOSE_ABORT);
	sock_free(child);
	assert_int_equal(sock_bind(make(&hosts[0], SOCK_STREAM_T, 8), &ep), -EADDRINUSE);
	pass(3);
	assert_int_equal(c->state, SOCK_DEAD);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(t_datagrams),
		T(t_held),
		T(t_again_and_again),
		T(t_ports),
		T(t_children_and_time_wait),
		T(t_no_room),
		T(t_dead),
		T(t_connecting),
		T(t_bin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
