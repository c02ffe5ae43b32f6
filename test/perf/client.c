/* SPDX-License-Identifier: BSD-3-Clause */
#include "client.h"

#include "abi/abi_cmd.h"
#include "wire/byteorder.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define PORT	   0
#define RING	   1024u
#define DATA_ROOM  2048u
#define DGRAMS	   256u
#define NEIGHS	   256u
#define TX_RETRIES 1000u
#define LINK_TRIES 500u
#define DGRAMS	   256u
#define NEIGHS	   256u
#define LINK_US	   10000u

static int die(const char *what)
{
	fprintf(stderr, "client: %s\n", what);
	return -1;
}

/* Nanoseconds of the TSC; exact enough for a clock that only this process sees. */
uint64_t client_now(const struct client *c)
{
	return (uint64_t)((unsigned __int128)rte_rdtsc() * NSEC_PER_SEC / c->hz);
}

uint64_t client_cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)(t.tv_sec * (int64_t)NSEC_PER_SEC + t.tv_nsec);
}

/* ---- the port ---- */

static void port_flush(struct client *c)
{
	unsigned int sent = 0, tries = 0;

	while (sent < c->n_tx && tries++ < TX_RETRIES)
		sent += rte_eth_tx_burst(PORT, 0, c->tx + sent, (uint16_t)(c->n_tx - sent));
	c->tx_lost += c->n_tx - sent;
	rte_pktmbuf_free_bulk(c->tx + sent, c->n_tx - sent);
	c->n_tx = 0;
}

static void port_tx(void *ctx, struct rte_mbuf *m)
{
	struct client *c = ctx;

	c->tx[c->n_tx++] = m;
	if (c->n_tx == CLIENT_BURST)
		port_flush(c);
}

static uint32_t addr_at(const struct client *c, uint32_t i)
{
	return be32(be32(c->cfg.addr) + i);
}

static bool port_owns(void *ctx, uint32_t be)
{
	const struct client *c = ctx;

	return be32(be) - be32(c->cfg.addr) < c->cfg.n_addrs;
}

static const struct link_ops port_ops = { .tx = port_tx, .owns = port_owns };

static int wait_for_link(void)
{
	struct rte_eth_link link = { 0 };

	for (unsigned int k = 0; k < LINK_TRIES; k++) {
		if (!rte_eth_link_get_nowait(PORT, &link) && link.link_status)
			return 0;
		usleep(LINK_US);
	}
	return die("the port has no link");
}

static int queues_open(struct client *c)
{
	int err = rte_eth_tx_queue_setup(PORT, 0, RING, SOCKET_ID_ANY, NULL);

	for (uint16_t q = 0; q < c->cfg.rx_queues && !err; q++)
		err = rte_eth_rx_queue_setup(PORT, q, RING, SOCKET_ID_ANY, NULL, c->pool);
	return err;
}

static int port_open(struct client *c)
{
	struct rte_eth_conf conf = { 0 };

	if (rte_eth_dev_count_avail() < 1)
		return die("no port: give EAL a --vdev");
	if (rte_eth_dev_configure(PORT, c->cfg.rx_queues, 1, &conf) || queues_open(c) ||
	    rte_eth_dev_start(PORT))
		return die("the port does not start");
	return wait_for_link();
}

/* ---- the stack ---- */

/* Addresses, and the route to the others of the network. */
static int net_open(struct client *c)
{
	struct ip_addr net = ip_addr_v4(c->cfg.addr & be32(~0xffu)), any = ip_addr_v4(0);

	for (uint32_t i = 0; i < c->cfg.n_addrs; i++) {
		struct ip_addr addr = ip_addr_v4(addr_at(c, i));

		if (ip_addr_add(stack_ip(c->stack), &addr, 24, &c->owner, c->link))
			return die("address");
	}
	return ip_route_add(stack_ip(c->stack), &net, 24, &any, c->link) ? die("route") : 0;
}

