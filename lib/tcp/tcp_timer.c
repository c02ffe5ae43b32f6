/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Timers. A connection has one timer, set to what it waits for; setting it to a later time costs
 * two stores, since the wheel is left alone and the timer looks at the deadline when it fires.
 * Delayed ACKs and TIME-WAIT last equally long for all, so they are lists in order of expiry.
 */
#include "tcp/tcp_conn.h"

#define OVERRIDE_MS   200u /* RFC 9293, 3.8.6.2.1: 0.1 to 1 s */
#define NSEC_PER_USEC 1000ull

static void timer_set(struct tcp_conn *c, uint8_t mode, uint64_t after)
{
	c->timer_mode = mode;
	c->deadline = c->tcp->env->now + after;
	if (!wheel_armed(&c->timer) ||
	    c->timer.tick << WHEEL_TICK_SHIFT > c->deadline + (1u << WHEEL_TICK_SHIFT))
		wheel_arm(&c->tcp->wheel, &c->timer, c->deadline);
}

/* What @c waits for now. */
static uint8_t wanted(const struct tcp_conn *c)
{
	if (c->state <= TCPS_LISTEN || (c->flags & TCPC_HELD))
		return TCP_TM_NONE;
	if (c->snd.nxt != c->snd.una)
		return TCP_TM_RETX;
	if (tcp_unsent(c)) {
		if (!c->snd.wnd)
			return TCP_TM_PERSIST;
		return list_empty(&c->tx_link) ? TCP_TM_OVERRIDE : TCP_TM_NONE;
	}
	if (tcp_is_sync(c) && (c->flags & TCPC_KEEPALIVE))
		return TCP_TM_KEEPALIVE;
	return TCP_TM_NONE;
}

static uint64_t duration(const struct tcp_conn *c, uint8_t mode)
{
	switch (mode) {
	case TCP_TM_RETX:
	case TCP_TM_PERSIST:
		return tcp_rtt_rto(&c->rtt) * NSEC_PER_USEC;
	case TCP_TM_OVERRIDE:
		return OVERRIDE_MS * NSEC_PER_MSEC;
	default:
		return c->keep_idle * NSEC_PER_SEC;
	}
}

void tcp_timer_update(struct tcp_conn *c)
{
	uint8_t mode = wanted(c);
	bool owed = mode == TCP_TM_RETX || mode == TCP_TM_PERSIST;

	if (mode == c->timer_mode)
		return;
	if (mode == TCP_TM_NONE) {
		c->timer_mode = mode;
		return;
	}
	if (c->timer_mode == TCP_TM_KEEPALIVE)
		c->snd.retries = 0;
	/* From here on the peer owes an answer: for the user time-out. */
	if (owed && !c->snd.retries)
		c->una_ms = c->tcp->now_ms;
	timer_set(c, mode, duration(c, mode));
}

void tcp_timer_restart(struct tcp_conn *c)
{
	c->timer_mode = TCP_TM_NONE;
	tcp_timer_update(c);
}

void tcp_timer_off(struct tcp_conn *c)
{
	c->timer_mode = TCP_TM_NONE;
	wheel_disarm(&c->tcp->wheel, &c->timer);
	tcp_delack_off(c);
}

/* The deadline becomes what is left; the time on the way does not count. */
void tcp_timer_leave(struct tcp_conn *c)
{
	uint64_t now = c->tcp->env->now;

	c->deadline = c->deadline > now ? c->deadline - now : 0;
	wheel_disarm(&c->tcp->wheel, &c->timer);
	tcp_delack_off(c);
}

void tcp_timer_arrive(struct tcp_conn *c)
{
	wheel_timer_init(&c->timer);
	if (c->timer_mode != TCP_TM_NONE)
		timer_set(c, c->timer_mode, c->deadline);
}

static void keepalive(struct tcp_conn *c)
{
	struct tcp *tcp = c->tcp;
	uint32_t idle = tcp->now_ms - c->rx_ms, first = c->keep_idle * 1000u;
	bool late = c->user_timeout && idle >= c->user_timeout;

	if ((int32_t)(c->rx_ms - c->una_ms) >= 0) { /* the last probe was answered */
		c->snd.retries = 0;
		c->soft_err = 0;
	}
	if (idle < first) {
		timer_set(c, TCP_TM_KEEPALIVE, (first - idle) * NSEC_PER_MSEC);
		return;
	}
	if (c->user_timeout ? late && c->snd.retries : c->snd.retries >= c->keep_cnt) {
		tcp_inc(tcp, TCP_TIMEOUTS);
		tcp_conn_abort(c, c->soft_err ? c->soft_err : ETIMEDOUT);
		return;
	}
	/* A sequence number that the peer has had makes it answer (RFC 9293, 3.8.4). */
	if (tcp_emit_empty(c, c->snd.una - 1, TCP_F_ACK)) {
		c->snd.retries++;
		c->una_ms = tcp->now_ms;
		tcp_inc(tcp, TCP_KEEPALIVES);
	}
	timer_set(c, TCP_TM_KEEPALIVE, c->keep_intvl * NSEC_PER_SEC);
}

static void override(struct tcp_conn *c)
{
	c->flags |= TCPC_FORCE;
	tcp_sched(c);
}

static void fire(struct tcp_conn *c)
{
	static void (*const fns[TCP_TM_N])(struct tcp_conn * c) = {
		[TCP_TM_RETX] = tcp_rto,
		[TCP_TM_PERSIST] = tcp_persist,
		[TCP_TM_OVERRIDE] = override,
		[TCP_TM_KEEPALIVE] = keepalive,
	};
	uint8_t mode = c->timer_mode;

	if (mode == TCP_TM_NONE)
		return;
	if (c->tcp->env->now < c->deadline) {
		wheel_arm(&c->tcp->wheel, &c->timer, c->deadline);
		return;
	}
	c->timer_mode = TCP_TM_NONE;
	fns[mode](c);
}

bool tcp_timers(struct tcp *tcp, unsigned int budget)
{
	struct wheel_timer *t;
	unsigned int left = budget, delacks;

	tcp_set_now(tcp);
	if (!wheel_due(&tcp->wheel, tcp->env->now) && tcp->delacks.done_ms == tcp->now_ms &&
	    list_empty(&tcp->tw_list))
		return !budget;
	wheel_advance(&tcp->wheel, tcp->env->now, budget);
	while (left && (t = wheel_expired(&tcp->wheel))) {
		left--;
		fire(container_of(t, struct tcp_conn, timer));
	}
	delacks = tcp_delacks_expire(tcp, budget);
	tcp_tw_expire(tcp, budget);
	return !left || !delacks;
}

uint64_t tcp_next(const struct tcp *tcp)
{
	uint64_t next = wheel_next(&tcp->wheel), now = tcp->env->now;
	uint64_t delack = tcp_delacks_next(tcp);

	if (!list_empty(&tcp->tx_list))
		return now;
	if (delack < next)
		next = delack;
	if (!list_empty(&tcp->tw_list)) {
		const struct tcp_tw *tw = container_of(tcp->tw_list.next, struct tcp_tw, link);

		next = RTE_MIN(next, RTE_MAX(tw->expiry, now));
	}
	return next;
}
