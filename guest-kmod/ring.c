// SPDX-License-Identifier: GPL-2.0
#include "compat.h"
#include <linux/mm.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include "dev.h"
#include "mib.h"
#include "ring.h"
#include "sock.h"

#define ORING_FLUSH_BUDGET 64

int oring_init(struct oring *q, struct osdev *dev, unsigned int idx)
{
	q->dev = dev;
	q->idx = idx;
	spin_lock_init(&q->rx_lock);
	spin_lock_init(&q->tx_lock);
	INIT_LIST_HEAD(&q->req_out);
	INIT_LIST_HEAD(&q->pending);
	snprintf(q->name[0], sizeof(q->name[0]), "input.%u", idx);
	snprintf(q->name[1], sizeof(q->name[1]), "output.%u", idx);
	return 0;
}

/* One entry for each descriptor: with indirect descriptors a message needs one of either. */
int oring_start(struct oring *q, struct virtqueue *rx, struct virtqueue *tx)
{
	unsigned int i, n = virtqueue_get_vring_size(tx);

	q->tx_pool = kvcalloc(n, sizeof(*q->tx_pool), GFP_KERNEL);
	if (!q->tx_pool)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		q->tx_pool[i].next = q->tx_free;
		q->tx_free = &q->tx_pool[i];
	}
	q->rx = rx;
	q->tx = tx;
	return 0;
}

static void oring_tx_done(struct oring *q, struct ostx *tx)
{
	while (tx->n_pages)
		put_page(tx->pages[--tx->n_pages]);
	tx->next = q->tx_free;
	q->tx_free = tx;
}

void oring_drop_buffers(struct oring *q)
{
	void *buf;

	while (q->rx && (buf = virtqueue_detach_unused_buf(q->rx)))
		put_page(buf);
	while (q->tx && (buf = virtqueue_detach_unused_buf(q->tx)))
		oring_tx_done(q, buf);
	q->rx = NULL;
	q->tx = NULL;
}

/* Nobody sends any more, and no thread of ours is left to do it for those who wait. */
void oring_drop_pending(struct oring *q)
{
	struct osk *os;

	oring_lock(q);
	while ((os = list_first_entry_or_null(&q->pending, struct osk, pend))) {
		list_del_init(&os->pend);
		oring_unlock(q);
		sock_put(osk_sk(os));
		oring_lock(q);
	}
	oring_unlock(q);
}

void oring_destroy(struct oring *q)
{
	oring_rx_forget(q);
	if (q->thread)
		put_task_struct(q->thread);
	if (q->rx_frag.page)
		put_page(q->rx_frag.page);
	q->rx_frag.page = NULL;
	kvfree(q->tx_pool);
	q->tx_pool = NULL;
}

static bool oring_add_page(struct oring *q, struct page *page)
{
	struct scatterlist sg;

	sg_init_table(&sg, 1);
	sg_set_page(&sg, page, PAGE_SIZE, 0);
	if (virtqueue_add_inbuf(q->rx, &sg, 1, page, GFP_NOWAIT | __GFP_NOWARN)) {
		put_page(page);
		return false;
	}
	q->rx_posted++;
	q->rx_dirty = true;
	return true;
}

void oring_repost(struct oring *q, struct page *page)
{
	lockdep_assert_held(&q->rx_lock);
	oring_add_page(q, page);
}

void oring_fill(struct oring *q)
{
	struct page *page;

	lockdep_assert_held(&q->rx_lock);
	while (q->rx->num_free) {
		page = alloc_page(GFP_NOWAIT | __GFP_NOWARN);
		if (!page || !oring_add_page(q, page))
			break;
	}
	q->rx_hungry = q->rx->num_free != 0 && !virtqueue_is_broken(q->rx);
}

/* Messages keep coming while some buffers are there: only an empty ring is worth a wait. */
void oring_feed(struct oring *q)
{
	struct page *page;

	if (READ_ONCE(q->rx_posted))
		return;
	page = alloc_page(GFP_KERNEL);
	if (!page)
		return;
	oring_rx_lock(q);
	if (q->rx->num_free)
		oring_add_page(q, page);
	else
		put_page(page);
	oring_rx_unlock(q);
}

void oring_reclaim(struct oring *q, unsigned int budget)
{
	unsigned int len;
	struct ostx *tx;

	while (budget-- && q->tx) {
		tx = virtqueue_get_buf(q->tx, &len);
		if (!tx)
			return;
		oring_tx_done(q, tx);
	}
}

bool oring_has_room(struct oring *q)
{
	if (!q->tx)
		return false;
	if (!q->tx_free || !q->tx->num_free)
		oring_reclaim(q, UINT_MAX);
	return q->tx_free && q->tx->num_free;
}

