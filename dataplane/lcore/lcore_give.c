/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Between lcores: frames that the polling lcore received for another one, packets from guest to
 * guest, and what was learnt about neighbours. Each way is a ring from one producer to one
 * consumer; a full ring is a counted drop, and nobody waits.
 */
#include "lcore/lcore_priv.h"

#include "lcore/rt_forbidden.h"

static void mark(struct lcore *lc, struct lcore_peer *peer)
{
	peer->dirty = true;
	lc->dirty = true;
}

/* Frames in a row for one peer. */
static void give(struct lcore *lc, struct lcore_peer *peer, struct rte_mbuf **pkts, unsigned int n)
{
	unsigned int put = spsc_put_burst(peer->give, (void *const *)pkts, n);

	if (put)
		mark(lc, peer);
	lcore_count(&lc->stats, LCORE_foreign_frames, put);
	if (likely(put == n))
		return;
	lcore_count(&lc->stats, LCORE_foreign_drops, n - put);
	for (unsigned int i = put; i < n; i++)
		pkt_drop(lc->env, pkts[i], DROP_WIRE_FULL);
}

static void give_kept(struct lcore *lc)
{
	struct lcore_kept *kept = &lc->kept;

	for (unsigned int i = 0, k; i < kept->n; i = k) {
		for (k = i + 1; k < kept->n && kept->home[k] == kept->home[i]; k++)
			;
		give(lc, &lc->peers[kept->home[i]], kept->pkts + i, k - i);
	}
	kept->n = 0;
}

void lcore_keep(struct lcore *lc, const struct port *port, const struct port_sorted *s)
{
	struct lcore_kept *kept = &lc->kept;
	uint16_t index = (uint16_t)port_index(port);

	if (kept->n + s->n_foreign > LCORE_KEPT_MAX)
		give_kept(lc);
	for (unsigned int i = 0; i < s->n_foreign; i++) {
		s->foreign[i]->port = index;
		kept->pkts[kept->n] = s->foreign[i];
		kept->home[kept->n++] = s->home[i];
	}
}

static void wake_peers(struct lcore *lc)
{
	lc->dirty = false;
	for (unsigned int i = 0; i < lc->n_peers; i++) {
		struct lcore_peer *peer = &lc->peers[i];

		if (!peer->dirty)
			continue;
		peer->dirty = false;
		if (lcore_wake(peer->lc))
			lcore_count(&lc->stats, LCORE_wakes, 1);
	}
}

void lcore_hand_on(struct lcore *lc)
{
	if (lc->kept.n)
		give_kept(lc);
	if (lc->dirty)
		wake_peers(lc);
}

/*
 * What came from another lcore is copied, so that slow readers of ours never hold its packets.
 * Returns how many are left.
 */
unsigned int lcore_take_over(struct lcore *lc, struct rte_mbuf **pkts, unsigned int n)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < n; i++) {
		struct rte_mbuf *c = pkt_copy(lc->env, pkts[i]);

		if (c) {
			rte_pktmbuf_free(pkts[i]);
			pkts[kept++] = c;
		} else {
			pkt_drop(lc->env, pkts[i], DROP_NO_MBUF);
		}
	}
	return kept;
}

/* Frames of one port in a row go up together. */
static void up_by_port(struct lcore *lc, struct rte_mbuf **pkts, unsigned int n)
{
	for (unsigned int i = 0, k; i < n; i = k) {
		for (k = i + 1; k < n && pkts[k]->port == pkts[i]->port; k++)
			;
		stack_rx(lc->stack, lc->ifs[pkts[i]->port]->link, pkts + i, k - i);
	}
}

static unsigned int hear(struct lcore *lc, struct lcore_peer *peer, unsigned int max)
{
	struct news news;
	unsigned int n = 0;

	while (n < max && news_get(peer->heard, &news)) {
		link_learn(lc->ifs[news.port]->link, news.be, &news.mac);
		n++;
	}
	return n;
}

/* Frames of one peer, at most @max; how many. */
static unsigned int given_by(struct lcore *lc, struct lcore_peer *peer, unsigned int max)
{
	struct rte_mbuf *pkts[PORT_BURST];
	unsigned int total = 0, want, n;

	do {
		want = RTE_MIN(max - total, PORT_BURST);
		n = spsc_get_burst(peer->given, (void **)pkts, want);
		if (!n)
			break;
		total += n;
		up_by_port(lc, pkts, lcore_take_over(lc, pkts, n));
	} while (n == want && total < max);
	return total;
}

