/* SPDX-License-Identifier: BSD-3-Clause */
/* The generic half of a socket, over a transport that only notes what it was asked. */
#include "sock/sock_bin.h"

#include "abi/abi_cmd.h"
#include "eal.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

static struct {
	unsigned int binds, closes, frees, ends, commits, credits;
	uint32_t close_flags, rx_taken, room;
	uint16_t events_taken;
	bool fin, push;
	int rc;
	struct sock *last;
} seen;

static struct env env;
static struct rte_mempool *pool;
static struct sock_owner owner;
static struct sock_lane lane;
static uint8_t space[100];

static const struct sock_transport stream, dgram;

static struct sock *fake_create(void *ctx)
{
	struct sock *s = malloc(sizeof(*s));

	sock_init_(s, ctx, ctx == &stream ? SOCK_STREAM_T : SOCK_DGRAM_T);
	seen.last = s;
	return s;
}

static int fake_bind(struct sock *s, const struct ip_endpoint *local)
{
	seen.binds++;
	s->local = *local;
	return seen.rc;
}

static int fake_listen(struct sock *s, uint32_t backlog)
{
	return seen.rc;
}

static int fake_connect(struct sock *s, const struct ip_endpoint *peer)
{
	s->peer = *peer;
	return seen.rc;
}

static int fake_disconnect(struct sock *s)
{
	return seen.rc;
}

static int fake_setopt(struct sock *s, uint16_t opt, uint32_t value)
{
	return opt == OUTSOCK_OPT_TTL ? 0 : -ENOPROTOOPT;
}

static void fake_close(struct sock *s, uint32_t flags)
{
	seen.closes++;
	seen.close_flags = flags;
	if (s->state == SOCK_LISTENING)
		s->state = SOCK_DEAD; /* it has no children */
}

static void fake_free(struct sock *s)
{
	seen.frees++;
	sock_leave(s);
	free(s);
}

static void fake_event_taken(struct sock *s, uint16_t events)
{
	seen.events_taken |= events;
}

static void fake_rx_taken(struct sock *s, uint32_t n)
{
	seen.rx_taken += n;
}

static void fake_credit(struct sock *s)
{
	seen.credits++;
}

static void *fake_tx_space(struct sock *s, uint32_t *ret_room, int *ret_err)
{
	*ret_err = seen.rc;
	*ret_room = seen.room;
	return seen.rc ? NULL : space;
}

static void fake_tx_commit(struct sock *s, uint32_t n)
{
	seen.commits += n;
}

static void fake_tx_end(struct sock *s, bool push, bool fin)
{
	seen.ends++;
	seen.push = push;
	seen.fin = fin;
}

static int fake_tx_dgram(struct sock *s, struct rte_mbuf *m, const struct ip_endpoint *dst)
{
	rte_pktmbuf_free(m);
	return seen.rc;
}

static const struct sock_transport stream = {
	.create = fake_create,
	.bind = fake_bind,
	.listen = fake_listen,
	.connect = fake_connect,
	.setopt = fake_setopt,
	.close = fake_close,
	.free = fake_free,
	.event_taken = fake_event_taken,
	.rx_taken = fake_rx_taken,
	.credit = fake_credit,
	.tx_space = fake_tx_space,
	.tx_commit = fake_tx_commit,
	.tx_end = fake_tx_end,
};

static const struct sock_transport dgram = {
	.create = fake_create,
	.bind = fake_bind,
	.connect = fake_connect,
	.disconnect = fake_disconnect,
	.setopt = fake_setopt,
	.close = fake_close,
	.free = fake_free,
	.rx_taken = fake_rx_taken,
	.tx_dgram = fake_tx_dgram,
};

const struct sock_types *stack_sock_types(struct stack *stack)
{
	static const struct sock_types types = {
		.stream = &stream,
		.dgram = &dgram,
		.stream_ctx = (void *)(uintptr_t)&stream,
		.dgram_ctx = (void *)(uintptr_t)&dgram,
		.env = &env,
	};

	return &types;
}

