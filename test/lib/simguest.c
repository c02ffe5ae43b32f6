/* SPDX-License-Identifier: BSD-3-Clause */
/* The ABI from the guest's side: session, messages from the host, the device's life. */
#include "simguest_private.h"
#include "simguest_sock.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

void simguest_cfg_defaults(struct simguest_cfg *cfg)
{
	static const struct sg_ops none;

	*cfg = (struct simguest_cfg){
		.pairs = 1,
		.ring_size = 256,
		.rx_buf = 4096,
		.tx_buf = 4096,
		.max_socks = 1024,
		.rcv_win = 65536,
		.accept_ahead = 128,
		.boot_id = { 1 },
		.ops = &none,
		.timeout_ms = 10000,
	};
}

/* ---- session ---- */

static int send_hello(struct simguest *sg)
{
	struct outsock_hello body = {
		.version_min = OUTSOCK_ABI_VERSION,
		.version_max = OUTSOCK_ABI_VERSION,
		.queue_pairs = sg->cfg.pairs,
	};
	struct outsock_hdr h = {
		.op = OUTSOCK_OP_HELLO,
		.len = sizeof(body),
		.epoch = sg->epoch,
		.sock = OUTSOCK_ID_NONE,
		.off = ++sg->cookie,
	};

	memcpy(body.boot_id, sg->cfg.boot_id, sizeof(body.boot_id));
	return sg_send_msg(sg, 0, &h, &body, sizeof(body));
}

/* A new epoch: whatever we had is gone on the other side. */
static void on_epoch(struct simguest *sg, const struct outsock_hdr *h)
{
	/* It comes on each queue; one HELLO is enough. */
	if (h->epoch == sg->epoch)
		return;
	sg->session = false;
	sg_forget_all(sg);
	sg->epoch = h->epoch;
	sg->hello_due = !sg->cfg.no_hello;
}

static void on_hello(struct simguest *sg, const struct outsock_hdr *h, const void *body)
{
	if (h->status || h->len != sizeof(sg->hello)) {
		sg->odd++;
		return;
	}
	memcpy(&sg->hello, body, sizeof(sg->hello));
	if (h->epoch != sg->epoch)
		sg_forget_all(sg);
	sg->epoch = h->epoch;
	sg->hello_due = false;
	sg->session = true;
	if (sg->cfg.ops->session)
		sg->cfg.ops->session(sg);
}

static void on_message(struct simguest *sg, unsigned int pair, const uint8_t *p, uint32_t len)
{
	struct outsock_hdr h;
	const void *body = p + SG_HEAD;

	if (len < SG_HEAD) {
		sg->odd++;
		return;
	}
	memcpy(&h, p + OUTSOCK_NET_HDR_LEN, sizeof(h));
	if (h.len != len - SG_HEAD) {
		sg->odd++;
	} else if (h.op == OUTSOCK_OP_EPOCH) {
		on_epoch(sg, &h);
	} else if (h.op == OUTSOCK_OP_HELLO) {
		on_hello(sg, &h, body);
		if (sg->cfg.ops->reply)
			sg->cfg.ops->reply(sg, NULL, &h, body);
	} else if (!sg->session) {
		/* For whoever was here before us. */
		return;
	} else if (h.epoch != sg->epoch) {
		sg->odd++;
	} else {
		sg_on_message(sg, pair, &h, body);
	}
}

/* ---- polling ---- */

static unsigned int poll_rx(struct simguest *sg, unsigned int pair, unsigned int budget)
{
	struct sg_queue *q = &sg->queues[2 * pair];
	uint16_t used = sg_used(q);
	unsigned int n = 0;

	for (; q->used_idx != used && n < budget; n++) {
		uint16_t i = q->used_idx & q->mask;
		uint16_t ahead = (i + 2) & q->mask;

		__builtin_prefetch(q->bufs + (size_t)ahead * q->buf_size);
		__builtin_prefetch(q->bufs + (size_t)ahead * q->buf_size + 64);
		if (q->used->ring[i].id != i)
			sg->odd++;
		q->used_idx++;
		on_message(sg, pair, q->bufs + (size_t)i * q->buf_size, q->used->ring[i].len);
		q->avail_idx++;
	}
	sg_unask(q);
	return n;
}

