// SPDX-License-Identifier: GPL-2.0
/*
 * Datagram sockets. What comes in waits as sk_buffs in sk_receive_queue, with the sender's address
 * in cb; credit is counted in bytes read since the host's socket came to be, each datagram with
 * OUTSOCK_DGRAM_OVERHEAD. What goes out is not kept: it is in the ring or it is refused.
 */
#include "compat.h"
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/sockios.h>
#include <asm/ioctls.h>
#include <linux/skbuff.h>
#include <linux/uio.h>
#include "cmd.h"
#include "dev.h"
#include "mib.h"
#include "sock.h"
#include "twin.h"

#define OSK_DGRAM_MAX 65507

/* A datagram being sent: parts of the thread's page frag. */
struct osdgram {
	struct outsock_dgram head;
	struct osvec vec[ORING_FRAGS_MAX];
	u32 n_vec;
	u32 len;
};

/* Receiving */

bool osk_dgram_queue(struct osk *os, struct sk_buff *skb, u32 cost)
{
	struct sock *sk = osk_sk(os);

	os->dg_seen += cost;
	if (os->dg_seen > os->dg_credit || sk->sk_shutdown & RCV_SHUTDOWN) {
		os->dg_taken += cost;
		osk_send_credit(os);
		atomic_inc(&sk->sk_drops);
		return false;
	}
	skb_set_owner_r(skb, sk);
	sock_skb_set_dropcount(sk, skb);
	skb_queue_tail(&sk->sk_receive_queue, skb);
	sk->sk_data_ready(sk);
	return true;
}

static void osk_dgram_consumed(struct osk *os, u32 cost)
{
	spin_lock(&os->lock);
	os->dg_taken += cost;
	osk_send_credit(os);
	spin_unlock(&os->lock);
}

static bool osk_dgram_readable(struct osk *os, u64 seen)
{
	struct sock *sk = osk_sk(os);

	return !skb_queue_empty_lockless(&sk->sk_receive_queue) || READ_ONCE(sk->sk_err) ||
	       READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN;
}