static int setup(void **state)
{
	memset(&seen, 0, sizeof(seen));
	list_init(&env.bins);
	env.free_left = UINT32_MAX;
	sock_owner_init(&owner, NULL, 3, 10, NULL);
	sock_lane_init(&lane, &owner);
	return 0;
}

static int teardown(void **state)
{
	sock_owner_abort(&owner);
	assert_int_equal(owner.n_socks, 0);
	assert_int_equal(owner.n_pkts, 0);
	assert_true(list_empty(&lane.ready));
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
	return 0;
}

static struct sock *make(uint8_t type)
{
	struct sock *s = NULL;

	assert_int_equal(sock_create(&lane, OUTSOCK_INET, type, 7, &s), 0);
	assert_ptr_equal(s, seen.last);
	assert_int_equal(s->id, 7);
	return s;
}

static struct ip_endpoint at(uint32_t addr, uint16_t port)
{
	return (struct ip_endpoint){ ip_addr_v4(addr), port };
}

static struct sock *connected(void)
{
	struct sock *s = make(SOCK_STREAM_T);
	const struct ip_endpoint peer = at(1, 2);

	assert_int_equal(sock_connect(s, &peer), 0);
	assert_int_equal(s->state, SOCK_CONNECTING);
	s->state = SOCK_CONNECTED;
	s->snd_win = 1000;
	s->rx_credit = 1000;
	return s;
}

/* A packet with @n bytes of payload in segments of at most @seg. */
static struct rte_mbuf *packet(uint32_t n, uint16_t seg)
{
	struct rte_mbuf *m = pkt_alloc(&env), *last = m;

	pkt_meta(m)->payload = n;
	for (;;) {
		uint16_t len = RTE_MIN(n, seg);

		rte_pktmbuf_append(m, len);
		n -= len;
		if (!n)
			return m;
		last = rte_pktmbuf_alloc(pool);
		rte_pktmbuf_chain(m, last);
	}
}

/* ---- tests ---- */

static void t_create_checks(void **state)
{
	struct sock *s;

	assert_int_equal(sock_create(&lane, 5, SOCK_STREAM_T, 0, &s), -EAFNOSUPPORT);
	assert_int_equal(sock_create(&lane, OUTSOCK_INET, 3, 0, &s), -ESOCKTNOSUPPORT);
	make(SOCK_STREAM_T);
	make(SOCK_DGRAM_T);
	make(SOCK_STREAM_T);
	assert_int_equal(sock_create(&lane, OUTSOCK_INET, SOCK_STREAM_T, 0, &s), -ENFILE);
	assert_int_equal(owner.n_socks, 3);
}

static void t_families(void **state)
{
	const struct ip_endpoint v6 = { .addr.b = { 0x20, 1 }, .port = 80 };
	const struct ip_endpoint any6 = { .port = 80 }, v4 = at(1, 80);
	struct sock *s = make(SOCK_STREAM_T), *s6;

	assert_int_equal(sock_bind(s, &v6), -EAFNOSUPPORT);
	assert_int_equal(sock_create(&lane, OUTSOCK_INET6, SOCK_STREAM_T, 1, &s6), 0);
	assert_int_equal(sock_bind(s6, &v6), -EADDRNOTAVAIL);
	assert_int_equal(sock_connect(s6, &v6), -ENETUNREACH);
	assert_int_equal(sock_bind(s6, &any6), 0);
	assert_int_equal(sock_connect(s6, &v4), 0);
}

static void t_bind_once(void **state)
{
	const struct ip_endpoint a = at(1, 80);
	struct sock *s = make(SOCK_STREAM_T);

	seen.rc = -EADDRINUSE;
	assert_int_equal(sock_bind(s, &a), -EADDRINUSE);
	assert_int_equal(s->state, SOCK_NEW);
	seen.rc = 0;
	assert_int_equal(sock_bind(s, &a), 0);
	assert_int_equal(s->state, SOCK_BOUND);
	assert_int_equal(sock_bind(s, &a), -EINVAL);
}

