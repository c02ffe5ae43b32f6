/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One Ethernet port as one lcore sees it: framing, VLAN tag, ARP. Belongs to one stack instance.
 *
 * Below it is the daemon's port (struct link_ops); above it whoever link_set_up() names (ip).
 */
#ifndef OUTSOCK_LINK_LINK_H
#define OUTSOCK_LINK_LINK_H

#include "pkt/pkt.h"
#include "wire/eth.h"

struct link;
struct neigh;

/* What a port offers to the stack. @ctx is link_cfg.ctx. All are called on the owning lcore. */
struct link_ops {
	/* Takes a finished frame; the port queues it for its burst. Consumes @m. */
	void (*tx)(void *ctx, struct rte_mbuf *m);
	/* Does this port (any lcore of it) own IPv4 address @be? Read-only table; for ARP. */
	bool (*owns)(void *ctx, uint32_t be);
	/* A neighbour told its address: other lcores of the port want to know. May be NULL. */
	void (*learnt)(void *ctx, uint32_t be, const struct eth_addr *mac);
};

/* Offloads of a port, link_cfg.offload. */
#define LINK_RX_CKSUM 0x01 /* rx ol_flags tell whether IP and L4 checksums are good */
#define LINK_TX_IP    0x02 /* the port fills in IPv4 header checksums */
#define LINK_TX_L4    0x04 /* ... TCP and UDP checksums */
#define LINK_TX_MSEG  0x08 /* the port takes multi-segment packets */

struct link_cfg {
	const struct link_ops *ops;
	void *ctx;
	struct env *env;
	struct eth_addr mac;
	uint16_t vlan;	    /* 0: untagged, else the one VLAN id */
	uint16_t mtu;	    /* bytes of IP packet */
	uint32_t offload;   /* LINK_* */
	uint32_t neigh_max; /* neighbour entries */
};

/* Packets in one call upwards, at most. */
#define LINK_BURST 32

struct link_up {
	/* Up to LINK_BURST IPv4 packets, data pointer at the IP header. Consumes them. */
	void (*ip4)(void *ctx, struct link *link, struct rte_mbuf **pkts, unsigned int n);
	/*
	 * The neighbour did not answer for packet @m (as given to link_tx_ip4). Looks at @m only.
	 * May be NULL.
	 */
	void (*unreach)(void *ctx, struct link *link, struct rte_mbuf *m);
};

struct link *link_create(const struct link_cfg *cfg); /* start-up only; NULL: out of memory */
void link_destroy(struct link *link);		      /* takes NULL */
void link_set_up(struct link *link, const struct link_up *up, void *ctx);

uint16_t link_mtu(const struct link *link);
uint32_t link_offload(const struct link *link);
const struct eth_addr *link_mac(const struct link *link);

/* A burst of any length from the port. Consumes it. */
void link_rx(struct link *link, struct rte_mbuf **pkts, unsigned int n);

/*
 * Sends an IPv4 packet (data pointer at the IP header) to neighbour @next_hop. *@cache is the
 * caller's hint from the last time (NULL at first); it stays valid for the link's life, as
 * entries are reused in place and checked by address. Unresolved: queued (bounded), ARP goes out.
 * Consumes @m.
 */
void link_tx_ip4(struct link *link, struct rte_mbuf *m, uint32_t next_hop, struct neigh **cache);
/* @next_hop and cache for packets to everybody. */
struct neigh *link_broadcast(struct link *link, uint32_t *ret_hop);

/* What another lcore learnt (link_ops.learnt). */
void link_learn(struct link *link, uint32_t be, const struct eth_addr *mac);

/* Announces @be (gratuitous ARP, RFC 5227, 3). */
void link_announce(struct link *link, uint32_t be);

/* Ageing and ARP retries: call at each turn; O(due). Returns nothing early; see link_next. */
void link_timers(struct link *link, unsigned int budget);
uint64_t link_next(const struct link *link);

#endif
