/* SPDX-License-Identifier: BSD-3-Clause */
/* From the guest: reading its buffers, asking for kicks. */
#include "vring/vring.h"

void vring_read_slow(struct vring_chain *c, void *dst, uint32_t n)
{
	uint8_t *p = dst;

	while (n > 0) {
		uint32_t len = n;
		const uint8_t *from = vring_piece(c, &len);

		memcpy(p, from, len);
		p += len;
		n -= len;
	}
}

/*
 * With EVENT_IDX the flag is ignored, and a kick is asked for by the index of the chain that shall
 * cause it (virtio 1.2, 2.7.7): one that has gone by causes none until the indices have gone all
 * the way round.
 */
static void ask_for_kicks(struct vring_dev *r, bool want)
{
	/* avail_event lies behind the used ring. */
	uint16_t *event = (uint16_t *)(void *)&r->used->ring[r->mask + 1];

	if (r->event_idx)
		__atomic_store_n(event, (uint16_t)(r->avail_seen - !want), __ATOMIC_RELAXED);
	else
		__atomic_store_n(&r->used->flags, want ? 0 : VRING_USED_F_NO_NOTIFY,
				 __ATOMIC_RELAXED);
}

bool vring_want_kicks(struct vring_dev *r, bool want)
{
	if (r->err)
		return false;
	r->kicks_wanted = want;
	ask_for_kicks(r, want);
	if (!want)
		return false;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return __atomic_load_n(&r->avail->idx, __ATOMIC_RELAXED) != r->avail_seen;
}
