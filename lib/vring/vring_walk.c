/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From the available ring to a chain of translated pieces. Whatever the guest wrote, a walk ends
 * after VRING_DESCS_MAX descriptors, and every piece lies inside the memory table.
 */
#include "vring/vring.h"

/* A descriptor as it was fetched. */
struct desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
};

typedef uint64_t u64_any __attribute__((aligned(1), may_alias));

/* The two words of a descriptor, each fetched once; indirect tables may be unaligned. */
static inline struct desc fetch_desc(const void *p)
{
	const volatile u64_any *w = p;
	uint64_t lo = w[0], hi = w[1];

	return (struct desc){ lo, (uint32_t)hi, (uint16_t)(hi >> 32), (uint16_t)(hi >> 48) };
}

int vring_break(struct vring_dev *r, enum vring_err err)
{
	r->err = err;
	r->n_look = 0;
	return -EPROTO;
}

/* Chains available, by the index fetched now. */
static inline int fetch_avail(struct vring_dev *r)
{
	uint16_t n;

	r->avail_seen = __atomic_load_n(&r->avail->idx, __ATOMIC_ACQUIRE);
	n = r->avail_seen - r->idx;
	if (n > r->mask + 1)
		return vring_break(r, VRING_ERR_AVAIL_JUMP);
	return n;
}

/* Heads of the new slots, and a prefetch of their descriptors. */
static int look_heads(struct vring_dev *r, uint16_t from, uint16_t to)
{
	for (uint16_t i = from; i != to; i++) {
		uint16_t head = *(const volatile uint16_t *)&r->avail->ring[i & r->mask];

		if (head > r->mask)
			return vring_break(r, VRING_ERR_DESC_INDEX);
		__builtin_prefetch(&r->desc[head]);
		r->look[i % VRING_LOOK].head = head;
	}
	return 0;
}

/* Their first descriptors, and a prefetch of their buffers. */
static void look_descs(struct vring_dev *r, uint16_t from, uint16_t to)
{
	for (uint16_t i = from; i != to; i++) {
		struct vring_slot *s = &r->look[i % VRING_LOOK];
		struct desc d = fetch_desc(&r->desc[s->head]);

		s->gpa = d.addr;
		s->len = d.len;
		s->flags = d.flags;
		s->next = d.next;
		s->has_hdr = false;
		s->base = d.flags & VRING_DESC_F_INDIRECT ? NULL
							  : vring_translate(r->mem, d.addr, d.len);
		if (!s->base)
			continue;
		if (r->writable) {
			__builtin_prefetch(s->base, 1);
			__builtin_prefetch(s->base + 64, 1);
		} else {
			__builtin_prefetch(s->base);
			__builtin_prefetch(s->base + 64);
		}
	}
}

/* Their headers, where one piece holds all of it. */
static void look_hdrs(struct vring_dev *r, uint16_t from, uint16_t to)
{
	uint32_t need = (uint32_t)r->skip + r->hdr_len;

	for (uint16_t i = from; i != to; i++) {
		struct vring_slot *s = &r->look[i % VRING_LOOK];

		if (!s->base || s->len < need || (s->flags & VRING_DESC_F_WRITE))
			continue;
		memcpy(s->hdr, s->base + r->skip, r->hdr_len);
		s->has_hdr = true;
	}
	__asm__ volatile("" : : : "memory");
}

unsigned int vring_fill(struct vring_dev *r, unsigned int want)
{
	uint16_t from = r->idx + r->n_look, to;
	int n;

	if (r->err)
		return 0;
	if (want > VRING_LOOK)
		want = VRING_LOOK;
	if (r->n_look >= want)
		return r->n_look;
	n = (uint16_t)(r->avail_seen - r->idx);
	if ((unsigned int)n < want) {
		n = fetch_avail(r);
		if (n < 0)
			return 0;
	}
	to = r->idx + ((unsigned int)n < want ? (unsigned int)n : want);
	if (from == to)
		return r->n_look;
	if (look_heads(r, from, to) < 0)
		return 0;
	look_descs(r, from, to);
	if (r->hdr_len)
		look_hdrs(r, from, to);
	r->n_look = to - r->idx;
	return r->n_look;
}

/* Adds guest memory [gpa, gpa + len) to the chain; it may cross regions that meet. */
static int add_piece(const struct vring_dev *r, struct vring_chain *c, uint64_t gpa, uint32_t len)
{
	if (len > r->max_bytes - c->left)
		return VRING_ERR_TOO_LONG;
	c->left += len;
	for (uint32_t i = 0; len > 0;) {
		const struct vring_region *reg = &r->mem->regions[i];
		uint64_t off = gpa - reg->gpa, n;

		if (i == r->mem->n)
			return VRING_ERR_DESC_ADDR;
		if (off >= reg->size) {
			i++;
			continue;
		}
		if (c->n_segs == VRING_SEGS_MAX)
			return VRING_ERR_CHAIN_LONG;
		n = reg->size - off < len ? reg->size - off : len;
		c->segs[c->n_segs].base = reg->host + off;
		c->segs[c->n_segs++].len = n;
		gpa += n;
		len -= n;
		if (len > 0 && gpa == 0)
			return VRING_ERR_DESC_ADDR;
		i = 0;
	}
	return 0;
}

