/* SPDX-License-Identifier: BSD-3-Clause */
#include "peer.h"

#include "wire/byteorder.h"
#include "wire/cksum.h"
#include "wire/tcp.h"

#include <errno.h>
#include <stdlib.h>

#define PORT_FIRST    1024u
#define PORTS	      60000u
#define FIRST_ADDR    0x0a010001u /* 10.1.0.1 */
#define PEER_MSS      1460
#define PEER_WSCALE   7
#define PEER_WIN      0xffff
#define TS_PADDED_LEN 12u /* two NOPs before it (RFC 7323, appendix A) */
#define SYN_OPTS_LEN  20u

struct frame {
	struct eth_hdr eth;
	struct ip4_hdr ip;
	struct tcp_hdr tcp;
	uint8_t opts[];
} __attribute__((packed, aligned(2)));

static void peer_tuple(uint32_t i, uint32_t *ret_addr, uint16_t *ret_port)
{
	*ret_addr = be32(FIRST_ADDR + i / PORTS);
	*ret_port = be16(PORT_FIRST + i % PORTS);
}

static bool peer_index(const struct peer *p, uint32_t addr, uint16_t port, uint32_t *ret_i)
{
	uint32_t host = be32(addr) - FIRST_ADDR, low = (uint32_t)be16(port) - PORT_FIRST;

	if (host > p->n_conns / PORTS || low >= PORTS)
		return false;
	*ret_i = host * PORTS + low;
	return *ret_i < p->n_conns;
}

int peer_init(struct peer *p, uint32_t n_conns)
{
	p->conns = calloc(n_conns, sizeof(*p->conns));
	p->n_conns = n_conns;
	return p->conns ? 0 : -ENOMEM;
}

void peer_fini(struct peer *p)
{
	free(p->conns);
}

static void put_ts(uint8_t *opt, uint32_t val, uint32_t ecr)
{
	opt[0] = TCP_OPT_TS;
	opt[1] = TCP_OPT_TS_LEN;
	be32_put(opt + 2, val);
	be32_put(opt + 6, ecr);
}

static void put_syn_opts(struct peer *p, uint8_t *opt)
{
	opt[0] = TCP_OPT_MSS;
	opt[1] = TCP_OPT_MSS_LEN;
	be16_put(opt + 2, PEER_MSS);
	opt[4] = TCP_OPT_SACK_PERM;
	opt[5] = TCP_OPT_SACK_PERM_LEN;
	put_ts(opt + 6, p->ts_now, 0);
	opt[16] = TCP_OPT_NOP;
	opt[17] = TCP_OPT_WSCALE;
	opt[18] = TCP_OPT_WSCALE_LEN;
	opt[19] = PEER_WSCALE;
}

static void put_headers(struct peer *p, uint32_t i, struct frame *f, uint32_t tcp_len)
{
	f->eth =
		(struct eth_hdr){ .dst = p->server_mac, .src = p->mac, .type = be16(ETH_TYPE_IP4) };
	f->ip = (struct ip4_hdr){ .ver_ihl = IP4_VER_IHL,
				  .len = be16(sizeof(f->ip) + tcp_len),
				  .frag = be16(IP4_DF),
				  .ttl = 64,
				  .proto = IP_PROTO_TCP,
				  .dst = p->server };
	peer_tuple(i, &f->ip.src, &f->tcp.sport);
	f->tcp.dport = p->port;
	f->tcp.urp = 0;
	f->tcp.cksum = 0;
	f->ip.cksum = cksum_finish(cksum_ip4_sum(&f->ip));
}

static void finish(struct frame *f, uint32_t tcp_len)
{
	uint64_t sum = cksum_pseudo4(f->ip.src, f->ip.dst, IP_PROTO_TCP, tcp_len);

	f->tcp.cksum = cksum_finish(cksum_add(sum, &f->tcp, tcp_len));
}

