// SPDX-License-Identifier: GPL-2.0
#include "compat.h"
#include <linux/inetdevice.h>
#include <linux/virtio_net.h>
#include "cmd.h"
#include "dev.h"
#include "mib.h"
#include "sock.h"

#define OSDEV_HELLO_RETRY HZ
#define OSDEV_HELLO_COOKIE BIT_ULL(32)	/* requests' cookies are below */

static unsigned int hello_timeout = 5;
module_param(hello_timeout, uint, 0644);
MODULE_PARM_DESC(hello_timeout, "seconds of link without an answer until virtio_net gets a device");

/* Under epoch_lock, so that a queue is never opened for an epoch that has passed. */
static void osdev_close_queues(struct osdev *dev)
{
	unsigned int i;

	WRITE_ONCE(dev->up, false);
	for (i = 0; i < dev->nq; i++) {
		oring_lock(&dev->q[i]);
		dev->q[i].open = false;
		oring_unlock(&dev->q[i]);
	}
}

static bool osdev_open_queues(struct osdev *dev, u32 epoch)
{
	bool same;
	unsigned int i;

	spin_lock(&dev->epoch_lock);
	same = dev->epoch == epoch && !dev->gone;
	for (i = 0; same && i < dev->nq; i++) {
		oring_lock(&dev->q[i]);
		dev->q[i].open = true;
		oring_unlock(&dev->q[i]);
	}
	if (same)
		WRITE_ONCE(dev->up, true);
	spin_unlock(&dev->epoch_lock);
	for (i = 0; i < dev->nq; i++)
		oring_wake(&dev->q[i]);
	return same;
}

static void osdev_queue_work(struct osdev *dev)
{
	if (!READ_ONCE(dev->gone))
		queue_work(system_wq, &dev->work);
}

void osdev_event(struct osdev *dev, enum osdev_event event)
{
	set_bit(event, &dev->events);
	osdev_queue_work(dev);
}

void osdev_epoch_seen(struct oring *q, u32 epoch)
{
	struct osdev *dev = q->dev;

	spin_lock(&dev->epoch_lock);
	if (dev->epoch != epoch) {
		osdev_close_queues(dev);
		dev->epoch = epoch;
		WRITE_ONCE(dev->hello_cookie, 0);
		clear_bit(OSDEV_EV_HELLO, &dev->events);	/* it was the old epoch's */
		OSMIB_INC(epochs);
		set_bit(OSDEV_EV_EPOCH, &dev->events);
	} else {
		set_bit(OSDEV_EV_RESTART, &dev->events);
	}
	spin_unlock(&dev->epoch_lock);
	osdev_event(dev, OSDEV_EV_CONFIG);
}

static void osdev_send_hello(struct osdev *dev)
{
	struct outsock_hello hello = {
		.version_min = cpu_to_le16(OUTSOCK_ABI_VERSION),
		.version_max = cpu_to_le16(OUTSOCK_ABI_VERSION),
		.queue_pairs = cpu_to_le16(dev->nq),
	};
	struct osmsg msg = {
		.op = OUTSOCK_OP_HELLO, .sock = OUTSOCK_ID_NONE, .body = &hello,
		.body_len = sizeof(hello),
	};

	memcpy(hello.boot_id, dev->boot_id, sizeof(hello.boot_id));
	if (!dev->hello_cookie)
		WRITE_ONCE(dev->hello_cookie, ++dev->next_cookie ?: 1);
	msg.off = OSDEV_HELLO_COOKIE | dev->hello_cookie;
	oring_lock(&dev->q[0]);
	oring_put(&dev->q[0], &msg);	/* a full ring: the timer tries again */
	oring_unlock(&dev->q[0]);
	mod_delayed_work(system_wq, &dev->timer, OSDEV_HELLO_RETRY);
}

void osdev_hello_reply(struct oring *q, const struct outsock_hdr *hdr, const void *body, u32 len)
{
	struct osdev *dev = q->dev;
	u32 cookie = READ_ONCE(dev->hello_cookie);

	if (q->idx || !cookie || le64_to_cpu(hdr->off) != (OSDEV_HELLO_COOKIE | cookie)) {
		OSMIB_INC(rx_bad_cookie);
		return;
	}
	if (!hdr->status && len < sizeof(dev->hello)) {
		OSMIB_INC(rx_bad_length);
		return;
	}
	spin_lock(&dev->epoch_lock);
	if (le32_to_cpu(hdr->epoch) == dev->epoch) {
		WRITE_ONCE(dev->hello_cookie, 0);
		dev->refused = le16_to_cpu(hdr->status);
		if (!dev->refused)
			memcpy(&dev->hello, body, sizeof(dev->hello));
		dev->hello_epoch = dev->epoch;
		set_bit(OSDEV_EV_HELLO, &dev->events);
	}
	spin_unlock(&dev->epoch_lock);
	osdev_queue_work(dev);
}

bool osdev_owns(struct osdev *dev, const struct outsock_addr *addr)
{
	const struct outsock_hello_addr *own = dev->hello.addrs;
	unsigned int i, n = min_t(u32, le16_to_cpu(dev->hello.n_addrs), OUTSOCK_HELLO_ADDRS);

	for (i = 0; i < n; i++)
		if (own[i].family == addr->family && !memcmp(own[i].addr, addr->addr, 16))
			return true;
	return false;
}

__be32 osdev_only_addr(struct osdev *dev)
{
	const struct outsock_hello_addr *own = dev->hello.addrs;
	__be32 v4 = 0;

	if (le16_to_cpu(dev->hello.n_addrs) == 1 && own->family == OUTSOCK_INET)
		memcpy(&v4, own->addr, sizeof(v4));
	return v4;
}