/* The next of @first and the others in turn, who is an lcore's peer. */
static struct lcore_peer *peer_at(struct lcore *lc, unsigned int first, unsigned int i)
{
	unsigned int k = first + i;
	struct lcore_peer *peer = &lc->peers[k < lc->n_peers ? k : k - lc->n_peers];

	return peer->lc ? peer : NULL;
}

/* Where the budget ends, the next turn begins with the next peer. */
static unsigned int advance(const struct lcore *lc, unsigned int first)
{
	return first + 1 < lc->n_peers ? first + 1 : 0;
}

unsigned int lcore_given(struct lcore *lc)
{
	unsigned int left = lc->budget[BUDGET_given], work = 0, total = 0, n;

	for (unsigned int i = 0; i < lc->n_peers && left; i++) {
		struct lcore_peer *peer = peer_at(lc, lc->given_first, i);

		if (!peer || (spsc_empty(peer->given) && news_empty(peer->heard)))
			continue;
		n = hear(lc, peer, left);
		work += n;
		left -= n;
		n = left ? given_by(lc, peer, left) : 0;
		total += n;
		left -= n;
	}
	lc->given_first = advance(lc, lc->given_first);
	if (total)
		lcore_count(&lc->stats, LCORE_rx_given, total);
	return work + total;
}

/* Packets of one peer's guests, at most @max; how many. */
static unsigned int wired_by(struct lcore *lc, struct lcore_peer *peer, unsigned int max)
{
	struct rte_mbuf *pkts[PORT_BURST];
	unsigned int total = 0, want, n;

	do {
		want = RTE_MIN(max - total, PORT_BURST);
		n = spsc_get_burst(peer->wired, (void **)pkts, want);
		if (!n)
			break;
		total += n;
		ip_wire_rx(stack_ip(lc->stack), pkts, lcore_take_over(lc, pkts, n));
	} while (n == want && total < max);
	return total;
}

unsigned int lcore_wires(struct lcore *lc)
{
	unsigned int left = lc->budget[BUDGET_wire], total = 0, n;

	for (unsigned int i = 0; i < lc->n_peers && left; i++) {
		struct lcore_peer *peer = peer_at(lc, lc->wire_first, i);

		if (!peer || spsc_empty(peer->wired))
			continue;
		n = wired_by(lc, peer, left);
		total += n;
		left -= n;
	}
	lc->wire_first = advance(lc, lc->wire_first);
	if (total)
		lcore_count(&lc->stats, LCORE_wire_in, total);
	return total;
}

/* ---- what the stack calls ---- */

static bool wire_owns(void *ctx, const struct ip_addr *dst)
{
	struct lcore *lc = ctx;
	const struct addr_home *home;

	if (!ip_addr_is_v4(dst))
		return false;
	home = addr_map_find(lc->map, dst->w[3]);
	return home && home->lcore != lc->index;
}

static void wire_tx(void *ctx, const struct ip_addr *dst, struct rte_mbuf *m)
{
	struct lcore *lc = ctx;
	const struct addr_home *home = addr_map_find(lc->map, dst->w[3]);
	struct lcore_peer *peer;

	if (!home || home->lcore == lc->index) {
		pkt_drop(lc->env, m, DROP_IP_NO_ROUTE);
		return;
	}
	peer = &lc->peers[home->lcore];
	if (!spsc_put(peer->wire, m)) {
		pkt_drop(lc->env, m, DROP_WIRE_FULL);
		return;
	}
	mark(lc, peer);
	lcore_count(&lc->stats, LCORE_wire_out, 1);
}

const struct ip_wire lcore_ip_wire = { .owns = wire_owns, .tx = wire_tx };

/* The lcore that receives answers ARP for all addresses of the port, whoever serves them. */
static bool port_owns(void *ctx, uint32_t be)
{
	struct port_if *pi = ctx;
	const struct addr_home *home = addr_map_find(pi->lc->map, be);

	return home && home->port == port_index(pi->port);
}

static void learnt(void *ctx, uint32_t be, const struct eth_addr *mac)
{
	struct port_if *pi = ctx;
	struct news news = { .be = be, .mac = *mac, .port = (uint16_t)port_index(pi->port) };

	for (unsigned int i = 0; i < pi->lc->n_peers; i++) {
		struct lcore_peer *peer = &pi->lc->peers[i];

		if (peer->lc && news_put(peer->tell, &news))
			mark(pi->lc, peer);
	}
}

const struct link_ops lcore_link_ops = { .tx = port_tx, .owns = port_owns, .learnt = learnt };
