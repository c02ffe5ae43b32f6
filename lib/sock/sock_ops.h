/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The seam between socket and transport: what a transport offers (struct sock_transport), and
 * what it calls (sock_ready and the port table). sock_*() of sock.h check state and quota, keep
 * the generic fields, and dispatch here.
 */
#ifndef OUTSOCK_SOCK_SOCK_OPS_H
#define OUTSOCK_SOCK_SOCK_OPS_H

#include "sock/sock.h"

/*
 * @ctx is the transport's instance (struct tcp, struct udp). The generic fields (state, offsets,
 * credit, closing, tx_fin) are up to date when an operation is called; states CONNECTED and DEAD
 * of a stream are the transport's to set, all others follow from an operation's success.
 * Operations that a transport does not have are NULL: -EOPNOTSUPP.
 */
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
	void (*info)(const struct sock *s, struct outsock_info *ret_info);
	/*
	 * Not called for a dead socket: sock_close() says CLOSED by itself then, and for all but
	 * connections, and listeners that stay LISTENING for their children's sake.
	 */
	void (*close)(struct sock *s, uint32_t flags);
	/*
	 * The owner has let go for good: calls sock_leave(); the transport may keep its object
	 * (TIME-WAIT).
	 */
	void (*free)(struct sock *s);
	/* sock_event_taken(); may be NULL. */
	void (*event_taken)(struct sock *s, uint16_t events);
	/* rx_off moved by @n: acknowledge, open the window. */
	void (*rx_taken)(struct sock *s, uint32_t n);
	void (*credit)(struct sock *s);
	void *(*tx_space)(struct sock *s, uint32_t *ret_room, int *ret_err);
	void (*tx_commit)(struct sock *s, uint32_t n);
	void (*tx_end)(struct sock *s, bool push, bool fin);
	int (*tx_dgram)(struct sock *s, struct rte_mbuf *m, const struct ip_endpoint *dst);

	/* ---- to another stack (sock_move.h) ---- */

	/*
	 * Off all tables and timers of its stack, its packets nobody else's. 0; 1: *@budget is
	 * used up, or -ENOBUFS: no packets: again with the same *@at, which is NULL at first.
	 */
	int (*leave)(struct sock *s, void **at, unsigned int *budget);
	/* It has left and is to stay: back into the tables. */
	void (*stay)(struct sock *s);
	/* @s, of create(), becomes what @from is, but for packets and generic links. */
	void (*arrive_begin)(struct sock *s, struct sock *from);
	/*
	 * Takes @from's packets over (rxq is done already), then joins tables and timers; @from is
	 * as create() made it. False: *@budget is used up.
	 */
	bool (*arrive)(struct sock *s, struct sock *from, unsigned int *budget);
	/*
	 * Streams only: what the owner's addresses have left behind goes to @ghosts, from place
	 * *@at on (1: more); stays or arrives; objects of the old stack, on @empty, are freed.
	 */
	int (*ghosts_leave)(void *ctx, struct sock_owner *o, struct list *ghosts, uint32_t *at,
			    unsigned int budget);
	int (*ghosts_stay)(void *ctx, struct sock_owner *o, struct list *ghosts,
			   unsigned int budget);
	int (*ghosts_arrive)(void *ctx, struct sock_owner *o, struct list *ghosts,
			     struct list *empty, unsigned int budget);
	int (*ghosts_free)(void *ctx, struct list *empty, unsigned int budget);
};

/* Which transports a stack has, by type; filled in by stack.c. */
struct sock_types {
	const struct sock_transport *stream, *dgram;
	void *stream_ctx, *dgram_ctx;
	struct env *env;
};
const struct sock_types *stack_sock_types(struct stack *stack); /* defined in stack.c */

