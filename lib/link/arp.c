/* SPDX-License-Identifier: BSD-3-Clause */
/* ARP (RFC 826, RFC 5227) over the table of neigh.c. */
#include "link/link_priv.h"

#include "wire/byteorder.h"
#include "wire/ipv4.h"
#include "wire/parse.h"

#include <string.h>

static const struct eth_addr broadcast = { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } };
static const struct eth_addr nobody;

static bool owns(const struct link *link, uint32_t be)
{
	return link->cfg.ops->owns(link->cfg.ctx, be);
}

/* Fills @m, which is empty, with an ARP packet to @dst, and sends it. */
static void arp_send(struct link *link, struct rte_mbuf *m, const struct eth_addr *dst,
		     const struct arp_hdr *arp)
{
	char *frame = rte_pktmbuf_append(m, (uint16_t)(link->hdr_len + sizeof(*arp)));

	if (!frame) {
		pkt_drop(link->env, m, DROP_NO_MBUF);
		return;
	}
	link_hdr_write(link, (uint8_t *)frame, dst, ETH_TYPE_ARP);
	memcpy(frame + link->hdr_len, arp, sizeof(*arp));
	link_out(link, m);
}

/* Request from our address @spa (0: probe) for @tpa. */
static void arp_request(struct link *link, const struct eth_addr *dst, uint32_t spa, uint32_t tpa)
{
	const struct arp_hdr arp = {
		.hw_type = be16(ARP_HW_ETHER),
		.proto_type = be16(ETH_TYPE_IP4),
		.hw_len = sizeof(struct eth_addr),
		.proto_len = sizeof(uint32_t),
		.op = be16(ARP_REQUEST),
		.sha = link->cfg.mac,
		.spa = spa,
		.tha = nobody,
		.tpa = tpa,
	};
	struct rte_mbuf *m = pkt_alloc(link->env);

	if (m)
		arp_send(link, m, dst, &arp);
	else
		pkt_count(link->env, DROP_NO_MBUF);
}

void link_announce(struct link *link, uint32_t be)
{
	arp_request(link, &broadcast, be, be);
}

/* Answers request @req in a packet of our own: the received one may have any shape. */
static void arp_reply(struct link *link, const struct arp_hdr *req)
{
	struct arp_hdr arp = *req;
	struct rte_mbuf *m = pkt_alloc(link->env);

	if (!m) {
		pkt_count(link->env, DROP_NO_MBUF);
		return;
	}
	arp.op = be16(ARP_REPLY);
	arp.sha = link->cfg.mac;
	arp.spa = req->tpa;
	arp.tha = req->sha;
	arp.tpa = req->spa;
	arp_send(link, m, &req->sha, &arp);
}

/* Asks for @n, and comes back in a second. A guest that has gone asks for nobody. */
static void ask(struct link *link, struct neigh *n)
{
	struct eth_addr dst = broadcast;
	uint32_t spa = n->asker && owns(link, n->asker) ? n->asker : 0;

	if (n->state == NEIGH_PROBE)
		memcpy(&dst, n->hdr, sizeof(dst));
	n->tries++;
	arp_request(link, &dst, spa, n->addr);
	wheel_arm(&link->neighs.wheel, &n->timer, link->env->now + NEIGH_RETRY_NS);
}

/* Drops packets that waited in vain, and tells those whom it concerns. */
static void lose(struct link *link, struct neigh_pkts *lost)
{
	for (uint32_t i = 0; i < lost->n; i++) {
		if (link->up && link->up->unreach)
			link->up->unreach(link->up_ctx, link, lost->m[i]);
		pkt_drop(link->env, lost->m[i], DROP_ARP_UNRESOLVED);
	}
}

static struct neigh *add(struct link *link, uint32_t addr, bool evict)
{
	struct neigh_pkts lost;
	struct neigh *n = neigh_add(&link->neighs, addr, evict, &lost);

	for (uint32_t i = 0; i < lost.n; i++)
		pkt_drop(link->env, lost.m[i], DROP_ARP_TABLE_FULL);
	return n;
}

