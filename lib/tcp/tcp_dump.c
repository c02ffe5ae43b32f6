/* SPDX-License-Identifier: BSD-3-Clause */
/* Names and numbers for people. Cold. */
#include "tcp/tcp_conn.h"

static const char *const states[TCPS_N] = {
#define TCP_STATE(name, text) [TCPS_##name] = text,
#include "tcp/tcp_state.def"
#undef TCP_STATE
};

static const char *const count_names[TCP_COUNT_N] = {
#define TCP_COUNT(name, text) [TCP_##name] = #name,
#include "tcp/tcp_count.def"
#undef TCP_COUNT
};

const char *tcp_state_name(const struct sock *s)
{
	return states[tcp_conn_const(s)->state];
}

const uint64_t *tcp_counts(const struct tcp *tcp)
{
	return tcp->counts;
}

const char *tcp_count_name(enum tcp_count c)
{
	return (unsigned int)c < TCP_COUNT_N ? count_names[c] : "?";
}

/* Of the stream's text: neither SYN nor FIN. */
static uint32_t rx_queued(const struct tcp_conn *c)
{
	if (!c->s.rxq.head)
		return 0;
	if (c->flags & TCPC_PEER_FIN)
		return (uint32_t)(c->s.rx_end - c->s.rx_off);
	return c->rcv.nxt - (c->rcv.irs + 1 + (uint32_t)c->s.rx_off);
}

void tcp_info(const struct sock *s, struct tcp_info *ret_info)
{
	const struct tcp_conn *c = tcp_conn_const(s);

	*ret_info = (struct tcp_info){ .state = states[c->state] };
	if (!tcp_is_sync(c))
		return;
	ret_info->srtt_us = c->rtt.srtt >> 3;
	ret_info->rto_us = tcp_rtt_rto(&c->rtt);
	ret_info->cwnd = c->cc.cwnd;
	ret_info->ssthresh = c->cc.ssthresh;
	ret_info->mss = c->snd.mss;
	ret_info->snd_wnd = c->snd.wnd;
	ret_info->rcv_wnd = c->rcv.adv - c->rcv.ack;
	ret_info->in_flight = c->snd.nxt - c->snd.una;
	ret_info->rx_queued = rx_queued(c);
	ret_info->unsent = (uint32_t)(tcp_end_seq(c) - c->snd.nxt);
}
