/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames into one stack instance on a virtual clock: a listener, UDP sockets, an active open, and a
 * consumer that takes, sends and closes as the input says.
 *
 * The input is a list of operations (enum op), each a byte and its arguments; what is missing reads
 * as 0. Raw frames alone would rarely get past a checksum, so most operations build a packet around
 * the fuzzer's bytes, and the TCP one counts sequence and acknowledgement numbers from what the
 * stack itself last sent: all zeros are the next segment in order.
 *
 * After each turn the sockets' offsets must make sense, and in the end every packet must be back
 * in its pool.
 */
#include "fuzz_packet.h"

#include "eal.h"

#include "wire/byteorder.h"
#include "wire/ipv4.h"
#include "wire/tcp.h"

#include <rte_mempool.h>

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct rte_mempool *pool;

void check(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "fuzz_packet: %s\n", what);
	abort();
}

/* ---- input ---- */

uint8_t in_u8(struct fuzz *f)
{
	if (!f->in.left)
		return 0;
	f->in.left--;
	return *f->in.p++;
}

uint16_t in_u16(struct fuzz *f)
{
	uint16_t low = in_u8(f);

	return (uint16_t)(low | in_u8(f) << 8);
}

void in_bytes(struct fuzz *f, void *dst, size_t n)
{
	size_t have = RTE_MIN(n, f->in.left);

	memset((char *)dst + have, 0, n - have);
	memcpy(dst, f->in.p, have);
	f->in.p += have;
	f->in.left -= have;
}

/* ---- the port ---- */

static void view_tcp(struct fuzz *f, const struct ip4_hdr *ip, uint32_t len)
{
	struct tcp_hdr t;
	uint32_t hlen = ip4_hdr_len(ip), i;

	if (len < hlen + sizeof(t))
		return;
	memcpy(&t, (const char *)ip + hlen, sizeof(t));
	i = (uint32_t)be16(t.dport) - PEER_PORT;
	if (i >= PEERS)
		return;
	f->views[i].local_port = be16(t.sport);
	if (t.flags & TCP_F_RST)
		return;
	f->views[i].ack = be32(t.ack);
	f->views[i].seq_end = be32(t.seq) + be16(ip->len) - hlen - tcp_hdr_len(&t) +
		!!(t.flags & TCP_F_SYN) + !!(t.flags & TCP_F_FIN);
}

static void port_tx(void *ctx, struct rte_mbuf *m)
{
	struct fuzz *f = ctx;
	char buf[sizeof(f->last) + sizeof(struct eth_hdr)];
	uint32_t n = RTE_MIN(m->pkt_len, (uint32_t)sizeof(buf));
	const char *frame = rte_pktmbuf_read(m, 0, n, buf);
	struct eth_hdr eth;

	check(frame && m->pkt_len >= sizeof(eth), "the stack sends a runt");
	check(m->pkt_len <= 1500 + sizeof(eth), "the stack sends more than the MTU");
	memcpy(&eth, frame, sizeof(eth));
	if (eth.type == be16(ETH_TYPE_IP4) && n >= sizeof(eth) + sizeof(struct ip4_hdr)) {
		const struct ip4_hdr *ip = (const void *)f->last;

		f->last_len = n - (uint32_t)sizeof(eth);
		memcpy(f->last, frame + sizeof(eth), f->last_len);
		if (ip->proto == IP_PROTO_TCP)
			view_tcp(f, ip, f->last_len);
	}
	rte_pktmbuf_free(m);
}

static bool port_owns(void *ctx, uint32_t be)
{
	return be == be32(LOCAL_ADDR);
}

static const struct link_ops port_ops = { .tx = port_tx, .owns = port_owns };

/* ---- turns ---- */

void turn(struct fuzz *f)
{
	stack_turn(f->stack, f->now, 64);
	if (f->n_burst)
		stack_rx(f->stack, f->link, f->burst, f->n_burst);
	f->n_burst = 0;
	consume(f);
	stack_tx(f->stack, 64);
	stack_free(f->stack, 4);
	list_for_each(l, &f->owner.socks)
		check_sock(container_of(l, struct sock, owner_link));
}

void deliver(struct fuzz *f, struct rte_mbuf *m)
{
	f->burst[f->n_burst++] = m;
	if (f->n_burst == BURST)
		turn(f);
}

