/* SPDX-License-Identifier: BSD-3-Clause */
#include "ip/ip_priv.h"

#include <errno.h>
#include <stdlib.h>

struct ip *ip_create(const struct ip_cfg *cfg)
{
	struct ip *ip = calloc(1, sizeof(*ip));

	if (!ip)
		return NULL;
	ip->env = cfg->env;
	ip->gen = 1;
	ip->icmp_cost = cfg->icmp_rate ? NSEC_PER_SEC / cfg->icmp_rate : 0;
	for (unsigned int i = 0; i < IP_ID_COUNTS; i++)
		ip->ids[i] = (uint16_t)rng_next(&cfg->env->rng);
	ip->frag = frag_create(cfg->env, cfg->frags_max);
	if (!ip->frag || addr_table_init(&ip->addrs, cfg->addrs_max) ||
	    route_table_init(&ip->routes, cfg->routes_max)) {
		ip_destroy(ip);
		return NULL;
	}
	ip_proto_set(ip, IP_PROTO_ICMP, &ip_icmp_proto, ip);
	return ip;
}

void ip_destroy(struct ip *ip)
{
	if (!ip)
		return;
	pkt_queue_free(&ip->loop);
	pkt_queue_free(&ip->held);
	frag_destroy(ip->frag);
	addr_table_fini(&ip->addrs);
	route_table_fini(&ip->routes);
	free(ip);
}

void ip_proto_set(struct ip *ip, uint8_t proto, const struct ip_proto *ops, void *ctx)
{
	ip->uppers[proto] = (struct ip_upper){ ops, ctx };
}

void ip_flows_stale(struct ip *ip)
{
	/* 0 is that of a flow that was never routed. */
	if (++ip->gen == 0)
		ip->gen = 1;
}

void ip_wire_set(struct ip *ip, const struct ip_wire *wire, void *ctx)
{
	ip->wire = wire;
	ip->wire_ctx = ctx;
	ip_flows_stale(ip);
}

/* An address that a guest may have. */
static bool unicast(const struct ip_addr *a)
{
	return ip_addr_is_v4(a) ? !ip4_is_bad_source(a->w[3]) : !ip_addr_is_any(a);
}

int ip_addr_add(struct ip *ip, const struct ip_addr *a, unsigned int prefix_len,
		struct sock_owner *owner, struct link *link)
{
	struct ip_local *l;
	int rc = 0;

	if (!unicast(a) || prefix_len > (ip_addr_is_v4(a) ? 32 : 128))
		return -EINVAL;
	if (addr_table_find(&ip->addrs, a))
		return -EEXIST;
	if (link)
		rc = route_connect(&ip->routes, a, prefix_len, link);
	if (rc)
		return rc;
	l = addr_table_add(&ip->addrs, a, owner);
	if (!l) {
		if (link)
			route_disconnect(&ip->routes, a, prefix_len, link);
		return -ENOSPC;
	}
	l->link = link;
	l->prefix_len = (uint8_t)prefix_len;
	ip_flows_stale(ip);
	return 0;
}

void ip_addr_del(struct ip *ip, const struct ip_addr *a)
{
	struct ip_local *l = addr_table_find(&ip->addrs, a);

	if (!l)
		return;
	if (l->link)
		route_disconnect(&ip->routes, a, l->prefix_len, l->link);
	addr_table_del(&ip->addrs, l);
	ip_flows_stale(ip);
}

struct sock_owner *ip_addr_owner(const struct ip *ip, const struct ip_addr *a)
{
	const struct ip_local *l = addr_table_find(&ip->addrs, a);

	return l ? l->owner : NULL;
}

void ip_addr_silent(struct ip *ip, const struct ip_addr *a, bool silent)
{
	struct ip_local *l = addr_table_find(&ip->addrs, a);

	if (l)
		l->silent = silent;
}

void ip_addr_rx_set(struct ip *ip, const struct ip_addr *a, enum ip_addr_rx rx)
{
	struct ip_local *l = addr_table_find(&ip->addrs, a);

	if (l)
		l->rx = rx;
}

bool ip_addr_is_silent(const struct ip *ip, const struct ip_addr *a)
{
	const struct ip_local *l = addr_table_find(&ip->addrs, a);

	return l && l->silent;
}

int ip_route_add(struct ip *ip, const struct ip_addr *dst, unsigned int prefix_len,
		 const struct ip_addr *via, struct link *link)
{
	ip_flows_stale(ip);
	return route_add(&ip->routes, dst, prefix_len, via, link);
}

int ip_route_del(struct ip *ip, const struct ip_addr *dst, unsigned int prefix_len,
		 struct link *link)
{
	ip_flows_stale(ip);
	return route_del(&ip->routes, dst, prefix_len, link);
}

/* The beginning of a datagram came, the rest did not (RFC 1122, 3.3.2). */
static void frag_exceeded(void *ctx, struct rte_mbuf *m)
{
	icmp_error(ctx, rte_pktmbuf_mtod(m, const struct ip4_hdr *), m->data_len,
		   ICMP_TIME_EXCEEDED, ICMP_EXCEEDED_FRAG);
}

void ip_timers(struct ip *ip, unsigned int budget)
{
	if (budget)
		frag_timers(ip->frag, frag_exceeded, ip);
}

uint64_t ip_next(const struct ip *ip)
{
	return frag_next(ip->frag);
}
