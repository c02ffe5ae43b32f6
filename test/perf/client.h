/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A client machine in this thread: a stack of our own over DPDK port 0, polled. What it does with
 * its connections is struct client_app's business (client_echo.c, client_bulk.c).
 */
#ifndef OUTSOCK_PERF_CLIENT_H
#define OUTSOCK_PERF_CLIENT_H

#include "hist.h"

#include "stack/stack.h"

#define CLIENT_BURST 32u

struct client;

/* Called for each ready socket, and once a turn before the stack transmits. */
struct client_app {
	void (*ready)(void *ctx, struct sock *s);
	void (*turn)(void *ctx);
};

struct client_cfg {
	uint32_t addr,
		server;	  /* network order; all on one /24; @server: of connections from now on */
	uint32_t n_addrs; /* addr and those after it; connections take turns */
	uint16_t server_port; /* network order */
	uint32_t conns_max;
	uint32_t packets;
	uint16_t rx_queues; /* memif: as many as lcores send at the other end; 0: one */
	uint16_t mtu;
};

struct client {
	struct stack *stack;
	struct link *link;
	struct rte_mempool *pool;
	struct sock_owner owner;
	struct sock_lane lane;
	struct client_cfg cfg;
	const struct client_app *app;
	void *app_ctx;
	struct rte_mbuf *tx[CLIENT_BURST];
	unsigned int n_tx;
	uint32_t n_connects;
	uint64_t tx_lost, hz;
};

/* Opens DPDK port 0. 0 or -1 (said on stderr). */
int client_create(struct client *c, const struct client_cfg *cfg);
void client_destroy(struct client *c);

/* One turn: receives, serves, transmits. Packets received; 0: nothing is left to do. */
unsigned int client_turn(struct client *c);

/* Waits for the stack's next timer, or @until; packets wait meanwhile. */
void client_sleep(const struct client *c, uint64_t until);
uint64_t client_now(const struct client *c); /* ns */
uint64_t client_cpu_ns(void);		     /* that this process has used */

/*
 * Starts a connection to the server's @port (network order) with @credit bytes of window; or a
 * datagram socket with this peer. NULL: said on stderr.
 */
struct sock *client_connect_to(struct client *c, uint16_t port, uint32_t credit);
struct sock *client_dgram_to(struct client *c, uint16_t port, uint32_t credit);
/* To the server_port of the configuration. */
struct sock *client_connect(struct client *c, uint32_t credit);

/* ---- requests and replies ---- */

#define ECHO_BYTES 64u

struct client_conn {
	struct sock *s;
	uint64_t sent_at; /* TSC */
	uint32_t got;	  /* bytes of the reply */
};

/**
 * struct client_echo - @n connections with at most @limit requests in flight among them
 * @idle: ring of connections without a request, @idle_head to @idle_tail
 * @done: requests answered since the caller cleared it
 * @failed: connections that ended: the measurement is void
 */
struct client_echo {
	struct client *c;
	struct client_conn *conns;
	uint32_t n, n_started, n_open;
	uint32_t limit, in_flight;
	uint32_t *idle, idle_head, idle_tail, idle_mask;
	uint64_t done, failed;
	struct hist rtt;
};

int client_echo_create(struct client_echo *e, struct client *c, uint32_t n, uint32_t limit);
void client_echo_destroy(struct client_echo *e);

/* ---- streams ---- */

/**
 * struct client_bulk - @n streams one way
 * @bytes: sent (written to a stream), or received, since the caller cleared it
 */
struct client_bulk {
	struct client *c;
	bool send;
	uint32_t n, n_started, n_open;
	uint64_t bytes, failed;
};

void client_bulk_create(struct client_bulk *b, struct client *c, uint32_t n, bool send);

#endif