static struct frame *frame_new(struct peer *p, uint32_t tcp_len, struct rte_mbuf **ret_m)
{
	*ret_m = rte_pktmbuf_alloc(p->pool);
	if (!*ret_m)
		return NULL;
	return (struct frame *)(void *)rte_pktmbuf_append(*ret_m,
							  offsetof(struct frame, tcp) + tcp_len);
}

struct rte_mbuf *peer_syn(struct peer *p, uint32_t i)
{
	uint32_t tcp_len = TCP_HDR_MIN + SYN_OPTS_LEN;
	struct rte_mbuf *m;
	struct frame *f = frame_new(p, tcp_len, &m);

	if (!f)
		return NULL;
	p->conns[i].seq = i * 2654435761u;
	f->tcp.seq = be32(p->conns[i].seq++);
	f->tcp.ack = 0;
	f->tcp.off = (uint8_t)(tcp_len / 4 << 4);
	f->tcp.flags = TCP_F_SYN;
	f->tcp.win = be16(PEER_WIN);
	put_syn_opts(p, f->opts);
	put_headers(p, i, f, tcp_len);
	finish(f, tcp_len);
	return m;
}

struct rte_mbuf *peer_segment(struct peer *p, uint32_t i, uint32_t len)
{
	uint32_t tcp_len = TCP_HDR_MIN + TS_PADDED_LEN + len;
	struct peer_conn *c = &p->conns[i];
	struct rte_mbuf *m;
	struct frame *f = frame_new(p, tcp_len, &m);

	if (!f)
		return NULL;
	f->tcp.seq = be32(c->seq);
	f->tcp.ack = be32(c->ack);
	f->tcp.off = (TCP_HDR_MIN + TS_PADDED_LEN) / 4 << 4;
	f->tcp.flags = TCP_F_ACK | (len ? TCP_F_PSH : 0);
	f->tcp.win = be16(PEER_WIN);
	memset(f->opts, TCP_OPT_NOP, 2);
	put_ts(f->opts + 2, p->ts_now, c->ts);
	memset(f->opts + TS_PADDED_LEN, (int)i, len);
	c->seq += len;
	put_headers(p, i, f, tcp_len);
	finish(f, tcp_len);
	return m;
}

static uint32_t find_ts(const struct frame *f, uint32_t otherwise)
{
	unsigned int n = tcp_hdr_len(&f->tcp) - TCP_HDR_MIN;

	for (unsigned int k = 0; k + TCP_OPT_TS_LEN <= n;) {
		if (f->opts[k] == TCP_OPT_TS)
			return be32_get(f->opts + k + 2);
		k += f->opts[k] == TCP_OPT_NOP ? 1u : RTE_MAX(f->opts[k + 1], (uint8_t)2);
	}
	return otherwise;
}

static enum peer_event odd(struct peer *p)
{
	p->odd++;
	return PEER_ODD;
}

enum peer_event peer_input(struct peer *p, struct rte_mbuf *m, uint32_t *ret_i)
{
	const struct frame *f = rte_pktmbuf_mtod(m, const struct frame *);
	struct peer_conn *c;
	uint32_t len;

	if (m->pkt_len < sizeof(*f) || f->eth.type != be16(ETH_TYPE_IP4) ||
	    f->ip.proto != IP_PROTO_TCP || (f->tcp.flags & (TCP_F_RST | TCP_F_FIN)) ||
	    !peer_index(p, f->ip.dst, f->tcp.dport, ret_i))
		return odd(p);
	c = &p->conns[*ret_i];
	c->ts = find_ts(f, c->ts);
	if (f->tcp.flags & TCP_F_SYN) {
		c->ack = be32(f->tcp.seq) + 1;
		return PEER_SYN_ACK;
	}
	if (be32(f->tcp.seq) != c->ack || be32(f->tcp.ack) != c->seq)
		return odd(p);
	len = be16(f->ip.len) - ip4_hdr_len(&f->ip) - tcp_hdr_len(&f->tcp);
	c->ack += len;
	return len ? PEER_DATA : PEER_ACK;
}