static void op_time(struct fuzz *f)
{
	uint8_t ms = in_u8(f);

	/* 0 to 7 ms, tenths of seconds, seconds, minutes */
	static const uint64_t unit[4] = { 1, 100, 1000, 60000 };

	f->now += unit[ms >> 6] * (ms & 63) * NSEC_PER_MSEC;
	turn(f);
}

static void (*const ops[OP_N])(struct fuzz *f) = {
	[OP_RAW] = op_raw,	     [OP_IP] = op_ip,	      [OP_TCP] = op_tcp,
	[OP_UDP] = op_udp,	     [OP_ICMP] = op_icmp,     [OP_FRAG] = op_frag,
	[OP_ARP] = op_arp,	     [OP_MIRROR] = op_mirror, [OP_TIME] = op_time,
	[OP_CONSUMER] = op_consumer,
};

/* ---- set-up ---- */

static void open_sockets(struct fuzz *f)
{
	struct ip_endpoint local = { .addr = ip_addr_v4(0), .port = be16(LISTEN_PORT) };

	sock_owner_init(&f->owner, f->stack, SOCKS_MAX, N_PKTS / 2, f);
	sock_lane_init(&f->lane, &f->owner);
	check(!sock_create(&f->lane, OUTSOCK_INET, SOCK_STREAM_T, 0, &f->listener) &&
		      !sock_bind(f->listener, &local) &&
		      !sock_listen(f->listener, 4, SOCKS_MAX, CREDIT),
	      "no listener");
	local.port = be16(UDP_PORT);
	check(!sock_create(&f->lane, OUTSOCK_INET, SOCK_DGRAM_T, 1, &f->udp) &&
		      !sock_bind(f->udp, &local) && !sock_credit(f->udp, CREDIT),
	      "no datagram socket");
}

static void setup(struct fuzz *f)
{
	struct link_cfg link = { .ops = &port_ops,
				 .ctx = f,
				 .mac = { { 2, 0, 0, 0, 0, 1 } },
				 .mtu = 1500,
				 .neigh_max = 8 };
	struct ip_addr local = ip_addr_v4(be32(LOCAL_ADDR)), any = ip_addr_v4(0);
	struct ip_addr peer = ip_addr_v4(be32(PEER_ADDR));
	struct stack_cfg cfg;

	stack_cfg_defaults(&cfg);
	cfg.pool = pool;
	cfg.seed = 1;
	cfg.now = f->now;
	cfg.tcp_conns_max = SOCKS_MAX;
	cfg.udp_socks_max = 4;
	cfg.frags_max = 8;
	cfg.addrs_max = 4;
	cfg.routes_max = 4;
	f->stack = stack_create(&cfg);
	check(f->stack != NULL, "stack_create");
	f->link = stack_link_add(f->stack, &link);
	check(f->link != NULL, "stack_link_add");
	open_sockets(f);
	check(!ip_addr_add(stack_ip(f->stack), &local, 24, &f->owner, f->link) &&
		      !ip_route_add(stack_ip(f->stack), &any, 0, &peer, f->link),
	      "address or route");
	link_learn(f->link, peer.w[3], &(struct eth_addr){ { 2, 0, 0, 0, 0, 2 } });
}

static void teardown(struct fuzz *f)
{
	turn(f);
	sock_owner_abort(&f->owner);
	check(f->owner.n_socks == 0 && f->owner.n_pkts == 0, "the quota is not given back");
	stack_tx(f->stack, 64);
	stack_destroy(f->stack);
	check(rte_mempool_avail_count(pool) == N_PKTS, "packets are lost");
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	test_eal_init();
	pool = pkt_pool_create("fuzz", N_PKTS, DATA_ROOM, SOCKET_ID_ANY);
	check(pool != NULL, "pkt_pool_create");
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = { .in = { data, size }, .now = NSEC_PER_SEC, .pool = pool };

	setup(&f);
	for (unsigned int n = 0; f.in.left && n < OPS_MAX; n++) {
		uint8_t op = in_u8(&f);

		ops[(op & 0x7f) % OP_N](&f);
		if (op & 0x80) /* else the next frame comes in the same burst */
			turn(&f);
	}
	teardown(&f);
	return 0;
}
