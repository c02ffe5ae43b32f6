/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Split virtqueues (virtio 1.2, 2.7) from the device's side: the only code that reads or writes
 * guest memory, with one rule: every word of it is fetched exactly once, into a local variable,
 * checked, then used. No library call, no allocation, no log: it is fuzzed alone.
 *
 * A ring belongs to one lcore. It walks its own copy of the addresses and of the memory table;
 * whoever changes these has stopped the lcore between two turns.
 *
 * Chains are taken and returned strictly one after the other: vring_next() looks at the next one,
 * vring_done() returns it. So one index says all: a ring that stops (or a daemon that dies) leaves
 * nothing in flight, and a chain that was looked at and not returned is simply met again.
 *
 * Look-ahead: heads, descriptors and message headers of the next few chains are fetched together,
 * so that their cache misses overlap. What was fetched is kept until its chain is returned.
 *
 * Terms as the project has them: an RX ring is host to guest, a TX ring guest to host.
 */
#ifndef OUTSOCK_VRING_VRING_H
#define OUTSOCK_VRING_VRING_H

#include <errno.h>
#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define VRING_MEM_REGIONS 32
#define VRING_DESCS_MAX	  40	     /* descriptors of one chain */
#define VRING_SEGS_MAX	  48	     /* its pieces after translation */
#define VRING_SIZE_MAX	  32768	     /* virtio 1.2, 2.7 */
#define VRING_LOOK	  16	     /* chains looked ahead; a power of two */
#define VRING_HDR_MAX	  40	     /* bytes of a message's header that look-ahead can copy */
#define VRING_CHAIN_BYTES (1u << 30) /* an RX chain may not be larger */

/* A piece of guest memory in our address space. */
struct vring_region {
	uint64_t gpa, size;
	uint8_t *host;
};

struct vring_mem {
	uint32_t n;
	struct vring_region regions[VRING_MEM_REGIONS];
};

/* Why a ring is broken: X(name, text) */
#define VRING_ERRORS(X) \
	X(NONE, "none") \
	X(AVAIL_JUMP, "available index runs ahead of the ring") \
	X(DESC_INDEX, "descriptor index beyond the ring") \
	X(CHAIN_LONG, "descriptor chain is too long or a loop") \
	X(DESC_ADDR, "descriptor points outside of the guest's memory") \
	X(DESC_DIR, "descriptor has the wrong direction") \
	X(INDIRECT, "malformed indirect descriptor") \
	X(TOO_SHORT, "buffer is too small for a message") \
	X(TOO_LONG, "chain carries more bytes than a message may have")

enum vring_err {
#define VRING_ERR_ENUM(name, text) VRING_ERR_##name,
	VRING_ERRORS(VRING_ERR_ENUM)
#undef VRING_ERR_ENUM
		VRING_ERR_N
};
const char *vring_err_text(enum vring_err err);

/* A chain that was looked ahead at: its first descriptor, its header if that was easy to get. */
struct vring_slot {
	uint8_t *base; /* NULL: not in one piece, or the rest of the chain is elsewhere */
	uint64_t gpa;
	uint32_t len;
	uint16_t head, flags, next;
	bool has_hdr;
	uint8_t hdr[VRING_HDR_MAX] __attribute__((aligned(8)));
};

/* What a ring is for; fixed while it runs. */
struct vring_cfg {
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	const struct vring_mem *mem;
	uint16_t size;		  /* power of two */
	uint16_t idx;		  /* where to go on */
	bool event_idx, indirect; /* features */
	bool writable;		  /* RX ring: the guest's buffers are for writing */
	uint16_t skip, hdr_len;	  /* TX: bytes before the header, its length (<= VRING_HDR_MAX) */
	uint32_t max_bytes;	  /* TX: of a chain */
};

struct vring_dev {
	/* what each chain touches */
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	const struct vring_mem *mem;
	uint16_t mask;	     /* size - 1 */
	uint16_t idx;	     /* next chain, next used entry */
	uint16_t published;  /* used index that the guest can see */
	uint16_t avail_seen; /* last available index that was fetched and checked */
	uint16_t n_look;     /* slots filled, from idx on */
	uint16_t skip, hdr_len;
	bool event_idx, indirect, writable;
	bool notify_once; /* after a start: notify whatever the event index says */
	bool kicks_wanted;
	uint8_t err;	   /* enum vring_err; sticky: a broken ring is not touched again */
	uint16_t notified; /* used index at the last notification decision */
	uint32_t max_bytes;
	struct vring_slot look[VRING_LOOK]; /* by index modulo VRING_LOOK */
};

/* One chain: its pieces in order, and a cursor. */
struct vring_chain {
	const void *hdr; /* TX: copy of the header, the cursor is behind it. NULL: the chain
					 * is shorter than that (the caller judges) */
	uint32_t left;	 /* bytes from the cursor to the end */
	uint32_t off;	 /* cursor: piece, and offset in it */
	uint16_t seg, n_segs;
	struct {
		uint8_t *base;
		uint32_t len;
	} segs[VRING_SEGS_MAX];
};

