// SPDX-License-Identifier: GPL-2.0
/*
 * Taking virtio-net devices over, and giving them back.
 *
 * Our driver's id table is empty: the bus never offers us a device, we bind those we want
 * explicitly. With an ordinary table a probe that declines would leave a foreign NIC with our
 * feature bits. device_attach() in its place would choose virtio_net, which registered first.
 * Binding happens in work items: from inside a bus notifier it would deadlock.
 */
#include "compat.h"
#include <linux/etherdevice.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/virtio_net.h>
#include <uapi/linux/virtio_ids.h>
#include "dev.h"
#include "mib.h"
#include "sock.h"

static unsigned int max_queue_pairs = OUTSOCK_QUEUE_PAIRS_MAX;
module_param(max_queue_pairs, uint, 0444);
MODULE_PARM_DESC(max_queue_pairs, "queue pairs to use at most (1 to 8)");

static bool rt_queue;
module_param(rt_queue, bool, 0444);
MODULE_PARM_DESC(rt_queue,
		 "the last queue pair is for real-time threads' sockets, and SO_PRIORITY 6 and up");

static DEFINE_SPINLOCK(osdev_lock);
static struct osdev *osdev_current;	/* under osdev_lock */
static struct workqueue_struct *osdev_wq;

/* MACs that were given back: they are not taken again before the next load. */
static u8 osdev_declined[8][ETH_ALEN];
static unsigned int osdev_n_declined;

struct osdev_job {
	struct work_struct work;
	struct device *device;
	bool take;
};

static struct virtio_driver osdev_driver;

/*
 * Once there has been a session, sockets are made also while there is none (the daemon restarts):
 * what they ask waits for the next one.
 */
static bool osdev_usable(const struct osdev *dev)
{
	return dev && READ_ONCE(dev->was_up) && !READ_ONCE(dev->gone);
}

struct osdev *osdev_get(void)
{
	struct osdev *dev;

	spin_lock(&osdev_lock);
	dev = osdev_current;
	if (osdev_usable(dev))
		kref_get(&dev->ref);
	else
		dev = NULL;
	spin_unlock(&osdev_lock);
	return dev;
}

static void osdev_free(struct kref *ref)
{
	struct osdev *dev = container_of(ref, struct osdev, ref);
	unsigned int i;

	for (i = 0; i < dev->nq; i++)
		oring_destroy(&dev->q[i]);
	xa_destroy(&dev->socks);
	xa_destroy(&dev->reqs);
	kfree(dev);
}

void osdev_put(struct osdev *dev)
{
	if (dev)
		kref_put(&dev->ref, osdev_free);
}

/* A hint without a lock, for the probe: socket creation looks again. */
bool osdev_is_there(void)
{
	bool there;

	rcu_read_lock();
	there = osdev_usable(READ_ONCE(osdev_current));
	rcu_read_unlock();
	return there;
}

/* get() of more than four bytes at a time is not for every transport. */
static void osdev_read_mac(struct virtio_device *vdev, u8 *mac)
{
	unsigned int i;

	for (i = 0; i < ETH_ALEN; i++)
		vdev->config->get(vdev, offsetof(struct virtio_net_config, mac) + i, mac + i, 1);
}

static bool osdev_is_declined(const u8 *mac)
{
	unsigned int i;

	for (i = 0; i < osdev_n_declined; i++)
		if (ether_addr_equal(osdev_declined[i], mac))
			return true;
	return false;
}

static void osdev_decline(const u8 *mac)
{
	if (osdev_n_declined < ARRAY_SIZE(osdev_declined))
		memcpy(osdev_declined[osdev_n_declined++], mac, ETH_ALEN);
}

/* Before a driver is bound, features are the transport's to tell. */
static bool osdev_wanted(struct virtio_device *vdev)
{
	static const u8 prefix[] = OUTSOCK_MAC_PREFIX;
	u8 mac[ETH_ALEN];
	u64 features;

	if (vdev->id.device != VIRTIO_ID_NET || !vdev->config->get)
		return false;
	features = vdev->config->get_features(vdev);
	if (!(features & BIT_ULL(VIRTIO_NET_F_MAC)) || !(features & BIT_ULL(VIRTIO_F_VERSION_1)))
		return false;
	osdev_read_mac(vdev, mac);
	return !memcmp(mac, prefix, sizeof(prefix)) && !osdev_is_declined(mac);
}

