/* SPDX-License-Identifier: BSD-3-Clause */
/* Well-behaved guests: the session, its sockets, and requests. */
#include "echo_bed.h"

#include <stdlib.h>
#include <string.h>

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
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
