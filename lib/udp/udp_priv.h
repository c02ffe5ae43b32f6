/* SPDX-License-Identifier: BSD-3-Clause */
/* Private state of UDP. */
#ifndef OUTSOCK_UDP_UDP_PRIV_H
#define OUTSOCK_UDP_UDP_PRIV_H

#include "base/pool.h"
#include "udp/udp.h"
#include "wire/byteorder.h"
#include "wire/udp.h"

#define UDP_PAYLOAD_MAX (65535u - 20u - (uint32_t)sizeof(struct udp_hdr))

/**
 * struct udp_sock - a datagram socket
 * @conn_link:	in udp.conns while it has a peer
 * @flow:	route to @flow.dst, the latest destination
 * @rx_queued:	receive credit that queued and taken datagrams have used (sock.rx_off: taken only)
 */
struct udp_sock {
	struct sock s; /* first */
	struct udp *udp;
	struct list conn_link;
	struct port_bind bind;
	struct ip_flow flow;
	uint64_t rx_queued;
	bool broadcast;
};

struct udp {
	struct env *env;
	struct ip *ip;
	struct port_table *ports;
	struct pool pool;
	void *pool_mem;
	uint32_t n_conns;
	uint32_t conns_mask; /* buckets - 1 */
	struct list conns[]; /* sockets with a peer, by keyed hash of all four */
};

static inline struct udp_sock *udp_sock(struct sock *s)
{
	return container_of(s, struct udp_sock, s);
}

/* To all on the link only with SO_BROADCAST. */
static inline bool udp_allowed(const struct udp_sock *u, const struct ip_flow *flow)
{
	return !flow->broadcast || u->broadcast;
}

/* Of our address and port, and the peer's (ports in network order). */
uint32_t udp_flow_hash(const struct udp *udp, const struct ip_addr *local, uint16_t local_port,
		       const struct ip_addr *peer, uint16_t peer_port);

/* The connected socket of exactly this peer, or NULL. */
struct udp_sock *udp_conn_find(const struct udp *udp, uint32_t hash,
			       const struct ip_endpoint *local, const struct ip_endpoint *peer);

/* A first connect or send gives the socket a port, which it keeps, as in Linux. */
int udp_autobind(struct sock *s);

/* Into and out of udp.conns; it has a peer. */
void udp_conn_link(struct udp_sock *u);
void udp_conn_unlink(struct udp_sock *u); /* harmless when it is not in there */

/* udp_move.c */
int udp_leave(struct sock *s, void **at, unsigned int *budget);
void udp_stay(struct sock *s);
void udp_arrive_begin(struct sock *s, struct sock *from);
bool udp_arrive(struct sock *s, struct sock *from, unsigned int *budget);

/* udp_rx.c */
void udp_rx(void *ctx, struct rte_mbuf **pkts, unsigned int n);
void udp_err(void *ctx, const struct ip_err *err);

/* udp_tx.c */
int udp_tx_dgram(struct sock *s, struct rte_mbuf *m, const struct ip_endpoint *dst);

#endif