/* Zeroes and initialises; then joins @lane and its owner (counts into the quota: -ENFILE). */
void sock_init_(struct sock *s, const struct sock_transport *tp, uint8_t type);
int sock_join(struct sock *s, struct sock_lane *lane);
/*
 * Off all lists and out of the quota, rxq freed, owner and lane NULL; harmless twice. Packets of
 * the transport's own that count against the owner are to be taken off before.
 */
void sock_leave(struct sock *s);

/*
 * The owner's packet quota, for what is received: every queue of a socket counts its segments. Of
 * send queues only what they may have counts: a quarter is left here, whatever peers take.
 */
static inline bool sock_pkts_room(const struct sock *s, uint32_t n)
{
	const struct sock_owner *o = s->owner;

	return o->n_pkts - o->n_tx + RTE_MIN(o->n_tx, o->tx_cap) + n <= o->max_pkts;
}

/*
 * May its send queue, of @n packets now, have one more? Peers that read nothing hold what was sent
 * to them. So a queue may have a quarter of what is left below tx_max (a dynamic threshold, as
 * switches have for theirs), and then each socket may have its tx_min, as far as tx_cap goes.
 */
static inline bool sock_tx_room(const struct sock *s, uint32_t n)
{
	const struct sock_owner *o = s->owner;

	if (4 * n + o->n_pkts < o->tx_max)
		return true;
	return n < o->tx_min && o->n_tx < o->tx_cap && o->n_pkts < o->max_pkts;
}

static inline void sock_pkts_add(struct sock *s, uint32_t n)
{
	s->owner->n_pkts += n;
}

static inline void sock_owner_pkts_sub(struct sock_owner *o, uint32_t n)
{
	o->n_pkts -= n;
	o->n_freed += n;
}

static inline void sock_pkts_sub(struct sock *s, uint32_t n)
{
	sock_owner_pkts_sub(s->owner, n);
}

/* The same for packets of the send queue. */
static inline void sock_tx_pkts_add(struct sock *s, uint32_t n)
{
	s->tx_pkts += n;
	s->owner->n_tx += n;
	sock_pkts_add(s, n);
}

static inline void sock_tx_pkts_sub(struct sock *s, uint32_t n)
{
	s->tx_pkts -= n;
	s->owner->n_tx -= n;
	sock_pkts_sub(s, n);
}

static inline struct env *sock_env(const struct sock *s)
{
	return stack_sock_types(s->owner->stack)->env;
}

/* Sets @events and puts the socket on its lane's ready list. A socket without lane: nothing. */
static inline void sock_ready(struct sock *s, uint16_t events)
{
	struct sock_lane *l = s->lane;

	s->events |= events;
	if (!l || !list_empty(&s->ready_link))
		return;
	list_add_tail(&l->ready, &s->ready_link);
	if (l->woken && list_empty(&l->woken_link))
		list_add_tail(l->woken, &l->woken_link);
}

/*
 * Queues received payload (stream: in order). Takes @m, counts it against the owner's packets; the
 * transport has asked sock_pkts_room() where the peer could fill it.
 */
void sock_rx_push(struct sock *s, struct rte_mbuf *m);
/* Fatal: state DEAD, rxq discarded, ERROR and GONE; CLOSED too when the consumer let go before. */
void sock_gone(struct sock *s, int err);

/*
 * A copy of @m, one of @s' queue, in a packet of the stack that @s has come to; @m when there is
 * none to be had.
 */
struct rte_mbuf *sock_pkt_arrive(struct sock *s, struct env *env, struct rte_mbuf *m);

/* @s has gone elsewhere: the object is as sock_init_() made it, but for its place in a list. */
void sock_init_moved(struct sock *s);

/* ---- ports of all owners, for one transport ---- */

struct port_table;

/*
 * A claim on a port. Listeners, bound sockets and active connections have one; accepted
 * connections and TIME-WAIT have a struct port_hold.
 */
