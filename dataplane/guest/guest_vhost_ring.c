/* SPDX-License-Identifier: BSD-3-Clause */
/* Rings on their way to the lcore and back. */
#include "guest/guest_vhost.h"

#include "lcore/lcore.h"
#include "main/log.h"

#include <fcntl.h>
#include <linux/virtio_config.h>
#include <rte_vhost.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- on the lcore ---- */

struct call {
	struct guest *g;
	unsigned int index;
	struct guest_ring_cfg cfg;
	uint16_t idx;
	int fds[2];
	int rc;
};

static void call_start(void *arg)
{
	struct call *c = arg;

	c->rc = guest_ring_start(c->g, c->index, &c->cfg);
	guest_snapshot(c->g);
}

static void call_stop(void *arg)
{
	struct call *c = arg;

	c->rc = guest_ring_stop(c->g, c->index, &c->idx, c->fds) ? 0 : -ENOENT;
	guest_snapshot(c->g);
}

/* ---- rings; under dev_lock ---- */

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

/* The lcore uses them no longer. */
static void close_fds(struct guest_vhost *v, int call_fd, int kick_fd)
{
	if (kick_fd >= 0)
		lcore_fd_del(v->g->cfg.lcore, kick_fd);
	close_fd(call_fd);
	close_fd(kick_fd);
}

void guest_vhost_ring_stop(struct guest_vhost *v, unsigned int index)
{
	struct call c = { .g = v->g, .index = index };

	if (!v->runs[index])
		return;
	lcore_call(v->g->cfg.lcore, call_stop, &c);
	v->runs[index] = false;
	if (c.rc)
		return;
	rte_vhost_set_vring_base(v->vid, index, c.idx, c.idx);
	close_fds(v, c.fds[0], c.fds[1]);
}

void guest_vhost_rings_stop(struct guest_vhost *v)
{
	for (unsigned int i = 0; i < RINGS; i++)
		guest_vhost_ring_stop(v, i);
}

/* The library has checked the addresses; they may have been ours to check as well. */
static bool ring_inside(const struct guest_vhost *v, const struct rte_vhost_vring *r)
{
	size_t n = r->size;

	return guest_mem_contains(&v->mem, r->desc, n * sizeof(struct vring_desc)) &&
		guest_mem_contains(&v->mem, r->avail, sizeof(uint16_t) * (3 + n)) &&
		guest_mem_contains(&v->mem, r->used,
				   sizeof(uint16_t) * 3 + n * sizeof(struct vring_used_elem));
}

static int ring_cfg(struct guest_vhost *v, unsigned int index, struct vring_cfg *ret_cfg)
{
	struct rte_vhost_vring r;
	uint16_t avail, used;
	uint64_t features;

	if (rte_vhost_get_negotiated_features(v->vid, &features) < 0 ||
	    rte_vhost_get_vhost_vring(v->vid, index, &r) < 0 ||
	    rte_vhost_get_vring_base(v->vid, index, &avail, &used) < 0)
		return -EIO;
	if (!(features & FEATURE(VIRTIO_F_VERSION_1)))
		return -EPROTONOSUPPORT;
	if (!v->mem.valid || !ring_inside(v, &r))
		return -EFAULT;
	*ret_cfg = (struct vring_cfg){
		.desc = r.desc,
		.avail = r.avail,
		.used = r.used,
		.mem = &v->mem.vring,
		.size = r.size,
		.idx = avail,
		.event_idx = features & FEATURE(VIRTIO_RING_F_EVENT_IDX),
		.indirect = features & FEATURE(VIRTIO_RING_F_INDIRECT_DESC),
		.writable = index % 2 == 0,
	};
	if (index % 2) {
		ret_cfg->skip = OUTSOCK_NET_HDR_LEN;
		ret_cfg->hdr_len = sizeof(struct outsock_hdr);
		ret_cfg->max_bytes =
			OUTSOCK_NET_HDR_LEN + sizeof(struct outsock_hdr) + OUTSOCK_BODY_MAX;
	}
	return 0;
}

/* Our own descriptor for @fd, which never blocks the lcore. -1: there is none. */
static int dup_fd(int fd)
{
	int copy = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
	int flags;

	if (copy < 0)
		return -1;
	flags = fcntl(copy, F_GETFL);
	if (flags >= 0 && !(flags & O_NONBLOCK))
		fcntl(copy, F_SETFL, flags | O_NONBLOCK);
	return copy;
}

