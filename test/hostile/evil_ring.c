/* SPDX-License-Identifier: BSD-3-Clause */
/* Rings as no driver may make them. */
#include "cases.h"
#include "evil.h"

#include "vring/vring.h"

#include <string.h>
#include <unistd.h>

static const char *const texts[] = {
#define TEXT(name, text) [VRING_ERR_##name] = text,
	VRING_ERRORS(TEXT)
#undef TEXT
};

static struct sg_queue *tx_queue(struct evil *e)
{
	struct sg_queue *q = simguest_queue(e->sg, 1);

	/* Quiet: what comes next is the only thing in it. */
	while (sg_tx_slot(q), q->used_idx != q->avail_idx) {
		simguest_poll(e->sg, 0);
		q->used_idx = __atomic_load_n(&q->used->idx, __ATOMIC_ACQUIRE);
	}
	return q;
}

/* The next TX buffer's descriptor is @d, made available. */
static void send_desc(struct evil *e, struct vring_desc d)
{
	struct sg_queue *q = tx_queue(e);
	uint16_t i = q->avail_idx & q->mask;

	sg_tx_push(q, 100);
	if (d.addr == 0)
		d.addr = q->desc[i].addr;
	q->desc[i] = d;
	sg_queue_publish(e->sg, q);
}

#define DESC(name, d, err) \
	static void desc_##name(struct evil *p) \
	{ \
		struct evil e = *p; \
\
		send_desc(p, d); \
		(void)e; \
	}
BAD_DESCS(DESC)

static void loop(struct evil *e)
{
	struct sg_queue *q = tx_queue(e);
	uint16_t i = q->avail_idx & q->mask, k = (i + 1) & q->mask;

	q->desc[k] = (struct vring_desc){ q->bufs_gpa, 1, VRING_DESC_F_NEXT, i };
	send_desc(e, (struct vring_desc){ q->bufs_gpa, 1, VRING_DESC_F_NEXT, k });
}

static void long_chain(struct evil *e)
{
	struct sg_queue *q = tx_queue(e);
	uint16_t i = q->avail_idx & q->mask;

	for (unsigned int k = 1; k <= VRING_DESCS_MAX; k++)
		q->desc[(i + k) & q->mask] =
			(struct vring_desc){ q->bufs_gpa, 2,
					     k < VRING_DESCS_MAX ? VRING_DESC_F_NEXT : 0,
					     (i + k + 1) & q->mask };
	send_desc(e, (struct vring_desc){ q->bufs_gpa, 2, VRING_DESC_F_NEXT, (i + 1) & q->mask });
}

static void indirect(struct evil *e, struct vring_desc first, struct vring_desc second)
{
	struct sg_queue *q = tx_queue(e);

	first.addr = second.addr = q->bufs_gpa;
	q->table[0] = first;
	q->table[1] = second;
	send_desc(e,
		  (struct vring_desc){ q->table_gpa, 2 * sizeof(first), VRING_DESC_F_INDIRECT, 0 });
}

static void indirect_nested(struct evil *e)
{
	indirect(e, (struct vring_desc){ 0, 16, VRING_DESC_F_INDIRECT, 0 },
		 (struct vring_desc){ 0, 16, 0, 0 });
}

static void indirect_loop(struct evil *e)
{
	indirect(e, (struct vring_desc){ 0, 50, VRING_DESC_F_NEXT, 1 },
		 (struct vring_desc){ 0, 50, VRING_DESC_F_NEXT, 0 });
}

static void indirect_range(struct evil *e)
{
	indirect(e, (struct vring_desc){ 0, 50, VRING_DESC_F_NEXT, 2 },
		 (struct vring_desc){ 0, 50, 0, 0 });
}

static void avail_set(struct evil *e, uint16_t ahead)
{
	struct sg_queue *q = tx_queue(e);
	const uint64_t one = 1;

	__atomic_store_n(&q->avail->idx, (uint16_t)(q->avail_idx + ahead), __ATOMIC_RELEASE);
	if (write(q->kick_fd, &one, sizeof(one)) < 0)
		evil_die("kick");
}

static void avail_jumps(struct evil *e)
{
	avail_set(e, (uint16_t)(simguest_queue(e->sg, 1)->size + 1));
}

static void avail_backwards(struct evil *e)
{
	avail_set(e, UINT16_MAX);
}

static void head_range(struct evil *e)
{
	struct sg_queue *q = tx_queue(e);

	q->avail->ring[q->avail_idx & q->mask] = q->size;
	sg_tx_push(q, 100);
	sg_queue_publish(e->sg, q);
}

/* Each RX buffer is changed, then the daemon has something to say. */
static void rx_descs(struct evil *e, uint64_t gpa, uint32_t len, uint16_t flags)
{
	struct sg_queue *q = simguest_queue(e->sg, 0);

	for (unsigned int i = 0; i < q->size; i++) {
		if (gpa)
			q->desc[i].addr = gpa;
		q->desc[i].len = len;
		q->desc[i].flags = flags;
	}
	/* Buffers that it has looked at before are as they were: as many answers as there are. */
	for (unsigned int i = 0; i < 2u * q->size && simguest_session(e->sg); i++) {
		sg_getopt(e->fresh, OUTSOCK_OPT_NODELAY);
		simguest_poll(e->sg, 0);
	}
}

static void rx_readable(struct evil *e)
{
	rx_descs(e, 0, 2048, 0);
}

static void rx_in_hole(struct evil *e)
{
	rx_descs(e, simguest_hole(e->sg), 2048, VRING_DESC_F_WRITE);
}

/* Random descriptors, an available ring of any order, an index at its limit. */
static void ring_noise(struct evil *e)
{
	struct sg_queue *q = tx_queue(e);

	for (unsigned int i = 0; i < q->size; i++) {
		q->desc[i] = (struct vring_desc){
			.addr = q->bufs_gpa + evil_random() % (2u << 20),
			.len = evil_random() % 100000,
			.flags = (uint16_t)(evil_random() % 8),
			.next = (uint16_t)(evil_random() % (2u * q->size)),
		};
		q->avail->ring[i] = (uint16_t)(evil_random() % (q->size + 1u));
	}
	avail_set(e, q->size);
}

#define ENTRY(name, d, err) { "desc_" #name, desc_##name, NULL, "RING", &texts[VRING_ERR_##err] },
#define ERR(err)	    "RING", &texts[VRING_ERR_##err]
const struct evil_case evil_rings[] = {
	BAD_DESCS(ENTRY){ "loop", loop, NULL, ERR(CHAIN_LONG) },
	{ "long_chain", long_chain, NULL, ERR(CHAIN_LONG) },
	{ "indirect_nested", indirect_nested, NULL, ERR(INDIRECT) },
	{ "indirect_loop", indirect_loop, NULL, ERR(CHAIN_LONG) },
	{ "indirect_range", indirect_range, NULL, ERR(DESC_INDEX) },
	{ "avail_jumps", avail_jumps, NULL, ERR(AVAIL_JUMP) },
	{ "avail_backwards", avail_backwards, NULL, ERR(AVAIL_JUMP) },
	{ "head_range", head_range, NULL, ERR(DESC_INDEX) },
	{ "rx_readable", rx_readable, NULL, ERR(DESC_DIR) },
	{ "rx_in_hole", rx_in_hole, NULL, ERR(DESC_ADDR) },
	{ "ring_noise", ring_noise, NULL, "", NULL },
	{ NULL, NULL, NULL, NULL, NULL },
};
