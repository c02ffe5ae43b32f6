/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ICMP errors about our segments (RFC 9293, 3.9.2.2; RFC 1122, 4.2.3.9; RFC 5927). They are hints
 * that anyone may send: one must quote a sequence number in flight, and only in the handshake does
 * a hard one end the connection.
 */
#include "tcp/tcp_conn.h"

#define MTU_MIN	 552u /* smaller ones hurt nobody but us (RFC 5927, 7.1) */
#define PMTU_MIN 10u  /* minutes that one is believed (RFC 1191, 6.3) */

static struct tcp_conn *find(struct tcp *tcp, const struct ip_err *e)
{
	struct tcp_tw *tw;
	uint32_t hash =
		tcp_table_hash(&tcp->env->secret, &e->local, e->local_port, &e->peer, e->peer_port);

	return tcp_find(tcp, hash, &e->local, e->local_port, &e->peer, e->peer_port, &tw);
}

static bool in_flight(const struct tcp_conn *c, uint32_t seq)
{
	return seq - c->snd.una < c->snd.max - c->snd.una;
}

/* Of the last half hour; after that an old one may look young, for ten minutes more. */
static unsigned int minute(const struct tcp_conn *c)
{
	return c->tcp->now_ms / 60000 % 32;
}

void tcp_pmtu_age(struct tcp_conn *c)
{
	if ((minute(c) - c->pmtu_at) % 32 <= PMTU_MIN)
		return;
	c->pmtu = 0;
	tcp_mss_update(c);
}

/* RFC 1191: what was too big goes out again, smaller; the network was not congested. */
static void too_big(struct tcp_conn *c, uint16_t mtu)
{
	uint32_t now = c->pmtu ? RTE_MIN(c->pmtu, c->flow.mtu) : c->flow.mtu;
	uint32_t next = RTE_MAX(mtu ? mtu : 576u, MTU_MIN);

	if (next >= now)
		return;
	c->pmtu = (uint16_t)next;
	c->pmtu_at = minute(c) & 31;
	tcp_inc(c->tcp, TCP_PMTU);
	tcp_mss_update(c);
	if (tcp_is_sync(c))
		tcp_rewind(c);
}

void tcp_err(void *ctx, const struct ip_err *e)
{
	struct tcp *tcp = ctx;
	struct tcp_conn *c = find(tcp, e);

	tcp_set_now(tcp);
	if (!c || !in_flight(c, e->seq)) {
		tcp_inc(tcp, TCP_ICMP_IGNORED);
		return;
	}
	if (e->err == EMSGSIZE) {
		too_big(c, e->mtu);
		return;
	}
	if (e->hard && (c->state == TCPS_SYN_SENT || c->state == TCPS_SYN_RECEIVED))
		tcp_conn_gone(c, e->err);
	else
		c->soft_err = (uint8_t)e->err; /* said when it times out */
}