static void t_listen(void **state)
{
	struct sock *s = make(SOCK_STREAM_T), *d = make(SOCK_DGRAM_T);

	assert_int_equal(sock_listen(d, 1, 1, 1), -EOPNOTSUPP);
	assert_int_equal(sock_listen(s, 5, 10, 4096), 0);
	assert_int_equal(seen.binds, 1); /* as in Linux: a port of its own */
	assert_int_equal(s->state, SOCK_LISTENING);
	assert_int_equal(s->accept_credit, 10);
	assert_int_equal(s->child_credit, 4096);
	assert_int_equal(sock_listen(s, 5, 12, 4096), 0);
	assert_int_equal(sock_listen(s, 5, 11, 4096), -EINVAL);
	assert_int_equal(sock_credit(s, 20), 0);
	assert_int_equal(s->accept_credit, 20);
	assert_int_equal(sock_credit(s, 19), -EINVAL);
	/* A busy server has accepted more than 32 bits count. */
	assert_int_equal(sock_credit(s, UINT64_C(1) << 32), 0);
	assert_int_equal(s->accept_credit, UINT64_C(1) << 32);
	assert_int_equal(sock_listen(s, 5, 20, 4096), -EINVAL);
}

static void t_connect_states(void **state)
{
	const struct ip_endpoint peer = at(1, 2);
	struct sock *s = make(SOCK_STREAM_T), *l = make(SOCK_STREAM_T);

	assert_int_equal(sock_connect(s, &peer), 0);
	assert_int_equal(sock_connect(s, &peer), -EALREADY);
	s->state = SOCK_CONNECTED;
	assert_int_equal(sock_connect(s, &peer), -EISCONN);
	assert_int_equal(sock_listen(s, 1, 1, 1), -EINVAL);
	assert_int_equal(sock_disconnect(s), -EOPNOTSUPP);
	sock_listen(l, 1, 1, 1);
	assert_int_equal(sock_connect(l, &peer), -EINVAL);
}

static void t_options_have_ranges(void **state)
{
	struct sock *s = make(SOCK_STREAM_T);

	assert_int_equal(sock_setopt(s, OUTSOCK_OPT_TTL, 64), 0);
	assert_int_equal(sock_setopt(s, OUTSOCK_OPT_TTL, 0), -EINVAL);
	assert_int_equal(sock_setopt(s, OUTSOCK_OPT_TTL, 256), -EINVAL);
	assert_int_equal(sock_setopt(s, OUTSOCK_OPT_USER_TIMEOUT, 0x80000000u), -EINVAL);
	assert_int_equal(sock_setopt(s, 0, 0), -ENOPROTOOPT);
	assert_int_equal(sock_setopt(s, 999, 0), -ENOPROTOOPT);
}

static void t_ready_is_a_queue(void **state)
{
	struct sock *a = make(SOCK_STREAM_T), *b = make(SOCK_STREAM_T);

	assert_null(sock_next_ready(&lane));
	sock_ready(a, SOCK_EV_ACKED);
	sock_ready(b, SOCK_EV_DATA);
	sock_ready(a, SOCK_EV_DATA); /* keeps its place */
	assert_ptr_equal(sock_next_ready(&lane), a);
	sock_ready_again(a, false);
	assert_ptr_equal(sock_next_ready(&lane), b);
	sock_ready_again(b, true);
	sock_ready_again(b, true); /* harmless */
	assert_ptr_equal(sock_next_ready(&lane), b);
	assert_ptr_equal(sock_next_ready(&lane), a);
	assert_null(sock_next_ready(&lane));
	sock_event_taken(a, SOCK_EV_DATA);
	assert_int_equal(a->events, SOCK_EV_ACKED);
	assert_int_equal(seen.events_taken, SOCK_EV_DATA);
}

