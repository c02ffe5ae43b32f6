/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The seam between socket and transport: what a transport offers (struct sock_transport), and
 * what it calls (sock_ready and the port table). sock_*() of sock.h check state and quota, keep
 * the generic fields, and dispatch here.
 */
#ifndef OUTSOCK_SOCK_SOCK_OPS_H
#define OUTSOCK_SOCK_SOCK_OPS_H

#include "sock/sock.h"

/* @ctx is the transport's instance (struct tcp, struct udp). */
struct sock_transport {
	const char *name;
	/* An object with its struct sock zeroed and init'ed by sock_init_(), or NULL. */
	struct sock *(*create)(void *ctx);
	int (*bind)(struct sock *s, const struct ip_endpoint *local);
	int (*listen)(struct sock *s, uint32_t backlog);
	int (*connect)(struct sock *s, const struct ip_endpoint *peer);
	int (*disconnect)(struct sock *s);
	int (*setopt)(struct sock *s, uint16_t opt, uint32_t value);
	int (*getopt)(struct sock *s, uint16_t opt, uint32_t *ret_value);
	void (*close)(struct sock *s, uint32_t flags);
	/* The owner has let go for good; the transport may keep its object (TIME-WAIT). */
	void (*free)(struct sock *s);
	/* rx_off moved by @n: acknowledge, open the window. */
	void (*rx_taken)(struct sock *s, uint32_t n);
	void (*credit)(struct sock *s);
	void *(*tx_space)(struct sock *s, uint32_t *ret_room, int *ret_err);
	void (*tx_commit)(struct sock *s, uint32_t n);
	void (*tx_end)(struct sock *s, bool push, bool fin);
	int (*tx_dgram)(struct sock *s, struct rte_mbuf *m, const struct ip_endpoint *dst);
};

/* Which transports a stack has, by type; filled in by stack.c. */
struct sock_types {
	const struct sock_transport *stream, *dgram;
	void *stream_ctx, *dgram_ctx;
};
const struct sock_types *stack_sock_types(struct stack *stack);	/* defined in stack.c */

/* Zeroes and initialises; then joins @lane and its owner (counts into the quota: -ENFILE). */
void sock_init_(struct sock *s, const struct sock_transport *tp, uint8_t type);
int sock_join(struct sock *s, struct sock_lane *lane);
void sock_leave(struct sock *s);	/* off all lists, rxq freed; harmless twice */

/* Sets @events and puts the socket on its lane's ready list. A socket without lane: nothing. */
static inline void sock_ready(struct sock *s, uint16_t events)
{
	s->events |= events;
	if (s->lane && list_empty(&s->ready_link))
		list_add_tail(&s->lane->ready, &s->ready_link);
}

/* Queues received payload (stream: in order). Takes @m, counts it against the owner's packets. */
void sock_rx_push(struct sock *s, struct rte_mbuf *m);
/* Fatal: state DEAD, rxq discarded, ERROR and GONE. */
void sock_gone(struct sock *s, int err);

/* ---- ports of all owners, for one transport ---- */

struct port_table;

struct port_bind {
	struct list link;		/* in its bucket */
	struct sock_owner *owner;
	struct ip_addr addr;		/* unspecified: all */
	uint16_t port;			/* network order, 0: not bound */
	bool reuse_addr, reuse_port, listening;
};

/* @binds_max sizes the buckets. Start-up only. */
struct port_table *port_table_create(struct env *env, uint32_t binds_max, uint16_t eph_first,
				     uint16_t eph_last);
void port_table_destroy(struct port_table *t);

/*
 * Binds @b (owner, addr, port and flags filled in; kept by the caller inside its object). Port 0: a
 * random free ephemeral one (RFC 6056, 3.3.1 with the table as its check). -EADDRINUSE by Linux' rules for
 * SO_REUSEADDR and SO_REUSEPORT.
 */
int port_bind(struct port_table *t, struct port_bind *b);
void port_unbind(struct port_table *t, struct port_bind *b);	/* harmless when not bound */

/* The best match for a packet to @addr:@port of @owner: exact address before wildcard. */
struct port_bind *port_lookup(const struct port_table *t, const struct sock_owner *owner,
			      const struct ip_addr *addr, uint16_t port);

#endif
