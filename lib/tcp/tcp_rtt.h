/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The retransmission time-out (RFC 6298) as a pure structure. All times are microseconds.
 */
#ifndef OUTSOCK_TCP_TCP_RTT_H
#define OUTSOCK_TCP_TCP_RTT_H

#include <stdint.h>

#define TCP_RTO_FIRST 1000000u	 /* RFC 6298, (2.1) */
#define TCP_RTO_MAX   120000000u /* (2.5): at least 60 s */

/**
 * struct tcp_rtt
 * @srtt:	smoothed round trip, times 8; 0: no sample yet
 * @var:	its variation, times 4
 * @rto:	time-out without back-off
 * @backoff:	times that it is doubled (5.5)
 */
struct tcp_rtt {
	uint32_t srtt, var, rto;
	uint8_t backoff;
};

void tcp_rtt_init(struct tcp_rtt *r);

/* A round trip was measured by a segment that was sent once, or by its timestamp (Karn). */
void tcp_rtt_sample(struct tcp_rtt *r, uint32_t us, uint32_t rto_min);

/* The time-out now in force. */
uint32_t tcp_rtt_rto(const struct tcp_rtt *r);

/* (5.5): the timer has run out. */
void tcp_rtt_backoff(struct tcp_rtt *r);

#endif
