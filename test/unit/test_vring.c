/* SPDX-License-Identifier: BSD-3-Clause */
/* The ring walker alone: a ring in plain memory, the driver played by hand. */
#include "vring/vring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define SIZE  8u
#define PIECE 4096u
#define LOW   0x10000ull /* two regions that meet, then a hole, then a third */
#define MID   (LOW + 4 * PIECE)
#define HIGH  0x100000000ull
#define HOLE  (HIGH / 2)
#define SKIP  12u
#define HDR   32u
#define MAX   (1u << 16)

struct fix {
	struct vring_dev dev;
	struct vring_mem mem;
	struct vring_cfg cfg;
	uint8_t *pages[3];
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
};

static void start(struct fix *f)
{
	assert_int_equal(vring_start(&f->dev, &f->cfg), 0);
}

static int setup(void **state)
{
	static const uint64_t gpas[] = { LOW, MID, HIGH };
	struct fix *f = aligned_alloc(64, sizeof(*f) + 64 - sizeof(*f) % 64);

	memset(f, 0, sizeof(*f));
	f->mem.n = 3;
	for (unsigned int i = 0; i < 3; i++) {
		f->pages[i] = aligned_alloc(4096, 4 * PIECE);
		memset(f->pages[i], 0, 4 * PIECE);
		f->mem.regions[i] = (struct vring_region){ gpas[i], 4 * PIECE, f->pages[i] };
	}
	f->desc = (void *)f->pages[2];
	f->avail = (void *)(f->pages[2] + PIECE);
	f->used = (void *)(f->pages[2] + 2 * PIECE);
	f->cfg = (struct vring_cfg){
		.desc = f->desc,
		.avail = f->avail,
		.used = f->used,
		.mem = &f->mem,
		.size = SIZE,
		.event_idx = true,
		.indirect = true,
		.skip = SKIP,
		.hdr_len = HDR,
		.max_bytes = MAX,
	};
	start(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fix *f = *state;

	for (unsigned int i = 0; i < 3; i++)
		free(f->pages[i]);
	free(f);
	return 0;
}

static void put(struct fix *f, unsigned int i, uint64_t gpa, uint32_t len, uint16_t flags,
		uint16_t next)
{
	f->desc[i] = (struct vring_desc){ gpa, len, flags, next };
}

static void offer(struct fix *f, uint16_t head)
{
	f->avail->ring[f->avail->idx % SIZE] = head;
	f->avail->idx++;
}

static void assert_broken(struct fix *f, enum vring_err err)
{
	struct vring_chain c;

	assert_int_equal(vring_next(&f->dev, &c), -EPROTO);
	assert_int_equal(f->dev.err, err);
	assert_string_not_equal(vring_err_text(err), "unknown");
	/* Sticky: nothing is touched any more. */
	assert_int_equal(vring_next(&f->dev, &c), -EPROTO);
	assert_int_equal(vring_fill(&f->dev, 4), 0);
	assert_int_equal(vring_avail(&f->dev), 0);
	assert_false(vring_should_notify(&f->dev));
}

static void test_start_checks(void **state)
{
	struct fix *f = *state;
	struct vring_cfg cfg = f->cfg;

	cfg.size = 6;
	assert_int_equal(vring_start(&f->dev, &cfg), -EINVAL);
	cfg.size = 0;
	assert_int_equal(vring_start(&f->dev, &cfg), -EINVAL);
	cfg = f->cfg;
	cfg.desc = (void *)(f->pages[2] + 8);
	assert_int_equal(vring_start(&f->dev, &cfg), -EINVAL);
	cfg = f->cfg;
	cfg.avail = (void *)(f->pages[2] + 1);
	assert_int_equal(vring_start(&f->dev, &cfg), -EINVAL);
	cfg = f->cfg;
	cfg.used = NULL;
	assert_int_equal(vring_start(&f->dev, &cfg), -EINVAL);
}

static void test_empty(void **state)
{
	struct fix *f = *state;
	struct vring_chain c;

	assert_int_equal(vring_next(&f->dev, &c), 0);
	assert_int_equal(vring_avail(&f->dev), 0);
}

static void test_simple(void **state)
{
	struct fix *f = *state;
	uint8_t body[6] = "hello", got[6];
	struct vring_chain c;

	memset(f->pages[0] + SKIP, 0x5a, HDR);
	memcpy(f->pages[0] + SKIP + HDR, body, sizeof(body));
	put(f, 3, LOW, SKIP + HDR + sizeof(body), 0, 0);
	offer(f, 3);
	assert_int_equal(vring_fill(&f->dev, 4), 1);
	assert_non_null(vring_ahead(&f->dev, 0));
	assert_int_equal(vring_next(&f->dev, &c), 1);
	assert_non_null(c.hdr);
	assert_int_equal(((const uint8_t *)c.hdr)[0], 0x5a);
	assert_int_equal(c.left, sizeof(body));
	assert_true(vring_read(&c, got, sizeof(got)));
	assert_memory_equal(got, body, sizeof(body));
	assert_false(vring_read(&c, got, 1));
	vring_done(&f->dev, 0);
	assert_int_equal(f->used->idx, 0);
	vring_publish(&f->dev);
	assert_int_equal(f->used->idx, 1);
	assert_int_equal(f->used->ring[0].id, 3);
	assert_int_equal(f->used->ring[0].len, 0);
}

/* The header was fetched once: what the guest writes afterwards is not seen. */
static void test_header_fetched_once(void **state)
{
	struct fix *f = *state;
	struct vring_chain c;

	f->pages[0][SKIP] = 1;
	put(f, 0, LOW, SKIP + HDR, 0, 0);
	offer(f, 0);
	assert_int_equal(vring_next(&f->dev, &c), 1);
	f->pages[0][SKIP] = 2;
	put(f, 0, HOLE, UINT32_MAX, VRING_DESC_F_NEXT, 200);
	assert_int_equal(vring_next(&f->dev, &c), 1);
	assert_int_equal(((const uint8_t *)c.hdr)[0], 1);
	assert_int_equal(c.left, 0);
}

static void test_short_chain_has_no_header(void **state)
{
	struct fix *f = *state;
	struct vring_chain c;

	put(f, 0, LOW, SKIP + HDR - 1, 0, 0);
	put(f, 1, LOW, 0, 0, 0);
	offer(f, 0);
	offer(f, 1);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(vring_next(&f->dev, &c), 1);
		assert_null(c.hdr);
		vring_done(&f->dev, 0);
	}
}

