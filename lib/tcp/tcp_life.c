/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The life of a connection, and who lets go of it when:
 *
 *	consumer closes first	sock_close(): CLOSING. Our FIN acknowledged: SOCK_EV_CLOSED, the
 *				consumer frees. In FIN-WAIT-2 and TIME-WAIT a small entry takes
 *				its place (tcp_tw.c), DETACHED until our last ACK has left.
 *	connection fails first	tcp_conn_gone(): ERROR, GONE; the object waits for sock_free().
 *	child not taken		freed at once, if the consumer has not begun with it.
 */
#include "tcp/tcp_conn.h"

#include <string.h>

#define RTO_AFTER_SYN 3000000u /* us; RFC 6298, (5.7) */
#define KEEP_IDLE     7200     /* RFC 9293, 3.8.4: at least two hours */
#define KEEP_INTVL    75
#define KEEP_CNT      9
#define TTL	      64

struct tcp_conn *tcp_conn_new(struct tcp *tcp)
{
	struct tcp_conn *c = pool_get(&tcp->conns);

	if (!c)
		return NULL;
	memset(c, 0, sizeof(*c));
	sock_init_(&c->s, &tcp_transport, SOCK_STREAM_T);
	c->tcp = tcp;
	c->s.snd_win = tcp->cfg.snd_win;
	c->keep_idle = KEEP_IDLE;
	c->keep_intvl = KEEP_INTVL;
	c->keep_cnt = KEEP_CNT;
	c->flow.proto = IP_PROTO_TCP;
	c->flow.ttl = TTL;
	c->flow.df = true;
	list_init(&c->tx_link);
	list_init(&c->kids);
	list_init(&c->bind.link);
	wheel_timer_init(&c->timer);
	return c;
}

/* F of RFC 6528, 3: differs for @what, so that the timestamp offset says nothing about the ISN. */
static uint32_t tuple_secret(const struct tcp_conn *c, uint32_t what)
{
	const struct {
		struct ip_addr local, peer;
		uint16_t local_port, peer_port;
		uint32_t what;
	} k = { c->s.local.addr, c->s.peer.addr, c->s.local.port, c->s.peer.port, what };

	return (uint32_t)siphash24(&c->tcp->env->secret, &k, sizeof(k));
}

/* ISN = M + F(tuple, secret), M ticking each 4 us (RFC 9293, 3.4.1). */
void tcp_tcb_init(struct tcp_conn *c)
{
	c->snd.iss = (uint32_t)(c->tcp->env->now / 4000) + tuple_secret(c, 1);
	c->ts_offset = tuple_secret(c, 2);
	c->snd.una = c->snd.nxt = c->snd.max = c->snd.iss;
	c->snd.recover = c->snd.small = c->snd.iss;
	c->snd.peer_mss = TCP_MSS_DEFAULT;
	c->rcv.mss = TCP_MSS_DEFAULT;
	c->rcv.shift = tcp_win_shift(c);
	list_init(&c->delack_link);
	tcp_rtt_init(&c->rtt);
	tcp_mss_update(c);
}

void tcp_iss_raise(struct tcp_conn *c, uint32_t min)
{
	if (!min || seq_geq(c->snd.iss, min))
		return;
	c->snd.iss = min;
	c->snd.una = c->snd.nxt = c->snd.max = c->snd.iss;
	c->snd.recover = c->snd.small = c->snd.iss;
}

bool tcp_hash_insert(struct tcp_conn *c)
{
	struct tcp *tcp = c->tcp;

	c->hash = tcp_table_hash(&tcp->env->secret, &c->s.local.addr, c->s.local.port,
				 &c->s.peer.addr, c->s.peer.port);
	if (!tcp_table_insert(&tcp->table, c->hash, pool_index(&tcp->conns, c)))
		return false;
	c->flags |= TCPC_HASHED;
	return true;
}

static uint32_t headers(const struct tcp_conn *c)
{
	return (ip_addr_is_v4(&c->flow.dst) ? 20 : 40) + TCP_HDR_MIN;
}

/*
 * Our own MSS option says what the interface takes; what we send also keeps to the peer's option
 * and the path, and leaves room for the options of each segment (RFC 9293, 3.7.1; RFC 6691).
 */
void tcp_mss_update(struct tcp_conn *c)
{
	uint32_t room = rte_pktmbuf_data_room_size(c->tcp->env->pool) - PKT_HEADROOM;
	uint32_t mtu = c->pmtu ? RTE_MIN(c->pmtu, c->flow.mtu) : c->flow.mtu;
	uint32_t mss = RTE_MIN((uint32_t)c->snd.peer_mss, mtu - headers(c));

	c->rcv.adv_mss = (uint16_t)RTE_MAX(c->flow.mtu - headers(c), TCP_MSS_FLOOR);
	if (c->mss_user) {
		mss = RTE_MIN(mss, (uint32_t)c->mss_user);
		c->rcv.adv_mss = RTE_MIN(c->rcv.adv_mss, c->mss_user);
	}
	if (c->flags & TCPC_TS)
		mss -= TCP_OPT_TS_ALIGNED;
	mss = RTE_MIN(mss, room);
	c->snd.mss = (uint16_t)RTE_MAX(mss, TCP_MSS_FLOOR);
}

