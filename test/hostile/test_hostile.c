/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hostile guests: whatever one does, it loses its session, the reason is counted and told once, and
 * a second guest, whose echo runs all the time, does not notice.
 */
#include "cases.h"
#include "inproc.h"

#include "vring/vring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define EVIL	 0
#define GOOD	 1
#define PORT	 7
#define PAUSE_NS (2 * NSEC_PER_SEC)

struct fix {
	struct inproc ip;
	struct sg_sock *client, *conn;
	uint64_t sent, received;
	unsigned int evil_sessions, evil_errors;
};

/* ---- the good guest: echoes to itself ---- */

static void good_accepted(struct simguest *sg, struct sg_sock *listener, struct sg_sock *s)
{
	struct fix *f = simguest_ctx(sg);

	/* The first one is its own; others come from the evil guest. */
	if (!f->conn)
		f->conn = s;
}

static void good_data(struct simguest *sg, struct sg_sock *s, const void *data, uint32_t len)
{
	struct fix *f = simguest_ctx(sg);

	if (s == f->conn)
		sg_send(s, data, len);
	else if (s == f->client)
		f->received += len;
}

static void good_error(struct simguest *sg, struct sg_sock *s, int err, bool fatal)
{
	sg_close(s, 0);
}

static const struct sg_ops good_ops = {
	.accepted = good_accepted,
	.data = good_data,
	.error = good_error,
};

static bool good_echoed(struct inproc *ip, void *arg)
{
	const struct fix *f = arg;

	return f->received == f->sent;
}

static bool good_connected(struct inproc *ip, void *arg)
{
	const struct fix *f = arg;

	return f->client->connected && f->conn;
}

static void good_start(struct fix *f)
{
	struct outsock_addr any = sg_addr("0.0.0.0", PORT), to = inproc_addr(GOOD, PORT);
	struct simguest *sg = f->ip.guests[GOOD].sg;
	struct sg_sock *l = sg_socket(sg, 0, OUTSOCK_INET, OUTSOCK_STREAM);

	assert_non_null(l);
	assert_int_equal(sg_bind(l, &any), 0);
	assert_int_equal(sg_listen(l, 4), 0);
	f->client = sg_socket(sg, 0, OUTSOCK_INET, OUTSOCK_STREAM);
	assert_non_null(f->client);
	assert_int_equal(sg_connect(f->client, &to), 0);
	assert_true(inproc_until(&f->ip, good_connected, f));
}

static void good_echo(struct fix *f)
{
	uint8_t data[64] = { 1 };

	f->sent += sg_send(f->client, data, sizeof(data));
	assert_true(inproc_until(&f->ip, good_echoed, f));
}

/* ---- the evil one ---- */

static void evil_session(struct simguest *sg)
{
	struct fix *f = simguest_ctx(sg);

	f->evil_sessions++;
}

static const struct sg_ops evil_ops = { .session = evil_session };

static void attach(struct fix *f, unsigned int k, const struct sg_ops *ops)
{
	struct simguest_cfg sc;

	simguest_cfg_defaults(&sc);
	sc.ops = ops;
	sc.ctx = f;
	sc.boot_id[1] = k;
	sc.pairs = 2;
	sc.rx_buf = 2048;
	assert_int_equal(inproc_attach(&f->ip, k, &sc), 0);
	assert_true(inproc_session(&f->ip, k));
}

static int group_setup(void **state)
{
	struct fix *f = calloc(1, sizeof(*f));
	struct guest_cfg gc;

	inproc_init(&f->ip);
	inproc_guest_defaults(&gc);
	gc.max_sockets = 16;
	for (unsigned int k = 0; k < 2; k++)
		assert_int_equal(inproc_guest(&f->ip, &gc), 0);
	attach(f, GOOD, &good_ops);
	good_start(f);
	*state = f;
	return 0;
}

static int group_teardown(void **state)
{
	struct fix *f = *state;

	assert_int_equal(inproc_stats(&f->ip, GOOD).session_errors, 0);
	assert_int_equal(simguest_odd(f->ip.guests[GOOD].sg), 0);
	assert_int_equal(inproc_fini(&f->ip), 0);
	free(f);
	return 0;
}

static int setup(void **state)
{
	struct fix *f = *state;

	attach(f, EVIL, &evil_ops);
	good_echo(f);
	return 0;
}

