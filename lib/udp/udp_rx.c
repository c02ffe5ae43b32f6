/* SPDX-License-Identifier: BSD-3-Clause */
/* Received datagrams to their sockets (RFC 768; RFC 1122, 4.1). */
#include "udp/udp_priv.h"

#include "wire/icmp.h"
#include "wire/parse.h"

#include <rte_prefetch.h>

static struct udp_sock *lookup(const struct udp *udp, const struct sock_owner *owner,
			       const struct ip_endpoint *local, const struct ip_endpoint *peer)
{
	uint32_t spread = (peer->addr.w[3] + peer->port) * 2654435761u; /* SO_REUSEPORT */
	struct port_bind *b;
	struct udp_sock *u;

	if (udp->n_conns) {
		uint32_t hash =
			udp_flow_hash(udp, &local->addr, local->port, &peer->addr, peer->port);

		u = udp_conn_find(udp, hash, local, peer);
		if (u)
			return u;
	}
	b = port_lookup_flow(udp->ports, owner, &local->addr, local->port, spread);
	return b ? container_of(b, struct udp_sock, bind) : NULL;
}

/*
 * Checks header and checksum, and cuts link padding off. 0, or the drop reason + 1. The header
 * stays in front: an ICMP error quotes it.
 */
static int check(struct rte_mbuf *m, struct pkt_meta *meta)
{
	const struct udp_hdr *h = rte_pktmbuf_mtod(m, const struct udp_hdr *);
	uint32_t len = udp_check(h, rte_pktmbuf_data_len(m), meta->payload);

	if (!len || !h->dport)
		return DROP_L4_BAD + 1;
	if (len < meta->payload) {
		if (rte_pktmbuf_trim(m, meta->payload - len))
			return DROP_L4_BAD + 1;
		meta->payload = len;
	}
	if (h->cksum && !ip_l4_cksum_ok(m))
		return DROP_L4_CKSUM + 1;
	meta->sport = h->sport;
	meta->dport = h->dport;
	return 0;
}

static void deliver(struct udp *udp, struct udp_sock *u, struct rte_mbuf *m)
{
	struct pkt_meta *meta = pkt_meta(m);
	uint64_t cost;

	rte_pktmbuf_adj(m, sizeof(struct udp_hdr));
	meta->payload -= sizeof(struct udp_hdr);
	cost = sock_dgram_cost(meta->payload);
	if (u->rx_queued + cost > u->s.rx_credit) {
		pkt_drop(udp->env, m, DROP_UDP_NO_CREDIT);
		return;
	}
	if (!sock_pkts_room(&u->s, m->nb_segs)) {
		pkt_drop(udp->env, m, DROP_SOCK_QUOTA);
		return;
	}
	u->rx_queued += cost;
	sock_rx_push(&u->s, m);
}

static void rx_one(struct udp *udp, struct rte_mbuf *m)
{
	struct pkt_meta *meta = pkt_meta(m);
	int drop = check(m, meta);
	struct udp_sock *u;

	if (drop) {
		pkt_drop(udp->env, m, drop - 1);
		return;
	}
	u = lookup(udp, meta->owner, &(struct ip_endpoint){ meta->dst, meta->dport },
		   &(struct ip_endpoint){ meta->src, meta->sport });
	if (!u) {
		ip_icmp_unreach(udp->ip, m, ICMP_UNREACH_PORT); /* RFC 1122, 4.1.3.1 */
		pkt_drop(udp->env, m, DROP_UDP_NO_SOCK);
		return;
	}
	deliver(udp, u, m);
}

void udp_rx(void *ctx, struct rte_mbuf **pkts, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		if (i + 1 < n)
			rte_prefetch0(rte_pktmbuf_mtod(pkts[i + 1], void *));
		rx_one(ctx, pkts[i]);
	}
}

/* RFC 1122, 4.1.3.3: errors go to the socket with that peer; soft ones are not worth an error. */
void udp_err(void *ctx, const struct ip_err *err)
{
	struct udp *udp = ctx;
	const struct ip_endpoint local = { err->local, err->local_port };
	const struct ip_endpoint peer = { err->peer, err->peer_port };
	uint32_t hash = udp_flow_hash(udp, &local.addr, local.port, &peer.addr, peer.port);
	struct udp_sock *u = udp_conn_find(udp, hash, &local, &peer);

	if (!u || !err->hard)
		return;
	u->s.err = err->err;
	sock_ready(&u->s, SOCK_EV_ERROR);
}
