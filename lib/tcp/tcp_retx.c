/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Loss: fast retransmit and recovery (RFC 5681, 3.2; NewReno: RFC 6582), time-outs (RFC 6298),
 * zero-window probes (RFC 9293, 3.8.6.1), and when to give up (3.8.3).
 */
#include "tcp/tcp_conn.h"

#define SYN_RETRIES    7  /* 1 + 2 + ... + 120 s: at least 3 minutes (RFC 9293, 3.8.3) */
#define SYNACK_RETRIES 5  /* a minute: half-open connections cost memory */
#define DATA_RETRIES   15 /* about 15 minutes; R2 is at least 100 s */
#define ORPHAN_PROBES  8  /* of a closed window, when nobody owns the connection any more */

static uint32_t flight(const struct tcp_conn *c)
{
	return c->snd.nxt - c->snd.una;
}

/* Step 2 of RFC 6582, 3.2. */
static void recovery_enter(struct tcp_conn *c)
{
	uint32_t mss = c->snd.mss;

	/* What limited transmit has sent does not count (RFC 5681, 3.2, 2). */
	c->cc.ops->loss(&c->cc, RTE_MIN(flight(c), c->cc.cwnd), mss, c->tcp->env->now);
	c->cc.cwnd = c->cc.ssthresh + 3 * mss;
	c->snd.recover = c->snd.max;
	c->flags |= TCPC_RECOVERY | TCPC_RETX;
	c->flags &= ~TCPC_PARTIAL;
	tcp_inc(c->tcp, TCP_FAST_RETRANS);
	tcp_sched(c);
}

void tcp_dupack(struct tcp_conn *c)
{
	if (c->snd.dupacks < UINT8_MAX)
		c->snd.dupacks++;
	if (c->flags & TCPC_RECOVERY) { /* another segment has left the network */
		c->cc.cwnd = RTE_MIN(c->cc.cwnd + c->snd.mss, TCP_CWND_MAX);
	} else if (c->snd.dupacks == 3) {
		/* Not again for what a time-out has sent already. */
		if (seq_gt(c->snd.una, c->snd.recover))
			recovery_enter(c);
	}
	tcp_sched(c);
}

/* Step 3: an ACK below recover says that the next segment was lost, too. */
static void partial_ack(struct tcp_conn *c, uint32_t n)
{
	uint32_t mss = c->snd.mss;

	c->cc.cwnd = RTE_MAX(c->cc.cwnd > n ? c->cc.cwnd - n : 0, mss);
	if (n >= mss)
		c->cc.cwnd += mss;
	c->flags |= TCPC_RETX | TCPC_PARTIAL;
}

void tcp_recovery_acked(struct tcp_conn *c, uint32_t n)
{
	uint32_t mss = c->snd.mss;

	if (!(c->flags & TCPC_RECOVERY)) {
		c->snd.dupacks = 0;
		if (c->flags & TCPC_CWND_FULL)
			c->cc.ops->acked(&c->cc, n, mss, c->tcp->env->now);
		return;
	}
	if (seq_lt(c->snd.una, c->snd.recover)) {
		partial_ack(c, n);
		return;
	}
	c->cc.cwnd = RTE_MIN(c->cc.ssthresh, RTE_MAX(flight(c), mss) + mss);
	c->flags &= ~(TCPC_RECOVERY | TCPC_RETX | TCPC_PARTIAL);
	c->snd.dupacks = 0;
}

void tcp_rewind(struct tcp_conn *c)
{
	c->snd.nxt = c->snd.una;
	c->txq.send = c->txq.head;
	c->flags &= ~(TCPC_RETX | TCPC_RTT);
	tcp_sched(c);
}

static unsigned int retries_max(const struct tcp_conn *c)
{
	if (c->state == TCPS_SYN_SENT)
		return c->snd.syn_retries ? c->snd.syn_retries : SYN_RETRIES;
	return c->state == TCPS_SYN_RECEIVED ? SYNACK_RETRIES : DATA_RETRIES;
}

/* One more time-out: has the peer had its time? True: @c has ended. */
static bool give_up(struct tcp_conn *c)
{
	uint32_t waited = c->tcp->now_ms - c->una_ms;
	bool late = c->user_timeout ? waited >= c->user_timeout : c->snd.retries >= retries_max(c);

	if (!late) {
		if (c->snd.retries < UINT8_MAX)
			c->snd.retries++;
		return false;
	}
	tcp_inc(c->tcp, TCP_TIMEOUTS);
	tcp_conn_gone(c, c->soft_err ? c->soft_err : ETIMEDOUT);
	return true;
}

/* RFC 5681, 3.1 and RFC 6582, 3.2, step 4: back to slow start. */
static void loss_by_timeout(struct tcp_conn *c)
{
	if (c->snd.retries == 1)
		c->cc.ops->timeout(&c->cc, flight(c), c->snd.mss, c->tcp->env->now);
	c->cc.cwnd = c->snd.mss;
	c->cc.acked = 0;
	c->snd.recover = c->snd.max;
	c->snd.dupacks = 0;
	c->flags &= ~(TCPC_RECOVERY | TCPC_PARTIAL);
}

void tcp_rto(struct tcp_conn *c)
{
	tcp_inc(c->tcp, TCP_RTO);
	if (give_up(c))
		return;
	tcp_rtt_backoff(&c->rtt);
	if (tcp_is_sync(c))
		loss_by_timeout(c);
	else
		c->flags |= TCPC_SYN_LOST;
	tcp_rewind(c);
	/* The window has closed over what was lost: from now on it is probed. */
	if (tcp_is_sync(c) && !c->snd.wnd) {
		tcp_tx_head(c, 1);
		tcp_inc(c->tcp, TCP_PROBES);
	}
	/* Sending sets the timer; should the packets be used up, this one runs. */
	tcp_timer_update(c);
}

void tcp_persist(struct tcp_conn *c)
{
	/* The peer is alive, or not; but whose program has closed is not to be held for ever. */
	if (tcp_orphaned(c) && c->snd.retries >= ORPHAN_PROBES) {
		tcp_inc(c->tcp, TCP_TIMEOUTS);
		tcp_conn_abort(c, ETIMEDOUT);
		return;
	}
	if (give_up(c))
		return;
	tcp_rtt_backoff(&c->rtt);
	if (tcp_tx_head(c, 1))
		tcp_inc(c->tcp, TCP_PROBES);
	tcp_timer_update(c);
}
