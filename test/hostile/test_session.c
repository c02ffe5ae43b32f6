/* SPDX-License-Identifier: BSD-3-Clause */
/* Well-behaved guests: session, sockets, the life of the device. */
#include "inproc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- an echo server and its client ---- */

#define PORT 7

struct app {
	struct sg_sock *listener, *conn, *dgram;
	unsigned int n_accepted, n_closed, n_errors, n_peer_closed, n_dgrams;
	int err;
	uint64_t received;
	uint8_t *want; /* what the client expects back, in order */
	struct outsock_addr from;
	uint32_t dgram_len;
};

static void echo_data(struct simguest *sg, struct sg_sock *s, const void *data, uint32_t len)
{
	assert_int_equal(sg_send(s, data, len), len);
}

static void echo_accepted(struct simguest *sg, struct sg_sock *listener, struct sg_sock *s)
{
	struct app *a = simguest_ctx(sg);

	a->n_accepted++;
	a->conn = s;
}

static void echo_peer_closed(struct simguest *sg, struct sg_sock *s)
{
	struct app *a = simguest_ctx(sg);

	a->n_peer_closed++;
	assert_int_equal(sg_close(s, 0), 0);
}

static void on_closed(struct simguest *sg, struct sg_sock *s)
{
	struct app *a = simguest_ctx(sg);

	a->n_closed++;
	if (a->conn == s)
		a->conn = NULL;
}

static void on_error(struct simguest *sg, struct sg_sock *s, int err, bool fatal)
{
	struct app *a = simguest_ctx(sg);

	a->n_errors++;
	a->err = err;
}

static void echo_dgram(struct simguest *sg, struct sg_sock *s, const struct outsock_addr *from,
		       const void *data, uint32_t len)
{
	struct app *a = simguest_ctx(sg);

	a->n_dgrams++;
	a->from = *from;
	assert_int_equal(sg_sendto(s, from, data, len), 0);
}

static void client_data(struct simguest *sg, struct sg_sock *s, const void *data, uint32_t len)
{
	struct app *a = simguest_ctx(sg);

	if (a->want)
		assert_memory_equal(data, a->want + a->received, len);
	a->received += len;
}

static void client_peer_closed(struct simguest *sg, struct sg_sock *s)
{
	struct app *a = simguest_ctx(sg);

	a->n_peer_closed++;
}

static void client_dgram(struct simguest *sg, struct sg_sock *s, const struct outsock_addr *from,
			 const void *data, uint32_t len)
{
	struct app *a = simguest_ctx(sg);

	a->n_dgrams++;
	a->from = *from;
	a->dgram_len = len;
	assert_memory_equal(data, a->want, len);
}

static const struct sg_ops server_ops = {
	.accepted = echo_accepted,
	.data = echo_data,
	.peer_closed = echo_peer_closed,
	.closed = on_closed,
	.error = on_error,
	.dgram = echo_dgram,
};
static const struct sg_ops client_ops = {
	.data = client_data,
	.peer_closed = client_peer_closed,
	.closed = on_closed,
	.error = on_error,
	.dgram = client_dgram,
};

/* Guests beside the ordinary two. */
#define FEW_SOCKS 2
#define DIALS_US  3

struct fix {
	struct inproc ip;
	struct app server, client;
};

/* ---- waiting ---- */

static bool is_replied(struct inproc *ip, void *arg)
{
	const struct sg_sock *s = arg;

	return s->replied & 1u << OUTSOCK_OP_LISTEN || s->dead;
}

static bool is_connected(struct inproc *ip, void *arg)
{
	const struct sg_sock *s = arg;

	return s->connected || s->dead || (s->replied & 1u << OUTSOCK_OP_CONNECT && s->status);
}

static struct sg_sock *serve(struct inproc *ip, unsigned int k, unsigned int pair)
{
	struct outsock_addr any = sg_addr("0.0.0.0", PORT);
	struct sg_sock *l = sg_socket(ip->guests[k].sg, pair, OUTSOCK_INET, OUTSOCK_STREAM);

	assert_non_null(l);
	assert_int_equal(sg_bind(l, &any), 0);
	assert_int_equal(sg_listen(l, 16), 0);
	assert_true(inproc_until(ip, is_replied, l));
	assert_int_equal(l->status, 0);
	return l;
}

