/* SPDX-License-Identifier: BSD-3-Clause */
/* TCP on the wire (RFC 9293, 3.1). Multi-byte fields in network order. */
#ifndef OUTSOCK_WIRE_TCP_H
#define OUTSOCK_WIRE_TCP_H

#include <stdint.h>

struct tcp_hdr {
	uint16_t sport, dport;
	uint32_t seq, ack;
	uint8_t off;   /* high 4 bits: header length in 32-bit words */
	uint8_t flags; /* TCP_F_* */
	uint16_t win;
	uint16_t cksum;
	uint16_t urp;
} __attribute__((packed, aligned(2)));

_Static_assert(sizeof(struct tcp_hdr) == 20, "RFC 9293, 3.1");

#define TCP_HDR_MIN 20u
#define TCP_HDR_MAX 60u

#define TCP_F_FIN 0x01
#define TCP_F_SYN 0x02
#define TCP_F_RST 0x04
#define TCP_F_PSH 0x08
#define TCP_F_ACK 0x10
#define TCP_F_URG 0x20
#define TCP_F_ECE 0x40 /* RFC 3168 */
#define TCP_F_CWR 0x80

/* Option kinds. */
#define TCP_OPT_END	  0
#define TCP_OPT_NOP	  1
#define TCP_OPT_MSS	  2 /* RFC 9293, 3.7.1 */
#define TCP_OPT_WSCALE	  3 /* RFC 7323, 2 */
#define TCP_OPT_SACK_PERM 4 /* RFC 2018, 2 */
#define TCP_OPT_SACK	  5 /* RFC 2018, 3 */
#define TCP_OPT_TS	  8 /* RFC 7323, 3 */

/* Bytes of an option, kind and length included. */
#define TCP_OPT_MSS_LEN	      4
#define TCP_OPT_WSCALE_LEN    3
#define TCP_OPT_SACK_PERM_LEN 2
#define TCP_OPT_TS_LEN	      10

static inline unsigned int tcp_hdr_len(const struct tcp_hdr *h)
{
	return (h->off >> 4) * 4u;
}

#endif
