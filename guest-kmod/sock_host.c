// SPDX-License-Identifier: GPL-2.0
/*
 * The host's socket behind ours: its id, its declaration (SOCKET), what is asked of it, its CLOSE.
 * See "THE HOST'S SOCKET" in sock.h.
 */
#include "compat.h"
#include <linux/pkt_sched.h>
#include <linux/sched/rt.h>
#include "cmd.h"
#include "dev.h"
#include "mib.h"
#include "sock.h"

struct osreq *osk_new_close(struct osk *os, gfp_t gfp)
{
	return osreq_new(os->q, os, OUTSOCK_OP_CLOSE, gfp);
}

/*
 * Once, before the host and any ring know it: from then on its messages must keep their order. What
 * is urgent has a queue pair (and a ring thread) of its own.
 */
static void osk_choose_queue(struct osk *os)
{
	struct oring *urgent = osdev_rt_queue(os->dev);

	if (os->q_chosen)
		return;
	os->q_chosen = true;
	if (!urgent || (!rt_task(current) &&
			READ_ONCE(osk_sk(os)->sk_priority) < TC_PRIO_INTERACTIVE))
		return;
	spin_lock(&os->lock);
	os->q = urgent;
	spin_unlock(&os->lock);
}

/* ctl held. An id comes and goes with a reference of the table; the ring thread may take it. */
static int osk_get_id(struct osk *os)
{
	struct osdev *dev = os->dev;
	u32 max = le32_to_cpu(dev->hello.max_sockets);
	struct xa_limit limit = XA_LIMIT(0, clamp_t(u32, max, 1, OUTSOCK_ID_HOST) - 1);
	struct osreq *req;
	u32 id;
	int err;

	if (READ_ONCE(os->id) != OUTSOCK_ID_NONE)
		return 0;
	osk_choose_queue(os);
	sock_hold(osk_sk(os));
	err = xa_alloc_cyclic(&dev->socks, &id, os, limit, &dev->next_sock, GFP_KERNEL);
	if (err < 0) {
		sock_put(osk_sk(os));
		return err == -EBUSY ? -ENFILE : err;
	}
	os->id = id;
	req = osk_new_close(os, GFP_KERNEL);
	/* The ring thread may not have come to that of the id before. */
	osreq_cancel(xchg(&os->close_req, req));
	if (req)
		return 0;
	os->id = OUTSOCK_ID_NONE;
	xa_erase(&dev->socks, id);
	sock_put(osk_sk(os));
	return READ_ONCE(dev->gone) ? -ENETDOWN : -ENOMEM;
}

/* Ring thread: what the host cannot have as it was, the program must hear of. */
void osk_declare_reply(struct osk *os, u32 id, int status, const void *body, u32 len)
{
	if (!status)
		return;
	spin_lock(&os->lock);
	if (os->id == id)
		osk_fatal(os, status);
	spin_unlock(&os->lock);
}

/* lock held: a request with an address that nobody waits for */
int osk_send_addr(struct osk *os, u8 op, const struct outsock_addr *addr, bool connect)
{
	struct osreq *req = osreq_new(os->q, os, op, OSK_ATOMIC);

	if (!req)
		return -ENOMEM;
	osreq_body(req, addr, sizeof(*addr));
	if (op == OUTSOCK_OP_BIND)
		req->flags = OUTSOCK_F_AGAIN;
	req->fn = connect ? osk_connect_reply : osk_declare_reply;
	if (connect)
		req->pos = osk_credit(os);
	osreq_queue(req);
	osreq_put(req);
	return 0;
}

/*
 * Ring thread. The host has no socket for us (its quota, its memory): what was asked behind SOCKET
 * fails by EBADF, which osk_answer() makes SOCKET's own error. The program may try again.
 */
static void osk_socket_refused(struct osk *os, int status, bool again)
{
	if (osk_sk(os)->sk_state == TCP_SYN_SENT)
		osk_connect_failed(os, status);
	else if (again)
		osk_fatal(os, status);
	os->refused = status;
}

static void osk_socket_answered(struct osk *os, u32 id, int status, bool again)
{
	u32 left = OUTSOCK_ID_NONE;

	spin_lock(&os->lock);
	if (os->id != id) {
		spin_unlock(&os->lock);
		return;
	}
	WRITE_ONCE(os->asked, false);
	if (status) {
		osk_socket_refused(os, status, again);
		left = osk_leave_id(os);
	} else {
		osk_send_credit(os);
		osk_write_space(osk_sk(os));
	}
	spin_unlock(&os->lock);
	if (status)
		osk_drop_id(os, left, false);
}

static void osk_socket_reply(struct osk *os, u32 id, int status, const void *body, u32 len)
{
	osk_socket_answered(os, id, status, false);
}

static void osk_socket_reply_again(struct osk *os, u32 id, int status, const void *body, u32 len)
{
	osk_socket_answered(os, id, status, true);
}

int osk_answer(struct osk *os, struct osreq *req)
{
	int err = osreq_wait(req), refused = READ_ONCE(os->refused);

	return err == -EBADF && refused ? -refused : err;
}

