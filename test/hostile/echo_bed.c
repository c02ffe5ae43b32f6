/* SPDX-License-Identifier: BSD-3-Clause */
#include "echo_bed.h"

#include <stdlib.h>
#include <string.h>

/* ---- an echo server and its client ---- */

static void echo_data(struct simguest *sg, struct sg_sock *s, const void *data, uint32_t len)
{
	assert_int_equal(sg_send(s, data, len), len);
}

void echo_accepted(struct simguest *sg, struct sg_sock *listener, struct sg_sock *s)
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

void client_data(struct simguest *sg, struct sg_sock *s, const void *data, uint32_t len)
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
const struct sg_ops client_ops = {
	.data = client_data,
	.peer_closed = client_peer_closed,
	.closed = on_closed,
	.error = on_error,
	.dgram = client_dgram,
};

/* ---- waiting ---- */

static bool is_replied(struct inproc *ip, void *arg)
{
	const struct sg_sock *s = arg;

	return s->replied & 1u << OUTSOCK_OP_LISTEN || s->dead;
}

bool is_connected(struct inproc *ip, void *arg)
{
	const struct sg_sock *s = arg;

	return s->connected || s->dead || (s->replied & 1u << OUTSOCK_OP_CONNECT && s->status);
}

struct sg_sock *serve(struct inproc *ip, unsigned int k, unsigned int pair)
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

struct sg_sock *dial(struct inproc *ip, unsigned int k, unsigned int pair, unsigned int to)
{
	struct outsock_addr addr = inproc_addr(to, PORT);
	struct sg_sock *s = sg_socket(ip->guests[k].sg, pair, OUTSOCK_INET, OUTSOCK_STREAM);

	assert_non_null(s);
	assert_int_equal(sg_connect(s, &addr), 0);
	assert_true(inproc_until(ip, is_connected, s));
	return s;
}

bool has_received(struct inproc *ip, void *arg)
{
	const struct bytes *b = arg;

	return b->a->received >= b->n;
}

/* @n bytes there and back, as they fit. */
void exchange(struct fix *f, struct sg_sock *s, uint32_t n)
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

int group_setup(void **state)
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

int group_teardown(void **state)
{
	struct fix *f = *state;

	assert_int_equal(inproc_fini(&f->ip), 0);
	free(f);
	return 0;
}

void attach(struct fix *f, unsigned int k, const struct simguest_cfg *sc)
{
	assert_int_equal(inproc_attach(&f->ip, k, sc), 0);
	if (!sc->no_hello)
		assert_true(inproc_session(&f->ip, k));
}

/* A server as guest 0, a client as guest 1. */
void attach_both(struct fix *f, const struct simguest_cfg *sc)
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

int setup_none(void **state)
{
	struct fix *f = *state;

	memset(&f->server, 0, sizeof(f->server));
	memset(&f->client, 0, sizeof(f->client));
	return 0;
}

int setup(void **state)
{
	struct simguest_cfg sc;

	setup_none(state);
	simguest_cfg_defaults(&sc);
	attach_both(*state, &sc);
	return 0;
}

/* Nothing of one test is left for the next. */
int teardown(void **state)
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
