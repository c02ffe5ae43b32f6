/* SPDX-License-Identifier: BSD-3-Clause */
/* Slow start and congestion avoidance of RFC 5681; its recovery is in tcp_retx.c (RFC 6582). */
#include "tcp/tcp_cc.h"

static void newreno_init(struct tcp_cc *cc)
{
}

static uint32_t grown(uint32_t cwnd, uint32_t by)
{
	return cwnd + by > TCP_CWND_MAX ? TCP_CWND_MAX : cwnd + by;
}

static void newreno_acked(struct tcp_cc *cc, uint32_t n, uint32_t mss, uint64_t now)
{
	if (cc->cwnd < cc->ssthresh) {
		/*
		 * Equation (2); RFC 3465: L = 2, since ACKs come for two segments, but 1 after
		 * loss.
		 */
		uint32_t most = cc->ssthresh == TCP_CWND_MAX ? 2 * mss : mss;

		cc->cwnd = grown(cc->cwnd, n < most ? n : most);
		return;
	}
	/* One SMSS for each window of acknowledged bytes. */
	cc->acked += n;
	if (cc->acked >= cc->cwnd) {
		cc->acked -= cc->cwnd;
		cc->cwnd = grown(cc->cwnd, mss);
	}
}

/* Equation (4). */
static void newreno_loss(struct tcp_cc *cc, uint32_t flight, uint32_t mss, uint64_t now)
{
	uint32_t half = flight / 2;

	cc->ssthresh = half > 2 * mss ? half : 2 * mss;
	cc->acked = 0;
}

const struct tcp_cc_ops tcp_newreno = {
	.name = "newreno",
	.init = newreno_init,
	.acked = newreno_acked,
	.loss = newreno_loss,
	.timeout = newreno_loss,
};
