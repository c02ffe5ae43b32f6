/* SPDX-License-Identifier: BSD-3-Clause */
#include "lab_flood.h"

#include "link/link.h"
#include "wire/byteorder.h"
#include "wire/ipv4.h"
#include "wire/tcp.h"

#include <rte_ip.h>

#include <string.h>

#define SOURCES	     0xc6120000u /* 198.18.0.0/15 (RFC 2544) */
#define SOURCES_MASK 0x0001ffffu
#define MSS	     1460

struct syn {
	struct ip4_hdr ip;
	struct tcp_hdr tcp;
	uint8_t mss[TCP_OPT_MSS_LEN];
};

/* The same in each run, and no two alike for long: a multiplicative sequence of full period. */
static uint32_t scatter(uint64_t i)
{
	return (uint32_t)(i * 2654435761u);
}

static void build(const struct lab_flood *f, struct syn *p)
{
	uint32_t x = scatter(f->sent);

	*p = (struct syn){
		.ip = { .ver_ihl = IP4_VER_IHL,
			.len = be16(sizeof(*p)),
			.ttl = 64,
			.proto = IP_PROTO_TCP,
			.src = be32(SOURCES | (x & SOURCES_MASK)),
			.dst = f->target },
		.tcp = { .sport = be16((uint16_t)(x >> 16 | 1024)),
			 .dport = f->port,
			 .seq = be32(x),
			 .off = (sizeof(p->tcp) + sizeof(p->mss)) / 4 << 4,
			 .flags = TCP_F_SYN,
			 .win = be16(UINT16_MAX) },
		.mss = { TCP_OPT_MSS, TCP_OPT_MSS_LEN, MSS >> 8, MSS & 0xff },
	};
	p->tcp.cksum = rte_ipv4_udptcp_cksum((const void *)&p->ip, &p->tcp);
	p->ip.cksum = rte_ipv4_cksum((const void *)&p->ip);
}

void lab_flood_period(struct lab_flood *f, struct client *c)
{
	for (uint32_t i = 0; i < f->n; i++) {
		struct rte_mbuf *m = pkt_alloc(stack_env(c->stack));

		if (!m)
			return;
		build(f, (void *)rte_pktmbuf_append(m, sizeof(struct syn)));
		link_tx_ip4(c->link, m, f->target, &f->cache);
		f->sent++;
	}
}
