/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A ring of pointers from one producer thread to one consumer thread: no lock, and neither side
 * ever waits for the other. Messages between lcores and packets on wires travel in it.
 *
 * Each side owns one cache line and keeps in it a copy of the other's position, which it looks
 * at again only when the ring seems full (or empty): a busy ring costs about one line transfer
 * a burst. Sleeping consumers are the caller's business (full fence, then look once more).
 */
#ifndef OUTSOCK_BASE_SPSC_H
#define OUTSOCK_BASE_SPSC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SPSC_LINE 64

/**
 * struct spsc - positions run freely, their low bits are the slot
 * @tail: written by the producer, read by both
 * @head_seen: the producer's: @head as it last saw it
 * @head: written by the consumer, read by both
 * @tail_seen: the consumer's: @tail as it last saw it
 * @mask: slots - 1, constant
 */
struct spsc {
	_Alignas(SPSC_LINE) _Atomic uint32_t tail;
	uint32_t head_seen;
	_Alignas(SPSC_LINE) _Atomic uint32_t head;
	uint32_t tail_seen;
	_Alignas(SPSC_LINE) uint32_t mask;
	void *slots[];
};

/* Bytes of a ring of @size slots, a power of two up to 2^31; memory 64-byte aligned. */
static inline size_t spsc_mem_size(uint32_t size)
{
	size_t n = sizeof(struct spsc) + (size_t)size * sizeof(void *);

	return (n + SPSC_LINE - 1) & ~(size_t)(SPSC_LINE - 1);
}

/* Before either side starts; touches all of the memory. */
static inline void spsc_init(struct spsc *r, uint32_t size)
{
	memset(r, 0, spsc_mem_size(size));
	r->mask = size - 1;
}

/* Producer: puts up to @n pointers in; how many fitted. */
static inline uint32_t spsc_put_burst(struct spsc *r, void *const *objs, uint32_t n)
{
	uint32_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
	uint32_t room = r->mask + 1 - (tail - r->head_seen);

	if (room < n) {
		r->head_seen = atomic_load_explicit(&r->head, memory_order_acquire);
		room = r->mask + 1 - (tail - r->head_seen);
		if (room < n)
			n = room;
	}
	for (uint32_t i = 0; i < n; i++)
		r->slots[(tail + i) & r->mask] = objs[i];
	atomic_store_explicit(&r->tail, tail + n, memory_order_release);
	return n;
}

/* Producer: false when the ring is full. */
static inline bool spsc_put(struct spsc *r, void *obj)
{
	return spsc_put_burst(r, &obj, 1) == 1;
}

/* Consumer: takes up to @n pointers out; how many there were. */
static inline uint32_t spsc_get_burst(struct spsc *r, void **objs, uint32_t n)
{
	uint32_t head = atomic_load_explicit(&r->head, memory_order_relaxed);

	if (r->tail_seen - head < n) {
		r->tail_seen = atomic_load_explicit(&r->tail, memory_order_acquire);
		if (r->tail_seen - head < n)
			n = r->tail_seen - head;
	}
	if (!n)
		return 0;
	for (uint32_t i = 0; i < n; i++)
		objs[i] = r->slots[(head + i) & r->mask];
	atomic_store_explicit(&r->head, head + n, memory_order_release);
	return n;
}

/* Consumer: the next pointer, or NULL. */
static inline void *spsc_get(struct spsc *r)
{
	void *obj;

	return spsc_get_burst(r, &obj, 1) ? obj : NULL;
}

/* Either side, or an onlooker: a number that was true a moment ago. */
static inline uint32_t spsc_count(struct spsc *r)
{
	uint32_t head = atomic_load_explicit(&r->head, memory_order_acquire);

	return atomic_load_explicit(&r->tail, memory_order_acquire) - head;
}

static inline bool spsc_empty(struct spsc *r)
{
	return spsc_count(r) == 0;
}

#endif
