/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/*
 * Control requests of the guest and the bodies of their replies. hdr.sock names the socket,
 * hdr.off the cookie. Requests may be pipelined: a ring is in order, and each one is answered.
 * A reply of failure has no body.
 *
 * A socket lives on the queue pair on which its SOCKET request came (an accepted one on its
 * listener's): all of its messages, both ways, use that pair.
 */
#ifndef OUTSOCK_ABI_CMD_H
#define OUTSOCK_ABI_CMD_H

#include "abi.h"

/* SOCKET: hdr.sock is a free id of the guest's own, hdr.pos a datagram socket's first credit. */
struct outsock_cmd_socket {
	__u8	family;			/* OUTSOCK_INET, OUTSOCK_INET6 */
	__u8	type;			/* OUTSOCK_STREAM, OUTSOCK_DGRAM */
	__u8	v6only;
	__u8	reserved;
	__le32	sndbuf;			/* bytes to keep unacknowledged; 0: host's choice; what is
					 * outside of OUTSOCK_SNDBUF_* is brought inside */
};

/*
 * BIND and CONNECT. The reply's body is one more outsock_addr: the local address (with the port
 * that the host chose, where 0 was asked). CONNECT's reply of success comes before the SYN leaves;
 * then CONNECTED or ERROR follows (a datagram socket: the reply is all; family 0 disconnects it).
 *
 * A stream socket is disconnected, or made new after it failed to connect, by CLOSE and SOCKET. To
 * be bound as before it says BIND with OUTSOCK_F_AGAIN: connections on its port are no reason
 * against that. (Against LISTEN they are, as Linux has it.)
 */
struct outsock_cmd_addr {
	struct outsock_addr addr;
};

/* LISTEN: again at any time, with another credit in hdr.pos. */
struct outsock_cmd_listen {
	__le32	backlog;		/* handshakes in progress at one time */
	__le32	rcv_win;		/* first receive credit of each accepted socket */
};

/* SETOPT, GETOPT and GETOPT's reply. */
struct outsock_cmd_opt {
	__le16	opt;			/* enum outsock_opt */
	__le16	reserved;
	__le32	value;
};

/*
 * CLOSE. The host sends what is before @tx_off and then FIN (a datagram socket, a listener: it just
 * goes away). The id is free again after CLOSED, never earlier.
 */
struct outsock_cmd_close {
	__le64	tx_off;			/* length of the guest's stream */
	__le32	flags;			/* OUTSOCK_CLOSE_* */
	__le32	reserved;
};

/*
 * INFO: no body. The reply says how a connection is doing, at this moment; nothing else waits for
 * it. EOPNOTSUPP for a datagram socket.
 */
struct outsock_info {
	__u8	state;			/* as Linux numbers them: 1 ESTABLISHED ... 11 CLOSING */
	__u8	recovering;		/* OUTSOCK_INFO_* */
	__u8	retries;		/* time-outs or probes in a row */
	__u8	backoff;		/* times that the time-out was doubled */
	__le32	rto_us;
	__le32	srtt_us;		/* 0: not measured yet */
	__le32	rttvar_us;
	__le32	cwnd;			/* these three in bytes */
	__le32	ssthresh;		/* OUTSOCK_INFO_NONE: none yet */
	__le32	in_flight;
	__le32	retrans;		/* segments sent again, since the connection's start */
	__le32	mss;			/* to the peer; without the options of each segment */
	__le32	adv_mss;		/* our own MSS option */
	__le32	pmtu;
	__le32	snd_wnd;		/* the peer's window */
	__le32	rcv_wnd;		/* ours, as it was last advertised */
	__le32	tx_age_ms;		/* since data was last sent */
	__le32	rx_age_ms;		/* since a segment was last received */
	__le32	reserved;
};

#define OUTSOCK_INFO_OPEN	0
#define OUTSOCK_INFO_RECOVERY	1	/* by duplicate acknowledgements */
#define OUTSOCK_INFO_LOSS	2	/* by a time-out */
#define OUTSOCK_INFO_NONE	0xffffffffu

#define OUTSOCK_CLOSE_ABORT	1u	/* RST now, discard everything */
#define OUTSOCK_CLOSE_UNREAD	2u	/* the program left bytes unread: RST (RFC 2525, 2.17) */

#define OUTSOCK_SNDBUF_MIN	2048
#define OUTSOCK_SNDBUF_MAX	0x40000000

/*
 * Options that the host keeps: X(name, value, first value a guest may set, last value). 15 was
 * PRIORITY, which no host has kept, and stays free.
 */
#define OUTSOCK_OPTS(X)						\
	X(REUSEADDR,		1,	0,	1)		\
	X(REUSEPORT,		2,	0,	1)		\
	X(BROADCAST,		3,	0,	1)		\
	X(KEEPALIVE,		4,	0,	1)		\
	X(SNDBUF,		5,	OUTSOCK_SNDBUF_MIN, OUTSOCK_SNDBUF_MAX) \
	X(TOS,			6,	0,	255)		\
	X(TTL,			7,	1,	255)		\
	X(NODELAY,		8,	0,	1)		\
	X(CORK,			9,	0,	1)		\
	X(MAXSEG,		10,	88,	32767)		\
	X(KEEPIDLE,		11,	1,	32767)		\
	X(KEEPINTVL,		12,	1,	32767)		\
	X(KEEPCNT,		13,	1,	127)		\
	X(USER_TIMEOUT,		14,	0,	0x7fffffff)	\
	X(DF,			16,	0,	1)		\
	X(SYNCNT,		17,	1,	127)		\
	X(QUICKACK,		18,	0,	1)

enum outsock_opt {
#define OUTSOCK_OPT_ENUM(name, value, first, last) OUTSOCK_OPT_##name = value,
	OUTSOCK_OPTS(OUTSOCK_OPT_ENUM)
#undef OUTSOCK_OPT_ENUM
	OUTSOCK_OPT_MAX = 19
};

OUTSOCK_ASSERT_SIZE(struct outsock_cmd_socket, 8);
OUTSOCK_ASSERT_SIZE(struct outsock_cmd_addr, 24);
OUTSOCK_ASSERT_SIZE(struct outsock_cmd_listen, 8);
OUTSOCK_ASSERT_SIZE(struct outsock_cmd_opt, 8);
OUTSOCK_ASSERT_SIZE(struct outsock_cmd_close, 16);
OUTSOCK_ASSERT_SIZE(struct outsock_info, 64);

#endif
