/* SPDX-License-Identifier: BSD-3-Clause */
#include "pkt/pkt.h"

#include "base/count.h"

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
	count_add(&env->drops[reason], 1);
	rte_pktmbuf_free(m);
}

struct rte_mbuf *pkt_alloc(struct env *env)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(env->pool);

	if (m) {
		pkt_meta(m)->next = NULL;
		pkt_meta(m)->flags = 0;
	}
	return m;
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
