// SPDX-License-Identifier: GPL-2.0
/* Stream sockets: receiving, with or without a copy. One reader at a time (os->rd). */
#include "compat.h"
#include <linux/pipe_fs_i.h>
#include <linux/sched/signal.h>
#include <linux/splice.h>
#include <linux/uio.h>
#include <net/tcp.h>
#include "dev.h"
#include "mib.h"
#include "sock.h"

/* What ends a receive that found no data: 1 to wait, 0 for the end of the stream, or an error. */
static int osk_no_data(struct sock *sk)
{
	int state = READ_ONCE(sk->sk_state);

	if (READ_ONCE(sk->sk_err))
		return sock_error(sk) ?: 1;
	if (READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN || sock_flag(sk, SOCK_DONE))
		return 0;
	if (state == TCP_CLOSE || state == TCP_LISTEN)
		return -ENOTCONN;
	return 1;
}

static bool osk_readable(struct osk *os, u64 seen)
{
	struct sock *sk = osk_sk(os);

	return READ_ONCE(os->rcv_nxt) != seen || READ_ONCE(sk->sk_err) ||
	       READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN || sock_flag(sk, SOCK_DONE) ||
	       READ_ONCE(sk->sk_state) == TCP_CLOSE;
}

static int osk_wait_data(struct osk *os, u64 seen, long *timeo)
{
	struct sock *sk = osk_sk(os);
	int err;

	if (*timeo)
		osk_busy_poll(os, osk_readable, seen);
	sk_set_bit(SOCKWQ_ASYNC_WAITDATA, sk);
	err = osk_wait(os, osk_readable, seen, timeo);
	sk_clear_bit(SOCKWQ_ASYNC_WAITDATA, sk);
	return err;
}

/* The segment that holds offset @at of the stream. Only readers free segments: rd is held. */
static struct osseg *osk_find(struct osk *os, u64 at, u32 *off, u32 *len)
{
	u64 pos = os->rcv_read;
	struct osseg *seg, *found = NULL;

	spin_lock(&os->lock);
	list_for_each_entry(seg, &os->rx, node) {
		if (at < pos + seg->len) {
			*off = seg->off + (at - pos);
			*len = seg->len - (at - pos);
			found = seg;
			break;
		}
		pos += seg->len;
	}
	spin_unlock(&os->lock);
	return found;
}

/* @len bytes were read: credit for the host. */
static void osk_consume(struct osk *os, u64 len)
{
	struct sock *sk = osk_sk(os);
	struct osseg *seg, *next;
	LIST_HEAD(done);

	spin_lock(&os->lock);
	WRITE_ONCE(os->rcv_read, os->rcv_read + len);
	list_for_each_entry_safe(seg, next, &os->rx, node) {
		u32 here = min_t(u64, len, seg->len);

		seg->off += here;
		seg->len -= here;
		len -= here;
		if (seg->len)
			break;
		atomic_sub(seg->cost, &sk->sk_rmem_alloc);
		list_move_tail(&seg->node, &done);
	}
	osk_send_credit(os);
	spin_unlock(&os->lock);
	osseg_purge(&done);
}

/* rd held: what is there, up to @len bytes from offset @at. */
static long osk_copy_out(struct osk *os, struct msghdr *msg, u64 at, size_t len, int flags)
{
	long copied = 0;
	u32 off, here;

	while (len) {
		struct osseg *seg = osk_find(os, at + copied, &off, &here);

		if (!seg)
			break;
		here = min_t(size_t, here, len);
		if (!(flags & MSG_TRUNC)) {
			here = copy_page_to_iter(seg->page, off, here, &msg->msg_iter);
			if (!here)
				return copied ?: -EFAULT;
		}
		copied += here;
		len -= here;
		if (!(flags & MSG_PEEK))
			osk_consume(os, here);
	}
	return copied;
}

