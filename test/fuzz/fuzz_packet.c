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
#include "eal.h"

#include "stack/stack.h"
#include "wire/arp.h"
#include "wire/byteorder.h"
#include "wire/cksum.h"
#include "wire/icmp.h"
#include "wire/tcp.h"
#include "wire/udp.h"

#include <rte_mempool.h>

#include <stdio.h>
#include <stdlib.h>

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

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct rte_mempool *pool;

/* A finding: libFuzzer keeps the input. */
static void check(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "fuzz_packet: %s\n", what);
	abort();
}

/* ---- input ---- */

static uint8_t in_u8(struct fuzz *f)
{
	if (!f->in.left)
		return 0;
	f->in.left--;
	return *f->in.p++;
}

static uint16_t in_u16(struct fuzz *f)
{
	uint16_t low = in_u8(f);

	return (uint16_t)(low | in_u8(f) << 8);
}

/* @n bytes, zeros where the input ends. */
static void in_bytes(struct fuzz *f, void *dst, size_t n)
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

/* ---- the consumer ---- */

static void check_sock(const struct sock *s)
{
	check(s->tx_acked <= s->tx_off, "acknowledged more than was sent");
	if (s->type == SOCK_STREAM_T && s->state == SOCK_CONNECTED) {
		uint64_t queued = 0;

		for (struct rte_mbuf *m = s->rxq.head; m; m = pkt_meta(m)->next)
			queued += pkt_meta(m)->payload;
		check(s->rx_off + queued <= s->rx_credit, "received beyond the credit");
	}
}

static void send_some(struct sock *s, uint32_t n, bool fin)
{
	while (n) {
		uint32_t room, step;
		int err;
		void *space = sock_tx_space(s, &room, &err);

		if (!space)
			break;
		check(room > 0, "room of 0 bytes");
		step = RTE_MIN(room, n);
		memset(space, 'x', step);
		sock_tx_commit(s, step);
		n -= step;
	}
	sock_tx_end(s, true, fin);
}

static void take_stream(struct fuzz *f, struct sock *s)
{
	uint32_t n = 0;

	for (struct rte_mbuf *m = s->rxq.head; m; m = pkt_meta(m)->next)
		n += pkt_meta(m)->payload;
	if (f->mood & 1)
		n = RTE_MIN(n, 1u + (f->mood >> 4));
	sock_rx_taken(s, n);
	if (!(f->mood & 2))
		sock_credit(s, s->rx_off + CREDIT);
	if (f->mood & 4)
		send_some(s, n * 4, false);
}

static void take_datagrams(struct sock *s)
{
	while (s->rxq.head)
		sock_rx_taken_dgram(s);
	sock_credit(s, s->rx_off + CREDIT);
}

static void serve(struct fuzz *f, struct sock *s)
{
	uint16_t ev = s->events;

	check_sock(s);
	if (ev & SOCK_EV_CLOSED) {
		sock_free(s);
		return;
	}
	if (ev & SOCK_EV_GONE) {
		sock_event_taken(s, ev);
		if (!s->closing)
			sock_close(s, 0);
		sock_free(s);
		return;
	}
	sock_event_taken(s, ev & (uint16_t)~SOCK_EV_DATA);
	if (s == f->udp)
		take_datagrams(s);
	else if (s != f->listener && (ev & SOCK_EV_DATA))
		take_stream(f, s);
	if ((ev & SOCK_EV_PEER_CLOSED) && !s->closing)
		sock_close(s, f->mood & 8 ? SOCK_CLOSE_UNREAD : 0);
}

static void consume(struct fuzz *f)
{
	struct sock *s;

	for (unsigned int n = 0; n < 2 * SOCKS_MAX && (s = sock_next_ready(&f->lane)); n++)
		serve(f, s);
}

static void turn(struct fuzz *f)
{
	stack_turn(f->stack, f->now, 64);
	if (f->n_burst)
		stack_rx(f->stack, f->link, f->burst, f->n_burst);
	f->n_burst = 0;
	consume(f);
	stack_tx(f->stack, 64);
	list_for_each(l, &f->owner.socks)
		check_sock(container_of(l, struct sock, owner_link));
}

/* Any socket but the listener and the datagram socket. */
static struct sock *some_stream(struct fuzz *f, unsigned int k)
{
	list_for_each(l, &f->owner.socks) {
		struct sock *s = container_of(l, struct sock, owner_link);

		/* A child that was not yet announced is not the consumer's. */
		if (s == f->listener || s == f->udp || (s->events & SOCK_EV_ACCEPTED))
			continue;
		if (!k--)
			return s;
	}
	return NULL;
}

static void consumer_connect(struct fuzz *f, uint8_t arg)
{
	struct ip_endpoint peer = { .addr = ip_addr_v4(be32(arg & 4 ? LOCAL_ADDR : PEER_ADDR)),
				    .port = be16(arg & 4 ? LISTEN_PORT : PEER_PORT + arg % PEERS) };
	struct sock *s;

	if (sock_create(&f->lane, OUTSOCK_INET, SOCK_STREAM_T, 7, &s))
		return;
	sock_credit(s, CREDIT);
	if (sock_connect(s, &peer)) {
		sock_close(s, SOCK_CLOSE_ABORT);
		sock_free(s);
	}
}

