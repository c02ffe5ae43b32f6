/* SPDX-License-Identifier: BSD-3-Clause */
/* What connections have to send: handshakes, data, FIN, then what acknowledgements are left. */
#include "tcp/tcp_conn.h"

#define TX_SHARE 16u /* packets of one connection before it is the next one's turn */

/* nxt moves over @n sequence numbers that were just sent. */
static void sent(struct tcp_conn *c, uint32_t n)
{
	bool again = seq_lt(c->snd.nxt, c->snd.max);

	c->snd.nxt += n;
	c->tx_ms = c->tcp->now_ms;
	if (again) {
		tcp_inc(c->tcp, c->state <= TCPS_SYN_RECEIVED ? TCP_RETRANS_SYN : TCP_RETRANS);
		c->s.retrans++;
		c->flags &= ~TCPC_RTT;
	} else if (!(c->flags & TCPC_RTT)) {
		c->flags |= TCPC_RTT;
		c->snd.rtt_seq = c->snd.nxt;
		c->snd.rtt_us = tcp_now_us(c->tcp);
	}
	c->snd.max = seq_max(c->snd.max, c->snd.nxt);
}

/* SYN or SYN-ACK: due while nxt is (or is again) at ISS. */
static bool tx_syn(struct tcp_conn *c)
{
	uint8_t flags = c->state == TCPS_SYN_SENT ? TCP_F_SYN : TCP_F_SYN | TCP_F_ACK;

	if (c->snd.nxt != c->snd.iss || !tcp_emit_empty(c, c->snd.iss, flags))
		return false;
	sent(c, 1);
	return true;
}

/*
 * What the first FIN makes of the state (RFC 9293, 3.10.4). LAST-ACK may end with the ACK of our
 * FIN because ours acknowledged the peer's; one that did not, since the consumer has not taken all
 * (D9, rule 1), is like a simultaneous close.
 */
static void fin_state(struct tcp_conn *c)
{
	c->flags |= TCPC_FIN_SENT;
	if (c->state == TCPS_ESTABLISHED)
		c->state = TCPS_FIN_WAIT_1;
	else if (c->state == TCPS_CLOSE_WAIT)
		c->state = c->rcv.ack == c->rcv.nxt ? TCPS_LAST_ACK : TCPS_CLOSING;
}

static uint32_t usable_window(const struct tcp_conn *c)
{
	uint32_t right = c->snd.una + c->snd.wnd;

	return seq_lt(c->snd.nxt, right) ? right - c->snd.nxt : 0;
}

/* RFC 5681, 3.2 (1): the first two duplicate ACKs let a segment each out (RFC 3042). */
static uint32_t cwnd_now(const struct tcp_conn *c)
{
	uint32_t extra = c->flags & TCPC_RECOVERY ? 0 : RTE_MIN(c->snd.dupacks, 2);

	return c->cc.cwnd + extra * c->snd.mss;
}

/*
 * Nagle's algorithm (RFC 9293, 3.7.4) in Minshall's form: a small segment waits only for another
 * small one, so that the tail of a large write does not wait for a delayed ACK.
 */
static bool held_small(const struct tcp_conn *c)
{
	if (c->flags & (TCPC_CORK | TCPC_MORE))
		return true;
	return !(c->flags & TCPC_NODELAY) && seq_gt(c->snd.small, c->snd.una);
}

/*
 * How much of the next @len bytes may leave now, 0 or more. @last: nothing is queued behind them.
 * Sender's part of silly window avoidance (RFC 9293, 3.8.6.2.1).
 */
static uint32_t tx_allowed(struct tcp_conn *c, uint32_t len, bool last)
{
	uint32_t flight = c->snd.nxt - c->snd.una, usable = usable_window(c);

	if (flight && flight + RTE_MIN(len, usable) > cwnd_now(c)) {
		c->flags |= TCPC_CWND_FULL;
		return 0;
	}
	if (usable < len) {
		bool half = usable && usable >= c->snd.wnd_max / 2 && !flight;

		return half || (c->flags & TCPC_FORCE) ? usable : 0;
	}
	if (len >= c->snd.mss || !last || c->s.tx_fin || (c->flags & TCPC_FORCE))
		return len;
	if (seq_lt(c->snd.nxt, c->snd.max))
		return len; /* it was sent before */
	return held_small(c) ? 0 : len;
}

/* FIN, where the window has room for it. */
static bool tx_fin(struct tcp_conn *c)
{
	if (!c->s.tx_fin || c->snd.nxt != tcp_end_seq(c) || !usable_window(c))
		return false;
	if (!tcp_emit_empty(c, c->snd.nxt, TCP_F_FIN | TCP_F_ACK))
		return false;
	fin_state(c);
	sent(c, 1);
	return true;
}

/* The flags of data that ends at @end. FIN travels with the last byte if the window has room. */
static uint8_t data_flags(const struct tcp_conn *c, uint32_t end)
{
	if (end != tcp_end_seq(c))
		return TCP_F_ACK;
	if (c->s.tx_fin && seq_lt(end, c->snd.una + c->snd.wnd))
		return TCP_F_ACK | TCP_F_PSH | TCP_F_FIN;
	return TCP_F_ACK | TCP_F_PSH;
}

