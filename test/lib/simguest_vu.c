/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The frontend of the vhost-user protocol, as far as a virtio-net device needs it: memory, the
 * handshake, starting and stopping rings. Guest-physical memory is two regions of one memfd with a
 * hole between them (rings below, buffers above), as a PC's is; a third one comes with
 * simguest_remap().
 */
#include "simguest_private.h"

#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum vu_request {
	VU_GET_FEATURES = 1,
	VU_SET_FEATURES = 2,
	VU_SET_OWNER = 3,
	VU_SET_MEM_TABLE = 5,
	VU_SET_VRING_NUM = 8,
	VU_SET_VRING_ADDR = 9,
	VU_SET_VRING_BASE = 10,
	VU_GET_VRING_BASE = 11,
	VU_SET_VRING_KICK = 12,
	VU_SET_VRING_CALL = 13,
	VU_GET_PROTOCOL_FEATURES = 15,
	VU_SET_PROTOCOL_FEATURES = 16,
	VU_GET_QUEUE_NUM = 17,
	VU_SET_VRING_ENABLE = 18,
};

#define VU_VERSION    1u
#define VU_REPLY      4u
#define VU_NEED_REPLY 8u

#define F_PROTOCOL_FEATURES 30
#define PF_MQ		    0
#define PF_REPLY_ACK	    3

#define GPA_HIGH  0x100000000ull /* of the second region */
#define GPA_MORE  0x200000000ull /* of the third */
#define MORE_SIZE (2u << 20)

struct vu_state {
	uint32_t index, num;
};

struct vu_addr {
	uint32_t index, flags;
	uint64_t desc, used, avail, log;
};

struct vu_memory {
	uint32_t n, padding;
	struct {
		uint64_t gpa, size, uaddr, off;
	} regions[8];
};

struct vu_msg {
	uint32_t request, flags, size;
	union {
		uint64_t u64;
		struct vu_state state;
		struct vu_addr addr;
		struct vu_memory memory;
	};
} __attribute__((packed));

#define VU_HEAD offsetof(struct vu_msg, u64)

uint64_t sg_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* Waits for @fd; lets the other side live if it is in this thread. */
static int wait_fd(const struct simguest *sg, int fd, short events)
{
	uint64_t end = sg_now_ms() + sg->cfg.timeout_ms;
	struct pollfd p = { .fd = fd, .events = events };

	do {
		if (poll(&p, 1, sg->cfg.idle ? 0 : 10) > 0)
			return 0;
		if (sg->cfg.idle)
			sg->cfg.idle(sg->cfg.idle_ctx);
	} while (sg_now_ms() < end);
	return -ETIMEDOUT;
}

