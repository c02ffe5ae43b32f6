/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reassembly of what came out of order (RFC 9293, 3.4) as a pure, bounded structure: at most
 * TCP_OOO_RANGES contiguous ranges beyond RCV.NXT, each a chain of the caller's items. It knows
 * no packets: the caller says how two items are chained.
 */
#ifndef OUTSOCK_TCP_TCP_OOO_H
#define OUTSOCK_TCP_TCP_OOO_H

#include "tcp/tcp_seq.h"

#define TCP_OOO_RANGES 32

/* [start, end), not touching its neighbours; the items of the chain follow each other gaplessly. */
struct tcp_ooo_range {
	uint32_t start, end;
	void *head, *tail;
	uint32_t items, cost;
};

struct tcp_ooo {
	uint32_t n;
	uint32_t cost;				/* of all ranges */
	struct tcp_ooo_range r[TCP_OOO_RANGES]; /* ascending */
};

/* What of a new segment is to be kept: bytes cut off in front, bytes kept (0: none). */
struct tcp_ooo_fit {
	uint32_t skip, len;
	uint32_t at; /* for tcp_ooo_put() */
};

static inline void tcp_ooo_init(struct tcp_ooo *o)
{
	o->n = 0;
	o->cost = 0;
}

/*
 * Fits [@seq, @seq + @len) into what is not yet there. A segment that reaches over a held range is
 * kept up to that range only; its rest comes again. False: there is room for no further range.
 */
bool tcp_ooo_fit(const struct tcp_ooo *o, uint32_t seq, uint32_t len, struct tcp_ooo_fit *ret_fit);

/* The item that ends where the new one, cut to @fit, begins; NULL: none. */
void *tcp_ooo_prev(const struct tcp_ooo *o, uint32_t seq, const struct tcp_ooo_fit *fit);

/*
 * Puts @item, cut to @fit (len > 0) and beginning at @seq + @fit->skip, where it belongs.
 * @chain(a, b) makes @b the successor of @a. @item may be tcp_ooo_prev()'s, which has grown. @cost
 * is the caller's, and added up.
 */
void tcp_ooo_put(struct tcp_ooo *o, uint32_t seq, const struct tcp_ooo_fit *fit, void *item,
		 uint32_t cost, void (*chain)(void *a, void *b));

/*
 * Takes the first range off when it begins at or before @nxt; it may end there, too. False: there
 * is no such one.
 */
bool tcp_ooo_pop(struct tcp_ooo *o, uint32_t nxt, struct tcp_ooo_range *ret_range);

/* Takes the last range off. False: there is none. */
bool tcp_ooo_pop_last(struct tcp_ooo *o, struct tcp_ooo_range *ret_range);

#endif
