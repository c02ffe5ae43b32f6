/* SPDX-License-Identifier: BSD-3-Clause */
/* Opening and closing a port; the control thread, before the lcores start and after they end. */
#include "main/log.h"
#include "port/port_priv.h"

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_dev.h>
#include <rte_errno.h>

#define TX_DESCS 1024

/*
 * Its driver waits in poll() without end when its TX ring is full, and counts frames as sent that
 * the kernel refused: no way to send from an RT turn. A packet socket of ours is as fast and does
 * neither.
 */
static bool is_af_packet(const struct port *p)
{
	return !strncmp(p->conf.device, "net_af_packet", 13);
}

/* Devices on whose interface a packet socket can do the sending of further lcores. */
static bool has_interface(const struct port *p)
{
	return strstr(p->conf.device, ",iface=") &&
		(is_af_packet(p) || !strncmp(p->conf.device, "net_af_xdp", 10));
}

static int fail(const struct port *p, const char *what, int err)
{
	log_error("port %s: %s: %s", p->conf.head.name, what, rte_strerror(-err));
	return err;
}

/* Attaches @devargs and finds its port number. */
static int probe(const char *devargs, uint16_t *ret_dev)
{
	struct rte_dev_iterator it;
	uint16_t dev = RTE_MAX_ETHPORTS;
	int err = rte_dev_probe(devargs);

	if (err)
		return err;
	RTE_ETH_FOREACH_MATCHING_DEV(dev, devargs, &it) {
		rte_eth_iterator_cleanup(&it);
		*ret_dev = dev;
		return 0;
	}
	return -ENODEV;
}

static uint32_t offload_of(const struct rte_eth_dev_info *info)
{
	const uint64_t rx = RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM |
		RTE_ETH_RX_OFFLOAD_TCP_CKSUM;
	const uint64_t l4 = RTE_ETH_TX_OFFLOAD_UDP_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_CKSUM;
	uint32_t offload = 0;

	if ((info->rx_offload_capa & rx) == rx)
		offload |= LINK_RX_CKSUM;
	if (info->tx_offload_capa & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM)
		offload |= LINK_TX_IP;
	if ((info->tx_offload_capa & l4) == l4)
		offload |= LINK_TX_L4;
	if (info->tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS)
		offload |= LINK_TX_MSEG;
	return offload;
}

static void want_offload(uint32_t offload, struct rte_eth_conf *conf)
{
	if (offload & LINK_RX_CKSUM)
		conf->rxmode.offloads |= RTE_ETH_RX_OFFLOAD_IPV4_CKSUM |
			RTE_ETH_RX_OFFLOAD_UDP_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM;
	if (offload & LINK_TX_IP)
		conf->txmode.offloads |= RTE_ETH_TX_OFFLOAD_IPV4_CKSUM;
	if (offload & LINK_TX_L4)
		conf->txmode.offloads |=
			RTE_ETH_TX_OFFLOAD_UDP_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_CKSUM;
	if (offload & LINK_TX_MSEG)
		conf->txmode.offloads |= RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
}

/*
 * Drivers that want as many RX queues as TX queues. TAP spreads what comes over all of them. Where
 * @vectors, a pair has one interrupt, which also tells that frames have left by its TX queue; then
 * frames come by queue 0 alone, so that pair is kept for reception, lest what lcores send wakes the
 * one that sleeps until something comes.
 */
struct pairing {
	const char *driver;
	bool vectors;
};

static const struct pairing *pairing_of(const char *driver)
{
	static const struct pairing all[] = { { "net_tap", false }, { "net_vmxnet3", true } };

	for (unsigned int i = 0; i < RTE_DIM(all); i++)
		if (!strcmp(driver, all[i].driver))
			return &all[i];
	return NULL;
}

/* vmxnet3 takes powers of two only. */
static void choose_pairs(struct port *p, const struct rte_eth_dev_info *info, bool vectors)
{
	uint16_t most = RTE_MIN(info->max_rx_queues, info->max_tx_queues);
	uint32_t want = rte_align32pow2(p->n_lcores + 1);

	p->n_rxq = p->n_txq;
	p->n_pairs = p->n_txq;
	if (!vectors || want > most)
		return;
	p->n_rxq = 1;
	p->n_pairs = (uint16_t)want;
	p->txq_first = 1;
}

