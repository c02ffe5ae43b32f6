/* SPDX-License-Identifier: BSD-3-Clause */
#include "frame.h"

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include <string.h>

static const struct {
	uint8_t flag;
	char name;
} flag_names[] = {
	{ RTE_TCP_CWR_FLAG, 'C' }, { RTE_TCP_ECE_FLAG, 'E' }, { RTE_TCP_URG_FLAG, 'U' },
	{ RTE_TCP_SYN_FLAG, 'S' }, { RTE_TCP_FIN_FLAG, 'F' }, { RTE_TCP_RST_FLAG, 'R' },
	{ RTE_TCP_PSH_FLAG, 'P' }, { RTE_TCP_ACK_FLAG, 'A' },
};

const char *seg_flags_name(uint8_t flags, char buf[9])
{
	char *p = buf;

	for (unsigned int i = 0; i < RTE_DIM(flag_names); i++)
		if (flags & flag_names[i].flag)
			*p++ = flag_names[i].name;
	*p = 0;
	return buf;
}

static uint8_t *put16(uint8_t *p, uint16_t v)
{
	p[0] = v >> 8;
	p[1] = v;
	return p + 2;
}

static uint8_t *put32(uint8_t *p, uint32_t v)
{
	return put16(put16(p, v >> 16), v);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

static uint8_t *opts_build(uint8_t *p, const struct seg_opts *o)
{
	uint8_t *start = p;

	if (o->mss_ok) {
		*p++ = 2;
		*p++ = 4;
		p = put16(p, o->mss);
	}
	if (o->sack_ok) {
		*p++ = 4;
		*p++ = 2;
	}
	if (o->ts_ok) {
		*p++ = 8;
		*p++ = 10;
		p = put32(put32(p, o->ts_val), o->ts_ecr);
	}
	if (o->wscale_ok) {
		*p++ = 3;
		*p++ = 3;
		*p++ = o->wscale;
	}
	if (o->n_sack) {
		*p++ = 5;
		*p++ = 2 + 8 * o->n_sack;
		for (unsigned int i = 0; i < o->n_sack; i++)
			p = put32(put32(p, o->sack[i][0]), o->sack[i][1]);
	}
	memcpy(p, o->raw, o->n_raw);
	p += o->n_raw;
	while ((p - start) & 3)
		*p++ = o->n_raw ? 0 : 1;
	return p;
}

/* The sum over pseudo header and @buf, by DPDK. */
static uint16_t l4_sum(const uint8_t *buf, uint32_t len, uint32_t src, uint32_t dst, uint8_t proto)
{
	struct rte_ipv4_hdr ip = {
		.version_ihl = 0x45,
		.total_length = rte_cpu_to_be_16(20 + len),
		.next_proto_id = proto,
		.src_addr = rte_cpu_to_be_32(src),
		.dst_addr = rte_cpu_to_be_32(dst),
	};
	uint32_t sum = rte_raw_cksum(buf, len);

	sum += rte_ipv4_phdr_cksum(&ip, 0);
	sum = (sum >> 16) + (sum & 0xffff);
	sum = (sum >> 16) + (sum & 0xffff);
	return ~sum;
}

uint32_t seg_build(uint8_t *buf, const struct seg *seg, uint32_t src, uint32_t dst, bool bad)
{
	uint8_t *p = buf, *end;
	uint32_t len;
	uint16_t sum;

	p = put16(put16(p, seg->sport), seg->dport);
	p = put32(put32(p, seg->seq), seg->ack);
	p[0] = 0;
	p[1] = seg->flags;
	p = put16(p + 2, seg->win);
	p = put16(put16(p, 0), seg->urp);
	end = opts_build(p, &seg->opts);
	buf[12] = (uint8_t)((end - buf) / 4 << 4);
	memcpy(end, seg->data, seg->len);
	len = end - buf + seg->len;
	sum = l4_sum(buf, len, src, dst, IPPROTO_TCP);
	memcpy(buf + 16, &sum, 2);
	if (bad)
		buf[16] ^= 0x5a;
	return len;
}

uint32_t udp_build(uint8_t *buf, uint16_t sport, uint16_t dport, const uint8_t *data, uint32_t len,
		   uint32_t src, uint32_t dst)
{
	uint16_t sum;

	put16(put16(put16(put16(buf, sport), dport), 8 + len), 0);
	memcpy(buf + 8, data, len);
	sum = l4_sum(buf, 8 + len, src, dst, IPPROTO_UDP);
	if (!sum)
		sum = 0xffff;
	memcpy(buf + 6, &sum, 2);
	return 8 + len;
}

/* Appends @len bytes, in more segments when the packet's last one is full. */
static bool append(struct rte_mempool *pool, struct rte_mbuf *m, const uint8_t *data, uint32_t len)
{
	while (len) {
		struct rte_mbuf *last = rte_pktmbuf_lastseg(m);
		uint32_t n = RTE_MIN(len, rte_pktmbuf_tailroom(last));
		struct rte_mbuf *more;

		if (n) {
			memcpy(rte_pktmbuf_append(m, n), data, n);
			data += n;
			len -= n;
			continue;
		}
		more = rte_pktmbuf_alloc(pool);
		if (!more)
			return false;
		rte_pktmbuf_chain(m, more);
	}
	return true;
}

struct rte_mbuf *frame_raw(struct rte_mempool *pool, uint16_t type, const void *data, uint32_t len,
			   const uint8_t dst_mac[6], const uint8_t src_mac[6])
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	uint8_t eth[14];

	if (!m)
		return NULL;
	memcpy(eth, dst_mac, 6);
	memcpy(eth + 6, src_mac, 6);
	put16(eth + 12, type);
	if (!append(pool, m, eth, sizeof(eth)) || !append(pool, m, data, len)) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	return m;
}

