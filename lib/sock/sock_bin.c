/* SPDX-License-Identifier: BSD-3-Clause */
#include "sock/sock_bin.h"

static void bin_link(struct sock_owner *o)
{
	if (sock_bin_empty(o))
		list_add_tail(&stack_sock_types(o->stack)->env->bins, &o->bin.link);
}

static void free_rx(struct sock_owner *o, struct rte_mbuf *m)
{
	sock_owner_pkts_sub(o, m->nb_segs);
	rte_pktmbuf_free(m);
}

void sock_bin_queue(struct sock *s, struct pkt_queue *q, uint32_t least)
{
	struct sock_owner *o = s->owner;
	uint32_t now;

	if (!q->head)
		return;
	now = RTE_MAX(sock_free_now(sock_env(s), q->n), least);
	for (; now && q->head; now--)
		free_rx(o, pkt_queue_pop(q));
	if (!q->head)
		return;
	bin_link(o);
	/* In front: what was in use last is in the cache. */
	pkt_meta(q->tail)->next = o->bin.rx;
	o->bin.rx = q->head;
	*q = (struct pkt_queue){ 0 };
}

void sock_bin_tx(struct sock *s, struct rte_mbuf *head, struct rte_mbuf *tail)
{
	struct sock_owner *o = s->owner;

	bin_link(o);
	pkt_meta(tail)->tx_next = o->bin.tx;
	o->bin.tx = head;
}

unsigned int sock_bin_free(struct sock_owner *o, unsigned int max)
{
	struct sock_bin *bin = &o->bin;
	unsigned int n = 0;

	for (; n < max && bin->tx; n++) {
		struct rte_mbuf *m = bin->tx;

		bin->tx = pkt_meta(m)->tx_next;
		o->n_tx--;
		sock_owner_pkts_sub(o, 1);
		rte_pktmbuf_free(m);
	}
	for (; n < max && bin->rx; n++) {
		struct rte_mbuf *m = bin->rx;

		bin->rx = pkt_meta(m)->next;
		free_rx(o, m);
	}
	if (!bin->tx && !bin->rx)
		list_del(&bin->link);
	return n;
}

unsigned int sock_bins_free(struct env *env, unsigned int max)
{
	unsigned int n = 0;

	while (n < max && !list_empty(&env->bins)) {
		struct sock_owner *o =
			container_of(list_first(&env->bins), struct sock_owner, bin.link);

		n += sock_bin_free(o, RTE_MIN(max - n, SOCK_FREE_NOW));
		if (sock_bin_empty(o))
			continue;
		list_del(&o->bin.link);
		list_add_tail(&env->bins, &o->bin.link);
	}
	return n;
}
