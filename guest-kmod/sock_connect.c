// SPDX-License-Identifier: GPL-2.0
/* Stream sockets: connect(), and its opposite, connect() with AF_UNSPEC. */
#include "compat.h"
#include <linux/sched/signal.h>
#include "cmd.h"
#include "dev.h"
#include "mib.h"
#include "sock.h"
#include "twin.h"

#define OSK_CONNECT_MAX	(130 * HZ)	/* what Linux's own retries of a SYN come to */
#define OSK_ASK_MAX	(15 * HZ)	/* as for other requests */
#define OSK_ASK_NONBLOCK (HZ / 10)	/* the host answers at once, or it is not there */

void osk_connect_failed(struct osk *os, int err)
{
	if (os->ask_waited) {
		os->ask_err = err;
		osk_set_state(osk_sk(os), TCP_CLOSE);
	} else {
		osk_fatal(os, err);
	}
	smp_store_release(&os->asking, false);
	osk_sk(os)->sk_state_change(osk_sk(os));
}

/*
 * Ring thread. CONNECT's reply comes before the SYN leaves, with the local port or with what stands
 * against it. connect() waits for that, and says it; when it has given up (the host was away) the
 * error is as one that came later.
 */
void osk_connect_reply(struct osk *os, u32 id, int status, const void *body, u32 len)
{
	struct sock *sk = osk_sk(os);

	spin_lock(&os->lock);
	if (os->id != id || sk->sk_state != TCP_SYN_SENT)
		goto unlock;
	if (status) {
		osk_connect_failed(os, status);
		goto unlock;
	}
	if (len >= sizeof(os->local))
		memcpy(&os->local, body, sizeof(os->local));
	smp_store_release(&os->asking, false);
	sk->sk_state_change(sk);
unlock:
	spin_unlock(&os->lock);
}

/* A failed attempt leaves the socket usable: what comes next gets another socket at the host. */
void osk_forget_failure(struct osk *os)
{
	if (!os->stream || !os->dead)
		return;
	osk_drop_host(os, OUTSOCK_CLOSE_ABORT);
	spin_lock(&os->lock);
	os->dead = false;
	osk_sk(os)->sk_shutdown = 0;
	sock_reset_flag(osk_sk(os), SOCK_DONE);
	os->rcv_credit = 0;
	spin_unlock(&os->lock);
}

/* While the host is away there is nothing to wait for: the attempt begins when it is back. */
static bool osk_has_reply(struct osk *os, u64 unused)
{
	return !smp_load_acquire(&os->asking) || !READ_ONCE(os->dev->up) ||
	       READ_ONCE(osk_sk(os)->sk_state) != TCP_SYN_SENT;
}

void osk_wait_reply(struct osk *os, bool nonblock)
{
	long timeo = nonblock ? OSK_ASK_NONBLOCK : OSK_ASK_MAX;

	osk_wait(os, osk_has_reply, 0, &timeo);
}

/*
 * In a new epoch osk_declare_again() does it. An error: the device has gone, or the host has
 * refused the socket.
 */
static int osk_ask_connect(struct socket *sock, struct osk *os, struct osreq *req,
			    const struct outsock_addr *addr)
{
	bool declared;
	int err = 0;

	spin_lock(&os->lock);
	declared = os->declared;
	if (os->dead || (!declared && os->refused)) {
		err = os->dead ? -ENETDOWN : -os->refused;
		goto unlock;
	}
	osk_sync_options(os);
	os->peer = *addr;
	if (!os->bound)
		memset(&os->local, 0, sizeof(os->local));
	os->asking = true;
	os->ask_waited = true;
	os->ask_err = 0;
	WRITE_ONCE(osk_sk(os)->sk_err, 0);
	req->sock = os->id;
	req->pos = osk_credit(os);
	osk_set_state(osk_sk(os), TCP_SYN_SENT);
	sock->state = SS_CONNECTING;
	if (declared)
		osreq_queue(req);
unlock:
	spin_unlock(&os->lock);
	if (declared && !err)
		osreq_put(req);
	else
		osreq_cancel(req);
	return err;
}

/* 0: it is under way. An error leaves the socket as it was. */
static int osk_connect_host(struct socket *sock, struct osk *os, const struct outsock_addr *addr,
			    int flags)
{
	struct osreq *req;
	int err;

	err = osk_autobind_addr(os) ?: osk_declare(os);
	if (err)
		return err;
	req = osreq_new(os->q, os, OUTSOCK_OP_CONNECT, GFP_KERNEL);
	if (!req)
		return -ENOMEM;
	req->fn = osk_connect_reply;
	osreq_body(req, addr, sizeof(*addr));
	err = osk_ask_connect(sock, os, req, addr);
	if (err)
		return err;
	osk_wait_reply(os, flags & O_NONBLOCK);
	spin_lock(&os->lock);
	os->ask_waited = false;
	err = -os->ask_err;
	if (err) {
		memset(&os->peer, 0, sizeof(os->peer));
		sock->state = SS_UNCONNECTED;
	}
	spin_unlock(&os->lock);
	return err;
}

/*
 * The twin connects. Refused at once, as the local stack does it, it was only the twin, and the
 * socket may go elsewhere next time; else it becomes the socket. 1: the native connect() goes on.
 */
static int osk_connect_local(struct socket *sock, struct osk *os, struct sockaddr *uaddr, int len,
			     int flags)
{
	long wanted = sock_sndtimeo(osk_sk(os), flags & O_NONBLOCK);
	bool undecided = false;
	int err = osk_twin_connect(os, uaddr, len, wanted, &undecided), swapped;

	if (err && !undecided)
		return err;
	swapped = osk_go_native(sock, os);
	if (swapped)
		return swapped;
	return err == -EINPROGRESS && wanted > OSK_TWIN_WAIT ? 1 : err;
}

