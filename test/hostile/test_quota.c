/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Peers that read nothing hold the packets of the guest that sends to them. Its other connections
 * go on, nothing is reset, and no byte is lost: what the host had no room for it asks for again.
 */
#include "inproc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SERVER	0
#define CLIENT	1
#define PORT	7
#define QUOTA	60 /* packets of the client */
#define STREAMS 12
#define REFUSED 20

/* A stream from the client to the server; which byte comes next is in the socket. */
struct stream {
	struct sg_sock *from, *to;
	uint32_t total;
	uint32_t received;
};

struct fix {
	struct inproc ip;
	struct stream streams[REFUSED + 1];
	unsigned int n_accepted, n_errors, n_closed;
};

static uint8_t byte_at(const struct fix *f, const struct stream *t, uint32_t off)
{
	return (uint8_t)(off * 7 + off / 251 + (t - f->streams) * 31);
}

/* ---- the two guests ---- */

static void accepted(struct simguest *sg, struct sg_sock *listener, struct sg_sock *s)
{
	struct fix *f = simguest_ctx(sg);

	f->streams[f->n_accepted++].to = s;
}

static void on_error(struct simguest *sg, struct sg_sock *s, int err, bool fatal)
{
	struct fix *f = simguest_ctx(sg);

	f->n_errors++;
}

static void on_closed(struct simguest *sg, struct sg_sock *s)
{
	struct fix *f = simguest_ctx(sg);

	f->n_closed++;
}

/* As much as window and ring take. */
static void push(struct fix *f, struct stream *t)
{
	static uint8_t data[16384];
	uint32_t n, off = (uint32_t)t->from->tx_off;

	do {
		n = t->total - off < sizeof(data) ? t->total - off : sizeof(data);
		for (uint32_t i = 0; i < n; i++)
			data[i] = byte_at(f, t, off + i);
		n = sg_send(t->from, data, n);
		off += n;
	} while (n && off < t->total);
}

static const struct sg_ops server_ops = {
	.accepted = accepted,
	.error = on_error,
	.closed = on_closed,
};
static const struct sg_ops client_ops = {
	.error = on_error,
	.closed = on_closed,
};

/* It goes on where it was, as if nothing had been asked for. */
static void do_not_rewind(struct simguest *sg, struct sg_sock *s)
{
	const struct stream *t = s->user;

	s->tx_off = s->tx_cur = t->total;
}

static const struct sg_ops deaf_ops = {
	.rewind = do_not_rewind,
	.error = on_error,
	.closed = on_closed,
};

static bool is_listening(struct inproc *ip, void *arg)
{
	const struct sg_sock *s = arg;

	return s->replied & 1u << OUTSOCK_OP_LISTEN;
}

static bool is_open(struct inproc *ip, void *arg)
{
	const struct stream *t = arg;

	return t->from->connected && t->to;
}

static struct stream *open_stream(struct fix *f, uint32_t total)
{
	struct outsock_addr addr = inproc_addr(SERVER, PORT);
	struct stream *t = &f->streams[f->n_accepted];

	*t = (struct stream){ .total = total };
	inproc_turns(&f->ip, 10); /* what fills the ring goes */
	t->from = sg_socket(f->ip.guests[CLIENT].sg, 0, OUTSOCK_INET, OUTSOCK_STREAM);
	assert_non_null(t->from);
	t->from->user = t;
	assert_int_equal(sg_connect(t->from, &addr), 0);
	assert_true(inproc_until(&f->ip, is_open, t));
	return t;
}

/* What the server has of it, which must be what was sent. */
static void take(struct fix *f, struct stream *t)
{
	uint8_t data[4096];
	uint32_t n;

	while ((n = sg_recv(t->to, data, sizeof(data))) > 0)
		for (uint32_t i = 0; i < n; i++)
			assert_int_equal(data[i], byte_at(f, t, t->received++));
}

/* Sends and reads @t until all of it was read, without the clock's help. */
static void transfer(struct fix *f, struct stream *t)
{
	for (unsigned int i = 0; i < 100000 && t->received < t->total; i++) {
		if (!t->from->closing)
			push(f, t);
		inproc_turn(&f->ip);
		take(f, t);
	}
	assert_int_equal(t->received, t->total);
}

