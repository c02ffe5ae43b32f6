/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/tcp_opt.h"

#include "wire/byteorder.h"
#include "wire/tcp.h"

/* One option whose @len bytes at @p are there; one of another length than its kind's is ignored. */
static void parse_one(const uint8_t *p, unsigned int len, struct tcp_opts *o)
{
	switch (p[0] << 8 | len) {
	case TCP_OPT_MSS << 8 | TCP_OPT_MSS_LEN:
		o->mss = be16_get(p + 2);
		o->has |= TCP_HAS_MSS;
		break;
	case TCP_OPT_WSCALE << 8 | TCP_OPT_WSCALE_LEN:
		o->wscale = p[2] > TCP_WSCALE_MAX ? TCP_WSCALE_MAX : p[2];
		o->has |= TCP_HAS_WSCALE;
		break;
	case TCP_OPT_SACK_PERM << 8 | TCP_OPT_SACK_PERM_LEN:
		o->has |= TCP_HAS_SACK_PERM;
		break;
	case TCP_OPT_TS << 8 | TCP_OPT_TS_LEN:
		o->ts_val = be32_get(p + 2);
		o->ts_ecr = be32_get(p + 6);
		o->has |= TCP_HAS_TS;
		break;
	}
}

void tcp_opt_parse(const uint8_t *p, unsigned int len, struct tcp_opts *ret_opts)
{
	unsigned int i = 0;

	*ret_opts = (struct tcp_opts){ 0 };
	while (i < len && p[i] != TCP_OPT_END) {
		unsigned int n;

		if (p[i] == TCP_OPT_NOP) {
			i++;
			continue;
		}
		/* A length that can not be ends the list: what follows has no beginning. */
		if (len - i < 2 || p[i + 1] < 2 || p[i + 1] > len - i)
			return;
		n = p[i + 1];
		parse_one(p + i, n, ret_opts);
		i += n;
	}
}

unsigned int tcp_opt_write(uint8_t *p, const struct tcp_opts *o)
{
	uint8_t *start = p;

	if (o->has & TCP_HAS_MSS) {
		*p++ = TCP_OPT_MSS;
		*p++ = TCP_OPT_MSS_LEN;
		be16_put(p, o->mss);
		p += 2;
	}
	if (o->has & TCP_HAS_TS) {
		/* SACK-permitted fills the two bytes that align the timestamp. */
		*p++ = o->has & TCP_HAS_SACK_PERM ? TCP_OPT_SACK_PERM : TCP_OPT_NOP;
		*p++ = o->has & TCP_HAS_SACK_PERM ? TCP_OPT_SACK_PERM_LEN : TCP_OPT_NOP;
		*p++ = TCP_OPT_TS;
		*p++ = TCP_OPT_TS_LEN;
		be32_put(p, o->ts_val);
		be32_put(p + 4, o->ts_ecr);
		p += 8;
	} else if (o->has & TCP_HAS_SACK_PERM) {
		*p++ = TCP_OPT_NOP;
		*p++ = TCP_OPT_NOP;
		*p++ = TCP_OPT_SACK_PERM;
		*p++ = TCP_OPT_SACK_PERM_LEN;
	}
	if (o->has & TCP_HAS_WSCALE) {
		*p++ = TCP_OPT_NOP;
		*p++ = TCP_OPT_WSCALE;
		*p++ = TCP_OPT_WSCALE_LEN;
		*p++ = o->wscale;
	}
	return (unsigned int)(p - start);
}
