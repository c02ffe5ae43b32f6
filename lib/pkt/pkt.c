/* SPDX-License-Identifier: BSD-3-Clause */
#include "pkt/pkt.h"

#include "base/count.h"
#include "wire/cksum.h"

#include <rte_errno.h>
#include <rte_mempool.h>

static const char *const names[DROP_N] = {
#define DROP(name, text) [DROP_##name] = #name,
#include "pkt/drop.def"
#undef DROP
};

static const char *const texts[DROP_N] = {
#define DROP(name, text) [DROP_##name] = text,
#include "pkt/drop.def"
#undef DROP
};

const char *drop_name(enum drop_reason reason)
{
	return (unsigned int)reason < DROP_N ? names[reason] : "?";
}

const char *drop_text(enum drop_reason reason)
{
	return (unsigned int)reason < DROP_N ? texts[reason] : "?";
}

void pkt_drop(struct env *env, struct rte_mbuf *m, enum drop_reason reason)
{
	pkt_count(env, reason);
	rte_pktmbuf_free(m);
}

struct rte_mbuf *pkt_alloc(struct env *env)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(env->pool);

	if (m) {
		pkt_meta(m)->next = NULL;
		pkt_stamp_set(m, 0);
	}
	return m;
}

void pkt_count(struct env *env, enum drop_reason reason)
{
	count_add(&env->drops[reason], 1);
}

struct rte_mbuf *pkt_copy(struct env *env, struct rte_mbuf *m)
{
	struct rte_mbuf *c = rte_pktmbuf_copy(m, env->pool, 0, UINT32_MAX);

	if (c) {
		*pkt_meta(c) = *pkt_meta(m);
		pkt_meta(c)->next = NULL;
	}
	return c;
}

struct rte_mbuf *pkt_linear(struct env *env, struct rte_mbuf *m)
{
	struct rte_mbuf *c = pkt_copy(env, m);

	if (!c || c->nb_segs > 1) {
		rte_pktmbuf_free(c);
		pkt_drop(env, m, DROP_NO_MBUF);
		return NULL;
	}
	rte_pktmbuf_free(m);
	return c;
}

uint64_t pkt_cksum(uint64_t sum, const struct rte_mbuf *m, uint32_t off, uint32_t len)
{
	bool odd = false;

	for (; m && len; m = m->next) {
		uint32_t start = RTE_MIN(off, (uint32_t)m->data_len);
		uint32_t n = RTE_MIN(m->data_len - start, len);
		uint64_t part = cksum_add(0, rte_pktmbuf_mtod_offset(m, void *, start), n);

		off -= start;
		sum += odd ? cksum_swap(part) : part;
		odd ^= n & 1;
		len -= n;
	}
	return sum;
}

bool pkt_cut(struct rte_mbuf *m, uint32_t len)
{
	if (m->nb_segs == 1) {
		m->data_len = (uint16_t)len;
		m->pkt_len = len;
		return true;
	}
	/* The library cuts the last segment only, and that is where padding is. */
	return m->pkt_len - len <= UINT16_MAX &&
		rte_pktmbuf_trim(m, (uint16_t)(m->pkt_len - len)) == 0;
}

void pkt_queue_free(struct pkt_queue *q)
{
	struct rte_mbuf *m;

	while ((m = pkt_queue_pop(q)))
		rte_pktmbuf_free(m);
}

/* Objects that each lcore keeps at hand: one burst up and one down between looks at the ring. */
#define POOL_CACHE 256u

struct rte_mempool *pkt_pool_create(const char *name, unsigned int n, unsigned int data_room,
				    int socket)
{
	unsigned int cache = RTE_MIN(POOL_CACHE, n / 4);

	if (data_room + PKT_HEADROOM > UINT16_MAX) {
		rte_errno = EINVAL;
		return NULL;
	}
	return rte_pktmbuf_pool_create_by_ops(name, n, cache, sizeof(struct pkt_meta),
					      (uint16_t)(data_room + PKT_HEADROOM), socket,
					      "ring_mt_rts");
}
