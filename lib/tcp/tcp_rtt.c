/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/tcp_rtt.h"

#define SAMPLE_MAX  (60u * 1000000u) /* keeps the scaled sums within 32 bits */
#define BACKOFF_MAX 16

void tcp_rtt_init(struct tcp_rtt *r)
{
	*r = (struct tcp_rtt){ .rto = TCP_RTO_FIRST };
}

void tcp_rtt_sample(struct tcp_rtt *r, uint32_t us, uint32_t rto_min)
{
	uint32_t rto;

	if (us > SAMPLE_MAX)
		us = SAMPLE_MAX;
	if (us == 0)
		us = 1;
	if (!r->srtt) { /* (2.2) */
		r->srtt = us << 3;
		r->var = us << 1;
	} else { /* (2.3): alpha 1/8, beta 1/4 */
		uint32_t srtt = r->srtt >> 3;
		uint32_t err = srtt > us ? srtt - us : us - srtt;

		r->var += err - (r->var >> 2);
		r->srtt += us - srtt;
		if (!r->srtt)
			r->srtt = 1;
	}
	rto = (r->srtt >> 3) + r->var;
	if (rto < rto_min)
		rto = rto_min;
	r->rto = rto > TCP_RTO_MAX ? TCP_RTO_MAX : rto;
	r->backoff = 0;
}

uint32_t tcp_rtt_rto(const struct tcp_rtt *r)
{
	uint64_t rto = (uint64_t)r->rto << r->backoff;

	return rto > TCP_RTO_MAX ? TCP_RTO_MAX : (uint32_t)rto;
}

void tcp_rtt_backoff(struct tcp_rtt *r)
{
	if (r->backoff < BACKOFF_MAX)
		r->backoff++;
}
