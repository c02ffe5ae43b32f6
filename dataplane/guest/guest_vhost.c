/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The seam to the vhost library, which speaks the vhost-user protocol and maps guest memory. The
 * rings are ours: the lcore walks its own copy of addresses and memory table. The rules, each of
 * which was found by trying:
 *
 * - The library unmaps, moves and closes things with no callback, under a lock that the lcore does
 *   not take. So before it handles SET_MEM_TABLE, SET_VRING_ADDR or GET_VRING_BASE, when a ring
 *   ceases to be ready, and in destroy_device, the rings concerned are taken from the lcore,
 *   between two of its turns (lcore_call()). The lcore never waits for the library.
 * - GET_VRING_BASE is answered from the library's copy of the indices: it is told ours.
 * - Call and kick descriptors are duplicated, anew at each start of a ring (QEMU swaps them).
 * - The built-in net flag is left set (no set_features): otherwise a device with several queue
 *   pairs of which the guest uses one never becomes ready.
 * - destroy_device freezes: a paused VM does that too.
 *
 * A ring runs on the lcore when the library says that it is ready and that the device is.
 * Callbacks come from the library's threads, one at a time for a guest (dev_lock makes sure).
 */
#include "guest/guest_vhost.h"

#include "lcore/lcore.h"
#include "main/files.h"
#include "main/log.h"

#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <pthread.h>
#include <rte_vhost.h>
#include <stdlib.h>
#include <sys/un.h>
#include <unistd.h>

#define NO_VID (-1)

/* What is offered to the VMM; STATUS and the MAC address are the VMM's own. */
#define FEATURES \
	(FEATURE(VIRTIO_F_VERSION_1) | FEATURE(VIRTIO_NET_F_MRG_RXBUF) | \
	 FEATURE(VIRTIO_NET_F_CTRL_VQ) | FEATURE(VIRTIO_NET_F_MQ) | \
	 FEATURE(VIRTIO_RING_F_INDIRECT_DESC) | FEATURE(VIRTIO_RING_F_EVENT_IDX) | \
	 FEATURE(VHOST_USER_F_PROTOCOL_FEATURES))
#define PROTOCOL_FEATURES \
	(FEATURE(VHOST_USER_PROTOCOL_F_MQ) | FEATURE(VHOST_USER_PROTOCOL_F_REPLY_ACK))

/* Messages that the library hands to us before and after it handles them (vhost-user protocol). */
enum {
	MSG_SET_MEM_TABLE = 5,
	MSG_SET_VRING_ADDR = 9,
	MSG_GET_VRING_BASE = 11,
};

/* The head of the library's message context: what we read of it. */
struct msg {
	uint32_t request, flags, size;
	uint32_t index; /* of the ring, in those messages that name one */
} __attribute__((packed));

static struct list guests = { &guests, &guests };
static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
static struct guest_vhost *by_vid[RTE_MAX_VHOST_DEVICE];

static void call_connected(void *arg)
{
	guest_connected(arg);
	guest_snapshot(arg);
}

static void call_lost(void *arg)
{
	guest_lost(arg);
}

/* ---- callbacks of the library ---- */

static struct guest_vhost *vhost_of(int vid)
{
	return vid >= 0 && vid < RTE_MAX_VHOST_DEVICE ? by_vid[vid] : NULL;
}

static struct guest_vhost *find_path(const char *path)
{
	struct guest_vhost *found = NULL;

	pthread_mutex_lock(&list_lock);
	list_for_each(e, &guests) {
		struct guest_vhost *v = container_of(e, struct guest_vhost, link);

		if (strcmp(v->g->cfg.socket_path, path) == 0)
			found = v;
	}
	pthread_mutex_unlock(&list_lock);
	return found;
}

