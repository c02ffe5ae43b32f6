/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TIME-WAIT (RFC 9293, 3.6.1). What is left to do needs no buffers and no owner, so a small entry
 * takes the connection's place in the table for 2 MSL. So it does in FIN-WAIT-2 when the program
 * has closed: a peer that never sends its FIN costs an entry, which makes room for others when
 * need be, and not a connection; 2 MSL there is not in the RFC, but the practice.
 */
#include "tcp/tcp_conn.h"

static uint32_t tw_value(const struct tcp *tcp, const struct tcp_tw *tw)
{
	return tcp->cfg.conns_max + pool_index(&tcp->tws, tw);
}

static void tw_free(struct tcp *tcp, struct tcp_tw *tw)
{
	tcp_table_remove(&tcp->table, tw->hash, tw_value(tcp, tw));
	port_release(tcp->ports, &tw->hold);
	list_del(&tw->link);
	pool_put(&tcp->tws, tw);
}

/* Begins (again) to wait: the list is in order since all wait equally long. */
static void tw_wait(struct tcp *tcp, struct tcp_tw *tw)
{
	tw->expiry = tcp->env->now + 2 * tcp->cfg.msl_ms * NSEC_PER_MSEC;
	list_del(&tw->link);
	list_add_tail(&tcp->tw_list, &tw->link);
}

static struct tcp_tw *tw_first(struct tcp *tcp)
{
	return container_of(list_first(&tcp->tw_list), struct tcp_tw, link);
}

/* When all are taken, the one that has waited longest goes. */
static struct tcp_tw *tw_get(struct tcp *tcp)
{
	struct tcp_tw *tw = pool_get(&tcp->tws);

	if (tw)
		return tw;
	tcp_inc(tcp, TCP_TIME_WAIT_FULL);
	tw_free(tcp, tw_first(tcp));
	return pool_get(&tcp->tws);
}

static void tw_fill(struct tcp_tw *tw, struct tcp_conn *c)
{
	*tw = (struct tcp_tw){
		.local = c->s.local,
		.peer = c->s.peer,
		.hash = c->hash,
		.snd_nxt = c->snd.nxt,
		.rcv_nxt = c->rcv.nxt,
		.ts_recent = c->rcv.ts_recent,
		.ts_offset = c->ts_offset,
		.wnd = tcp_win_field(c, false),
		.has_ts = !!(c->flags & TCPC_TS),
		.ttl = c->flow.ttl,
		.tos = c->flow.tos,
	};
	list_init(&tw->link);
}

/* The port stays taken. What the owner has left behind has a hold already. */
static void tw_hold(struct tcp_tw *tw, struct tcp_conn *c)
{
	tcp_port_hold(c);
	if (!(c->flags & TCPC_HOLD))
		return;
	tw->hold = c->hold;
	c->hold.use = NULL;
}

/* An entry instead of @c, which is CLOSED then. */
static struct tcp_tw *tw_replace(struct tcp_conn *c)
{
	struct tcp *tcp = c->tcp;
	struct tcp_tw *tw = tw_get(tcp);

	tw_fill(tw, c);
	tw_hold(tw, c);
	tcp_conn_dead(c);
	tcp_table_insert(&tcp->table, tw->hash, tw_value(tcp, tw));
	tw_wait(tcp, tw);
	return tw;
}

void tcp_time_wait(struct tcp_conn *c)
{
	struct tcp *tcp = c->tcp;

	/* The consumer has taken all, and the peer was told. */
	if (c->rcv.sent != c->rcv.nxt || (c->flags & TCPC_ACK_NOW))
		return;
	tw_replace(c);
	tcp_inc(tcp, TCP_TIME_WAITS);
	if (c->flags & TCPC_DETACHED)
		tcp_conn_free(c);
}

struct tcp_tw *tcp_tw_detached(struct tcp_conn *c)
{
	struct tcp_tw *tw = tw_replace(c);

	tcp_conn_free(c);
	return tw;
}

void tcp_tw_leave(struct tcp *tcp, struct tcp_tw *tw, struct list *ghosts)
{
	tcp_table_remove(&tcp->table, tw->hash, tw_value(tcp, tw));
	port_hold_leave(tcp->ports, &tw->hold);
	list_del(&tw->link);
	list_add_tail(ghosts, &tw->link);
}

/* It waits from the beginning again: so the list stays in order. */
void tcp_tw_stay(struct tcp *tcp, struct tcp_tw *tw, struct sock_owner *o)
{
	port_hold_arrive(tcp->ports, &tw->hold, o, &tw->local.addr, tw->local.port);
	tw->hash = tcp_table_hash(&tcp->env->secret, &tw->local.addr, tw->local.port,
				  &tw->peer.addr, tw->peer.port);
	tcp_table_insert(&tcp->table, tw->hash, tw_value(tcp, tw));
	tw_wait(tcp, tw);
}

/* Others' entries do not make room for it. */
void tcp_tw_arrive(struct tcp *tcp, const struct tcp_tw *from, struct sock_owner *o)
{
	struct tcp_tw *tw = pool_get(&tcp->tws);

	if (!tw) {
		tcp_inc(tcp, TCP_TIME_WAIT_FULL);
		return;
	}
	*tw = *from;
	list_init(&tw->link);
	tcp_tw_stay(tcp, tw, o);
}

void tcp_orphan(struct tcp_conn *c)
{
	tw_replace(c)->wait_fin = true;
}

