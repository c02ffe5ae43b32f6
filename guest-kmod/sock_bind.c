// SPDX-License-Identifier: GPL-2.0
/* bind() and names, of either type of socket. */
#include "compat.h"
#include <net/ip.h>
#include "cmd.h"
#include "dev.h"
#include "sock.h"
#include "twin.h"

#define OSK_BIND_TRIES 8

/* Asks for a local address and waits. The reply's body is the address that it became. */
static int osk_ask_bind(struct osk *os, const struct outsock_addr *addr, u8 flags)
{
	struct outsock_addr local = *addr;
	struct osreq *req = osreq_new(os->q, os, OUTSOCK_OP_BIND, GFP_KERNEL);
	int err;

	if (!req)
		return -ENOMEM;
	req->waited = true;
	req->flags = flags;
	osreq_body(req, addr, sizeof(*addr));
	osk_request(os, req);
	err = osk_answer(os, req);
	if (!err && req->reply_len >= sizeof(local))
		memcpy(&local, req->reply, sizeof(local));
	if (!err) {
		spin_lock(&os->lock);
		os->local = local;
		spin_unlock(&os->lock);
	}
	osreq_put(req);
	return err;
}

static int osk_bind_host(struct osk *os, const struct outsock_addr *addr)
{
	return osk_declare(os) ?: osk_ask_bind(os, addr, 0);
}

/* The host has a new socket for one that is bound: where it cannot be bound too it goes. */
int osk_bind_again(struct osk *os)
{
	int err = osk_ask_bind(os, &os->bound_to, OUTSOCK_F_AGAIN);

	if (err)
		osk_drop_host(os, OUTSOCK_CLOSE_ABORT);
	return err;
}

static bool osk_may_bind(struct osk *os, const struct outsock_addr *addr)
{
	struct net *net = sock_net(osk_sk(os));

	return !addr->port || !inet_port_requires_bind_service(net, ntohs(addr->port)) ||
	       ns_capable(net->user_ns, CAP_NET_BIND_SERVICE);
}

/*
 * A stream socket's native twin reserves the port in the guest, and decides what only the guest's
 * kernel can (privileged ports, BPF, EADDRINUSE with native sockets). Where the host is to choose
 * the port, it does so first.
 */
static int osk_bind_both(struct osk *os, struct outsock_addr *addr)
{
	unsigned int tries = addr->port ? 1 : OSK_BIND_TRIES;
	int err = -EADDRINUSE;

	if (!os->stream)
		return osk_may_bind(os, addr) ? osk_bind_host(os, addr) : -EACCES;
	if (addr->port) {
		err = osk_twin_bind(os, addr);
		return err ?: osk_bind_host(os, addr);
	}
	while (tries-- && err == -EADDRINUSE) {
		err = osk_bind_host(os, addr);
		if (err)
			return err;
		err = osk_twin_bind(os, &os->local);
		if (err)
			osk_drop_host(os, OUTSOCK_CLOSE_ABORT);
	}
	return err;
}

static int osk_bind_at(struct osk *os, struct outsock_addr *addr)
{
	int err;

	spin_lock(&os->lock);
	osk_sync_options(os);
	memset(&os->local, 0, sizeof(os->local));	/* what was shown of an earlier one */
	spin_unlock(&os->lock);
	err = osk_bind_both(os, addr);
	if (err) {
		osk_twin_release(os);
		memset(&os->local, 0, sizeof(os->local));
		return err;
	}
	os->bound = true;
	os->bound_to = os->local;
	inet_sk(osk_sk(os))->inet_sport = os->local.port;
	inet_sk(osk_sk(os))->inet_num = ntohs(os->local.port);
	return 0;
}

int osk_autobind(struct osk *os)
{
	struct outsock_addr addr = {};

	if (os->bound)
		return 0;
	addr.family = osk_sk(os)->sk_family == AF_INET6 ? OUTSOCK_INET6 : OUTSOCK_INET;
	if (osk_sk(os)->sk_userlocks & SOCK_BINDADDR_LOCK) {
		addr = os->bound_to;
		addr.port = 0;
	}
	return osk_bind_at(os, &addr);
}