static u64 osk_peek_from(struct osk *os, int flags)
{
	int off = flags & MSG_PEEK ? READ_ONCE(osk_sk(os)->sk_peek_off) : -1;

	return os->rcv_read + max(off, 0);
}

/*
 * No more comes before the program reads: the host's window is closed, or so small that the peer
 * may save it up. So this is the most that SO_RCVLOWAT can wait for.
 */
bool osk_rcv_full(const struct osk *os)
{
	u64 nxt = READ_ONCE(os->rcv_nxt);

	return nxt != READ_ONCE(os->rcv_read) &&
	       READ_ONCE(os->rcv_credit) - nxt < le16_to_cpu(os->dev->hello.mtu);
}

/*
 * SO_RCVLOWAT. As the kernel's TCP: the buffer grows with it, or limits it if the program has
 * chosen its size. Credit can lag by a quarter of the buffer, half of which is payload.
 */
int osk_set_rcvlowat(struct sock *sk, int val)
{
	bool chosen = sk->sk_userlocks & SOCK_RCVBUF_LOCK;
	struct osk *os = osk_from_sk(sk);
	int cap = READ_ONCE(sock_net(sk)->ipv4.sysctl_tcp_rmem[2]);

	if (!osk_is_ours(sk))
		return tcp_set_rcvlowat(sk, val);
	val = min(val, (chosen ? sk->sk_rcvbuf : cap) / 2);
	spin_lock(&os->lock);
	WRITE_ONCE(sk->sk_rcvlowat, val ?: 1);
	if (!chosen && val > sk->sk_rcvbuf / 4)
		WRITE_ONCE(sk->sk_rcvbuf, max(sk->sk_rcvbuf, 3 * val));
	osk_send_credit(os);
	sk->sk_data_ready(sk);
	spin_unlock(&os->lock);
	return 0;
}

/* Receives until @target bytes are there, or nothing more can be had. rd is not held over waits. */
static long osk_recv(struct osk *os, struct msghdr *msg, size_t len, int flags)
{
	struct sock *sk = osk_sk(os);
	long timeo = sock_rcvtimeo(sk, flags & MSG_DONTWAIT);
	size_t target = sock_rcvlowat(sk, flags & MSG_WAITALL, len);
	long copied = 0, n;
	u64 seen;

	for (;;) {
		if (mutex_lock_interruptible(&os->rd))
			return copied ?: sock_intr_errno(timeo);
		seen = READ_ONCE(os->rcv_nxt);
		n = osk_copy_out(os, msg,
				 osk_peek_from(os, flags) + (flags & MSG_PEEK ? copied : 0),
				 len - copied, flags);
		mutex_unlock(&os->rd);
		if (n < 0)
			return copied ?: n;
		copied += n;
		if (copied >= (long)target || copied == (long)len)
			return copied;
		if (copied && flags & MSG_PEEK && osk_rcv_full(os))
			return copied;
		n = copied ? 1 : osk_no_data(sk);
		if (copied && (READ_ONCE(sk->sk_err) || sk->sk_shutdown & RCV_SHUTDOWN ||
			       sock_flag(sk, SOCK_DONE)))
			n = 0;
		if (n != 1)
			return copied ?: n;
		n = osk_wait_data(os, seen, &timeo);
		if (n)
			return copied ?: n;
	}
}

/* Completions of MSG_ZEROCOPY. */
int osk_recv_errqueue(struct sock *sk, struct msghdr *msg, size_t len)
{
	if (sk->sk_family == AF_INET6)
		return sock_recv_errqueue(sk, msg, len, SOL_IPV6, IPV6_RECVERR);
	return sock_recv_errqueue(sk, msg, len, SOL_IP, IP_RECVERR);
}