static int teardown(void **state)
{
	struct fix *f = *state;

	good_echo(f);
	assert_true(f->client->connected && !f->client->dead);
	inproc_detach(&f->ip, EVIL);
	assert_true(inproc_lost(&f->ip, EVIL));
	return 0;
}

/* A listener, a connection to the good guest and a datagram socket of the evil one's. */
struct evil {
	struct simguest *sg;
	struct sg_sock *listener, *conn, *dgram, *fresh;
	struct guest_stats before;
};

static bool is_connected(struct inproc *ip, void *arg)
{
	const struct sg_sock *s = arg;

	return s->connected;
}

static struct evil evil_start(struct fix *f)
{
	struct outsock_addr any = sg_addr("0.0.0.0", PORT), to = inproc_addr(GOOD, PORT);
	struct simguest *sg = f->ip.guests[EVIL].sg;
	struct evil e = { .sg = sg };

	e.listener = sg_socket(sg, 0, OUTSOCK_INET, OUTSOCK_STREAM);
	e.conn = sg_socket(sg, 0, OUTSOCK_INET, OUTSOCK_STREAM);
	e.dgram = sg_socket(sg, 0, OUTSOCK_INET, OUTSOCK_DGRAM);
	e.fresh = sg_socket(sg, 0, OUTSOCK_INET, OUTSOCK_STREAM);
	assert_non_null(e.fresh);
	assert_int_equal(sg_bind(e.listener, &any), 0);
	assert_int_equal(sg_listen(e.listener, 4), 0);
	assert_int_equal(sg_connect(e.conn, &to), 0);
	assert_true(inproc_until(&f->ip, is_connected, e.conn));
	guest_take_error(f->ip.guests[EVIL].g);
	e.before = inproc_stats(&f->ip, EVIL);
	assert_int_equal(e.before.n_socks, 4);
	f->evil_sessions = 0;
	return e;
}

static bool has_error(struct inproc *ip, void *arg)
{
	const struct evil *e = arg;

	return inproc_stats(ip, EVIL).session_errors > e->before.session_errors;
}

static bool all_gone(struct inproc *ip, void *arg)
{
	const struct guest_stats s = inproc_stats(ip, EVIL);

	return !s.n_socks && !s.n_pkts;
}

/* Thrown out, for this reason, counted and told once; nothing of it is left after some turns. */
static void thrown_out(struct fix *f, struct evil *e, enum guest_err err, const char *text)
{
	struct guest_stats s;
	const char *told;

	assert_true(inproc_until(&f->ip, has_error, e));
	assert_true(inproc_until(&f->ip, all_gone, e));
	s = inproc_stats(&f->ip, EVIL);
	assert_int_equal(s.session_errors, e->before.session_errors + 1);
	assert_int_equal(s.errors[err], e->before.errors[err] + 1);
	assert_int_equal(s.n_pkts, 0);
	assert_false(s.session);
	assert_int_not_equal(s.epoch, e->before.epoch);
	told = guest_take_error(f->ip.guests[EVIL].g);
	assert_non_null(told);
	assert_string_equal(told, text ? text : guest_err_text(err));
	assert_string_equal(s.last_error, told);
	assert_null(guest_take_error(f->ip.guests[EVIL].g));
	good_echo(f);
	assert_int_equal(inproc_stats(&f->ip, EVIL).session_errors, s.session_errors);
}

/* ... and may begin again, after a pause. */
static void comes_back(struct fix *f)
{
	inproc_turns(&f->ip, 100);
	assert_int_equal(f->evil_sessions, 0);
	fake_lcore_skip(f->ip.lc, PAUSE_NS);
	assert_true(inproc_session(&f->ip, EVIL));
	assert_int_equal(f->evil_sessions, 1);
	assert_non_null(sg_socket(f->ip.guests[EVIL].sg, 0, OUTSOCK_INET, OUTSOCK_STREAM));
	inproc_turns(&f->ip, 5);
	assert_int_equal(inproc_stats(&f->ip, EVIL).n_socks, 1);
}

/* ---- messages ---- */

static struct outsock_hdr head(const struct evil *e, uint8_t op, const struct sg_sock *s)
{
	return (struct outsock_hdr){
		.op = op,
		.epoch = simguest_epoch(e->sg),
		.sock = s ? s->id : OUTSOCK_ID_NONE,
	};
}

static void send_bad(struct fix *f, struct evil *e, const struct outsock_hdr *h, const void *body,
		     uint32_t len, enum guest_err err)
{
	assert_int_equal(sg_raw(e->sg, 0, h, body, len), 0);
	thrown_out(f, e, err, NULL);
	comes_back(f);
}