static struct sg_sock *dial(struct inproc *ip, unsigned int k, unsigned int pair, unsigned int to)
{
	struct outsock_addr addr = inproc_addr(to, PORT);
	struct sg_sock *s = sg_socket(ip->guests[k].sg, pair, OUTSOCK_INET, OUTSOCK_STREAM);

	assert_non_null(s);
	assert_int_equal(sg_connect(s, &addr), 0);
	assert_true(inproc_until(ip, is_connected, s));
	return s;
}

struct bytes {
	const struct app *a;
	uint64_t n;
};

static bool has_received(struct inproc *ip, void *arg)
{
	const struct bytes *b = arg;

	return b->a->received >= b->n;
}

/* @n bytes there and back, as they fit. */
static void exchange(struct fix *f, struct sg_sock *s, uint32_t n)
{
	struct bytes b = { &f->client, f->client.received + n };
	uint8_t *data = malloc(b.n);
	uint32_t sent = 0;

	for (uint32_t i = 0; i < b.n; i++)
		data[i] = i * 7 + i / 251;
	f->client.want = data;
	for (unsigned int tries = 0; sent < n && tries < 100000; tries++) {
		sent += sg_send(s, data + b.n - n + sent, n - sent);
		inproc_turn(&f->ip);
	}
	assert_int_equal(sent, n);
	assert_true(inproc_until(&f->ip, has_received, &b));
	assert_int_equal(f->client.received, b.n);
	f->client.want = NULL;
	free(data);
}

static int group_setup(void **state)
{
	struct fix *f = calloc(1, sizeof(*f));
	struct guest_cfg gc;

	inproc_init(&f->ip);
	for (unsigned int k = 0; k < INPROC_GUESTS; k++) {
		inproc_guest_defaults(&gc);
		if (k == FEW_SOCKS)
			gc.max_sockets = 4;
		gc.client = k == DIALS_US;
		gc.rt = k == DIALS_US;
		assert_int_equal(inproc_guest(&f->ip, &gc), 0);
	}
	*state = f;
	return 0;
}

static int group_teardown(void **state)
{
	struct fix *f = *state;

	assert_int_equal(inproc_fini(&f->ip), 0);
	free(f);
	return 0;
}

static void attach(struct fix *f, unsigned int k, const struct simguest_cfg *sc)
{
	assert_int_equal(inproc_attach(&f->ip, k, sc), 0);
	if (!sc->no_hello)
		assert_true(inproc_session(&f->ip, k));
}

/* A server as guest 0, a client as guest 1. */
static void attach_both(struct fix *f, const struct simguest_cfg *sc)
{
	struct simguest_cfg c = *sc;

	c.ops = &server_ops;
	c.ctx = &f->server;
	attach(f, 0, &c);
	c.ops = &client_ops;
	c.ctx = &f->client;
	c.boot_id[1]++;
	attach(f, 1, &c);
}

static int setup_none(void **state)
{
	struct fix *f = *state;

	memset(&f->server, 0, sizeof(f->server));
	memset(&f->client, 0, sizeof(f->client));
	return 0;
}

static int setup(void **state)
{
	struct simguest_cfg sc;

	setup_none(state);
	simguest_cfg_defaults(&sc);
	attach_both(*state, &sc);
	return 0;
}

/* Nothing of one test is left for the next. */
static int teardown(void **state)
{
	struct fix *f = *state;

	for (unsigned int k = 0; k < f->ip.n; k++) {
		assert_int_equal(inproc_stats(&f->ip, k).session_errors, 0);
		if (!f->ip.guests[k].sg)
			continue;
		assert_int_equal(simguest_odd(f->ip.guests[k].sg), 0);
		inproc_detach(&f->ip, k);
		assert_true(inproc_lost(&f->ip, k));
	}
	fake_lcore_skip(f->ip.lc, 11 * NSEC_PER_SEC);
	inproc_turns(&f->ip, 10);
	for (unsigned int k = 0; k < f->ip.n; k++)
		assert_int_equal(inproc_stats(&f->ip, k).n_socks, 0);
	return 0;
}

/* ---- tests ---- */

