/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The network layer of one stack instance: which addresses live here, validation, routes,
 * reassembly, ICMP. IPv4 now; the API carries addresses of both families.
 *
 * Transports register by protocol number and send through ip_tx(). Sources: RFC 791, 792, 1122.
 */
#ifndef OUTSOCK_IP_IP_H
#define OUTSOCK_IP_IP_H

#include "link/link.h"

struct ip;

struct ip_cfg {
	struct env *env;
	uint32_t addrs_max; /* local addresses */
	uint32_t routes_max;
	uint32_t frags_max; /* datagrams in reassembly */
	uint32_t icmp_rate; /* own ICMP errors a second, all told */
};

struct ip *ip_create(const struct ip_cfg *cfg); /* start-up only; NULL: out of memory */
void ip_destroy(struct ip *ip);			/* takes NULL */

/* What ip offers to links: link_set_up(link, &ip_link_up, ip). */
extern const struct link_up ip_link_up;

/* ---- local addresses: each belongs to exactly one owner (guest) ---- */

/*
 * @link is the port it is reached through: packets from the address leave by no other. NULL: local
 * only. Its prefix becomes a route on that link. -EEXIST: it has an owner; -ENOSPC; -EINVAL.
 * Whoever wants the neighbours to hear of it calls link_announce().
 */
int ip_addr_add(struct ip *ip, const struct ip_addr *a, unsigned int prefix_len,
		struct sock_owner *owner, struct link *link);
void ip_addr_del(struct ip *ip, const struct ip_addr *a);
/* Whose it is; NULL: nobody's here. */
struct sock_owner *ip_addr_owner(const struct ip *ip, const struct ip_addr *a);
/* Silence for the grace time: no RST, no unreachable from this address (ip_err and tcp ask). */
void ip_addr_silent(struct ip *ip, const struct ip_addr *a, bool silent);
bool ip_addr_is_silent(const struct ip *ip, const struct ip_addr *a);

/*
 * An owner that moves to another stack leaves nothing behind: what the old one receives for it goes
 * over the wire, and the new one holds it until all is there. What it sends is sent all the while.
 */
enum ip_addr_rx {
	IP_RX_HERE,
	IP_RX_WIRE, /* to whom ip_wire says */
	IP_RX_HELD, /* at most IP_HELD_MAX packets of all addresses */
};
#define IP_HELD_MAX 512
void ip_addr_rx_set(struct ip *ip, const struct ip_addr *a, enum ip_addr_rx rx);
/*
 * Receives at most @budget of the packets that are held, whose addresses may still be IP_RX_HELD.
 * True: more wait.
 */
bool ip_held_rx(struct ip *ip, unsigned int budget);

/* ---- routes ---- */

/*
 * @via unspecified: on link. -EINVAL, -ENOSPC. The longest prefix wins, among the routes of the
 * link of the source address. The same @dst and @prefix_len on the same link again: @via is
 * replaced.
 */
int ip_route_add(struct ip *ip, const struct ip_addr *dst, unsigned int prefix_len,
		 const struct ip_addr *via, struct link *link);
/* -ENOENT. */
int ip_route_del(struct ip *ip, const struct ip_addr *dst, unsigned int prefix_len,
		 struct link *link);

/* ---- up: what transports give ---- */

/* ICMP error about a packet of ours: the embedded header's addresses, ours first. */
struct ip_err {
	struct ip_addr local, peer;
	struct sock_owner *owner;
	uint16_t local_port, peer_port; /* network order */
	uint32_t seq;			/* TCP: sequence number in the quoted header, host order */
	int err;			/* Linux error number as RFC 1122, 4.2.3.9 has it */
	uint16_t mtu;			/* EMSGSIZE: next-hop MTU (RFC 1191), else 0 */
	bool hard;			/* not a "soft" error */
};

/*
 * rx: packets with the data pointer at the transport header, meta->owner, src, dst, proto set and
 * meta->payload the bytes from there on. Consumes them. @n up to IP_BURST. A packet is one segment
 * unless it was reassembled or the port made a chain; its header may then be cut anywhere.
 */
#define IP_BURST LINK_BURST
struct ip_proto {
	void (*rx)(void *ctx, struct rte_mbuf **pkts, unsigned int n);
	void (*err)(void *ctx, const struct ip_err *err);
};

void ip_proto_set(struct ip *ip, uint8_t proto, const struct ip_proto *ops, void *ctx);

/*
 * True when the TCP or UDP checksum is right (offload or computed; UDP without one is right). Data
 * pointer at the L4 header.
 */
bool ip_l4_cksum_ok(struct rte_mbuf *m);

/*
 * "port unreachable" and the like (ICMP_UNREACH_*) about received @m: data pointer at its L4
 * header, as it came up. Keeps @m. Limited in rate; silent where RFC 1122, 3.2.2 and the grace time
 * want it.
 */
void ip_icmp_unreach(struct ip *ip, struct rte_mbuf *m, uint8_t code);

/* ---- down ---- */

/**
 * struct ip_flow - how packets of one connection travel; the caller keeps it
 * @gen, @link, @next_hop, @neigh, @mtu: cached route, filled in by ip_flow_route()
 * @df: set DF (TCP: path MTU discovery)
 * @broadcast: @dst is the limited broadcast address, or that of a network of @owner's (filled in;
 *	whether that is allowed is the caller's question)
 */
struct ip_flow {
	struct ip_addr src, dst;
	uint8_t proto, ttl, tos;
	bool df;
	uint16_t mtu;
	bool broadcast;
	uint32_t gen;
	uint32_t next_hop;
	struct link *link;
	struct neigh *neigh;
};

/*
 * Finds the route (again). Fills in @flow->src when it is unspecified, from @owner's addresses.
 * -ENETUNREACH: no route; -EADDRNOTAVAIL: @owner has no address of that kind.
 */
int ip_flow_route(struct ip *ip, struct ip_flow *flow, struct sock_owner *owner);

/*
 * Sends @m: data pointer at the transport header, whose checksum field is 0 and filled in here
 * (UDP and TCP; offload where the link has it). Packets for an address on this stack come back
 * through the loop queue, those for another lcore's go to ip_wire. Larger than the MTU: fragmented,
 * or with DF dropped (-EMSGSIZE). Consumes @m. 0, or why it was dropped.
 *
 * @m may be shared (refcnt 2: the transport keeps it for retransmission): headers are written in
 * front of it, payload is never touched. It has come back when its refcnt is 1 again, and its
 * data pointer is then somewhere in the headroom.
 */
int ip_tx(struct ip *ip, struct rte_mbuf *m, struct ip_flow *flow);

/*
 * Guests on other lcores: takes a packet (data pointer at the IP header) for @dst if that is one.
 */
struct ip_wire {
	bool (*owns)(void *ctx, const struct ip_addr *dst);
	void (*tx)(void *ctx, const struct ip_addr *dst, struct rte_mbuf *m);
};

/* Every cached flow is looked up anew. Call it when what ip_wire.owns would answer has changed. */
void ip_flows_stale(struct ip *ip);

void ip_wire_set(struct ip *ip, const struct ip_wire *wire, void *ctx);
/*
 * A burst of any length from other lcores' wires, data pointer at the IP header; checksums are not
 * looked at.
 */
void ip_wire_rx(struct ip *ip, struct rte_mbuf **pkts, unsigned int n);

/* Delivers at most @budget packets of the loop queue. True when more wait. */
bool ip_loop(struct ip *ip, unsigned int budget);

/* Reassembly time-outs and the like: at each turn. */
void ip_timers(struct ip *ip, unsigned int budget);
uint64_t ip_next(const struct ip *ip);

#endif
