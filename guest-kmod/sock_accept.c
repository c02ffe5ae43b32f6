// SPDX-License-Identifier: GPL-2.0
/*
 * Listeners. The host completes handshakes and hands connections over at once: the backlog is
 * here, and the host may hand over as many as we have granted (acc_credit).
 */
#include "compat.h"
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include "cmd.h"
#include "dev.h"
#include "mib.h"
#include "sock.h"
#include "twin.h"

static int osk_listen_host(struct osk *os, int backlog)
{
	struct outsock_cmd_listen cmd = {
		.backlog = cpu_to_le32(backlog),
		.rcv_win = cpu_to_le32(osk_rcv_space(os)),
	};
	struct osreq *req;
	int err;

	err = osk_declare(os);
	if (err)
		return err;
	req = osreq_new(os->q, os, OUTSOCK_OP_LISTEN, GFP_KERNEL);
	if (!req)
		return -ENOMEM;
	req->waited = true;
	osreq_body(req, &cmd, sizeof(cmd));
	spin_lock(&os->lock);
	os->backlog = backlog;
	os->acc_credit = osk_accept_credit(os);
	req->pos = os->acc_credit;
	osk_set_state(osk_sk(os), TCP_LISTEN);	/* connections may come before the reply */
	spin_unlock(&os->lock);
	osk_request(os, req);
	err = osk_answer(os, req);
	osreq_put(req);
	return err;
}

static struct osk *osk_dequeue(struct osk *os)
{
	struct osk *child;

	spin_lock(&os->lock);
	child = list_first_entry_or_null(&os->accept_q, struct osk, accept_node);
	if (child) {
		list_del_init(&child->accept_node);
		os->qlen--;
		WRITE_ONCE(osk_sk(os)->sk_ack_backlog, os->qlen);
		osk_send_credit(os);
	}
	spin_unlock(&os->lock);
	return child;
}

/* Connections that were never accepted are reset, as Linux does. */
void osk_reject_all(struct osk *os)
{
	struct osk *child;

	while ((child = osk_dequeue(os))) {
		osk_drop_host(child, OUTSOCK_CLOSE_ABORT);
		sock_orphan(osk_sk(child));
		sock_put(osk_sk(child));
	}
}

/* Connections may have come all the same; and without an answer the host may go on listening. */
static void osk_listen_failed(struct osk *os, int err)
{
	spin_lock(&os->lock);
	osk_set_state(osk_sk(os), TCP_CLOSE);
	spin_unlock(&os->lock);
	if (err == -ETIMEDOUT || err == -EINTR)
		osk_drop_host(os, 0);
	osk_twin_unlisten(os);
	osk_reject_all(os);
}

static int osk_listen_start(struct socket *sock, struct osk *os, int backlog)
{
	struct sock *sk = osk_sk(os);
	bool again = sk->sk_state == TCP_LISTEN;
	int err;

	if (sock->state != SS_UNCONNECTED || (!again && sk->sk_state != TCP_CLOSE))
		return -EINVAL;
	err = osk_autobind(os);
	if (err)
		return err;
	WRITE_ONCE(sk->sk_max_ack_backlog, backlog);
	err = osk_twin_listen(os, sock, backlog);
	if (err)
		return err;
	err = osk_listen_host(os, backlog);
	if (err && !again)
		osk_listen_failed(os, err);
	return err;
}

int osk_listen(struct socket *sock, int backlog)
{
	struct osk *os = osk_of(sock);
	int err = 1;

	if (!os)
		return osk_native_ops(sock)->listen(sock, backlog);
	if (mutex_lock_killable(&os->ctl))
		return -EINTR;
	if (osk_of(sock))
		err = osk_listen_start(sock, os, backlog);
	mutex_unlock(&os->ctl);
	return err == 1 ? osk_native_ops(sock)->listen(sock, backlog) : err;
}

static void osk_graft_child(struct osk *child, struct socket *newsock)
{
	spin_lock(&child->lock);
	sock_graft(osk_sk(child), newsock);
	newsock->state = SS_CONNECTED;
	spin_unlock(&child->lock);
}

/* 0, or -EAGAIN when neither the host nor the twin has a connection */
static int osk_accept_one(struct osk *os, struct socket *newsock)
{
	struct osk *child = osk_dequeue(os);

	if (!child)
		return osk_twin_accept(os, newsock);
	osk_graft_child(child, newsock);
	return 0;
}

static bool osk_acceptable(struct osk *os)
{
	struct sock *sk = osk_sk(os);

	return READ_ONCE(os->qlen) || READ_ONCE(sk->sk_state) != TCP_LISTEN ||
	       READ_ONCE(sk->sk_err) || osk_twin_poll(os);
}

static int osk_wait_accept(struct osk *os, long *timeo)
{
	struct sock *sk = osk_sk(os);
	DEFINE_WAIT(wait);
	int err = 0;

	for (;;) {
		prepare_to_wait_exclusive(sk_sleep(sk), &wait, TASK_INTERRUPTIBLE);
		if (osk_acceptable(os))
			break;
		if (!*timeo)
			err = -EAGAIN;
		else if (signal_pending(current))
			err = sock_intr_errno(*timeo);
		if (err)
			break;
		*timeo = schedule_timeout(*timeo);
	}
	finish_wait(sk_sleep(sk), &wait);
	return err;
}

int osk_accept(struct socket *sock, struct socket *newsock, OS_ACCEPT_ARG)
{
	struct osk *os = osk_of(sock);
	struct sock *sk;
	long timeo;
	int err;

	if (!os)	/* it became native, and newsock has our ops: start anew */
		return -ECONNABORTED;
	sk = osk_sk(os);
	timeo = sock_rcvtimeo(sk, OS_ACCEPT_FLAGS & O_NONBLOCK);
	for (;;) {
		if (READ_ONCE(sk->sk_state) != TCP_LISTEN)
			return sock_error(sk) ?: -EINVAL;
		err = osk_accept_one(os, newsock);
		if (err != -EAGAIN)
			return err;
		if (!timeo)
			return -EAGAIN;
		err = osk_wait_accept(os, &timeo);
		if (err)
			return err;
		if (READ_ONCE(sk->sk_err))
			return sock_error(sk);
	}
}

__poll_t osk_listen_poll(struct osk *os)
{
	__poll_t mask = osk_twin_poll(os);

	if (READ_ONCE(os->qlen))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (READ_ONCE(osk_sk(os)->sk_err))
		mask |= EPOLLERR;
	return mask;
}

/* release(), disconnect, or shutdown() while others may be in accept(). */
void osk_close_listener(struct osk *os)
{
	struct osk_twin *twin = osk_twin_hold(os);
	struct sock *sk = osk_sk(os);

	spin_lock(&os->lock);
	osk_set_state(sk, TCP_CLOSE);
	spin_unlock(&os->lock);
	osk_drop_host(os, 0);
	osk_reject_all(os);
	if (twin)
		kernel_sock_shutdown(twin->sock, SHUT_RDWR);
	osk_twin_put(twin);
	sk->sk_state_change(sk);
}
