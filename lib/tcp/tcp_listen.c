/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Listeners and their children (RFC 9293, 3.10.7.2), and segments that nobody claims (3.10.7.1). A
 * child lives on its listener's list until the consumer has taken ACCEPTED; before its handshake
 * is complete it is an embryo, of which a listener has at most its backlog.
 */
#include "tcp/tcp_conn.h"

#include "abi/abi.h"
#include "base/bucket.h"

static struct ip_endpoint seg_local(const struct tcp_seg *seg)
{
	const struct pkt_meta *meta = pkt_meta(seg->m);

	return (struct ip_endpoint){ .addr = meta->dst, .port = meta->dport };
}

static struct ip_endpoint seg_peer(const struct tcp_seg *seg)
{
	const struct pkt_meta *meta = pkt_meta(seg->m);

	return (struct ip_endpoint){ .addr = meta->src, .port = meta->sport };
}

void tcp_reset_reply(struct tcp *tcp, const struct tcp_seg *seg)
{
	struct tcp_lone l = { .local = seg_local(seg), .peer = seg_peer(seg) };

	if (ip_addr_is_silent(tcp->ip, &l.local.addr))
		return;
	if (seg->flags & TCP_F_ACK) {
		l.flags = TCP_F_RST;
		l.seq = seg->ack;
	} else {
		l.flags = TCP_F_RST | TCP_F_ACK;
		l.ack = seg->seq + tcp_seg_len(seg);
	}
	tcp_inc(tcp, TCP_RSTS_OUT);
	tcp_emit_lone(tcp, &l);
}

/* Anybody can make us send these: so many a second, for each owner of addresses. */
static bool reset_may(struct tcp *tcp, struct sock_owner *o)
{
	uint32_t burst = RTE_MAX(tcp->cfg.rst_rate / 4, 1u);

	if (bucket_take(&o->rst_full_at, tcp->env->now, tcp->rst_cost, burst))
		return true;
	pkt_count(tcp->env, DROP_RST_RATE);
	return false;
}

/* CLOSED: everything but RST is answered by RST. */
static void unclaimed(struct tcp *tcp, struct tcp_seg *seg)
{
	struct pkt_meta *meta = pkt_meta(seg->m);
	bool silent = ip_addr_is_silent(tcp->ip, &meta->dst);

	if (!(seg->flags & TCP_F_RST) && !silent && reset_may(tcp, meta->owner))
		tcp_reset_reply(tcp, seg);
	tcp_seg_drop(tcp, seg, silent ? DROP_SILENT : DROP_TCP_NO_SOCK);
}

/* Options that a child has from its listener. */
static void inherit(struct tcp_conn *c, const struct tcp_conn *l)
{
	c->flags |= l->flags & (TCPC_NODELAY | TCPC_CORK | TCPC_KEEPALIVE);
	c->keep_cnt = l->keep_cnt;
	c->keep_idle = l->keep_idle;
	c->keep_intvl = l->keep_intvl;
	c->user_timeout = l->user_timeout;
	c->mss_user = l->mss_user;
	c->flow.ttl = l->flow.ttl;
	c->flow.tos = l->flow.tos;
	c->flow.df = l->flow.df;
	c->s.family = l->s.family;
	c->s.snd_win = l->s.snd_win;
	c->s.rx_credit = l->s.child_credit;
}

static bool has_room(const struct tcp_conn *l)
{
	return l->n_embryos < l->backlog && l->s.accept_credit > l->s.accepted + l->n_embryos;
}

/* The child of a SYN, in SYN-RECEIVED. NULL: no memory, quota or route; *@ret_why says which. */
static struct tcp_conn *child_new(struct tcp_conn *l, struct tcp_seg *seg,
				  enum drop_reason *ret_why)
{
	struct tcp *tcp = l->tcp;
	struct tcp_conn *c = tcp_conn_new(tcp);

	*ret_why = DROP_TCP_NO_CONN;
	if (!c)
		return NULL;
	c->s.local = seg_local(seg);
	c->s.peer = seg_peer(seg);
	c->flow.src = c->s.local.addr;
	c->flow.dst = c->s.peer.addr;
	inherit(c, l);
	if (ip_flow_route(tcp->ip, &c->flow, l->s.owner) < 0)
		*ret_why = DROP_IP_NO_ROUTE;
	else if (sock_join(&c->s, l->s.lane))
		*ret_why = DROP_SOCK_QUOTA;
	else if (tcp_hash_insert(c))
		return c;
	tcp_conn_free(c);
	return NULL;
}

