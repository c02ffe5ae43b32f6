/* SPDX-License-Identifier: BSD-3-Clause */
/* Datagram sockets: creation, binding, peers, options. */
#include "udp/udp_priv.h"

#include "abi/abi_cmd.h"
#include "wire/ipv4.h"

#include <stdlib.h>
#include <string.h>

#define UDP_TTL 64

struct udp *udp_create(const struct udp_cfg *cfg)
{
	uint32_t n = rte_align32pow2(RTE_MAX(cfg->socks_max, 64u));
	size_t size = RTE_ALIGN_CEIL(sizeof(struct udp) + n * sizeof(struct list), 64);
	struct udp *udp = aligned_alloc(64, size);

	if (!udp)
		return NULL;
	memset(udp, 0, size);
	udp->env = cfg->env;
	udp->ip = cfg->ip;
	udp->ports = cfg->ports;
	udp->conns_mask = n - 1;
	for (uint32_t i = 0; i < n; i++)
		list_init(&udp->conns[i]);
	size = pool_mem_size(sizeof(struct udp_sock), cfg->socks_max);
	udp->pool_mem = aligned_alloc(64, RTE_ALIGN_CEIL(size, 64));
	if (!udp->pool_mem) {
		udp_destroy(udp);
		return NULL;
	}
	pool_init(&udp->pool, udp->pool_mem, sizeof(struct udp_sock), cfg->socks_max);
	return udp;
}

void udp_destroy(struct udp *udp)
{
	if (!udp)
		return;
	free(udp->pool_mem);
	free(udp);
}

uint32_t udp_flow_hash(const struct udp *udp, const struct ip_addr *local, uint16_t local_port,
		       const struct ip_addr *peer, uint16_t peer_port)
{
	const uint64_t key[5] = { local->q[0], local->q[1], peer->q[0], peer->q[1],
				  (uint32_t)local_port << 16 | peer_port };

	return siphash13(&udp->env->secret, key, sizeof(key));
}

struct udp_sock *udp_conn_find(const struct udp *udp, uint32_t hash,
			       const struct ip_endpoint *local, const struct ip_endpoint *peer)
{
	const struct list *bucket = &udp->conns[hash & udp->conns_mask];

	list_for_each(l, bucket) {
		struct udp_sock *u = container_of(l, struct udp_sock, conn_link);

		if (u->s.peer.port == peer->port && u->s.local.port == local->port &&
		    ip_addr_eq(&u->s.peer.addr, &peer->addr) &&
		    ip_addr_eq(&u->s.local.addr, &local->addr))
			return u;
	}
	return NULL;
}

void udp_conn_unlink(struct udp_sock *u)
{
	if (!list_empty(&u->conn_link))
		u->udp->n_conns--;
	list_del(&u->conn_link);
}

void udp_conn_link(struct udp_sock *u)
{
	struct udp *udp = u->udp;
	uint32_t hash = udp_flow_hash(udp, &u->s.local.addr, u->s.local.port, &u->s.peer.addr,
				      u->s.peer.port);

	list_add_head(&udp->conns[hash & udp->conns_mask], &u->conn_link);
	udp->n_conns++;
}

static struct sock *udp_sock_create(void *ctx)
{
	struct udp *udp = ctx;
	struct udp_sock *u = pool_get(&udp->pool);

	if (!u)
		return NULL;
	memset(u, 0, sizeof(*u));
	sock_init_(&u->s, &udp_transport, SOCK_DGRAM_T);
	u->udp = udp;
	list_init(&u->conn_link);
	list_init(&u->bind.link);
	u->flow.proto = IP_PROTO_UDP;
	u->flow.ttl = UDP_TTL;
	return &u->s;
}

static int udp_bind(struct sock *s, const struct ip_endpoint *local)
{
	struct udp_sock *u = udp_sock(s);

	if (!ip_addr_is_any(&local->addr) && ip_addr_owner(u->udp->ip, &local->addr) != s->owner)
		return -EADDRNOTAVAIL;
	return port_bind_sock(u->udp->ports, &u->bind, s, local);
}

int udp_autobind(struct sock *s)
{
	const struct ip_endpoint any = { .addr = ip_addr_v4(0) };

	return s->state == SOCK_NEW ? sock_bind(s, &any) : 0;
}