static int vu_send(const struct simguest *sg, struct vu_msg *m, const int *fds, unsigned int n_fds)
{
	struct iovec iov = { .iov_base = m, .iov_len = VU_HEAD + m->size };
	char control[CMSG_SPACE(8 * sizeof(int))] = { 0 };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };

	m->flags |= VU_VERSION;
	if (n_fds) {
		struct cmsghdr *c;

		h.msg_control = control;
		h.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		c = CMSG_FIRSTHDR(&h);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
	}
	return sendmsg(sg->fd, &h, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* Reads @n bytes, as they come. */
static int read_all(const struct simguest *sg, void *p, size_t n)
{
	while (n > 0) {
		ssize_t r;
		int rc = wait_fd(sg, sg->fd, POLLIN);

		if (rc)
			return rc;
		r = recv(sg->fd, p, n, 0);
		if (r <= 0)
			return r == 0 ? -ECONNRESET : -errno;
		p = (char *)p + r;
		n -= (size_t)r;
	}
	return 0;
}

static int vu_reply(const struct simguest *sg, struct vu_msg *m)
{
	uint32_t request = m->request;
	int rc = read_all(sg, m, VU_HEAD);

	if (!rc && (m->request != request || m->size > sizeof(*m) - VU_HEAD))
		rc = -EPROTO;
	return rc ? rc : read_all(sg, &m->u64, m->size);
}

static int vu_get(const struct simguest *sg, uint32_t request, uint64_t *ret)
{
	struct vu_msg m = { .request = request };
	int rc = vu_send(sg, &m, NULL, 0);

	if (!rc)
		rc = vu_reply(sg, &m);
	if (!rc)
		*ret = m.u64;
	return rc;
}

static int vu_set(const struct simguest *sg, uint32_t request, uint64_t value)
{
	struct vu_msg m = { .request = request, .size = sizeof(m.u64), .u64 = value };

	return vu_send(sg, &m, NULL, 0);
}

static int vu_state(const struct simguest *sg, uint32_t request, uint32_t index, uint32_t num)
{
	struct vu_msg m = { .request = request, .size = sizeof(m.state) };

	m.state = (struct vu_state){ index, num };
	return vu_send(sg, &m, NULL, 0);
}

static int vu_fd(const struct simguest *sg, uint32_t request, uint32_t index, int fd)
{
	struct vu_msg m = { .request = request, .size = sizeof(m.u64), .u64 = index };

	return vu_send(sg, &m, &fd, 1);
}

/* ---- memory ---- */

struct layout {
	uint8_t *base;
	uint64_t gpa;
	size_t used;
};

static void *lay(struct layout *l, size_t size, uint64_t *ret_gpa)
{
	void *p = l->base ? l->base + l->used : NULL;

	*ret_gpa = l->gpa + l->used;
	l->used += (size + 4095) / 4096 * 4096;
	return p;
}

static void lay_rings(struct sg_queue *q, struct layout *l)
{
	q->desc = lay(l, q->size * sizeof(struct vring_desc), &q->desc_gpa);
	q->avail = lay(l, 6 + 2u * q->size, &q->avail_gpa);
	q->used = lay(l, 6 + 8u * q->size, &q->used_gpa);
	q->table = lay(l, q->size * sizeof(struct vring_desc) * SG_TABLE, &q->table_gpa);
}

static void lay_out(struct simguest *sg, struct layout *low, struct layout *high)
{
	for (unsigned int i = 0; i < 2 * sg->cfg.pairs; i++) {
		struct sg_queue *q = &sg->queues[i];

		q->size = sg->cfg.ring_size;
		q->mask = q->size - 1;
		q->buf_size = (i % 2 ? sg->cfg.tx_buf : sg->cfg.rx_buf);
		/* A line further each time, so that not all headers meet in one cache set. */
		q->buf_size = (q->buf_size + 63) / 64 * 64 + 64;
		lay_rings(q, low);
		q->bufs = lay(high, (size_t)q->buf_size * q->size, &q->bufs_gpa);
	}
}

int sg_vu_memory(struct simguest *sg)
{
	struct layout low = { .gpa = 0 }, high = { .gpa = GPA_HIGH };

	lay_out(sg, &low, &high);
	sg->regions[0] = (struct sg_region){ 0, low.used, 0 };
	sg->regions[1] = (struct sg_region){ GPA_HIGH, high.used, low.used };
	sg->regions[2] = (struct sg_region){ GPA_MORE, MORE_SIZE, low.used + high.used };
	sg->n_regions = 2;
	sg->mem_size = low.used + high.used + MORE_SIZE;
	sg->mem_fd = memfd_create("simguest", MFD_CLOEXEC);
	if (sg->mem_fd < 0 || ftruncate(sg->mem_fd, (off_t)sg->mem_size) < 0)
		return -errno;
	sg->mem = mmap(NULL, sg->mem_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
		       sg->mem_fd, 0);
	if (sg->mem == MAP_FAILED) {
		sg->mem = NULL;
		return -errno;
	}
	low = (struct layout){ .base = sg->mem, .gpa = 0 };
	high = (struct layout){ .base = sg->mem + sg->regions[1].off, .gpa = GPA_HIGH };
	lay_out(sg, &low, &high);
	return 0;
}

void sg_vu_free(struct simguest *sg)
{
	if (sg->mem)
		munmap(sg->mem, sg->mem_size);
	if (sg->mem_fd >= 0)
		close(sg->mem_fd);
}

uint64_t simguest_hole(const struct simguest *sg)
{
	return (sg->regions[0].size + GPA_HIGH) / 2;
}

uint64_t simguest_end(const struct simguest *sg)
{
	return sg->regions[1].gpa + sg->regions[1].size;
}

int sg_vu_mem_table(struct simguest *sg)
{
	struct vu_msg m = { .request = VU_SET_MEM_TABLE, .flags = VU_NEED_REPLY };
	int fds[SG_REGIONS];
	int rc;

	m.size = 8 + sg->n_regions * sizeof(m.memory.regions[0]);
	m.memory.n = sg->n_regions;
	for (unsigned int i = 0; i < sg->n_regions; i++) {
		const struct sg_region *r = &sg->regions[i];

		m.memory.regions[i].gpa = r->gpa;
		m.memory.regions[i].size = r->size;
		m.memory.regions[i].uaddr = (uintptr_t)sg->mem + r->off;
		m.memory.regions[i].off = r->off;
		fds[i] = sg->mem_fd;
	}
	rc = vu_send(sg, &m, fds, sg->n_regions);
	if (!rc)
		rc = vu_reply(sg, &m);
	return rc ? rc : m.u64 ? -EIO : 0;
}

/* ---- connection ---- */

static int unix_addr(const char *path, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(ret->sun_path))
		return -ENAMETOOLONG;
	strcpy(ret->sun_path, path);
	return 0;
}

