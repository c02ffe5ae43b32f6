/* SPDX-License-Identifier: BSD-3-Clause */
/* Towards the guest: writing into its buffers, telling it. */
#include "vring/vring.h"

void vring_write_slow(struct vring_chain *c, const void *src, uint32_t n)
{
	const uint8_t *p = src;

	while (n > 0) {
		uint32_t len = n;
		uint8_t *to = vring_piece(c, &len);

		memcpy(to, p, len);
		p += len;
		n -= len;
	}
}

bool vring_should_notify(struct vring_dev *r)
{
	uint16_t old = r->notified, event;
	bool once = r->notify_once;

	if (r->err)
		return false;
	r->notified = r->published;
	r->notify_once = false;
	if (once)
		return true;
	if (old == r->published)
		return false;
	if (!r->event_idx)
		return !(*(const volatile uint16_t *)&r->avail->flags & VRING_AVAIL_F_NO_INTERRUPT);
	event = *(const volatile uint16_t *)&r->avail->ring[r->mask + 1];
	return (uint16_t)(r->published - event - 1) < (uint16_t)(r->published - old);
}