static void consumer_dgram(struct fuzz *f, uint32_t len)
{
	struct ip_endpoint dst = { .addr = ip_addr_v4(be32(PEER_ADDR)), .port = be16(PEER_PORT) };
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	if (!m)
		return;
	memset(rte_pktmbuf_append(m, (uint16_t)len), 'u', len);
	sock_tx_dgram(f->udp, m, &dst);
}

static void op_consumer(struct fuzz *f)
{
	uint8_t what = in_u8(f), arg = in_u8(f);
	struct sock *s = some_stream(f, arg >> 4);

	switch (what % 8) {
	case 0:
		f->mood = arg;
		break;
	case 1:
		consumer_connect(f, arg);
		break;
	case 2:
		consumer_dgram(f, arg * 7u);
		break;
	case 3:
		if (s && !s->closing)
			send_some(s, in_u16(f), arg & 1);
		break;
	case 4:
		if (s && !s->closing)
			sock_close(s, arg & 3);
		break;
	case 5:
		if (s && !s->closing)
			sock_setopt(s, arg & 15, in_u8(f));
		break;
	case 6:
		sock_listen(f->listener, arg & 7, f->listener->accept_credit + (arg >> 3), CREDIT);
		break;
	default:
		if (s && !s->closing)
			sock_credit(s, s->rx_credit + arg * 16u);
	}
	turn(f);
}

/* ---- packets ---- */

/* An empty frame; NULL when the pool is empty (held by the stack: allowed). */
static struct rte_mbuf *frame_new(uint16_t type)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	struct eth_hdr eth = { .dst = { { 2, 0, 0, 0, 0, 1 } },
			       .src = { { 2, 0, 0, 0, 0, 2 } },
			       .type = be16(type) };

	if (m)
		memcpy(rte_pktmbuf_append(m, sizeof(eth)), &eth, sizeof(eth));
	return m;
}

static void deliver(struct fuzz *f, struct rte_mbuf *m)
{
	f->burst[f->n_burst++] = m;
	if (f->n_burst == BURST)
		turn(f);
}

/* @l4: header and payload with its checksum already right. */
static void deliver_ip(struct fuzz *f, uint8_t proto, uint16_t frag, const void *l4, uint16_t len)
{
	struct ip4_hdr ip = { .ver_ihl = IP4_VER_IHL,
			      .len = be16(sizeof(ip) + len),
			      .frag = be16(frag),
			      .id = be16(77),
			      .ttl = 64,
			      .proto = proto,
			      .src = be32(PEER_ADDR),
			      .dst = be32(LOCAL_ADDR) };
	struct rte_mbuf *m = frame_new(ETH_TYPE_IP4);

	if (!m)
		return;
	ip.cksum = cksum_finish(cksum_ip4_sum(&ip));
	memcpy(rte_pktmbuf_append(m, sizeof(ip)), &ip, sizeof(ip));
	memcpy(rte_pktmbuf_append(m, len), l4, len);
	deliver(f, m);
}

static uint16_t l4_cksum(uint8_t proto, const void *l4, uint16_t len)
{
	uint64_t sum = cksum_pseudo4(be32(PEER_ADDR), be32(LOCAL_ADDR), proto, len);

	return cksum_finish(cksum_add(sum, l4, len));
}

static void op_raw(struct fuzz *f)
{
	uint16_t len = in_u16(f) % 1600;
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	if (!m)
		return;
	in_bytes(f, rte_pktmbuf_append(m, len), len);
	deliver(f, m);
}

static void op_ip(struct fuzz *f)
{
	uint16_t len = in_u16(f) % 1500;
	struct rte_mbuf *m = frame_new(ETH_TYPE_IP4);
	char *p;

	if (!m)
		return;
	p = rte_pktmbuf_append(m, len);
	in_bytes(f, p, len);
	if (len >= sizeof(struct ip4_hdr)) {
		struct ip4_hdr *ip = (void *)p;
		size_t hlen = RTE_MIN(ip4_hdr_len(ip), (unsigned int)len);

		ip->cksum = 0;
		ip->cksum = cksum_finish(cksum_add(0, ip, hlen));
	}
	deliver(f, m);
}

