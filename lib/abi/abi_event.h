/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/*
 * Events, host to guest. For one socket they come in the order of the stream:
 * CONNECTED or ACCEPTED, DATA..., PEER_CLOSED, CLOSED. ERROR may come at any time.
 *
 * EPOCH	no body; the first message on each queue after its ring starts, again when a new
 *		session begins. hdr.epoch is the announcement.
 * PEER_CLOSED	no body; the peer has sent FIN after hdr.off bytes.
 * ERROR	no body; hdr.status. With OUTSOCK_F_FATAL the connection is gone (ECONNRESET,
 *		ECONNREFUSED, ETIMEDOUT...), and bytes not yet delivered with it.
 * CLOSED	no body; the host has forgotten the id: all bytes and the FIN were acknowledged, or
 *		an ERROR with OUTSOCK_F_FATAL came before. It follows CLOSE, never comes unasked.
 */
#ifndef OUTSOCK_ABI_EVENT_H
#define OUTSOCK_ABI_EVENT_H

#include "abi_data.h"

/**
 * struct outsock_evt_conn - CONNECTED, ACCEPTED
 * @listener:	ACCEPTED: the listening socket's id (hdr.sock is the new one, with OUTSOCK_ID_HOST)
 * @snd_win:	bytes the guest may have sent and not yet acknowledged, from now on
 * @record:	addresses and everything that a resumption needs
 */
struct outsock_evt_conn {
	__le32	listener;
	__le32	snd_win;
	struct outsock_resume record;
};

OUTSOCK_ASSERT_SIZE(struct outsock_evt_conn, 72);

#endif