/* How many queues the device gets: a TX queue an lcore, RX as the driver needs them. */
static void choose_queues(struct port *p, const struct rte_eth_dev_info *info, bool steered)
{
	const struct pairing *pairing = pairing_of(info->driver_name);

	p->n_txq = (uint16_t)RTE_MIN(p->n_lcores, info->max_tx_queues);
	p->steered = steered && p->n_lcores > 1 && p->n_txq == p->n_lcores &&
		info->max_rx_queues >= p->n_lcores && !(pairing && pairing->vectors);
	p->n_rxq = p->steered ? p->n_txq : 1;
	p->n_pairs = 0;
	p->txq_first = 0;
	if (pairing && !p->steered)
		choose_pairs(p, info, pairing->vectors);
}

/* What the device has: more than is used, where it wants pairs. */
static uint16_t device_rxqs(const struct port *p)
{
	return RTE_MAX(p->n_rxq, p->n_pairs);
}

static uint16_t device_txqs(const struct port *p)
{
	return RTE_MAX(p->n_txq, p->n_pairs);
}

static int configure(struct port *p)
{
	struct rte_eth_conf conf = { .intr_conf.rxq = 1 };
	int err;

	conf.rxmode.mtu = p->conf.mtu;
	want_offload(p->offload, &conf);
	/* RX interrupts where the driver has them: the first attempt asks for them. */
	err = rte_eth_dev_configure(p->dev, device_rxqs(p), device_txqs(p), &conf);
	if (err) {
		conf.intr_conf.rxq = 0;
		err = rte_eth_dev_configure(p->dev, device_rxqs(p), device_txqs(p), &conf);
	}
	if (err)
		return fail(p, "the device can not be configured (its MTU?)", err);
	if (p->conf.mtu != RTE_ETHER_MTU)
		err = rte_eth_dev_set_mtu(p->dev, (uint16_t)p->conf.mtu);
	return err ? fail(p, "the device does not take this mtu", err) : 0;
}

/* Steered, if the device takes a rule with its queues in place; else all through one queue. */
static int configure_steered(struct port *p, const struct rte_eth_dev_info *info)
{
	int err;

	choose_queues(p, info, true);
	err = configure(p);
	if (err || !p->steered || port_flow_possible(p->dev, (uint16_t)(p->n_rxq - 1)))
		return err;
	choose_queues(p, info, false);
	return configure(p);
}

static int set_up_rxq(struct port *p, const struct port_cfg *cfg, uint16_t q, uint16_t n_desc,
		      unsigned int socket)
{
	/* The mapping of lcores to queues is its own inverse. */
	unsigned int lcore = p->steered ? port_queue_of(p, q) : cfg->holder;
	struct fd_set_seen before;
	int err;

	fds_seen(&before);
	err = rte_eth_rx_queue_setup(p->dev, q, n_desc, socket, NULL, cfg->pools[lcore]);
	if (err)
		return fail(p, "RX queue", err);
	/* Steered: what was opened here is this queue's, and wakes its lcore alone. */
	if (p->steered && fds_new(&before, &p->fds[q], 1))
		p->n_fds++;
	return 0;
}

static int set_up_queues(struct port *p, const struct port_cfg *cfg)
{
	uint16_t n_rxd = PORT_RX_DESCS, n_txd = TX_DESCS, few_rxd = 1;
	int node = rte_eth_dev_socket_id(p->dev);
	unsigned int socket = node < 0 ? (unsigned int)SOCKET_ID_ANY : (unsigned int)node;
	int err = rte_eth_dev_adjust_nb_rx_tx_desc(p->dev, &n_rxd, &n_txd);

	if (!err)
		err = rte_eth_dev_adjust_nb_rx_tx_desc(p->dev, &few_rxd, &n_txd);
	if (err && err != -ENOTSUP)
		return fail(p, "number of descriptors", err);
	for (uint16_t q = 0; q < device_rxqs(p); q++) {
		err = set_up_rxq(p, cfg, q, q < p->n_rxq ? n_rxd : few_rxd, socket);
		if (err)
			return err;
	}
	for (uint16_t q = 0; q < device_txqs(p); q++) {
		err = rte_eth_tx_queue_setup(p->dev, q, n_txd, socket, NULL);
		if (err)
			return fail(p, "TX queue", err);
	}
	return 0;
}

