/* SPDX-License-Identifier: BSD-3-Clause */
/* Acknowledgements of what we sent (RFC 9293, 3.10.7.4, fifth step). */
#include "tcp/tcp_conn.h"

void tcp_challenge(struct tcp_conn *c)
{
	struct tcp *tcp = c->tcp;

	if (!tcp_challenge_due(tcp, &c->challenge_ms))
		return;
	tcp_inc(tcp, TCP_CHALLENGES);
	tcp_ack_now(c);
}

void tcp_window_update(struct tcp_conn *c, const struct tcp_seg *seg)
{
	uint32_t wnd = (uint32_t)seg->wnd << c->snd.shift;
	bool opens = !c->snd.wnd && wnd;

	if (seq_gt(c->snd.wl1, seg->seq) ||
	    (c->snd.wl1 == seg->seq && seq_gt(c->snd.wl2, seg->ack)))
		return;
	if (wnd != c->snd.wnd && tcp_unsent(c))
		tcp_sched(c);
	c->snd.wnd = wnd;
	c->snd.wl1 = seg->seq;
	c->snd.wl2 = seg->ack;
	c->snd.wnd_max = RTE_MAX(c->snd.wnd_max, wnd);
	if (opens && c->snd.nxt == c->snd.una) {
		/* Probing backed off for lack of room, not for loss. */
		c->rtt.backoff = 0;
		c->snd.retries = 0;
	}
}

/*
 * A round trip from the segment that was timed, which was sent once (Karn), else from the echoed
 * timestamp, which tells retransmissions apart (RFC 7323, 4).
 */
static void rtt_take(struct tcp_conn *c, const struct tcp_seg *seg)
{
	struct tcp *tcp = c->tcp;
	uint32_t us, rto_min = tcp->cfg.rto_min_ms * 1000;

	if (c->flags & TCPC_RTT) {
		if (seq_lt(seg->ack, c->snd.rtt_seq))
			return;
		c->flags &= ~TCPC_RTT;
		us = tcp_now_us(tcp) - c->snd.rtt_us;
	} else if ((c->flags & TCPC_TS) && (seg->opt.has & TCP_HAS_TS) && seg->opt.ts_ecr) {
		uint32_t ms = tcp_ts_now(c) - seg->opt.ts_ecr;

		if (ms > INT32_MAX)
			return; /* an echo of what we never sent */
		us = RTE_MIN(ms, 60000u) * 1000;
	} else {
		return;
	}
	tcp_rtt_sample(&c->rtt, us, rto_min);
}

void tcp_acked(struct tcp_conn *c, const struct tcp_seg *seg)
{
	uint32_t n = seg->ack - c->snd.una;
	bool fin = (c->flags & TCPC_FIN_SENT) && seg->ack == tcp_end_seq(c) + 1;
	uint32_t bytes = n - fin;
	bool impatient;

	rtt_take(c, seg);
	tcp_txq_acked(c, seg->ack - fin);
	c->s.tx_acked += bytes;
	c->snd.una = seg->ack;
	c->snd.nxt = seq_max(c->snd.nxt, c->snd.una);
	c->snd.retries = 0;
	c->soft_err = 0;
	/* RFC 6582, 4: only the first partial ACK restarts the timer. */
	impatient = c->flags & TCPC_PARTIAL;
	tcp_recovery_acked(c, n);
	if (!impatient || !(c->flags & TCPC_PARTIAL))
		tcp_timer_restart(c);
	if (bytes && !(c->flags & TCPC_CLOSING))
		sock_ready(&c->s, SOCK_EV_ACKED);
	if (tcp_unsent(c) || (c->flags & TCPC_RETX))
		tcp_sched(c);
}

/*
 * RFC 5681, 2: what counts as a duplicate. A probe beyond a closed window (max) is not in flight.
 */
static bool is_dupack(const struct tcp_conn *c, const struct tcp_seg *seg, uint32_t wnd_before)
{
	return !seg->len && !(seg->flags & (TCP_F_SYN | TCP_F_FIN)) && c->snd.una != c->snd.nxt &&
		c->snd.wnd == wnd_before;
}

bool tcp_ack_check(struct tcp_conn *c, struct tcp_seg *seg)
{
	uint32_t wnd = c->snd.wnd;

	/* RFC 5961, 5: neither of the future nor older than a window. */
	if (seq_gt(seg->ack, c->snd.max) || seq_lt(seg->ack, c->snd.una - c->snd.wnd_max)) {
		tcp_challenge(c);
		tcp_seg_drop(c->tcp, seg, DROP_TCP_ACK);
		return false;
	}
	c->rx_ms = c->tcp->now_ms;
	if (seq_lt(seg->ack, c->snd.una))
		return true;
	tcp_window_update(c, seg);
	if (c->timer_mode == TCP_TM_PERSIST && !tcp_orphaned(c))
		c->snd.retries = 0; /* it is alive (RFC 9293, 3.8.6.1) */
	if (seg->ack != c->snd.una)
		tcp_acked(c, seg);
	else if (is_dupack(c, seg, wnd))
		tcp_dupack(c);
	return true;
}