struct rte_mbuf *frame_build(struct rte_mempool *pool, const struct frame *f,
			     const uint8_t dst_mac[6], const uint8_t src_mac[6])
{
	static uint8_t buf[FRAME_MAX];
	struct rte_ipv4_hdr ip = {
		.version_ihl = 0x45,
		.type_of_service = f->tos,
		.total_length = rte_cpu_to_be_16(20 + f->l4_len),
		.packet_id = rte_cpu_to_be_16(f->id),
		.fragment_offset = rte_cpu_to_be_16((f->df ? 0x4000 : 0) | (f->mf ? 0x2000 : 0) |
						    f->frag_off / 8),
		.time_to_live = f->ttl,
		.next_proto_id = f->proto,
		.src_addr = rte_cpu_to_be_32(f->src),
		.dst_addr = rte_cpu_to_be_32(f->dst),
	};

	ip.hdr_checksum = rte_ipv4_cksum(&ip);
	memcpy(buf, &ip, sizeof(ip));
	memcpy(buf + sizeof(ip), f->l4, f->l4_len);
	return frame_raw(pool, RTE_ETHER_TYPE_IPV4, buf, sizeof(ip) + f->l4_len, dst_mac, src_mac);
}

const char *frame_parse(const uint8_t *buf, uint32_t len, struct frame *ret)
{
	const struct rte_ipv4_hdr *ip = (const void *)(buf + 14);
	uint32_t frag;

	if (len < 14 + 20 || (buf[12] << 8 | buf[13]) != RTE_ETHER_TYPE_IPV4)
		return "not an IPv4 packet";
	if (ip->version_ihl != 0x45)
		return "IP version or header length";
	if (rte_be_to_cpu_16(ip->total_length) < 20 ||
	    rte_be_to_cpu_16(ip->total_length) > len - 14)
		return "IP total length";
	if (rte_raw_cksum(ip, 20) != 0xffff)
		return "IP checksum";
	frag = rte_be_to_cpu_16(ip->fragment_offset);
	*ret = (struct frame){
		.src = rte_be_to_cpu_32(ip->src_addr),
		.dst = rte_be_to_cpu_32(ip->dst_addr),
		.proto = ip->next_proto_id,
		.ttl = ip->time_to_live,
		.tos = ip->type_of_service,
		.id = rte_be_to_cpu_16(ip->packet_id),
		.df = frag & 0x4000,
		.mf = frag & 0x2000,
		.frag_off = (frag & 0x1fff) * 8,
		.l4 = buf + 34,
		.l4_len = rte_be_to_cpu_16(ip->total_length) - 20u,
	};
	return NULL;
}

