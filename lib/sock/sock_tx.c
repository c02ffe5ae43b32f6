/* SPDX-License-Identifier: BSD-3-Clause */
/* From the consumer to the transport. */
#include "sock/sock_ops.h"

#define RETRY_MAX 16 /* sockets that sock_tx_retry() looks at */

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

void sock_tx_refuse(struct sock *s)
{
	if (s->tx_refused)
		return;
	s->tx_refused = true;
	list_init(&s->refused_link);
	list_add_tail(&s->owner->refused, &s->refused_link);
	s->owner->retry_left = ++s->owner->n_refused; /* it is the last one */
}

static void refused_del(struct sock *s)
{
	list_del(&s->refused_link);
	s->owner->n_refused--;
}

void sock_tx_accept(struct sock *s)
{
	if (!s->tx_refused)
		return;
	s->tx_refused = false;
	s->events &= ~SOCK_EV_TX_ROOM;
	if (!list_empty(&s->refused_link))
		refused_del(s);
}

void sock_tx_retry(struct sock_owner *o, struct env *env)
{
	struct rte_mbuf *m = pkt_alloc(env);

	if (!m)
		return;
	rte_pktmbuf_free(m);
	if (o->n_freed != o->retry_freed)
		o->retry_left = o->n_refused;
	o->retry_freed = o->n_freed;
	o->retry_left = RTE_MIN(o->retry_left, o->n_refused);
	for (unsigned int i = 0; i < RETRY_MAX && o->retry_left; i++, o->retry_left--) {
		struct sock *s = container_of(list_first(&o->refused), struct sock, refused_link);

		refused_del(s);
		/* As for twice as much: the consumer is not to begin again for every packet. */
		if (sock_tx_room(s, 2 * s->tx_pkts)) {
			sock_ready(s, SOCK_EV_TX_ROOM);
			continue;
		}
		list_add_tail(&o->refused, &s->refused_link);
		o->n_refused++;
	}
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