/* lock held; @again: it was declared before, and nobody waits now */
int osk_send_socket(struct osk *os, bool again)
{
	struct sock *sk = osk_sk(os);
	struct outsock_cmd_socket cmd = {
		.family = sk->sk_family == AF_INET6 ? OUTSOCK_INET6 : OUTSOCK_INET,
		.type = os->stream ? OUTSOCK_STREAM : OUTSOCK_DGRAM,
		.v6only = sk->sk_ipv6only,
		.sndbuf = cpu_to_le32(READ_ONCE(sk->sk_sndbuf)),
	};
	struct osreq *req = osreq_new(os->q, os, OUTSOCK_OP_SOCKET, OSK_ATOMIC);

	if (!req)
		return READ_ONCE(os->dev->gone) ? -ENETDOWN : -ENOMEM;
	osreq_body(req, &cmd, sizeof(cmd));
	if (!os->stream) {
		/* Counted from the creation of the host's socket; what waits here comes first. */
		os->dg_seen -= os->dg_taken;
		os->dg_taken = 0;
		os->dg_credit = 0;
		os->dg_credit = osk_dgram_credit(os);
		req->pos = os->dg_credit;
	}
	req->fn = again ? osk_socket_reply_again : osk_socket_reply;
	os->refused = 0;
	WRITE_ONCE(os->asked, true);
	osreq_queue(req);
	osreq_put(req);
	os->declared = true;
	os->close_sent = false;
	osk_declare_options(os);
	return 0;
}

/* -EAGAIN: its id has gone since it was got, since the host has refused what was asked before. */
static int osk_declare_id(struct osk *os, bool *ret_new)
{
	int err = 0;

	spin_lock(&os->lock);
	*ret_new = !os->declared;
	if (os->id == OUTSOCK_ID_NONE)
		err = -EAGAIN;
	else if (!os->declared)
		err = osk_send_socket(os, false);
	spin_unlock(&os->lock);
	return err;
}

int osk_declare(struct osk *os)
{
	bool is_new;
	int err;

	osk_forget_failure(os);
	do {
		err = osk_get_id(os) ?: osk_declare_id(os, &is_new);
	} while (err == -EAGAIN);
	return err || !is_new || !os->bound ? err : osk_bind_again(os);
}

/*
 * If the epoch has changed since osk_declare(), the socket is declared again before anything else
 * is asked. If the host has refused it since, there is nobody to ask.
 */
void osk_request(struct osk *os, struct osreq *req)
{
	spin_lock(&os->lock);
	req->sock = os->id;
	if (os->declared)
		osreq_queue(req);
	else if (os->refused)
		osreq_refuse(req, os->refused);
	else
		osreq_keep(req);
	spin_unlock(&os->lock);
}

/* lock held: the CLOSE request, ready to be queued. It was made ahead, so closing never fails. */
static struct osreq *osk_take_close(struct osk *os, u32 flags)
{
	struct outsock_cmd_close cmd = {
		.tx_off = cpu_to_le64(os->stream ? os->snd_end : 0),
		.flags = cpu_to_le32(flags),
	};
	struct osreq *req = xchg(&os->close_req, NULL) ?: osk_new_close(os, OSK_ATOMIC);

	if (!req)
		return NULL;
	req->sock = os->id;
	osreq_body(req, &cmd, sizeof(cmd));
	/* It may never be answered: the socket shall not wait for that. */
	osreq_forget_sock(req);
	return req;
}

static void osk_queue_close(struct osreq *req)
{
	if (!req)
		return;
	osreq_queue(req);
	osreq_put(req);
}

/* Nothing about the id follows CLOSE but bytes that the host asks for again. */
void osk_send_close(struct osk *os, u32 flags)
{
	lockdep_assert_held(&os->lock);
	os->closing = true;
	if (os->close_sent)
		return;
	os->close_sent = true;
	os->close_waits = !flags;
	osk_queue_close(osk_take_close(os, flags));
}

/* lock held; the caller erases or replaces the table's entry and drops its reference afterwards */
u32 osk_leave_id(struct osk *os)
{
	u32 id = os->id;

	os->id = OUTSOCK_ID_NONE;
	os->declared = false;
	WRITE_ONCE(os->asked, false);
	return id;
}

void osk_drop_id(struct osk *os, u32 id, bool zombie)
{
	osreq_cancel(xchg(&os->close_req, NULL));	/* several may come here at once */
	if (id == OUTSOCK_ID_NONE)
		return;
	if (zombie)
		xa_store(&os->dev->socks, id, xa_mk_value(0), OSK_ATOMIC);
	else
		xa_erase(&os->dev->socks, id);
	sock_put(osk_sk(os));
}

/*
 * The table keeps the id until CLOSED; the socket is as if it had never had one. The id is a zombie
 * before CLOSE goes out: the answer may be there at once.
 */
void osk_drop_host(struct osk *os, u32 flags)
{
	struct osreq *req = NULL;
	bool declared;
	u32 id;

	spin_lock(&os->lock);
	declared = os->declared;
	if (declared && (!os->close_sent || flags & OUTSOCK_CLOSE_ABORT))
		req = osk_take_close(os, flags);
	id = osk_leave_id(os);
	os->closing = false;
	os->close_sent = false;
	spin_unlock(&os->lock);
	osk_drop_id(os, id, declared);
	osk_queue_close(req);
}
