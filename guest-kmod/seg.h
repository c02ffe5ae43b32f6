/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Segments: the bytes of a stream as a list of parts of pages. Both directions use them: the send
 * buffer holds what the peer has not acknowledged, the receive buffer what the program has not
 * read. A segment owns a reference to its page. Lists are guarded by whoever owns them.
 */
#ifndef OUTSOCK_SEG_H
#define OUTSOCK_SEG_H

#include <linux/list.h>
#include <linux/mm.h>

/**
 * struct osseg - a part of a page
 * @page:	may be a compound page
 * @off:	of the first byte, from the start of @page
 * @len:	bytes
 * @room:	bytes behind them which are the segment's too (received small messages fill them)
 * @cost:	memory it is charged with
 */
struct osseg {
	struct list_head node;
	struct page *page;
	u32 off;
	u32 len;
	u32 room;
	u32 cost;
};

int osseg_init(void);
void osseg_exit(void);

/* Takes over the caller's reference to @page; NULL (and no reference taken) without memory. */
struct osseg *osseg_new(struct page *page, u32 off, u32 len, gfp_t gfp);
void osseg_free(struct osseg *seg);
void osseg_purge(struct list_head *list);

static inline void *osseg_data(const struct osseg *seg)
{
	return page_address(seg->page) + seg->off;
}

static inline struct osseg *osseg_first(struct list_head *list)
{
	return list_first_entry_or_null(list, struct osseg, node);
}

static inline struct osseg *osseg_last(struct list_head *list)
{
	return list_empty(list) ? NULL : list_last_entry(list, struct osseg, node);
}

#endif