int osk_stream_recvmsg(struct socket *sock, struct msghdr *msg, size_t len, int flags)
{
	struct osk *os = osk_of(sock);
	struct sock *sk;
	long n;

	if (!os)
		return osk_native_ops(sock)->recvmsg(sock, msg, len, flags);
	sk = osk_sk(os);
	if (flags & MSG_ERRQUEUE)
		return osk_recv_errqueue(sk, msg, len);
	if (flags & MSG_OOB)
		return -EINVAL;
	if (sk->sk_state == TCP_LISTEN)
		return -ENOTCONN;
	n = osk_recv(os, msg, len, flags);
	if (n >= 0 && msg->msg_get_inq)
		msg->msg_inq = min_t(u64, os->rcv_nxt - os->rcv_read, INT_MAX);
	if (n > 0 && flags & MSG_PEEK && READ_ONCE(sk->sk_peek_off) >= 0)
		WRITE_ONCE(sk->sk_peek_off, sk->sk_peek_off + n);
	else if (n > 0 && READ_ONCE(sk->sk_peek_off) >= 0)
		WRITE_ONCE(sk->sk_peek_off, max_t(int, sk->sk_peek_off - n, 0));
	return n;
}

/* splice() out of the socket: pages go to the pipe with a reference of their own. */

static void osk_spd_release(struct splice_pipe_desc *spd, unsigned int i)
{
	put_page(spd->pages[i]);
}

/* rd held: fills @spd; bytes */
static u32 osk_splice_fill(struct osk *os, struct splice_pipe_desc *spd, size_t len)
{
	struct osseg *seg;
	u32 sum = 0;

	spin_lock(&os->lock);
	list_for_each_entry(seg, &os->rx, node) {
		u32 in_page = seg->off & ~PAGE_MASK;
		u32 here = min_t(size_t, min_t(u32, seg->len, PAGE_SIZE - in_page), len - sum);

		if (!here || spd->nr_pages == spd->nr_pages_max)
			break;
		spd->pages[spd->nr_pages] = seg->page + (seg->off >> PAGE_SHIFT);
		get_page(seg->page);
		spd->partial[spd->nr_pages].offset = in_page;
		spd->partial[spd->nr_pages].len = here;
		spd->nr_pages++;
		sum += here;
		if (here < seg->len)
			break;	/* the rest of a compound page comes next time */
	}
	spin_unlock(&os->lock);
	return sum;
}

static ssize_t osk_splice_some(struct osk *os, struct pipe_inode_info *pipe, size_t len)
{
	struct page *pages[PIPE_DEF_BUFFERS];
	struct partial_page partial[PIPE_DEF_BUFFERS];
	struct splice_pipe_desc spd = {
		.pages = pages, .partial = partial, .nr_pages_max = PIPE_DEF_BUFFERS,
		.ops = &nosteal_pipe_buf_ops, .spd_release = osk_spd_release,
	};
	ssize_t n = 0;

	if (mutex_lock_interruptible(&os->rd))
		return -EINTR;
	if (osk_splice_fill(os, &spd, len))
		n = splice_to_pipe(pipe, &spd);
	if (n > 0)
		osk_consume(os, n);
	mutex_unlock(&os->rd);
	return n;
}

ssize_t osk_stream_splice_read(struct socket *sock, loff_t *ppos, struct pipe_inode_info *pipe,
			       size_t len, unsigned int flags)
{
	struct osk *os = osk_of(sock);
	long timeo;
	ssize_t n;
	u64 seen;

	if (!os)
		return osk_native_ops(sock)->splice_read(sock, ppos, pipe, len, flags);
	if (*ppos)
		return -ESPIPE;
	timeo = sock_rcvtimeo(osk_sk(os), flags & SPLICE_F_NONBLOCK ||
					  sock->file->f_flags & O_NONBLOCK);
	for (;;) {
		seen = READ_ONCE(os->rcv_nxt);
		n = osk_splice_some(os, pipe, len);
		if (n)
			return n;
		n = osk_no_data(osk_sk(os));
		if (n != 1)
			return n;
		n = osk_wait_data(os, seen, &timeo);
		if (n)
			return n;
	}
}
