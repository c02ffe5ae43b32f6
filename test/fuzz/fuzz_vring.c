/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The ring walker on memory that is all the fuzzer's: configuration byte, then the content of three
 * small regions (two that meet, one behind a hole), with the ring in the first. Whatever is there,
 * a piece must lie in a region, and a walk must end.
 */
#include "vring/vring.h"

#include <stdlib.h>

#define PIECE  1024u
#define ROUNDS 96u
#define BODY   4096u

struct conf {
	bool writable, indirect, event_idx, hdr;
	uint16_t size, idx;
};

static struct vring_mem mem;

static void fail_unless(bool cond)
{
	if (!cond)
		abort();
}

static void regions(const uint8_t *data, size_t len)
{
	static const uint64_t gpas[] = { 0, PIECE, 4 * PIECE };

	mem.n = 3;
	for (unsigned int i = 0; i < 3; i++) {
		size_t n = len > PIECE ? PIECE : len;

		mem.regions[i] = (struct vring_region){ gpas[i], PIECE, aligned_alloc(64, PIECE) };
		memset(mem.regions[i].host, 0, PIECE);
		memcpy(mem.regions[i].host, data, n);
		data += n;
		len -= n;
	}
}

static void check_chain(const struct vring_chain *c)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < c->n_segs; i++) {
		const uint8_t *b = c->segs[i].base;
		bool inside = false;

		for (unsigned int k = 0; k < mem.n; k++)
			inside |= b >= mem.regions[k].host &&
				b + c->segs[i].len <= mem.regions[k].host + PIECE;
		fail_unless(inside);
		sum += c->segs[i].len;
	}
	fail_unless(c->left <= sum);
}

static void use_chain(struct vring_dev *r, struct vring_chain *c, bool writable)
{
	static uint8_t body[BODY];
	uint32_t n = c->left;

	check_chain(c);
	while (c->left > 0) {
		uint32_t step = c->left > 100 ? 100 : c->left;

		if (writable)
			fail_unless(vring_write(c, body, step));
		else if (step % 3)
			fail_unless(vring_read(c, body, step));
		else
			fail_unless(vring_skip(c, step));
	}
	fail_unless(!vring_read(c, body, 1));
	vring_done(r, writable ? n : 0);
}

static void walk(struct vring_dev *r, bool writable)
{
	struct vring_chain c;

	for (unsigned int i = 0; i < ROUNDS; i++) {
		if (i % 3 == 0)
			vring_fill(r, i % 20);
		if (vring_next(r, &c) <= 0)
			break;
		use_chain(r, &c, writable);
		if (i % 5 == 0) {
			vring_publish(r);
			vring_should_notify(r);
		}
	}
	vring_want_kicks(r, true);
	vring_want_kicks(r, false);
	vring_publish(r);
	fail_unless(r->err < VRING_ERR_N);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct vring_dev r;
	struct vring_cfg cfg;
	uint8_t *base;

	if (len < 3)
		return 0;
	regions(data + 3, len - 3);
	base = mem.regions[0].host;
	cfg = (struct vring_cfg){
		.size = 1u << (data[0] >> 4 & 3) << 1, /* 2 to 16: tables end at 512 + 192 */
		.writable = data[0] & 1,
		.indirect = data[0] & 2,
		.event_idx = data[0] & 4,
		.idx = (uint16_t)(data[1] | data[2] << 8),
		.mem = &mem,
		.desc = (void *)base,
		.avail = (void *)(base + 512),
		.used = (void *)(base + 576),
		.skip = 12,
		.hdr_len = data[0] & 1 ? 0 : 32,
		.max_bytes = data[0] & 8 ? UINT32_MAX : 2048,
	};
	fail_unless(vring_start(&r, &cfg) == 0);
	walk(&r, cfg.writable);
	for (unsigned int i = 0; i < mem.n; i++)
		free(mem.regions[i].host);
	return 0;
}
