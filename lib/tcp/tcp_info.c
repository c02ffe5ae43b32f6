/* SPDX-License-Identifier: BSD-3-Clause */
/* How a connection is doing, in the ABI's form. Cold. */
#include "tcp/tcp_conn.h"

#include "abi/abi_cmd.h"

/* Linux' numbers (RFC 4022 has others). */
static const uint8_t states[TCPS_N] = {
	[TCPS_ESTABLISHED] = 1, [TCPS_SYN_SENT] = 2,   [TCPS_SYN_RECEIVED] = 3,
	[TCPS_FIN_WAIT_1] = 4,	[TCPS_FIN_WAIT_2] = 5, [TCPS_TIME_WAIT] = 6,
	[TCPS_CLOSED] = 7,	[TCPS_CLOSE_WAIT] = 8, [TCPS_LAST_ACK] = 9,
	[TCPS_LISTEN] = 10,	[TCPS_CLOSING] = 11,
};

static uint8_t recovering(const struct tcp_conn *c)
{
	if (c->flags & TCPC_RECOVERY)
		return OUTSOCK_INFO_RECOVERY;
	return c->rtt.backoff ? OUTSOCK_INFO_LOSS : OUTSOCK_INFO_OPEN;
}

void tcp_info_record(const struct sock *s, struct outsock_info *ret_info)
{
	const struct tcp_conn *c = tcp_conn_const(s);
	const struct tcp_cc *cc = &c->cc;

	*ret_info = (struct outsock_info){ .state = states[c->state] };
	if (!tcp_is_sync(c)) /* in LISTEN there is something else in the round trip's place */
		return;
	ret_info->recovering = recovering(c);
	ret_info->retries = c->snd.retries;
	ret_info->backoff = c->rtt.backoff;
	ret_info->rto_us = tcp_rtt_rto(&c->rtt);
	ret_info->srtt_us = c->rtt.srtt >> 3;
	ret_info->rttvar_us = c->rtt.var >> 2;
	ret_info->cwnd = cc->cwnd;
	ret_info->ssthresh = cc->ssthresh < TCP_CWND_MAX ? cc->ssthresh : OUTSOCK_INFO_NONE;
	ret_info->in_flight = c->snd.nxt - c->snd.una;
	ret_info->retrans = s->retrans;
	ret_info->mss = c->snd.mss;
	ret_info->adv_mss = c->rcv.adv_mss;
	ret_info->pmtu = c->pmtu ? RTE_MIN(c->pmtu, c->flow.mtu) : c->flow.mtu;
	ret_info->snd_wnd = c->snd.wnd;
	ret_info->rcv_wnd = c->rcv.adv - c->rcv.ack;
	ret_info->tx_age_ms = c->tcp->now_ms - c->tx_ms;
	ret_info->rx_age_ms = c->tcp->now_ms - c->rx_ms;
}