/* A chain over descriptors, header and body torn apart, and a piece across two regions. */
static void test_chain_and_regions(void **state)
{
	struct fix *f = *state;
	uint8_t got[200];
	struct vring_chain c;

	for (unsigned int i = 0; i < 100; i++) {
		f->pages[0][4 * PIECE - 100 + i] = i;
		f->pages[1][i] = 100 + i;
	}
	put(f, 0, LOW, 20, VRING_DESC_F_NEXT, 5);
	put(f, 5, LOW + 64, SKIP + HDR - 20, VRING_DESC_F_NEXT, 2);
	put(f, 2, MID - 100, 200, 0, 0);
	offer(f, 0);
	assert_int_equal(vring_next(&f->dev, &c), 1);
	assert_non_null(c.hdr);
	assert_int_equal(c.left, 200);
	assert_true(vring_read(&c, got, 50));
	assert_true(vring_skip(&c, 10));
	assert_true(vring_read(&c, got + 60, 140));
	assert_int_equal(got[49], 49);
	assert_int_equal(got[60], 60);
	assert_int_equal(got[199], 199);
	assert_false(vring_skip(&c, 1));
}

static void test_indirect(void **state)
{
	struct fix *f = *state;
	struct vring_desc *table = (void *)(f->pages[1] + 1); /* tables need no alignment */
	struct vring_desc d[2] = {
		{ LOW, SKIP + HDR, VRING_DESC_F_NEXT, 1 },
		{ LOW + PIECE, 300, 0, 0 },
	};
	struct vring_chain c;

	memcpy(table, d, sizeof(d));
	put(f, 0, MID + 1, sizeof(d), VRING_DESC_F_INDIRECT, 0);
	offer(f, 0);
	assert_int_equal(vring_next(&f->dev, &c), 1);
	assert_non_null(c.hdr);
	assert_int_equal(c.left, 300);
}

