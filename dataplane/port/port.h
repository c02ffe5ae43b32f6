/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A port: one Ethernet device of DPDK, opened at start and shared by all lcores. Each lcore has a
 * TX queue of its own (struct port_if, with its own struct link on top). The RX queues belong to
 * the one lcore that polls them, unless the device can steer packets by destination address: then
 * each lcore has its own.
 *
 *	port_ctl.c	opens and closes (cold)		port_rx.c  receives, sorts by lcore
 *	port_fds.c	what can be waited on (cold)	port_tx.c  collects and sends bursts
 *	port_flow.c	steering by the device (cold)	port_raw.c sends by a packet socket
 *	port_memif.c	what its driver lacks (cold)
 */
#ifndef OUTSOCK_DATAPLANE_PORT_H
#define OUTSOCK_DATAPLANE_PORT_H

#include "link/link.h"
#include "port/addr_map.h"

#include <stdbool.h>
#include <stdint.h>

#define PORT_BURST    32
#define PORT_TX_MAX   256  /* frames that wait for the device to take them */
#define PORT_RX_DESCS 1024 /* of each queue, where the device takes so many */
#define PORT_FDS_MAX  32   /* steered: one for each lcore */

struct conf_port;
struct lcore;
struct port;

/**
 * struct port_if - one lcore's way out of a port; the lcore's own
 * @lc, @link: set by the lcore
 * @dev, @queue: the device's port number, and the lcore's own TX queue
 * @raw_fd: a packet socket that sends instead: the driver's TX queues are too few, or may block;
 *	else -1
 * @prepare: the device wants rte_eth_tx_prepare()
 * @n, @pkts: frames of this turn
 * @stuck: since when the device has taken none of them, or 0
 * @measure: looks at the frames that are about to be sent; set by the lcore, or NULL
 * @frames, @bytes, @refused: counters, others read them
 */
struct port_if {
	struct lcore *lc;
	struct link *link;
	struct port *port;
	struct env *env;
	uint16_t dev, queue;
	bool prepare;
	int raw_fd;
	uint32_t n;
	uint64_t stuck;
	void (*measure)(struct port_if *pi);
	uint64_t frames, bytes, refused;
	struct rte_mbuf *pkts[PORT_TX_MAX];
};

/* How a sleeping lcore learns of packets. */
enum port_wait {
	PORT_WAIT_NAP,	/* it looks now and then */
	PORT_WAIT_FD,	/* port_wait_fds() */
	PORT_WAIT_INTR, /* the device's RX interrupts */
};

/* ---- cold: control thread, at start and end ---- */

struct port_cfg {
	const struct conf_port *conf;
	unsigned int index; /* in the configuration */
	unsigned int n_lcores;
	unsigned int poller;		  /* lcore that polls the shared queue at first */
	unsigned int holder;		  /* lcore whose pool its packets come from */
	struct rte_mempool *const *pools; /* of each lcore */
};

/* Opens the device and starts it. 0 or negative errno; what is wrong has been logged. */
int port_open(const struct port_cfg *cfg, struct port **ret_port);
void port_close(struct port *p); /* takes NULL */
/*
 * How a driver's own thread waits until every lcore has ended its turn, before it takes memory away
 * that they may be using. NULL: no lcore runs.
 */
void port_quiesce_set(void (*fn)(void *arg), void *arg);

const struct conf_port *port_conf(const struct port *p);
unsigned int port_index(const struct port *p);
const struct eth_addr *port_mac(const struct port *p);
uint32_t port_offload(const struct port *p); /* LINK_* */
struct port_if *port_if(struct port *p, unsigned int lcore);
uint16_t port_dev(const struct port *p);
/* RX queues, all of the lcore that polls; steered: one for each lcore, port_queue_of(). */
uint16_t port_n_rxq(const struct port *p);
uint16_t port_queue_of(const struct port *p, unsigned int lcore);
bool port_steered(const struct port *p);
/* Not steered: the lcore whose pool received packets come from, whoever polls. */
unsigned int port_holder(const struct port *p);
enum port_wait port_wait(const struct port *p);
const char *port_wait_name(const struct port *p);
/* Descriptors that become readable when a packet comes. Returns how many. */
unsigned int port_wait_fds(const struct port *p, const int **ret_fds);
/* Steered ports: @be goes to @lcore's queue from now on, or (add = false) no more. */
int port_steer(struct port *p, uint32_t be, unsigned int lcore, bool add);

/* ---- hot: the owning lcore ---- */

/* At most @max frames from one RX queue. */
unsigned int port_rx(uint16_t dev, uint16_t queue, struct rte_mbuf **pkts, unsigned int max);

/**
 * struct port_sorted - a burst, sorted by the lcore that serves its destination
 * @own: for this lcore, and everything that is not IPv4 to an address of a guest
 * @foreign, @home: for others, and for whom
 */
struct port_sorted {
	unsigned int n_own, n_foreign;
	struct rte_mbuf *own[PORT_BURST];
	struct rte_mbuf *foreign[PORT_BURST];
	uint16_t home[PORT_BURST];
};

/* Looks at headers only; the stack checks them. @n up to PORT_BURST. */
void port_sort(const struct addr_map *map, unsigned int self, struct rte_mbuf **pkts,
	       unsigned int n, struct port_sorted *ret_sorted);

/* link_ops.tx, @ctx a struct port_if: keeps the frame for port_flush(). Consumes it. */
void port_tx(void *ctx, struct rte_mbuf *m);
/* Hands the device what was kept; what it does not take stays. Returns how many it took. */
unsigned int port_flush(struct port_if *pi);

/* ---- port_raw.c ---- */

/*
 * A packet socket on @iface that sends and receives nothing, or -errno. Cold. (A second device of
 * the af_packet driver is no way: it joins a fanout group with the first one, and takes half of its
 * packets.)
 */
int port_raw_open(const char *iface);
/*
 * As rte_eth_tx_burst(): sends from @pkts in order, frees what was sent, returns how many. Of those
 * that follow, the first *@ret_bad will never be taken: the caller drops them. Hot.
 */
unsigned int port_raw_tx(int fd, struct rte_mbuf **pkts, unsigned int n, unsigned int *ret_bad);

#endif