void arp_resolve(struct link *link, struct rte_mbuf *m, uint32_t next_hop)
{
	const struct ip4_hdr *ip = rte_pktmbuf_mtod(m, const struct ip4_hdr *);
	struct neigh *n = neigh_find(&link->neighs, next_hop);
	struct rte_mbuf *lost;
	bool fresh = !n;

	if (fresh)
		n = add(link, next_hop, true);
	if (!n) {
		pkt_drop(link->env, m, DROP_ARP_TABLE_FULL);
		return;
	}
	n->used = !fresh;
	n->asker = ip->src;
	lost = neigh_wait(&link->neighs, n, m);
	if (lost)
		pkt_drop(link->env, lost, DROP_ARP_PENDING_FULL);
	if (fresh)
		ask(link, n);
}

/* @mac is @n's: what waited goes out. */
static void confirm(struct link *link, struct neigh *n, const struct eth_addr *mac)
{
	struct neigh_pkts q = neigh_take_pending(&link->neighs, n);

	link_hdr_write(link, n->hdr, mac, ETH_TYPE_IP4);
	n->state = NEIGH_REACHABLE;
	n->tries = 0;
	n->used |= q.n != 0;
	wheel_arm(&link->neighs.wheel, &n->timer, link->env->now + NEIGH_LIFE_NS);
	for (uint32_t i = 0; i < q.n; i++)
		link_tx_to(link, q.m[i], n);
}

void link_learn(struct link *link, uint32_t be, const struct eth_addr *mac)
{
	struct neigh *n = neigh_find(&link->neighs, be);

	if (!n)
		n = add(link, be, false);
	if (n)
		confirm(link, n, mac);
}

/*
 * RFC 826's merge: a known sender is updated; an unknown one is learnt if it speaks to one of our
 * addresses. Other lcores hear what might be news to them.
 */
static void merge(struct link *link, const struct arp_hdr *arp, bool for_us)
{
	struct neigh *n = neigh_find(&link->neighs, arp->spa);
	bool news = for_us || arp->spa == arp->tpa;

	if (n)
		news |= n->state < NEIGH_REACHABLE || memcmp(n->hdr, &arp->sha, sizeof(arp->sha));
	else if (for_us)
		n = add(link, arp->spa, true);
	if (n) {
		if (for_us && !n->asker)
			n->asker = arp->tpa;
		confirm(link, n, &arp->sha);
	}
	if (news && link->cfg.ops->learnt)
		link->cfg.ops->learnt(link->cfg.ctx, arp->spa, &arp->sha);
}

void arp_rx(struct link *link, struct rte_mbuf *m)
{
	struct arp_hdr arp;
	bool for_us;

	if (!arp_check(rte_pktmbuf_mtod(m, void *), m->data_len)) {
		pkt_drop(link->env, m, DROP_ARP_BAD);
		return;
	}
	memcpy(&arp, rte_pktmbuf_mtod(m, void *), sizeof(arp));
	if (arp.spa && owns(link, arp.spa)) {
		pkt_drop(link->env, m, DROP_ARP_CONFLICT);
		return;
	}
	rte_pktmbuf_free(m);
	for_us = owns(link, arp.tpa);
	if (arp.spa)
		merge(link, &arp, for_us);
	if (for_us && arp.op == be16(ARP_REQUEST))
		arp_reply(link, &arp);
}

/* The time of @n is over: asked in vain, or to be asked again, or of no use any more. */
static void neigh_due(struct link *link, struct neigh *n)
{
	struct neigh_pkts lost;

	if (n->state == NEIGH_REACHABLE && n->used) {
		n->state = NEIGH_PROBE;
		n->used = 0;
		ask(link, n);
	} else if (n->state != NEIGH_REACHABLE && n->tries < NEIGH_TRIES) {
		ask(link, n);
	} else {
		neigh_del(&link->neighs, n, &lost);
		lose(link, &lost);
	}
}

void link_timers(struct link *link, unsigned int budget)
{
	struct neigh_table *t = &link->neighs;
	struct wheel_timer *timer;

	if (!wheel_due(&t->wheel, link->env->now))
		return;
	wheel_advance(&t->wheel, link->env->now, budget);
	while (budget-- && (timer = wheel_expired(&t->wheel)))
		neigh_due(link, container_of(timer, struct neigh, timer));
}
