/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The floor under every guest's round trip: one frame out of a net_virtio_user port and back from
 * whoever forwards at the other end (dpdk-testpmd --forward-mode=io on net_vhost).
 *
 *	vhost_rtt EAL-OPTIONS --vdev net_virtio_user0,... -- --seconds S --repeat R
 *
 * Prints one JSON object a repeat, times in nanoseconds.
 */
#include "hist.h"
#include "report.h"

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#define PORT	      0
#define FRAME	      64u
#define N_PKTS	      2047u
#define RING	      256u
#define START_SECONDS 20u

static struct hist hist;

static int port_start(struct rte_mempool *pool)
{
	struct rte_eth_conf conf = { 0 };
	int err = rte_eth_dev_configure(PORT, 1, 1, &conf);

	if (!err)
		err = rte_eth_rx_queue_setup(PORT, 0, RING, SOCKET_ID_ANY, NULL, pool);
	if (!err)
		err = rte_eth_tx_queue_setup(PORT, 0, RING, SOCKET_ID_ANY, NULL);
	return err ? err : rte_eth_dev_start(PORT);
}

static bool send_frame(struct rte_mempool *pool)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	if (!m)
		return false;
	memset(rte_pktmbuf_append(m, FRAME), 0x02, FRAME);
	if (rte_eth_tx_burst(PORT, 0, &m, 1) == 1)
		return true;
	rte_pktmbuf_free(m);
	return false;
}

/* Waits for a frame until TSC @end. */
static bool await_frame(uint64_t end)
{
	struct rte_mbuf *m;

	while (rte_rdtsc() < end) {
		if (rte_eth_rx_burst(PORT, 0, &m, 1) == 1) {
			rte_pktmbuf_free(m);
			return true;
		}
	}
	return false;
}

/* The other end may take a while to be there. */
static int meet(struct rte_mempool *pool)
{
	uint64_t hz = rte_get_tsc_hz(), end = rte_rdtsc() + START_SECONDS * hz;

	while (rte_rdtsc() < end) {
		if (send_frame(pool) && await_frame(rte_rdtsc() + hz / 100)) {
			while (await_frame(rte_rdtsc() + hz / 10))
				;
			return 0;
		}
	}
	fprintf(stderr, "vhost_rtt: no frame came back within %u s\n", START_SECONDS);
	return -1;
}

static int repeat(struct rte_mempool *pool, double seconds)
{
	uint64_t hz = rte_get_tsc_hz(), end = rte_rdtsc() + (uint64_t)(seconds * (double)hz);

	hist_clear(&hist);
	while (rte_rdtsc() < end) {
		uint64_t start = rte_rdtsc();

		if (!send_frame(pool) || !await_frame(start + hz)) {
			fprintf(stderr, "vhost_rtt: a frame was lost\n");
			return -1;
		}
		hist_add(&hist, rte_rdtsc() - start);
	}
	printf("{");
	report_hist("rtt_ns", &hist, hz);
	printf("}\n");
	fflush(stdout);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "seconds", required_argument, NULL, 's' },
		{ "repeat", required_argument, NULL, 'r' },
		{ 0 },
	};
	double seconds = 1;
	unsigned long n = 5;
	struct rte_mempool *pool;
	int used = rte_eal_init(argc, argv), c, status = 0;

	if (used < 0)
		return EXIT_FAILURE;
	optind = 1;
	while ((c = getopt_long(argc - used, argv + used, "", longs, NULL)) != -1) {
		if (c == 's')
			seconds = strtod(optarg, NULL);
		else if (c == 'r')
			n = strtoul(optarg, NULL, 10);
		else
			return EXIT_FAILURE;
	}
	pool = rte_pktmbuf_pool_create("rtt", N_PKTS, 128, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
				       SOCKET_ID_ANY);
	if (!pool || port_start(pool)) {
		fprintf(stderr, "vhost_rtt: no port\n");
		return EXIT_FAILURE;
	}
	status = meet(pool);
	while (!status && n--)
		status = repeat(pool, seconds);
	rte_eth_dev_stop(PORT);
	rte_eal_cleanup();
	return status ? EXIT_FAILURE : EXIT_SUCCESS;
}
