/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The window that we offer (RFC 9293, 3.8.6.2.2; RFC 7323, 2). Its right edge is the consumer's
 * credit: bytes that were received and not taken lie left of it, so they count inside.
 */
#include "tcp/tcp_conn.h"

#define SPAN_MAX (1u << 30) /* RFC 7323, 2.3 */

/* Bytes from rcv.ack to the consumer's credit. */
static uint32_t span(const struct tcp_conn *c)
{
	uint64_t n = c->s.rx_credit - c->s.rx_off;

	return n < SPAN_MAX ? (uint32_t)n : SPAN_MAX;
}

/*
 * The scale is fixed with the SYN, the credit grows later: room for 128 times the first credit, in
 * units that are small beside it.
 */
uint8_t tcp_win_shift(const struct tcp_conn *c)
{
	uint64_t most = (uint64_t)span(c) * 128;
	uint8_t shift = 0;

	while (shift < TCP_WSCALE_MAX && (uint64_t)0xffff << shift < most)
		shift++;
	return shift;
}

/* A probe of a window that is closed only because its room was too small to be told. */
bool tcp_win_hidden(struct tcp_conn *c)
{
	uint32_t to = c->rcv.ack + span(c);

	if (seq_leq(to, c->rcv.adv))
		return false;
	c->rcv.adv = to;
	return true;
}

/*
 * The edge to offer. It moves only by min(half of the buffer, MSS) or more, lest the peer send
 * small segments (silly window), and never back.
 */
static uint32_t edge(const struct tcp_conn *c)
{
	uint32_t n = span(c), to = c->rcv.ack + n;
	uint32_t step = RTE_MIN(RTE_MAX(n, (uint32_t)c->rcv.buf) / 2, (uint32_t)c->rcv.adv_mss);

	return (int32_t)(to - c->rcv.adv) >= (int32_t)RTE_MAX(step, 1u) ? to : c->rcv.adv;
}

/*
 * The field counts in units of 2^shift: rounded up where the credit reaches so far, so that the
 * edge stays where it was, else down (then it may seem to go back by less than a unit, RFC 7323,
 * 2.4; what was offered before is still taken, see rcv.adv).
 */
uint16_t tcp_win_field(struct tcp_conn *c, bool syn)
{
	unsigned int shift = !syn && (c->flags & TCPC_WSCALE) ? c->rcv.shift : 0;
	uint32_t unit = 1u << shift, wnd = edge(c) - c->rcv.ack, field = wnd >> shift;

	if ((wnd & (unit - 1)) && ((field + 1) << shift) <= span(c))
		field++;
	field = RTE_MIN(field, 0xffffu);
	c->rcv.buf = (uint16_t)RTE_MAX(RTE_MIN(span(c), 0xffffu), (uint32_t)c->rcv.buf);
	c->rcv.adv = seq_max(c->rcv.adv, c->rcv.ack + (field << shift));
	return (uint16_t)field;
}

bool tcp_win_news(const struct tcp_conn *c)
{
	uint32_t left = c->rcv.adv - c->rcv.nxt; /* what the peer can still send */
	uint32_t grows = edge(c) - c->rcv.adv;

	if (!grows || !tcp_is_sync(c) || (c->flags & TCPC_PEER_FIN))
		return false;
	/*
	 * A closed window that opens, or one that is more than half used and opens by two
	 * segments.
	 */
	return left < c->rcv.mss || (left < span(c) / 2 && grows >= 2u * c->rcv.mss);
}

void tcp_ack_decide(struct tcp_conn *c)
{
	uint32_t owed = c->rcv.ack - c->rcv.sent;

	/* RFC 9293, 3.8.6.3: at least every second full-sized segment. */
	if (owed >= 2u * c->rcv.mss || (owed && (c->flags & TCPC_ACK_QUICK)) || tcp_win_news(c))
		c->flags |= TCPC_ACK_NOW;
	else if (owed)
		tcp_delack_begin(c);
	else
		return;
	tcp_sched(c);
}
