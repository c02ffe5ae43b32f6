// SPDX-License-Identifier: GPL-2.0
/* Stream sockets: connect, shutdown, release, poll, ioctl. */
#include "compat.h"
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/sockios.h>
#include <asm/ioctls.h>
#include "cmd.h"
#include "dev.h"
#include "mib.h"
#include "sock.h"
#include "twin.h"

#define OSK_CONNECT_MAX	(130 * HZ)	/* what Linux's own retries of a SYN come to */

/* connect() */

/* Ring thread, for CONNECT without a waiter: 0 comes before the SYN leaves. */
void osk_connect_reply(struct osk *os, int status, const void *body, u32 len)
{
	spin_lock(&os->lock);
	if (osk_sk(os)->sk_state == TCP_SYN_SENT) {
		if (status)
			osk_fatal(os, status);
		else if (len >= sizeof(os->local))
			memcpy(&os->local, body, sizeof(os->local));
	}
	spin_unlock(&os->lock);
}

/* A failed attempt leaves the socket usable: the next one gets another socket at the host. */
static void osk_forget_failure(struct osk *os)
{
	if (!os->dead)
		return;
	osk_drop_host(os, OUTSOCK_CLOSE_ABORT);
	spin_lock(&os->lock);
	os->dead = false;
	osk_sk(os)->sk_shutdown = 0;
	sock_reset_flag(osk_sk(os), SOCK_DONE);
	os->rcv_credit = 0;
	if (!os->bound)
		memset(&os->local, 0, sizeof(os->local));
	spin_unlock(&os->lock);
}

static int osk_connect_host(struct socket *sock, struct osk *os, const struct outsock_addr *addr)
{
	struct osreq *req;
	bool declared;
	int err;

	osk_forget_failure(os);
	err = osk_declare(os);
	if (err)
		return err;
	req = osreq_new(os->q, os, OUTSOCK_OP_CONNECT, GFP_KERNEL);
	if (!req)
		return -ENOMEM;
	req->fn = osk_connect_reply;
	osreq_body(req, addr, sizeof(*addr));
	spin_lock(&os->lock);
	osk_sync_options(os);
	os->peer = *addr;
	req->pos = osk_credit(os);
	osk_set_state(osk_sk(os), TCP_SYN_SENT);
	sock->state = SS_CONNECTING;
	declared = os->declared;
	if (declared)
		osreq_queue(req);
	spin_unlock(&os->lock);
	if (declared)
		osreq_put(req);
	else
		osreq_cancel(req);	/* a new epoch: osk_declare_again() connects */
	return 0;
}

/* 1: the socket has become native; -EINPROGRESS: it was connecting already */
static int osk_connect_start(struct socket *sock, struct osk *os, struct sockaddr *uaddr, int len)
{
	struct outsock_addr addr;
	int err;

	if (!osk_of(sock))
		return 1;
	if (sock->state == SS_CONNECTED)
		return -EISCONN;
	if (sock->state == SS_CONNECTING)
		return -EINPROGRESS;
	if (osk_sk(os)->sk_state != TCP_CLOSE)
		return -EISCONN;
	err = osk_addr_get(os, uaddr, len, &addr);
	if (err)
		return err;
	switch (osk_addr_connect_class(os, &addr)) {
	case OSK_AT_GUEST:
		return osk_go_native(sock, os) ?: 1;
	case OSK_AT_NOWHERE:
		return -ENETUNREACH;
	default:
		return osk_connect_host(sock, os, &addr);
	}
}

static void osk_wait_connected(struct sock *sk, long *timeo)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);

	add_wait_queue(sk_sleep(sk), &wait);
	while (smp_load_acquire(&sk->sk_state) == TCP_SYN_SENT && *timeo &&
	       !signal_pending(current))
		*timeo = wait_woken(&wait, TASK_INTERRUPTIBLE, *timeo);
	remove_wait_queue(sk_sleep(sk), &wait);
}

static int osk_connect_wait(struct socket *sock, struct sock *sk, int flags, bool again)
{
	long wanted = sock_sndtimeo(sk, flags & O_NONBLOCK);
	long timeo = min_t(long, wanted, OSK_CONNECT_MAX);
	int err;

	if (timeo)
		osk_wait_connected(sk, &timeo);
	if (smp_load_acquire(&sk->sk_state) == TCP_SYN_SENT) {
		if (!wanted)
			return again ? -EALREADY : -EINPROGRESS;
		if (signal_pending(current))
			return sock_intr_errno(wanted);
		return wanted > OSK_CONNECT_MAX ? -ETIMEDOUT : -EINPROGRESS;
	}
	if (sk->sk_state == TCP_CLOSE) {
		err = sock_error(sk) ?: -ECONNABORTED;
		sock->state = SS_UNCONNECTED;
		return err;
	}
	sock->state = SS_CONNECTED;
	return 0;
}

