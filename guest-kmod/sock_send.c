// SPDX-License-Identifier: GPL-2.0
/*
 * Stream sockets: sending. Room in the send buffer is reserved under the lock, the program's bytes
 * are copied without it, then they become the stream's: nothing is held over a copy or a wait.
 */
#include "compat.h"
#include <linux/sched/signal.h>
#include <linux/skbuff.h>
#include <linux/uio.h>
#include "dev.h"
#include "mib.h"
#include "sock.h"

#define OSK_SEND_CHUNK (64 * 1024)	/* copied before it is sent */

/* The error that a sender meets: lock held, 0 if it may send. */
static int osk_send_error(struct sock *sk)
{
	if (sk->sk_err || sk->sk_shutdown & SEND_SHUTDOWN)
		return -EPIPE;
	if (sk->sk_state == TCP_SYN_SENT)
		return -EAGAIN;
	if (sk->sk_state == TCP_CLOSE || sk->sk_state == TCP_LISTEN)
		return -EPIPE;
	return 0;
}

/* Takes up to @want bytes of the send buffer: how many, or an error. */
static long osk_reserve(struct osk *os, size_t want)
{
	struct sock *sk = osk_sk(os);
	long room;

	spin_lock(&os->lock);
	room = osk_send_error(sk);
	if (!room) {
		room = sk_stream_wspace(sk);
		room = room <= 0 ? -EAGAIN : min3(room, (long)want, (long)OSK_SEND_CHUNK);
	}
	if (room > 0)
		WRITE_ONCE(sk->sk_wmem_queued, sk->sk_wmem_queued + room);
	if (room == -EAGAIN && sk->sk_socket)
		set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
	if (room == -EAGAIN && os->more) {
		os->more = false;	/* nothing more comes before there is room */
		osk_push_now(os);
	}
	spin_unlock(&os->lock);
	return room;
}

static void osk_unreserve(struct osk *os, long n)
{
	struct sock *sk = osk_sk(os);

	spin_lock(&os->lock);
	WRITE_ONCE(sk->sk_wmem_queued, sk->sk_wmem_queued - n);
	spin_unlock(&os->lock);
}

/* Without the flag there is no wake-up: it is set before each look. */
static bool osk_sendable(struct osk *os, u64 unused)
{
	struct sock *sk = osk_sk(os);

	set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
	smp_mb__after_atomic();
	if (READ_ONCE(sk->sk_err) || READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN)
		return true;
	if (READ_ONCE(sk->sk_state) == TCP_SYN_SENT)
		return false;
	return sk_stream_wspace(sk) >= sk_stream_min_wspace(sk) ||
	       READ_ONCE(sk->sk_state) == TCP_CLOSE;
}

/* Copies into parts of the thread's own page frag, so no lock is needed. */
static long osk_copy_in(struct msghdr *msg, long n, struct list_head *list)
{
	struct page_frag *frag = &current->task_frag;
	struct osseg *seg;
	long done = 0;
	u32 here;

	while (done < n) {
		if (!skb_page_frag_refill(32, frag, GFP_KERNEL))
			return done ?: -ENOMEM;
		here = min_t(u32, n - done, frag->size - frag->offset);
		here = copy_page_from_iter(frag->page, frag->offset, here, &msg->msg_iter);
		if (!here)
			return done ?: -EFAULT;
		seg = osseg_new(frag->page, frag->offset, here, GFP_KERNEL);
		if (!seg)
			return done ?: -ENOMEM;
		get_page(frag->page);
		frag->offset += here;
		list_add_tail(&seg->node, list);
		done += here;
	}
	return done;
}

/* Continues the last segment where the new one lies behind it. Only while it still has an owner. */
static bool osk_merge(struct osk *os, struct osseg *seg)
{
	struct osseg *last = osseg_last(&os->tx);

	if (!last || last->page != seg->page || last->off + last->len != seg->off)
		return false;
	last->len += seg->len;
	last->cost += seg->len;
	return true;
}

/* lock held: segments become the stream's; the reservation of @reserved bytes becomes their cost */
static void osk_append(struct osk *os, struct list_head *list, long reserved)
{
	struct sock *sk = osk_sk(os);
	struct osseg *seg, *next;
	int charge = -reserved;

	list_for_each_entry_safe(seg, next, list, node) {
		list_del(&seg->node);
		os->snd_end += seg->len;
		if (osk_merge(os, seg)) {
			charge += seg->len;
			osseg_free(seg);
			continue;
		}
		charge += seg->cost;
		list_add_tail(&seg->node, &os->tx);
		if (!os->tx_next) {
			os->tx_next = seg;
			os->tx_off = 0;
		} else if (os->tx_off == os->tx_next->len &&
			   list_is_last(&seg->node, &os->tx) &&
			   seg->node.prev == &os->tx_next->node) {
			os->tx_next = seg;
			os->tx_off = 0;
		}
	}
	WRITE_ONCE(sk->sk_wmem_queued, sk->sk_wmem_queued + charge);
}

