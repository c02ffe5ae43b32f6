/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The slow path: segment arrives, RFC 9293, 3.10.7, one function a step, called in its order. A
 * step that ends the segment, or the connection, returns false; whoever finds seg->m NULL
 * afterwards knows that the packet is gone.
 */
#include "tcp/tcp_conn.h"

/* ---- SYN-SENT, 3.10.7.3 ---- */

/* First: an ACK of what we never sent is answered by RST. */
static bool syn_sent_ack(struct tcp_conn *c, struct tcp_seg *seg)
{
	if (!(seg->flags & TCP_F_ACK))
		return true;
	if (seq_gt(seg->ack, c->snd.iss) && seq_leq(seg->ack, c->snd.max))
		return true;
	if (!(seg->flags & TCP_F_RST))
		tcp_reset_reply(c->tcp, seg);
	tcp_seg_drop(c->tcp, seg, DROP_TCP_ACK);
	return false;
}

/* Second: RST counts with an acceptable ACK only. */
static bool syn_sent_rst(struct tcp_conn *c, struct tcp_seg *seg)
{
	if (!(seg->flags & TCP_F_RST))
		return true;
	if (seg->flags & TCP_F_ACK) {
		tcp_inc(c->tcp, TCP_RSTS_IN);
		tcp_conn_gone(c, ECONNREFUSED);
	} else {
		tcp_seg_drop(c->tcp, seg, DROP_TCP_STATE);
	}
	return false;
}

static void syn_taken(struct tcp_conn *c, const struct tcp_seg *seg)
{
	uint32_t offered = c->rcv.adv; /* in the SYN: from 0 */

	c->rcv.irs = seg->seq;
	c->rcv.nxt = seg->seq + 1;
	c->rcv.adv = c->rcv.nxt + offered;
	tcp_syn_options(c, seg);
}

/*
 * Fourth: the peer's SYN. With an ACK of ours the connection is there; the peer hears so once the
 * consumer has taken CONNECTED. Without (simultaneous open, 3.5) SYN-ACK goes out, which cannot
 * wait for that.
 */
static void syn_sent_syn(struct tcp_conn *c, struct tcp_seg *seg)
{
	if (!(seg->flags & TCP_F_SYN)) {
		tcp_seg_drop(c->tcp, seg, DROP_TCP_STATE);
		return;
	}
	syn_taken(c, seg);
	c->rx_ms = c->tcp->now_ms;
	if (!(seg->flags & TCP_F_ACK)) {
		c->rcv.ack = c->rcv.nxt;
		c->state = TCPS_SYN_RECEIVED;
		c->timer_mode = TCP_TM_NONE;
		tcp_rewind(c);
		return;
	}
	c->rcv.ack = c->rcv.irs;
	c->rcv.sent = c->rcv.irs;
	c->snd.una = seg->ack;
	c->flags |= TCPC_HELD;
	tcp_established(c);
}

static void in_syn_sent(struct tcp_conn *c, struct tcp_seg *seg)
{
	if (syn_sent_ack(c, seg) && syn_sent_rst(c, seg))
		syn_sent_syn(c, seg);
}

/* ---- all other states, 3.10.7.4 ---- */

#define TS_STALE_MS (24u * 24 * 3600 * 1000)

/* Is its timestamp before the last one? After 24 days that says nothing (RFC 7323, 5.5). */
static bool ts_old(const struct tcp_conn *c, const struct tcp_seg *seg)
{
	return seq_lt(seg->opt.ts_val, c->rcv.ts_recent) &&
		c->tcp->now_ms - c->rcv.ts_age_ms < TS_STALE_MS;
}

/*
 * What is not acceptable is answered. Without text, two ends that disagree could answer each other
 * for ever.
 */
static void answer_unacceptable(struct tcp_conn *c, const struct tcp_seg *seg)
{
	if (tcp_seg_len(seg))
		tcp_ack_now(c);
	else
		tcp_challenge(c);
}

/* RFC 7323, 5.3: R1 to R3, and 3.2: a segment without the timestamp that was agreed on. */
static bool check_paws(struct tcp_conn *c, struct tcp_seg *seg)
{
	if (!(c->flags & TCPC_TS) || (seg->flags & TCP_F_RST))
		return true;
	if (!(seg->opt.has & TCP_HAS_TS)) {
		tcp_seg_drop(c->tcp, seg, DROP_TCP_PAWS);
		return false;
	}
	if (ts_old(c, seg)) {
		answer_unacceptable(c, seg);
		tcp_seg_drop(c->tcp, seg, DROP_TCP_PAWS);
		return false;
	}
	return true;
}

