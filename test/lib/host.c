/* SPDX-License-Identifier: BSD-3-Clause */
#include "host.h"

#include "eal.h"
#include "frame.h"

#include <rte_errno.h>
#include <rte_ip.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUDGET	 4096
#define TX_TURNS 1000

void host_cfg_defaults(struct host_cfg *cfg)
{
	*cfg = (struct host_cfg){
		.name = "host",
		.addr = RTE_IPV4(10, 77, 0, 11),
		.prefix_len = 24,
		.mac = { 2, 0, 0, 0, 0, 11 },
		.mtu = 1500,
		.n_mbufs = 8191,
		.max_socks = 4096,
		.max_pkts = 4096,
		.free = UINT32_MAX,
	};
	stack_cfg_defaults(&cfg->stack);
	cfg->stack.seed = 1;
	cfg->stack.now = 1000 * NSEC_PER_SEC;
	cfg->stack.tcp_conns_max = 1024;
	memcpy(cfg->stack.secret, "a key for tests", 16);
}

static void link_out(void *ctx, struct rte_mbuf *m)
{
	struct host *h = ctx;

	h->cfg.out(h->cfg.ctx, m);
}

static bool link_owns(void *ctx, uint32_t be)
{
	const struct host *h = ctx;

	return be == rte_cpu_to_be_32(h->cfg.addr);
}

static const struct link_ops host_link_ops = { .tx = link_out, .owns = link_owns };

static void die(const char *what)
{
	fprintf(stderr, "test host: %s: %s\n", what, rte_strerror(rte_errno));
	exit(1);
}

static void add_link(struct host *h)
{
	const struct ip_addr addr = ip_addr_v4(rte_cpu_to_be_32(h->cfg.addr));
	const struct ip_addr gw = ip_addr_v4(rte_cpu_to_be_32(h->cfg.gateway));
	const struct ip_addr any = ip_addr_v4(0);
	struct link_cfg cfg = {
		.ops = &host_link_ops,
		.ctx = h,
		.mtu = h->cfg.mtu,
		.offload = h->cfg.offload,
		.neigh_max = 64,
	};
	int rc;

	memcpy(cfg.mac.b, h->cfg.mac, 6);
	h->link = stack_link_add(h->stack, &cfg);
	if (!h->link)
		die("link");
	rc = ip_addr_add(stack_ip(h->stack), &addr, h->cfg.prefix_len, &h->owner, h->link);
	if (!rc && h->cfg.gateway)
		rc = ip_route_add(stack_ip(h->stack), &any, 0, &gw, h->link);
	if (rc) {
		rte_errno = -rc;
		die("address or route");
	}
}

void host_init(struct host *h, const struct host_cfg *cfg)
{
	test_eal_init();
	memset(h, 0, sizeof(*h));
	h->cfg = *cfg;
	h->now = cfg->stack.now;
	h->pool = pkt_pool_create(cfg->name, cfg->n_mbufs, 2048, SOCKET_ID_ANY);
	if (!h->pool)
		die("packet pool");
	h->cfg.stack.pool = h->pool;
	h->stack = stack_create(&h->cfg.stack);
	if (!h->stack)
		die("stack");
	sock_owner_init(&h->owner, h->stack, cfg->max_socks, cfg->max_pkts, h);
	sock_lane_init(&h->lane, &h->owner);
	add_link(h);
}

unsigned int host_fini(struct host *h)
{
	unsigned int missing;

	sock_owner_abort(&h->owner);
	host_tx(h);
	stack_destroy(h->stack);
	missing = h->cfg.n_mbufs - rte_mempool_avail_count(h->pool);
	rte_mempool_free(h->pool);
	return missing;
}

void host_rx(struct host *h, struct rte_mbuf *m)
{
	stack_rx(h->stack, h->link, &m, 1);
}

void host_tx(struct host *h)
{
	for (unsigned int i = 0; stack_tx(h->stack, BUDGET); i++) {
		if (i == TX_TURNS) {
			fprintf(stderr, "test host: stack_tx() never says that it is done\n");
			abort();
		}
	}
	stack_free(h->stack, h->cfg.free);
}

void host_turn(struct host *h, uint64_t now)
{
	h->now = now;
	for (unsigned int i = 0; stack_turn(h->stack, now, BUDGET); i++) {
		if (i == TX_TURNS) {
			fprintf(stderr, "test host: stack_turn() never says that it is done\n");
			abort();
		}
	}
	host_tx(h);
}

struct counter_find {
	const char *name;
	uint64_t value;
	bool found;
};

static void counter_cb(void *ctx, const char *name, uint64_t value)
{
	struct counter_find *f = ctx;

	if (!strcmp(name, f->name)) {
		f->value = value;
		f->found = true;
	}
}

uint64_t host_counter(const struct host *h, const char *name)
{
	struct counter_find f = { .name = name };

	stack_counters(h->stack, counter_cb, &f);
	if (!f.found) {
		fprintf(stderr, "test host: no counter \"%s\"\n", name);
		exit(1);
	}
	return f.value;
}

void host_meet(struct host *h, uint32_t addr, const uint8_t mac[6])
{
	static const uint8_t broadcast[6] = { 255, 255, 255, 255, 255, 255 };
	uint8_t arp[28] = { 0, 1, 8, 0, 6, 4, 0, 1 };
	uint32_t spa = rte_cpu_to_be_32(addr), tpa = rte_cpu_to_be_32(h->cfg.addr);

	memcpy(arp + 8, mac, 6);
	memcpy(arp + 14, &spa, 4);
	memcpy(arp + 24, &tpa, 4);
	host_rx(h, frame_raw(h->pool, 0x0806, arp, sizeof(arp), broadcast, mac));
	host_tx(h);
}
