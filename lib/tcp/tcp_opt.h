/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TCP options as a pure structure (RFC 9293, 3.1 and 3.2; RFC 7323): parsing is total on any bytes,
 * what is malformed or unknown is skipped.
 */
#ifndef OUTSOCK_TCP_TCP_OPT_H
#define OUTSOCK_TCP_TCP_OPT_H

#include <stdint.h>

#define TCP_HAS_MSS	  0x01
#define TCP_HAS_WSCALE	  0x02
#define TCP_HAS_TS	  0x04
#define TCP_HAS_SACK_PERM 0x08

#define TCP_WSCALE_MAX 14 /* RFC 7323, 2.3 */
#define TCP_OPTS_MAX   40u

/**
 * struct tcp_opts - the options of one segment
 * @has:	TCP_HAS_*
 * @wscale:	shift, at most TCP_WSCALE_MAX
 * @mss:	bytes
 * @ts_val, @ts_ecr: host order
 */
struct tcp_opts {
	uint8_t has;
	uint8_t wscale;
	uint16_t mss;
	uint32_t ts_val, ts_ecr;
};

/* NOP NOP TS: the form in which nearly every stack sends a lone timestamp, in memory order. */
#define TCP_OPT_TS_WORD	   0x0a080101u
#define TCP_OPT_TS_ALIGNED 12u

/* @len bytes of options, 0 to 40. */
void tcp_opt_parse(const uint8_t *p, unsigned int len, struct tcp_opts *ret_opts);

/* Writes @o at @p (room for TCP_OPTS_MAX); the length, a multiple of 4. */
unsigned int tcp_opt_write(uint8_t *p, const struct tcp_opts *o);

#endif