static int setup_with(void **state, const struct sg_ops *ops, uint32_t max_msgs)
{
	struct fix *f = calloc(1, sizeof(*f));
	struct outsock_addr any = sg_addr("0.0.0.0", PORT);
	struct simguest_cfg sc;
	struct guest_cfg gc;
	struct sg_sock *l;

	inproc_init(&f->ip);
	inproc_guest_defaults(&gc);
	assert_int_equal(inproc_guest(&f->ip, &gc), 0);
	gc.max_pkts = QUOTA;
	gc.max_msgs = max_msgs;
	assert_int_equal(inproc_guest(&f->ip, &gc), 0);
	for (unsigned int k = 0; k < 2; k++) {
		simguest_cfg_defaults(&sc);
		sc.ops = k == SERVER ? &server_ops : ops;
		sc.ctx = f;
		sc.boot_id[1] += k;
		assert_int_equal(inproc_attach(&f->ip, k, &sc), 0);
		assert_true(inproc_session(&f->ip, k));
	}
	l = sg_socket(f->ip.guests[SERVER].sg, 0, OUTSOCK_INET, OUTSOCK_STREAM);
	assert_int_equal(sg_bind(l, &any), 0);
	assert_int_equal(sg_listen(l, REFUSED), 0);
	assert_true(inproc_until(&f->ip, is_listening, l));
	*state = f;
	return 0;
}

static int setup(void **state)
{
	return setup_with(state, &client_ops, 64);
}

/* Its ring takes many turns. */
static int setup_slow(void **state)
{
	return setup_with(state, &client_ops, 2);
}

static int setup_deaf(void **state)
{
	return setup_with(state, &deaf_ops, 64);
}

static int teardown(void **state)
{
	struct fix *f = *state;

	for (unsigned int k = 0; k < 2; k++) {
		assert_int_equal(inproc_stats(&f->ip, k).session_errors, 0);
		assert_int_equal(simguest_odd(f->ip.guests[k].sg), 0);
	}
	assert_int_equal(f->n_errors, 0);
	assert_int_equal(inproc_fini(&f->ip), 0);
	free(f);
	return 0;
}

/* ---- tests ---- */

/* One peer reads nothing. The connection beside it does not notice; nor is a byte lost. */
static void test_slow_reader(void **state)
{
	struct fix *f = *state;
	struct stream *slow = open_stream(f, 400000), *other;

	push(f, slow);
	inproc_turns(&f->ip, 100);
	assert_true(inproc_stats(&f->ip, CLIENT).tx_refused > 0);
	other = open_stream(f, 200000);
	transfer(f, other);
	assert_true(slow->to->rx_off < slow->total);
	transfer(f, slow);
	assert_true(slow->from->rewinds > 0);
}

static bool is_quiet(struct inproc *ip, void *arg)
{
	return inproc_stats(ip, CLIENT).tx_refused >= REFUSED &&
		guest_next(ip->guests[CLIENT].g) == UINT64_MAX;
}

/*
 * While nothing moves there is nothing to look at: an lcore that waits for a peer sleeps. More
 * sockets than are looked at in one turn.
 */
static void test_asleep(void **state)
{
	struct fix *f = *state;
	struct stream *t;

	for (unsigned int i = 0; i < REFUSED; i++)
		push(f, open_stream(f, 200000));
	inproc_turns(&f->ip, 100);
	assert_true(inproc_until(&f->ip, is_quiet, f));
	t = &f->streams[0];
	for (unsigned int i = 0; i < 1000 && !t->from->rewinds; i++) {
		inproc_turn(&f->ip);
		take(f, t);
	}
	assert_true(t->from->rewinds > 0);
	for (unsigned int i = 0; i < REFUSED; i++)
		transfer(f, &f->streams[i]);
}

/* However many there are: something is left for the next one. */
static void test_slow_readers(void **state)
{
	struct fix *f = *state;
	struct stream *other;

	for (unsigned int i = 0; i < STREAMS; i++)
		push(f, open_stream(f, 200000));
	inproc_turns(&f->ip, 100);
	assert_true(inproc_stats(&f->ip, CLIENT).n_pkts < QUOTA);
	other = open_stream(f, 200000);
	transfer(f, other);
	assert_true(inproc_stats(&f->ip, CLIENT).n_pkts < QUOTA);
	for (unsigned int i = 0; i < STREAMS; i++)
		transfer(f, &f->streams[i]);
}

