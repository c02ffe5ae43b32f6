/* SPDX-License-Identifier: BSD-3-Clause */
/* A guest with many bytes or sockets: what a turn does of it, and what is listed. */
#include "echo_bed.h"

#include <stdlib.h>
#include <string.h>

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

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TE(test_turn_bytes),
		T(test_many_sockets_end),
		T(test_sock_list),
		T(test_sock_list_pages),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