/* Short payload travels behind the header: one descriptor, and no page to hold. */
static u32 oring_copy_inline(u8 *to, const struct osmsg *msg)
{
	u32 i, len = 0;

	for (i = 0; i < msg->n_vec; i++) {
		memcpy(to + len, page_address(msg->vec[i].page) + msg->vec[i].off, msg->vec[i].len);
		len += msg->vec[i].len;
	}
	return len;
}

static void oring_head(struct oring *q, struct ostx *tx, const struct osmsg *msg)
{
	struct outsock_hdr *hdr = &tx->head.hdr;

	memset(&tx->head, 0, offsetof(struct ostx_head, body));
	tx->head.net[OUTSOCK_NET_HDR_LEN - 2] = 1;	/* num_buffers */
	hdr->op = msg->op;
	hdr->flags = msg->flags;
	hdr->len = cpu_to_le32(msg->body_len + msg->vec_len);
	hdr->epoch = cpu_to_le32(q->dev->epoch);
	hdr->sock = cpu_to_le32(msg->sock);
	hdr->off = cpu_to_le64(msg->off);
	hdr->pos = cpu_to_le64(msg->pos);
	memcpy(tx->head.body, msg->body, msg->body_len);
}

int oring_put(struct oring *q, const struct osmsg *msg)
{
	u32 i, n = 1, head = offsetof(struct ostx_head, body) + msg->body_len;
	struct ostx *tx;

	lockdep_assert_held(&q->tx_lock);
	if (!oring_has_room(q))
		return -EAGAIN;
	tx = q->tx_free;
	oring_head(q, tx, msg);
	if (msg->body_len + msg->vec_len <= ORING_INLINE_MAX) {
		head += oring_copy_inline(tx->head.body + msg->body_len, msg);
	} else {
		sg_init_table(q->sg, msg->n_vec + 1);
		for (i = 0; i < msg->n_vec; i++, n++)
			sg_set_page(&q->sg[n], msg->vec[i].page, msg->vec[i].len, msg->vec[i].off);
	}
	if (n == 1)
		sg_init_table(q->sg, 1);
	sg_set_buf(&q->sg[0], &tx->head, head);
	if (virtqueue_add_outbuf(q->tx, q->sg, n, tx, GFP_ATOMIC | __GFP_NOWARN))
		return -EAGAIN;
	q->tx_free = tx->next;
	for (i = 0; i + 1 < n; i++) {
		get_page(msg->vec[i].page);
		tx->pages[i] = msg->vec[i].page;
	}
	tx->n_pages = n - 1;
	q->dirty = true;
	OSMIB_INC(tx_messages);
	return 0;
}

/*
 * Notifies outside of the lock, since it can leave the VM. remove() waits a grace period before
 * it deletes the queues.
 */
static void oring_unlock_notify(spinlock_t *lock, struct virtqueue *vq) __releases(lock)
{
	bool notify;

	rcu_read_lock();
	notify = vq && virtqueue_kick_prepare(vq);
	spin_unlock(lock);
	if (notify)
		virtqueue_notify(vq);
	rcu_read_unlock();
}

void oring_unlock(struct oring *q) __releases(&q->tx_lock)
{
	struct virtqueue *vq = q->dirty ? q->tx : NULL;

	if (vq)
		q->dirty = false;
	oring_unlock_notify(&q->tx_lock, vq);
}

void oring_rx_unlock(struct oring *q) __releases(&q->rx_lock)
{
	struct virtqueue *vq = q->rx_dirty ? q->rx : NULL;

	q->rx_dirty = false;
	oring_unlock_notify(&q->rx_lock, vq);
}

void oring_wait_room(struct oring *q, struct osk *os)
{
	lockdep_assert_held(&q->tx_lock);
	if (!list_empty(&os->pend))
		return;
	sock_hold(osk_sk(os));
	list_add_tail(&os->pend, &q->pending);
	OSMIB_INC(tx_ring_full);
	if (q->open)
		oring_wake(q);
}

static bool oring_may_flush(struct oring *q)
{
	return q->open && !list_empty(&q->pending) && oring_has_room(q);
}

bool oring_flush(struct oring *q)
{
	unsigned int budget = ORING_FLUSH_BUDGET;
	struct osk *os;
	bool more;

	oring_lock(q);
	oring_reclaim(q, UINT_MAX);
	while (osreq_flush(q) && oring_may_flush(q) && budget--) {
		os = list_first_entry(&q->pending, struct osk, pend);
		list_del_init(&os->pend);
		oring_unlock(q);
		osk_ring_room(os);
		sock_put(osk_sk(os));
		oring_lock(q);
	}
	more = oring_may_flush(q);
	oring_unlock(q);
	return more;
}

void oring_wake(struct oring *q)
{
	if (q->thread)
		wake_up_process(q->thread);
}