static void test_writable(void **state)
{
	struct fix *f = *state;
	struct vring_chain c;

	f->cfg.writable = true;
	f->cfg.hdr_len = 0;
	start(f);
	put(f, 0, LOW, 10, VRING_DESC_F_WRITE | VRING_DESC_F_NEXT, 1);
	put(f, 1, HIGH + 3 * PIECE, 10, VRING_DESC_F_WRITE, 0);
	offer(f, 0);
	assert_int_equal(vring_next(&f->dev, &c), 1);
	assert_int_equal(c.left, 20);
	assert_true(vring_write(&c, "abcdefghijkl", 12));
	assert_false(vring_write(&c, "123456789", 9));
	assert_memory_equal(f->pages[0], "abcdefghij", 10);
	assert_memory_equal(f->pages[2] + 3 * PIECE, "kl", 2);
	vring_done(&f->dev, 12);
	vring_publish(&f->dev);
	assert_int_equal(f->used->ring[0].len, 12);
}

static void test_rewind(void **state)
{
	struct fix *f = *state;
	struct vring_chain c;
	uint16_t from = f->dev.idx;

	for (unsigned int i = 0; i < 3; i++) {
		put(f, i, LOW, SKIP + HDR, 0, 0);
		offer(f, i);
	}
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(vring_next(&f->dev, &c), 1);
		vring_done(&f->dev, 0);
	}
	assert_int_equal(vring_next(&f->dev, &c), 0);
	vring_rewind(&f->dev, from);
	assert_int_equal(vring_avail(&f->dev), 3);
	assert_int_equal(vring_next(&f->dev, &c), 1);
}

/* Indices wrap at 65,536, the ring at its size; look-ahead follows. */
static void test_wrap(void **state)
{
	struct fix *f = *state;
	struct vring_chain c;
	unsigned int done = 0;

	f->cfg.idx = 65530;
	f->avail->idx = 65530;
	start(f);
	for (unsigned int i = 0; i < SIZE; i++)
		put(f, i, LOW + i * 64, SKIP + HDR + i, 0, 0);
	for (unsigned int i = 0; i < 3 * SIZE; i++) {
		offer(f, i % SIZE);
		if (i % 3)
			continue;
		for (; vring_next(&f->dev, &c) == 1; done++) {
			assert_int_equal(c.left, done % SIZE);
			vring_done(&f->dev, 0);
		}
	}
	while (vring_next(&f->dev, &c) == 1) {
		vring_done(&f->dev, 0);
		done++;
	}
	assert_int_equal(done, 3 * SIZE);
	vring_publish(&f->dev);
	assert_int_equal(f->used->idx, (uint16_t)(65530 + 3 * SIZE));
}

static void test_avail_jump(void **state)
{
	struct fix *f = *state;

	f->avail->idx = SIZE + 1;
	assert_broken(f, VRING_ERR_AVAIL_JUMP);
}

/* Whoever only asks whether there is work does not break the ring: it would go unnoticed. */
static void test_avail_jump_is_work(void **state)
{
	struct fix *f = *state;

	f->avail->idx = SIZE + 1;
	assert_true(vring_avail(&f->dev) > 0);
	assert_int_equal(f->dev.err, VRING_ERR_NONE);
	assert_broken(f, VRING_ERR_AVAIL_JUMP);
}

static void test_head_beyond_ring(void **state)
{
	struct fix *f = *state;

	offer(f, SIZE);
	assert_broken(f, VRING_ERR_DESC_INDEX);
}

static void test_next_beyond_ring(void **state)
{
	struct fix *f = *state;

	put(f, 0, LOW, 100, VRING_DESC_F_NEXT, SIZE);
	offer(f, 0);
	assert_broken(f, VRING_ERR_DESC_INDEX);
}