void tcp_syn_options(struct tcp_conn *c, const struct tcp_seg *seg)
{
	const struct tcp_opts *o = &seg->opt;

	if (o->has & TCP_HAS_MSS)
		c->snd.peer_mss = RTE_MAX(o->mss, TCP_MSS_FLOOR + TCP_OPT_TS_ALIGNED);
	if (o->has & TCP_HAS_WSCALE) {
		c->snd.shift = o->wscale;
		c->flags |= TCPC_WSCALE;
	}
	if (o->has & TCP_HAS_TS) {
		c->flags |= TCPC_TS;
		c->rcv.ts_recent = o->ts_val;
		c->rcv.ts_age_ms = c->tcp->now_ms;
	}
	/* The field of a SYN is never scaled (RFC 7323, 2.2). */
	c->snd.wnd = c->snd.wnd_max = seg->wnd;
	c->snd.wl1 = seg->seq;
	c->snd.wl2 = seg->ack;
	tcp_mss_update(c);
}

/* The handshake's own round trip, and the first window. */
static void congestion_init(struct tcp_conn *c)
{
	bool lost = c->flags & TCPC_SYN_LOST;

	if ((c->flags & TCPC_RTT) && !lost)
		tcp_rtt_sample(&c->rtt, tcp_now_us(c->tcp) - c->snd.rtt_us,
			       c->tcp->cfg.rto_min_ms * 1000);
	else if (lost)
		c->rtt = (struct tcp_rtt){ .rto = RTO_AFTER_SYN };
	c->flags &= ~TCPC_RTT;
	tcp_cc_init(&c->cc, &tcp_newreno, tcp_cc_iw(c->snd.mss, lost));
}

void tcp_established(struct tcp_conn *c)
{
	c->snd.nxt = c->snd.max;
	c->snd.retries = 0;
	c->state = TCPS_ESTABLISHED;
	c->s.state = SOCK_CONNECTED;
	congestion_init(c);
	tcp_timer_restart(c);
	if (c->flags & TCPC_PASSIVE) {
		tcp_child_ready(c);
		return;
	}
	tcp_inc(c->tcp, TCP_ACTIVE_OPENS);
	if (c->flags & TCPC_CLOSING)
		tcp_sched(c); /* closed in the meantime: FIN (RFC 9293, 3.10.4) */
	else
		sock_ready(&c->s, SOCK_EV_CONNECTED);
}

void tcp_port_hold(struct tcp_conn *c)
{
	struct port_hold hold = { 0 };

	/* A port that connect() chose is free again in TIME-WAIT: it may lead to other peers. */
	if ((c->flags & TCPC_HOLD) || !c->bind.port || c->bind.by_connect)
		return;
	port_hold(c->tcp->ports, &hold, &c->bind, &c->s.local.addr);
	port_unbind(c->tcp->ports, &c->bind);
	c->hold = hold;
	c->flags |= TCPC_HOLD;
}

void tcp_conn_dead(struct tcp_conn *c)
{
	struct tcp *tcp = c->tcp;

	c->state = TCPS_CLOSED;
	if (c->flags & TCPC_HASHED)
		tcp_table_remove(&tcp->table, c->hash, pool_index(&tcp->conns, c));
	c->flags &= ~TCPC_HASHED;
	tcp_timer_off(c);
	list_del(&c->tx_link);
	tcp_ooo_free(c);
	tcp_txq_free(c);
	if (c->flags & TCPC_HOLD)
		port_release(tcp->ports, &c->hold);
	else
		port_unbind(tcp->ports, &c->bind);
}

void tcp_conn_free(struct tcp_conn *c)
{
	tcp_child_forget(c);
	sock_leave(&c->s);
	pool_put(&c->tcp->conns, c);
}

void tcp_conn_gone(struct tcp_conn *c, int err)
{
	bool unknown = tcp_child_unknown(c);

	tcp_conn_dead(c);
	if (unknown)
		tcp_child_lost(c);
	if (unknown || (c->flags & TCPC_DETACHED))
		tcp_conn_free(c);
	else
		sock_gone(&c->s, err);
}

/* RFC 9293, 3.10.5: the states in which the peer is to be told. */
static bool reset_owed(const struct tcp_conn *c)
{
	return c->state == TCPS_SYN_RECEIVED ||
		(c->state >= TCPS_ESTABLISHED && c->state <= TCPS_FIN_WAIT_2);
}

void tcp_reset_send(struct tcp_conn *c)
{
	if (reset_owed(c) && !ip_addr_is_silent(c->tcp->ip, &c->s.local.addr) &&
	    tcp_emit_empty(c, tcp_ack_seq(c), TCP_F_RST | TCP_F_ACK))
		tcp_inc(c->tcp, TCP_RSTS_OUT);
}

void tcp_conn_abort(struct tcp_conn *c, int err)
{
	tcp_reset_send(c);
	tcp_conn_gone(c, err);
}

void tcp_done(struct tcp_conn *c)
{
	if ((c->flags & TCPC_CLOSING) && !(c->flags & TCPC_DETACHED))
		sock_ready(&c->s, SOCK_EV_CLOSED);
}
