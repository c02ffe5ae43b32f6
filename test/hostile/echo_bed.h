/* SPDX-License-Identifier: BSD-3-Clause */
/* Well-behaved guests of one daemon: an echo server, its client, and how tests begin and end. */
#ifndef OUTSOCK_TEST_HOSTILE_ECHO_BED_H
#define OUTSOCK_TEST_HOSTILE_ECHO_BED_H

#include "inproc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define PORT 7

/* Guests beside the ordinary two. */
#define FEW_SOCKS 2
#define DIALS_US  3

struct app {
	struct sg_sock *listener, *conn, *dgram;
	unsigned int n_accepted, n_closed, n_errors, n_peer_closed, n_dgrams;
	int err;
	uint64_t received;
	uint8_t *want; /* what the client expects back, in order */
	struct outsock_addr from;
	uint32_t dgram_len;
};

struct fix {
	struct inproc ip;
	struct app server, client;
};

/* For has_received(). */
struct bytes {
	const struct app *a;
	uint64_t n;
};

extern const struct sg_ops client_ops;

void echo_accepted(struct simguest *sg, struct sg_sock *listener, struct sg_sock *s);
void client_data(struct simguest *sg, struct sg_sock *s, const void *data, uint32_t len);
struct sg_sock *serve(struct inproc *ip, unsigned int k, unsigned int pair);
struct sg_sock *dial(struct inproc *ip, unsigned int k, unsigned int pair, unsigned int to);
void exchange(struct fix *f, struct sg_sock *s, uint32_t n);
bool has_received(struct inproc *ip, void *arg);
bool is_connected(struct inproc *ip, void *arg);
int group_setup(void **state);
int group_teardown(void **state);
void attach(struct fix *f, unsigned int k, const struct simguest_cfg *sc);
void attach_both(struct fix *f, const struct simguest_cfg *sc);
int setup_none(void **state);
int setup(void **state);
int teardown(void **state);

/* Of cmocka's groups: with both guests attached, or with none. */
#define T(name)	 cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TE(name) cmocka_unit_test_setup_teardown(name, setup_none, teardown)

#endif