static int osk_stream_connect(struct socket *sock, struct sockaddr *uaddr, int len, int flags)
{
	struct osk *os = osk_of(sock);
	int err;

	if (!os)
		return osk_native_ops(sock)->connect(sock, uaddr, len, flags);
	if (len < (int)sizeof(uaddr->sa_family))
		return -EINVAL;
	if (uaddr->sa_family == AF_UNSPEC)
		return sock->state == SS_UNCONNECTED ? 0 : -EOPNOTSUPP;
	if (mutex_lock_interruptible(&os->ctl))
		return -ERESTARTSYS;
	err = osk_connect_start(sock, os, uaddr, len);
	mutex_unlock(&os->ctl);
	if (err == 1)
		return osk_native_ops(sock)->connect(sock, uaddr, len, flags);
	if (err && err != -EINPROGRESS)
		return err;
	return osk_connect_wait(sock, osk_sk(os), flags, err == -EINPROGRESS);
}

/* shutdown() and the end */

static int osk_stream_shutdown(struct socket *sock, int how)
{
	struct osk *os = osk_of(sock);
	struct sock *sk;
	int err = 0;

	if (!os)
		return osk_native_ops(sock)->shutdown(sock, how);
	if (how < SHUT_RD || how > SHUT_RDWR)
		return -EINVAL;
	how++;
	sk = osk_sk(os);
	if (sk->sk_state == TCP_LISTEN) {
		if (how & RCV_SHUTDOWN)
			osk_close_listener(os);
		return 0;
	}
	spin_lock(&os->lock);
	if (sk->sk_state == TCP_CLOSE || sk->sk_state == TCP_SYN_SENT) {
		err = -ENOTCONN;
		goto unlock;
	}
	if (how & SEND_SHUTDOWN && !(sk->sk_shutdown & SEND_SHUTDOWN)) {
		os->fin = true;
		os->more = false;
		osk_set_state(sk, sk->sk_state == TCP_CLOSE_WAIT ? TCP_LAST_ACK : TCP_FIN_WAIT1);
		osk_push_now(os);
	}
	/* The peer may go on sending after SHUT_RD, and be read, as with the kernel's TCP. */
	WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown | (how & SEND_SHUTDOWN));
	if (how & RCV_SHUTDOWN)
		sock_set_flag(sk, SOCK_DONE);
	sk->sk_state_change(sk);
unlock:
	spin_unlock(&os->lock);
	return err;
}

/* How a stream ends when its program lets go of it. */
enum osk_end {
	OSK_END_NOTHING,	/* the host knows nothing of it, or forgets it at once */
	OSK_END_RESET,
	OSK_END_UNREAD,
	OSK_END_GRACEFUL,
};

static enum osk_end osk_how_to_end(struct osk *os)
{
	struct sock *sk = osk_sk(os);

	if (!os->declared || os->dead || sk->sk_state == TCP_CLOSE || sk->sk_state == TCP_LISTEN)
		return OSK_END_NOTHING;
	if (sk->sk_state == TCP_SYN_SENT)
		return OSK_END_RESET;
	if (os->rcv_read != os->rcv_nxt)
		return OSK_END_UNREAD;
	if (sock_flag(sk, SOCK_LINGER) && !sk->sk_lingertime)
		return OSK_END_RESET;
	return OSK_END_GRACEFUL;
}

static void osk_linger(struct osk *os)
{
	struct sock *sk = osk_sk(os);
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	long timeo = sk->sk_lingertime;

	if (!sock_flag(sk, SOCK_LINGER) || current->flags & PF_EXITING)
		return;
	add_wait_queue(sk_sleep(sk), &wait);
	while (READ_ONCE(os->id) != OUTSOCK_ID_NONE && READ_ONCE(os->snd_una) != os->snd_end &&
	       timeo && !signal_pending(current))
		timeo = wait_woken(&wait, TASK_INTERRUPTIBLE, timeo);
	remove_wait_queue(sk_sleep(sk), &wait);
}

static void osk_end_stream(struct osk *os)
{
	enum osk_end end;

	spin_lock(&os->lock);
	end = osk_how_to_end(os);
	if (end == OSK_END_GRACEFUL) {
		os->closing = true;
		os->more = false;
		os->fin = true;
		osk_push_now(os);
	}
	spin_unlock(&os->lock);
	if (end == OSK_END_GRACEFUL)
		osk_linger(os);
	else
		osk_drop_host(os, end == OSK_END_UNREAD ? OUTSOCK_CLOSE_UNREAD :
							  OUTSOCK_CLOSE_ABORT);
}

int osk_release(struct socket *sock)
{
	struct sock *sk = sock->sk;
	struct osk *os;

	if (!sk)
		return 0;
	if (!osk_is_ours(sk))
		return osk_native_ops(sock)->release(sock);
	os = osk_from_sk(sk);
	if (sk->sk_state == TCP_LISTEN)
		osk_close_listener(os);
	osk_reject_all(os);	/* a listener may have ended by itself */
	osk_twin_release(os);
	if (!os->dev)
		goto orphan;
	if (os->stream)
		osk_end_stream(os);
	else
		osk_drop_host(os, 0);
orphan:
	spin_lock(&os->lock);
	sock_orphan(sk);
	if (os->closing && os->id != OUTSOCK_ID_NONE) {
		atomic_inc(&os->dev->n_orphans);
		OSMIB_INC(orphans);
	}
	spin_unlock(&os->lock);
	sock->sk = NULL;
	sock_put(sk);
	return 0;
}

