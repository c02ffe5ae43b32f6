// SPDX-License-Identifier: GPL-2.0
/*
 * TCP_INFO and TCP_MAXSEG. What only the host knows (state of the FINs, round trip, window of
 * congestion) it is asked for: one request and its reply. Without an answer soon (no session, a new
 * epoch) the guest's own knowledge has to do, and the rest is 0. Also 0, as nobody keeps them: ATO,
 * pacing and delivery rates, counts of segments, times busy or limited.
 */
#include "compat.h"
#include <linux/tcp.h>
#include <net/tcp.h>
#include "cmd.h"
#include "dev.h"
#include "option.h"

#define OSOPT_INFO_TIMEOUT HZ

#define OSOPT_HEADERS	   ((int)(sizeof(struct iphdr) + sizeof(struct tcphdr)))

/* lock held */
static bool osopt_is_conn(const struct osk *os)
{
	return (1 << osk_sk(os)->sk_state) & ~(TCPF_CLOSE | TCPF_LISTEN | TCPF_SYN_SENT);
}

/* lock held: payload bytes of a full segment to the peer */
static u32 osopt_mss(const struct osk *os)
{
	int user = osopt_value(os, OUTSOCK_OPT_MAXSEG, OSOPT_MSS_MAX);
	int mtu = le16_to_cpu(os->dev->hello.mtu), peer = le16_to_cpu(os->record.peer_mss), mss;

	if (!osopt_is_conn(os))
		return user == OSOPT_MSS_MAX ? TCP_MSS_DEFAULT : user;
	mss = min3(user, mtu - OSOPT_HEADERS, peer);
	if (os->record.flags & OUTSOCK_RESUME_TS)
		mss -= TCPOLEN_TSTAMP_ALIGNED;
	return max(mss, OSOPT_MSS_MIN);	/* whatever the host says: we divide by it */
}

int osopt_get_maxseg(struct osk *os, void *buf)
{
	u32 mss;

	spin_lock(&os->lock);
	mss = osopt_mss(os);
	spin_unlock(&os->lock);
	memcpy(buf, &mss, sizeof(mss));
	return sizeof(mss);
}

/* lock held */
static void osopt_info_options(const struct osk *os, struct tcp_info *info)
{
	const struct outsock_resume *record = &os->record;

	if (record->flags & OUTSOCK_RESUME_TS)
		info->tcpi_options |= TCPI_OPT_TIMESTAMPS;
	if (record->flags & OUTSOCK_RESUME_SACK)
		info->tcpi_options |= TCPI_OPT_SACK;
	if (record->flags & OUTSOCK_RESUME_WSCALE) {
		info->tcpi_options |= TCPI_OPT_WSCALE;
		info->tcpi_snd_wscale = record->snd_shift;
		info->tcpi_rcv_wscale = record->rcv_shift;
	}
}

/* lock held: what the guest knows by itself */
static void osopt_info_own(struct osk *os, struct tcp_info *info)
{
	struct sock *sk = osk_sk(os);

	info->tcpi_state = sk->sk_state;
	info->tcpi_rcv_space = osk_rcv_space(os);
	info->tcpi_rcv_ssthresh = info->tcpi_rcv_space;
	info->tcpi_snd_mss = osopt_mss(os);
	info->tcpi_rcv_mss = info->tcpi_snd_mss;
	info->tcpi_advmss = info->tcpi_snd_mss;
	info->tcpi_pmtu = le16_to_cpu(os->dev->hello.mtu);
	if (sk->sk_state == TCP_LISTEN) {
		info->tcpi_unacked = os->qlen;
		info->tcpi_sacked = os->backlog;
		return;
	}
	osopt_info_options(os, info);
	info->tcpi_unacked = DIV_ROUND_UP_ULL(os->snd_nxt - os->snd_una, info->tcpi_snd_mss);
	info->tcpi_bytes_acked = os->snd_una;
	info->tcpi_bytes_sent = os->snd_nxt;
	info->tcpi_bytes_received = os->rcv_nxt;
	info->tcpi_notsent_bytes = os->snd_end - os->snd_nxt;
}