static void tw_ack(struct tcp *tcp, const struct tcp_tw *tw)
{
	const struct tcp_lone l = {
		.local = tw->local,
		.peer = tw->peer,
		.seq = tw->snd_nxt,
		.ack = tw->rcv_nxt,
		.ts_val = tcp->now_ms + tw->ts_offset,
		.ts_ecr = tw->ts_recent,
		.wnd = tw->wnd,
		.flags = TCP_F_ACK,
		.ttl = tw->ttl,
		.tos = tw->tos,
		.has_ts = tw->has_ts,
	};

	tcp_inc(tcp, TCP_PURE_ACKS);
	tcp_emit_lone(tcp, &l);
}

/* For what anybody could send, at most one in a while. */
static void tw_challenge(struct tcp *tcp, struct tcp_tw *tw)
{
	if (tcp_challenge_due(tcp, &tw->challenge_ms))
		tw_ack(tcp, tw);
}

static bool has_ts(const struct tcp_tw *tw, const struct tcp_seg *seg)
{
	return tw->has_ts && (seg->opt.has & TCP_HAS_TS);
}

/* RFC 9293, 3.10.7.4, fourth step in TIME-WAIT, and RFC 6191, 2: a SYN of a later incarnation. */
static bool is_new_syn(const struct tcp_tw *tw, const struct tcp_seg *seg)
{
	if ((seg->flags & (TCP_F_SYN | TCP_F_ACK | TCP_F_RST)) != TCP_F_SYN)
		return false;
	if (has_ts(tw, seg) && seg->opt.ts_val != tw->ts_recent)
		return seq_gt(seg->opt.ts_val, tw->ts_recent);
	return seq_gt(seg->seq, tw->rcv_nxt);
}

/*
 * FIN-WAIT-2: the peer's FIN leads to TIME-WAIT. Text that nobody will take is answered by RST, as
 * in tcp_text.c. True: that was all.
 */
static bool orphan_answer(struct tcp *tcp, struct tcp_tw *tw, const struct tcp_seg *seg)
{
	bool plain = (seg->flags & (TCP_F_SYN | TCP_F_RST | TCP_F_ACK)) == TCP_F_ACK;

	if (!tw->wait_fin || !plain || seg->ack != tw->snd_nxt)
		return false;
	if (seg->len && seq_gt(seg->seq + seg->len, tw->rcv_nxt)) {
		tcp_reset_reply(tcp, seg);
		tw_free(tcp, tw);
		return true;
	}
	if (!(seg->flags & TCP_F_FIN) || seg->seq + seg->len != tw->rcv_nxt)
		return false;
	tw->rcv_nxt++;
	tw->wait_fin = false;
	tcp_inc(tcp, TCP_TIME_WAITS);
	tw_wait(tcp, tw);
	tw_ack(tcp, tw);
	return true;
}

/* What an acceptable or an old segment gets as its answer. */
static void tw_answer(struct tcp *tcp, struct tcp_tw *tw, const struct tcp_seg *seg)
{
	bool old = has_ts(tw, seg) && seq_lt(seg->opt.ts_val, tw->ts_recent);

	if (!old && orphan_answer(tcp, tw, seg))
		return;
	if (seg->flags & TCP_F_RST) {
		if (seg->seq == tw->rcv_nxt)
			tw_free(tcp, tw);
		return;
	}
	if (!(seg->flags & TCP_F_SYN) && (seg->flags & TCP_F_ACK) && tcp_seg_len(seg)) {
		tw_ack(tcp, tw);
		if ((seg->flags & TCP_F_FIN) && !old)
			tw_wait(tcp, tw);
	} else if (seg->seq != tw->rcv_nxt || (seg->flags & TCP_F_SYN)) {
		tw_challenge(tcp, tw);
	}
}

/*
 * An ISS beyond all that was sent (RFC 9293, 3.10.7.4, RFC 1122, 4.2.2.13): ISNs may have advanced
 * more slowly than the connection did.
 */
static uint32_t iss_beyond(const struct tcp_tw *tw)
{
	return (tw->snd_nxt + 65535 + 2) | 1; /* 0: none */
}

bool tcp_tw_segment(struct tcp *tcp, struct tcp_tw *tw, struct tcp_seg *seg)
{
	const uint8_t *opts = rte_pktmbuf_mtod_offset(seg->m, uint8_t *, TCP_HDR_MIN);

	tcp_opt_parse(opts, seg->hdr_len - TCP_HDR_MIN, &seg->opt);
	if (!tw->wait_fin && is_new_syn(tw, seg)) {
		tcp->iss_min = iss_beyond(tw);
		tw_free(tcp, tw);
		return false;
	}
	tw_answer(tcp, tw, seg);
	tcp_seg_drop(tcp, seg, DROP_TCP_STATE);
	return true;
}

/*
 * Timestamps must tell old segments apart, and their clock must have moved on since. ISS beyond all
 * that was sent keeps the peer's TIME-WAIT, if it has one, from refusing.
 */
bool tcp_tw_reuse(struct tcp *tcp, struct tcp_tw *tw, uint32_t *ret_iss_min)
{
	uint64_t began = tw->expiry - 2 * tcp->cfg.msl_ms * NSEC_PER_MSEC;

	if (tw->wait_fin || !tw->has_ts || tcp->env->now - began < NSEC_PER_SEC)
		return false;
	*ret_iss_min = iss_beyond(tw);
	tw_free(tcp, tw);
	return true;
}

void tcp_tw_expire(struct tcp *tcp, unsigned int budget)
{
	while (budget-- && !list_empty(&tcp->tw_list)) {
		struct tcp_tw *tw = tw_first(tcp);

		if (tw->expiry > tcp->env->now)
			return;
		tw_free(tcp, tw);
	}
}
