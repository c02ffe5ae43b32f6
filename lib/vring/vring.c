/* SPDX-License-Identifier: BSD-3-Clause */
#include "vring/vring.h"

const char *vring_err_text(enum vring_err err)
{
	static const char *const texts[] = {
#define VRING_ERR_TEXT(name, text) text,
		VRING_ERRORS(VRING_ERR_TEXT)
#undef VRING_ERR_TEXT
	};

	return (unsigned int)err < VRING_ERR_N ? texts[err] : "unknown";
}

static bool misaligned(const void *p, uintptr_t align)
{
	return ((uintptr_t)p & (align - 1)) != 0;
}

int vring_start(struct vring_dev *r, const struct vring_cfg *cfg)
{
	if (cfg->size == 0 || cfg->size > VRING_SIZE_MAX || (cfg->size & (cfg->size - 1)))
		return -EINVAL;
	if (!cfg->desc || !cfg->avail || !cfg->used || misaligned(cfg->desc, 16) ||
	    misaligned(cfg->avail, 2) || misaligned(cfg->used, 4))
		return -EINVAL;
	if (cfg->hdr_len > VRING_HDR_MAX)
		return -EINVAL;
	memset(r, 0, sizeof(*r));
	r->desc = cfg->desc;
	r->avail = cfg->avail;
	r->used = cfg->used;
	r->mem = cfg->mem;
	r->mask = cfg->size - 1;
	r->idx = cfg->idx;
	r->published = cfg->idx;
	r->notified = cfg->idx;
	r->avail_seen = cfg->idx;
	r->event_idx = cfg->event_idx;
	r->indirect = cfg->indirect;
	r->writable = cfg->writable;
	r->skip = cfg->skip;
	r->hdr_len = cfg->hdr_len;
	r->max_bytes = cfg->writable ? VRING_CHAIN_BYTES : cfg->max_bytes;
	r->notify_once = true;
	return 0;
}

uint8_t *vring_translate(const struct vring_mem *mem, uint64_t gpa, uint64_t len)
{
	for (uint32_t i = 0; i < mem->n; i++) {
		const struct vring_region *reg = &mem->regions[i];
		uint64_t off = gpa - reg->gpa;

		if (off < reg->size && len <= reg->size - off)
			return reg->host + off;
	}
	return NULL;
}
