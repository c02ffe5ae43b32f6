/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/*
 * Data in flight: DATA, DGRAM, CREDIT, PACKET, and the record from which a connection is resumed.
 *
 * DATA: the body is stream bytes. From the guest, a body may begin below what the host has already
 * taken (the known part is skipped), never beyond it (session error), nor end beyond
 * acknowledged offset + snd_win. A DATA of length 0 with OUTSOCK_F_FIN is a half-close.
 * To the guest: exactly in order.
 *
 * The window is no promise of memory. Where the host has none (peers that read nothing hold it) it
 * drops the rest of a DATA and every one of this socket that follows, a FIN with them, so that
 * other sockets go on. CREDIT with OUTSOCK_F_REWIND says when there is room again, and from where
 * on the guest, which keeps all bytes until they are acknowledged, is to send once more.
 *
 * CREDIT has no body. At most one a socket and turn, and only where no DATA carried the news.
 *
 * PACKET: the body is one IP packet of the guest's own stack (OUTSOCK_FEAT_PACKET).
 */
#ifndef OUTSOCK_ABI_DATA_H
#define OUTSOCK_ABI_DATA_H

#include "abi.h"

/*
 * DGRAM: the body begins with the peer's address: from the guest the destination (family 0: the
 * connected one), to the guest the sender. A datagram larger than the guest's RX buffer comes in
 * fragments on consecutive messages of the queue: hdr.off counts payload bytes, hdr.pos is the
 * total, all but the last have OUTSOCK_F_MORE, and each begins with the address.
 */
struct outsock_dgram {
	struct outsock_addr addr;
};

/**
 * struct outsock_resume - what a connection was born with (fixed at CONNECTED or ACCEPTED)
 * @version:	1
 * @size:	64
 * @family:	OUTSOCK_INET, OUTSOCK_INET6
 * @flags:	OUTSOCK_RESUME_*: what both sides agreed on
 * @local_port, @peer_port: network order
 * @peer_mss:	the peer's MSS option (RFC 9293, 3.7.1)
 * @snd_shift, @rcv_shift: window scale towards the peer's and our window field (RFC 7323, 2)
 * @iss, @irs:	initial sequence numbers, ours and the peer's
 * @ts_offset:	added to the host's clock for our TSval (RFC 7323, 5.4)
 * @local, @peer: addresses in network order
 */
struct outsock_resume {
	__u8	version;
	__u8	size;
	__u8	family;
	__u8	flags;
	__be16	local_port;
	__be16	peer_port;
	__le16	peer_mss;
	__u8	snd_shift;
	__u8	rcv_shift;
	__le32	iss;
	__le32	irs;
	__le32	ts_offset;
	__u8	local[16];
	__u8	peer[16];
	__u8	reserved[8];
};

#define OUTSOCK_RESUME_WSCALE	0x01
#define OUTSOCK_RESUME_TS	0x02
#define OUTSOCK_RESUME_SACK	0x04
#define OUTSOCK_RESUME_ECN	0x08

/* RESUME: hdr.sock the id, hdr.pos the receive credit. */
struct outsock_cmd_resume {
	struct outsock_resume record;
	__le64	rcv_off;		/* bytes of the peer's stream that the guest holds */
	__le64	acked_off;		/* bytes of its own that it knows to be acknowledged */
	__le64	sent_off;		/* highest byte ever put into a ring */
	__le32	flags;			/* OUTSOCK_RESUME_* below */
	__le32	snd_win;
};

#define OUTSOCK_RESUME_TX_FIN	0x100	/* the guest has closed its direction at sent_off */
#define OUTSOCK_RESUME_PEER_FIN	0x200	/* PEER_CLOSED was seen */
#define OUTSOCK_RESUME_ORPHAN	0x400	/* no program holds the socket any more */

OUTSOCK_ASSERT_SIZE(struct outsock_dgram, 24);
OUTSOCK_ASSERT_SIZE(struct outsock_resume, 64);
OUTSOCK_ASSERT_OFF(struct outsock_resume, iss, 12);
OUTSOCK_ASSERT_OFF(struct outsock_resume, local, 24);
OUTSOCK_ASSERT_SIZE(struct outsock_cmd_resume, 96);

#endif
