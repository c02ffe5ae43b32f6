/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Messages of a guest into guest code and stack, without the vhost library: the rings are plain
 * memory, and this file puts the seam of guest_vhost.c in its place. The guest reaches its own
 * address, so connections come about.
 *
 * The input is a list of messages: operation, socket, flags, length, offset and position
 * relative to what would be right, body. Session errors are followed by a new HELLO. In the end
 * every packet must be back in its pool.
 */
#include "fake_lcore.h"
#include "guest/guest_private.h"
#include "host.h"

#include <rte_byteorder.h>
#include <rte_ip.h>
#include <rte_mempool.h>
#include <stdlib.h>

#define PAIRS	  2u
#define SIZE	  32u
#define BUF	  2048u
#define MSGS_MAX  200u
#define SOCKS_MAX 8u
#define N_PKTS	  1023u
#define SPARE	  1u /* that TCP keeps at hand */

struct ring_mem {
	struct vring_desc desc[SIZE];
	uint16_t avail[3 + SIZE];
	uint8_t used[6 + 8 * SIZE] __attribute__((aligned(8)));
	uint8_t bufs[SIZE][BUF];
};

static struct world {
	struct host host;
	struct lcore *lc;
	struct guest *g;
	struct ring_mem *rings[2 * PAIRS];
	struct vring_mem mem;
	uint16_t avail[2 * PAIRS];
} w;

static void fail_unless(bool cond)
{
	if (!cond)
		abort();
}

/* ---- in the place of guest_vhost.c ---- */

int guest_vhost_alloc(struct guest *g)
{
	return 0;
}

int guest_vhost_start(struct guest *g)
{
	return 0;
}

void guest_vhost_destroy(struct guest *g)
{
}

static void start_ring(unsigned int i)
{
	struct ring_mem *m = w.rings[i];
	struct guest_ring_cfg cfg = {
		.call_fd = -1, .kick_fd = -1,
		.vring = {
			.desc = m->desc, .avail = (void *)m->avail, .used = (void *)m->used,
			.mem = &w.mem, .size = SIZE, .event_idx = true, .indirect = true,
			.writable = i % 2 == 0, .skip = OUTSOCK_NET_HDR_LEN, .max_bytes = 70000,
			.hdr_len = i % 2 ? sizeof(struct outsock_hdr) : 0,
		},
	};

	memset(m, 0, sizeof(*m));
	for (unsigned int k = 0; k < SIZE; k++) {
		m->desc[k] = (struct vring_desc){ (uintptr_t)m->bufs[k], BUF,
						  i % 2 ? 0 : VRING_DESC_F_WRITE, 0 };
		m->avail[2 + k] = k;
	}
	w.avail[i] = i % 2 ? 0 : SIZE;
	m->avail[1] = w.avail[i];
	fail_unless(guest_ring_start(w.g, i, &cfg) == 0);
}

/* ---- the world ---- */

static void out(void *ctx, struct rte_mbuf *m)
{
	rte_pktmbuf_free(m);
}

static void world_init(void)
{
	struct host_cfg cfg;

	host_cfg_defaults(&cfg);
	cfg.addr = RTE_IPV4(10, 77, 0, 2);
	cfg.out = out;
	cfg.n_mbufs = N_PKTS;
	host_init(&w.host, &cfg);
	w.lc = fake_lcore_create(w.host.stack, cfg.stack.now);
	w.mem.n = 2 * PAIRS;
	for (unsigned int i = 0; i < 2 * PAIRS; i++) {
		w.rings[i] = aligned_alloc(64, (sizeof(struct ring_mem) + 63) / 64 * 64);
		w.mem.regions[i] =
			(struct vring_region){ (uintptr_t)w.rings[i], sizeof(struct ring_mem),
					       (uint8_t *)w.rings[i] };
	}
}

static void guest_up(void)
{
	struct guest_cfg cfg = {
		.name = "fuzz",
		.socket_path = "none",
		.n_addrs = 1,
		.max_sockets = SOCKS_MAX,
		.max_pkts = 300,
		.max_msgs = 16,
		.grace_ms = 1000,
		.lcore = w.lc,
		.link = w.host.link,
	};

	cfg.addrs[0] =
		(struct guest_addr){ ip_addr_v4(rte_cpu_to_be_32(RTE_IPV4(10, 77, 0, 11))), 24 };
	fail_unless(guest_create(&cfg, &w.g) == 0);
	guest_connected(w.g);
	for (unsigned int i = 0; i < 2 * PAIRS; i++)
		start_ring(i);
}

static void turn(void)
{
	fake_lcore_turn(w.lc);
	/* RX buffers go back at once. */
	for (unsigned int i = 0; i < 2 * PAIRS; i += 2) {
		uint16_t used = ((uint16_t *)(void *)w.rings[i]->used)[1];

		w.rings[i]->avail[1] = used + SIZE;
	}
	fail_unless(w.g->owner.n_socks <= SOCKS_MAX);
}

