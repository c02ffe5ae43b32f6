/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Delayed acknowledgements (RFC 9293, 3.8.6.3). All delays are short and equal: a wheel of
 * milliseconds, one revolution of which is longer than a delay.
 *
 * An ACK that left with data in the meantime leaves its connection in there: to look once more when
 * its slot is opened is cheaper than to take it out with each segment. So a connection may be met
 * before its ACK is due; it moves on then.
 */
#include "tcp/tcp_conn.h"

#define SLOT_MASK (TCP_DELACK_SLOTS - 1)

void tcp_delacks_init(struct tcp *tcp)
{
	for (unsigned int i = 0; i < TCP_DELACK_SLOTS; i++)
		list_init(&tcp->delacks.slots[i]);
	tcp->delacks.busy = 0;
	tcp->delacks.done_ms = tcp->now_ms;
	tcp->cfg.delack_ms = RTE_MIN(tcp->cfg.delack_ms, TCP_DELACK_MAX_MS);
}

void tcp_delack_begin(struct tcp_conn *c)
{
	if (c->flags & TCPC_ACK_DELAY)
		return;
	c->flags |= TCPC_ACK_DELAY;
	c->delack_ms = c->tcp->now_ms + c->tcp->cfg.delack_ms;
}

/* A child that nobody has accepted uses the link otherwise. */
void tcp_delack(struct tcp_conn *c)
{
	struct tcp_delacks *d = &c->tcp->delacks;
	uint32_t ms = c->delack_ms;

	if (c->flags & (TCPC_DELACK_ON | TCPC_NEW))
		return;
	if ((int32_t)(ms - d->done_ms) <= 0)
		ms = d->done_ms + 1;
	c->flags |= TCPC_DELACK_ON;
	list_add_tail(&d->slots[ms & SLOT_MASK], &c->delack_link);
	d->busy |= 1ull << (ms & SLOT_MASK);
}

void tcp_delack_off(struct tcp_conn *c)
{
	if (!(c->flags & TCPC_DELACK_ON))
		return;
	list_del(&c->delack_link);
	c->flags &= ~TCPC_DELACK_ON;
}

static void look_at(struct tcp_conn *c)
{
	tcp_delack_off(c);
	if (!(c->flags & TCPC_ACK_DELAY))
		return;
	if ((int32_t)(c->tcp->now_ms - c->delack_ms) >= 0)
		tcp_ack_now(c);
	else
		tcp_delack(c);
}

/* Milliseconds from done_ms to the next slot in use; 0: none. */
static uint32_t ahead(const struct tcp_delacks *d)
{
	unsigned int r = (d->done_ms + 1) & SLOT_MASK;
	uint64_t bits = d->busy >> r | d->busy << ((64 - r) & 63);

	return bits ? (uint32_t)__builtin_ctzll(bits) + 1 : 0;
}

/* One slot; those that move on may come back to it. False: @budget was not enough. */
static bool open_slot(struct tcp_delacks *d, unsigned int slot, unsigned int *budget)
{
	struct list todo;

	list_init(&todo);
	list_splice_tail(&todo, &d->slots[slot]);
	while (*budget && !list_empty(&todo)) {
		--*budget;
		look_at(container_of(list_first(&todo), struct tcp_conn, delack_link));
	}
	if (!list_empty(&todo)) {
		list_splice_tail(&todo, &d->slots[slot]);
		list_splice_tail(&d->slots[slot], &todo);
		return false;
	}
	if (list_empty(&d->slots[slot]))
		d->busy &= ~(1ull << slot);
	return true;
}

unsigned int tcp_delacks_expire(struct tcp *tcp, unsigned int budget)
{
	struct tcp_delacks *d = &tcp->delacks;

	/* After a longer pause a revolution shows them all. */
	if (tcp->now_ms - d->done_ms > TCP_DELACK_SLOTS)
		d->done_ms = tcp->now_ms - TCP_DELACK_SLOTS;
	while (d->done_ms != tcp->now_ms) {
		uint32_t n = ahead(d);

		if (!n || n > tcp->now_ms - d->done_ms) {
			d->done_ms = tcp->now_ms;
			break;
		}
		d->done_ms += n - 1;
		if (!budget || !open_slot(d, (d->done_ms + 1) & SLOT_MASK, &budget))
			return 0;
		d->done_ms++;
	}
	return budget;
}

uint64_t tcp_delacks_next(const struct tcp *tcp)
{
	uint64_t now = tcp->env->now / NSEC_PER_MSEC;
	uint32_t n = ahead(&tcp->delacks);
	int32_t ms = (int32_t)(tcp->delacks.done_ms + n - (uint32_t)now);

	if (!n)
		return UINT64_MAX;
	return ms > 0 ? (now + (uint32_t)ms) * NSEC_PER_MSEC : tcp->env->now;
}
