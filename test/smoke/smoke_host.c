/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The stack over an af_packet port, without the daemon:
 *	smoke_host IFACE ADDRESS [PEER PORT BYTES]
 * serves svc.h's ports on ADDRESS (/24), has BYTES echoed by PEER, says "ready", and ends with its
 * standard input.
 */
#include "svc.h"

#include <rte_eal.h>
#include <rte_ethdev.h>

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BURST	32u
#define N_MBUFS 16383
#define IDLE_US 100 /* other tests want the processor too */

struct port {
	struct rte_mbuf *tx[BURST];
	unsigned int n_tx;
	uint64_t tx_lost;
	uint32_t addr;
};

static void die(const char *what, int rc)
{
	printf("smoke_host: %s: %s\n", what, strerror(rc < 0 ? -rc : rc));
	exit(1);
}

static void flush(struct port *p)
{
	unsigned int n = rte_eth_tx_burst(0, 0, p->tx, p->n_tx);

	p->tx_lost += p->n_tx - n;
	for (; n < p->n_tx; n++)
		rte_pktmbuf_free(p->tx[n]);
	p->n_tx = 0;
}

static void link_tx(void *ctx, struct rte_mbuf *m)
{
	struct port *p = ctx;

	p->tx[p->n_tx++] = m;
	if (p->n_tx == BURST)
		flush(p);
}

static bool link_owns(void *ctx, uint32_t be)
{
	const struct port *p = ctx;

	return p->addr == be;
}

static const struct link_ops ops = { .tx = link_tx, .owns = link_owns };

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

static void open_port(struct rte_mempool *pool)
{
	const struct rte_eth_conf conf = { 0 };
	int rc = rte_eth_dev_configure(0, 1, 1, &conf);

	if (!rc)
		rc = rte_eth_rx_queue_setup(0, 0, 256, SOCKET_ID_ANY, NULL, pool);
	if (!rc)
		rc = rte_eth_tx_queue_setup(0, 0, 256, SOCKET_ID_ANY, NULL);
	if (!rc)
		rc = rte_eth_dev_start(0);
	if (rc)
		die("port", rc);
}

static struct stack *make_stack(struct rte_mempool *pool)
{
	struct stack_cfg cfg;
	struct stack *s;

	stack_cfg_defaults(&cfg);
	cfg.pool = pool;
	cfg.now = now_ns();
	cfg.seed = cfg.now;
	cfg.msl_ms = 500; /* many short connections from one client address */
	s = stack_create(&cfg);
	if (!s)
		die("stack", ENOMEM);
	return s;
}

static struct link *add_link(struct stack *s, struct port *p, struct sock_owner *owner)
{
	const struct ip_addr addr = ip_addr_v4(p->addr);
	struct link_cfg cfg = { .ops = &ops, .ctx = p, .mtu = 1500, .neigh_max = 64 };
	struct rte_ether_addr mac;
	struct link *link;
	int rc;

	rte_eth_macaddr_get(0, &mac);
	memcpy(cfg.mac.b, mac.addr_bytes, 6);
	link = stack_link_add(s, &cfg);
	if (!link)
		die("link", ENOMEM);
	rc = ip_addr_add(stack_ip(s), &addr, 24, owner, link);
	if (rc)
		die("address", rc);
	return link;
}

/* One turn; false when nothing happened. */
static bool turn(struct stack *s, struct link *link, struct svc *v, struct port *p)
{
	struct rte_mbuf *rx[BURST];
	unsigned int n;
	bool busy;

	stack_turn(s, now_ns(), 256);
	n = rte_eth_rx_burst(0, 0, rx, BURST);
	if (n)
		stack_rx(s, link, rx, n);
	busy = svc_turn(v);
	busy |= stack_tx(s, 256);
	busy |= stack_free(s, 1024) > 0;
	flush(p);
	return busy || n;
}

static void print_counter(void *ctx, const char *name, uint64_t value)
{
	if (value)
		printf("%s %lu\n", name, value);
}

static bool stdin_open(void)
{
	struct pollfd fd = { .fd = STDIN_FILENO, .events = POLLIN };
	char c;

	return poll(&fd, 1, 0) == 0 || read(STDIN_FILENO, &c, 1) > 0;
}

static void start_eal(char *name, const char *iface)
{
	static char vdev[64];
	static char args[][20] = {
		"--no-huge", "--no-shconf", "--no-pci", "--no-telemetry",  "-m",
		"256",	     "-l",	    "0",	"--log-level=*:4", "--vdev"
	};
	char *argv[RTE_DIM(args) + 2] = { name };

	snprintf(vdev, sizeof(vdev), "net_af_packet0,iface=%s", iface);
	for (unsigned int i = 0; i < RTE_DIM(args); i++)
		argv[i + 1] = args[i];
	argv[RTE_DIM(args) + 1] = vdev;
	if (rte_eal_init(RTE_DIM(argv), argv) < 0 || rte_eth_dev_count_avail() != 1)
		die("EAL or af_packet", ENODEV);
}

int main(int argc, char **argv)
{
	struct ip_endpoint peer = { 0 };
	struct rte_mempool *pool;
	struct port port = { 0 };
	struct stack *stack;
	struct link *link;
	struct svc svc;
	int rc;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if ((argc != 3 && argc != 6) || inet_pton(AF_INET, argv[2], &port.addr) != 1)
		die("usage: smoke_host IFACE ADDRESS [PEER PORT BYTES]", EINVAL);
	if (argc == 6)
		peer = (struct ip_endpoint){ ip_addr_v4(inet_addr(argv[3])), htons(atoi(argv[4])) };
	start_eal(argv[0], argv[1]);
	pool = pkt_pool_create("smoke", N_MBUFS, 2048, SOCKET_ID_ANY);
	if (!pool)
		die("packet pool", ENOMEM);
	open_port(pool);
	stack = make_stack(pool);
	svc_init(&svc, stack);
	link = add_link(stack, &port, &svc.owner);
	rc = svc_start(&svc, &peer, argc == 6 ? strtoull(argv[5], NULL, 10) : 0);
	if (rc)
		die("services", rc);
	printf("ready\n");
	while (stdin_open())
		if (!turn(stack, link, &svc, &port))
			usleep(IDLE_US);
	stack_counters(stack, print_counter, NULL);
	printf("port/tx_lost %lu\n", port.tx_lost);
	printf("ends with %u sockets, %u packets\n", svc.owner.n_socks, svc.owner.n_pkts);
	svc_fini(&svc);
	stack_tx(stack, 4096);
	flush(&port);
	stack_destroy(stack);
	rte_eth_dev_stop(0);
	rte_eth_dev_close(0);
	return 0;
}