static void op_tcp(struct fuzz *f)
{
	uint8_t buf[TCP_HDR_MAX + 1400], who = in_u8(f), flags = in_u8(f);
	struct view *v = &f->views[who % PEERS];
	struct tcp_hdr t = { .sport = be16(PEER_PORT + who % PEERS),
			     .dport = be16(who & 4 && v->local_port ? v->local_port : LISTEN_PORT),
			     .flags = flags };
	int16_t dseq = (int16_t)in_u16(f), dack = (int16_t)in_u16(f);
	uint16_t win = in_u16(f);
	unsigned int opts = in_u8(f) % 11 * 4, len = in_u8(f) * (who & 8 ? 5u : 1u);

	t.seq = be32(v->ack + (uint32_t)(int32_t)dseq);
	t.ack = be32(v->seq_end + (uint32_t)(int32_t)dack);
	t.win = (uint16_t)~win; /* zeros in the input are a wide window */
	t.off = (uint8_t)((TCP_HDR_MIN + opts) / 4 << 4);
	memcpy(buf, &t, sizeof(t));
	in_bytes(f, buf + sizeof(t), opts);
	memset(buf + sizeof(t) + opts, 'p', len);
	len += (unsigned int)sizeof(t) + opts;
	t.cksum = l4_cksum(IP_PROTO_TCP, buf, (uint16_t)len);
	memcpy(buf, &t, sizeof(t));
	deliver_ip(f, IP_PROTO_TCP, IP4_DF, buf, (uint16_t)len);
}

static void op_udp(struct fuzz *f)
{
	uint8_t buf[sizeof(struct udp_hdr) + 255], port = in_u8(f);
	uint16_t len = in_u8(f);
	struct udp_hdr u = { .sport = be16(PEER_PORT + (port >> 4)),
			     .dport = be16(UDP_PORT + (port & 1)),
			     .len = be16(sizeof(u) + len + (port & 2 ? in_u8(f) : 0)) };

	memcpy(buf, &u, sizeof(u));
	in_bytes(f, buf + sizeof(u), len);
	len += (uint16_t)sizeof(u);
	if (!(port & 4)) {
		u.cksum = l4_cksum(IP_PROTO_UDP, buf, len);
		memcpy(buf, &u, sizeof(u));
	}
	deliver_ip(f, IP_PROTO_UDP, 0, buf, len);
}

static void op_icmp(struct fuzz *f)
{
	uint8_t buf[sizeof(struct icmp_hdr) + sizeof(f->last)];
	struct icmp_hdr h = { .type = in_u8(f), .code = in_u8(f) };
	uint16_t quoted = RTE_MIN(f->last_len, 28u + in_u8(f) % 64u), n = sizeof(h) + quoted;

	h.rest = (uint32_t)in_u16(f) << 16; /* next-hop MTU, or sequence number */
	memcpy(buf, &h, sizeof(h));
	memcpy(buf + sizeof(h), f->last, quoted);
	h.cksum = cksum_finish(cksum_add(0, buf, n));
	memcpy(buf, &h, sizeof(h));
	deliver_ip(f, IP_PROTO_ICMP, 0, buf, n);
}

static void op_frag(struct fuzz *f)
{
	uint8_t buf[256], proto = in_u8(f) & 1 ? IP_PROTO_UDP : IP_PROTO_ICMP;
	uint16_t frag = in_u16(f) & (IP4_MF | IP4_OFFSET), len = in_u8(f);

	if (frag & 0x1000) /* most offsets are to be small enough to meet each other */
		frag &= IP4_MF | 0x1f;
	in_bytes(f, buf, len);
	deliver_ip(f, proto, frag, buf, len);
}

static void op_arp(struct fuzz *f)
{
	struct arp_hdr a = { .hw_type = be16(ARP_HW_ETHER),
			     .proto_type = be16(ETH_TYPE_IP4),
			     .hw_len = 6,
			     .proto_len = 4,
			     .op = be16(in_u8(f) % 4),
			     .sha = { { 2, 0, 0, 0, 0, in_u8(f) } } };
	struct rte_mbuf *m = frame_new(ETH_TYPE_ARP);

	a.spa = be32((PEER_ADDR & 0xffffff00u) | in_u8(f));
	a.tpa = be32((LOCAL_ADDR & 0xffffff00u) | in_u8(f));
	if (!m)
		return;
	memcpy(rte_pktmbuf_append(m, sizeof(a)), &a, sizeof(a));
	deliver(f, m);
}

static void op_mirror(struct fuzz *f)
{
	struct ip4_hdr *ip = (void *)f->last;
	struct rte_mbuf *m;
	uint32_t src;

	if (f->last_len < sizeof(*ip) + 4)
		return;
	m = frame_new(ETH_TYPE_IP4);
	if (!m)
		return;
	src = ip->src;
	ip->src = ip->dst;
	ip->dst = src;
	if (ip->proto == IP_PROTO_TCP || ip->proto == IP_PROTO_UDP) {
		uint8_t *ports = f->last + ip4_hdr_len(ip), old[2];

		if (ip4_hdr_len(ip) + 4 <= f->last_len) {
			memcpy(old, ports, 2);
			memcpy(ports, ports + 2, 2);
			memcpy(ports + 2, old, 2);
		}
	}
	memcpy(rte_pktmbuf_append(m, (uint16_t)f->last_len), f->last, f->last_len);
	deliver(f, m);
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
	struct fuzz f = { .in = { data, size }, .now = NSEC_PER_SEC };

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