static int osk_dgram_recvmsg(struct socket *sock, struct msghdr *msg, size_t len, int flags)
{
	struct osk *os = osk_of(sock);
	struct outsock_dgram from;
	struct sk_buff *skb;
	struct sock *sk;
	size_t copied;
	int err;

	if (!os)
		return osk_native_ops(sock)->recvmsg(sock, msg, len, flags);
	sk = osk_sk(os);
	if (flags & MSG_ERRQUEUE)
		return osk_recv_errqueue(sk, msg, len);
	if (flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (sock_rcvtimeo(sk, flags & MSG_DONTWAIT))
		osk_busy_poll(os, osk_dgram_readable, 0);
	skb = skb_recv_datagram(sk, flags, &err);
	if (!skb)
		return err;
	copied = min_t(size_t, len, skb->len);
	if (copied < skb->len)
		msg->msg_flags |= MSG_TRUNC;
	err = skb_copy_datagram_msg(skb, 0, msg, copied);
	memcpy(&from, skb->cb, sizeof(from));
	if (!err && msg->msg_name)
		msg->msg_namelen = osk_addr_put(os, &from.addr, msg->msg_name);
	if (!err) {
		sock_recv_cmsgs(msg, sk, skb);
		osk_dgram_put_cmsg(os, msg);
	}
	if (!err)
		err = flags & MSG_TRUNC ? skb->len : copied;
	if (!(flags & MSG_PEEK))
		osk_dgram_consumed(os, skb->len + OUTSOCK_DGRAM_OVERHEAD);
	skb_free_datagram(sk, skb);
	return err;
}

/* Sending */

static int osk_dgram_copy(struct osdgram *dg, struct msghdr *msg, size_t len)
{
	struct page_frag *frag = &current->task_frag;
	u32 here;

	while (dg->len < len) {
		if (dg->n_vec == ORING_FRAGS_MAX)
			return -EMSGSIZE;
		if (!skb_page_frag_refill(min_t(size_t, len - dg->len, 4096), frag, GFP_KERNEL))
			return -ENOMEM;
		here = min_t(size_t, len - dg->len, frag->size - frag->offset);
		if (copy_page_from_iter(frag->page, frag->offset, here, &msg->msg_iter) != here)
			return -EFAULT;
		get_page(frag->page);
		dg->vec[dg->n_vec++] = (struct osvec){ frag->page, frag->offset, here };
		frag->offset += here;
		dg->len += here;
	}
	return 0;
}

static void osk_dgram_release(struct osdgram *dg)
{
	while (dg->n_vec)
		put_page(dg->vec[--dg->n_vec].page);
}

static int osk_dgram_put(struct osk *os, struct osdgram *dg)
{
	struct osmsg msg = {
		.op = OUTSOCK_OP_DGRAM, .body = &dg->head, .body_len = sizeof(dg->head),
		.vec = dg->vec, .n_vec = dg->n_vec, .vec_len = dg->len,
	};
	struct oring *q;
	int err = -EAGAIN;

	spin_lock(&os->lock);
	q = os->q;
	msg.sock = os->id;
	if (os->dead) {
		err = -ENETDOWN;
		goto unlock;
	}
	if (os->id == OUTSOCK_ID_NONE) {
		err = -ENOTCONN;	/* disconnected meanwhile, by another thread */
		goto unlock;
	}
	if (os->asked)
		goto blocked;
	osk_sync_options(os);
	oring_lock(q);
	if (q->open && os->declared && list_empty(&q->req_out))
		err = oring_put(q, &msg);
	if (err)
		oring_wait_room(q, os);
	oring_unlock(q);
	if (!err)
		OSMIB_ADD(tx_bytes, dg->len);
blocked:
	if (err && osk_sk(os)->sk_socket)
		set_bit(SOCK_NOSPACE, &osk_sk(os)->sk_socket->flags);
unlock:
	spin_unlock(&os->lock);
	return err;
}

/* It waits for room in the ring, or for the host's word on a socket that was there before. */
bool osk_dgram_blocked(const struct osk *os)
{
	return !list_empty_careful(&os->pend) || READ_ONCE(os->asked);
}

static bool osk_dgram_sendable(struct osk *os, u64 unused)
{
	return !osk_dgram_blocked(os) || READ_ONCE(os->dead);
}

/* Where it goes: 1 if that is in the guest. The first datagram binds. */
static int osk_dgram_target(struct socket *sock, struct osk *os, struct msghdr *msg,
			    struct osdgram *dg)
{
	int err = 0;

	memset(&dg->head, 0, sizeof(dg->head));
	if (msg->msg_name) {
		err = osk_addr_get(os, msg->msg_name, msg->msg_namelen, &dg->head.addr);
		if (err)
			return err;
		if (!dg->head.addr.port)
			return -EINVAL;
		if (osk_addr_forbidden(os, &dg->head.addr))
			return -EACCES;
	} else if (!READ_ONCE(os->peer.family)) {
		return -EDESTADDRREQ;
	}
	if (READ_ONCE(os->declared) && !msg->msg_name)
		return 0;
	if (mutex_lock_interruptible(&os->ctl))
		return -ERESTARTSYS;
	if (!osk_of(sock)) {
		err = 1;
	} else if (msg->msg_name) {
		switch (osk_addr_connect_class(os, &dg->head.addr)) {
		case OSK_AT_GUEST:
			/* A bound socket has other peers too: only a fresh one can change. */
			err = os->bound || os->peer.family ? -ENETUNREACH :
							     osk_go_native(sock, os) ?: 1;
			break;
		case OSK_AT_NOWHERE:
			err = -ENETUNREACH;
			break;
		default:
			err = os->peer.family ? 0 : osk_autobind(os);
		}
	}
	mutex_unlock(&os->ctl);
	return err;
}

static int osk_dgram_send(struct osk *os, struct msghdr *msg, size_t len, struct osdgram *dg)
{
	long timeo = sock_sndtimeo(osk_sk(os), msg->msg_flags & MSG_DONTWAIT);
	int err = osk_dgram_copy(dg, msg, len);

	while (!err) {
		err = osk_dgram_put(os, dg);
		if (err != -EAGAIN)
			break;
		err = osk_wait(os, osk_dgram_sendable, 0, &timeo);
	}
	osk_dgram_release(dg);
	return err;
}

static int osk_dgram_sendmsg(struct socket *sock, struct msghdr *msg, size_t len)
{
	struct osk *os = osk_of(sock);
	struct osdgram dg = {};
	struct ubuf_info *uarg;
	struct sock *sk;
	int err;

	if (!os)
		return osk_native_ops(sock)->sendmsg(sock, msg, len);
	sk = osk_sk(os);
	if (len > osopt_dgram_max(os, OSK_DGRAM_MAX))
		return -EMSGSIZE;
	/* MSG_MORE: a datagram of several calls. The host's socket has none. */
	if (msg->msg_flags & (MSG_OOB | MSG_MORE))
		return -EOPNOTSUPP;
	if (sk->sk_shutdown & SEND_SHUTDOWN)
		return -EPIPE;
	err = sock_error(sk);
	if (!err)
		err = osk_dgram_target(sock, os, msg, &dg) ?: osk_dgram_cmsg(os, msg);
	if (err)
		return err == 1 ? osk_native_ops(sock)->sendmsg(sock, msg, len) : err;
	err = osk_zerocopy_begin(sk, msg, len, &uarg);
	if (err)
		return err;
	err = osk_dgram_send(os, msg, len, &dg);
	osk_zerocopy_end(uarg, !err);
	return err ?: len;
}

/* connect() */

static int osk_dgram_connect_host(struct socket *sock, struct osk *os,
				  const struct outsock_addr *addr)
{
	struct osreq *req;
	int err = osk_autobind_addr(os) ?: osk_declare(os);

	if (err)
		return err;
	req = osreq_new(os->q, os, OUTSOCK_OP_CONNECT, GFP_KERNEL);
	if (!req)
		return -ENOMEM;
	req->waited = true;
	osreq_body(req, addr, sizeof(*addr));
	osk_request(os, req);
	err = osk_answer(os, req);
	spin_lock(&os->lock);
	if (!err) {
		os->peer = *addr;
		if (req->reply_len >= sizeof(os->local))
			memcpy(&os->local, req->reply, sizeof(os->local));
		if (addr->family && !os->bound) {
			os->bound = true;
			os->bound_to = os->local;
		}
		osk_set_state(osk_sk(os), addr->family ? TCP_ESTABLISHED : TCP_CLOSE);
		sock->state = addr->family ? SS_CONNECTED : SS_UNCONNECTED;
	}
	spin_unlock(&os->lock);
	osreq_put(req);
	return err;
}

/* A port that the program has not chosen goes: nothing is left for the host to keep. */
static int osk_dgram_disconnect(struct socket *sock, struct osk *os)
{
	const struct outsock_addr none = {};

	if (!os->peer.family)
		return 0;
	if (os->bound && osk_sk(os)->sk_userlocks & SOCK_BINDPORT_LOCK)
		return osk_dgram_connect_host(sock, os, &none);
	osk_drop_host(os, 0);
	osk_unbind(os);
	spin_lock(&os->lock);
	memset(&os->peer, 0, sizeof(os->peer));
	osk_set_state(osk_sk(os), TCP_CLOSE);
	sock->state = SS_UNCONNECTED;
	spin_unlock(&os->lock);
	return 0;
}

static int osk_dgram_connect_start(struct socket *sock, struct osk *os, struct sockaddr *uaddr,
				   int len)
{
	struct outsock_addr addr = {};
	int err;

	if (!osk_of(sock))
		return 1;
	if (uaddr->sa_family == AF_UNSPEC)
		return osk_dgram_disconnect(sock, os);
	err = osk_addr_get(os, uaddr, len, &addr);
	if (err)
		return err;
	if (osk_addr_forbidden(os, &addr))
		return -EACCES;
	switch (osk_addr_connect_class(os, &addr)) {
	case OSK_AT_GUEST:
		return os->bound ? -ENETUNREACH : osk_go_native(sock, os) ?: 1;
	case OSK_AT_NOWHERE:
		return -ENETUNREACH;
	default:
		return osk_dgram_connect_host(sock, os, &addr);
	}
}

static int osk_dgram_connect(struct socket *sock, struct sockaddr *uaddr, int len, int flags)
{
	struct osk *os = osk_of(sock);
	int err;

	if (!os)
		return osk_native_ops(sock)->connect(sock, uaddr, len, flags);
	if (len < (int)sizeof(uaddr->sa_family))
		return -EINVAL;
	if (mutex_lock_interruptible(&os->ctl))
		return -ERESTARTSYS;
	err = osk_dgram_connect_start(sock, os, uaddr, len);
	mutex_unlock(&os->ctl);
	return err == 1 ? osk_native_ops(sock)->connect(sock, uaddr, len, flags) : err;
}

static int osk_dgram_shutdown(struct socket *sock, int how)
{
	struct osk *os = osk_of(sock);
	struct sock *sk;
	int err;

	if (!os)
		return osk_native_ops(sock)->shutdown(sock, how);
	if (how < SHUT_RD || how > SHUT_RDWR)
		return -EINVAL;
	sk = osk_sk(os);
	spin_lock(&os->lock);
	err = os->peer.family ? 0 : -ENOTCONN;	/* and done all the same, as inet_shutdown() */
	WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown | (how + 1));
	sk->sk_state_change(sk);
	spin_unlock(&os->lock);
	return err;
}

