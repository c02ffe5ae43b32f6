/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What one lcore learnt about a neighbour, for another lcore: a small ring from one producer to one
 * consumer. News that find no room are lost, which costs the other an ARP request of its own.
 */
#ifndef OUTSOCK_DATAPLANE_NEWS_H
#define OUTSOCK_DATAPLANE_NEWS_H

#include "wire/eth.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define NEWS_SLOTS 64u

struct news {
	uint32_t be; /* IPv4, network order */
	uint16_t port;
	struct eth_addr mac;
};

/* @tail: the producer writes it; @head: the consumer. */
struct news_ring {
	_Alignas(64) _Atomic uint32_t tail;
	_Alignas(64) _Atomic uint32_t head;
	struct news slots[NEWS_SLOTS];
};

static inline bool news_put(struct news_ring *r, const struct news *n)
{
	uint32_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

	if (tail - atomic_load_explicit(&r->head, memory_order_acquire) == NEWS_SLOTS)
		return false;
	r->slots[tail % NEWS_SLOTS] = *n;
	atomic_store_explicit(&r->tail, tail + 1, memory_order_release);
	return true;
}

static inline bool news_get(struct news_ring *r, struct news *ret_news)
{
	uint32_t head = atomic_load_explicit(&r->head, memory_order_relaxed);

	if (head == atomic_load_explicit(&r->tail, memory_order_acquire))
		return false;
	*ret_news = r->slots[head % NEWS_SLOTS];
	atomic_store_explicit(&r->head, head + 1, memory_order_release);
	return true;
}

static inline bool news_empty(struct news_ring *r)
{
	return atomic_load_explicit(&r->head, memory_order_relaxed) ==
		atomic_load_explicit(&r->tail, memory_order_acquire);
}

#endif
