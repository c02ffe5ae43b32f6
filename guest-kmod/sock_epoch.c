// SPDX-License-Identifier: GPL-2.0
/*
 * What becomes of a socket when the host's epoch changes or the device goes (session.c calls these
 * for every socket that has an id).
 */
#include "compat.h"
#include "cmd.h"
#include "dev.h"
#include "mib.h"
#include "sock.h"

static bool osk_is_connection(const struct osk *os)
{
	int state = osk_sk(os)->sk_state;

	return os->stream && state != TCP_LISTEN && state != TCP_SYN_SENT &&
	       (state != TCP_CLOSE || os->dead);
}

/* lock held: who waits for CONNECT's reply looks whether the host is there */
static void osk_stop_asking(struct osk *os)
{
	if (os->asking)
		osk_sk(os)->sk_state_change(osk_sk(os));
}

void osk_link_lost(struct osk *os, void *unused)
{
	spin_lock(&os->lock);
	osk_stop_asking(os);
	spin_unlock(&os->lock);
}

void osk_epoch_lost(struct osk *os, void *unused)
{
	bool gone, orphan;
	u32 id = OUTSOCK_ID_NONE;

	spin_lock(&os->lock);
	orphan = os->closing;
	gone = orphan || osk_is_connection(os);
	if (gone && !orphan && !os->dead) {
		OSMIB_INC(conn_lost);
		osk_fatal(os, ECONNRESET);
	}
	if (gone)
		id = osk_leave_id(os);
	os->declared = false;
	osk_stop_asking(os);
	if (gone && orphan) {
		osk_set_state(osk_sk(os), TCP_CLOSE);
		osk_sk(os)->sk_state_change(osk_sk(os));
		osk_orphan_gone(os);
	}
	spin_unlock(&os->lock);
	if (gone)
		osk_drop_id(os, id, false);
}

static int osk_send_listen(struct osk *os)
{
	struct outsock_cmd_listen cmd = {
		.backlog = cpu_to_le32(os->backlog),
		.rcv_win = cpu_to_le32(osk_rcv_space(os)),
	};
	struct osreq *req = osreq_new(os->q, os, OUTSOCK_OP_LISTEN, OSK_ATOMIC);

	if (!req)
		return -ENOMEM;
	os->acc_seen = 0;
	os->acc_credit = 0;	/* counted from the session's first LISTEN */
	os->acc_credit = osk_accept_credit(os);
	req->pos = os->acc_credit;
	req->fn = osk_declare_reply;
	osreq_body(req, &cmd, sizeof(cmd));
	osreq_queue(req);
	osreq_put(req);
	return 0;
}

/*
 * lock held: a restarted host may have a smaller quota, and ids are below it. Requests that wait
 * take the new id when they are issued again.
 */
static int osk_fit_id(struct osk *os)
{
	struct osdev *dev = os->dev;
	u32 max = le32_to_cpu(dev->hello.max_sockets), old = os->id, id;
	int err;

	if (old < max)
		return 0;
	err = max ? xa_alloc(&dev->socks, &id, os, XA_LIMIT(0, max - 1), OSK_ATOMIC) : -EBUSY;
	if (err)
		return err == -EBUSY ? -ENFILE : err;
	os->id = id;
	xa_erase(&dev->socks, old);
	return 0;
}

/* lock held */
static int osk_send_again(struct osk *os)
{
	int state = osk_sk(os)->sk_state;
	int err = osk_fit_id(os) ?: osk_send_socket(os, true);

	if (!err && os->local.family)
		err = osk_send_addr(os, OUTSOCK_OP_BIND, &os->local, false);
	if (!err && state == TCP_LISTEN)
		err = osk_send_listen(os);
	else if (!err && (state == TCP_SYN_SENT || (!os->stream && os->peer.family)))
		err = osk_send_addr(os, OUTSOCK_OP_CONNECT, &os->peer, os->stream);
	return err;
}

void osk_declare_again(struct osk *os, void *unused)
{
	int err = 0;

	spin_lock(&os->lock);
	if (!os->declared && !os->closing && !os->dead && os->id != OUTSOCK_ID_NONE)
		err = osk_send_again(os);
	if (err) {
		os->refused = -err;
		osk_fatal(os, -err);
	}
	spin_unlock(&os->lock);
}

void osk_device_gone(struct osk *os, void *unused)
{
	u32 id;

	spin_lock(&os->lock);
	osk_orphan_gone(os);
	if (osk_is_connection(os) || osk_sk(os)->sk_state == TCP_SYN_SENT)
		osk_fatal(os, ECONNRESET);
	else
		osk_fatal(os, ENETDOWN);
	id = osk_leave_id(os);
	spin_unlock(&os->lock);
	osk_drop_id(os, id, false);
}