static void t_rx_taken(void **state)
{
	struct sock *s = connected();

	sock_rx_push(s, packet(100, 200));
	sock_rx_push(s, packet(100, 30)); /* four segments */
	assert_int_equal(owner.n_pkts, 5);
	assert_int_equal(s->events, SOCK_EV_DATA);
	sock_rx_taken(s, 60);
	assert_int_equal(s->rx_off, 60);
	assert_int_equal(pkt_meta(s->rxq.head)->payload, 40);
	assert_int_equal(rte_pktmbuf_data_len(s->rxq.head), 40);
	sock_rx_taken(s, 75); /* 35 of the chain: beyond its first segment */
	assert_int_equal(s->rx_off, 135);
	assert_int_equal(owner.n_pkts, 4);
	assert_int_equal(pkt_meta(s->rxq.head)->payload, 65);
	assert_int_equal(rte_pktmbuf_pkt_len(s->rxq.head), 65);
	assert_int_equal(s->rxq.head->data_len, 0);
	assert_int_equal(s->rxq.head->next->data_len, 25);
	assert_int_equal(s->events, SOCK_EV_DATA);
	sock_rx_taken(s, 65);
	assert_int_equal(s->events, 0);
	assert_int_equal(s->rx_off, 200);
	assert_int_equal(seen.rx_taken, 200);
	assert_int_equal(owner.n_pkts, 0);
}

static void t_rx_taken_never_more_than_there(void **state)
{
	struct sock *s = connected();

	sock_rx_push(s, packet(10, 200));
	sock_rx_taken(s, 50);
	assert_int_equal(s->rx_off, 10);
	assert_int_equal(seen.rx_taken, 10);
}

static void t_packet_quota(void **state)
{
	struct sock *s = connected();

	for (unsigned int i = 0; i < 10; i++) {
		assert_true(sock_pkts_room(s, 1));
		sock_rx_push(s, packet(1, 200));
	}
	assert_false(sock_pkts_room(s, 1));
	sock_rx_push(s, packet(1, 200)); /* transports may overdraw */
	assert_false(sock_pkts_room(s, 1));
	sock_rx_taken(s, 2);
	assert_true(sock_pkts_room(s, 1));
	assert_false(sock_pkts_room(s, 2));
}

/* A smaller quota than send queues hold: what they hold too much is not taken from reception. */
static void t_packet_quota_lowered(void **state)
{
	struct sock *s = connected();

	sock_owner_quota(&owner, 100);
	sock_tx_pkts_add(s, 50);
	assert_true(sock_pkts_room(s, 50));
	sock_owner_quota(&owner, 20);
	assert_false(sock_tx_room(s, 0));
	assert_true(sock_pkts_room(s, 5));
	assert_false(sock_pkts_room(s, 6));
	for (unsigned int i = 0; i < 5; i++)
		sock_rx_push(s, packet(1, 200));
	assert_false(sock_pkts_room(s, 1));
	sock_tx_pkts_sub(s, 36);
	assert_true(sock_pkts_room(s, 1));
	sock_tx_pkts_sub(s, 14);
	assert_int_equal(s->tx_pkts, 0);
	assert_int_equal(owner.n_pkts, 5);
}

/* What a turn must not free counts until it is freed; then those who wait for it are looked at. */
static void t_bin(void **state)
{
	struct sock *s = connected(), *waits = connected();
	struct pkt_queue q = { 0 };

	sock_tx_refuse(waits);
	owner.retry_left = 0; /* it was looked at */
	for (unsigned int i = 0; i < 5; i++)
		sock_rx_push(s, packet(1, 200));
	env.free_left = 2;
	sock_gone(s, ECONNRESET);
	assert_null(s->rxq.head);
	assert_int_equal(env.free_left, 0);
	assert_int_equal(owner.n_pkts, 3);
	owner.retry_freed = owner.n_freed;
	assert_false(sock_tx_retry_due(&owner));
	assert_int_equal(sock_bins_free(&env, 1), 1);
	assert_true(sock_tx_retry_due(&owner));
	assert_int_equal(owner.n_pkts, 2);
	/* Somebody needs room for one at once. */
	pkt_queue_push(&q, packet(1, 200));
	pkt_queue_push(&q, packet(1, 200));
	sock_pkts_add(waits, 2);
	sock_bin_queue(waits, &q, 1);
	assert_null(q.head);
	assert_int_equal(owner.n_pkts, 3);
	assert_int_equal(sock_bins_free(&env, 100), 3);
	assert_true(sock_bin_empty(&owner));
	assert_true(list_empty(&env.bins));
	assert_int_equal(owner.n_pkts, 0);
}

