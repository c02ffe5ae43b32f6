/* SPDX-License-Identifier: BSD-3-Clause */
/* Creation and destruction: the only place of this folder that takes memory. */
#include "base/mem.h"
#include "tcp/tcp_conn.h"

#include <stdlib.h>

#define TWS_MIN	 256u
#define TWS_MAX	 65536u
#define OOOS_MIN 64u

static void *pool_create(struct pool *p, size_t size, uint32_t n)
{
	void *mem = mem_take(pool_mem_size(size, n));

	if (mem)
		pool_init(p, mem, size, n);
	return mem;
}

/* Gaps are rare, and a connection without room for one asks for the data again. */
static uint32_t n_ooos(uint32_t conns)
{
	return RTE_MIN(conns, RTE_MAX(conns / 32, OOOS_MIN));
}

static bool memory_take(struct tcp *tcp)
{
	uint32_t n = tcp->cfg.conns_max, tws = RTE_MIN(RTE_MAX(n, TWS_MIN), TWS_MAX);

	tcp->conns_mem = pool_create(&tcp->conns, sizeof(struct tcp_conn), n);
	tcp->tws_mem = pool_create(&tcp->tws, sizeof(struct tcp_tw), tws);
	tcp->ooos_mem = pool_create(&tcp->ooos, sizeof(struct tcp_ooo), n_ooos(n));
	return tcp->conns_mem && tcp->tws_mem && tcp->ooos_mem &&
		tcp_table_init(&tcp->table, n + tws);
}

struct tcp *tcp_create(const struct tcp_cfg *cfg)
{
	struct tcp *tcp = mem_take(sizeof(struct tcp));

	if (!tcp)
		return NULL;
	tcp->env = cfg->env;
	tcp->ip = cfg->ip;
	tcp->ports = cfg->ports;
	tcp->cfg = *cfg;
	tcp->rst_cost = cfg->rst_rate ? NSEC_PER_SEC / cfg->rst_rate : 0;
	tcp_set_now(tcp);
	list_init(&tcp->tx_list);
	list_init(&tcp->tw_list);
	wheel_init(&tcp->wheel, cfg->env->now);
	tcp_delacks_init(tcp);
	if (!memory_take(tcp)) {
		tcp_destroy(tcp);
		return NULL;
	}
	return tcp;
}

void tcp_destroy(struct tcp *tcp)
{
	if (!tcp)
		return;
	rte_pktmbuf_free(tcp->spare);
	tcp_table_fini(&tcp->table);
	free(tcp->conns_mem);
	free(tcp->tws_mem);
	free(tcp->ooos_mem);
	free(tcp);
}