static void test_hello(void **state)
{
	struct fix *f = *state;
	const struct outsock_hello_reply *h = simguest_hello_reply(f->ip.guests[0].sg);
	struct guest_stats s = inproc_stats(&f->ip, 0);

	assert_int_equal(h->version, OUTSOCK_ABI_VERSION);
	assert_int_equal(h->max_sockets, 256);
	assert_int_equal(h->mtu, 1500);
	assert_int_equal(h->n_addrs, 1);
	assert_int_equal(h->addrs[0].family, OUTSOCK_INET);
	assert_int_equal(h->addrs[0].prefix_len, 24);
	assert_int_equal(h->addrs[0].addr[3], 11);
	assert_true(h->eph_first < h->eph_last);
	assert_true(s.session && s.running && s.connected);
	assert_int_equal(s.epoch, simguest_epoch(f->ip.guests[0].sg));
	assert_int_equal(s.queue_pairs, 1);
	assert_string_equal(s.name, "guest0");
}

static void test_echo(void **state)
{
	struct fix *f = *state;
	struct sg_sock *s;

	serve(&f->ip, 0, 0);
	s = dial(&f->ip, 1, 0, 0);
	assert_int_equal(s->err, 0);
	assert_true(s->connected);
	assert_int_equal(s->record.version, 1);
	assert_int_equal(s->local.addr[3], 12);
	exchange(f, s, 64);
	exchange(f, s, 1);
	exchange(f, s, 300000);
	assert_int_equal(f->server.n_accepted, 1);
}

static bool both_closed(struct inproc *ip, void *arg)
{
	const struct fix *f = arg;

	return f->server.n_closed == 1 && f->client.n_closed == 1;
}

static bool peer_closed(struct inproc *ip, void *arg)
{
	const struct app *a = arg;

	return a->n_peer_closed > 0;
}

static void test_orderly_end(void **state)
{
	struct fix *f = *state;
	struct sg_sock *s;

	serve(&f->ip, 0, 0);
	s = dial(&f->ip, 1, 0, 0);
	exchange(f, s, 5000);
	assert_int_equal(sg_fin(s), 0);
	assert_true(inproc_until(&f->ip, peer_closed, &f->client));
	assert_int_equal(s->rx_end, 5000);
	assert_int_equal(sg_close(s, 0), 0);
	assert_true(inproc_until(&f->ip, both_closed, f));
	assert_int_equal(f->client.n_errors + f->server.n_errors, 0);
	assert_int_equal(inproc_stats(&f->ip, 1).n_socks, 0);
	assert_int_equal(inproc_stats(&f->ip, 0).n_socks, 1);
}

/* CLOSE may come before the bytes that it counts. */
static void test_close_before_data(void **state)
{
	struct fix *f = *state;
	struct bytes b = { &f->client, 0 };
	struct outsock_hdr h;
	struct sg_sock *s;
	uint64_t off;

	serve(&f->ip, 0, 0);
	s = dial(&f->ip, 1, 0, 0);
	off = s->tx_off;
	s->tx_off += 10;
	assert_int_equal(sg_close(s, 0), 0);
	inproc_turns(&f->ip, 5);
	h = (struct outsock_hdr){ .op = OUTSOCK_OP_DATA,
				  .flags = OUTSOCK_F_PUSH,
				  .len = 10,
				  .epoch = simguest_epoch(s->sg),
				  .sock = s->id,
				  .off = off,
				  .pos = s->rx_credit };
	assert_int_equal(sg_raw(s->sg, 0, &h, "0123456789", 10), 0);
	assert_true(inproc_until(&f->ip, both_closed, f));
	assert_int_equal(f->server.n_peer_closed, 1);
	assert_true(has_received(&f->ip, &b));
}

static void test_refused(void **state)
{
	struct fix *f = *state;
	struct sg_sock *s = dial(&f->ip, 1, 0, 0);

	assert_true(s->dead);
	assert_int_equal(s->err, ECONNREFUSED);
	assert_int_equal(sg_close(s, 0), 0);
	inproc_turns(&f->ip, 5);
	assert_int_equal(f->client.n_closed, 1);
}

static void test_abort(void **state)
{
	struct fix *f = *state;
	struct sg_sock *s;

	serve(&f->ip, 0, 0);
	s = dial(&f->ip, 1, 0, 0);
	exchange(f, s, 100);
	assert_int_equal(sg_close(s, OUTSOCK_CLOSE_ABORT), 0);
	inproc_turns(&f->ip, 10);
	assert_int_equal(f->client.n_closed, 1);
	assert_int_equal(f->server.n_errors, 1);
	assert_int_equal(f->server.err, ECONNRESET);
	assert_true(f->server.conn->dead);
}