static void before_msg(struct guest_vhost *v, const struct msg *m)
{
	switch (m->request) {
	case MSG_SET_MEM_TABLE:
		guest_vhost_rings_stop(v);
		guest_mem_clear(&v->mem);
		break;
	case MSG_SET_VRING_ADDR:
	case MSG_GET_VRING_BASE:
		if (m->index < RINGS)
			guest_vhost_ring_stop(v, m->index);
		break;
	default:
		break;
	}
}

/*
 * What ran before goes on. A ring that GET_VRING_BASE stopped does not: the library says that it is
 * no longer ready right after this.
 */
static void after_msg(struct guest_vhost *v, const struct msg *m)
{
	switch (m->request) {
	case MSG_SET_MEM_TABLE:
		guest_vhost_mem_read(v);
		guest_vhost_rings_start(v);
		break;
	case MSG_SET_VRING_ADDR:
		if (m->index < RINGS)
			guest_vhost_ring_start(v, m->index);
		break;
	default:
		break;
	}
}

/* The library goes on with every message: we only have to know of some. */
static enum rte_vhost_msg_result on_msg(int vid, const struct msg *m,
					void (*fn)(struct guest_vhost *v, const struct msg *m))
{
	struct guest_vhost *v = vhost_of(vid);

	if (v) {
		pthread_mutex_lock(&v->dev_lock);
		fn(v, m);
		pthread_mutex_unlock(&v->dev_lock);
	}
	return RTE_VHOST_MSG_RESULT_NOT_HANDLED;
}

static enum rte_vhost_msg_result pre_msg(int vid, void *data)
{
	return on_msg(vid, data, before_msg);
}

static enum rte_vhost_msg_result post_msg(int vid, void *data)
{
	return on_msg(vid, data, after_msg);
}

static const struct rte_vhost_user_extern_ops extern_ops = {
	.pre_msg_handle = pre_msg,
	.post_msg_handle = post_msg,
};

static int new_connection(int vid)
{
	char path[PATH_MAX];
	struct guest_vhost *v;
	int rc = -1;

	guest_mem_thread();
	if (rte_vhost_get_ifname(vid, path, sizeof(path)) < 0)
		return -1;
	v = find_path(path);
	if (!v || vid >= RTE_MAX_VHOST_DEVICE)
		return -1;
	pthread_mutex_lock(&v->dev_lock);
	if (v->dying || v->vid != NO_VID) {
		if (!v->dying)
			log_warning("guest %s: a second connection to %s is refused",
				    v->g->cfg.name, path);
		goto out;
	}
	rc = rte_vhost_extern_callback_register(vid, &extern_ops, NULL);
	if (rc < 0)
		goto out;
	v->vid = vid;
	by_vid[vid] = v;
	memset(v->ready, 0, sizeof(v->ready));
	lcore_call(v->g->cfg.lcore, call_connected, v->g);
	log_info("guest %s: connected", v->g->cfg.name);
out:
	pthread_mutex_unlock(&v->dev_lock);
	return rc;
}

static void connection_gone(struct guest_vhost *v)
{
	guest_vhost_rings_stop(v);
	v->device = false;
	by_vid[v->vid] = NULL;
	v->vid = NO_VID;
	guest_mem_clear(&v->mem);
	lcore_call(v->g->cfg.lcore, call_lost, v->g);
}

static void destroy_connection(int vid)
{
	struct guest_vhost *v = vhost_of(vid);

	if (!v)
		return;
	pthread_mutex_lock(&v->dev_lock);
	connection_gone(v);
	log_info("guest %s: connection closed", v->g->cfg.name);
	pthread_mutex_unlock(&v->dev_lock);
}

static int new_device(int vid)
{
	struct guest_vhost *v = vhost_of(vid);

	if (!v)
		return -1;
	guest_mem_thread();
	pthread_mutex_lock(&v->dev_lock);
	v->device = true;
	guest_vhost_rings_start(v);
	log_info("guest %s: device started", v->g->cfg.name);
	pthread_mutex_unlock(&v->dev_lock);
	return 0;
}