static int udp_disconnect(struct sock *s)
{
	struct udp_sock *u = udp_sock(s);

	udp_conn_unlink(u);
	u->bind.hidden = false;
	s->peer = (struct ip_endpoint){ 0 };
	s->local.addr = u->bind.addr;
	u->flow.dst = (struct ip_addr){ 0 };
	return 0;
}

/* Also when it has a peer already: the new one takes its place, as in Linux. */
static int udp_connect(struct sock *s, const struct ip_endpoint *peer)
{
	struct udp_sock *u = udp_sock(s);
	struct ip_flow flow = u->flow;
	int rc = udp_autobind(s);

	if (rc)
		return rc;
	flow.src = u->bind.addr;
	flow.dst = peer->addr;
	rc = ip_flow_route(u->udp->ip, &flow, s->owner);
	if (!rc && !udp_allowed(u, &flow))
		rc = -EACCES;
	if (rc)
		return rc;
	udp_conn_unlink(u);
	u->flow = flow;
	s->peer = *peer;
	s->local.addr = flow.src;
	u->bind.hidden = true;
	udp_conn_link(u);
	return 0;
}

static int udp_setopt(struct sock *s, uint16_t opt, uint32_t value)
{
	struct udp_sock *u = udp_sock(s);

	switch (opt) {
	case OUTSOCK_OPT_REUSEADDR:
		u->bind.reuse_addr = value;
		return 0;
	case OUTSOCK_OPT_REUSEPORT:
		u->bind.reuse_port = value;
		return 0;
	case OUTSOCK_OPT_BROADCAST:
		u->broadcast = value;
		return 0;
	case OUTSOCK_OPT_TOS:
		u->flow.tos = value;
		return 0;
	case OUTSOCK_OPT_TTL:
		u->flow.ttl = value;
		return 0;
	case OUTSOCK_OPT_DF:
		u->flow.df = value;
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

static int udp_getopt(struct sock *s, uint16_t opt, uint32_t *ret_value)
{
	const struct udp_sock *u = udp_sock(s);

	switch (opt) {
	case OUTSOCK_OPT_REUSEADDR:
		*ret_value = u->bind.reuse_addr;
		return 0;
	case OUTSOCK_OPT_REUSEPORT:
		*ret_value = u->bind.reuse_port;
		return 0;
	case OUTSOCK_OPT_BROADCAST:
		*ret_value = u->broadcast;
		return 0;
	case OUTSOCK_OPT_TOS:
		*ret_value = u->flow.tos;
		return 0;
	case OUTSOCK_OPT_TTL:
		*ret_value = u->flow.ttl;
		return 0;
	case OUTSOCK_OPT_DF:
		*ret_value = u->flow.df;
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

uint32_t udp_rx_queued(const struct sock *s)
{
	const struct udp_sock *u = (const void *)s; /* its first member */

	return (uint32_t)(u->rx_queued - s->rx_off - (uint64_t)s->rxq.n * sock_dgram_cost(0));
}

static void udp_close(struct sock *s, uint32_t flags)
{
	struct udp_sock *u = udp_sock(s);

	udp_conn_unlink(u);
	port_unbind(u->udp->ports, &u->bind);
}

static void udp_free(struct sock *s)
{
	struct udp_sock *u = udp_sock(s);

	udp_close(s, 0);
	sock_leave(s);
	pool_put(&u->udp->pool, u);
}

/* Credit opens by sock.rx_credit alone; nothing is to be told to anybody. */
static void udp_rx_taken(struct sock *s, uint32_t n)
{
}

const struct sock_transport udp_transport = {
	.name = "udp",
	.create = udp_sock_create,
	.bind = udp_bind,
	.connect = udp_connect,
	.disconnect = udp_disconnect,
	.setopt = udp_setopt,
	.getopt = udp_getopt,
	.close = udp_close,
	.free = udp_free,
	.rx_taken = udp_rx_taken,
	.tx_dgram = udp_tx_dgram,
	.leave = udp_leave,
	.stay = udp_stay,
	.arrive_begin = udp_arrive_begin,
	.arrive = udp_arrive,
};

const struct ip_proto udp_ip_proto = { .rx = udp_rx, .err = udp_err };