static void send_msg(unsigned int pair, const struct outsock_hdr *h, const uint8_t *body,
		     uint32_t len)
{
	unsigned int i = 2 * pair + 1;
	struct ring_mem *m = w.rings[i];
	uint16_t k = w.avail[i] % SIZE;

	if ((uint16_t)(w.avail[i] - ((uint16_t *)(void *)m->used)[1]) >= SIZE)
		return;
	memcpy(m->bufs[k] + OUTSOCK_NET_HDR_LEN, h, sizeof(*h));
	if (len)
		memcpy(m->bufs[k] + OUTSOCK_NET_HDR_LEN + sizeof(*h), body, len);
	m->desc[k].len = OUTSOCK_NET_HDR_LEN + sizeof(*h) + len;
	m->avail[1] = ++w.avail[i];
}

static void hello(void)
{
	struct outsock_hello body = { .version_min = 1, .version_max = 1, .boot_id = { 7 } };
	struct outsock_hdr h = { .op = OUTSOCK_OP_HELLO,
				 .len = sizeof(body),
				 .epoch = w.g->epoch,
				 .sock = OUTSOCK_ID_NONE };

	fake_lcore_skip(w.lc, 2 * NSEC_PER_SEC);
	turn();
	send_msg(0, &h, (const uint8_t *)&body, sizeof(body));
	turn();
}

/* ---- the input ---- */

struct input {
	const uint8_t *p;
	size_t left;
};

static uint8_t byte(struct input *in)
{
	if (in->left == 0)
		return 0;
	in->left--;
	return *in->p++;
}

static uint32_t pick_id(uint8_t b)
{
	uint32_t id = b & 7;

	if (b & 0x40) /* an accepted one, as it is called now */
		return w.g->ids.host_ids[id];
	return b & 0x80 ? (uint32_t)b << 24 | id : id;
}

static uint8_t pick_op(uint8_t b)
{
	static const uint8_t ops[] = {
#define OP_VALUE(name, value, dir) value,
		OUTSOCK_OPS(OP_VALUE)
#undef OP_VALUE
	};

	return b < 200 ? ops[b % sizeof(ops)] : b;
}

/* The length that the operation wants, so that most messages get past that check. */
static uint32_t body_len(uint8_t op, uint8_t b)
{
	switch (op) {
	case OUTSOCK_OP_HELLO:
		return 32;
	case OUTSOCK_OP_SOCKET:
	case OUTSOCK_OP_LISTEN:
	case OUTSOCK_OP_SETOPT:
	case OUTSOCK_OP_GETOPT:
		return 8;
	case OUTSOCK_OP_BIND:
	case OUTSOCK_OP_CONNECT:
		return 24;
	case OUTSOCK_OP_CLOSE:
		return 16;
	case OUTSOCK_OP_DATA:
		return b * 6u;
	case OUTSOCK_OP_DGRAM:
		return 24 + b * 6u;
	default:
		return 0;
	}
}

/* What is missing of a body: something that may well be right. */
static void default_body(uint8_t op, uint8_t *body)
{
	struct outsock_addr addr = { .family = OUTSOCK_INET,
				     .port = rte_cpu_to_be_16(80),
				     .addr = { 10, 77, 0, 11 } };

	if (op == OUTSOCK_OP_SOCKET)
		body[0] = OUTSOCK_INET, body[1] = OUTSOCK_STREAM;
	else if (op == OUTSOCK_OP_BIND || op == OUTSOCK_OP_CONNECT || op == OUTSOCK_OP_DGRAM)
		memcpy(body, &addr, sizeof(addr));
}

static void one(struct input *in)
{
	static uint8_t body[BUF];
	uint8_t op = pick_op(byte(in)), how = byte(in), flags = byte(in), n = byte(in);
	struct outsock_hdr h = { .op = op, .epoch = w.g->epoch, .sock = pick_id(byte(in)) };
	struct sock *s = guest_sock(&w.g->ids, h.sock);
	uint32_t len = body_len(op, n);

	memset(body, 0, 64);
	default_body(op, body);
	for (unsigned int i = 0; i < (how & 15); i++)
		body[(byte(in) + i) % 64] = byte(in);
	h.len = how & 0x10 ? len + 1 : len;
	h.flags = flags & 0x12;
	h.off = s ? s->tx_off : n;
	h.pos = s ? (s->state == SOCK_LISTENING ? s->accept_credit : s->rx_credit) + n * 16u
		  : n * 64u;
	if (how & 0x20)
		h.off += (uint64_t)(int8_t)byte(in);
	if (how & 0x40)
		h.pos += (uint64_t)(int8_t)byte(in) * 4096;
	send_msg(flags >> 7, &h, body, len);
	if (!(how & 0x80))
		turn();
	if (flags & 0x40)
		fake_lcore_skip(w.lc, (uint64_t)n * NSEC_PER_MSEC * 10);
	if (!w.g->hello)
		hello();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct input in = { data, len };
	static bool up;

	if (!up)
		world_init();
	up = true;
	guest_up();
	hello();
	for (unsigned int i = 0; i < MSGS_MAX && in.left > 0; i++)
		one(&in);
	turn();
	guest_destroy(w.g);
	/* TIME-WAIT and the like. */
	for (unsigned int i = 0; i < 4; i++) {
		fake_lcore_skip(w.lc, 100 * NSEC_PER_SEC);
		fake_lcore_turn(w.lc);
	}
	fail_unless(rte_mempool_avail_count(w.host.pool) >= N_PKTS - SPARE);
	return 0;
}
