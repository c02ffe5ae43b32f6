/* SPDX-License-Identifier: BSD-3-Clause */
#include "ip/frag_priv.h"

#include "wire/byteorder.h"

#include <rte_ip.h>

static void bury(struct frag *f, enum drop_reason reason)
{
	for (uint32_t i = 0; i < f->dead.cnt; i++)
		pkt_drop(f->env, f->dead.row[i], reason);
	f->dead.cnt = 0;
}

/* Is it one that may be part of a datagram of at most 65,535 bytes? */
static bool frag_ok(const struct ip4_hdr *h, unsigned int hlen)
{
	unsigned int len = be16(h->len) - hlen;
	unsigned int off = (be16(h->frag) & IP4_OFFSET) * 8u;
	bool more = h->frag & be16(IP4_MF);

	return len && (!more || len % 8 == 0) && hlen + off + len <= IP4_MAX_PKT;
}

/*
 * The library's key has no protocol (RFC 791 wants it there), but it takes its key from a header
 * that need not be the packet's: here one with protocol and number of the destination instead of
 * its address.
 */
static struct rte_ipv4_hdr key_of(const struct ip4_hdr *h, uint32_t dst)
{
	return (struct rte_ipv4_hdr){
		.version_ihl = h->ver_ihl,
		.total_length = h->len,
		.packet_id = h->id,
		.fragment_offset = h->frag & (uint16_t)~be16(IP4_DF),
		.src_addr = h->src,
		.dst_addr = (uint32_t)h->proto << 24 | dst,
	};
}

struct rte_mbuf *frag_rx(struct frag *f, struct rte_mbuf *m, unsigned int hlen, uint32_t dst)
{
	const struct ip4_hdr *h = rte_pktmbuf_mtod(m, const struct ip4_hdr *);
	struct rte_ipv4_hdr key;
	struct rte_mbuf *whole;

	if (!frag_ok(h, hlen)) {
		pkt_drop(f->env, m, DROP_FRAG_BAD);
		return NULL;
	}
	key = key_of(h, dst);
	m->l2_len = 0;
	m->l3_len = hlen;
	whole = rte_ipv4_frag_reassemble_packet(f->table, &f->dead, m, f->env->now, &key);
	/* One that dies alone found no place; one that does not fit takes its datagram with it. */
	bury(f, f->dead.cnt == 1 && f->dead.row[0] == m ? DROP_FRAG_FULL : DROP_FRAG_BAD);
	if (!whole) {
		f->empty_at = f->env->now + FRAG_TIMEOUT_NS + FRAG_SCAN_NS;
		if (f->scan_at == UINT64_MAX)
			f->scan_at = f->env->now + FRAG_SCAN_NS;
		return NULL;
	}
	/* What the port said was about the pieces. */
	whole->ol_flags &= ~(RTE_MBUF_F_RX_IP_CKSUM_MASK | RTE_MBUF_F_RX_L4_CKSUM_MASK);
	if (whole->nb_segs > 1)
		rte_pktmbuf_linearize(whole); /* when it fits into its first segment */
	return whole;
}

void frag_timers(struct frag *f, void (*exceeded)(void *ctx, struct rte_mbuf *m), void *ctx)
{
	if (f->env->now < f->scan_at)
		return;
	rte_ip_frag_table_del_expired_entries(f->table, &f->dead, f->env->now);
	for (uint32_t i = 0; i < f->dead.cnt; i++) {
		struct rte_mbuf *m = f->dead.row[i];
		const struct ip4_hdr *h = rte_pktmbuf_mtod(m, const struct ip4_hdr *);

		if (!(h->frag & be16(IP4_OFFSET)))
			exceeded(ctx, m);
	}
	bury(f, DROP_FRAG_TIMEOUT);
	f->scan_at = f->env->now < f->empty_at ? f->env->now + FRAG_SCAN_NS : UINT64_MAX;
}

uint64_t frag_next(const struct frag *f)
{
	return f->scan_at;
}
