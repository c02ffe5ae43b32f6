/* SPDX-License-Identifier: BSD-3-Clause */
/* Datagrams out (RFC 768). */
#include "udp/udp_priv.h"

/* Makes u->flow the way to @dst: usually it is already, ip_tx() itself sees when routes changed. */
static int route(struct udp_sock *u, const struct ip_addr *dst)
{
	struct ip_flow flow = u->flow;
	int rc;

	if (ip_addr_eq(&u->flow.dst, dst))
		return udp_allowed(u, &u->flow) ? 0 : -EACCES;
	flow.src = u->bind.addr;
	flow.dst = *dst;
	rc = ip_flow_route(u->udp->ip, &flow, u->s.owner);
	if (!rc && !udp_allowed(u, &flow))
		rc = -EACCES;
	if (rc)
		return rc;
	u->flow = flow;
	return 0;
}

static int prepare(struct udp_sock *u, struct rte_mbuf *m, const struct ip_endpoint *dst)
{
	int rc = udp_autobind(&u->s);

	if (rc)
		return rc;
	if (!dst->port)
		return -EINVAL;
	if (rte_pktmbuf_pkt_len(m) > UDP_PAYLOAD_MAX)
		return -EMSGSIZE;
	return route(u, &dst->addr);
}

int udp_tx_dgram(struct sock *s, struct rte_mbuf *m, const struct ip_endpoint *dst)
{
	struct udp_sock *u = udp_sock(s);
	struct udp_hdr *h;
	int rc;

	if (!dst)
		dst = &s->peer;
	rc = prepare(u, m, dst);
	if (rc) {
		rte_pktmbuf_free(m); /* the caller is told: no drop */
		return rc;
	}
	h = (struct udp_hdr *)rte_pktmbuf_prepend(m, sizeof(*h));
	*h = (struct udp_hdr){
		.sport = s->local.port,
		.dport = dst->port,
		.len = be16(rte_pktmbuf_pkt_len(m)),
	};
	return ip_tx(u->udp->ip, m, &u->flow);
}