/* One option of @n bytes at @p, its length already checked. */
static const char *opt_parse(const uint8_t *p, unsigned int n, struct seg_opts *o)
{
	if (p[0] == 2 && n == 4) {
		o->mss_ok = true;
		o->mss = p[2] << 8 | p[3];
	} else if (p[0] == 3 && n == 3) {
		o->wscale_ok = true;
		o->wscale = p[2];
	} else if (p[0] == 4 && n == 2) {
		o->sack_ok = true;
	} else if (p[0] == 8 && n == 10) {
		o->ts_ok = true;
		o->ts_val = get32(p + 2);
		o->ts_ecr = get32(p + 6);
	} else if (p[0] == 5 && n >= 10 && n <= 34 && (n - 2) % 8 == 0) {
		o->n_sack = (n - 2) / 8;
		for (unsigned int i = 0; i < o->n_sack; i++) {
			o->sack[i][0] = get32(p + 2 + 8 * i);
			o->sack[i][1] = get32(p + 6 + 8 * i);
		}
	} else {
		return "TCP option of unknown kind or wrong length";
	}
	return NULL;
}

static const char *opts_parse(const uint8_t *p, const uint8_t *end, struct seg_opts *o)
{
	while (p < end && *p) {
		const char *err;

		if (*p == 1) {
			p++;
			continue;
		}
		if (end - p < 2 || p[1] < 2 || p[1] > end - p)
			return "TCP option length";
		err = opt_parse(p, p[1], o);
		if (err)
			return err;
		p += p[1];
	}
	return NULL;
}

const char *seg_parse(const struct frame *f, struct seg *ret)
{
	const struct rte_tcp_hdr *h = (const void *)f->l4;
	uint32_t hlen;

	if (f->proto != IPPROTO_TCP || f->l4_len < 20)
		return "not a TCP segment";
	hlen = (h->data_off >> 4) * 4u;
	if (hlen < 20 || hlen > f->l4_len)
		return "TCP header length";
	if (l4_sum(f->l4, f->l4_len, f->src, f->dst, IPPROTO_TCP))
		return "TCP checksum";
	*ret = (struct seg){
		.sport = rte_be_to_cpu_16(h->src_port),
		.dport = rte_be_to_cpu_16(h->dst_port),
		.seq = rte_be_to_cpu_32(h->sent_seq),
		.ack = rte_be_to_cpu_32(h->recv_ack),
		.flags = h->tcp_flags,
		.win = rte_be_to_cpu_16(h->rx_win),
		.urp = rte_be_to_cpu_16(h->tcp_urp),
		.data = f->l4 + hlen,
		.len = f->l4_len - hlen,
	};
	return opts_parse(f->l4 + 20, f->l4 + hlen, &ret->opts);
}

const char *udp_parse(const struct frame *f, uint16_t *ret_sport, uint16_t *ret_dport)
{
	const struct rte_udp_hdr *h = (const void *)f->l4;

	if (f->proto != IPPROTO_UDP || f->l4_len < 8)
		return "not a UDP datagram";
	if (rte_be_to_cpu_16(h->dgram_len) != f->l4_len)
		return "UDP length";
	if (h->dgram_cksum && l4_sum(f->l4, f->l4_len, f->src, f->dst, IPPROTO_UDP))
		return "UDP checksum";
	*ret_sport = rte_be_to_cpu_16(h->src_port);
	*ret_dport = rte_be_to_cpu_16(h->dst_port);
	return NULL;
}