/* The host has not seen yet what a program has just said: its bytes and its FIN wait for room. */
static u8 osopt_info_state(u8 host, u8 own)
{
	if (host == TCP_ESTABLISHED && own == TCP_FIN_WAIT1)
		return own;
	if (host == TCP_CLOSE_WAIT && (own == TCP_LAST_ACK || own == TCP_CLOSING))
		return own;
	return host >= TCP_ESTABLISHED && host <= TCP_CLOSING ? host : own;
}

static u32 osopt_segments(__le32 bytes, u32 mss)
{
	return DIV_ROUND_UP(min_t(u32, le32_to_cpu(bytes), INT_MAX), mss);
}

static void osopt_info_host(struct tcp_info *info, const struct outsock_info *host)
{
	static const u8 recovering[] = {
		[OUTSOCK_INFO_OPEN] = TCP_CA_Open, [OUTSOCK_INFO_RECOVERY] = TCP_CA_Recovery,
		[OUTSOCK_INFO_LOSS] = TCP_CA_Loss,
	};
	u32 mss = max_t(u32, le32_to_cpu(host->mss), 1), rcv_wnd = le32_to_cpu(host->rcv_wnd);

	info->tcpi_state = osopt_info_state(host->state, info->tcpi_state);
	if (host->recovering < ARRAY_SIZE(recovering))
		info->tcpi_ca_state = recovering[host->recovering];
	info->tcpi_retransmits = host->retries;
	info->tcpi_backoff = host->backoff;
	info->tcpi_rto = le32_to_cpu(host->rto_us);
	info->tcpi_rtt = le32_to_cpu(host->srtt_us);
	info->tcpi_rttvar = le32_to_cpu(host->rttvar_us);
	info->tcpi_snd_mss = mss;
	info->tcpi_advmss = le32_to_cpu(host->adv_mss);
	if (info->tcpi_options & TCPI_OPT_TIMESTAMPS)
		info->tcpi_advmss -= TCPOLEN_TSTAMP_ALIGNED;
	info->tcpi_pmtu = le32_to_cpu(host->pmtu);
	info->tcpi_snd_cwnd = osopt_segments(host->cwnd, mss);
	info->tcpi_snd_ssthresh = host->ssthresh == cpu_to_le32(OUTSOCK_INFO_NONE) ?
					  TCP_INFINITE_SSTHRESH :
					  osopt_segments(host->ssthresh, mss);
	info->tcpi_unacked = osopt_segments(host->in_flight, mss);
	info->tcpi_total_retrans = le32_to_cpu(host->retrans);
	info->tcpi_last_data_sent = le32_to_cpu(host->tx_age_ms);
	info->tcpi_last_data_recv = le32_to_cpu(host->rx_age_ms);
	info->tcpi_last_ack_recv = info->tcpi_last_data_recv;
	info->tcpi_rcv_ssthresh = max(info->tcpi_rcv_ssthresh, rcv_wnd);
	info->tcpi_snd_wnd = le32_to_cpu(host->snd_wnd);
}

/* False: no answer. Nothing is held over the wait. */
static bool osopt_ask_host(struct osk *os, struct outsock_info *host)
{
	struct osreq *req;
	bool answered;

	if (!READ_ONCE(os->dev->up))
		return false;
	req = osreq_new(os->q, os, OUTSOCK_OP_INFO, GFP_KERNEL);
	if (!req)
		return false;
	spin_lock(&os->lock);
	req->sock = os->id;
	answered = os->declared && !os->dead && !os->close_sent;
	if (answered)
		osreq_queue(req);
	spin_unlock(&os->lock);
	if (!answered) {
		osreq_cancel(req);
		return false;
	}
	answered = !osreq_wait_for(req, OSOPT_INFO_TIMEOUT) && req->reply_len >= sizeof(*host);
	memcpy(host, req->reply, sizeof(*host));
	osreq_put(req);
	return answered;
}

int osopt_get_info(struct osk *os, void *buf)
{
	struct tcp_info *info = buf;
	struct outsock_info host;
	bool conn;

	memset(info, 0, sizeof(*info));
	spin_lock(&os->lock);
	osopt_info_own(os, info);
	conn = osopt_is_conn(os);
	spin_unlock(&os->lock);
	if (conn && osopt_ask_host(os, &host))
		osopt_info_host(info, &host);
	return sizeof(*info);
}
