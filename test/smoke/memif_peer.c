/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The other end of a memif port, which comes and goes:
 *
 *	memif_peer SOCKET ADDRESS ROUNDS
 *
 * Each round connects, asks for ADDRESS by ARP until it is answered, fills the ring with more such
 * requests, and takes the connection away while the daemon works on them.
 */
#include "eal.h"

#include "wire/arp.h"
#include "wire/byteorder.h"

#include <arpa/inet.h>
#include <rte_dev.h>
#include <rte_ethdev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BURST	   32u
#define FRAME	   1500u /* the longer a frame, the longer it is being copied */
#define FILL	   64u	 /* bursts that are offered before the end */
#define N_MBUFS	   8191u
#define DEADLINE_S 60

static struct rte_mempool *pool;
static uint32_t address;
static unsigned int round_no;

static void die(const char *what)
{
	fprintf(stderr, "memif_peer: round %u: %s\n", round_no, what);
	exit(1);
}

static void open_port(const char *path)
{
	struct rte_eth_conf conf = { 0 };
	char args[256];

	snprintf(args, sizeof(args), "net_memif0,role=client,socket-abstract=no,socket=%s", path);
	if (rte_dev_probe(args))
		die("no memif device");
	pool = rte_pktmbuf_pool_create("peer", N_MBUFS, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, -1);
	if (!pool || rte_eth_dev_configure(0, 1, 1, &conf) ||
	    rte_eth_rx_queue_setup(0, 0, 1024, 0, NULL, pool) ||
	    rte_eth_tx_queue_setup(0, 0, 1024, 0, NULL))
		die("the device can not be set up");
}

/* Who has ADDRESS? 10.79.2.1 wants to know. */
static void request(struct rte_mbuf *m)
{
	uint8_t *p = (uint8_t *)rte_pktmbuf_append(m, FRAME);
	struct eth_hdr *eth = (void *)p;
	struct arp_hdr *arp = (void *)(eth + 1);
	const struct eth_addr us = { { 2, 0, 0, 0, 0, 1 } };

	memset(p, 0, FRAME);
	memset(&eth->dst, 0xff, sizeof(eth->dst));
	eth->src = us;
	eth->type = be16(ETH_TYPE_ARP);
	arp->hw_type = be16(ARP_HW_ETHER);
	arp->proto_type = be16(ETH_TYPE_IP4);
	arp->hw_len = 6;
	arp->proto_len = 4;
	arp->op = be16(ARP_REQUEST);
	arp->sha = us;
	arp->spa = inet_addr("10.79.2.1");
	arp->tpa = address;
}

static void offer(void)
{
	struct rte_mbuf *pkts[BURST];
	uint16_t sent;

	if (rte_pktmbuf_alloc_bulk(pool, pkts, BURST))
		die("no packets left");
	for (unsigned int i = 0; i < BURST; i++)
		request(pkts[i]);
	sent = rte_eth_tx_burst(0, 0, pkts, BURST);
	rte_pktmbuf_free_bulk(pkts + sent, BURST - sent);
}

/* Did somebody answer for ADDRESS? */
static bool answered(void)
{
	struct rte_mbuf *pkts[BURST];
	uint16_t n = rte_eth_rx_burst(0, 0, pkts, BURST);
	bool yes = false;

	for (unsigned int i = 0; i < n; i++) {
		const struct eth_hdr *eth = rte_pktmbuf_mtod(pkts[i], const void *);
		const struct arp_hdr *arp = (const void *)(eth + 1);

		yes |= eth->type == be16(ETH_TYPE_ARP) && arp->op == be16(ARP_REPLY) &&
			arp->spa == address;
		rte_pktmbuf_free(pkts[i]);
	}
	return yes;
}

static void once(void)
{
	time_t end = time(NULL) + DEADLINE_S;

	if (rte_eth_dev_start(0))
		die("nobody listens");
	do {
		offer();
		if (time(NULL) > end)
			die("no answer");
	} while (!answered());
	for (unsigned int i = 0; i < FILL; i++) {
		offer();
		answered();
	}
	if (rte_eth_dev_stop(0))
		die("the device does not stop");
}

int main(int argc, char **argv)
{
	unsigned int rounds;

	if (argc != 4) {
		fputs("usage: memif_peer SOCKET ADDRESS ROUNDS\n", stderr);
		return 2;
	}
	test_eal_init();
	address = inet_addr(argv[2]);
	rounds = (unsigned int)atoi(argv[3]);
	open_port(argv[1]);
	for (round_no = 1; round_no <= rounds; round_no++)
		once();
	printf("%u times answered and gone\n", rounds);
	return 0;
}