/* RFC 7323, 4.3 (2): of a segment at the left edge of what we acknowledged. */
static void ts_recent_update(struct tcp_conn *c, const struct tcp_seg *seg)
{
	if (!(seg->opt.has & TCP_HAS_TS) || !(c->flags & TCPC_TS) || seq_gt(seg->seq, c->rcv.sent))
		return;
	if (ts_old(c, seg))
		return;
	c->rcv.ts_recent = seg->opt.ts_val;
	c->rcv.ts_age_ms = c->tcp->now_ms;
}

/* The table of 3.4: does any of it lie in the window? */
static bool in_window(const struct tcp_conn *c, const struct tcp_seg *seg)
{
	uint32_t len = tcp_seg_len(seg), wnd = c->rcv.adv - c->rcv.nxt;
	uint32_t first = seg->seq - c->rcv.nxt, last = first + len - 1;

	if (!wnd)
		return !len && !first;
	return first < wnd || (len && last < wnd);
}

/* What lies outside of the window is cut off. */
static void trim(struct tcp_conn *c, struct tcp_seg *seg)
{
	uint32_t end;

	if (seq_lt(seg->seq, c->rcv.nxt)) {
		uint32_t n = RTE_MIN(c->rcv.nxt - seg->seq, seg->len);

		seg->seq += n;
		seg->off += n;
		seg->len -= n;
	}
	end = seg->seq + seg->len;
	if (seq_gt(end, c->rcv.adv)) {
		seg->len -= end - c->rcv.adv;
		seg->flags &= ~TCP_F_FIN;
	}
}

/*
 * SYN-RECEIVED: the peer's SYN again. Alone: our SYN-ACK was lost. With an ACK (simultaneous open)
 * only its SYN is old.
 */
static bool syn_again(struct tcp_conn *c, struct tcp_seg *seg)
{
	if (c->state != TCPS_SYN_RECEIVED || !(seg->flags & TCP_F_SYN) || seg->seq != c->rcv.irs)
		return true;
	if (!(seg->flags & TCP_F_ACK)) {
		tcp_rewind(c);
		tcp_seg_drop(c->tcp, seg, DROP_TCP_DUP);
		return false;
	}
	seg->seq++;
	seg->flags &= ~TCP_F_SYN;
	return true;
}

/*
 * First, check the sequence number. With a closed window the ACK of a segment is still processed,
 * its text is not (3.10.7.4: "special allowance").
 */
static bool step_seq(struct tcp_conn *c, struct tcp_seg *seg)
{
	if (!syn_again(c, seg) || !check_paws(c, seg))
		return false;
	if (seg->flags & TCP_F_RST)
		return true;
	if (c->rcv.adv == c->rcv.nxt && seg->len)
		tcp_win_hidden(c);
	if (in_window(c, seg)) {
		ts_recent_update(c, seg);
		trim(c, seg);
		return true;
	}
	if (seg->seq == c->rcv.nxt && c->rcv.adv == c->rcv.nxt) {
		seg->len = 0;
		seg->flags &= ~TCP_F_FIN;
		tcp_ack_now(c);
		return true;
	}
	answer_unacceptable(c, seg);
	tcp_seg_drop(c->tcp, seg, DROP_TCP_SEQ);
	return false;
}

/* The sequence number that a genuine RST has: what we received, or what we acknowledged last. */
static bool rst_exact(const struct tcp_conn *c, const struct tcp_seg *seg)
{
	return seg->seq == c->rcv.nxt || seg->seq == c->rcv.sent;
}

/* Second, check the RST bit (with RFC 5961, 3). */
static bool step_rst(struct tcp_conn *c, struct tcp_seg *seg)
{
	if (!(seg->flags & TCP_F_RST))
		return true;
	if (!rst_exact(c, seg)) {
		if (in_window(c, seg))
			tcp_challenge(c);
		tcp_seg_drop(c->tcp, seg, DROP_TCP_SEQ);
		return false;
	}
	tcp_inc(c->tcp, TCP_RSTS_IN);
	tcp_conn_gone(c, c->state == TCPS_SYN_RECEIVED ? ECONNREFUSED : ECONNRESET);
	return false;
}

/* Third, security: nothing to check. Fourth, check the SYN bit (with RFC 5961, 4). */
static bool step_syn(struct tcp_conn *c, struct tcp_seg *seg)
{
	if (!(seg->flags & TCP_F_SYN))
		return true;
	tcp_seg_drop(c->tcp, seg, DROP_TCP_STATE);
	if (c->state == TCPS_SYN_RECEIVED && (c->flags & TCPC_PASSIVE))
		tcp_conn_gone(c, ECONNREFUSED); /* back to LISTEN: the child goes */
	else
		tcp_challenge(c);
	return false;
}

