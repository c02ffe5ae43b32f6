/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the simulated guest has sent, until it is acknowledged: the host may ask for it again. Where
 * the program says how (sg_ops.rewind) nothing is kept.
 */
#include "simguest_sock.h"

#include <stdlib.h>
#include <string.h>

static bool keeps(const struct sg_sock *s)
{
	return !s->sg->cfg.ops->rewind;
}

/* Acknowledged bytes go when they are half of what is there. */
static void forget_acked(struct sg_sock *s)
{
	size_t n = s->tx_acked - s->keep_off, len = s->tx_off - s->keep_off;

	if (2 * n < len)
		return;
	memmove(s->keep, s->keep + n, len - n);
	s->keep_off = s->tx_acked;
}

bool sg_keep(struct sg_sock *s, const void *p, uint32_t n)
{
	size_t len;

	if (!n || !keeps(s))
		return true;
	if (s->tx_off > s->keep_off)
		forget_acked(s);
	len = s->tx_off - s->keep_off;
	if (len + n > s->keep_size) {
		uint8_t *keep = realloc(s->keep, 2 * (len + n));

		if (!keep)
			return false;
		s->keep = keep;
		s->keep_size = 2 * (len + n);
	}
	memcpy(s->keep + len, p, n);
	return true;
}

void sg_rewound(struct sg_sock *s, uint64_t off)
{
	struct simguest *sg = s->sg;

	if (off < s->tx_acked || off > s->tx_cur) {
		sg->odd++;
		return;
	}
	s->rewinds++;
	s->tx_cur = off;
	if (keeps(s)) {
		s->resend = true;
		sg_owe(s);
	} else {
		s->tx_off = off;
		sg->cfg.ops->rewind(sg, s);
	}
}

int sg_resend(struct sg_sock *s)
{
	const uint8_t *p = s->keep + (s->tx_cur - s->keep_off);

	if (s->dead) {
		s->resend = false;
		return 0;
	}
	if (s->tx_cur < s->tx_off)
		sg_pieces(s, p, (uint32_t)(s->tx_off - s->tx_cur));
	if (s->tx_cur < s->tx_off || (s->fin && sg_put_fin(s) < 0))
		return -EAGAIN;
	s->resend = false;
	return 0;
}