static void osdev_take(struct device *device)
{
	int err;

	if (device->driver == &osdev_driver.driver || !osdev_wanted(dev_to_virtio(device)))
		return;
	device_release_driver(device);
	err = device_driver_attach(&osdev_driver.driver, device);
	if (!err)
		return;
	pr_warn("%s: cannot take the device over (%d)\n", dev_name(device), err);
	err = device_attach(device);
	if (err < 0)
		pr_warn("%s: no other driver takes it (%d)\n", dev_name(device), err);
}

static void osdev_release(struct device *device)
{
	if (device->driver != &osdev_driver.driver)
		return;
	device_release_driver(device);
	if (device_attach(device) < 0)
		pr_warn("%s: no other driver takes it\n", dev_name(device));
}

static void osdev_job_run(struct work_struct *work)
{
	struct osdev_job *job = container_of(work, struct osdev_job, work);

	if (job->take)
		osdev_take(job->device);
	else
		osdev_release(job->device);
	put_device(job->device);
	kfree(job);
}

static void osdev_schedule(struct device *device, bool take)
{
	struct osdev_job *job = kzalloc(sizeof(*job), GFP_KERNEL);

	if (!job)
		return;
	INIT_WORK(&job->work, osdev_job_run);
	job->device = get_device(device);
	job->take = take;
	queue_work(osdev_wq, &job->work);
}

void osdev_give_back(struct osdev *dev, const char *why)
{
	pr_warn("%s (%pM): %s; the device goes back to virtio_net\n", dev_name(&dev->vdev->dev),
		dev->mac, why);
	osdev_decline(dev->mac);
	osdev_schedule(&dev->vdev->dev, false);
}

static int osdev_notify(struct notifier_block *nb, unsigned long action, void *data)
{
	struct device *device = data;

	if (action == BUS_NOTIFY_BOUND_DRIVER && device->driver != &osdev_driver.driver)
		osdev_schedule(device, true);
	return NOTIFY_DONE;
}

static struct notifier_block osdev_notifier = { .notifier_call = osdev_notify };

/* The driver. */

static const unsigned int osdev_features[] = {
	VIRTIO_NET_F_MAC, VIRTIO_NET_F_STATUS, VIRTIO_NET_F_MRG_RXBUF,
	VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_MQ,
};

/* VERSION_1: the header is 12 bytes. Transport features arrive here unasked: packed is not yet. */
static int osdev_validate(struct virtio_device *vdev)
{
	if (!virtio_has_feature(vdev, VIRTIO_F_VERSION_1) ||
	    !virtio_has_feature(vdev, VIRTIO_NET_F_MRG_RXBUF))
		return -ENODEV;
	__virtio_clear_bit(vdev, VIRTIO_F_RING_PACKED);
	return 0;
}

/* Every pair of the device is created, since the control queue comes behind them. */
static int osdev_find_vqs(struct osdev *dev, unsigned int pairs, bool has_cvq)
{
	unsigned int i, n = 2 * pairs + has_cvq;
	struct virtqueue **vqs = kcalloc(n, sizeof(*vqs), GFP_KERNEL);
	vq_callback_t **callbacks = kcalloc(n, sizeof(*callbacks), GFP_KERNEL);
	const char **names = kcalloc(n, sizeof(*names), GFP_KERNEL);
	int err = -ENOMEM;

	if (!vqs || !callbacks || !names)
		goto out;
	for (i = 0; i < 2 * pairs; i++) {
		bool used = i / 2 < dev->nq;

		names[i] = used ? dev->q[i / 2].name[i % 2] : "unused";
		callbacks[i] = used ? oring_callback : NULL;
	}
	if (has_cvq)
		names[n - 1] = "control";
	err = os_find_vqs(dev->vdev, n, vqs, callbacks, names);
	if (err)
		goto out;
	for (i = 0; i < dev->nq && !err; i++)
		err = oring_start(&dev->q[i], vqs[2 * i], vqs[2 * i + 1]);
	dev->cvq = has_cvq ? vqs[n - 1] : NULL;
out:
	kfree(names);
	kfree(callbacks);
	kfree(vqs);
	return err;
}