static void t_credit_never_shrinks(void **state)
{
	struct sock *s = connected();

	assert_int_equal(sock_credit(s, 999), -EINVAL);
	assert_int_equal(sock_credit(s, UINT64_C(1) << 40), 0);
	assert_int_equal(s->rx_credit, UINT64_C(1) << 40);
	assert_int_equal(seen.credits, 1);
}

static void t_dgram_costs(void **state)
{
	struct sock *s = make(SOCK_DGRAM_T);

	sock_rx_push(s, packet(0, 200)); /* an empty datagram is one */
	sock_rx_push(s, packet(100, 200));
	sock_rx_taken_dgram(s);
	assert_int_equal(s->rx_off, OUTSOCK_DGRAM_OVERHEAD);
	assert_int_equal(s->events, SOCK_EV_DATA);
	sock_rx_taken_dgram(s);
	assert_int_equal(s->rx_off, 2 * OUTSOCK_DGRAM_OVERHEAD + 100);
	assert_int_equal(s->events, 0);
	sock_rx_taken_dgram(s);
	assert_int_equal(s->rx_off, 2 * OUTSOCK_DGRAM_OVERHEAD + 100);
}

static void t_tx_space(void **state)
{
	struct sock *s = connected(), *n = make(SOCK_STREAM_T);
	uint32_t room;
	int err;

	assert_null(sock_tx_space(n, &room, &err));
	assert_int_equal(err, -ENOTCONN);
	seen.room = 100;
	assert_ptr_equal(sock_tx_space(s, &room, &err), space);
	assert_int_equal(room, 100);
	sock_tx_commit(s, 950);
	assert_int_equal(s->tx_off, 950);
	assert_int_equal(seen.commits, 950);
	assert_non_null(sock_tx_space(s, &room, &err));
	assert_int_equal(room, 50); /* snd_win is 1000 */
	sock_tx_commit(s, 50);
	assert_null(sock_tx_space(s, &room, &err));
	assert_int_equal(err, -EAGAIN);
	s->tx_acked = 1;
	assert_non_null(sock_tx_space(s, &room, &err));
	assert_int_equal(room, 1);
	seen.rc = -ENOBUFS;
	assert_null(sock_tx_space(s, &room, &err));
	assert_int_equal(err, -ENOBUFS);
}

static void t_tx_end(void **state)
{
	struct sock *s = connected();
	uint32_t room;
	int err;

	sock_tx_end(s, true, false);
	assert_int_equal(seen.ends, 1);
	assert_true(seen.push && !seen.fin);
	sock_tx_end(s, false, true);
	assert_true(!seen.push && seen.fin);
	assert_null(sock_tx_space(s, &room, &err));
	assert_int_equal(err, -EPIPE);
	sock_tx_end(s, false, true); /* once */
	assert_int_equal(seen.ends, 2);
}

static void t_dgram_checks(void **state)
{
	const struct ip_endpoint peer = at(1, 2);
	struct sock *s = make(SOCK_DGRAM_T), *st = make(SOCK_STREAM_T);

	assert_int_equal(sock_tx_dgram(st, packet(1, 9), &peer), -EOPNOTSUPP);
	assert_int_equal(sock_tx_dgram(s, packet(1, 9), NULL), -EDESTADDRREQ);
	assert_int_equal(sock_tx_dgram(s, packet(1, 9), &peer), 0);
	assert_int_equal(sock_connect(s, &peer), 0);
	assert_int_equal(s->state, SOCK_CONNECTED);
	assert_int_equal(sock_tx_dgram(s, packet(1, 9), NULL), 0);
	assert_int_equal(sock_disconnect(s), 0);
	assert_int_equal(sock_tx_dgram(s, packet(1, 9), NULL), -EDESTADDRREQ);
	sock_close(s, 0);
	assert_int_equal(sock_tx_dgram(s, packet(1, 9), &peer), -EPIPE);
}