static void test_requests(void **state)
{
	struct fix *f = *state;
	struct simguest *sg = f->ip.guests[1].sg;
	struct sg_sock *s = sg_socket(sg, 0, OUTSOCK_INET, OUTSOCK_STREAM);
	struct outsock_addr other = inproc_addr(0, 0), own = inproc_addr(1, 0);

	assert_int_equal(sg_bind(s, &other), 0);
	inproc_turns(&f->ip, 3);
	assert_int_equal(s->status, EADDRNOTAVAIL);
	assert_int_equal(sg_bind(s, &own), 0);
	inproc_turns(&f->ip, 3);
	assert_int_equal(s->status, 0);
	assert_int_not_equal(s->local.port, 0);
	assert_memory_equal(s->local.addr, own.addr, 16);
	assert_int_equal(sg_setopt(s, OUTSOCK_OPT_NODELAY, 1), 0);
	inproc_turns(&f->ip, 3);
	assert_int_equal(s->status, 0);
	assert_int_equal(sg_getopt(s, OUTSOCK_OPT_NODELAY), 0);
	inproc_turns(&f->ip, 3);
	assert_int_equal(s->opt, 1);
	assert_int_equal(sg_setopt(s, OUTSOCK_OPT_NODELAY, 2), 0);
	inproc_turns(&f->ip, 3);
	assert_int_equal(s->status, EINVAL);
	assert_int_equal(sg_setopt(s, 4711, 2), 0);
	inproc_turns(&f->ip, 3);
	assert_int_equal(s->status, ENOPROTOOPT);
}

static void info_of(struct fix *f, struct sg_sock *s, int err, int state)
{
	s->info = (struct outsock_info){ 0 };
	assert_int_equal(sg_info(s), 0);
	inproc_turns(&f->ip, 3);
	assert_int_equal(s->status, err);
	assert_int_equal(s->info.state, state);
}

/* The states are Linux' own numbers (net/tcp_states.h). */
static void test_info(void **state)
{
	struct fix *f = *state;
	struct simguest *sg = f->ip.guests[1].sg;
	struct sg_sock *s = sg_socket(sg, 0, OUTSOCK_INET, OUTSOCK_STREAM);
	struct outsock_addr any = { .family = OUTSOCK_INET };

	info_of(f, s, 0, 7);
	assert_int_equal(sg_bind(s, &any), 0);
	assert_int_equal(sg_listen(s, 1), 0);
	info_of(f, s, 0, 10);
	assert_int_equal(s->info.rto_us, 0);
	info_of(f, sg_socket(sg, 0, OUTSOCK_INET, OUTSOCK_DGRAM), EOPNOTSUPP, 0);
	serve(&f->ip, 0, 0);
	s = dial(&f->ip, 1, 0, 0);
	exchange(f, s, 1000);
	info_of(f, s, 0, 1);
	assert_int_equal(s->info.mss, 1500 - 20 - 20 - 12);
	assert_int_equal(s->info.adv_mss, 1460);
	assert_int_equal(s->info.pmtu, 1500);
	assert_int_equal(s->info.ssthresh, OUTSOCK_INFO_NONE);
	assert_int_equal(s->info.retrans, 0);
	assert_true(s->info.cwnd >= 10 * 1448 && s->info.rto_us && s->info.srtt_us);
	assert_true(s->info.snd_wnd && s->info.rcv_wnd);
	assert_int_equal(sg_fin(s), 0);
	assert_true(inproc_until(&f->ip, peer_closed, &f->client));
	info_of(f, s, 0, 7); /* as Linux says it where TIME-WAIT is no business of the program */
}

