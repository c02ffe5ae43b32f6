/* SPDX-License-Identifier: BSD-3-Clause */
/* Headers: in front of the payload of a segment, then down to ip. */
#include "tcp/tcp_conn.h"

#include <string.h>

#define TTL_DEFAULT 64

uint32_t tcp_ts_now(const struct tcp_conn *c)
{
	return c->tcp->now_ms + c->ts_offset;
}

/* @opts is the length of the options that are there already, behind the header. */
static void hdr_put(struct tcp_hdr *h, const struct ip_endpoint *local,
		    const struct ip_endpoint *peer, unsigned int opts, uint8_t flags)
{
	h->sport = local->port;
	h->dport = peer->port;
	h->off = (uint8_t)((TCP_HDR_MIN + opts) << 2);
	h->flags = flags;
	h->cksum = 0;
	h->urp = 0;
}

static void ts_put(uint8_t *p, uint32_t val, uint32_t ecr)
{
	const uint32_t ts[3] = { TCP_OPT_TS_WORD, be32(val), be32(ecr) };

	memcpy(p, ts, sizeof(ts));
}

/*
 * A SYN offers everything, a SYN-ACK what the SYN offered (TCPC_* say so by then). Timestamps
 * go by what was agreed (RFC 7323, 3.2).
 */
static unsigned int syn_options(const struct tcp_conn *c, uint8_t flags, uint8_t *p)
{
	bool first = c->state == TCPS_SYN_SENT;
	struct tcp_opts o = { .has = TCP_HAS_MSS, .mss = c->rcv.adv_mss };

	if (first || (c->flags & TCPC_WSCALE)) {
		o.has |= TCP_HAS_WSCALE;
		o.wscale = c->rcv.shift;
	}
	if (first || (c->flags & TCPC_TS)) {
		o.has |= TCP_HAS_TS;
		o.ts_val = tcp_ts_now(c);
		o.ts_ecr = flags & TCP_F_ACK ? c->rcv.ts_recent : 0;
	}
	return tcp_opt_write(p, &o);
}

static struct tcp_hdr *put_front(struct rte_mbuf *m, unsigned int opts)
{
	return (struct tcp_hdr *)(void *)rte_pktmbuf_prepend(m, (uint16_t)(TCP_HDR_MIN + opts));
}

static struct tcp_hdr *syn_hdr(struct tcp_conn *c, struct rte_mbuf *m, uint8_t flags)
{
	uint8_t opts[TCP_OPTS_MAX];
	unsigned int len = syn_options(c, flags, opts);
	struct tcp_hdr *h = put_front(m, len);

	memcpy(h + 1, opts, len);
	hdr_put(h, &c->s.local, &c->s.peer, len, flags);
	return h;
}

static struct tcp_hdr *plain_hdr(struct tcp_conn *c, struct rte_mbuf *m, uint8_t flags)
{
	unsigned int len = c->flags & TCPC_TS ? TCP_OPT_TS_ALIGNED : 0;
	struct tcp_hdr *h = put_front(m, len);

	if (len)
		ts_put((uint8_t *)(h + 1), tcp_ts_now(c), c->rcv.ts_recent);
	hdr_put(h, &c->s.local, &c->s.peer, len, flags);
	return h;
}

/* Every segment carries the acknowledgement: none is owed after it. */
static void acked_by(struct tcp_conn *c)
{
	c->rcv.sent = c->rcv.ack;
	c->flags &= ~(TCPC_ACK_NOW | TCPC_ACK_DELAY | TCPC_ACK_QUICK);
}

void tcp_emit(struct tcp_conn *c, struct rte_mbuf *m, uint32_t seq, uint8_t flags)
{
	bool syn = flags & TCP_F_SYN;
	struct tcp_hdr *h = syn ? syn_hdr(c, m, flags) : plain_hdr(c, m, flags);

	h->seq = be32(seq);
	h->ack = 0;
	h->win = be16(tcp_win_field(c, syn));
	if (flags & TCP_F_ACK) {
		h->ack = be32(c->rcv.ack);
		acked_by(c);
	}
	tcp_inc(c->tcp, TCP_SEGS_OUT);
	/* Another route whose MTU is smaller: from the first byte on, in smaller segments. */
	if (unlikely(ip_tx(c->tcp->ip, m, &c->flow) == -EMSGSIZE)) {
		tcp_mss_update(c);
		tcp_rewind(c);
	}
}

bool tcp_emit_empty(struct tcp_conn *c, uint32_t seq, uint8_t flags)
{
	struct rte_mbuf *m = pkt_alloc(c->tcp->env);

	if (!m) {
		c->tcp->starved = true;
		tcp_inc(c->tcp, TCP_NO_MBUF);
		return false;
	}
	tcp_emit(c, m, seq, flags);
	return true;
}

void tcp_emit_lone(struct tcp *tcp, const struct tcp_lone *l)
{
	unsigned int opts = l->has_ts ? TCP_OPT_TS_ALIGNED : 0;
	struct rte_mbuf *m = pkt_alloc(tcp->env);
	struct ip_flow flow = {
		.src = l->local.addr,
		.dst = l->peer.addr,
		.proto = IP_PROTO_TCP,
		.ttl = l->ttl ? l->ttl : TTL_DEFAULT,
		.tos = l->tos,
		.df = true,
	};
	struct tcp_hdr *h;

	if (!m) {
		tcp_inc(tcp, TCP_NO_MBUF);
		return;
	}
	if (ip_flow_route(tcp->ip, &flow, ip_addr_owner(tcp->ip, &flow.src)) < 0) {
		pkt_drop(tcp->env, m, DROP_IP_NO_ROUTE);
		return;
	}
	h = put_front(m, opts);
	if (opts)
		ts_put((uint8_t *)(h + 1), l->ts_val, l->ts_ecr);
	hdr_put(h, &l->local, &l->peer, opts, l->flags);
	h->seq = be32(l->seq);
	h->ack = be32(l->ack);
	h->win = be16(l->wnd);
	tcp_inc(tcp, TCP_SEGS_OUT);
	ip_tx(tcp->ip, m, &flow);
}