static int start(struct port *p)
{
	struct rte_ether_addr mac;
	int err = rte_eth_dev_start(p->dev);

	if (err)
		return fail(p, "the device does not start", err);
	p->started = true;
	err = rte_eth_macaddr_get(p->dev, &mac);
	if (err)
		return fail(p, "MAC address", err);
	memcpy(&p->mac, &mac, sizeof(p->mac));
	return 0;
}

/* The device has no TX queue for this lcore: its interface may take frames from a packet socket. */
static int open_raw(struct port *p, struct port_if *pi)
{
	char iface[IF_NAMESIZE];
	const char *name;

	if (!has_interface(p)) {
		log_error("port %s: the device has %u TX queues, and each of the %u lcores needs "
			  "one: use fewer lcores, or another device",
			  p->conf.head.name, p->n_txq, p->n_lcores);
		return -ENOTSUP;
	}
	name = strstr(p->conf.device, ",iface=") + strlen(",iface=");
	snprintf(iface, sizeof(iface), "%.*s", (int)strcspn(name, ","), name);
	pi->prepare = false;
	pi->raw_fd = port_raw_open(iface);
	return pi->raw_fd < 0 ? fail(p, iface, pi->raw_fd) : 0;
}

static int set_up_ifs(struct port *p)
{
	int err = 0;

	for (unsigned int k = 0; k < p->n_lcores && !err; k++) {
		struct port_if *pi = &p->ifs[k];

		pi->port = p;
		pi->dev = p->dev;
		pi->queue = (uint16_t)(p->txq_first + k);
		pi->prepare = p->offload & (LINK_TX_IP | LINK_TX_L4);
		if (k >= p->n_txq || is_af_packet(p))
			err = open_raw(p, pi);
	}
	return err;
}

_Static_assert(PORT_FDS_MAX >= CONF_LCORES_MAX, "each queue's RX interrupt has its descriptor");

/* What a sleeping lcore can wait on; looked for after the start, when all descriptors are there. */
static int set_up_wait(struct port *p, const struct fd_set_seen *before)
{
	int err = 0;

	/* All queues or none: an lcore whose queue can not wake it has to nap. */
	if (!p->steered)
		p->n_fds = fds_new(before, p->fds, PORT_FDS_MAX);
	else if (p->n_fds != p->n_rxq)
		p->n_fds = 0;
	for (unsigned int i = 0; i < p->n_fds && !err; i++)
		err = fd_quiet(p->fds[i]);
	if (err)
		return fail(p, "packet socket", err);
	p->wait = p->n_fds ? PORT_WAIT_FD : PORT_WAIT_NAP;
	if (p->n_fds || rte_eth_dev_rx_intr_enable(p->dev, 0))
		return 0;
	rte_eth_dev_rx_intr_disable(p->dev, 0);
	for (uint16_t q = 0; q < p->n_rxq && q < PORT_FDS_MAX; q++) {
		int fd = rte_eth_dev_rx_intr_ctl_q_get_fd(p->dev, q);

		if (fd < 0) {
			p->n_fds = 0;
			return 0;
		}
		p->fds[p->n_fds++] = fd;
	}
	p->wait = PORT_WAIT_INTR;
	return 0;
}

static struct port *port_new(const struct port_cfg *cfg)
{
	size_t size = sizeof(struct port) + cfg->n_lcores * sizeof(struct port_if);
	struct port *p = calloc(1, size);