static void destroy_device(int vid)
{
	struct guest_vhost *v = vhost_of(vid);

	if (!v)
		return;
	pthread_mutex_lock(&v->dev_lock);
	guest_vhost_rings_stop(v);
	v->device = false;
	log_info("guest %s: device stopped", v->g->cfg.name);
	pthread_mutex_unlock(&v->dev_lock);
}

static int vring_state_changed(int vid, uint16_t index, int enable)
{
	struct guest_vhost *v = vhost_of(vid);

	if (!v || index >= RINGS)
		return 0;
	guest_mem_thread();
	pthread_mutex_lock(&v->dev_lock);
	v->ready[index] = enable;
	if (enable)
		guest_vhost_ring_start(v, index);
	else
		guest_vhost_ring_stop(v, index);
	pthread_mutex_unlock(&v->dev_lock);
	return 0;
}

static const struct rte_vhost_device_ops device_ops = {
	.new_device = new_device,
	.destroy_device = destroy_device,
	.vring_state_changed = vring_state_changed,
	.new_connection = new_connection,
	.destroy_connection = destroy_connection,
};

/* ---- control thread ---- */

int guest_vhost_alloc(struct guest *g)
{
	struct guest_vhost *v = calloc(1, sizeof(*v));
	int rc;

	if (!v)
		return -ENOMEM;
	v->g = g;
	v->vid = NO_VID;
	pthread_mutex_init(&v->dev_lock, NULL);
	list_init(&v->link);
	g->vhost = v;
	rc = guest_mem_init(&v->mem);
	if (rc == 0)
		g->mem_fault = guest_mem_fault(&v->mem);
	return rc;
}

static int register_path(const struct guest_cfg *cfg)
{
	uint64_t keep = PROTOCOL_FEATURES;

	if (rte_vhost_driver_register(cfg->socket_path, cfg->client ? RTE_VHOST_USER_CLIENT : 0) <
	    0)
		return -EIO;
	if (rte_vhost_driver_disable_features(cfg->socket_path, ~(uint64_t)FEATURES) < 0 ||
	    rte_vhost_driver_set_protocol_features(cfg->socket_path, keep) < 0 ||
	    rte_vhost_driver_callback_register(cfg->socket_path, &device_ops) < 0) {
		rte_vhost_driver_unregister(cfg->socket_path);
		return -EIO;
	}
	return 0;
}

int guest_vhost_start(struct guest *g)
{
	const struct guest_cfg *cfg = &g->cfg;
	struct guest_vhost *v = g->vhost;
	int rc;

	if (strlen(cfg->socket_path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return -ENAMETOOLONG;
	if (find_path(cfg->socket_path))
		return -EEXIST;
	if (!cfg->client) {
		rc = files_clear_socket(cfg->socket_path);
		if (rc)
			return rc;
	}
	rc = register_path(cfg);
	if (rc)
		return rc;
	v->registered = true;
	pthread_mutex_lock(&list_lock);
	list_add_tail(&guests, &v->link);
	pthread_mutex_unlock(&list_lock);
	return rte_vhost_driver_start(cfg->socket_path) < 0 ? -EIO : 0;
}

void guest_vhost_destroy(struct guest *g)
{
	struct guest_vhost *v = g->vhost;

	if (!v)
		return;
	pthread_mutex_lock(&v->dev_lock);
	v->dying = true;
	guest_vhost_rings_stop(v);
	pthread_mutex_unlock(&v->dev_lock);
	/* Waits for callbacks in progress, so not under a lock that they take. */
	if (v->registered)
		rte_vhost_driver_unregister(g->cfg.socket_path);
	pthread_mutex_lock(&list_lock);
	list_del(&v->link);
	pthread_mutex_unlock(&list_lock);
	if (v->vid != NO_VID)
		by_vid[v->vid] = NULL;
	guest_mem_fini(&v->mem);
	pthread_mutex_destroy(&v->dev_lock);
	free(v);
	g->vhost = NULL;
}
