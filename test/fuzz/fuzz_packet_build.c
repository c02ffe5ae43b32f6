/* SPDX-License-Identifier: BSD-3-Clause */
/* Operations that make packets: the fuzzer's bytes, and around them what gets past the checks. */
#include "fuzz_packet.h"

#include "wire/arp.h"
#include "wire/byteorder.h"
#include "wire/cksum.h"
#include "wire/icmp.h"
#include "wire/tcp.h"
#include "wire/udp.h"

/* An empty frame; NULL when the pool is empty (held by the stack: allowed). */
static struct rte_mbuf *frame_new(struct fuzz *f, uint16_t type)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(f->pool);
	struct eth_hdr eth = { .dst = { { 2, 0, 0, 0, 0, 1 } },
			       .src = { { 2, 0, 0, 0, 0, 2 } },
			       .type = be16(type) };

	if (m)
		memcpy(rte_pktmbuf_append(m, sizeof(eth)), &eth, sizeof(eth));
	return m;
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
	struct rte_mbuf *m = frame_new(f, ETH_TYPE_IP4);

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

void op_raw(struct fuzz *f)
{
	uint16_t len = in_u16(f) % 1600;
	struct rte_mbuf *m = rte_pktmbuf_alloc(f->pool);

	if (!m)
		return;
	in_bytes(f, rte_pktmbuf_append(m, len), len);
	deliver(f, m);
}

void op_ip(struct fuzz *f)
{
	uint16_t len = in_u16(f) % 1500;
	struct rte_mbuf *m = frame_new(f, ETH_TYPE_IP4);
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

void op_tcp(struct fuzz *f)
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

void op_udp(struct fuzz *f)
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

void op_icmp(struct fuzz *f)
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

void op_frag(struct fuzz *f)
{
	uint8_t buf[256], proto = in_u8(f) & 1 ? IP_PROTO_UDP : IP_PROTO_ICMP;
	uint16_t frag = in_u16(f) & (IP4_MF | IP4_OFFSET), len = in_u8(f);

	if (frag & 0x1000) /* most offsets are to be small enough to meet each other */
		frag &= IP4_MF | 0x1f;
	in_bytes(f, buf, len);
	deliver_ip(f, proto, frag, buf, len);
}

void op_arp(struct fuzz *f)
{
	struct arp_hdr a = { .hw_type = be16(ARP_HW_ETHER),
			     .proto_type = be16(ETH_TYPE_IP4),
			     .hw_len = 6,
			     .proto_len = 4,
			     .op = be16(in_u8(f) % 4),
			     .sha = { { 2, 0, 0, 0, 0, in_u8(f) } } };
	struct rte_mbuf *m = frame_new(f, ETH_TYPE_ARP);

	a.spa = be32((PEER_ADDR & 0xffffff00u) | in_u8(f));
	a.tpa = be32((LOCAL_ADDR & 0xffffff00u) | in_u8(f));
	if (!m)
		return;
	memcpy(rte_pktmbuf_append(m, sizeof(a)), &a, sizeof(a));
	deliver(f, m);
}

void op_mirror(struct fuzz *f)
{
	struct ip4_hdr *ip = (void *)f->last;
	struct rte_mbuf *m;
	uint32_t src;

	if (f->last_len < sizeof(*ip) + 4)
		return;
	m = frame_new(f, ETH_TYPE_IP4);
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
