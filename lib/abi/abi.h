/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/*
 * The contract between outsock.ko (guest) and outsockd (host): message header, kinds, limits.
 *
 * Messages travel in the virtqueues of an ordinary vhost-user-net device. Queue pair k has an RX
 * virtqueue (2k, host to guest) and a TX virtqueue (2k + 1, guest to host). One descriptor chain
 * carries one message:
 *
 *	virtio_net_hdr_mrg_rxbuf (12 bytes; zero, num_buffers = 1)  |  outsock_hdr  |  body
 *
 * Everything is little-endian, except ports and addresses, which are in network order. Fields
 * that are not named for a message are sent as zero and ignored on receipt. Unknown operations
 * are answered with ENOSYS (requests) or end the session (everything else).
 *
 * An error number on the wire is the positive Linux number (asm-generic/errno.h).
 */
#ifndef OUTSOCK_ABI_H
#define OUTSOCK_ABI_H

#include <linux/types.h>

#define OUTSOCK_ABI_VERSION	1

/* The module takes virtio-net devices whose MAC begins with these bytes ("out"). */
#define OUTSOCK_MAC_PREFIX	{ 0x02, 0x6f, 0x75, 0x74 }
#define OUTSOCK_MAC_PREFIX_LEN	4

#define OUTSOCK_NET_HDR_LEN	12		/* struct virtio_net_hdr_mrg_rxbuf */
#define OUTSOCK_BODY_MAX	65536u		/* bytes after the outsock_hdr, guest to host */
#define OUTSOCK_CHAIN_MAX	40		/* descriptors in one chain, guest to host */
#define OUTSOCK_RX_BUF_MIN	512		/* bytes; a smaller RX buffer: session error */
#define OUTSOCK_QUEUE_PAIRS_MAX	8

/* Socket ids: the guest's own are below its quota, the host's (accepted sockets) carry the bit. */
#define OUTSOCK_ID_HOST		0x80000000u
#define OUTSOCK_ID_NONE		0xffffffffu

/*
 * The operations: X(name, value, direction)
 *
 * REQ: guest to host, answered by one message of the same op with OUTSOCK_F_REPLY, the same
 *	cookie (off) and the status. Requests are idempotent: "make it so".
 * EVT: host to guest. BOTH: either way.
 */
#define OUTSOCK_OPS(X)			\
	X(EPOCH,	1, EVT)		\
	X(HELLO,	2, REQ)		\
	X(RESUME,	3, REQ)		\
	X(RESUME_END,	4, REQ)		\
	X(SOCKET,	16, REQ)	\
	X(BIND,		17, REQ)	\
	X(LISTEN,	18, REQ)	\
	X(CONNECT,	19, REQ)	\
	X(SETOPT,	20, REQ)	\
	X(GETOPT,	21, REQ)	\
	X(CLOSE,	22, REQ)	\
	X(INFO,		23, REQ)	\
	X(DATA,		32, BOTH)	\
	X(DGRAM,	33, BOTH)	\
	X(CREDIT,	34, BOTH)	\
	X(PACKET,	35, BOTH)	\
	X(CONNECTED,	48, EVT)	\
	X(ACCEPTED,	49, EVT)	\
	X(PEER_CLOSED,	50, EVT)	\
	X(ERROR,	51, EVT)	\
	X(CLOSED,	52, EVT)

enum outsock_op {
#define OUTSOCK_OP_ENUM(name, value, dir) OUTSOCK_OP_##name = value,
	OUTSOCK_OPS(OUTSOCK_OP_ENUM)
#undef OUTSOCK_OP_ENUM
};

/* Flags of a message. */
#define OUTSOCK_F_REPLY		0x01	/* this is the answer to a request */
#define OUTSOCK_F_FIN		0x02	/* DATA from the guest: the stream ends with this message */
#define OUTSOCK_F_MORE		0x04	/* DGRAM to the guest: the next fragment follows */
#define OUTSOCK_F_FATAL		0x08	/* ERROR: the connection is gone (else: SO_ERROR only) */
#define OUTSOCK_F_PUSH		0x10	/* DATA from the guest: no more is about to follow */
#define OUTSOCK_F_AGAIN		0x20	/* BIND: the guest has kept the port since then */
#define OUTSOCK_F_REWIND	0x40	/* CREDIT to the guest: send again from hdr.off on */