/* Third, check for a SYN: SYN-ACK goes out in this turn's TX phase. */
static void take_syn(struct tcp_conn *l, struct tcp_seg *seg)
{
	enum drop_reason why = DROP_TCP_BACKLOG;
	struct tcp_conn *c = has_room(l) ? child_new(l, seg, &why) : NULL;

	if (!c) {
		tcp_seg_drop(l->tcp, seg, why);
		return;
	}
	tcp_tcb_init(c);
	tcp_iss_raise(c, l->tcp->iss_min);
	c->rcv.irs = seg->seq;
	c->rcv.nxt = c->rcv.ack = c->rcv.sent = c->rcv.adv = seg->seq + 1;
	tcp_syn_options(c, seg);
	c->state = TCPS_SYN_RECEIVED;
	c->flags |= TCPC_PASSIVE | TCPC_NEW | TCPC_HOLD;
	c->hold = (struct port_hold){ 0 };
	c->s.parent = &l->s;
	list_add_tail(&l->kids, &c->kids);
	l->n_embryos++;
	c->rx_ms = l->tcp->now_ms;
	tcp_sched(c);
	rte_pktmbuf_free(seg->m); /* text in a SYN comes again */
	seg->m = NULL;
}

/* LISTEN: RST is ignored, an ACK answered by RST, SYN taken, anything else dropped. */
static void in_listen(struct tcp_conn *l, struct tcp_seg *seg)
{
	const uint8_t *opts = rte_pktmbuf_mtod_offset(seg->m, uint8_t *, TCP_HDR_MIN);

	if (!(seg->flags & TCP_F_RST) && (seg->flags & TCP_F_ACK)) {
		unclaimed(l->tcp, seg);
	} else if ((seg->flags & (TCP_F_SYN | TCP_F_RST)) != TCP_F_SYN) {
		tcp_seg_drop(l->tcp, seg, DROP_TCP_STATE);
	} else {
		tcp_opt_parse(opts, seg->hdr_len - TCP_HDR_MIN, &seg->opt);
		take_syn(l, seg);
	}
}

void tcp_no_conn(struct tcp *tcp, struct tcp_seg *seg)
{
	const struct pkt_meta *meta = pkt_meta(seg->m);
	struct port_bind *b = NULL;

	/* Only a SYN needs a listener to be looked for; the rest is answered the same way. */
	if (seg->flags & TCP_F_SYN)
		b = port_lookup_flow(tcp->ports, meta->owner, &meta->dst, meta->dport, seg->hash);
	if (b && b->listening)
		in_listen(container_of(b, struct tcp_conn, bind), seg);
	else
		unclaimed(tcp, seg);
	tcp->iss_min = 0;
}

static struct tcp_conn *listener(const struct tcp_conn *c)
{
	return tcp_conn(c->s.parent);
}

void tcp_child_ready(struct tcp_conn *c)
{
	struct tcp_conn *l = listener(c);

	l->n_embryos--;
	l->s.accepted++;
	port_hold(c->tcp->ports, &c->hold, &l->bind, &c->s.local.addr);
	tcp_inc(c->tcp, TCP_PASSIVE_OPENS);
	sock_ready(&c->s, SOCK_EV_ACCEPTED);
}

bool tcp_child_unknown(const struct tcp_conn *c)
{
	return (c->flags & TCPC_NEW) && c->s.id == OUTSOCK_ID_NONE && !c->s.cookie;
}

void tcp_child_lost(struct tcp_conn *c)
{
	if (c->s.state == SOCK_CONNECTED)
		listener(c)->s.accepted--;
}

void tcp_child_forget(struct tcp_conn *c)
{
	if (!(c->flags & TCPC_NEW))
		return;
	if (c->s.state == SOCK_NEW)
		listener(c)->n_embryos--;
	list_del(&c->kids);
	c->flags &= ~TCPC_NEW;
	c->s.parent = NULL;
}

static void kid_abort(struct tcp_conn *c)
{
	if (tcp_child_unknown(c)) {
		tcp_conn_abort(c, ECONNABORTED);
		return;
	}
	/* The consumer is about to announce it, and will hear what became of it. */
	tcp_child_forget(c);
	if (c->state != TCPS_CLOSED)
		tcp_conn_abort(c, ECONNABORTED);
}

unsigned int tcp_listen_reap(struct tcp_conn *l, unsigned int max)
{
	unsigned int n = 0;

	for (; n < max && !list_empty(&l->kids); n++)
		kid_abort(container_of(list_first(&l->kids), struct tcp_conn, kids));
	if (!list_empty(&l->kids)) {
		tcp_sched(l);
		return n;
	}
	tcp_conn_dead(l);
	l->s.state = SOCK_DEAD;
	sock_ready(&l->s, SOCK_EV_CLOSED);
	return n;
}

void tcp_listen_close(struct tcp_conn *l)
{
	port_unbind(l->tcp->ports, &l->bind);
	tcp_listen_reap(l, 0);
}