/* Before connect, which chooses what the program has not. */
int osk_autobind_addr(struct osk *os)
{
	return osk_sk(os)->sk_userlocks & SOCK_BINDADDR_LOCK ? osk_autobind(os) : 0;
}

/*
 * Disconnected: what the program chose stays, the rest goes. As with Linux a port that was not
 * chosen is not ours any more, but a stream socket's name still shows it.
 */
void osk_unbind(struct osk *os)
{
	struct sock *sk = osk_sk(os);
	__be16 port = os->stream ? os->local.port : 0;

	if (os->bound && sk->sk_userlocks & SOCK_BINDPORT_LOCK) {
		port = os->bound_to.port;
	} else {
		os->bound = false;
		osk_twin_release(os);
	}
	spin_lock(&os->lock);
	if (sk->sk_userlocks & (SOCK_BINDADDR_LOCK | SOCK_BINDPORT_LOCK))
		os->local = os->bound_to;
	else
		memset(&os->local, 0, sizeof(os->local));
	os->local.port = port;
	spin_unlock(&os->lock);
}

/* What the program itself has chosen, as inet_bind() notes it. */
static void osk_lock_name(struct osk *os, const struct outsock_addr *addr)
{
	struct sock *sk = osk_sk(os);

	lock_sock(sk);	/* SO_RCVBUF writes there too */
	if (memchr_inv(addr->addr, 0, sizeof(addr->addr)))
		sk->sk_userlocks |= SOCK_BINDADDR_LOCK;
	if (addr->port)
		sk->sk_userlocks |= SOCK_BINDPORT_LOCK;
	release_sock(sk);
}

int osk_bind(struct socket *sock, struct sockaddr *uaddr, int len)
{
	struct osk *os = osk_of(sock);
	struct outsock_addr addr;
	enum osk_where where;
	int err;

	if (!os)
		return osk_native_ops(sock)->bind(sock, uaddr, len);
	err = osk_addr_get_own(os, uaddr, len, &addr);
	if (err)
		return err;
	if (mutex_lock_killable(&os->ctl))
		return -EINTR;
	where = osk_addr_bind_class(os, &addr);
	err = -EINVAL;
	if (!osk_of(sock) || os->bound || osk_sk(os)->sk_state != TCP_CLOSE)
		goto unlock;
	if (where == OSK_AT_GUEST)
		err = osk_go_native(sock, os);
	else if (where == OSK_AT_NOWHERE)
		err = os_freebind(osk_sk(os)) ? -EOPNOTSUPP : -EADDRNOTAVAIL;
	else
		err = osk_bind_at(os, &addr);
	if (!err && where != OSK_AT_GUEST)
		osk_lock_name(os, &addr);
unlock:
	mutex_unlock(&os->ctl);
	if (!err && where == OSK_AT_GUEST)
		return osk_native_ops(sock)->bind(sock, uaddr, len);
	return err;
}

int osk_getname(struct socket *sock, struct sockaddr *uaddr, int peer)
{
	struct osk *os = osk_of(sock);
	struct outsock_addr addr;
	struct sock *sk;
	bool connected;

	if (!os)
		return osk_native_ops(sock)->getname(sock, uaddr, peer);
	sk = osk_sk(os);
	if (!peer)
		osk_wait_reply(os, sock->file && sock->file->f_flags & O_NONBLOCK);
	spin_lock(&os->lock);
	addr = peer ? os->peer : os->local;
	connected = os->peer.family && !(peer == 1 && (1 << sk->sk_state) &
					 (os->stream ? TCPF_CLOSE | TCPF_SYN_SENT : 0));
	spin_unlock(&os->lock);
	if (peer && !connected)
		return -ENOTCONN;
	if (!addr.family && sk->sk_family == AF_INET6)
		addr.family = OUTSOCK_INET6;
	return osk_addr_put(os, &addr, uaddr);
}
