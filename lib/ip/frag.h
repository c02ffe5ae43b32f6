/* SPDX-License-Identifier: BSD-3-Clause */
/* Reassembly (RFC 791, 3.2; RFC 1122, 3.3.2) over DPDK's ip_frag, and fragmentation. */
#ifndef OUTSOCK_IP_FRAG_H
#define OUTSOCK_IP_FRAG_H

#include "ip/ip.h"
#include "wire/ipv4.h"

/* How long fragments wait for the others: RFC 791 recommends 15 s, and a flood fills the table. */
#define FRAG_TIMEOUT_NS (15 * NSEC_PER_SEC)
/* Between two looks for the late ones. */
#define FRAG_SCAN_NS NSEC_PER_SEC

struct frag;

struct frag *frag_create(struct env *env, uint32_t n_max); /* start-up only */
void frag_destroy(struct frag *f);			   /* takes NULL */

/*
 * Fragment @m: data pointer at its checked IP header of @hlen bytes, cut to the total length. @dst
 * tells the destination from all others in 24 bits. The whole datagram, data pointer at its IP
 * header, when this was the last one missing; else NULL. Consumes @m.
 */
struct rte_mbuf *frag_rx(struct frag *f, struct rte_mbuf *m, unsigned int hlen, uint32_t dst);

/*
 * Fragments that have waited too long, at most one burst a call. Those with the beginning of their
 * datagram are handed to @exceeded, which looks at them only (data pointer at the IP header).
 */
void frag_timers(struct frag *f, void (*exceeded)(void *ctx, struct rte_mbuf *m), void *ctx);
uint64_t frag_next(const struct frag *f);

/*
 * Cuts datagram @m, data pointer at its 20-byte IP header, into pieces of at most @mtu bytes and
 * gives each to @tx. Copies: a piece is one segment of its own. Consumes @m. -ENOBUFS: the rest is
 * not sent.
 */
int frag_tx(struct env *env, struct rte_mbuf *m, uint16_t mtu,
	    void (*tx)(void *ctx, struct rte_mbuf *m), void *ctx);

#endif
