/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/count.h"
#include "port/port.h"

#include <rte_ethdev.h>

#include "lcore/rt_forbidden.h"

#define STUCK_NS (10 * NSEC_PER_MSEC)

void port_tx(void *ctx, struct rte_mbuf *m)
{
	struct port_if *pi = ctx;

	if (unlikely(pi->n == PORT_TX_MAX))
		port_flush(pi);
	if (unlikely(pi->n == PORT_TX_MAX)) {
		count_add(&pi->refused, 1);
		pkt_drop(pi->env, m, DROP_TX_PORT);
		return;
	}
	pi->pkts[pi->n++] = m;
}

/* Frames that can't be sent at all must not block those behind them: drops the first @n. */
static void refuse(struct port_if *pi, uint32_t n)
{
	count_add(&pi->refused, n);
	for (uint32_t i = 0; i < n; i++)
		pkt_drop(pi->env, pi->pkts[i], DROP_TX_PORT);
	pi->n -= n;
	memmove(pi->pkts, pi->pkts + n, pi->n * sizeof(pi->pkts[0]));
}

static uint32_t prepare(struct port_if *pi)
{
	uint32_t ok = rte_eth_tx_prepare(pi->dev, pi->queue, pi->pkts, (uint16_t)pi->n);

	if (likely(ok == pi->n) || ok)
		return ok;
	refuse(pi, 1);
	return 0;
}

/* A device that takes nothing for so long (a memif without its peer): nobody waits for these. */
static void give_up(struct port_if *pi)
{
	if (!pi->stuck) {
		pi->stuck = pi->env->now;
	} else if (pi->env->now - pi->stuck > STUCK_NS) {
		refuse(pi, pi->n);
		pi->stuck = 0;
	}
}

unsigned int port_flush(struct port_if *pi)
{
	uint32_t n = pi->n, sent;
	unsigned int bad = 0;
	uint64_t bytes = 0;

	if (!n)
		return 0;
	if (pi->prepare)
		n = prepare(pi);
	if (pi->measure)
		pi->measure(pi);
	for (uint32_t i = 0; i < n; i++)
		bytes += pi->pkts[i]->pkt_len;
	if (pi->raw_fd >= 0)
		sent = port_raw_tx(pi->raw_fd, pi->pkts, n, &bad);
	else
		sent = rte_eth_tx_burst(pi->dev, pi->queue, pi->pkts, (uint16_t)n);
	for (uint32_t i = sent; i < n; i++) /* these are still ours */
		bytes -= pi->pkts[i]->pkt_len;
	count_add(&pi->frames, sent);
	count_add(&pi->bytes, bytes);
	pi->n -= sent;
	if (unlikely(pi->n)) {
		memmove(pi->pkts, pi->pkts + sent, pi->n * sizeof(pi->pkts[0]));
		if (bad)
			refuse(pi, bad);
	}
	if (likely(sent || bad))
		pi->stuck = 0;
	else
		give_up(pi);
	return sent;
}
