/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The device and its session with the host.
 *
 * dev.c takes virtio-net devices over (and gives them back), session.c speaks HELLO and rebuilds
 * the host's knowledge of our sockets in each new epoch. There is one device at a time; sockets
 * hold a reference to it, so it outlives its removal.
 *
 *	link down -> nothing is sent, programs wait
 *	EPOCH, new: queues are closed, connections get ECONNRESET, HELLO is sent
 *	HELLO's reply: every socket that is left is declared again, queues are opened
 *	EPOCH, the same: nothing was lost, queues are opened
 */
#ifndef OUTSOCK_DEV_H
#define OUTSOCK_DEV_H

#include <linux/kref.h>
#include <linux/mutex.h>
#include <linux/smp.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "abi/abi.h"
#include "ring.h"

enum osdev_event {
	OSDEV_EV_CONFIG,	/* link status may have changed */
	OSDEV_EV_EPOCH,		/* dev->epoch is new */
	OSDEV_EV_HELLO,		/* dev->hello is new */
	OSDEV_EV_RESTART,	/* dev->epoch was announced again */
};

struct osdev {
	struct kref ref;
	struct virtio_device *vdev;
	struct virtqueue *cvq;
	unsigned int nq;
	bool rt_queue;		/* the last one is for urgent sockets */
	u8 mac[6];
	u8 boot_id[16];

	struct xarray socks;	/* id -> struct osk (a reference), or a value: awaits CLOSED */
	struct xarray reqs;	/* cookie -> struct osreq (holding a reference) */
	u32 next_sock;		/* under the xarray's lock */
	u32 next_cookie;
	atomic_t n_orphans;

	/* session: written by the work item, or by ring threads where it says so */
	struct work_struct work;
	struct delayed_work timer;	/* HELLO again, or give the device back */
	unsigned long events;	/* bits enum osdev_event */
	spinlock_t epoch_lock;	/* ring threads that see a new epoch at the same time */
	u32 epoch;		/* under every tx_lock; 0: none seen */
	u32 declared_epoch;	/* HELLO was answered in it, and our sockets declared */
	u32 hello_cookie;	/* 0: none expected */
	u32 hello_epoch;
	u16 refused;		/* the status of HELLO's reply, with OSDEV_EV_HELLO */
	struct outsock_hello_reply hello;	/* ring thread 0 writes it before OSDEV_EV_HELLO */
	bool link;
	bool up;		/* declared, open */
	bool was_up;		/* the other end has proved to be outsockd */
	bool gone;		/* removed */
	unsigned long deadline;	/* for the first HELLO's answer */

	struct oring q[OUTSOCK_QUEUE_PAIRS_MAX];
};

/* The queue for urgent sockets alone, or NULL. */
static inline struct oring *osdev_rt_queue(struct osdev *dev)
{
	return dev->rt_queue ? &dev->q[dev->nq - 1] : NULL;
}

/* For all others: this CPU's. */
static inline struct oring *osdev_queue(struct osdev *dev)
{
	return &dev->q[raw_smp_processor_id() % (dev->nq - dev->rt_queue)];
}

/* dev.c */
int osdev_init(void);
void osdev_exit(void);
struct osdev *osdev_get(void);	/* the one whose session is up, with a reference, or NULL */
bool osdev_is_there(void);	/* to make sockets on; a hint, in any context */
void osdev_put(struct osdev *dev);
void osdev_give_back(struct osdev *dev, const char *why);

/* session.c */
void osdev_session_init(struct osdev *dev);
void osdev_session_stop(struct osdev *dev);	/* remove: every socket and request fails */
void osdev_event(struct osdev *dev, enum osdev_event event);
void osdev_epoch_seen(struct oring *q, u32 epoch);	/* ring thread */
void osdev_hello_reply(struct oring *q, const struct outsock_hdr *hdr, const void *body, u32 len);
__be32 osdev_only_addr(struct osdev *dev);	/* the guest's IPv4 address; 0: it has several */
bool osdev_is_broadcast(struct osdev *dev, __be32 addr);
bool osdev_owns(struct osdev *dev, const struct outsock_addr *addr);	/* an address of HELLO */

#endif