#define BAD_MESSAGE_TEST(name, opcode, s, change, len, err) \
	static void test_##name(void **state) \
	{ \
		static const uint8_t body[64]; \
		struct fix *f = *state; \
		struct evil e = evil_start(f); \
		struct outsock_hdr h = head(&e, OUTSOCK_OP_##opcode, s); \
\
		change; \
		send_bad(f, &e, &h, body, len, GUEST_ERR_##err); \
	}
BAD_MESSAGES(BAD_MESSAGE_TEST)

/* ---- streams ---- */

/* Everything is as it should be, but more than the window. */
static void test_window(void **state)
{
	struct fix *f = *state;
	struct evil e = evil_start(f);
	struct outsock_hdr h = head(&e, OUTSOCK_OP_DATA, e.conn);
	const struct share_amount grant = { 64, 1 << 20 };
	uint8_t body[2000] = { 0 };

	h.len = sizeof(body);
	h.pos = e.conn->rx_credit;
	/* Without turns between: nothing can be acknowledged. */
	for (h.off = 0; h.off + h.len <= e.conn->snd_win; h.off += h.len) {
		while (sg_raw(e.sg, 0, &h, body, h.len) < 0)
			guest_tx(f->ip.guests[EVIL].g, &grant, lcore_now(f->ip.lc)),
				guest_publish(f->ip.guests[EVIL].g);
		if (h.off > (4u << 20))
			break;
	}
	guest_tx(f->ip.guests[EVIL].g, &grant, lcore_now(f->ip.lc));
	guest_publish(f->ip.guests[EVIL].g);
	assert_int_equal(inproc_stats(&f->ip, EVIL).session_errors, e.before.session_errors);
	assert_int_equal(sg_raw(e.sg, 0, &h, body, h.len), 0);
	guest_tx(f->ip.guests[EVIL].g, &grant, lcore_now(f->ip.lc));
	thrown_out(f, &e, GUEST_ERR_WINDOW, NULL);
	comes_back(f);
}

static void test_data_after_fin(void **state)
{
	struct fix *f = *state;
	struct evil e = evil_start(f);
	struct outsock_hdr h = head(&e, OUTSOCK_OP_DATA, e.conn);

	h.flags = OUTSOCK_F_FIN;
	h.pos = e.conn->rx_credit;
	assert_int_equal(sg_raw(e.sg, 0, &h, NULL, 0), 0);
	inproc_turns(&f->ip, 3);
	assert_int_equal(inproc_stats(&f->ip, EVIL).session_errors, e.before.session_errors);
	h.flags = 0;
	h.len = 1;
	send_bad(f, &e, &h, "x", 1, GUEST_ERR_AFTER_FIN);
}

/* The same bytes again are no error: they are known. */
static void test_repeated_data(void **state)
{
	struct fix *f = *state;
	struct evil e = evil_start(f);
	struct outsock_hdr h = head(&e, OUTSOCK_OP_DATA, e.conn);

	h.len = 10;
	h.pos = e.conn->rx_credit;
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(sg_raw(e.sg, 0, &h, "0123456789", 10), 0);
	h.off = 5;
	assert_int_equal(sg_raw(e.sg, 0, &h, "56789abcde", 10), 0);
	inproc_turns(&f->ip, 10);
	assert_int_equal(inproc_stats(&f->ip, EVIL).session_errors, e.before.session_errors);
	assert_int_equal(inproc_stats(&f->ip, EVIL).n_socks, 4);
}

static void test_other_queue(void **state)
{
	struct fix *f = *state;
	struct evil e = evil_start(f);
	struct outsock_hdr h = head(&e, OUTSOCK_OP_INFO, e.conn);

	assert_int_equal(sg_raw(e.sg, 1, &h, NULL, 0), 0);
	thrown_out(f, &e, GUEST_ERR_BAD_QUEUE, NULL);
	comes_back(f);
}

/* The second queue's may be the last to start. */
static bool all_late(struct inproc *ip, void *arg)
{
	const struct evil *e = arg;

	return inproc_stats(ip, EVIL).tx_late == e->before.tx_late + 9;
}

/*
 * A socket may have ended, and its id may be another one's on another queue, while its bytes wait
 * in the ring: they are dropped and counted.
 */
static void test_late(void **state)
{
	static const uint8_t ops[] = { OUTSOCK_OP_DATA, OUTSOCK_OP_DGRAM, OUTSOCK_OP_CREDIT };
	static const uint8_t body[64];
	struct fix *f = *state;
	struct evil e = evil_start(f);
	struct guest_stats s;

	for (unsigned int i = 0; i < sizeof(ops); i++) {
		uint32_t len = ops[i] == OUTSOCK_OP_CREDIT ? 0 : sizeof(body);
		const struct {
			uint32_t id;
			unsigned int lane;
		} to[] = { { 15, 0 }, { OUTSOCK_ID_HOST | 3, 0 }, { e.conn->id, 1 } };

		for (unsigned int k = 0; k < 3; k++) {
			struct outsock_hdr h = head(&e, ops[i], e.conn);

			h.sock = to[k].id;
			h.len = len;
			assert_int_equal(sg_raw(e.sg, to[k].lane, &h, body, len), 0);
		}
	}
	assert_true(inproc_until(&f->ip, all_late, &e));
	s = inproc_stats(&f->ip, EVIL);
	assert_int_equal(s.session_errors, e.before.session_errors);
	assert_int_equal(s.n_socks, 4);
}

static void test_wrong_epoch(void **state)
{
	struct fix *f = *state;
	struct evil e = evil_start(f);
	struct outsock_hdr h = head(&e, OUTSOCK_OP_DATA, e.conn);
	struct guest_stats s;

	h.epoch++;
	h.sock = 4711;
	h.len = 3;
	assert_int_equal(sg_raw(e.sg, 0, &h, "abc", 3), 0);
	inproc_turns(&f->ip, 3);
	s = inproc_stats(&f->ip, EVIL);
	assert_int_equal(s.epoch_drops, e.before.epoch_drops + 1);
	assert_int_equal(s.session_errors, e.before.session_errors);
	assert_int_equal(s.n_socks, 4);
}

/* A chain without room for a header, in a session. */
static void test_runt(void **state)
{
	struct fix *f = *state;
	struct evil e = evil_start(f);
	struct sg_queue *q = simguest_queue(e.sg, 1);

	assert_non_null(sg_tx_slot(q));
	sg_tx_push(q, 20);
	sg_queue_publish(e.sg, q);
	thrown_out(f, &e, GUEST_ERR_BAD_LEN, NULL);
	comes_back(f);
}

/* ---- rings ---- */

static void ring_thrown_out(struct fix *f, struct evil *e, enum vring_err err)
{
	thrown_out(f, e, GUEST_ERR_RING, vring_err_text(err));
}

/* The next TX slot's descriptor is @d (and @n more behind it), made available. */
static void send_desc(struct fix *f, struct evil *e, struct vring_desc d, enum vring_err err)
{
	struct sg_queue *q = simguest_queue(e->sg, 1);
	uint16_t i = q->avail_idx & q->mask;

	assert_non_null(sg_tx_slot(q));
	sg_tx_push(q, 100);
	if (d.addr == 0)
		d.addr = q->desc[i].addr;
	q->desc[i] = d;
	sg_queue_publish(e->sg, q);
	ring_thrown_out(f, e, err);
}

#define BAD_DESC_TEST(name, d, err) \
	static void test_desc_##name(void **state) \
	{ \
		struct fix *f = *state; \
		struct evil e = evil_start(f); \
\
		send_desc(f, &e, d, VRING_ERR_##err); \
	}
BAD_DESCS(BAD_DESC_TEST)

static void test_loop(void **state)
{
	struct fix *f = *state;
	struct evil e = evil_start(f);
	struct sg_queue *q = simguest_queue(e.sg, 1);
	uint16_t i = q->avail_idx & q->mask, k = (i + 1) & q->mask;

	q->desc[k] = (struct vring_desc){ q->bufs_gpa, 1, VRING_DESC_F_NEXT, i };
	send_desc(f, &e, (struct vring_desc){ q->bufs_gpa, 1, VRING_DESC_F_NEXT, k },
		  VRING_ERR_CHAIN_LONG);
}

static void test_long_chain(void **state)
{
	struct fix *f = *state;
	struct evil e = evil_start(f);
	struct sg_queue *q = simguest_queue(e.sg, 1);
	uint16_t i = q->avail_idx & q->mask;

	for (unsigned int k = 1; k <= VRING_DESCS_MAX; k++)
		q->desc[(i + k) & q->mask] =
			(struct vring_desc){ q->bufs_gpa, 2,
					     k < VRING_DESCS_MAX ? VRING_DESC_F_NEXT : 0,
					     (i + k + 1) & q->mask };
	send_desc(f, &e,
		  (struct vring_desc){ q->bufs_gpa, 2, VRING_DESC_F_NEXT, (i + 1) & q->mask },
		  VRING_ERR_CHAIN_LONG);
}

static void indirect(struct fix *f, const struct vring_desc *table, unsigned int n,
		     enum vring_err err)
{
	struct evil e = evil_start(f);
	struct sg_queue *q = simguest_queue(e.sg, 1);

	memcpy(q->table, table, n * sizeof(*table));
	for (unsigned int i = 0; i < n; i++)
		if (q->table[i].addr == 0)
			q->table[i].addr = q->bufs_gpa;
	send_desc(f, &e,
		  (struct vring_desc){ q->table_gpa, n * sizeof(*table), VRING_DESC_F_INDIRECT, 0 },
		  err);
}

static void test_indirect_nested(void **state)
{
	const struct vring_desc t[] = { { 0, 16, VRING_DESC_F_INDIRECT, 0 } };

	indirect(*state, t, 1, VRING_ERR_INDIRECT);
}

static void test_indirect_loop(void **state)
{
	const struct vring_desc t[] = {
		{ 0, 50, VRING_DESC_F_NEXT, 1 },
		{ 0, 50, VRING_DESC_F_NEXT, 0 },
	};

	indirect(*state, t, 2, VRING_ERR_CHAIN_LONG);
}

static void test_indirect_range(void **state)
{
	const struct vring_desc t[] = { { 0, 50, VRING_DESC_F_NEXT, 2 }, { 0, 50, 0, 0 } };

	indirect(*state, t, 2, VRING_ERR_DESC_INDEX);
}

static void test_indirect_writable(void **state)
{
	const struct vring_desc t[] = { { 0, 50, VRING_DESC_F_WRITE, 0 } };

	indirect(*state, t, 1, VRING_ERR_DESC_DIR);
}

static void test_avail_jumps(void **state)
{
	struct fix *f = *state;
	struct evil e = evil_start(f);
	struct sg_queue *q = simguest_queue(e.sg, 1);

	__atomic_store_n(&q->avail->idx, q->avail_idx + q->size + 1, __ATOMIC_RELEASE);
	ring_thrown_out(f, &e, VRING_ERR_AVAIL_JUMP);
}

static void test_avail_backwards(void **state)
{
	struct fix *f = *state;
	struct evil e = evil_start(f);
	struct sg_queue *q = simguest_queue(e.sg, 1);

	__atomic_store_n(&q->avail->idx, q->avail_idx - 1, __ATOMIC_RELEASE);
	ring_thrown_out(f, &e, VRING_ERR_AVAIL_JUMP);
}

/* The lcore meets it when it asks for kicks before it sleeps. */
static void test_avail_jumps_before_sleep(void **state)
{
	struct fix *f = *state;
	struct evil e = evil_start(f);
	struct sg_queue *q = simguest_queue(e.sg, 1);

	__atomic_store_n(&q->avail->idx, q->avail_idx + q->size + 1, __ATOMIC_RELEASE);
	assert_true(guest_arm_kicks(f->ip.guests[EVIL].g));
	guest_disarm_kicks(f->ip.guests[EVIL].g);
	ring_thrown_out(f, &e, VRING_ERR_AVAIL_JUMP);
}

static void test_head_range(void **state)
{
	struct fix *f = *state;
	struct evil e = evil_start(f);
	struct sg_queue *q = simguest_queue(e.sg, 1);

	assert_non_null(sg_tx_slot(q));
	q->avail->ring[q->avail_idx & q->mask] = q->size;
	sg_tx_push(q, 100);
	sg_queue_publish(e.sg, q);
	ring_thrown_out(f, &e, VRING_ERR_DESC_INDEX);
}

/* Makes the daemon send on every buffer there is, until it meets the changed ones. */
static void provoke_rx(struct fix *f, struct evil *e)
{
	for (unsigned int i = 0; i < 600 && !has_error(&f->ip, e); i++) {
		if (sg_getopt(e->fresh, OUTSOCK_OPT_NODELAY) < 0)
			break;
		simguest_flush(e->sg);
		fake_lcore_turn(f->ip.lc);
	}
}

static void rx_descs(struct fix *f, struct evil *e, uint64_t gpa, uint32_t len, uint16_t flags)
{
	struct sg_queue *q = simguest_queue(e->sg, 0);

	for (unsigned int i = 0; i < q->size; i++) {
		if (gpa)
			q->desc[i].addr = gpa;
		q->desc[i].len = len;
		q->desc[i].flags = flags;
	}
	provoke_rx(f, e);
}

static void test_rx_buffer_small(void **state)
{
	struct fix *f = *state;
	struct evil e = evil_start(f);

	rx_descs(f, &e, 0, OUTSOCK_RX_BUF_MIN - 1, VRING_DESC_F_WRITE);
	thrown_out(f, &e, GUEST_ERR_RX_BUF, NULL);
}

static void test_rx_buffer_readable(void **state)
{
	struct fix *f = *state;
	struct evil e = evil_start(f);

	rx_descs(f, &e, 0, 2048, 0);
	ring_thrown_out(f, &e, VRING_ERR_DESC_DIR);
}

static void test_rx_buffer_in_hole(void **state)
{
	struct fix *f = *state;
	struct evil e = evil_start(f);

	rx_descs(f, &e, simguest_hole(e.sg), 2048, VRING_DESC_F_WRITE);
	ring_thrown_out(f, &e, VRING_ERR_DESC_ADDR);
}

/* A broken ring is not touched again before it is started anew; then it works. */
static void test_broken_ring_restarts(void **state)
{
	struct fix *f = *state;
	struct evil e = evil_start(f);
	struct sg_queue *q = simguest_queue(e.sg, 1);

	__atomic_store_n(&q->avail->idx, q->avail_idx + q->size + 1, __ATOMIC_RELEASE);
	ring_thrown_out(f, &e, VRING_ERR_AVAIL_JUMP);
	__atomic_store_n(&q->avail->idx, q->avail_idx, __ATOMIC_RELEASE);
	fake_lcore_skip(f->ip.lc, PAUSE_NS);
	inproc_turns(&f->ip, 100);
	assert_false(simguest_session(e.sg));
	assert_int_equal(simguest_pause(e.sg), 0);
	assert_int_equal(simguest_resume(e.sg), 0);
	assert_true(inproc_session(&f->ip, EVIL));
}

/* Random bytes as messages, a great many of them, and random ring content. */
static void test_noise(void **state)
{
	struct fix *f = *state;
	struct simguest *sg = f->ip.guests[EVIL].sg;
	struct sg_queue *q = simguest_queue(sg, 1);
	unsigned int seed = 1;

	for (unsigned int i = 0; i < 20000; i++) {
		uint8_t *slot = sg_tx_slot(q);
		uint32_t len = rand_r(&seed) % 200;

		if (slot) {
			struct outsock_hdr h = { .op = rand_r(&seed) % 60,
						 .len = len,
						 .flags = rand_r(&seed) % 8,
						 .sock = rand_r(&seed) % 18,
						 .epoch = simguest_epoch(sg),
						 .off = rand_r(&seed) % 4,
						 .pos = (uint64_t)(rand_r(&seed) % 100000) };

			for (uint32_t k = 0; k < 300; k++)
				slot[k] = rand_r(&seed);
			memcpy(slot + OUTSOCK_NET_HDR_LEN, &h, sizeof(h));
			sg_tx_push(q, OUTSOCK_NET_HDR_LEN + sizeof(h) + len);
		}
		inproc_turn(&f->ip);
		if (i % 16 == 0)
			fake_lcore_skip(f->ip.lc, PAUSE_NS);
	}
	assert_true(inproc_stats(&f->ip, EVIL).session_errors > 10);
	guest_take_error(f->ip.guests[EVIL].g);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#define T_MESSAGE(name, op, s, change, len, err) T(test_##name),
#define T_DESC(name, d, err)			 T(test_desc_##name),

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		BAD_MESSAGES(T_MESSAGE) BAD_DESCS(T_DESC) T(test_window),
		T(test_data_after_fin),
		T(test_repeated_data),
		T(test_other_queue),
		T(test_late),
		T(test_wrong_epoch),
		T(test_runt),
		T(test_loop),
		T(test_long_chain),
		T(test_indirect_nested),
		T(test_indirect_loop),
		T(test_indirect_range),
		T(test_indirect_writable),
		T(test_avail_jumps),
		T(test_avail_backwards),
		T(test_avail_jumps_before_sleep),
		T(test_head_range),
		T(test_rx_buffer_small),
		T(test_rx_buffer_readable),
		T(test_rx_buffer_in_hole),
		T(test_broken_ring_restarts),
		T(test_noise),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