void guest_vhost_ring_start(struct guest_vhost *v, unsigned int index)
{
	struct call c = { .g = v->g, .index = index, .cfg = { .call_fd = -1, .kick_fd = -1 } };
	struct rte_vhost_vring r;

	if (v->runs[index] || v->dying || !v->device || !v->ready[index])
		return;
	c.rc = ring_cfg(v, index, &c.cfg.vring);
	if (!c.rc && rte_vhost_get_vhost_vring(v->vid, index, &r) < 0)
		c.rc = -EIO;
	if (!c.rc) {
		c.cfg.call_fd = dup_fd(r.callfd);
		c.cfg.kick_fd = dup_fd(r.kickfd);
		/* Here and not on the lcore: a turn makes no such calls. */
		if (c.cfg.kick_fd >= 0)
			c.rc = lcore_fd_add(v->g->cfg.lcore, c.cfg.kick_fd);
	}
	if (!c.rc)
		lcore_call(v->g->cfg.lcore, call_start, &c);
	if (c.rc == -EPROTONOSUPPORT) {
		log_info("guest %s: driver without VIRTIO_F_VERSION_1, not served", v->g->cfg.name);
	} else if (c.rc) {
		log_warning("guest %s: ring %u can not be served: %s", v->g->cfg.name, index,
			    strerror(-c.rc));
		close_fds(v, c.cfg.call_fd, c.cfg.kick_fd);
	}
	v->runs[index] = c.rc == 0;
}

void guest_vhost_rings_start(struct guest_vhost *v)
{
	for (unsigned int i = 0; i < RINGS; i++)
		guest_vhost_ring_start(v, i);
}

void guest_vhost_mem_read(struct guest_vhost *v)
{
	struct guest_mem_map maps[VRING_MEM_REGIONS];
	struct rte_vhost_memory *mem = NULL;

	if (rte_vhost_get_mem_table(v->vid, &mem) < 0 || !mem)
		return;
	for (uint32_t i = 0; i < mem->nregions && i < VRING_MEM_REGIONS; i++) {
		const struct rte_vhost_mem_region *r = &mem->regions[i];

		maps[i] = (struct guest_mem_map){
			.region = {
				.gpa = r->guest_phys_addr,
				.size = r->size,
				.host = (uint8_t *)(uintptr_t)r->host_user_addr,
			},
			.addr = r->mmap_addr,
			.size = r->mmap_size,
		};
	}
	if (guest_mem_set(&v->mem, maps, mem->nregions, v->g->cfg.rt) < 0)
		log_warning("guest %s: too many memory regions", v->g->cfg.name);
	free(mem);
}

unsigned int guest_pages(const struct guest *g, void **ret_pages, unsigned int max)
{
	return guest_mem_pages(&g->vhost->mem, ret_pages, max);
}

/* ---- the guest moves to another lcore: control thread ---- */

void guest_vhost_lock(struct guest *g, bool populate)
{
	pthread_mutex_lock(&g->vhost->dev_lock);
	if (populate && g->vhost->mem.valid)
		guest_mem_populate(&g->vhost->mem);
}

void guest_vhost_unlock(struct guest *g)
{
	pthread_mutex_unlock(&g->vhost->dev_lock);
}

/* Of ring @index, -1: it has none. The ring does not change: what would change it waits. */
static int kick_fd(const struct guest *g, unsigned int index)
{
	const struct guest_lane *l = &g->lanes[index / 2];

	return g->vhost->runs[index] ? (index % 2 ? l->tx.kick_fd : l->rx.kick_fd) : -1;
}

int guest_vhost_kicks_to(struct guest *g, struct lcore *lcore)
{
	for (unsigned int i = 0; i < RINGS; i++) {
		int fd = kick_fd(g, i), rc = fd < 0 ? 0 : lcore_fd_add(lcore, fd);

		if (rc) {
			guest_vhost_kicks_off(g, lcore);
			return rc;
		}
	}
	return 0;
}

void guest_vhost_kicks_off(struct guest *g, struct lcore *lcore)
{
	for (unsigned int i = 0; i < RINGS; i++)
		if (kick_fd(g, i) >= 0)
			lcore_fd_del(lcore, kick_fd(g, i));
}