void simguest_flush(struct simguest *sg)
{
	if (sg->hello_due && send_hello(sg) == 0)
		sg->hello_due = false;
	sg_send_credits(sg);
	for (unsigned int i = 0; i < 2 * sg->cfg.pairs; i++)
		sg_queue_publish(sg, &sg->queues[i]);
}

unsigned int simguest_poll(struct simguest *sg, unsigned int budget)
{
	unsigned int n = 0;

	if (budget == 0)
		budget = UINT32_MAX;
	for (unsigned int pair = 0; pair < sg->cfg.pairs && n < budget; pair++)
		n += poll_rx(sg, pair, budget - n);
	simguest_flush(sg);
	return n;
}

int simguest_until(struct simguest *sg, bool (*done)(void *arg), void *arg)
{
	uint64_t end = sg_now_ms() + sg->cfg.timeout_ms;

	while (!done(arg)) {
		if (simguest_poll(sg, 0) == 0 && sg->cfg.idle)
			sg->cfg.idle(sg->cfg.idle_ctx);
		if (sg_now_ms() >= end)
			return -ETIMEDOUT;
	}
	return 0;
}

/* Asks each RX queue for a notification of its next message. True: one is there already. */
static bool arm(struct simguest *sg, bool on)
{
	bool there = false;

	for (unsigned int pair = 0; pair < sg->cfg.pairs; pair++) {
		struct sg_queue *q = &sg->queues[2 * pair];

		q->avail->ring[q->size] = on ? q->used_idx : q->used_idx - 1;
		q->avail->flags = on ? 0 : VRING_AVAIL_F_NO_INTERRUPT;
	}
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (unsigned int pair = 0; pair < sg->cfg.pairs; pair++)
		there |= sg_used(&sg->queues[2 * pair]) != sg->queues[2 * pair].used_idx;
	return there;
}

void simguest_notify(struct simguest *sg)
{
	arm(sg, true);
}

int simguest_sleep(struct simguest *sg, int timeout_ms)
{
	struct pollfd fds[OUTSOCK_QUEUE_PAIRS_MAX];
	uint64_t count;
	int n = 0;

	simguest_flush(sg);
	for (unsigned int pair = 0; pair < sg->cfg.pairs; pair++)
		fds[pair] = (struct pollfd){ sg->queues[2 * pair].call_fd, POLLIN, 0 };
	if (!arm(sg, true))
		n = poll(fds, sg->cfg.pairs, timeout_ms);
	for (unsigned int pair = 0; n > 0 && pair < sg->cfg.pairs; pair++)
		if (fds[pair].revents && read(fds[pair].fd, &count, sizeof(count)) < 0)
			sg->odd++;
	arm(sg, false);
	return n < 0 ? -errno : 0;
}

bool simguest_session(const struct simguest *sg)
{
	return sg->session;
}

uint32_t simguest_epoch(const struct simguest *sg)
{
	return sg->epoch;
}

const struct outsock_hello_reply *simguest_hello_reply(const struct simguest *sg)
{
	return &sg->hello;
}

uint64_t simguest_kicks(const struct simguest *sg)
{
	return sg->kicks;
}

uint64_t simguest_odd(const struct simguest *sg)
{
	return sg->odd;
}

void *simguest_ctx(const struct simguest *sg)
{
	return sg->cfg.ctx;
}

/* ---- the device's life ---- */

static int open_fds(struct simguest *sg)
{
	for (unsigned int i = 0; i < 2 * sg->cfg.pairs; i++) {
		sg->queues[i].kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		sg->queues[i].call_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (sg->queues[i].kick_fd < 0 || sg->queues[i].call_fd < 0)
			return -errno;
	}
	return 0;
}

