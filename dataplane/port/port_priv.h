/* SPDX-License-Identifier: BSD-3-Clause */
/* A port's private state; port_ctl.c, port_fds.c, port_flow.c. All cold. */
#ifndef OUTSOCK_DATAPLANE_PORT_PRIV_H
#define OUTSOCK_DATAPLANE_PORT_PRIV_H

#include "main/config.h"
#include "port/port.h"

#include <rte_ethdev.h>
#include <rte_flow.h>

#define PORT_STEER_MAX (CONF_GUESTS_MAX * GUEST_ADDRS_MAX)

/**
 * struct port - fixed after port_open(), but for @rules
 * @rules: steered: one for each address, in use where be is not 0 (control thread)
 */
struct port {
	struct conf_port conf;
	unsigned int index, n_lcores;
	unsigned int first; /* lcore that has queue 0, where everything without a rule goes */
	unsigned int holder;
	uint16_t dev;
	uint16_t n_rxq, n_txq; /* in use */
	uint16_t txq_first;    /* lcore 0's; the others follow */
	uint16_t n_pairs;      /* queues of each kind that the device was given; 0: those in use */
	bool steered, started;
	uint32_t offload;
	struct eth_addr mac;
	enum port_wait wait;
	int fds[PORT_FDS_MAX];
	unsigned int n_fds;
	struct {
		uint32_t be;
		struct rte_flow *flow;
	} * rules;
	unsigned int n_rules;
	struct port_if ifs[];
};

/* ---- port_fds.c: which descriptors a driver has opened ---- */

#define FDS_MAX 1024

/* A bit for each open descriptor below FDS_MAX. */
struct fd_set_seen {
	uint64_t bits[FDS_MAX / 64];
};
void fds_seen(struct fd_set_seen *ret_seen);
/* Packet sockets, AF_XDP sockets and TAP descriptors opened since; at most @max. */
unsigned int fds_new(const struct fd_set_seen *before, int *ret_fds, unsigned int max);
/* A packet socket: no copies of what this host itself sends. */
int fd_quiet(int fd);

/* ---- port_memif.c ---- */

/* Makes way for the socket of a memif server. 0 for other devices; -errno. */
int port_memif_prepare(const char *device);

/* ---- port_flow.c ---- */

/* Would the device take a rule "IPv4 destination to @queue"? */
bool port_flow_possible(uint16_t dev, uint16_t queue);

#endif