static inline bool wrong_dir(const struct vring_dev *r, uint16_t flags)
{
	return !(flags & VRING_DESC_F_WRITE) == r->writable;
}

/* The chain inside of an indirect table (virtio 1.2, 2.7.5.3); @n_descs were walked before. */
static int walk_indirect(const struct vring_dev *r, struct vring_chain *c, const struct desc *ind,
			 unsigned int n_descs)
{
	uint32_t n = ind->len / sizeof(struct vring_desc), i = 0;
	const uint8_t *table;

	if (!r->indirect || (ind->flags & VRING_DESC_F_NEXT) || n == 0 ||
	    ind->len % sizeof(struct vring_desc) != 0)
		return VRING_ERR_INDIRECT;
	table = vring_translate(r->mem, ind->addr, ind->len);
	if (!table)
		return VRING_ERR_DESC_ADDR;
	for (; n_descs < VRING_DESCS_MAX; n_descs++) {
		struct desc d = fetch_desc(table + i * sizeof(struct vring_desc));
		int err;

		if (d.flags & VRING_DESC_F_INDIRECT)
			return VRING_ERR_INDIRECT;
		if (wrong_dir(r, d.flags))
			return VRING_ERR_DESC_DIR;
		err = add_piece(r, c, d.addr, d.len);
		if (err || !(d.flags & VRING_DESC_F_NEXT))
			return err;
		if (d.next >= n)
			return VRING_ERR_DESC_INDEX;
		i = d.next;
	}
	return VRING_ERR_CHAIN_LONG;
}

/* The chain from its first descriptor on, which look-ahead has fetched. */
static int walk(const struct vring_dev *r, struct vring_chain *c, struct desc d)
{
	for (unsigned int n = 0; n < VRING_DESCS_MAX; n++) {
		int err;

		if (d.flags & VRING_DESC_F_INDIRECT)
			return walk_indirect(r, c, &d, n);
		if (wrong_dir(r, d.flags))
			return VRING_ERR_DESC_DIR;
		err = add_piece(r, c, d.addr, d.len);
		if (err || !(d.flags & VRING_DESC_F_NEXT))
			return err;
		if (d.next > r->mask)
			return VRING_ERR_DESC_INDEX;
		d = fetch_desc(&r->desc[d.next]);
	}
	return VRING_ERR_CHAIN_LONG;
}

/* The cursor behind the header, whose copy is in the slot (or comes there now). */
static void take_hdr(struct vring_dev *r, struct vring_slot *s, struct vring_chain *c)
{
	if (c->left < (uint32_t)r->skip + r->hdr_len)
		return;
	if (s->has_hdr) {
		vring_skip(c, (uint32_t)r->skip + r->hdr_len);
	} else {
		vring_skip(c, r->skip);
		vring_read(c, s->hdr, r->hdr_len);
		s->has_hdr = true;
	}
	c->hdr = s->hdr;
}

int vring_next(struct vring_dev *r, struct vring_chain *ret_chain)
{
	struct vring_chain *c = ret_chain;
	struct vring_slot *s = &r->look[r->idx % VRING_LOOK];
	int err = 0;

	if (r->n_look == 0 && vring_fill(r, r->writable ? VRING_LOOK / 2 : VRING_LOOK) == 0)
		return r->err ? -EPROTO : 0;
	c->hdr = NULL;
	c->off = 0;
	c->seg = 0;
	c->left = 0;
	c->n_segs = 0;
	if (s->base && !(s->flags & VRING_DESC_F_NEXT) && !wrong_dir(r, s->flags) &&
	    s->len <= r->max_bytes) {
		c->segs[0].base = s->base;
		c->segs[0].len = s->len;
		c->n_segs = 1;
		c->left = s->len;
	} else {
		c->segs[0].len = 0;
		err = walk(r, c, (struct desc){ s->gpa, s->len, s->flags, s->next });
	}
	if (err)
		return vring_break(r, err);
	if (r->hdr_len)
		take_hdr(r, s, c);
	return 1;
}

void vring_done(struct vring_dev *r, uint32_t written)
{
	uint64_t elem = (uint64_t)written << 32 | r->look[r->idx % VRING_LOOK].head;

	memcpy(&r->used->ring[r->idx & r->mask], &elem, sizeof(elem));
	r->idx++;
	r->n_look--;
}

void vring_rewind(struct vring_dev *r, uint16_t idx)
{
	r->idx = idx;
	r->n_look = 0;
}

uint16_t vring_avail(struct vring_dev *r)
{
	uint16_t seen, n;

	if (r->err)
		return 0;
	seen = __atomic_load_n(&r->avail->idx, __ATOMIC_ACQUIRE);
	n = seen - r->idx;
	if (n <= r->mask + 1)
		r->avail_seen = seen;
	return n;
}

bool vring_skip(struct vring_chain *c, uint32_t n)
{
	if (n > c->left)
		return false;
	c->left -= n;
	while (n > c->segs[c->seg].len - c->off) {
		n -= c->segs[c->seg].len - c->off;
		c->seg++;
		c->off = 0;
	}
	c->off += n;
	return true;
}
