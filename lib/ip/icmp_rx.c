/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ICMP messages received (RFC 792; RFC 1122, 3.2.2), and errors that reach sockets by other ways.
 */
#include "ip/ip_priv.h"

#include "wire/byteorder.h"
#include "wire/cksum.h"
#include "wire/parse.h"

#include <errno.h>

/* Of the datagram that an error is about, this much must be quoted (RFC 792). */
#define QUOTE_L4 8u
/* No path has a smaller MTU (RFC 791, 3.2). */
#define MTU_MIN 68u

struct meaning {
	int err;
	bool hard;
};

/* By code of ICMP_UNREACH: what Linux reports for it (RFC 1122, 4.2.3.9; RFC 1812, 5.2.7.1). */
static const struct meaning unreach[] = {
	{ ENETUNREACH, false },	 /* network */
	{ EHOSTUNREACH, false }, /* host */
	{ ENOPROTOOPT, true },	 /* protocol */
	{ ECONNREFUSED, true },	 /* port */
	{ EMSGSIZE, false },	 /* fragmentation needed */
	{ EOPNOTSUPP, false },	 /* source route failed */
	{ ENETUNREACH, true },	 /* network unknown */
	{ EHOSTDOWN, true },	 /* host unknown */
	{ ENONET, true },	 /* source host isolated */
	{ ENETUNREACH, true },	 /* network prohibited */
	{ EHOSTUNREACH, true },	 /* host prohibited */
	{ ENETUNREACH, false },	 /* network, for type of service */
	{ EHOSTUNREACH, false }, /* host, for type of service */
	{ EHOSTUNREACH, true },	 /* filtered */
	{ EHOSTUNREACH, true },	 /* precedence violation */
	{ EHOSTUNREACH, true },	 /* precedence cutoff */
};

/* MTUs in use, for routers that do not tell theirs (RFC 1191, 7.1). */
static const uint16_t plateaus[] = { 32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68 };

static bool meaning_of(const struct icmp_hdr *icmp, struct meaning *ret)
{
	if (icmp->type == ICMP_UNREACH && icmp->code < RTE_DIM(unreach))
		*ret = unreach[icmp->code];
	else if (icmp->type == ICMP_TIME_EXCEEDED)
		*ret = (struct meaning){ EHOSTUNREACH, false };
	else if (icmp->type == ICMP_PARAM)
		*ret = (struct meaning){ EPROTO, true };
	else
		return false;
	return true;
}

/* The next-hop MTU that "fragmentation needed" tells of a packet of @len bytes. */
static uint16_t next_mtu(const struct icmp_hdr *icmp, uint16_t len)
{
	uint16_t mtu = be16(icmp->frag.mtu);

	for (unsigned int i = 0; !mtu && i < RTE_DIM(plateaus); i++)
		if (plateaus[i] < len)
			mtu = plateaus[i];
	return RTE_MAX(mtu, MTU_MIN);
}

/* Tells the transport about packet @h of ours, at least @avail bytes of which lie there. */
static bool report(struct ip *ip, const struct ip4_hdr *h, uint32_t avail, struct ip_err *e)
{
	unsigned int hlen = ip4_hdr_len(h);
	const struct ip_upper *up = &ip->uppers[h->proto];
	const struct ip_local *l = ip_local4(ip, h->src);
	const struct tcp_hdr *l4 = (const void *)((const char *)h + hlen);

	/* An error about a later piece names no socket. */
	if (!l || hlen < IP4_MIN_LEN || avail < hlen + QUOTE_L4 || (h->frag & be16(IP4_OFFSET)) ||
	    !up->ops || !up->ops->err)
		return false;
	e->local = l->addr;
	e->owner = l->owner;
	e->peer = ip_addr_v4(h->dst);
	e->local_port = l4->sport;
	e->peer_port = l4->dport;
	e->seq = be32(l4->seq);
	up->ops->err(up->ctx, e);
	return true;
}

/* An error message, with the beginning of the datagram that it is about behind its header. */
static bool rx_error(struct ip *ip, struct rte_mbuf *m, const struct icmp_hdr *icmp)
{
	const struct ip4_hdr *h = (const struct ip4_hdr *)(icmp + 1);
	uint32_t avail = m->data_len - sizeof(*icmp);
	struct ip_err e = { 0 };
	struct meaning what;

	if (!meaning_of(icmp, &what) || avail < IP4_MIN_LEN || h->ver_ihl >> 4 != 4 ||
	    h->src != pkt_meta(m)->dst.w[3])
		return false;
	e.err = what.err;
	e.hard = what.hard;
	if (e.err == EMSGSIZE)
		e.mtu = next_mtu(icmp, be16(h->len));
	return report(ip, h, avail, &e);
}

/* The answer goes out in the packet of the question. */
static void rx_echo(struct ip *ip, struct rte_mbuf *m, struct icmp_hdr *icmp)
{
	const struct pkt_meta *meta = pkt_meta(m);
	struct ip_flow flow = {
		.src = meta->dst,
		.dst = meta->src,
		.proto = IP_PROTO_ICMP,
		.tos = meta->tos,
	};

	icmp->type = ICMP_ECHO_REPLY;
	icmp->cksum = cksum_update16(icmp->cksum, ICMP_ECHO, ICMP_ECHO_REPLY);
	ip_tx(ip, m, &flow);
}

static void rx_message(struct ip *ip, struct rte_mbuf *m)
{
	struct icmp_hdr *icmp = rte_pktmbuf_mtod(m, struct icmp_hdr *);

	if (m->data_len < sizeof(*icmp) ||
	    cksum_fold(pkt_cksum(0, m, 0, pkt_meta(m)->payload)) != 0xffff)
		pkt_drop(ip->env, m, DROP_ICMP_BAD);
	else if (icmp->type == ICMP_ECHO && icmp->code == 0)
		rx_echo(ip, m, icmp);
	else if (rx_error(ip, m, icmp))
		rte_pktmbuf_free(m);
	else
		pkt_drop(ip->env, m, DROP_ICMP_UNUSED);
}

static void icmp_rx(void *ctx, struct rte_mbuf **pkts, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		rx_message(ctx, pkts[i]);
}

const struct ip_proto ip_icmp_proto = { .rx = icmp_rx };

void ip_neigh_unreach(void *ctx, struct link *link, struct rte_mbuf *m)
{
	/* Our own knowledge, which nobody can forge. */
	struct ip_err e = { .err = EHOSTUNREACH, .hard = true };

	if (m->data_len >= IP4_MIN_LEN)
		report(ctx, rte_pktmbuf_mtod(m, const struct ip4_hdr *), m->data_len, &e);
}
