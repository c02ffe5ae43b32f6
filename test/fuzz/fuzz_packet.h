/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of the packet fuzzer share: fuzz_packet.c (input, port, turns),
 * fuzz_packet_build.c (operations that make packets), fuzz_packet_sock.c (the consumer).
 */
#ifndef OUTSOCK_FUZZ_PACKET_H
#define OUTSOCK_FUZZ_PACKET_H

#include "stack/stack.h"

#define N_PKTS	    511u
#define DATA_ROOM   2048u
#define BURST	    16u
#define OPS_MAX	    256u
#define PEERS	    4u
#define SOCKS_MAX   16u
#define LOCAL_ADDR  0x0a000001u
#define PEER_ADDR   0x0a000002u
#define LISTEN_PORT 80u
#define UDP_PORT    53u
#define PEER_PORT   1000u
#define CREDIT	    20000u

enum op {
	OP_RAW, /* a whole frame */
	OP_IP,	/* a whole IPv4 packet whose header checksum is made right */
	OP_TCP, /* a segment relative to what was last seen */
	OP_UDP,
	OP_ICMP, /* an error about the last packet sent, or an echo */
	OP_FRAG,
	OP_ARP,
	OP_MIRROR, /* the last packet sent comes back with its ends exchanged */
	OP_TIME,
	OP_CONSUMER,
	OP_N,
};

struct input {
	const uint8_t *p;
	size_t left;
};

/* What the stack last said in one of its connections, as its peer sees it. */
struct view {
	uint32_t seq_end, ack, ts;
	uint16_t local_port;
};

struct fuzz {
	struct rte_mempool *pool;
	struct input in;
	uint64_t now;
	struct stack *stack;
	struct link *link;
	struct sock_owner owner;
	struct sock_lane lane;
	struct sock *listener, *udp;
	struct view views[PEERS];
	struct rte_mbuf *burst[BURST];
	unsigned int n_burst;
	uint8_t last[256]; /* head of the last IP packet sent */
	uint32_t last_len;
	uint8_t mood; /* how the consumer behaves */
};

/* ---- fuzz_packet.c ---- */

/* False is a finding: libFuzzer keeps the input. */
void check(bool ok, const char *what);
uint8_t in_u8(struct fuzz *f);
uint16_t in_u16(struct fuzz *f);
/* @n bytes, zeros where the input ends. */
void in_bytes(struct fuzz *f, void *dst, size_t n);
/* What has been delivered goes to the stack; everything that follows from it. */
void turn(struct fuzz *f);
/* A frame for the next turn. */
void deliver(struct fuzz *f, struct rte_mbuf *m);

/* ---- fuzz_packet_sock.c ---- */

/* Do the socket's positions make sense? */
void check_sock(const struct sock *s);
/* Serves the sockets that are ready. */
void consume(struct fuzz *f);
void op_consumer(struct fuzz *f);

/* ---- fuzz_packet_build.c ---- */

void op_raw(struct fuzz *f);
void op_ip(struct fuzz *f);
void op_tcp(struct fuzz *f);
void op_udp(struct fuzz *f);
void op_icmp(struct fuzz *f);
void op_frag(struct fuzz *f);
void op_arp(struct fuzz *f);
void op_mirror(struct fuzz *f);

#endif
