/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Local addresses: the native twin of an outsourced socket.
 *
 * Loopback and the guest's own interfaces stay in the guest's stack. A socket that turns out to be
 * local (bind, connect) has sk and ops of its struct socket replaced by a native twin's, before any
 * data: the struct socket, on which epoll registrations and sleeping threads hang, stays. A
 * wildcard listener keeps its twin listening beside it; what that one accepts is purely native.
 *
 * Another thread may have read sock->ops just before the swap and still be on its way into our
 * functions, or be in one of them with the old struct sock. So each function looks at sock->sk
 * again (osk_of(), osk_native_ops()), and the old struct sock lives until the struct socket is
 * released: its inode is held, and a reaper looks. (Hooking sk_destruct of the native one instead
 * would be inherited by every connection it accepts.)
 */
#ifndef OUTSOCK_TWIN_H
#define OUTSOCK_TWIN_H

#include <linux/refcount.h>

#include "sock.h"

/* It reserves the port, and accepts local clients of a wildcard. */
struct osk_twin {
	struct socket *sock;
	refcount_t ref;		/* the socket's own, and one for each call that uses it */
	bool native;		/* its sk belongs to our struct socket now */
};

/* For calls without os->ctl, during which the twin may be given up: its sock stays until put. */
struct osk_twin *osk_twin_hold(struct osk *os);
void osk_twin_put(struct osk_twin *twin);	/* NULL: none */

/* All with os->ctl held. */
int osk_twin_bind(struct osk *os, const struct outsock_addr *addr);
int osk_twin_listen(struct osk *os, struct socket *sock, int backlog);
#define OSK_TWIN_WAIT HZ	/* a local peer answers at once, or its backlog is full */
int osk_twin_connect(struct osk *os, struct sockaddr *uaddr, int len, long timeo, bool *undecided);
void osk_twin_unlisten(struct osk *os);
int osk_go_native(struct socket *sock, struct osk *os);

void osk_twin_release(struct osk *os);	/* release(), or ctl held */

__poll_t osk_twin_poll(struct osk *os);
int osk_twin_accept(struct osk *os, struct socket *newsock);	/* -EAGAIN: nothing there */

void osk_reaper_exit(void);
void osk_reap_now(void);

#endif
