// SPDX-License-Identifier: GPL-2.0
/* Stream sockets: shutdown, release, poll, ioctl. */
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

/* shutdown() and the end */

/*
 * Of a socket whose host's socket may come and go meanwhile: that is ctl's. Any direction ends an
 * attempt to connect; a listener has one that counts.
 */
static int osk_shutdown_unconnected(struct socket *sock, struct osk *os, int how)
{
	struct sock *sk = osk_sk(os);
	int err = 0;

	if (mutex_lock_interruptible(&os->ctl))
		return -ERESTARTSYS;
	if (osk_of(sock) && sk->sk_state == TCP_SYN_SENT)
		err = osk_disconnect(sock, os);
	else if (osk_of(sock) && sk->sk_state == TCP_LISTEN && how & RCV_SHUTDOWN)
		osk_close_listener(os);
	mutex_unlock(&os->ctl);
	return err;
}

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
	if (sk->sk_state == TCP_LISTEN || sk->sk_state == TCP_SYN_SENT)
		return osk_shutdown_unconnected(sock, os, how);
	spin_lock(&os->lock);
	if ((1 << sk->sk_state) & (TCPF_CLOSE | TCPF_SYN_SENT | TCPF_LISTEN)) {
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

static bool osk_all_acked(struct osk *os, u64 unused)
{
	return READ_ONCE(os->id) == OUTSOCK_ID_NONE || READ_ONCE(os->snd_una) == os->snd_end;
}

static void osk_linger(struct osk *os)
{
	long timeo = osk_sk(os)->sk_lingertime;

	if (sock_flag(osk_sk(os), SOCK_LINGER) && !(current->flags & PF_EXITING))
		osk_wait(os, osk_all_acked, 0, &timeo);
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
	__poll_t mask;
	u8 shutdown;
	int state;

	if (!os)
		return osk_native_ops(sock)->poll(file, sock, wait);
	sk = osk_sk(os);
	sock_poll_wait(file, sock, wait);
	mask = osk_poll_busy(os, wait);
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
			    sock_rcvlowat(sk, 0, INT_MAX) ||
		    osk_rcv_full(os))
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
		.splice_read = osk_stream_splice_read, .set_rcvlowat = osk_set_rcvlowat,           \
		OSK_SENDPAGE                                                                       \
	}

#if OS_HAVE_SENDPAGE
#define OSK_SENDPAGE .sendpage = osk_stream_sendpage,
#else
#define OSK_SENDPAGE
#endif

const struct proto_ops osk_stream_ops = OSK_STREAM_OPS(PF_INET);
const struct proto_ops osk_stream6_ops = OSK_STREAM_OPS(PF_INET6);