static int bring_up(struct simguest *sg)
{
	uint16_t base[SG_QUEUES];
	int rc = sg_vu_connect(sg);

	if (!rc)
		rc = sg_vu_setup(sg);
	for (unsigned int i = 0; i < 2 * sg->cfg.pairs; i++)
		base[i] = sg_used(&sg->queues[i]);
	return rc ? rc : sg_vu_start(sg, base);
}

static struct simguest *alloc(const struct simguest_cfg *cfg)
{
	struct simguest *sg = calloc(1, sizeof(*sg));

	if (!sg)
		return NULL;
	sg->cfg = *cfg;
	sg->listen_fd = sg->fd = sg->mem_fd = -1;
	for (unsigned int i = 0; i < SG_QUEUES; i++)
		sg->queues[i].kick_fd = sg->queues[i].call_fd = -1;
	sg->dgram = malloc(OUTSOCK_BODY_MAX);
	if (!sg->dgram || sg_socks_init(sg) < 0) {
		simguest_destroy(sg);
		return NULL;
	}
	return sg;
}

int simguest_create(const struct simguest_cfg *cfg, struct simguest **ret_sg)
{
	struct simguest *sg;
	int rc;

	if (cfg->pairs < 1 || cfg->pairs > OUTSOCK_QUEUE_PAIRS_MAX || !cfg->path || !cfg->ops)
		return -EINVAL;
	sg = alloc(cfg);
	if (!sg)
		return -ENOMEM;
	rc = sg_vu_memory(sg);
	if (!rc)
		rc = open_fds(sg);
	if (!rc) {
		sg_queues_reset(sg);
		rc = bring_up(sg);
	}
	if (rc) {
		simguest_destroy(sg);
		return rc;
	}
	*ret_sg = sg;
	return 0;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void simguest_destroy(struct simguest *sg)
{
	if (!sg)
		return;
	close_fd(&sg->fd);
	if (sg->listen_fd >= 0)
		unlink(sg->cfg.path);
	close_fd(&sg->listen_fd);
	for (unsigned int i = 0; i < SG_QUEUES; i++) {
		close_fd(&sg->queues[i].kick_fd);
		close_fd(&sg->queues[i].call_fd);
	}
	sg_socks_fini(sg);
	sg_vu_free(sg);
	free(sg->dgram);
	free(sg);
}

int simguest_pause(struct simguest *sg)
{
	uint16_t base[SG_QUEUES];
	int rc = sg_vu_stop(sg, base);

	/* What the other side says must be what it did. */
	for (unsigned int i = 0; !rc && i < 2 * sg->cfg.pairs; i++)
		if (base[i] != sg_used(&sg->queues[i]))
			rc = -EPROTO;
	return rc;
}

int simguest_resume(struct simguest *sg)
{
	uint16_t base[SG_QUEUES];

	for (unsigned int i = 0; i < 2 * sg->cfg.pairs; i++)
		base[i] = sg_used(&sg->queues[i]);
	return sg_vu_start(sg, base);
}

int simguest_remap(struct simguest *sg)
{
	sg->n_regions = sg->n_regions == 2 ? 3 : 2;
	return sg_vu_mem_table(sg);
}

int simguest_reboot(struct simguest *sg, const uint8_t boot_id[16])
{
	static const uint16_t zero[SG_QUEUES];
	uint16_t base[SG_QUEUES];
	int rc = sg->running ? sg_vu_stop(sg, base) : 0;

	if (rc)
		return rc;
	memcpy(sg->cfg.boot_id, boot_id, sizeof(sg->cfg.boot_id));
	sg_forget_all(sg);
	sg->session = false;
	sg->epoch = 0;
	sg_queues_reset(sg);
	return sg_vu_start(sg, zero);
}

void simguest_disconnect(struct simguest *sg)
{
	close_fd(&sg->fd);
	sg->running = false;
	sg->session = false;
}

int simguest_reconnect(struct simguest *sg)
{
	return bring_up(sg);
}

int simguest_truncate(struct simguest *sg)
{
	return ftruncate(sg->mem_fd, 0) < 0 ? -errno : 0;
}