static void test_loop(void **state)
{
	struct fix *f = *state;

	put(f, 0, LOW, 1, VRING_DESC_F_NEXT, 1);
	put(f, 1, LOW, 1, VRING_DESC_F_NEXT, 0);
	offer(f, 0);
	assert_broken(f, VRING_ERR_CHAIN_LONG);
}

static void test_loop_of_nothing(void **state)
{
	struct fix *f = *state;

	put(f, 0, LOW, 0, VRING_DESC_F_NEXT, 0);
	offer(f, 0);
	assert_broken(f, VRING_ERR_CHAIN_LONG);
}

static void assert_bad_addr(struct fix *f, uint64_t gpa, uint32_t len)
{
	f->avail->idx = 0;
	f->cfg.idx = 0;
	f->cfg.max_bytes = UINT32_MAX;
	start(f);
	put(f, 0, gpa, len, 0, 0);
	offer(f, 0);
	assert_broken(f, VRING_ERR_DESC_ADDR);
}

static void test_addresses(void **state)
{
	struct fix *f = *state;

	assert_bad_addr(f, HOLE, 1);
	assert_bad_addr(f, LOW - 1, 2);
	assert_bad_addr(f, MID + 4 * PIECE - 1, 2);
	assert_bad_addr(f, HIGH + 4 * PIECE, 1);
	assert_bad_addr(f, HIGH, UINT32_MAX);
	assert_bad_addr(f, UINT64_MAX, 2);
	assert_bad_addr(f, UINT64_MAX - 100, UINT32_MAX);
}

/* Memory at the very end of the address space, and a piece that would go on at address 0. */
static void test_address_wrap(void **state)
{
	struct fix *f = *state;

	f->mem.regions[1].gpa = 0 - 4ull * PIECE;
	f->mem.regions[0].gpa = 0;
	assert_bad_addr(f, 0 - 10ull, 20);
}

static void test_direction(void **state)
{
	struct fix *f = *state;

	put(f, 0, LOW, 100, VRING_DESC_F_WRITE, 0);
	offer(f, 0);
	assert_broken(f, VRING_ERR_DESC_DIR);
	f->cfg.writable = true;
	f->cfg.hdr_len = 0;
	start(f);
	put(f, 0, LOW, 100, VRING_DESC_F_WRITE | VRING_DESC_F_NEXT, 1);
	put(f, 1, LOW, 100, 0, 0);
	assert_broken(f, VRING_ERR_DESC_DIR);
}

static void test_too_long(void **state)
{
	struct fix *f = *state;

	f->cfg.max_bytes = 100;
	start(f);
	put(f, 0, LOW, 60, VRING_DESC_F_NEXT, 1);
	put(f, 1, LOW, 41, 0, 0);
	offer(f, 0);
	assert_broken(f, VRING_ERR_TOO_LONG);
}

static void assert_bad_indirect(struct fix *f, const struct vring_desc *table, uint32_t n,
				struct vring_desc d, enum vring_err err)
{
	f->avail->idx = 0;
	f->cfg.idx = 0;
	start(f);
	if (n)
		memcpy(f->pages[1], table, n * sizeof(*table));
	f->desc[0] = d;
	offer(f, 0);
	assert_broken(f, err);
}