/* 1: the socket has become native; -EALREADY: it was connecting already */
static int osk_connect_start(struct socket *sock, struct osk *os, struct sockaddr *uaddr, int len,
			     int flags)
{
	struct outsock_addr addr;
	int err;

	if (!osk_of(sock))
		return 1;
	if (uaddr->sa_family == AF_UNSPEC)
		return osk_disconnect(sock, os);
	if (sock->state == SS_CONNECTED)
		return -EISCONN;
	if (sock->state == SS_CONNECTING)
		return -EALREADY;
	if (osk_sk(os)->sk_state != TCP_CLOSE)
		return -EISCONN;
	err = osk_addr_get(os, uaddr, len, &addr);
	if (err)
		return err;
	switch (osk_addr_connect_class(os, &addr)) {
	case OSK_AT_GUEST:
		return osk_connect_local(sock, os, uaddr, len, flags);
	case OSK_AT_NOWHERE:
		return -ENETUNREACH;
	default:
		return osk_connect_host(sock, os, &addr, flags);
	}
}

static bool osk_has_connected(struct osk *os, u64 unused)
{
	return smp_load_acquire(&osk_sk(os)->sk_state) != TCP_SYN_SENT;
}

/* @err: what to say while it is still under way */
static int osk_connect_wait(struct socket *sock, struct sock *sk, int flags, int err)
{
	long wanted = sock_sndtimeo(sk, flags & O_NONBLOCK);
	long timeo = min_t(long, wanted, OSK_CONNECT_MAX);

	/* It may be there already, since the reply was waited for; Linux would not know yet. */
	if (!wanted && err == -EINPROGRESS)
		return err;
	osk_wait(osk_from_sk(sk), osk_has_connected, 0, &timeo);
	if (smp_load_acquire(&sk->sk_state) == TCP_SYN_SENT) {
		if (timeo && signal_pending(current))
			return sock_intr_errno(wanted);
		return wanted > OSK_CONNECT_MAX ? -ETIMEDOUT : err;
	}
	if (sk->sk_state == TCP_CLOSE) {
		err = sock_error(sk) ?: -ECONNABORTED;
		sock->state = SS_UNCONNECTED;
		return err;
	}
	sock->state = SS_CONNECTED;
	return 0;
}

int osk_stream_connect(struct socket *sock, struct sockaddr *uaddr, int len, int flags)
{
	struct osk *os = osk_of(sock);
	bool native;
	int err;

	if (!os)
		return osk_native_ops(sock)->connect(sock, uaddr, len, flags);
	if (len < (int)sizeof(uaddr->sa_family))
		return -EINVAL;
	if (mutex_lock_interruptible(&os->ctl))
		return -ERESTARTSYS;
	err = osk_connect_start(sock, os, uaddr, len, flags);
	native = !osk_of(sock);
	mutex_unlock(&os->ctl);
	if (err == 1)
		return osk_native_ops(sock)->connect(sock, uaddr, len, flags);
	if (native || uaddr->sa_family == AF_UNSPEC || (err && err != -EALREADY))
		return err;
	return osk_connect_wait(sock, osk_sk(os), flags, err ?: -EINPROGRESS);
}

/* The opposite. */

static bool osk_resets(int state)
{
	return (1 << state) & (TCPF_ESTABLISHED | TCPF_SYN_SENT | TCPF_SYN_RECV | TCPF_FIN_WAIT1 |
			       TCPF_FIN_WAIT2 | TCPF_CLOSE_WAIT);
}

/* lock held: as a new socket, but for its options */
static void osk_reset_stream(struct osk *os)
{
	osk_tx_purge(os);
	os->dead = false;
	os->asking = false;
	os->snd_una = 0;
	os->snd_nxt = 0;
	os->snd_end = 0;
	os->snd_win = 0;
	os->fin = false;
	os->fin_sent = false;
	os->more = false;
	WRITE_ONCE(os->rcv_read, 0);
	WRITE_ONCE(os->rcv_nxt, 0);
	os->rcv_credit = 0;
	memset(&os->record, 0, sizeof(os->record));
	memset(&os->peer, 0, sizeof(os->peer));
}

/* lock held: readers and senders that wait hear of it as of a reset (Linux, tcp_disconnect()) */
static void osk_say_disconnected(struct osk *os)
{
	struct sock *sk = osk_sk(os);
	bool reset = osk_resets(sk->sk_state);

	if (reset)
		WRITE_ONCE(sk->sk_err, ECONNRESET);
	WRITE_ONCE(sk->sk_shutdown, 0);
	sock_reset_flag(sk, SOCK_DONE);
	osk_set_state(sk, TCP_CLOSE);
	sk->sk_state_change(sk);
	if (reset)
		sk_error_report(sk);
}

/* What is left in the buffer goes too: no reader may be at it meanwhile. */
int osk_disconnect(struct socket *sock, struct osk *os)
{
	struct sock *sk = osk_sk(os);
	struct osseg *seg;
	LIST_HEAD(rx);

	if (mutex_lock_interruptible(&os->rd))
		return -ERESTARTSYS;
	if (sk->sk_state == TCP_LISTEN)
		osk_close_listener(os);
	osk_drop_host(os, OUTSOCK_CLOSE_ABORT);
	osk_unbind(os);
	spin_lock(&os->lock);
	list_splice_init(&os->rx, &rx);
	osk_reset_stream(os);
	osk_say_disconnected(os);
	sock->state = SS_UNCONNECTED;
	spin_unlock(&os->lock);
	mutex_unlock(&os->rd);
	list_for_each_entry(seg, &rx, node)
		atomic_sub(seg->cost, &sk->sk_rmem_alloc);
	osseg_purge(&rx);
	return 0;
}
