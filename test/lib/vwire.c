/* SPDX-License-Identifier: BSD-3-Clause */
#include "vwire.h"

#include <stdlib.h>
#include <string.h>

#define USEC 1000ull

struct vwire_frame {
	uint64_t time, order;
	uint32_t len;
	uint8_t data[];
};

void vwire_init(struct vwire *w, const struct vwire_cfg *cfg, uint64_t seed, uint64_t now)
{
	memset(w, 0, sizeof(*w));
	w->cfg = *cfg;
	w->rng.state = seed;
	w->now = now;
}

void vwire_fini(struct vwire *w)
{
	for (int d = 0; d < 2; d++) {
		for (uint32_t i = 0; i < w->dir[d].n; i++)
			free(w->dir[d].heap[i]);
		free(w->dir[d].heap);
	}
}

void vwire_attach(struct vwire *w, int d, struct host *to)
{
	w->dir[d].wire = w;
	w->dir[d].to = to;
}

/* ---- a heap of frames ---- */

static bool before(const struct vwire_frame *a, const struct vwire_frame *b)
{
	return a->time != b->time ? a->time < b->time : a->order < b->order;
}

static void heap_push(struct vwire_dir *d, struct vwire_frame *f)
{
	uint32_t i = d->n++;

	if (d->n > d->size) {
		d->size = d->size ? 2 * d->size : 64;
		d->heap = realloc(d->heap, d->size * sizeof(*d->heap));
		if (!d->heap)
			abort();
	}
	while (i && before(f, d->heap[(i - 1) / 2])) {
		d->heap[i] = d->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	d->heap[i] = f;
}

static struct vwire_frame *heap_pop(struct vwire_dir *d)
{
	struct vwire_frame *top = d->heap[0], *last = d->heap[--d->n];
	uint32_t i = 0;

	for (uint32_t child; (child = 2 * i + 1) < d->n; i = child) {
		if (child + 1 < d->n && before(d->heap[child + 1], d->heap[child]))
			child++;
		if (!before(d->heap[child], last))
			break;
		d->heap[i] = d->heap[child];
	}
	d->heap[i] = last;
	return top;
}

/* ---- what befalls a frame ---- */

static bool happens(struct vwire *w, uint32_t ppm)
{
	return ppm && rng_below(&w->rng, 1000000) < ppm;
}

static void trace(const struct vwire_dir *d, const char *what, const uint8_t *data, uint32_t len)
{
	struct vwire *w = d->wire;

	if (w->trace)
		w->trace(w->ctx, d - w->dir, what, data, len);
}

/* When a frame of @len bytes has left the sender; 0: the queue is full. */
static uint64_t departure(struct vwire_dir *d, uint32_t len)
{
	const struct vwire_cfg *cfg = &d->wire->cfg;
	uint64_t bit_ns, start = RTE_MAX(d->wire->now, d->busy_until);

	if (!cfg->mbit)
		return d->wire->now;
	bit_ns = (uint64_t)len * 8 * 1000 / cfg->mbit;
	if (cfg->queue && start - d->wire->now > cfg->queue * bit_ns)
		return 0;
	d->busy_until = start + bit_ns;
	return d->busy_until;
}

static void fly(struct vwire_dir *d, const uint8_t *data, uint32_t len, uint64_t time)
{
	struct vwire *w = d->wire;
	struct vwire_frame *f = malloc(sizeof(*f) + len);

	if (!f)
		abort();
	f->time = time + w->cfg.delay_us * USEC;
	if (happens(w, w->cfg.reorder))
		f->time += rng_below(&w->rng, w->cfg.reorder_us + 1) * USEC;
	f->order = d->order++;
	f->len = len;
	memcpy(f->data, data, len);
	/* Where checksums must notice: ARP has none. */
	if (len > 14 && data[12] == 8 && data[13] == 0 && happens(w, w->cfg.corrupt))
		f->data[14 + rng_below(&w->rng, len - 14)] ^= 1u << rng_below(&w->rng, 8);
	heap_push(d, f);
}

void vwire_send(void *dir, struct rte_mbuf *m)
{
	static uint8_t copy[70000];
	struct vwire_dir *d = dir;
	struct vwire *w = d->wire;
	uint32_t len = rte_pktmbuf_pkt_len(m);
	const uint8_t *data = rte_pktmbuf_read(m, 0, len, copy);
	uint64_t time = departure(d, len);

	w->sent++;
	if (!time || happens(w, w->cfg.loss)) {
		w->lost++;
		trace(d, "lost", data, len);
	} else {
		trace(d, "sent", data, len);
		fly(d, data, len, time);
		if (happens(w, w->cfg.dup))
			fly(d, data, len, time);
	}
	rte_pktmbuf_free(m);
}

uint64_t vwire_next(const struct vwire *w)
{
	uint64_t next = UINT64_MAX;

	for (int d = 0; d < 2; d++)
		if (w->dir[d].n)
			next = RTE_MIN(next, w->dir[d].heap[0]->time);
	return next;
}

static void arrive(struct vwire_dir *d, struct vwire_frame *f)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(d->to->pool);

	/* A receiver without packets loses frames, as a NIC does. */
	if (m) {
		trace(d, "arrives", f->data, f->len);
		memcpy(rte_pktmbuf_append(m, f->len), f->data, f->len);
		host_rx(d->to, m);
	}
	free(f);
}

void vwire_deliver(struct vwire *w, uint64_t now)
{
	w->now = now;
	for (int i = 0; i < 2; i++) {
		struct vwire_dir *d = &w->dir[i];

		while (d->n && d->heap[0]->time <= now)
			arrive(d, heap_pop(d));
	}
}