static void test_indirect_malformed(void **state)
{
	struct fix *f = *state;
	const struct vring_desc nested = { LOW, 32, VRING_DESC_F_INDIRECT, 0 };
	const struct vring_desc loop = { LOW, 1, VRING_DESC_F_NEXT, 0 };
	const struct vring_desc far = { LOW, 1, VRING_DESC_F_NEXT, 1 };
	const struct vring_desc write = { LOW, 1, VRING_DESC_F_WRITE, 0 };
	struct vring_desc d = { MID, 16, VRING_DESC_F_INDIRECT, 0 };

	assert_bad_indirect(f, &nested, 1, d, VRING_ERR_INDIRECT);
	assert_bad_indirect(f, &loop, 1, d, VRING_ERR_CHAIN_LONG);
	assert_bad_indirect(f, &far, 1, d, VRING_ERR_DESC_INDEX);
	assert_bad_indirect(f, &write, 1, d, VRING_ERR_DESC_DIR);
	d.len = 24;
	assert_bad_indirect(f, NULL, 0, d, VRING_ERR_INDIRECT);
	d.len = 0;
	assert_bad_indirect(f, NULL, 0, d, VRING_ERR_INDIRECT);
	d.len = 16;
	d.flags |= VRING_DESC_F_NEXT;
	assert_bad_indirect(f, NULL, 0, d, VRING_ERR_INDIRECT);
	d.flags = VRING_DESC_F_INDIRECT;
	d.addr = HOLE;
	assert_bad_indirect(f, NULL, 0, d, VRING_ERR_DESC_ADDR);
	d.addr = MID - 8; /* across two regions */
	assert_bad_indirect(f, NULL, 0, d, VRING_ERR_DESC_ADDR);
	d.addr = MID;
	f->cfg.indirect = false;
	assert_bad_indirect(f, NULL, 0, d, VRING_ERR_INDIRECT);
}

static uint16_t *used_event(struct fix *f)
{
	return &f->avail->ring[SIZE];
}

static void give_back(struct fix *f, unsigned int n)
{
	struct vring_chain c;

	while (n--) {
		put(f, 0, LOW, SKIP + HDR, 0, 0);
		offer(f, 0);
		assert_int_equal(vring_next(&f->dev, &c), 1);
		vring_done(&f->dev, 0);
	}
	vring_publish(&f->dev);
}

static void test_notify_event_idx(void **state)
{
	struct fix *f = *state;

	/* Once after a start, whatever the guest says. */
	*used_event(f) = 1000;
	assert_true(vring_notify_due(&f->dev));
	assert_true(vring_should_notify(&f->dev));
	assert_false(vring_should_notify(&f->dev));
	give_back(f, 2);
	assert_false(vring_should_notify(&f->dev));
	assert_false(vring_notify_due(&f->dev));
	*used_event(f) = 3;
	give_back(f, 1);
	assert_false(vring_should_notify(&f->dev));
	give_back(f, 1);
	assert_true(vring_should_notify(&f->dev));
	give_back(f, 1);
	assert_false(vring_should_notify(&f->dev));
}

static void test_notify_flag(void **state)
{
	struct fix *f = *state;

	f->cfg.event_idx = false;
	start(f);
	assert_true(vring_should_notify(&f->dev));
	f->avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
	give_back(f, 1);
	assert_false(vring_should_notify(&f->dev));
	f->avail->flags = 0;
	give_back(f, 1);
	assert_true(vring_should_notify(&f->dev));
}

static void test_kicks(void **state)
{
	struct fix *f = *state;
	uint16_t *avail_event = (uint16_t *)(void *)&f->used->ring[SIZE];

	give_back(f, 3);
	assert_false(vring_want_kicks(&f->dev, true));
	assert_int_equal(*avail_event, 3);
	offer(f, 0);
	assert_true(vring_want_kicks(&f->dev, true));
	assert_false(vring_want_kicks(&f->dev, false));
	assert_int_equal(*avail_event, 2);
	f->cfg.event_idx = false;
	f->cfg.idx = 4;
	start(f);
	vring_want_kicks(&f->dev, false);
	assert_int_equal(f->used->flags, VRING_USED_F_NO_NOTIFY);
	assert_false(vring_want_kicks(&f->dev, true));
	assert_int_equal(f->used->flags, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_start_checks),
		T(test_empty),
		T(test_simple),
		T(test_header_fetched_once),
		T(test_short_chain_has_no_header),
		T(test_chain_and_regions),
		T(test_indirect),
		T(test_writable),
		T(test_rewind),
		T(test_wrap),
		T(test_avail_jump),
		T(test_avail_jump_is_work),
		T(test_head_beyond_ring),
		T(test_next_beyond_ring),
		T(test_loop),
		T(test_loop_of_nothing),
		T(test_addresses),
		T(test_address_wrap),
		T(test_direction),
		T(test_too_long),
		T(test_indirect_malformed),
		T(test_notify_event_idx),
		T(test_notify_flag),
		T(test_kicks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
