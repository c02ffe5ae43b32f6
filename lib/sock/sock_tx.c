/* SPDX-License-Identifier: BSD-3-Clause */
/* From the consumer to the transport. */
#include "sock/sock_ops.h"

/* Why the stream takes no bytes now, 0: it does. */
static int tx_check(const struct sock *s)
{
	if (s->state != SOCK_CONNECTED || s->type != SOCK_STREAM_T)
		return s->state == SOCK_DEAD && s->err ? -s->err : -ENOTCONN;
	if (s->tx_fin)
		return -EPIPE;
	return s->tx_off - s->tx_acked < s->snd_win ? 0 : -EAGAIN;
}

void *sock_tx_space(struct sock *s, uint32_t *ret_room, int *ret_err)
{
	uint64_t win;
	void *p;

	*ret_err = tx_check(s);
	if (*ret_err)
		return NULL;
	p = s->tp->tx_space(s, ret_room, ret_err);
	if (!p)
		return NULL;
	win = s->snd_win - (s->tx_off - s->tx_acked);
	if (*ret_room > win)
		*ret_room = (uint32_t)win;
	return p;
}

void sock_tx_commit(struct sock *s, uint32_t n)
{
	s->tx_off += n;
	s->tp->tx_commit(s, n);
}

void sock_tx_end(struct sock *s, bool push, bool fin)
{
	if (s->state != SOCK_CONNECTED || s->type != SOCK_STREAM_T || s->tx_fin)
		return;
	s->tx_fin = fin;
	s->tp->tx_end(s, push, fin);
}

static int tx_dgram_check(const struct sock *s, const struct ip_endpoint *dst)
{
	if (s->type != SOCK_DGRAM_T)
		return -EOPNOTSUPP;
	if (s->closing)
		return -EPIPE;
	if (!dst)
		return s->state == SOCK_CONNECTED ? 0 : -EDESTADDRREQ;
	if (ip_addr_is_v4(&dst->addr))
		return 0;
	return s->family == OUTSOCK_INET ? -EAFNOSUPPORT : -ENETUNREACH;
}

int sock_tx_dgram(struct sock *s, struct rte_mbuf *m, const struct ip_endpoint *dst)
{
	int rc = tx_dgram_check(s, dst);

	if (rc) {
		rte_pktmbuf_free(m); /* the caller is told: no drop */
		return rc;
	}
	return s->tp->tx_dgram(s, m, dst);
}
