/* SPDX-License-Identifier: BSD-3-Clause */
/* One turn of an lcore, in the order of stack.h. */
#include "stack/stack_priv.h"

bool stack_turn(struct stack *s, uint64_t now, unsigned int budget)
{
	s->env.now = now;
	for (unsigned int i = 0; i < s->n_links; i++)
		link_timers(s->links[i], budget);
	ip_timers(s->ip, budget);
	return tcp_timers(s->tcp, budget);
}

void stack_rx(struct stack *s, struct link *link, struct rte_mbuf **pkts, unsigned int n)
{
	link_rx(link, pkts, n);
}

bool stack_tx(struct stack *s, unsigned int budget)
{
	bool more = tcp_tx(s->tcp, budget);

	/* What goes to an address of this stack comes back at once; its answer may wait. */
	return ip_loop(s->ip, budget) || more;
}

unsigned int stack_free(struct stack *s, unsigned int budget)
{
	unsigned int n = sock_bins_free(&s->env, RTE_MIN(s->env.free_left, budget));

	s->env.free_left = budget;
	return n + !list_empty(&s->env.bins);
}

uint64_t stack_next(const struct stack *s)
{
	uint64_t next = RTE_MIN(tcp_next(s->tcp), ip_next(s->ip));

	if (!list_empty(&s->env.bins))
		return s->env.now;
	for (unsigned int i = 0; i < s->n_links; i++)
		next = RTE_MIN(next, link_next(s->links[i]));
	return next;
}