/* Fifth, in SYN-RECEIVED: the ACK of our SYN. */
static bool ack_syn_received(struct tcp_conn *c, struct tcp_seg *seg)
{
	if (seq_leq(seg->ack, c->snd.una) || seq_gt(seg->ack, c->snd.max)) {
		tcp_reset_reply(c->tcp, seg);
		tcp_seg_drop(c->tcp, seg, DROP_TCP_ACK);
		return false;
	}
	c->snd.una = c->snd.iss + 1;
	tcp_established(c);
	return true;
}

/* Fifth, after the common part: what an acknowledged FIN makes of the state. */
static bool ack_of_fin(struct tcp_conn *c)
{
	if (!tcp_fin_acked(c))
		return true;
	switch (c->state) {
	case TCPS_FIN_WAIT_1:
		c->state = TCPS_FIN_WAIT_2;
		tcp_done(c);
		tcp_timer_update(c);
		break;
	case TCPS_CLOSING:
		c->state = TCPS_TIME_WAIT;
		tcp_done(c);
		tcp_sched(c);
		break;
	case TCPS_LAST_ACK:
		tcp_conn_dead(c);
		tcp_done(c);
		return false;
	default:
		break;
	}
	return true;
}

/* Fifth, check the ACK field. */
static bool step_ack(struct tcp_conn *c, struct tcp_seg *seg)
{
	if (!(seg->flags & TCP_F_ACK)) {
		tcp_seg_drop(c->tcp, seg, DROP_TCP_STATE);
		return false;
	}
	if (c->state == TCPS_SYN_RECEIVED && !ack_syn_received(c, seg))
		return false;
	return tcp_ack_check(c, seg) && ack_of_fin(c);
}

/*
 * Sixth, the URG bit: urgent data stays in the stream, as with SO_OOBINLINE (RFC 6093, 6). Seventh,
 * the text, in the states that take it.
 */
static bool step_text(struct tcp_conn *c, struct tcp_seg *seg)
{
	if (!seg->len)
		return true;
	if ((c->flags & TCPC_PEER_FIN) || c->state == TCPS_TIME_WAIT) {
		tcp_ack_now(c);
		tcp_seg_drop(c->tcp, seg, DROP_TCP_STATE);
		return false;
	}
	return tcp_text(c, seg);
}

/* Is the peer's FIN, of this segment or an earlier one, behind the last byte received? */
static bool fin_in_order(struct tcp_conn *c, const struct tcp_seg *seg)
{
	if (c->flags & TCPC_PEER_FIN)
		return false;
	if (seg->flags & TCP_F_FIN) {
		c->flags |= TCPC_FIN_AHEAD;
		c->rcv.fin = seg->seq + seg->len;
		if (c->rcv.fin != c->rcv.nxt)
			tcp_ack_now(c);
	}
	return (c->flags & TCPC_FIN_AHEAD) && c->rcv.fin == c->rcv.nxt;
}

/* Eighth, check the FIN bit; it counts when all text before it was received. */
static void step_fin(struct tcp_conn *c, struct tcp_seg *seg)
{
	if (!fin_in_order(c, seg))
		return;
	tcp_fin_received(c);
	switch (c->state) {
	case TCPS_ESTABLISHED:
		c->state = TCPS_CLOSE_WAIT;
		break;
	case TCPS_FIN_WAIT_1:
		c->state = TCPS_CLOSING;
		break;
	case TCPS_FIN_WAIT_2:
		c->state = TCPS_TIME_WAIT;
		tcp_timer_update(c);
		break;
	}
}

static void in_other_states(struct tcp_conn *c, struct tcp_seg *seg)
{
	if (step_seq(c, seg) && step_rst(c, seg) && step_syn(c, seg) && step_ack(c, seg) &&
	    step_text(c, seg))
		step_fin(c, seg);
}

void tcp_segment(struct tcp_conn *c, struct tcp_seg *seg)
{
	const uint8_t *opts = rte_pktmbuf_mtod_offset(seg->m, uint8_t *, TCP_HDR_MIN);

	tcp_opt_parse(opts, seg->hdr_len - TCP_HDR_MIN, &seg->opt);
	if (c->state == TCPS_SYN_SENT)
		in_syn_sent(c, seg);
	else
		in_other_states(c, seg);
	rte_pktmbuf_free(seg->m); /* NULL when it went elsewhere */
}