static __poll_t osk_dgram_poll(struct file *file, struct socket *sock, poll_table *wait)
{
	struct osk *os = osk_of(sock);
	struct sock *sk;
	__poll_t mask;

	if (!os)
		return osk_native_ops(sock)->poll(file, sock, wait);
	sk = osk_sk(os);
	sock_poll_wait(file, sock, wait);
	mask = osk_poll_busy(os, wait);
	if (READ_ONCE(sk->sk_err) || !skb_queue_empty_lockless(&sk->sk_error_queue))
		mask |= EPOLLERR;
	if (sk->sk_shutdown & RCV_SHUTDOWN)
		mask |= EPOLLRDHUP | EPOLLIN | EPOLLRDNORM;
	if (sk->sk_shutdown == SHUTDOWN_MASK)
		mask |= EPOLLHUP;
	if (!skb_queue_empty_lockless(&sk->sk_receive_queue))
		mask |= EPOLLIN | EPOLLRDNORM;
	set_bit(SOCK_NOSPACE, &sock->flags);
	smp_mb__after_atomic();
	if (!osk_dgram_blocked(os))
		mask |= EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
	return mask;
}

static int osk_dgram_ioctl(struct socket *sock, unsigned int cmd, unsigned long arg)
{
	struct osk *os = osk_of(sock);
	struct sk_buff *skb;
	struct sock *sk;
	int answer = 0;

	if (!os)
		return osk_native_ops(sock)->ioctl(sock, cmd, arg);
	sk = osk_sk(os);
	if (cmd == SIOCINQ) {
		spin_lock_irq(&sk->sk_receive_queue.lock);
		skb = skb_peek(&sk->sk_receive_queue);
		answer = skb ? skb->len : 0;
		spin_unlock_irq(&sk->sk_receive_queue.lock);
	} else if (cmd != SIOCOUTQ) {
		return sk->sk_family == AF_INET6 ? inet6_ioctl(sock, cmd, arg) :
						   inet_ioctl(sock, cmd, arg);
	}
	return put_user(answer, (int __user *)arg);
}

#define OSK_DGRAM_OPS(fam)                                                                         \
	{                                                                                          \
		.family = fam, .owner = THIS_MODULE, .release = osk_release, .bind = osk_bind,     \
		.connect = osk_dgram_connect, .socketpair = sock_no_socketpair,                    \
		.accept = sock_no_accept, .getname = osk_getname, .poll = osk_dgram_poll,          \
		.ioctl = osk_dgram_ioctl, .gettstamp = sock_gettstamp, .listen = sock_no_listen,   \
		.shutdown = osk_dgram_shutdown, .setsockopt = osk_setsockopt,                      \
		.getsockopt = osk_getsockopt, .sendmsg = osk_dgram_sendmsg,                        \
		.recvmsg = osk_dgram_recvmsg, .mmap = sock_no_mmap,                                \
	}

const struct proto_ops osk_dgram_ops = OSK_DGRAM_OPS(PF_INET);
const struct proto_ops osk_dgram6_ops = OSK_DGRAM_OPS(PF_INET6);
