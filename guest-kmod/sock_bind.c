// SPDX-License-Identifier: GPL-2.0
/* bind() and names, of either type of socket. */
#include "compat.h"
#include "cmd.h"
#include "dev.h"
#include "sock.h"
#include "twin.h"

#define OSK_BIND_TRIES 8

/* Asks for a local address and waits. The reply's body is the address that it became. */
static int osk_bind_host(struct osk *os, const struct outsock_addr *addr)
{
	struct outsock_addr local = *addr;
	struct osreq *req;
	int err = osk_declare(os);

	if (err)
		return err;
	req = osreq_new(os->q, os, OUTSOCK_OP_BIND, GFP_KERNEL);
	if (!req)
		return -ENOMEM;
	req->waited = true;
	osreq_body(req, addr, sizeof(*addr));
	osk_request(os, req);
	err = osreq_wait(req);
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
		return osk_bind_host(os, addr);
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
	spin_unlock(&os->lock);
	err = osk_bind_both(os, addr);
	if (err) {
		osk_twin_release(os);
		memset(&os->local, 0, sizeof(os->local));
		return err;
	}
	os->bound = true;
	inet_sk(osk_sk(os))->inet_sport = os->local.port;
	inet_sk(osk_sk(os))->inet_num = ntohs(os->local.port);
	return 0;
}

int osk_autobind(struct osk *os)
{
	struct outsock_addr any = {};

	if (os->bound)
		return 0;
	any.family = osk_sk(os)->sk_family == AF_INET6 ? OUTSOCK_INET6 : OUTSOCK_INET;
	return osk_bind_at(os, &any);
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
		err = inet_sk(osk_sk(os))->freebind ? -EOPNOTSUPP : -EADDRNOTAVAIL;
	else
		err = osk_bind_at(os, &addr);
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
