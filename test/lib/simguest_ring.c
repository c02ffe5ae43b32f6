/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The driver's side of the queues. The daemon returns buffers strictly in order, so slot and index
 * are one: descriptor i is buffer i for good, the available ring never changes, and sending is
 * filling a buffer and moving an index.
 */
#include "simguest_private.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

bool sg_event_idx(const struct simguest *sg)
{
	return sg->features & 1ull << VIRTIO_RING_F_EVENT_IDX;
}

uint16_t sg_used(const struct sg_queue *q)
{
	return __atomic_load_n(&q->used->idx, __ATOMIC_ACQUIRE);
}

static void queue_reset(struct sg_queue *q, bool rx)
{
	memset(q->avail, 0, 6 + 2u * q->size);
	memset(q->used, 0, 6 + 8u * q->size);
	for (unsigned int i = 0; i < q->size; i++) {
		q->desc[i] = (struct vring_desc){
			.addr = q->bufs_gpa + (uint64_t)i * q->buf_size,
			.len = q->buf_size,
			.flags = rx ? VRING_DESC_F_WRITE : 0,
		};
		q->avail->ring[i] = i;
	}
	/* We poll: nobody shall notify us. */
	q->avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
	q->avail->ring[q->size] = UINT16_MAX;
	q->used_idx = 0;
	q->avail_idx = rx ? q->size : 0;
	q->avail_out = q->avail_idx;
	__atomic_store_n(&q->avail->idx, q->avail_idx, __ATOMIC_RELEASE);
}

void sg_queues_reset(struct simguest *sg)
{
	for (unsigned int i = 0; i < 2 * sg->cfg.pairs; i++)
		queue_reset(&sg->queues[i], i % 2 == 0);
}

struct sg_queue *simguest_queue(struct simguest *sg, unsigned int index)
{
	return &sg->queues[index];
}

/* Who polls is notified all the same when the used index comes round to the event index. */
void sg_unask(struct sg_queue *q)
{
	uint16_t *event = &q->avail->ring[q->size];

	if ((uint16_t)(q->used_idx - *event) > 1u << 14)
		*event = q->used_idx - 1;
}

uint8_t *sg_tx_slot(struct sg_queue *q)
{
	if ((uint16_t)(q->avail_idx - q->used_idx) == q->size) {
		q->used_idx = sg_used(q);
		sg_unask(q);
		if ((uint16_t)(q->avail_idx - q->used_idx) >= q->size)
			return NULL;
	}
	return q->bufs + (size_t)(q->avail_idx & q->mask) * q->buf_size;
}

void sg_tx_push(struct sg_queue *q, uint32_t len)
{
	uint16_t i = q->avail_idx & q->mask;

	q->desc[i] = (struct vring_desc){ q->bufs_gpa + (uint64_t)i * q->buf_size, len, 0, 0 };
	q->avail_idx++;
}

/* The same message as an indirect table: net header with half of ours, the rest, body in two. */
static void push_scattered(struct sg_queue *q, uint32_t len)
{
	uint16_t i = q->avail_idx & q->mask, n = 0;
	uint64_t gpa = q->bufs_gpa + (uint64_t)i * q->buf_size;
	struct vring_desc *t = &q->table[i * SG_TABLE];
	uint32_t cuts[] = { 20, SG_HEAD, SG_HEAD + (len - SG_HEAD) / 2, len };
	uint32_t from = 0;

	for (unsigned int k = 0; k < 4; k++) {
		if (cuts[k] == from)
			continue;
		t[n] = (struct vring_desc){ gpa + from, cuts[k] - from, VRING_DESC_F_NEXT, n + 1 };
		n++;
		from = cuts[k];
	}
	t[n - 1].flags = 0;
	q->desc[i] = (struct vring_desc){
		q->table_gpa + (uint64_t)i * SG_TABLE * sizeof(*t),
		n * sizeof(*t),
		VRING_DESC_F_INDIRECT,
		0,
	};
	q->avail_idx++;
}

void sg_queue_publish(struct simguest *sg, struct sg_queue *q)
{
	uint16_t old = q->avail_out, event;
	const uint64_t one = 1;
	bool kick;

	if (old == q->avail_idx)
		return;
	__atomic_store_n(&q->avail->idx, q->avail_idx, __ATOMIC_RELEASE);
	q->avail_out = q->avail_idx;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (sg_event_idx(sg)) {
		event = *(volatile uint16_t *)(void *)&q->used->ring[q->size];
		kick = (uint16_t)(q->avail_idx - event - 1) < (uint16_t)(q->avail_idx - old);
	} else {
		kick = !(*(volatile uint16_t *)&q->used->flags & VRING_USED_F_NO_NOTIFY);
	}
	if (!kick)
		return;
	sg->kicks++;
	if (write(q->kick_fd, &one, sizeof(one)) < 0)
		sg->odd++;
}

void simguest_eat(struct simguest *sg, unsigned int pair)
{
	struct sg_queue *q = &sg->queues[2 * pair + 1];

	sg_queue_publish(sg, q);
	for (uint16_t i = sg_used(q); i != q->avail_out; i++)
		q->used->ring[i & q->mask] = (struct vring_used_elem){ i & q->mask, 0 };
	__atomic_store_n(&q->used->idx, q->avail_out, __ATOMIC_RELEASE);
}

/* Straight into the slot of the next message. */
int sg_send_msg(struct simguest *sg, unsigned int pair, const struct outsock_hdr *h,
		const void *body, uint32_t len)
{
	struct sg_queue *q = &sg->queues[2 * pair + 1];
	uint8_t *slot = sg_tx_slot(q);

	if (!slot)
		return -EAGAIN;
	if (len > q->buf_size - SG_HEAD)
		return -EMSGSIZE;
	memset(slot, 0, OUTSOCK_NET_HDR_LEN);
	memcpy(slot + OUTSOCK_NET_HDR_LEN, h, sizeof(*h));
	if (len)
		memcpy(slot + SG_HEAD, body, len);
	if (sg->cfg.scatter && !sg->cfg.no_indirect)
		push_scattered(q, SG_HEAD + len);
	else
		sg_tx_push(q, SG_HEAD + len);
	return 0;
}

int sg_raw(struct simguest *sg, unsigned int pair, const struct outsock_hdr *h, const void *body,
	   uint32_t body_len)
{
	int rc = sg_send_msg(sg, pair, h, body, body_len);

	if (!rc)
		sg_queue_publish(sg, &sg->queues[2 * pair + 1]);
	return rc;
}