struct port_bind {
	struct list link; /* in its bucket */
	struct sock_owner *owner;
	struct ip_addr addr; /* unspecified: all */
	uint16_t port;	     /* network order, 0: not bound */
	bool reuse_addr, reuse_port;
	bool listening;	 /* set by port_listen() */
	bool hidden;	 /* port_lookup() does not see it: a connected datagram socket */
	bool by_connect; /* connect() chose the port: only the four-tuple must be free */
	bool again;	 /* port_bind(): holds do not matter */
};

#define PORT_SHARE_MAX 64 /* claims on one port of one owner; bounds every walk */

/* @binds_max sizes the buckets. Ports in host order, inclusive. Start-up only. NULL: no memory. */
struct port_table *port_table_create(struct env *env, uint32_t binds_max, uint16_t eph_first,
				     uint16_t eph_last);
void port_table_destroy(struct port_table *t); /* takes NULL */

/*
 * Claims a port for @b (owner, addr, port and flags filled in, the rest zero; kept by the caller
 * inside its object until port_unbind). Port 0: a random free ephemeral one (RFC 6056, 3.3.1 with
 * the table as its check), written to @b->port. -EADDRINUSE by Linux' rules for SO_REUSEADDR (not
 * beside a listener) and SO_REUSEPORT, to which holds are subject as well as claims.
 */
int port_bind(struct port_table *t, struct port_bind *b);
/*
 * For sock_transport.bind, once @local is known to be the owner's: @b for @s at @local, which goes
 * to sock.local with the port that was chosen.
 */
int port_bind_sock(struct port_table *t, struct port_bind *b, struct sock *s,
		   const struct ip_endpoint *local);
void port_unbind(struct port_table *t, struct port_bind *b); /* harmless when not bound */
/*
 * On the way to another table: @b keeps what it claims, and claims it again there (or here), which
 * can not fail. Harmless when not bound.
 */
void port_bind_leave(struct port_table *t, struct port_bind *b);
void port_bind_arrive(struct port_table *t, struct port_bind *b);
/* @b, bound, begins to listen: -EADDRINUSE when another one that shares its port already does. */
int port_listen(struct port_table *t, struct port_bind *b);

/*
 * What keeps a port taken without a claim: a connection that was accepted there, or is in
 * TIME-WAIT. Those of one owner, address and port are only counted, by their flags, so that neither
 * memory nor time depends on how many they are.
 */
struct port_use;
struct port_hold {
	struct port_use *use; /* NULL: none */
	bool reuse_addr, reuse_port;
};

/*
 * @h holds the port of @like (a claim, of the listener for one) at @addr, for its owner, with its
 * flags. There are only so many pairs of address and port: beyond that a hold has no effect.
 */
void port_hold(struct port_table *t, struct port_hold *h, const struct port_bind *like,
	       const struct ip_addr *addr);
/* The same for a hold; @owner, @addr and @port are what it was for. */
void port_hold_leave(struct port_table *t, struct port_hold *h);
void port_hold_arrive(struct port_table *t, struct port_hold *h, struct sock_owner *owner,
		      const struct ip_addr *addr, uint16_t port);
/* The socket's flags have changed. */
void port_hold_flags(struct port_hold *h, bool reuse_addr, bool reuse_port);
void port_release(struct port_table *t, struct port_hold *h); /* harmless when it holds nothing */
/*
 * The owner goes: what still holds its ports does so no more; at most @max of them. True: nothing
 * is left.
 */
bool port_owner_gone(struct sock_owner *o, unsigned int max);

/*
 * The best match for a packet to @addr:@port of @owner: listening before not, exact address before
 * wildcard, then the latest; in a SO_REUSEPORT group @flow_hash chooses. NULL: none.
 */
struct port_bind *port_lookup_flow(const struct port_table *t, const struct sock_owner *owner,
				   const struct ip_addr *addr, uint16_t port, uint32_t flow_hash);

static inline struct port_bind *port_lookup(const struct port_table *t,
					    const struct sock_owner *owner,
					    const struct ip_addr *addr, uint16_t port)
{
	return port_lookup_flow(t, owner, addr, port, 0);
}

#endif