/* poll() and ioctl() */

static __poll_t osk_poll_out(struct osk *os)
{
	struct sock *sk = osk_sk(os);

	if (READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN)
		return EPOLLOUT | EPOLLWRNORM;
	if (sk_stream_wspace(sk) >= sk_stream_min_wspace(sk))
		return EPOLLOUT | EPOLLWRNORM;
	sk_set_bit(SOCKWQ_ASYNC_NOSPACE, sk);
	set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
	/* Space may have come before the bit was seen: pairs with osk_write_space(). */
	smp_mb__after_atomic();
	if (sk_stream_wspace(sk) >= sk_stream_min_wspace(sk))
		return EPOLLOUT | EPOLLWRNORM;
	return 0;
}

static __poll_t osk_stream_poll(struct file *file, struct socket *sock, poll_table *wait)
{
	struct osk *os = osk_of(sock);
	struct sock *sk;
	__poll_t mask = 0;
	u8 shutdown;
	int state;

	if (!os)
		return osk_native_ops(sock)->poll(file, sock, wait);
	sk = osk_sk(os);
	sock_poll_wait(file, sock, wait);
	state = smp_load_acquire(&sk->sk_state);
	if (state == TCP_LISTEN)
		return osk_listen_poll(os);
	shutdown = READ_ONCE(sk->sk_shutdown) | (sock_flag(sk, SOCK_DONE) ? RCV_SHUTDOWN : 0);
	if (shutdown == SHUTDOWN_MASK || state == TCP_CLOSE)
		mask |= EPOLLHUP;
	if (shutdown & RCV_SHUTDOWN)
		mask |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;
	if (state != TCP_SYN_SENT) {
		if (READ_ONCE(os->rcv_nxt) - READ_ONCE(os->rcv_read) >=
		    sock_rcvlowat(sk, 0, INT_MAX))
			mask |= EPOLLIN | EPOLLRDNORM;
		mask |= osk_poll_out(os);
	}
	smp_rmb();	/* pairs with osk_fatal() */
	if (READ_ONCE(sk->sk_err) || !skb_queue_empty_lockless(&sk->sk_error_queue))
		mask |= EPOLLERR;
	return mask;
}

static int osk_stream_ioctl(struct socket *sock, unsigned int cmd, unsigned long arg)
{
	struct osk *os = osk_of(sock);
	struct sock *sk;
	int answer;

	if (!os)
		return osk_native_ops(sock)->ioctl(sock, cmd, arg);
	sk = osk_sk(os);
	if (cmd != SIOCINQ && cmd != SIOCOUTQ && cmd != SIOCOUTQNSD && cmd != SIOCATMARK)
		return sk->sk_family == AF_INET6 ? inet6_ioctl(sock, cmd, arg) :
						   inet_ioctl(sock, cmd, arg);
	if (sk->sk_state == TCP_LISTEN)
		return -EINVAL;
	spin_lock(&os->lock);
	if (cmd == SIOCINQ)
		answer = min_t(u64, os->rcv_nxt - os->rcv_read, INT_MAX);
	else if (cmd == SIOCOUTQ)
		answer = min_t(u64, os->snd_end - os->snd_una, INT_MAX);
	else
		answer = cmd == SIOCATMARK ? 0 : min_t(u64, os->snd_end - os->snd_nxt, INT_MAX);
	spin_unlock(&os->lock);
	return put_user(answer, (int __user *)arg);
}

#define OSK_STREAM_OPS(fam)                                                                        \
	{                                                                                          \
		.family = fam, .owner = THIS_MODULE, .release = osk_release, .bind = osk_bind,     \
		.connect = osk_stream_connect, .socketpair = sock_no_socketpair,                   \
		.accept = osk_accept, .getname = osk_getname, .poll = osk_stream_poll,             \
		.ioctl = osk_stream_ioctl, .gettstamp = sock_gettstamp, .listen = osk_listen,      \
		.shutdown = osk_stream_shutdown, .setsockopt = osk_setsockopt,                     \
		.getsockopt = osk_getsockopt, .sendmsg = osk_stream_sendmsg,                       \
		.recvmsg = osk_stream_recvmsg, .mmap = sock_no_mmap,                               \
		.splice_read = osk_stream_splice_read, OSK_SENDPAGE                                \
	}

#if OS_HAVE_SENDPAGE
#define OSK_SENDPAGE .sendpage = osk_stream_sendpage,
#else
#define OSK_SENDPAGE
#endif

const struct proto_ops osk_stream_ops = OSK_STREAM_OPS(PF_INET);
const struct proto_ops osk_stream6_ops = OSK_STREAM_OPS(PF_INET6);