/* The next segment of data, or FIN. False: nothing more may leave now. */
static bool tx_next(struct tcp_conn *c)
{
	struct rte_mbuf *m = c->txq.send, *seg;
	uint32_t seq = c->snd.nxt, off, len, payload;
	uint8_t flags;

	if (!m)
		return tx_fin(c);
	payload = pkt_meta(m)->payload;
	off = seq - pkt_meta(m)->seq;
	len = RTE_MIN(payload - off, (uint32_t)c->snd.mss);
	len = tx_allowed(c, len, !pkt_meta(m)->tx_next);
	if (!len)
		return false;
	seg = tcp_txq_segment(c, m, off, len);
	if (!seg)
		return false;
	if (off + len == payload)
		c->txq.send = pkt_meta(m)->tx_next;
	if (len < c->snd.mss)
		c->snd.small = seq + len;
	flags = data_flags(c, seq + len);
	if (flags & TCP_F_FIN)
		fin_state(c);
	sent(c, len + !!(flags & TCP_F_FIN));
	tcp_emit(c, seg, seq, flags);
	return true;
}

/* All data was acknowledged: the first segment, if any, is FIN. */
static bool head_is_fin(struct tcp_conn *c)
{
	if (!c->s.tx_fin || tcp_fin_acked(c))
		return true;
	if (!tcp_emit_empty(c, c->snd.una, TCP_F_FIN | TCP_F_ACK))
		return false;
	fin_state(c);
	c->snd.max = c->snd.una + 1;
	return true;
}

bool tcp_tx_head(struct tcp_conn *c, uint32_t len_max)
{
	struct rte_mbuf *m = c->txq.head, *seg;
	uint32_t len, seq = c->snd.una;

	c->flags &= ~TCPC_RTT; /* Karn */
	if (!m)
		return head_is_fin(c);
	len = RTE_MIN(pkt_meta(m)->payload, len_max);
	seg = tcp_txq_segment(c, m, 0, len);
	if (!seg)
		return false;
	c->snd.max = seq_max(c->snd.max, seq + len);
	tcp_emit(c, seg, seq, seq + len == tcp_end_seq(c) ? TCP_F_ACK | TCP_F_PSH : TCP_F_ACK);
	return true;
}

/* RFC 5681, 4.1: after an idle RTO the old window says nothing any more. */
static void restart_idle(struct tcp_conn *c)
{
	uint32_t idle_ms = c->tcp->now_ms - c->tx_ms, iw = tcp_cc_iw(c->snd.mss, 0);

	if (c->snd.una == c->snd.max && idle_ms > tcp_rtt_rto(&c->rtt) / 1000)
		c->cc.cwnd = RTE_MIN(c->cc.cwnd, iw);
}

static unsigned int tx_data(struct tcp_conn *c, unsigned int max)
{
	unsigned int n = 0;

	if (c->flags & TCPC_RETX) {
		if (!tcp_tx_head(c, c->snd.mss))
			return 0;
		tcp_inc(c->tcp, TCP_RETRANS);
		c->s.retrans++;
		c->flags &= ~TCPC_RETX;
		n++;
	}
	if (!tcp_unsent(c))
		return n;
	restart_idle(c);
	c->flags &= ~TCPC_CWND_FULL;
	while (n < max && tx_next(c))
		n++;
	if (!c->tcp->starved)
		c->flags &= ~TCPC_FORCE;
	return n;
}

/*
 * The sequence number of a segment without text: SND.NXT, but after a time-out nxt is back at what
 * the peer may have already, and a probe may have gone beyond its window.
 */
uint32_t tcp_ack_seq(const struct tcp_conn *c)
{
	if (!tcp_is_sync(c))
		return c->snd.max;
	return seq_min(c->snd.max, c->snd.una + c->snd.wnd);
}

/*
 * Pure acknowledgements: one, or as many duplicates as segments came beyond a gap (RFC 5681, 4.2):
 * the peer counts them.
 */
static unsigned int tx_acks(struct tcp_conn *c, unsigned int max)
{
	unsigned int n = 0, due = RTE_MAX(c->rcv.dup_owed, !!(c->flags & TCPC_ACK_NOW));

	while (n < due && n < max && tcp_emit_empty(c, tcp_ack_seq(c), TCP_F_ACK)) {
		n++;
		tcp_inc(c->tcp, c->rcv.dup_owed ? TCP_DUP_ACKS : TCP_PURE_ACKS);
		if (c->rcv.dup_owed)
			c->rcv.dup_owed--;
	}
	if (n < due)
		tcp_sched(c);
	else if (c->flags & TCPC_ACK_DELAY)
		tcp_delack(c);
	return n;
}

/* At most @max packets of @c, which is off the list; it goes back when it has more. May end @c. */
static unsigned int tx_conn(struct tcp_conn *c, unsigned int max)
{
	unsigned int n;

	if (c->flags & TCPC_HELD || c->state <= TCPS_LISTEN)
		return c->state == TCPS_LISTEN ? tcp_listen_reap(c, max) : 0;
	n = tcp_is_sync(c) ? tx_data(c, max) : tx_syn(c);
	if (c->state != TCPS_SYN_SENT && n < max)
		n += tx_acks(c, max - n);
	if (n == max || c->tcp->starved)
		tcp_sched(c);
	tcp_timer_update(c);
	if (c->state == TCPS_TIME_WAIT)
		tcp_time_wait(c);
	return n;
}

bool tcp_tx(struct tcp *tcp, unsigned int budget)
{
	unsigned int n;

	tcp->starved = false;
	if (list_empty(&tcp->tx_list))
		return false;
	tcp_set_now(tcp);
	while (budget && !tcp->starved && !list_empty(&tcp->tx_list)) {
		struct tcp_conn *c =
			container_of(list_first(&tcp->tx_list), struct tcp_conn, tx_link);
		struct tcp_conn *next = container_of(c->tx_link.next, struct tcp_conn, tx_link);

		rte_prefetch0(&next->snd);
		rte_prefetch0(&next->txq);
		list_del(&c->tx_link);
		n = tx_conn(c, RTE_MIN(budget, TX_SHARE));
		budget -= RTE_MAX(n, 1u); /* to look at one that sends nothing is work, too */
	}
	return !list_empty(&tcp->tx_list);
}