static int stack_open(struct client *c)
{
	struct link_cfg link = {
		.ops = &port_ops, .ctx = c, .mtu = c->cfg.mtu, .neigh_max = NEIGHS
	};
	struct rte_ether_addr mac;
	struct stack_cfg cfg;

	rte_eth_macaddr_get(PORT, &mac);
	memcpy(&link.mac, &mac, sizeof(link.mac));
	stack_cfg_defaults(&cfg);
	cfg.pool = c->pool;
	cfg.seed = rte_rdtsc();
	cfg.now = client_now(c);
	cfg.tcp_conns_max = c->cfg.conns_max;
	cfg.udp_socks_max = DGRAMS;
	cfg.eph_first = 1024;
	cfg.eph_last = 65535;
	c->stack = stack_create(&cfg);
	if (!c->stack)
		return die("no memory for the stack");
	c->link = stack_link_add(c->stack, &link);
	sock_owner_init(&c->owner, c->stack, c->cfg.conns_max, c->cfg.packets, c);
	sock_lane_init(&c->lane, &c->owner);
	return c->link ? net_open(c) : die("no link");
}

int client_create(struct client *c, const struct client_cfg *cfg)
{
	memset(c, 0, sizeof(*c));
	c->cfg = *cfg;
	c->cfg.rx_queues = RTE_MAX(cfg->rx_queues, (uint16_t)1);
	c->hz = rte_get_tsc_hz();
	c->pool = pkt_pool_create("client", cfg->packets, DATA_ROOM, SOCKET_ID_ANY);
	if (!c->pool)
		return die("no memory for packets");
	if (port_open(c))
		return -1;
	return stack_open(c);
}

void client_destroy(struct client *c)
{
	if (c->stack)
		sock_owner_abort(&c->owner);
	stack_destroy(c->stack);
	if (rte_eth_dev_is_valid_port(PORT))
		rte_eth_dev_stop(PORT);
}

unsigned int client_turn(struct client *c)
{
	struct rte_mbuf *pkts[CLIENT_BURST];
	unsigned int n = 0;
	struct sock *s;

	stack_turn(c->stack, client_now(c), CLIENT_BURST);
	for (uint16_t q = 0; q < c->cfg.rx_queues; q++) {
		uint16_t got = rte_eth_rx_burst(PORT, q, pkts, CLIENT_BURST);

		if (got)
			stack_rx(c->stack, c->link, pkts, got);
		n += got;
	}
	for (unsigned int k = 0; k < 2 * CLIENT_BURST && (s = sock_next_ready(&c->lane)); k++)
		c->app->ready(c->app_ctx, s);
	c->app->turn(c->app_ctx);
	n += stack_tx(c->stack, 2 * CLIENT_BURST);
	stack_free(c->stack, 4 * CLIENT_BURST);
	port_flush(c);
	return n;
}

void client_sleep(const struct client *c, uint64_t until)
{
	uint64_t next = RTE_MIN(until, stack_next(c->stack)), now = client_now(c);
	struct timespec t;

	if (next <= now)
		return;
	t.tv_sec = (time_t)((next - now) / NSEC_PER_SEC);
	t.tv_nsec = (long)((next - now) % NSEC_PER_SEC);
	nanosleep(&t, NULL);
}

/* ---- sockets ---- */

static struct sock *open_to(struct client *c, uint8_t type, uint16_t port, uint32_t credit)
{
	struct ip_endpoint server = { .addr = ip_addr_v4(c->cfg.server), .port = port };
	struct ip_endpoint local = { .addr = ip_addr_v4(
					     addr_at(c, c->n_connects++ % c->cfg.n_addrs)) };
	struct sock *s;
	int err = sock_create(&c->lane, OUTSOCK_INET, type, 0, &s);

	if (!err) {
		sock_credit(s, credit);
		if (type == SOCK_STREAM_T)
			sock_setopt(s, OUTSOCK_OPT_NODELAY, 1);
		err = sock_bind(s, &local);
		if (!err)
			err = sock_connect(s, &server);
		if (!err)
			return s;
		sock_close(s, SOCK_CLOSE_ABORT);
		sock_free(s);
	}
	fprintf(stderr, "client: connect: %s\n", strerror(-err));
	return NULL;
}

struct sock *client_connect_to(struct client *c, uint16_t port, uint32_t credit)
{
	return open_to(c, SOCK_STREAM_T, port, credit);
}

struct sock *client_dgram_to(struct client *c, uint16_t port, uint32_t credit)
{
	return open_to(c, SOCK_DGRAM_T, port, credit);
}

struct sock *client_connect(struct client *c, uint32_t credit)
{
	return client_connect_to(c, c->cfg.server_port, credit);
}
