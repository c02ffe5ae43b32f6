/* SPDX-License-Identifier: BSD-3-Clause */
/* The sockets of a guest, for people; on its lcore, between two turns, in small pieces. */
#include "guest/guest_private.h"

#include "tcp/tcp.h"
#include "udp/udp.h"

static const char *dgram_state(const struct sock *s)
{
	static const char *const names[] = {
		[SOCK_NEW] = "NEW",
		[SOCK_BOUND] = "BOUND",
		[SOCK_CONNECTED] = "CONNECTED",
		[SOCK_DEAD] = "DEAD",
	};

	return s->state < RTE_DIM(names) && names[s->state] ? names[s->state] : "?";
}

static void stream_info(const struct sock *s, struct guest_sock_info *ret_info)
{
	struct tcp_info tcp;

	tcp_info(s, &tcp);
	ret_info->state = tcp.state;
	ret_info->rxq_bytes = tcp.rx_queued;
	ret_info->srtt_us = tcp.srtt_us;
	ret_info->rto_us = tcp.rto_us;
	ret_info->cwnd = tcp.cwnd;
	ret_info->ssthresh = tcp.ssthresh;
	ret_info->mss = tcp.mss;
	ret_info->snd_wnd = tcp.snd_wnd;
	ret_info->rcv_wnd = tcp.rcv_wnd;
	ret_info->in_flight = tcp.in_flight;
	ret_info->unsent = tcp.unsent;
}

static void sock_info(const struct sock *s, struct guest_sock_info *ret_info)
{
	*ret_info = (struct guest_sock_info){
		.id = s->id,
		.type = s->type,
		.family = s->family,
		.local = s->local,
		.peer = s->peer,
		.rx_off = s->rx_off,
		.tx_off = s->tx_off,
		.tx_acked = s->tx_acked,
	};
	if (s->type == SOCK_STREAM_T) {
		stream_info(s, ret_info);
	} else {
		ret_info->state = dgram_state(s);
		ret_info->rxq_bytes = udp_rx_queued(s);
	}
}

unsigned int guest_sock_list(struct guest *g, uint32_t *cursor, struct guest_sock_info *infos,
			     unsigned int max)
{
	const struct guest_ids *ids = &g->ids;
	uint32_t i = *cursor, end = 2 * ids->max;
	unsigned int n = 0;

	if (i < end && end - i > GUEST_LIST_LOOK)
		end = i + GUEST_LIST_LOOK;
	for (; i < end && n < max; i++) {
		const struct sock *s = i < ids->max ? ids->own[i] : ids->host[i - ids->max];

		if (s)
			sock_info(s, &infos[n++]);
	}
	*cursor = i < 2 * ids->max ? i : GUEST_LIST_END;
	return n;
}
