/* SPDX-License-Identifier: BSD-3-Clause */
#include "ip/frag.h"

#include "wire/byteorder.h"
#include "wire/cksum.h"

#include <errno.h>
#include <string.h>

/* Copies @len bytes from @off of @m to @to. */
static void copy_out(const struct rte_mbuf *m, uint32_t off, uint32_t len, char *to)
{
	const char *from = rte_pktmbuf_read(m, off, len, to);

	if (from != to)
		memcpy(to, from, len);
}

/* A packet with header @ip and @len bytes of @m from @off on, or NULL. */
static struct rte_mbuf *piece(struct env *env, const struct rte_mbuf *m, struct ip4_hdr ip,
			      uint32_t off, uint32_t len)
{
	uint32_t at = off - sizeof(ip);
	struct rte_mbuf *p = pkt_alloc(env);
	char *data = p ? rte_pktmbuf_append(p, (uint16_t)(sizeof(ip) + len)) : NULL;

	if (!data) {
		rte_pktmbuf_free(p);
		return NULL;
	}
	ip.len = be16(sizeof(ip) + len);
	ip.frag = be16(at / 8 | (off + len < m->pkt_len ? IP4_MF : 0));
	ip.cksum = 0;
	ip.cksum = cksum_finish(cksum_ip4_sum(&ip));
	memcpy(data, &ip, sizeof(ip));
	copy_out(m, off, len, data + sizeof(ip));
	return p;
}

int frag_tx(struct env *env, struct rte_mbuf *m, uint16_t mtu,
	    void (*tx)(void *ctx, struct rte_mbuf *m), void *ctx)
{
	const struct ip4_hdr ip = *rte_pktmbuf_mtod(m, const struct ip4_hdr *);
	uint32_t room = (mtu - sizeof(ip)) & ~7u;

	for (uint32_t off = sizeof(ip); off < m->pkt_len; off += room) {
		struct rte_mbuf *p = piece(env, m, ip, off, RTE_MIN(room, m->pkt_len - off));

		if (!p) {
			pkt_drop(env, m, DROP_NO_MBUF);
			return -ENOBUFS;
		}
		tx(ctx, p);
	}
	rte_pktmbuf_free(m);
	return 0;
}