/* ---- cold: the lcore, or whoever has stopped it ---- */

/*
 * Begins at @cfg->idx. -EINVAL: the size is no power of two or too large, a part of the ring is
 * misaligned (virtio 1.2, 2.7). That the parts lie inside guest memory is the caller's to check.
 */
int vring_start(struct vring_dev *r, const struct vring_cfg *cfg);

/* The @len bytes at guest address @gpa if they lie in one region, else NULL. */
uint8_t *vring_translate(const struct vring_mem *mem, uint64_t gpa, uint64_t len);

/* ---- hot: the owning lcore ---- */

/*
 * Looks ahead at up to @want chains (VRING_LOOK at most), prefetching their buffers. How many
 * chains vring_next() will find without touching the rings again; 0 on a broken ring.
 */
unsigned int vring_fill(struct vring_dev *r, unsigned int want);

/* The header of the @i'th chain from now, i < vring_fill(); NULL if it was not easy to get. */
static inline const void *vring_ahead(const struct vring_dev *r, unsigned int i)
{
	const struct vring_slot *s = &r->look[(uint16_t)(r->idx + i) % VRING_LOOK];

	return s->has_hdr ? s->hdr : NULL;
}

/*
 * The next chain. 1: there is one; 0: none; -EPROTO: the ring is broken (vring_dev.err). Again
 * without vring_done() between: the same chain, without a second fetch of what look-ahead holds.
 */
int vring_next(struct vring_dev *r, struct vring_chain *ret_chain);

/* The user of the ring has found it unusable. -EPROTO */
int vring_break(struct vring_dev *r, enum vring_err err);

/* Returns the chain that vring_next() gave. @written: bytes (RX), 0 (TX). */
void vring_done(struct vring_dev *r, uint32_t written);

/* Back to @idx, an index since the last vring_publish(): the guest has not seen what was done. */
void vring_rewind(struct vring_dev *r, uint16_t idx);

/*
 * Chains that wait, the one of vring_next() included. Fetches the available index. More than the
 * ring has: vring_next() will find it broken.
 */
uint16_t vring_avail(struct vring_dev *r);

/* Makes returned entries visible to the guest (store-release of the used index). */
static inline void vring_publish(struct vring_dev *r)
{
	if (r->published == r->idx)
		return;
	__atomic_store_n(&r->used->idx, r->idx, __ATOMIC_RELEASE);
	r->published = r->idx;
}

/*
 * Does the guest want to be told of what was published since the last time? The caller has put
 * a full fence between vring_publish() and this (one serves many rings).
 */
bool vring_should_notify(struct vring_dev *r);

/* Is there something that vring_should_notify() has not decided on? */
static inline bool vring_notify_due(const struct vring_dev *r)
{
	return r->notified != r->published || r->notify_once;
}

/*
 * Wants a kick for the next chain beyond those seen, or wants none. Wanting: true when chains came
 * meanwhile (look again, no kick will come for them).
 */
bool vring_want_kicks(struct vring_dev *r, bool want);

/*
 * The next piece of a chain that has as much: *@n is cut to what lies in one stretch of guest
 * memory at the cursor, which moves behind it.
 */
static inline uint8_t *vring_piece(struct vring_chain *c, uint32_t *n)
{
	uint8_t *p;

	while (c->off == c->segs[c->seg].len) {
		c->seg++;
		c->off = 0;
	}
	p = c->segs[c->seg].base + c->off;
	if (*n > c->segs[c->seg].len - c->off)
		*n = c->segs[c->seg].len - c->off;
	c->off += *n;
	c->left -= *n;
	return p;
}

/* Copies that cross pieces; the chain has the bytes. */
void vring_read_slow(struct vring_chain *c, void *dst, uint32_t n);
void vring_write_slow(struct vring_chain *c, const void *src, uint32_t n);

/* Moves the cursor; false when the chain has fewer bytes. */
bool vring_skip(struct vring_chain *c, uint32_t n);

/* Copies from the cursor on and moves it; false when the chain has fewer bytes. */
static inline bool vring_read(struct vring_chain *c, void *dst, uint32_t n)
{
	if (n > c->left)
		return false;
	if (n <= c->segs[c->seg].len - c->off) {
		memcpy(dst, c->segs[c->seg].base + c->off, n);
		c->off += n;
		c->left -= n;
	} else {
		vring_read_slow(c, dst, n);
	}
	/* From here on only the copy counts: the compiler may not look at the original again. */
	__asm__ volatile("" : : "r"(dst) : "memory");
	return true;
}

static inline bool vring_write(struct vring_chain *c, const void *src, uint32_t n)
{
	if (n > c->left)
		return false;
	if (n <= c->segs[c->seg].len - c->off) {
		memcpy(c->segs[c->seg].base + c->off, src, n);
		c->off += n;
		c->left -= n;
	} else {
		vring_write_slow(c, src, n);
	}
	return true;
}

#endif