/* Everybody in a network of the guest's? */
bool osdev_is_broadcast(struct osdev *dev, __be32 addr)
{
	const struct outsock_hello_addr *own = dev->hello.addrs;
	unsigned int i, n = min_t(u32, le16_to_cpu(dev->hello.n_addrs), OUTSOCK_HELLO_ADDRS);

	for (i = 0; i < n; i++) {
		__be32 mask = inet_make_mask(min_t(u8, own[i].prefix_len, 32)), mine;

		memcpy(&mine, own[i].addr, sizeof(mine));
		if (own[i].family == OUTSOCK_INET && own[i].prefix_len < 31 &&
		    addr == (mine | ~mask))
			return true;
	}
	return addr == htonl(INADDR_BROADCAST);
}

/* The work item. */

static void osdev_for_each_sock(struct osdev *dev, void (*fn)(struct osk *os, void *arg), void *arg)
{
	unsigned long id = 0;
	struct osk *os;

	for (; (os = osk_next(dev, &id)); id++) {
		fn(os, arg);
		sock_put(osk_sk(os));
		cond_resched();
	}
}

static void osdev_link(struct osdev *dev)
{
	bool link = true;

	if (virtio_has_feature(dev->vdev, VIRTIO_NET_F_STATUS))
		link = virtio_cread16(dev->vdev, offsetof(struct virtio_net_config, status)) &
		       VIRTIO_NET_S_LINK_UP;
	if (link == dev->link)
		return;
	dev->link = link;
	if (!link) {
		pr_info("link down: waiting for the host\n");
		spin_lock(&dev->epoch_lock);
		osdev_close_queues(dev);
		spin_unlock(&dev->epoch_lock);
		osdev_for_each_sock(dev, osk_link_lost, NULL);
		return;
	}
	dev->deadline = jiffies + hello_timeout * HZ;
	mod_delayed_work(system_wq, &dev->timer, OSDEV_HELLO_RETRY);
}

static void osdev_timer(struct work_struct *work)
{
	struct osdev *dev = container_of(work, struct osdev, timer.work);

	if (dev->gone || dev->up || !dev->link)
		return;
	if (!dev->was_up && time_after(jiffies, dev->deadline)) {
		osdev_give_back(dev, "no answer to HELLO");
		return;
	}
	if (dev->hello_cookie)
		osdev_send_hello(dev);
	else
		mod_delayed_work(system_wq, &dev->timer, OSDEV_HELLO_RETRY);
}

/*
 * A new epoch: the host knows nothing of us. The queues are closed; requests come all the same,
 * some for sockets which osk_epoch_lost() has not met yet, so they look declared.
 */
static void osdev_session_reset(struct osdev *dev)
{
	synchronize_rcu();	/* messages of the old epoch, see osrx_message() */
	osreq_epoch_lost(dev, false);
	osk_forget_zombies(dev);
	osdev_for_each_sock(dev, osk_epoch_lost, NULL);
	osreq_epoch_lost(dev, true);
	osdev_send_hello(dev);
}

static void osdev_session_up(struct osdev *dev)
{
	u32 epoch = READ_ONCE(dev->hello_epoch);

	/* A daemon of another version: with this module there will be no session. */
	if (dev->refused || le16_to_cpu(dev->hello.version) != OUTSOCK_ABI_VERSION) {
		osdev_give_back(dev, "the host does not speak our version");
		return;
	}
	osdev_for_each_sock(dev, osk_declare_again, NULL);
	osreq_requeue(dev);
	dev->declared_epoch = epoch;
	if (!osdev_open_queues(dev, epoch))
		return;
	if (!dev->was_up)
		pr_info("session with the host: %u sockets at most, ephemeral ports %u to %u\n",
			le32_to_cpu(dev->hello.max_sockets), le16_to_cpu(dev->hello.eph_first),
			le16_to_cpu(dev->hello.eph_last));
	else
		pr_info("new session with the host\n");
	WRITE_ONCE(dev->was_up, true);
	OSMIB_INC(sessions);
}

/*
 * The same epoch again: the link was down, and what the rings held is still there. (Had somebody
 * else taken a message out of them, the host would have begun a new epoch.)
 */
static void osdev_ring_restart(struct osdev *dev)
{
	if (!dev->link || dev->declared_epoch != READ_ONCE(dev->epoch))
		return;
	OSMIB_INC(ring_restarts);
	osdev_open_queues(dev, dev->declared_epoch);
}

static void osdev_work(struct work_struct *work)
{
	struct osdev *dev = container_of(work, struct osdev, work);

	if (dev->gone)
		return;
	if (test_and_clear_bit(OSDEV_EV_CONFIG, &dev->events))
		osdev_link(dev);
	if (test_and_clear_bit(OSDEV_EV_EPOCH, &dev->events))
		osdev_session_reset(dev);
	if (test_and_clear_bit(OSDEV_EV_HELLO, &dev->events))
		osdev_session_up(dev);
	if (test_and_clear_bit(OSDEV_EV_RESTART, &dev->events))
		osdev_ring_restart(dev);
}

void osdev_session_init(struct osdev *dev)
{
	spin_lock_init(&dev->epoch_lock);
	INIT_WORK(&dev->work, osdev_work);
	INIT_DELAYED_WORK(&dev->timer, osdev_timer);
}

void osdev_session_stop(struct osdev *dev)
{
	spin_lock(&dev->epoch_lock);
	WRITE_ONCE(dev->gone, true);
	osdev_close_queues(dev);
	spin_unlock(&dev->epoch_lock);
	cancel_work_sync(&dev->work);
	cancel_delayed_work_sync(&dev->timer);
	osreq_fail_all(dev, ENETDOWN);
	osk_forget_zombies(dev);
	osdev_for_each_sock(dev, osk_device_gone, NULL);
}