/* Design D9, rule 3: a request means "make it so". */
static void test_requests_again(void **state)
{
	struct fix *f = *state;
	struct outsock_addr own = inproc_addr(1, 0), to = inproc_addr(0, PORT), was;
	struct sg_sock *s = sg_socket(f->ip.guests[1].sg, 0, OUTSOCK_INET, OUTSOCK_STREAM);

	serve(&f->ip, 0, 0);
	assert_int_equal(sg_bind(s, &own), 0);
	inproc_turns(&f->ip, 3);
	was = s->local;
	for (unsigned int i = 0; i < 2; i++) {
		memset(&s->local, 0, sizeof(s->local));
		assert_int_equal(sg_bind(s, &was), 0);
		inproc_turns(&f->ip, 3);
		assert_int_equal(s->status, 0);
		assert_memory_equal(&s->local, &was, sizeof(was));
	}
	own.port = was.port ^ 1;
	assert_int_equal(sg_bind(s, &own), 0);
	inproc_turns(&f->ip, 3);
	assert_int_equal(s->status, EINVAL);
	for (unsigned int i = 0; i < 3; i++) {
		memset(&s->local, 0, sizeof(s->local));
		assert_int_equal(sg_connect(s, &to), 0);
		assert_true(inproc_until(&f->ip, is_connected, s));
		inproc_turns(&f->ip, 3);
		assert_true(s->connected);
		assert_int_equal(s->status, 0);
		assert_memory_equal(&s->local, &was, sizeof(was));
	}
	to.port ^= 1;
	assert_int_equal(sg_connect(s, &to), 0);
	inproc_turns(&f->ip, 3);
	assert_int_equal(s->status, EISCONN);
	exchange(f, s, 100);
}

struct reply {
	uint64_t cookie;
	unsigned int n;
	uint16_t status;
};

static void keep_reply(struct simguest *sg, struct sg_sock *s, const struct outsock_hdr *h,
		       const void *body)
{
	struct reply *r = simguest_ctx(sg);

	r->n++;
	r->cookie = h->off;
	r->status = h->status;
}

static void attach_with(struct fix *f, const struct sg_ops *ops, void *ctx)
{
	struct simguest_cfg sc;

	simguest_cfg_defaults(&sc);
	sc.ops = ops;
	sc.ctx = ctx;
	attach(f, 0, &sc);
}

/* More requests than the daemon keeps replies for, to a guest that takes none: none is lost. */
static void test_reply_pressure(void **state)
{
	static const struct sg_ops ops = { .reply = keep_reply };
	struct fix *f = *state;
	struct reply r = { .n = 0 };
	struct outsock_cmd_opt body = { .opt = OUTSOCK_OPT_NODELAY };
	struct simguest *sg;
	const unsigned int n = 500;
	unsigned int before, sent = 0;

	attach_with(f, &ops, &r);
	sg = f->ip.guests[0].sg;
	before = r.n;
	for (unsigned int i = 0; i < 5 * n && sent < n; i++) {
		struct outsock_hdr h = { .op = OUTSOCK_OP_GETOPT,
					 .len = sizeof(body),
					 .sock = 3,
					 .epoch = simguest_epoch(sg),
					 .off = 1000 + sent };

		if (sg_raw(sg, 0, &h, &body, sizeof(body)) == 0)
			sent++;
		else if (i % 3)
			fake_lcore_turn(f->ip.lc);
		else
			inproc_turn(&f->ip);
	}
	assert_int_equal(sent, n);
	for (unsigned int i = 0; i < 200; i++)
		inproc_turn(&f->ip);
	assert_int_equal(r.n - before, n);
	assert_int_equal(r.cookie, 1000 + n - 1);
	assert_int_equal(r.status, EBADF);
}

static void test_unknown_request(void **state)
{
	static const struct sg_ops ops = { .reply = keep_reply };
	static const uint8_t unknown[] = { OUTSOCK_OP_RESUME, OUTSOCK_OP_RESUME_END, 5, 30 };
	struct fix *f = *state;
	struct reply r = { .n = 0 };

	attach_with(f, &ops, &r);
	for (unsigned int i = 0; i < sizeof(unknown); i++) {
		struct outsock_hdr h = { .op = unknown[i],
					 .off = 77 + i,
					 .epoch = simguest_epoch(f->ip.guests[0].sg) };

		assert_int_equal(sg_raw(f->ip.guests[0].sg, 0, &h, NULL, 0), 0);
		inproc_turns(&f->ip, 3);
		assert_int_equal(r.cookie, 77 + i);
		assert_int_equal(r.status, ENOSYS);
	}
}

static void test_quota_sockets(void **state)
{
	struct fix *f = *state;
	struct sg_sock *s = NULL;
	struct simguest_cfg sc;
	struct simguest *sg;

	simguest_cfg_defaults(&sc);
	attach(f, FEW_SOCKS, &sc);
	sg = f->ip.guests[FEW_SOCKS].sg;
	for (unsigned int i = 0; i < 4; i++) {
		s = sg_socket(sg, 0, OUTSOCK_INET, OUTSOCK_DGRAM);
		assert_non_null(s);
		inproc_turns(&f->ip, 2);
		assert_int_equal(s->status, 0);
	}
	assert_null(sg_socket(sg, 0, OUTSOCK_INET, OUTSOCK_DGRAM));
	assert_int_equal(inproc_stats(&f->ip, FEW_SOCKS).n_socks, 4);
	assert_int_equal(sg_close(s, 0), 0);
	inproc_turns(&f->ip, 3);
	s = sg_socket(sg, 0, OUTSOCK_INET, OUTSOCK_STREAM);
	assert_non_null(s);
	inproc_turns(&f->ip, 2);
	assert_int_equal(s->status, 0);
}