/* The MQ command: until then a device uses its first pair only. */
static int osdev_set_pairs(struct osdev *dev)
{
	struct {
		struct virtio_net_ctrl_hdr hdr;
		struct virtio_net_ctrl_mq mq;
		u8 ack;
	} *cmd;
	struct scatterlist sg[3], *sgs[3] = { &sg[0], &sg[1], &sg[2] };
	unsigned long deadline = jiffies + 5 * HZ;
	unsigned int len;
	int err;

	if (dev->nq == 1)
		return 0;
	cmd = kzalloc(sizeof(*cmd), GFP_KERNEL);
	if (!cmd)
		return -ENOMEM;
	cmd->hdr.class = VIRTIO_NET_CTRL_MQ;
	cmd->hdr.cmd = VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET;
	cmd->mq.virtqueue_pairs = cpu_to_virtio16(dev->vdev, dev->nq);
	cmd->ack = ~0;
	sg_init_one(&sg[0], &cmd->hdr, sizeof(cmd->hdr));
	sg_init_one(&sg[1], &cmd->mq, sizeof(cmd->mq));
	sg_init_one(&sg[2], &cmd->ack, sizeof(cmd->ack));
	err = virtqueue_add_sgs(dev->cvq, sgs, 2, 1, cmd, GFP_KERNEL);
	if (err) {
		kfree(cmd);
		return err;
	}
	virtqueue_kick(dev->cvq);
	while (!virtqueue_get_buf(dev->cvq, &len)) {
		if (virtqueue_is_broken(dev->cvq) || time_after(jiffies, deadline))
			return -EIO;	/* the command stays the device's: leaked, not reused */
		usleep_range(50, 200);
	}
	err = cmd->ack == VIRTIO_NET_OK ? 0 : -EIO;
	kfree(cmd);
	return err;
}

static int osdev_publish(struct osdev *dev)
{
	int err = 0;

	spin_lock(&osdev_lock);
	if (osdev_current)
		err = -EBUSY;
	else
		WRITE_ONCE(osdev_current, dev);
	spin_unlock(&osdev_lock);
	return err;
}

static void osdev_unpublish(struct osdev *dev)
{
	spin_lock(&osdev_lock);
	if (osdev_current == dev)
		WRITE_ONCE(osdev_current, NULL);
	spin_unlock(&osdev_lock);
}

/* No thread uses the queues any more. */
static void osdev_del_vqs(struct osdev *dev)
{
	unsigned int i;

	cancel_work_sync(&dev->work);	/* the threads' last events */
	cancel_delayed_work_sync(&dev->timer);
	virtio_reset_device(dev->vdev);
	for (i = 0; i < dev->nq; i++) {
		oring_rx_lock(&dev->q[i]);
		oring_lock(&dev->q[i]);
		dev->q[i].open = false;
		oring_drop_buffers(&dev->q[i]);
		oring_unlock(&dev->q[i]);
		oring_rx_unlock(&dev->q[i]);
	}
	synchronize_rcu();	/* oring_unlock() notifies outside of its lock */
	dev->vdev->config->del_vqs(dev->vdev);
}

static struct osdev *osdev_alloc(struct virtio_device *vdev)
{
	struct osdev *dev = kzalloc(sizeof(*dev), GFP_KERNEL);
	unsigned int i;

	if (!dev)
		return NULL;
	kref_init(&dev->ref);
	dev->vdev = vdev;
	xa_init_flags(&dev->socks, XA_FLAGS_ALLOC);
	xa_init_flags(&dev->reqs, XA_FLAGS_ALLOC1);
	get_random_bytes(dev->boot_id, sizeof(dev->boot_id));
	osdev_read_mac(vdev, dev->mac);
	osdev_session_init(dev);
	for (i = 0; i < ARRAY_SIZE(dev->q); i++)
		oring_init(&dev->q[i], dev, i);
	return dev;
}

static unsigned int osdev_count_pairs(struct virtio_device *vdev)
{
	if (!virtio_has_feature(vdev, VIRTIO_NET_F_MQ) ||
	    !virtio_has_feature(vdev, VIRTIO_NET_F_CTRL_VQ))
		return 1;
	return max_t(u16, 1, virtio_cread16(vdev, offsetof(struct virtio_net_config,
							   max_virtqueue_pairs)));
}