/**
 * struct outsock_hdr - the head of every message
 * @op:		enum outsock_op
 * @flags:	OUTSOCK_F_*
 * @status:	replies and ERROR: error number, 0 for success
 * @len:	bytes of body after this header
 * @epoch:	the host's epoch for this session. EPOCH announces it; a message with another one is
 *		dropped and counted, in both directions (HELLO is the one exception)
 * @sock:	socket id, OUTSOCK_ID_NONE where no socket is meant
 * @off:	REQ and replies: the guest's cookie. DATA: stream offset of the first byte of the
 *		body. DGRAM to the guest: offset of this fragment in its datagram. PEER_CLOSED:
 *		length of the peer's stream. ACCEPTED: the receive credit that the new socket was
 *		born with (the listener may have granted another one since). CREDIT to the guest
 *		with OUTSOCK_F_REWIND: the first byte that the host has dropped. Stream offsets
 *		begin with 0 at the connection's start.
 * @pos:	the other direction's position:
 *		to the guest, DATA, CREDIT, PEER_CLOSED: the offset up to which the peer has
 *		acknowledged the guest's stream (FIN not counted). The guest may send up to
 *		@pos + snd_win (see CONNECTED, ACCEPTED).
 *		from the guest, DATA, CREDIT, CONNECT: the receive credit, the offset up to which
 *		the guest can take the peer's stream. It never shrinks.
 *		from the guest, LISTEN, CREDIT on a listener: the number of connections, counted
 *		from the first LISTEN, which the guest can take.
 *		from the guest, SOCKET, CREDIT on a datagram socket: bytes of datagrams, counted
 *		from the socket's creation, which it can take; each datagram costs its length and
 *		OUTSOCK_DGRAM_OVERHEAD. What exceeds it is dropped and counted.
 *		DGRAM to the guest: length of the whole datagram.
 */
struct outsock_hdr {
	__u8	op;
	__u8	flags;
	__le16	status;
	__le32	len;
	__le32	epoch;
	__le32	sock;
	__le64	off;
	__le64	pos;
};

#define OUTSOCK_DGRAM_OVERHEAD	256u

/* Families and types on the wire. */
#define OUTSOCK_INET		4
#define OUTSOCK_INET6		6
#define OUTSOCK_STREAM		1
#define OUTSOCK_DGRAM		2

/**
 * struct outsock_addr - a transport address
 * @family:	OUTSOCK_INET, OUTSOCK_INET6; 0: none (an unbound or unconnected side)
 * @port:	network order
 * @scope:	IPv6 zone, else 0
 * @addr:	network order; IPv4 in the first four bytes, the rest zero
 */
struct outsock_addr {
	__u8	family;
	__u8	reserved;
	__be16	port;
	__le32	scope;
	__u8	addr[16];
};

/*
 * HELLO. The guest sends it when it sees a new epoch. hdr.epoch is the epoch it answers (0: not
 * yet seen one). A boot id other than the session's ends that session; the host then draws a new
 * epoch, announces it on every queue, and only then replies.
 */
struct outsock_hello {
	__le16	version_min;
	__le16	version_max;
	__le32	features;		/* OUTSOCK_FEAT_*: what the guest can do */
	__u8	boot_id[16];		/* random, drawn once by each load of the module */
	__le16	queue_pairs;		/* in use */
	__le16	reserved[3];
};

#define OUTSOCK_FEAT_RESUME	(1u << 0)	/* RESUME is understood */
#define OUTSOCK_FEAT_PACKET	(1u << 1)	/* PACKET is understood */
#define OUTSOCK_FEAT_INET6	(1u << 2)	/* native IPv6 sockets */

#define OUTSOCK_HELLO_ADDRS	8

struct outsock_hello_addr {
	__u8	family;
	__u8	prefix_len;
	__le16	reserved;
	__u8	addr[16];
};

/* The body of HELLO's reply; hdr.epoch is the session's. */
struct outsock_hello_reply {
	__le16	version;		/* the one in force */
	__le16	mtu;			/* of the guest's port */
	__le32	features;		/* in force: offered by both */
	__le32	max_sockets;		/* guest-chosen ids are below this */
	__le16	eph_first, eph_last;	/* the host's ephemeral ports, inclusive */
	__le32	grace_ms;
	__le16	n_addrs;
	__le16	reserved;
	struct outsock_hello_addr addrs[OUTSOCK_HELLO_ADDRS];
};

#define OUTSOCK_ASSERT_SIZE(type, size) \
	_Static_assert(sizeof(type) == (size), #type " has another size than the ABI says")
#define OUTSOCK_ASSERT_OFF(type, field, off) \
	_Static_assert(__builtin_offsetof(type, field) == (off), #type "." #field " has moved")

OUTSOCK_ASSERT_SIZE(struct outsock_hdr, 32);
OUTSOCK_ASSERT_OFF(struct outsock_hdr, len, 4);
OUTSOCK_ASSERT_OFF(struct outsock_hdr, sock, 12);
OUTSOCK_ASSERT_OFF(struct outsock_hdr, off, 16);
OUTSOCK_ASSERT_OFF(struct outsock_hdr, pos, 24);
OUTSOCK_ASSERT_SIZE(struct outsock_addr, 24);
OUTSOCK_ASSERT_SIZE(struct outsock_hello, 32);
OUTSOCK_ASSERT_SIZE(struct outsock_hello_addr, 20);
OUTSOCK_ASSERT_SIZE(struct outsock_hello_reply, 24 + 20 * OUTSOCK_HELLO_ADDRS);

#endif