	if (!p)
		return NULL;
	p->rules = calloc(PORT_STEER_MAX, sizeof(p->rules[0]));
	if (!p->rules) {
		free(p);
		return NULL;
	}
	p->conf = *cfg->conf;
	p->index = cfg->index;
	p->n_lcores = cfg->n_lcores;
	p->first = cfg->poller;
	p->holder = cfg->holder;
	p->dev = RTE_MAX_ETHPORTS;
	for (unsigned int k = 0; k < p->n_lcores; k++)
		p->ifs[k].raw_fd = -1;
	return p;
}

/*
 * The device as the operator names it. The rings of af_packet are short by default (512 frames: a
 * millisecond or two of bulk data, and what comes beyond is lost): longer ones, unless told.
 */
static void devargs_of(const struct port *p, char *buf, size_t size)
{
	bool longer = is_af_packet(p) && !strstr(p->conf.device, ",framecnt=") &&
		!strstr(p->conf.device, ",blocksz=");

	snprintf(buf, size, "%s%s", p->conf.device, longer ? ",framecnt=2048" : "");
}

static int open_device(struct port *p, const struct port_cfg *cfg)
{
	char devargs[CONF_TEXT_MAX + 32];
	struct rte_eth_dev_info info;
	struct fd_set_seen before;
	int err;

	devargs_of(p, devargs, sizeof(devargs));
	err = port_memif_prepare(devargs);
	if (err)
		return fail(p, p->conf.device, err);
	fds_seen(&before);
	err = probe(devargs, &p->dev);
	if (err)
		return fail(p, p->conf.device, err);
	err = rte_eth_dev_info_get(p->dev, &info);
	if (err)
		return fail(p, "device information", err);
	p->offload = offload_of(&info);
	err = configure_steered(p, &info);
	if (!err)
		err = set_up_queues(p, cfg);
	if (!err)
		err = start(p);
	if (!err)
		err = set_up_wait(p, &before);
	return err ? err : set_up_ifs(p);
}

int port_open(const struct port_cfg *cfg, struct port **ret_port)
{
	struct port *p = port_new(cfg);
	int err;

	if (!p)
		return -ENOMEM;
	err = open_device(p, cfg);
	if (err) {
		port_close(p);
		return err;
	}
	log_info("port %s: %s, %u RX and %u TX queues%s, waits by %s", p->conf.head.name,
		 p->conf.device, p->n_rxq, p->n_txq, p->steered ? ", steered" : "",
		 port_wait_name(p));
	*ret_port = p;
	return 0;
}

static void close_device(uint16_t dev)
{
	rte_eth_dev_stop(dev);
	rte_eth_dev_close(dev);
}

void port_close(struct port *p)
{
	if (!p)
		return;
	for (unsigned int k = 0; k < p->n_lcores; k++)
		if (p->ifs[k].raw_fd >= 0)
			close(p->ifs[k].raw_fd);
	if (p->dev != RTE_MAX_ETHPORTS)
		close_device(p->dev);
	free(p->rules);
	free(p);
}

const struct conf_port *port_conf(const struct port *p)
{
	return &p->conf;
}

unsigned int port_index(const struct port *p)
{
	return p->index;
}

const struct eth_addr *port_mac(const struct port *p)
{
	return &p->mac;
}

uint32_t port_offload(const struct port *p)
{
	return p->offload;
}

struct port_if *port_if(struct port *p, unsigned int lcore)
{
	return &p->ifs[lcore];
}

uint16_t port_dev(const struct port *p)
{
	return p->dev;
}

uint16_t port_n_rxq(const struct port *p)
{
	return p->n_rxq;
}

uint16_t port_queue_of(const struct port *p, unsigned int lcore)
{
	return (uint16_t)(lcore == p->first ? 0 : lcore == 0 ? p->first : lcore);
}

bool port_steered(const struct port *p)
{
	return p->steered;
}

unsigned int port_holder(const struct port *p)
{
	return p->holder;
}

enum port_wait port_wait(const struct port *p)
{
	return p->wait;
}

const char *port_wait_name(const struct port *p)
{
	static const char *const names[] = { "timed naps", "descriptor", "RX interrupts" };

	return names[p->wait];
}

unsigned int port_wait_fds(const struct port *p, const int **ret_fds)
{
	*ret_fds = p->fds;
	return p->n_fds;
}