static struct sg_sock *dgram_socket(struct inproc *ip, unsigned int k, uint16_t port)
{
	struct outsock_addr addr = inproc_addr(k, port);
	struct sg_sock *s = sg_socket(ip->guests[k].sg, 0, OUTSOCK_INET, OUTSOCK_DGRAM);

	assert_non_null(s);
	assert_int_equal(sg_bind(s, &addr), 0);
	inproc_turns(ip, 3);
	assert_int_equal(s->status, 0);
	return s;
}

static void test_datagrams(void **state)
{
	static const uint32_t lens[] = { 0, 1, 64, 1472, 3000 };
	struct fix *f = *state;
	struct outsock_addr to = inproc_addr(0, PORT);
	struct sg_sock *s;
	uint8_t data[3000];

	for (unsigned int i = 0; i < sizeof(data); i++)
		data[i] = i * 3;
	f->client.want = data;
	dgram_socket(&f->ip, 0, PORT);
	s = dgram_socket(&f->ip, 1, 0);
	for (unsigned int i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		assert_int_equal(sg_sendto(s, &to, data, lens[i]), 0);
		inproc_turns(&f->ip, 10);
		assert_int_equal(f->client.n_dgrams, i + 1);
		assert_int_equal(f->client.dgram_len, lens[i]);
		assert_memory_equal(&f->client.from, &to, sizeof(to));
	}
	f->client.want = NULL;
}

