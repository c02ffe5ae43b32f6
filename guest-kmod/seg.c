// SPDX-License-Identifier: GPL-2.0
#include "compat.h"
#include <linux/slab.h>
#include "seg.h"

static struct kmem_cache *osseg_cache;

int osseg_init(void)
{
	/* page_address() is used on whatever sendfile() gives us. */
	BUILD_BUG_ON(IS_ENABLED(CONFIG_HIGHMEM));
	osseg_cache = KMEM_CACHE(osseg, 0);
	return osseg_cache ? 0 : -ENOMEM;
}

void osseg_exit(void)
{
	kmem_cache_destroy(osseg_cache);
}

struct osseg *osseg_new(struct page *page, u32 off, u32 len, gfp_t gfp)
{
	struct osseg *seg = kmem_cache_alloc(osseg_cache, gfp);

	if (!seg)
		return NULL;
	seg->page = page;
	seg->off = off;
	seg->len = len;
	seg->room = 0;
	seg->cost = len + sizeof(*seg);
	return seg;
}

void osseg_free(struct osseg *seg)
{
	put_page(seg->page);
	kmem_cache_free(osseg_cache, seg);
}

void osseg_purge(struct list_head *list)
{
	struct osseg *seg, *next;

	list_for_each_entry_safe(seg, next, list, node)
		osseg_free(seg);
	INIT_LIST_HEAD(list);
}
