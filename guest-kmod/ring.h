/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One queue pair: filling and walking its two virtqueues, and what waits for room in the TX ring.
 *
 * RX is walked by the pair's thread (worker.c), or by a program that polls in its place (busy.c),
 * under rx_lock, which is the module's outermost spinlock. TX is used by every thread that sends,
 * under tx_lock, the innermost one (a socket's lock is taken between them). A TX entry holds
 * references to the pages it points to: the send buffer may drop bytes as soon as the peer
 * acknowledges them, while the host still has the descriptors.
 */
#ifndef OUTSOCK_RING_H
#define OUTSOCK_RING_H

#include <linux/scatterlist.h>
#include <linux/spinlock.h>
#include <linux/virtio.h>

#include "abi/abi.h"

struct osdev;
struct osk;
struct sk_buff;

#define ORING_FRAGS_MAX	(OUTSOCK_CHAIN_MAX - 1)	/* pages in one message: the header takes one */
#define ORING_INLINE_MAX	212			/* body bytes that fit behind the header */

struct ostx_head {
	u8 net[OUTSOCK_NET_HDR_LEN];
	struct outsock_hdr hdr;
	u8 body[ORING_INLINE_MAX];
} __packed;

/* A message in the TX ring. */
struct ostx {
	struct ostx *next;
	unsigned int n_pages;
	struct page *pages[ORING_FRAGS_MAX];
	struct ostx_head head;
};

struct osvec {
	struct page *page;
	u32 off;
	u32 len;
};

/* A message to send; oring_put() fills in length and epoch. */
struct osmsg {
	u8 op;
	u8 flags;
	u32 sock;
	u64 off;
	u64 pos;
	const void *body;	/* copied */
	u32 body_len;
	const struct osvec *vec;	/* behind body; the pages are referenced, not copied */
	u32 n_vec;
	u32 vec_len;
};

struct oring {
	struct osdev *dev;
	unsigned int idx;
	struct task_struct *thread;

	spinlock_t rx_lock;
	/* under rx_lock */
	struct virtqueue *rx;	/* NULL once the device has gone */
	unsigned int rx_posted;
	bool rx_open;		/* the thread runs: programs may poll, too */
	bool rx_dirty;		/* buffers were added since the last notification */
	bool rx_hungry;		/* no memory for the ring: try again soon */
	struct page_frag rx_frag;	/* small messages are copied into it */
	struct sk_buff *dgram;	/* being put together from fragments */
	u32 dgram_sock;
	u32 dgram_total;

	spinlock_t tx_lock;
	/* under tx_lock */
	struct virtqueue *tx;	/* NULL once the device has gone */
	bool open;		/* the session is up: sockets may send */
	bool dirty;		/* entries were added since the last notification */
	struct ostx *tx_free;
	struct list_head req_out;	/* requests waiting for the ring, in order */
	struct list_head pending;	/* sockets that wait for room (osk.pend) */
	struct scatterlist sg[OUTSOCK_CHAIN_MAX];

	struct ostx *tx_pool;
	char name[2][16];
};

int oring_init(struct oring *q, struct osdev *dev, unsigned int idx);
int oring_start(struct oring *q, struct virtqueue *rx, struct virtqueue *tx);
void oring_drop_buffers(struct oring *q);	/* after the device's reset */
void oring_drop_pending(struct oring *q);	/* after the thread's end */
void oring_destroy(struct oring *q);

static inline void oring_rx_lock(struct oring *q) __acquires(&q->rx_lock)
{
	spin_lock(&q->rx_lock);
}

void oring_rx_unlock(struct oring *q) __releases(&q->rx_lock);	/* notifies the host if needed */

/* Under rx_lock: keeps the ring full; gives back a page that was taken from it. */
void oring_fill(struct oring *q);
void oring_repost(struct oring *q, struct page *page);
void oring_feed(struct oring *q);	/* thread: a buffer for an empty ring; waits for memory */

static inline void oring_lock(struct oring *q) __acquires(&q->tx_lock)
{
	spin_lock(&q->tx_lock);
}

void oring_unlock(struct oring *q) __releases(&q->tx_lock);	/* notifies the host if needed */

/* Under tx_lock. oring_put(): 0, or -EAGAIN when the ring is full. */
int oring_put(struct oring *q, const struct osmsg *msg);
void oring_reclaim(struct oring *q, unsigned int budget);
bool oring_has_room(struct oring *q);
void oring_wait_room(struct oring *q, struct osk *os);	/* puts @os on q->pending */

/* Thread: sends what waited. Returns whether there is more that could be sent now. */
bool oring_flush(struct oring *q);

void oring_wake(struct oring *q);

/* worker.c */
int oring_thread_start(struct oring *q);
void oring_thread_stop(struct oring *q);
void oring_callback(struct virtqueue *vq);

/* busy.c: any thread that may sleep, one look at the ring. False: nothing came. */
bool oring_poll(struct oring *q);
void oring_poll_end(struct oring *q);	/* interrupts, again */

/* rx.c, under rx_lock: at most @budget messages; how many there were */
unsigned int oring_rx(struct oring *q, unsigned int budget);
void oring_rx_forget(struct oring *q);	/* a half received datagram */

/* cmd.c, under tx_lock: false when some requests still wait */
bool osreq_flush(struct oring *q);

#endif