static bool peer_closed(struct inproc *ip, void *arg)
{
	const struct stream *t = arg;

	return t->to->peer_closed;
}

/* The end of the stream was refused with the bytes before it. */
static void test_fin(void **state)
{
	struct fix *f = *state;
	struct stream *t = open_stream(f, 400000);

	push(f, t);
	assert_int_equal(t->from->tx_off, t->total);
	assert_int_equal(sg_fin(t->from), 0);
	inproc_turns(&f->ip, 100);
	assert_false(t->to->peer_closed);
	transfer(f, t);
	assert_true(inproc_until(&f->ip, peer_closed, t));
	assert_int_equal(t->to->rx_end, t->total);
	assert_true(t->from->rewinds > 0);
}

static bool is_closed(struct inproc *ip, void *arg)
{
	const struct fix *f = arg;

	return f->n_closed;
}

/* CLOSE came after bytes that were refused: it waits for them. */
static void test_close(void **state)
{
	struct fix *f = *state;
	struct stream *t = open_stream(f, 400000);

	push(f, t);
	assert_int_equal(t->from->tx_off, t->total);
	assert_int_equal(sg_close(t->from, 0), 0);
	inproc_turns(&f->ip, 100);
	assert_int_equal(f->n_closed, 0);
	transfer(f, t);
	assert_true(t->from->rewinds > 0);
	assert_true(inproc_until(&f->ip, peer_closed, t));
	assert_int_equal(t->to->rx_end, t->total);
	assert_true(inproc_until(&f->ip, is_closed, f));
}

/*
 * ... and meanwhile the peer resets: what the guest was asked for, and sends behind CLOSE, comes
 * after the end of its socket.
 */
static void test_close_reset(void **state)
{
	struct fix *f = *state;
	struct stream *t = open_stream(f, 400000), *other;

	push(f, t);
	assert_int_equal(t->from->tx_off, t->total);
	assert_int_equal(sg_close(t->from, 0), 0);
	for (unsigned int i = 0; i < 1000 && !t->from->rewinds; i++) {
		inproc_turn(&f->ip);
		take(f, t);
	}
	assert_int_equal(t->from->rewinds, 1);
	assert_int_equal(sg_close(t->to, OUTSOCK_CLOSE_ABORT), 0);
	assert_true(inproc_until(&f->ip, is_closed, f));
	inproc_turns(&f->ip, 100);
	assert_true(inproc_stats(&f->ip, CLIENT).tx_late > 0);
	other = open_stream(f, 5000);
	transfer(f, other);
	assert_int_equal(f->n_errors, 1);
	f->n_errors--;
}

/* The server's end of it. */
static bool is_reset(struct inproc *ip, void *arg)
{
	const struct fix *f = arg;

	return f->n_errors;
}

/* A guest that sends what follows instead of what it is asked for harms nobody, and can let go. */
static void test_deaf_guest(void **state)
{
	struct fix *f = *state;
	struct stream *t = open_stream(f, 100000), *other;
	uint64_t refused;

	push(f, t);
	for (unsigned int i = 0; i < 1000 && !t->from->rewinds; i++) {
		inproc_turn(&f->ip);
		take(f, t);
	}
	assert_int_equal(t->from->rewinds, 1);
	refused = inproc_stats(&f->ip, CLIENT).tx_refused;
	t->total += 1000;
	push(f, t);
	inproc_turns(&f->ip, 100);
	assert_int_equal(inproc_stats(&f->ip, CLIENT).tx_refused, refused + 1);
	assert_int_equal(t->from->rewinds, 1);
	other = open_stream(f, 5000); /* little enough not to be refused */
	transfer(f, other);
	assert_int_equal(sg_close(t->from, OUTSOCK_CLOSE_ABORT), 0);
	assert_true(inproc_until(&f->ip, is_closed, f));
	assert_true(inproc_until(&f->ip, is_reset, f));
	assert_int_equal(inproc_stats(&f->ip, CLIENT).n_pkts, 0);
	f->n_errors--;
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_slow_reader),
		T(test_slow_readers),
		T(test_asleep),
		T(test_fin),
		T(test_close),
		cmocka_unit_test_setup_teardown(test_close_reset, setup_slow, teardown),
		cmocka_unit_test_setup_teardown(test_deaf_guest, setup_deaf, teardown),
	};
#undef T

	return cmocka_run_group_tests(tests, NULL, NULL);
}