/* A datagram larger than a receive buffer comes in fragments; and one to nobody is an error. */
static void test_datagram_fragments(void **state)
{
	struct fix *f = *state;
	struct outsock_addr to = inproc_addr(0, PORT);
	struct simguest_cfg sc;
	struct sg_sock *s;
	uint8_t data[20000];

	simguest_cfg_defaults(&sc);
	sc.rx_buf = OUTSOCK_RX_BUF_MIN;
	sc.tx_buf = 32768;
	sc.ring_size = 64;
	attach_both(f, &sc);
	for (unsigned int i = 0; i < sizeof(data); i++)
		data[i] = i * 5;
	f->client.want = data;
	dgram_socket(&f->ip, 0, PORT);
	s = dgram_socket(&f->ip, 1, 0);
	for (unsigned int i = 0; i < 10; i++) {
		assert_int_equal(sg_sendto(s, &to, data, sizeof(data)), 0);
		inproc_turns(&f->ip, 20);
		assert_int_equal(f->client.n_dgrams, i + 1);
		assert_int_equal(f->client.dgram_len, sizeof(data));
	}
	f->client.want = NULL;
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
	assert_int_equal(inproc_stats(&f->ip, 0).n_socks, 0);
	serve(&f->ip, 0, 0);
	f->client.received = 0;
	exchange(f, dial(&f->ip, 1, 0, 0), 1000);
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
	assert_int_equal(inproc_stats(&f->ip, 0).n_socks, 0);
	serve(&f->ip, 0, 0);
	f->client.received = 0;
	exchange(f, dial(&f->ip, 1, 0, 0), 1000);
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
	assert_int_equal(inproc_stats(&f->ip, 0).n_socks, 0);
	serve(&f->ip, 0, 0);
	f->client.received = 0;
	exchange(f, dial(&f->ip, 1, 0, 0), 1000);
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

/* ---- how much a turn does ---- */

static const struct sg_ops sink_ops = { .accepted = echo_accepted, .data = client_data };

/* The most bytes that one turn took from guest @from and gave to guest @to, while all is sent. */
static void busiest_turn(struct fix *f, struct sg_sock *s, unsigned int from, unsigned int to,
			 uint64_t *ret_tx, uint64_t *ret_rx)
{
	static const uint8_t data[OUTSOCK_BODY_MAX];
	struct bytes all = { &f->server, 8u << 20 };
	uint64_t sent = 0;

	*ret_tx = *ret_rx = 0;
	while (!has_received(&f->ip, &all)) {
		uint64_t tx = inproc_stats(&f->ip, from).tx_bytes;
		uint64_t rx = inproc_stats(&f->ip, to).rx_bytes;
		uint32_t n;

		do {
			n = sg_send(s, data, RTE_MIN(sizeof(data), all.n - sent));
			sent += n;
		} while (n);
		inproc_turn(&f->ip);
		*ret_tx = RTE_MAX(*ret_tx, inproc_stats(&f->ip, from).tx_bytes - tx);
		*ret_rx = RTE_MAX(*ret_rx, inproc_stats(&f->ip, to).rx_bytes - rx);
	}
}

/* A bulk sender takes its share of a turn and no more, in either way; a shorter one if it is RT. */
static void test_turn_bytes(void **state)
{
	struct fix *f = *state;
	struct simguest_cfg sc;
	uint64_t tx, rx;

	simguest_cfg_defaults(&sc);
	sc.rx_buf = sc.tx_buf = OUTSOCK_BODY_MAX;
	sc.rcv_win = 1u << 20;
	sc.ops = &sink_ops;
	sc.ctx = &f->server;
	attach(f, 0, &sc);
	sc.ops = &client_ops;
	sc.ctx = &f->client;
	attach(f, 1, &sc);
	sc.listen = true;
	attach(f, DIALS_US, &sc);
	serve(&f->ip, 0, 0);
	busiest_turn(f, dial(&f->ip, 1, 0, 0), 1, 0, &tx, &rx);
	assert_in_range(tx, 128u << 10, (256u << 10) + OUTSOCK_BODY_MAX);
	assert_in_range(rx, 1, (256u << 10) + OUTSOCK_BODY_MAX);
	f->server.received = 0;
	busiest_turn(f, dial(&f->ip, DIALS_US, 0, 0), DIALS_US, 0, &tx, &rx);
	assert_in_range(tx, 32u << 10, (64u << 10) + OUTSOCK_BODY_MAX);
}

/* ---- the end of a session with many sockets ---- */

#define MANY	200
#define AT_ONCE 32 /* GUEST_REAP */

static bool all_dead(struct inproc *ip, void *arg)
{
	struct sg_sock **s = arg;

	for (unsigned int i = 0; i < MANY; i++)
		if (!s[i]->dead)
			return false;
	return true;
}

/* Each turn resets some of them; only then another boot of the guest is welcome. */
static void test_many_sockets_end(void **state)
{
	static const uint8_t other_boot[16] = { 77 };
	struct fix *f = *state;
	struct sg_sock *s[MANY];
	uint32_t before, now;
	unsigned int turns = 0;

	serve(&f->ip, 0, 0);
	for (unsigned int i = 0; i < MANY; i++)
		s[i] = dial(&f->ip, 1, 0, 0);
	inproc_turns(&f->ip, 10);
	before = inproc_stats(&f->ip, 0).n_socks;
	assert_int_equal(before, MANY + 1);
	assert_int_equal(simguest_reboot(f->ip.guests[0].sg, other_boot), 0);
	while ((now = inproc_stats(&f->ip, 0).n_socks)) {
		assert_false(simguest_session(f->ip.guests[0].sg));
		assert_in_range(before - now, 0, AT_ONCE);
		if (now <= MANY) /* under way: the lcore does not sleep over it */
			assert_int_not_equal(guest_next(f->ip.guests[0].g), UINT64_MAX);
		before = now;
		inproc_turn(&f->ip);
		assert_in_range(++turns, 1, 100000);
	}
	assert_true(inproc_session(&f->ip, 0));
	assert_true(inproc_until(&f->ip, all_dead, s));
	assert_int_equal(s[MANY - 1]->err, ECONNRESET);
	f->client.received = 0;
	serve(&f->ip, 0, 0);
	exchange(f, dial(&f->ip, 1, 0, 0), 1000);
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

#define LISTED_MAX 300

/* All pages of @max; what is done between them is the caller's. How many pages. */
static unsigned int list_all(struct guest *g, unsigned int max, struct guest_sock_info *infos,
			     unsigned int *ret_n, void (*between)(void *arg), void *arg)
{
	unsigned int pages = 0, n;
	uint32_t cursor = 0;

	*ret_n = 0;
	do {
		n = guest_sock_list(g, &cursor, infos + *ret_n, max);
		assert_in_range(n, 0, max);
		*ret_n += n;
		assert_in_range(*ret_n, 0, LISTED_MAX - max);
		assert_in_range(++pages, 1, LISTED_MAX);
		if (between)
			between(arg);
	} while (cursor != GUEST_LIST_END);
	return pages;
}

static const struct guest_sock_info *listed(const struct guest_sock_info *infos, unsigned int n,
					    uint32_t id)
{
	const struct guest_sock_info *found = NULL;

	for (unsigned int i = 0; i < n; i++) {
		if (infos[i].id != id)
			continue;
		assert_null(found); /* once */
		found = &infos[i];
	}
	return found;
}

static void test_sock_list(void **state)
{
	static struct guest_sock_info infos[LISTED_MAX];
	struct fix *f = *state;
	struct sg_sock *l, *s;
	unsigned int n;

	l = serve(&f->ip, 0, 0);
	s = dial(&f->ip, 1, 0, 0);
	inproc_turns(&f->ip, 10);
	list_all(f->ip.guests[0].g, 64, infos, &n, NULL, NULL);
	assert_int_equal(n, 2);
	assert_string_equal(listed(infos, n, l->id)->state, "LISTEN");
	assert_non_null(listed(infos, n, f->server.conn->id));
	assert_string_equal(listed(infos, n, f->server.conn->id)->state, "ESTABLISHED");
	list_all(f->ip.guests[1].g, 64, infos, &n, NULL, NULL);
	assert_int_equal(n, 1);
	assert_int_equal(infos[0].mss, 1448);
	assert_int_not_equal(infos[0].rto_us, 0);
	assert_int_equal(infos[0].tx_acked, 0);
	exchange(f, s, 500);
	list_all(f->ip.guests[1].g, 64, infos, &n, NULL, NULL);
	assert_int_equal(infos[0].tx_acked, 500);
	assert_int_equal(infos[0].rx_off, 500);
}

struct churn {
	struct fix *f;
	struct sg_sock *go[100];
	unsigned int n;
};

/* Between two pages ten sockets go away. */
static void ten_go(void *arg)
{
	struct churn *c = arg;

	for (unsigned int i = 0; i < 10 && c->n; i++)
		assert_int_equal(sg_close(c->go[--c->n], 0), 0);
	inproc_turns(&c->f->ip, 20);
}

/* Sockets that stay are listed exactly once, whatever the others do meanwhile. */
static void test_sock_list_pages(void **state)
{
	static struct guest_sock_info infos[LISTED_MAX];
	struct fix *f = *state;
	struct churn c = { .f = f };
	struct sg_sock *stay[100];
	unsigned int n;

	for (unsigned int i = 0; i < 100; i++) {
		stay[i] = sg_socket(f->ip.guests[0].sg, 0, OUTSOCK_INET, OUTSOCK_DGRAM);
		assert_non_null(stay[i]);
		inproc_turn(&f->ip);
		c.go[c.n] = sg_socket(f->ip.guests[0].sg, 0, OUTSOCK_INET, OUTSOCK_STREAM);
		assert_non_null(c.go[c.n++]);
		inproc_turn(&f->ip);
	}
	inproc_turns(&f->ip, 10);
	assert_int_equal(inproc_stats(&f->ip, 0).n_socks, 200);
	list_all(f->ip.guests[0].g, 16, infos, &n, NULL, NULL);
	assert_int_equal(n, 200);
	list_all(f->ip.guests[0].g, 16, infos, &n, ten_go, &c);
	for (unsigned int i = 0; i < 100; i++)
		assert_non_null(listed(infos, n, stay[i]->id));
	assert_in_range(n, 100, 200);
}

#define T(name)	 cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TE(name) cmocka_unit_test_setup_teardown(name, setup_none, teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T(test_hello),
		T(test_echo),
		T(test_orderly_end),
		T(test_close_before_data),
		T(test_refused),
		T(test_abort),
		T(test_requests),
		T(test_info),
		T(test_requests_again),
		TE(test_reply_pressure),
		TE(test_unknown_request),
		TE(test_quota_sockets),
		T(test_datagrams),
		TE(test_datagram_fragments),
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
		TE(test_turn_bytes),
		T(test_many_sockets_end),
		TE(test_before_hello),
		T(test_second_connection_refused),
		T(test_sock_list),
		T(test_sock_list_pages),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
