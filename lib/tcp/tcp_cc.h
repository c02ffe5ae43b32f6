/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Congestion control as a table: what an algorithm decides is the window; when segments are sent
 * again, and what is lost, is tcp_retx.c's. Pure: bytes in, bytes out, no connection.
 */
#ifndef OUTSOCK_TCP_TCP_CC_H
#define OUTSOCK_TCP_TCP_CC_H

#include <stdint.h>

struct tcp_cc;

/* @mss: SMSS of RFC 5681. @flight: FlightSize. All in bytes. */
struct tcp_cc_ops {
	const char *name;
	/* A connection begins; cwnd is the initial window already. */
	void (*init)(struct tcp_cc *cc);
	/* @n bytes were newly acknowledged outside of recovery, while cwnd was in full use. */
	void (*acked)(struct tcp_cc *cc, uint32_t n, uint32_t mss, uint64_t now);
	/* Loss seen by duplicate acknowledgements: sets ssthresh. */
	void (*loss)(struct tcp_cc *cc, uint32_t flight, uint32_t mss, uint64_t now);
	/* First time-out of a segment: sets ssthresh. */
	void (*timeout)(struct tcp_cc *cc, uint32_t flight, uint32_t mss, uint64_t now);
};

/**
 * struct tcp_cc - congestion state of one connection
 * @cwnd, @ssthresh: as in RFC 5681, 3.1
 * @acked:	bytes acknowledged since cwnd last grew (congestion avoidance)
 * @priv:	the algorithm's own
 */
struct tcp_cc {
	const struct tcp_cc_ops *ops;
	uint32_t cwnd, ssthresh;
	uint32_t acked;
	uint32_t priv[5];
};

extern const struct tcp_cc_ops tcp_newreno; /* RFC 5681, RFC 6582 */

#define TCP_CWND_MAX (1u << 30)

/* RFC 6928, 2: the initial window; one segment when the SYN was lost (RFC 5681, 3.1). */
static inline uint32_t tcp_cc_iw(uint32_t mss, int syn_lost)
{
	uint32_t floor = 2 * mss > 14600 ? 2 * mss : 14600;

	if (syn_lost)
		return mss;
	return 10 * mss < floor ? 10 * mss : floor;
}

static inline void tcp_cc_init(struct tcp_cc *cc, const struct tcp_cc_ops *ops, uint32_t iw)
{
	*cc = (struct tcp_cc){ .ops = ops, .cwnd = iw, .ssthresh = TCP_CWND_MAX };
	ops->init(cc);
}

#endif
