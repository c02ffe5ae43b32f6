/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Thousands of TCP clients of one server, as small as can be (12 bytes each), so that a benchmark
 * sees the server's caches and not the clients'. No loss, no retransmission: whatever is not the
 * expected next segment is counted as odd. Connection i has the address and port that peer_tuple()
 * gives it.
 */
#ifndef OUTSOCK_PERF_PEER_H
#define OUTSOCK_PERF_PEER_H

#include "pkt/pkt.h"
#include "wire/eth.h"

#define PEER_PAYLOAD_MAX 128u

/**
 * struct peer_conn - one client
 * @seq: next sequence number that we send
 * @ack: next one that we expect
 * @ts: the server's latest timestamp
 */
struct peer_conn {
	uint32_t seq, ack, ts;
};

struct peer {
	struct rte_mempool *pool;
	struct peer_conn *conns;
	uint32_t n_conns;
	uint32_t server; /* address and port, network order */
	uint16_t port;
	struct eth_addr mac, server_mac;
	uint32_t ts_now; /* our timestamp clock, ms */
	uint64_t odd;	 /* frames of the server that were not what we waited for */
};

enum peer_event {
	PEER_ODD, /* not TCP, not ours, out of order, a reset */
	PEER_SYN_ACK,
	PEER_ACK, /* without data */
	PEER_DATA,
};

/* -ENOMEM. The other fields are the caller's to fill in. */
int peer_init(struct peer *p, uint32_t n_conns);
void peer_fini(struct peer *p);

/* Frames for the server; NULL: no packet left. @len up to PEER_PAYLOAD_MAX. */
struct rte_mbuf *peer_syn(struct peer *p, uint32_t i);
struct rte_mbuf *peer_segment(struct peer *p, uint32_t i, uint32_t len);

/* Looks at a frame from the server, and keeps it the caller's. *@ret_i: whose it is. */
enum peer_event peer_input(struct peer *p, struct rte_mbuf *m, uint32_t *ret_i);

#endif