/* 0, or the error that met us between reserving and now: the bytes are lost with the connection */
static int osk_commit(struct osk *os, struct list_head *list, long reserved, bool more, bool hold)
{
	int err;

	spin_lock(&os->lock);
	err = osk_send_error(osk_sk(os));
	if (err) {
		WRITE_ONCE(osk_sk(os)->sk_wmem_queued, osk_sk(os)->sk_wmem_queued - reserved);
	} else {
		osk_append(os, list, reserved);
		os->more = more;
		if (hold)
			osk_push(os);
		else
			osk_push_now(os);
	}
	spin_unlock(&os->lock);
	osseg_purge(list);
	return err;
}

/* One chunk: bytes sent or an error. */
static long osk_send_chunk(struct osk *os, struct msghdr *msg, int flags)
{
	long room = osk_reserve(os, msg_data_left(msg)), n;
	LIST_HEAD(list);
	bool more;
	int err;

	if (room < 0)
		return room;
	n = osk_copy_in(msg, room, &list);
	if (n < 0) {
		osk_unreserve(os, room);
		return n;
	}
	more = flags & MSG_MORE || msg_data_left(msg);
	err = osk_commit(os, &list, room, more, false);
	return err ?: n;
}

/*
 * MSG_ZEROCOPY: we copy, and the completion says so. It is there before anything is sent, since
 * the program waits for it; where there is no memory for it nothing is sent.
 */
int osk_zerocopy_begin(struct sock *sk, struct msghdr *msg, size_t len, struct ubuf_info **uarg)
{
	*uarg = NULL;
	if (!(msg->msg_flags & MSG_ZEROCOPY) || !len || !sock_flag(sk, SOCK_ZEROCOPY))
		return 0;
	*uarg = msg_zerocopy_realloc(sk, len, NULL);
	if (!*uarg)
		return -ENOBUFS;
	uarg_to_msgzc(*uarg)->zerocopy = 0;
	return 0;
}

/* The completion, or none for what failed. */
void osk_zerocopy_end(struct ubuf_info *uarg, bool sent)
{
	if (sent)
		net_zcopy_put(uarg);
	else
		net_zcopy_put_abort(uarg, true);
}

static long osk_send_all(struct osk *os, struct msghdr *msg, int flags)
{
	struct sock *sk = osk_sk(os);
	long timeo = sock_sndtimeo(sk, flags & MSG_DONTWAIT);
	long copied = 0, n;

	while (msg_data_left(msg)) {
		n = osk_send_chunk(os, msg, flags);
		if (n == -EAGAIN)
			n = osk_wait(os, osk_sendable, 0, &timeo);
		if (n < 0)
			return copied ?: n;
		copied += n;
	}
	return copied;
}

int osk_stream_sendmsg(struct socket *sock, struct msghdr *msg, size_t len)
{
	struct osk *os = osk_of(sock);
	int flags = msg->msg_flags;
	struct ubuf_info *uarg;
	struct sock *sk;
	long n;

	if (!os)
		return osk_native_ops(sock)->sendmsg(sock, msg, len);
	if (flags & (MSG_OOB | MSG_FASTOPEN))
		return -EOPNOTSUPP;
	sk = osk_sk(os);
	n = osk_stream_cmsg(sk, msg);
	if (n)
		return n;
	n = osk_zerocopy_begin(sk, msg, len, &uarg);
	if (n)
		return n;
	n = osk_send_all(os, msg, flags);
	osk_zerocopy_end(uarg, n > 0);
	return n < 0 ? sk_stream_error(sk, flags, n) : n;
}

#if OS_HAVE_SENDPAGE
/* Not kernel_sendpage(): that looks at sock->ops, which may be ours still. */
static ssize_t osk_native_sendpage(struct socket *sock, struct page *page, int off, size_t len,
				   int flags)
{
	const struct proto_ops *ops = osk_native_ops(sock);

	return ops->sendpage ? ops->sendpage(sock, page, off, len, flags) :
			       sock_no_sendpage(sock, page, off, len, flags);
}

ssize_t osk_stream_sendpage(struct socket *sock, struct page *page, int off, size_t len, int flags)
{
	bool hold = flags & MSG_SENDPAGE_NOTLAST;
	struct osk *os = osk_of(sock);
	struct osseg *seg;
	struct sock *sk;
	LIST_HEAD(list);
	long room, timeo;

	if (!os)
		return osk_native_sendpage(sock, page, off, len, flags);
	sk = osk_sk(os);
	timeo = sock_sndtimeo(sk, flags & MSG_DONTWAIT);
	while ((room = osk_reserve(os, len)) == -EAGAIN) {
		room = osk_wait(os, osk_sendable, 0, &timeo);
		if (room)
			break;
	}
	if (room < 0)
		return sk_stream_error(sk, flags, room);
	seg = osseg_new(page, off, room, GFP_KERNEL);
	if (!seg) {
		osk_unreserve(os, room);
		return -ENOMEM;
	}
	get_page(page);
	list_add_tail(&seg->node, &list);
	timeo = osk_commit(os, &list, room, hold || flags & MSG_MORE, hold);
	return timeo ? sk_stream_error(sk, flags, timeo) : room;
}
#endif

