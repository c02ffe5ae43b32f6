/* SPDX-License-Identifier: BSD-3-Clause */
/* From the transport's queue to the consumer. */
#include "sock/sock_ops.h"

struct sock *sock_next_ready(struct sock_lane *l)
{
	struct sock *s;

	if (list_empty(&l->ready))
		return NULL;
	s = container_of(list_first(&l->ready), struct sock, ready_link);
	list_del(&s->ready_link);
	return s;
}

void sock_ready_again(struct sock *s, bool head)
{
	if (!s->lane || !list_empty(&s->ready_link))
		return;
	if (head)
		list_add_head(&s->lane->ready, &s->ready_link);
	else
		list_add_tail(&s->lane->ready, &s->ready_link);
}

void sock_event_taken(struct sock *s, uint16_t events)
{
	s->events &= ~events;
	if (s->tp->event_taken)
		s->tp->event_taken(s, events);
}

void sock_rx_push(struct sock *s, struct rte_mbuf *m)
{
	sock_pkts_add(s, m->nb_segs);
	pkt_queue_push(&s->rxq, m);
	sock_ready(s, SOCK_EV_DATA);
}

static void rxq_pop(struct sock *s)
{
	struct rte_mbuf *m = pkt_queue_pop(&s->rxq);

	sock_pkts_sub(s, m->nb_segs);
	rte_pktmbuf_free(m);
	if (!s->rxq.head)
		s->events &= ~SOCK_EV_DATA;
}

void sock_rx_taken(struct sock *s, uint32_t n)
{
	uint32_t left = n;

	while (left && s->rxq.head) {
		struct rte_mbuf *m = s->rxq.head;
		uint32_t payload = pkt_meta(m)->payload;

		if (payload > left) {
			pkt_skip(m, left);
			left = 0;
			break;
		}
		left -= payload;
		rxq_pop(s);
	}
	n -= left;
	s->rx_off += n;
	if (s->state != SOCK_DEAD)
		s->tp->rx_taken(s, n);
}

void sock_rx_taken_dgram(struct sock *s)
{
	struct rte_mbuf *m = s->rxq.head;

	if (!m)
		return;
	s->rx_off += sock_dgram_cost(pkt_meta(m)->payload);
	rxq_pop(s);
}

int sock_credit(struct sock *s, uint64_t credit)
{
	if (s->state == SOCK_LISTENING) {
		if (credit < s->accept_credit)
			return -EINVAL;
		s->accept_credit = credit;
	} else {
		if (credit < s->rx_credit)
			return -EINVAL;
		s->rx_credit = credit;
	}
	if (s->tp->credit && s->state != SOCK_DEAD)
		s->tp->credit(s);
	return 0;
}
