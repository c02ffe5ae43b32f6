/* SPDX-License-Identifier: BSD-3-Clause */
/* ICMP errors of our own (RFC 792; RFC 1122, 3.2.2). */
#include "ip/ip_priv.h"

#include "base/bucket.h"
#include "wire/byteorder.h"
#include "wire/cksum.h"

#include <string.h>

/* An error is at most 576 bytes long (RFC 1812, 4.3.2.3). */
#define QUOTE_MAX (576u - IP4_MIN_LEN - sizeof(struct icmp_hdr))

static bool is_icmp_error(const struct ip4_hdr *h, uint32_t avail)
{
	unsigned int hlen = ip4_hdr_len(h);
	uint8_t type;

	if (h->proto != IP_PROTO_ICMP)
		return false;
	if (avail <= hlen)
		return true; /* can't tell */
	type = ((const uint8_t *)h)[hlen];
	return type != ICMP_ECHO && type != ICMP_ECHO_REPLY;
}

/* May there be an error about @h at all? (RFC 1122, 3.2.2; groups never get here.) */
static bool may_answer(const struct ip *ip, const struct ip4_hdr *h, uint32_t avail)
{
	const struct ip_local *l = ip_local4(ip, h->dst);

	return l && !l->silent && !(h->frag & be16(IP4_OFFSET)) && !ip4_is_bad_source(h->src) &&
		!is_icmp_error(h, avail);
}

void icmp_error(struct ip *ip, const struct ip4_hdr *h, uint32_t avail, uint8_t type, uint8_t code)
{
	struct ip_flow flow = {
		.src = ip_addr_v4(h->dst),
		.dst = ip_addr_v4(h->src),
		.proto = IP_PROTO_ICMP,
	};
	uint32_t n = RTE_MIN(avail, (uint32_t)QUOTE_MAX);
	struct icmp_hdr *icmp;
	struct rte_mbuf *m;

	if (!may_answer(ip, h, avail))
		return;
	if (!bucket_take(&ip->icmp_full_at, ip->env->now, ip->icmp_cost, ICMP_BURST)) {
		pkt_count(ip->env, DROP_ICMP_RATE);
		return;
	}
	m = pkt_alloc(ip->env);
	icmp = m ? (void *)rte_pktmbuf_append(m, (uint16_t)(sizeof(*icmp) + n)) : NULL;
	if (!icmp) {
		rte_pktmbuf_free(m);
		pkt_count(ip->env, DROP_NO_MBUF);
		return;
	}
	*icmp = (struct icmp_hdr){ .type = type, .code = code };
	memcpy(icmp + 1, h, n);
	icmp->cksum = cksum_finish(cksum_add(0, icmp, sizeof(*icmp) + n));
	ip_tx(ip, m, &flow);
}

void ip_icmp_unreach(struct ip *ip, struct rte_mbuf *m, uint8_t code)
{
	const char *l4 = rte_pktmbuf_mtod(m, const char *);

	icmp_error(ip, (const struct ip4_hdr *)(l4 - m->l3_len), m->l3_len + m->data_len,
		   ICMP_UNREACH, code);
}