static void t_gone(void **state)
{
	struct sock *s = connected();
	uint32_t room;
	int err;

	sock_rx_push(s, packet(100, 30));
	sock_gone(s, ECONNRESET);
	assert_int_equal(s->events, SOCK_EV_ERROR | SOCK_EV_GONE);
	assert_int_equal(s->err, ECONNRESET);
	assert_int_equal(s->state, SOCK_DEAD);
	assert_int_equal(owner.n_pkts, 0);
	assert_null(s->rxq.head);
	assert_null(sock_tx_space(s, &room, &err));
	assert_int_equal(err, -ECONNRESET);
	sock_gone(s, ETIMEDOUT); /* the first error is the one */
	assert_int_equal(s->err, ECONNRESET);
	sock_close(s, 0);
	assert_int_equal(seen.closes, 0); /* the transport has nothing to do any more */
	assert_true(s->events & SOCK_EV_CLOSED);
}

static void t_close(void **state)
{
	struct sock *s = connected(), *d = make(SOCK_DGRAM_T), *n = make(SOCK_STREAM_T);

	sock_close(s, SOCK_CLOSE_UNREAD);
	assert_int_equal(seen.close_flags, SOCK_CLOSE_UNREAD);
	assert_int_equal(s->events, 0); /* the transport says when */
	sock_close(s, 0);
	assert_int_equal(seen.closes, 1);
	sock_gone(s, ETIMEDOUT);
	assert_int_equal(s->events, SOCK_EV_ERROR | SOCK_EV_GONE | SOCK_EV_CLOSED);
	sock_close(d, 0);
	assert_int_equal(d->events, SOCK_EV_CLOSED);
	sock_close(n, 0);
	assert_int_equal(n->events, SOCK_EV_CLOSED);
	assert_int_equal(sock_bind(n, &(struct ip_endpoint){ ip_addr_v4(0), 1 }), -EINVAL);
}

static void t_abort_overtakes_close(void **state)
{
	struct sock *s = connected();

	sock_close(s, 0);
	sock_close(s, SOCK_CLOSE_ABORT);
	assert_int_equal(seen.closes, 2);
	assert_int_equal(seen.close_flags, SOCK_CLOSE_ABORT);
	assert_int_equal(s->events, SOCK_EV_CLOSED);
}

static void t_owner_abort(void **state)
{
	struct sock *s = connected();

	make(SOCK_DGRAM_T);
	sock_rx_push(s, packet(100, 30));
	sock_owner_abort(&owner);
	assert_int_equal(seen.frees, 2);
	assert_int_equal(owner.n_socks, 0);
	assert_int_equal(owner.n_pkts, 0);
	assert_true(list_empty(&owner.socks) && list_empty(&lane.ready));
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(t_create_checks),
		T(t_families),
		T(t_bind_once),
		T(t_listen),
		T(t_connect_states),
		T(t_options_have_ranges),
		T(t_ready_is_a_queue),
		T(t_rx_taken),
		T(t_rx_taken_never_more_than_there),
		T(t_packet_quota),
		T(t_packet_quota_lowered),
		T(t_bin),
		T(t_credit_never_shrinks),
		T(t_dgram_costs),
		T(t_tx_space),
		T(t_tx_end),
		T(t_dgram_checks),
		T(t_gone),
		T(t_close),
		T(t_abort_overtakes_close),
		T(t_owner_abort),
	};
	int rc;

	test_eal_init();
	pool = pkt_pool_create("sock", 255, 2048, SOCKET_ID_ANY);
	assert_non_null(pool);
	env.pool = pool;
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	rte_mempool_free(pool);
	return rc;
}
