/* SPDX-License-Identifier: BSD-3-Clause */
/* Private state of the network layer; lib/ip only. */
#ifndef OUTSOCK_IP_IP_PRIV_H
#define OUTSOCK_IP_IP_PRIV_H

#include "ip/addr_table.h"
#include "ip/frag.h"
#include "ip/ip.h"
#include "ip/route.h"
#include "wire/icmp.h"

#define IP_TTL	     64
#define IP_LOOP_MAX  1024 /* packets in the loop queue */
#define IP_ID_COUNTS 256  /* counters of identification, shared by hash */
#define IP_MTU_LOCAL 1500 /* of an address without link */
#define ICMP_BURST   50	  /* own errors in a row before the rate counts */

/* ip_flow.next_hop of flows without link. */
#define IP_HOP_LOOP 0
#define IP_HOP_WIRE 1

struct ip_upper {
	const struct ip_proto *ops;
	void *ctx;
};

/**
 * struct ip
 * @gen: of routes and addresses; flows with another one are stale
 * @wire, @wire_ctx: may be NULL
 * @ids: next identification, by hash of addresses and protocol (RFC 6864; RFC 7739, 5.3)
 * @icmp_full_at: when the bucket of ICMP errors is full again (ns); earlier by @icmp_cost each
 */
struct ip {
	struct env *env;
	struct addr_table addrs;
	uint32_t gen;
	const struct ip_wire *wire;
	void *wire_ctx;
	struct pkt_queue loop;
	struct pkt_queue held;
	bool releasing; /* ip_held_rx() */
	struct frag *frag;
	struct route_table routes;
	uint64_t icmp_full_at, icmp_cost;
	uint16_t ids[IP_ID_COUNTS];
	struct ip_upper uppers[256];
};

static inline struct ip_local *ip_local4(const struct ip *ip, uint32_t be)
{
	const struct ip_addr a = ip_addr_v4(be);

	return addr_table_find(&ip->addrs, &a);
}

extern const struct ip_proto ip_icmp_proto; /* ctx: struct ip */

/*
 * An ICMP error about a received packet whose checked IP header is @h, of which @avail bytes lie
 * there contiguous.
 */
void icmp_error(struct ip *ip, const struct ip4_hdr *h, uint32_t avail, uint8_t type, uint8_t code);

/* link_up.unreach: nobody answers for packet @m of ours, data pointer at its IP header. */
void ip_neigh_unreach(void *ctx, struct link *link, struct rte_mbuf *m);

#endif