static int listen_on(struct simguest *sg, const struct sockaddr_un *un)
{
	sg->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (sg->listen_fd < 0)
		return -errno;
	unlink(un->sun_path);
	if (bind(sg->listen_fd, (const struct sockaddr *)un, sizeof(*un)) < 0 ||
	    listen(sg->listen_fd, 1) < 0)
		return -errno;
	return 0;
}

static int accept_one(struct simguest *sg, const struct sockaddr_un *un)
{
	int rc = sg->listen_fd < 0 ? listen_on(sg, un) : 0;

	if (!rc)
		rc = wait_fd(sg, sg->listen_fd, POLLIN);
	if (rc)
		return rc;
	sg->fd = accept4(sg->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	return sg->fd < 0 ? -errno : 0;
}

/* The daemon may not be up yet. */
static int connect_one(struct simguest *sg, const struct sockaddr_un *un)
{
	uint64_t end = sg_now_ms() + sg->cfg.timeout_ms;

	sg->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (sg->fd < 0)
		return -errno;
	while (connect(sg->fd, (const struct sockaddr *)un, sizeof(*un)) < 0) {
		if (errno != ENOENT && errno != ECONNREFUSED && errno != EAGAIN)
			return -errno;
		if (sg_now_ms() >= end)
			return -ETIMEDOUT;
		if (sg->cfg.idle)
			sg->cfg.idle(sg->cfg.idle_ctx);
		else
			poll(NULL, 0, 10);
	}
	return 0;
}

int sg_vu_connect(struct simguest *sg)
{
	struct sockaddr_un un;
	int rc = unix_addr(sg->cfg.path, &un);

	if (rc)
		return rc;
	return sg->cfg.listen ? accept_one(sg, &un) : connect_one(sg, &un);
}

static uint64_t features_wanted(const struct simguest_cfg *cfg)
{
	uint64_t f = 1ull << VIRTIO_F_VERSION_1 | 1ull << VIRTIO_NET_F_MRG_RXBUF |
		1ull << VIRTIO_NET_F_MQ | 1ull << F_PROTOCOL_FEATURES;

	if (!cfg->no_event_idx)
		f |= 1ull << VIRTIO_RING_F_EVENT_IDX;
	if (!cfg->no_indirect)
		f |= 1ull << VIRTIO_RING_F_INDIRECT_DESC;
	return f;
}

int sg_vu_setup(struct simguest *sg)
{
	struct vu_msg owner = { .request = VU_SET_OWNER };
	uint64_t features = 0, pf = 0, queues = 0;
	int rc = vu_send(sg, &owner, NULL, 0);

	if (!rc)
		rc = vu_get(sg, VU_GET_FEATURES, &features);
	if (!rc && !(features & 1ull << VIRTIO_F_VERSION_1))
		rc = -EOPNOTSUPP;
	if (!rc)
		rc = vu_get(sg, VU_GET_PROTOCOL_FEATURES, &pf);
	if (!rc)
		rc = vu_set(sg, VU_SET_PROTOCOL_FEATURES, pf & (1u << PF_MQ | 1u << PF_REPLY_ACK));
	if (!rc && (pf & 1u << PF_MQ))
		rc = vu_get(sg, VU_GET_QUEUE_NUM, &queues);
	if (!rc && sg->cfg.pairs > 1 && queues < sg->cfg.pairs)
		rc = -EOPNOTSUPP;
	sg->features = features & features_wanted(&sg->cfg);
	if (!rc)
		rc = vu_set(sg, VU_SET_FEATURES, sg->features);
	return rc ? rc : sg_vu_mem_table(sg);
}

static int ring_addr(struct simguest *sg, unsigned int i)
{
	const struct sg_queue *q = &sg->queues[i];
	struct vu_msg m = { .request = VU_SET_VRING_ADDR, .size = sizeof(m.addr) };

	m.addr = (struct vu_addr){
		.index = i,
		.desc = (uintptr_t)q->desc,
		.used = (uintptr_t)q->used,
		.avail = (uintptr_t)q->avail,
	};
	return vu_send(sg, &m, NULL, 0);
}

static int ring_start(struct simguest *sg, unsigned int i, uint16_t base)
{
	struct sg_queue *q = &sg->queues[i];
	int rc = vu_state(sg, VU_SET_VRING_NUM, i, q->size);

	if (!rc)
		rc = vu_state(sg, VU_SET_VRING_BASE, i, base);
	if (!rc)
		rc = ring_addr(sg, i);
	if (!rc)
		rc = vu_fd(sg, VU_SET_VRING_KICK, i, q->kick_fd);
	if (!rc)
		rc = vu_fd(sg, VU_SET_VRING_CALL, i, q->call_fd);
	return rc;
}

int sg_vu_start(struct simguest *sg, const uint16_t *base)
{
	int rc = 0;

	for (unsigned int i = 0; !rc && i < 2 * sg->cfg.pairs; i++)
		rc = ring_start(sg, i, base[i]);
	for (unsigned int i = 0; !rc && i < 2 * sg->cfg.pairs; i++)
		rc = vu_state(sg, VU_SET_VRING_ENABLE, i, 1);
	sg->running = rc == 0;
	return rc;
}

int sg_vu_stop(struct simguest *sg, uint16_t *ret_base)
{
	int rc = 0;

	for (unsigned int i = 0; !rc && i < 2 * sg->cfg.pairs; i++)
		rc = vu_state(sg, VU_SET_VRING_ENABLE, i, 0);
	for (unsigned int i = 0; !rc && i < 2 * sg->cfg.pairs; i++) {
		struct vu_msg m = { .request = VU_GET_VRING_BASE, .size = sizeof(m.state) };

		m.state.index = i;
		rc = vu_send(sg, &m, NULL, 0);
		if (!rc)
			rc = vu_reply(sg, &m);
		ret_base[i] = m.state.num;
	}
	sg->running = false;
	return rc;
}
