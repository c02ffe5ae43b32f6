/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Split virtqueues (virtio 1.2, 2.7) from the device's side: the only code that reads or writes guest
 * memory, with one rule: every word of it is fetched exactly once, into a local variable, checked, then
 * used. No library call, no allocation, no log: it is fuzzed alone.
 *
 * A ring belongs to one lcore. It walks its own copy of the addresses and of the memory table; whoever
 * changes these has stopped the lcore between two turns.
 *
 * Terms as the project has them: an RX ring is host to guest, a TX ring guest to host.
 */
#ifndef OUTSOCK_VRING_VRING_H
#define OUTSOCK_VRING_VRING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VRING_MEM_REGIONS 32
#define VRING_SEGS_MAX	  64	/* pieces of one chain after translation */

/* A piece of guest memory in our address space. */
struct vring_region {
	uint64_t gpa, size;
	uint8_t *host;
};

struct vring_mem {
	uint32_t n;
	struct vring_region regions[VRING_MEM_REGIONS];
};

struct vring_desc;
struct vring_avail;
struct vring_used;

/* Why a ring is broken: X(name, text) */
#define VRING_ERRORS(X)                                                              \
	X(NONE, "none")                                                              \
	X(AVAIL_JUMP, "available index runs ahead of the ring")                      \
	X(DESC_INDEX, "descriptor index beyond the ring")                            \
	X(CHAIN_LONG, "descriptor chain is too long or a loop")                      \
	X(DESC_ADDR, "descriptor points outside of the guest's memory")              \
	X(DESC_DIR, "descriptor has the wrong direction")                            \
	X(INDIRECT, "malformed indirect descriptor")                                 \
	X(TOO_SHORT, "buffer too short for its header")                              \
	X(TOO_LONG, "chain carries more bytes than a message may have")

enum vring_err {
#define VRING_ERR_ENUM(name, text) VRING_ERR_##name,
	VRING_ERRORS(VRING_ERR_ENUM)
#undef VRING_ERR_ENUM
	VRING_ERR_N
};
const char *vring_err_text(enum vring_err err);

struct vring {
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	const struct vring_mem *mem;
	uint16_t size;			/* power of two */
	uint16_t avail_idx;		/* next entry we take */
	uint16_t used_idx;		/* next entry we fill; published by vring_publish() */
	uint16_t published;		/* used index that the guest can see */
	uint16_t avail_seen;		/* last available index that was fetched and checked */
	uint16_t notified;		/* used index at the last notification decision */
	bool event_idx, indirect;
	bool notify_once;		/* after a start: notify whatever the event index says */
	enum vring_err err;		/* sticky: a broken ring is not touched again */
};

/* One chain: its pieces in order, and a cursor. */
struct vring_chain {
	uint16_t head;
	uint16_t n_segs;
	uint16_t seg;			/* cursor: piece, and offset in it */
	uint32_t off;
	uint32_t left;			/* bytes from the cursor to the end */
	struct {
		uint8_t *base;
		uint32_t len;
	} segs[VRING_SEGS_MAX];
};

/*
 * Takes the next available chain; its pieces must all be readable (TX) or writable (RX).
 * 1: taken; 0: none; -EPROTO: the ring is broken (vring.err).
 */
int vring_next(struct vring *r, bool writable, uint32_t max_bytes, struct vring_chain *ret_chain);
/* Entries that vring_next() could take now (0 on a broken ring). Fetches the available index. */
uint16_t vring_avail(struct vring *r);
/* Takes the last taken chain back: nothing was used of it. */
void vring_untake(struct vring *r);
/* Returns the chain taken longest ago, strictly in order. @written: bytes (RX), 0 (TX). */
void vring_return(struct vring *r, uint16_t head, uint32_t written);
/* Makes returned entries visible to the guest (store-release of the used index). */
void vring_publish(struct vring *r);
/* After vring_publish(): does the guest want to be told? Full fence, one fetch, then decides. */
bool vring_should_notify(struct vring *r);
/* Wants (or does not want) kicks. Wanting: true when entries came meanwhile; look again. */
bool vring_want_kicks(struct vring *r, bool want);

/* Copies; false when the chain has fewer bytes. They move the cursor. */
bool vring_read(struct vring_chain *c, void *dst, uint32_t n);
bool vring_write(struct vring_chain *c, const void *src, uint32_t n);

#endif
