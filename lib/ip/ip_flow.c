/* SPDX-License-Identifier: BSD-3-Clause */
/* Where packets of a flow go: decided once, kept in the flow until something changes. */
#include "ip/ip_priv.h"

#include "wire/byteorder.h"

#include <errno.h>

/* A destination that a unicast stack can send to, or everybody on the link. */
static bool reachable(const struct ip_addr *a)
{
	return ip_addr_is_v4(a) && (!ip4_is_bad_source(a->w[3]) || a->w[3] == UINT32_MAX);
}

/* All ones behind the prefix (RFC 919); of one or two addresses none is to all (RFC 3021). */
static bool is_broadcast(const struct ip *ip, const struct sock_owner *owner, uint32_t be)
{
	if (be == UINT32_MAX)
		return true;
	for (const struct ip_local *l = addr_table_first(&ip->addrs, owner); l;
	     l = addr_table_next(l)) {
		uint32_t host = l->prefix_len < 31 ? UINT32_MAX >> l->prefix_len : 0;

		if (ip_addr_is_v4(&l->addr) && host && be == (l->addr.w[3] | be32(host)))
			return true;
	}
	return false;
}

static bool on_wire(const struct ip *ip, const struct ip_addr *dst)
{
	return ip->wire && ip->wire->owns(ip->wire_ctx, dst);
}

/* Needs no link: another socket of this stack, or of one on another lcore. */
static bool in_house(const struct ip *ip, const struct ip_addr *dst, uint32_t *ret_hop)
{
	if (addr_table_find(&ip->addrs, dst))
		*ret_hop = IP_HOP_LOOP;
	else if (on_wire(ip, dst))
		*ret_hop = IP_HOP_WIRE;
	else
		return false;
	return true;
}

/*
 * @owner's address that has the longest match for @dst, or its first one for a neighbour in house.
 */
static const struct ip_local *choose(const struct ip *ip, const struct sock_owner *owner,
				     const struct ip_addr *dst, int *ret_err)
{
	const struct ip_local *best = NULL;
	uint16_t bits = 0;
	uint32_t hop;
	bool local = in_house(ip, dst, &hop);

	*ret_err = -EADDRNOTAVAIL;
	for (const struct ip_local *l = addr_table_first(&ip->addrs, owner); l;
	     l = addr_table_next(l)) {
		const struct route *r;

		if (!ip_addr_is_v4(&l->addr))
			continue;
		if (local || (dst->w[3] == UINT32_MAX && l->link))
			return l;
		*ret_err = -ENETUNREACH;
		r = route_find(&ip->routes, dst, l->link);
		if (r && (!best || r->bits > bits)) {
			best = l;
			bits = r->bits;
		}
	}
	return best;
}

static int route_from(struct ip *ip, struct ip_flow *flow, const struct ip_local *from)
{
	const struct route *r;

	flow->neigh = NULL;
	flow->link = NULL;
	flow->mtu = from->link ? link_mtu(from->link) : IP_MTU_LOCAL;
	if (flow->broadcast) {
		if (!from->link)
			return -ENETUNREACH;
		flow->link = from->link;
		flow->neigh = link_broadcast(from->link, &flow->next_hop);
	} else if (!in_house(ip, &flow->dst, &flow->next_hop)) {
		r = route_find(&ip->routes, &flow->dst, from->link);
		if (!r)
			return -ENETUNREACH;
		flow->link = r->link;
		flow->next_hop = ip_addr_is_any(&r->via) ? flow->dst.w[3] : r->via.w[3];
	}
	flow->gen = ip->gen;
	return 0;
}

int ip_flow_route(struct ip *ip, struct ip_flow *flow, struct sock_owner *owner)
{
	const struct ip_local *from;
	int err = -EADDRNOTAVAIL;

	flow->gen = 0;
	if (!reachable(&flow->dst))
		return -ENETUNREACH;
	flow->broadcast = is_broadcast(ip, owner, flow->dst.w[3]);
	if (ip_addr_is_any(&flow->src)) {
		from = choose(ip, owner, &flow->dst, &err);
	} else {
		from = addr_table_find(&ip->addrs, &flow->src);
		if (from && from->owner != owner)
			from = NULL;
	}
	if (!from)
		return err;
	err = route_from(ip, flow, from);
	if (!err)
		flow->src = from->addr;
	return err;
}