static int osdev_probe(struct virtio_device *vdev)
{
	unsigned int i, pairs = osdev_count_pairs(vdev);
	bool has_cvq = virtio_has_feature(vdev, VIRTIO_NET_F_CTRL_VQ);
	struct osdev *dev = osdev_alloc(vdev);
	int err;

	if (!dev)
		return -ENOMEM;
	/* One for each CPU; one more for the urgent. */
	dev->nq = min3(pairs, clamp_t(unsigned int, max_queue_pairs, 1, OUTSOCK_QUEUE_PAIRS_MAX),
		       num_online_cpus() + rt_queue);
	dev->rt_queue = rt_queue && dev->nq > 1;
	if (rt_queue && !dev->rt_queue)
		pr_warn("%s: one queue pair only: rt_queue has no effect\n", dev_name(&vdev->dev));
	vdev->priv = dev;
	err = osdev_publish(dev);
	if (err) {
		pr_warn("%s: only one device at a time is supported\n", dev_name(&vdev->dev));
		goto put;
	}
	err = osdev_find_vqs(dev, pairs, has_cvq);
	if (err)
		goto del_vqs;
	virtio_device_ready(vdev);
	err = osdev_set_pairs(dev);
	for (i = 0; i < dev->nq && !err; i++)
		err = oring_thread_start(&dev->q[i]);
	if (err)
		goto stop;
	pr_info("%s (%pM): %u queue pair(s)\n", dev_name(&vdev->dev), dev->mac, dev->nq);
	osdev_event(dev, OSDEV_EV_CONFIG);
	return 0;
stop:
	osdev_session_stop(dev);
	for (i = 0; i < dev->nq; i++)
		oring_thread_stop(&dev->q[i]);
del_vqs:
	osdev_del_vqs(dev);
	osdev_unpublish(dev);
put:
	vdev->priv = NULL;
	osdev_put(dev);
	return err;
}

static void osdev_remove(struct virtio_device *vdev)
{
	struct osdev *dev = vdev->priv;
	unsigned int i;

	osdev_unpublish(dev);
	osdev_session_stop(dev);
	for (i = 0; i < dev->nq; i++)
		oring_thread_stop(&dev->q[i]);
	osdev_del_vqs(dev);
	for (i = 0; i < dev->nq; i++)
		oring_drop_pending(&dev->q[i]);
	synchronize_rcu();	/* osdev_is_there() */
	osdev_put(dev);
}

static void osdev_config_changed(struct virtio_device *vdev)
{
	osdev_event(vdev->priv, OSDEV_EV_CONFIG);
}

#ifdef CONFIG_PM_SLEEP
/* Without it the device would come back without its queues, and every socket would hang. */
static int osdev_freeze(struct virtio_device *vdev)
{
	pr_warn("%s: no suspend while outsock has the device; unload the module for it\n",
		dev_name(&vdev->dev));
	return -EBUSY;
}
#endif

static const struct virtio_device_id osdev_no_ids[] = { { 0 } };

static struct virtio_driver osdev_driver = {
	.driver.name = KBUILD_MODNAME,
	.driver.owner = THIS_MODULE,
	.id_table = osdev_no_ids,
	.feature_table = osdev_features,
	.feature_table_size = ARRAY_SIZE(osdev_features),
	.validate = osdev_validate,
	.probe = osdev_probe,
	.remove = osdev_remove,
	.config_changed = osdev_config_changed,
#ifdef CONFIG_PM_SLEEP
	.freeze = osdev_freeze,
#endif
};

/* Devices are collected first: releasing a driver inside the walk would hold the bus's list. */
struct osdev_walk {
	struct device *device[16];
	unsigned int n;
	bool ours;
};

static int osdev_collect(struct device *device, void *data)
{
	struct osdev_walk *walk = data;
	bool ours = device->driver == &osdev_driver.driver;

	if (ours == walk->ours && walk->n < ARRAY_SIZE(walk->device) &&
	    (ours || osdev_wanted(dev_to_virtio(device))))
		walk->device[walk->n++] = get_device(device);
	return 0;
}

static void osdev_walk(bool ours, void (*fn)(struct device *device))
{
	struct osdev_walk walk = { .ours = ours };
	unsigned int i;

	bus_for_each_dev(osdev_driver.driver.bus, NULL, &walk, osdev_collect);
	for (i = 0; i < walk.n; i++) {
		fn(walk.device[i]);
		put_device(walk.device[i]);
	}
}

int osdev_init(void)
{
	int err;

	osdev_wq = alloc_ordered_workqueue("outsock", 0);
	if (!osdev_wq)
		return -ENOMEM;
	err = register_virtio_driver(&osdev_driver);
	if (err)
		goto destroy;
	err = bus_register_notifier(osdev_driver.driver.bus, &osdev_notifier);
	if (err)
		goto unregister;
	osdev_walk(false, osdev_take);
	return 0;
unregister:
	unregister_virtio_driver(&osdev_driver);
destroy:
	destroy_workqueue(osdev_wq);
	return err;
}

void osdev_exit(void)
{
	bus_unregister_notifier(osdev_driver.driver.bus, &osdev_notifier);
	flush_workqueue(osdev_wq);
	osdev_walk(true, osdev_release);
	flush_workqueue(osdev_wq);	/* a device given back just now */
	unregister_virtio_driver(&osdev_driver);
	destroy_workqueue(osdev_wq);
}
