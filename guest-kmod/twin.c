// SPDX-License-Identifier: GPL-2.0
#include "compat.h"
#include <linux/fs.h>
#include <linux/poll.h>
#include <net/ip.h>
#include "cmd.h"
#include "mib.h"
#include "twin.h"

#define OSK_REAP_INTERVAL (HZ / 5)

static void osk_reap(struct work_struct *work);
static DECLARE_DELAYED_WORK(osk_reaper, osk_reap);
static DEFINE_SPINLOCK(osk_reap_lock);
static LIST_HEAD(osk_reap_list);

/* Where native sockets' calls go that came through ours: [AF_INET6][SOCK_DGRAM]. */
static const struct proto_ops *osk_natives[2][2];

const struct proto_ops *osk_native_ops(const struct socket *sock)
{
	const struct proto_ops *ops = READ_ONCE(sock->ops);

	if (ops->owner != THIS_MODULE)
		return ops;
	smp_rmb();	/* the caller has seen a twin's sk: pairs with osk_twin_get() */
	return READ_ONCE(osk_natives[ops->family == PF_INET6][sock->type == SOCK_DGRAM]);
}

/* Our own protocol number is never asked for here, so the probe leaves it alone. */
static int osk_twin_get(struct osk *os)
{
	struct sock *sk = osk_sk(os);
	struct socket *twin;
	int err;

	if (os->twin) {
		osk_copy_options(os, os->twin);	/* set since it was bound */
		return 0;
	}
	err = sock_create_kern(sock_net(sk), sk->sk_family, os->stream ? SOCK_STREAM : SOCK_DGRAM,
			       os->stream ? IPPROTO_TCP : IPPROTO_UDP, &twin);
	if (err)
		return err;
	WRITE_ONCE(osk_natives[sk->sk_family == AF_INET6][!os->stream], twin->ops);
	smp_wmb();
	osk_copy_options(os, twin);
	os->twin = twin;
	return 0;
}

/* The VM's address is on no interface of the guest: hence freebind. */
int osk_twin_bind(struct osk *os, const struct outsock_addr *addr)
{
	struct sockaddr_storage ss;
	int err = osk_twin_get(os);

	if (err)
		return err;
	ip_sock_set_freebind(os->twin->sk);
	err = osk_addr_put(os, addr, (struct sockaddr *)&ss);
	return kernel_bind(os->twin, (struct sockaddr *)&ss, err);
}

static bool osk_is_wildcard(const struct outsock_addr *addr)
{
	return !memchr_inv(addr->addr, 0, sizeof(addr->addr));
}

/* Its wake-ups go to our waiters: no callback of ours stays in a native socket. */
static void osk_twin_wakes(struct sock *tsk, struct socket_wq *wq)
{
	write_lock_bh(&tsk->sk_callback_lock);
	rcu_assign_pointer(tsk->sk_wq, wq);
	write_unlock_bh(&tsk->sk_callback_lock);
}

int osk_twin_listen(struct osk *os, struct socket *sock, int backlog)
{
	int err;

	if (!os->twin || !osk_is_wildcard(&os->local))
		return 0;
	osk_copy_options(os, os->twin);	/* what it accepts inherits them */
	osk_twin_wakes(os->twin->sk, &sock->wq);
	err = kernel_listen(os->twin, backlog);
	if (err)
		osk_twin_wakes(os->twin->sk, &os->twin->wq);
	return err;
}

void osk_twin_release(struct osk *os)
{
	struct socket *twin = os->twin;

	if (!twin)
		return;
	os->twin = NULL;
	osk_twin_wakes(twin->sk, &twin->wq);
	sock_release(twin);
}

__poll_t osk_twin_poll(struct osk *os)
{
	struct socket *twin = READ_ONCE(os->twin);

	if (!twin || twin->sk->sk_state != TCP_LISTEN)
		return 0;
	return twin->ops->poll(NULL, twin, NULL) & (EPOLLIN | EPOLLRDNORM);
}

/* do_accept() has given @newsock our ops and a reference to our module: neither is its own. */
int osk_twin_accept(struct osk *os, struct socket *newsock)
{
	struct socket *twin = READ_ONCE(os->twin);
	int err;

	if (!osk_twin_poll(os))
		return -EAGAIN;
	err = os_accept(twin, newsock, O_NONBLOCK);
	if (err)
		return err;
	WRITE_ONCE(newsock->ops, twin->ops);
	__module_get(newsock->ops->owner);
	module_put(THIS_MODULE);
	OSMIB_INC(accepted_native);
	return 0;
}

/* Of a twin that has failed to connect only the port is worth keeping. */
static void osk_twin_disconnect(struct osk *os)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };

	if (os->bound)
		kernel_connect(os->twin, &none, sizeof(none), 0);
	else
		osk_twin_release(os);
}

/*
 * Waits, if the program does, but not for ever: ctl is held. @undecided: an error that leaves the
 * twin connecting.
 */
int osk_twin_connect(struct osk *os, struct sockaddr *uaddr, int len, long timeo, bool *undecided)
{
	int err = osk_twin_get(os);
	struct sock *tsk;
	long wanted;

	if (err)
		return err;
	tsk = os->twin->sk;
	wanted = tsk->sk_sndtimeo;
	tsk->sk_sndtimeo = min_t(long, timeo, OSK_TWIN_WAIT);
	err = kernel_connect(os->twin, uaddr, len, timeo ? 0 : O_NONBLOCK);
	tsk->sk_sndtimeo = wanted;
	if (err && os->twin->state == SS_CONNECTING) {
		if (READ_ONCE(tsk->sk_state) != TCP_CLOSE)
			*undecided = true;
		else	/* answered just after it was asked */
			err = sock_error(tsk) ?: -ECONNREFUSED;
	}
	if (err && !*undecided)
		osk_twin_disconnect(os);
	return err;
}

/* The swap. */

static void osk_reap_later(struct socket *sock, struct osk *os)
{
	os->inode = igrab(SOCK_INODE(sock));
	spin_lock(&osk_reap_lock);
	list_add_tail(&os->reap, &osk_reap_list);
	spin_unlock(&osk_reap_lock);
	schedule_delayed_work(&osk_reaper, OSK_REAP_INTERVAL);
}

static void osk_graft(struct sock *tsk, struct socket *sock)
{
	write_lock_bh(&tsk->sk_callback_lock);
	rcu_assign_pointer(tsk->sk_wq, &sock->wq);
	sk_set_socket(tsk, sock);
	tsk->sk_uid = SOCK_INODE(sock)->i_uid;
	security_sock_graft(tsk, sock);
	write_unlock_bh(&tsk->sk_callback_lock);
}

/*
 * sk before ops: who sees the native ops must see the native sk. Who saw our ops looks at sk again,
 * and goes where osk_native_ops() says: between the two stores sock->ops still is ours.
 */
int osk_go_native(struct socket *sock, struct osk *os)
{
	struct socket *twin;
	struct sock *tsk;
	int err = osk_twin_get(os);

	if (err)
		return err;
	twin = os->twin;
	tsk = twin->sk;
	os->twin = NULL;
	osk_graft(tsk, sock);
	tsk->sk_kern_sock = 0;
	sock_valbool_flag(tsk, SOCK_FASYNC, sock_flag(osk_sk(os), SOCK_FASYNC));
	if (test_bit(SOCK_SUPPORT_ZC, &twin->flags))
		set_bit(SOCK_SUPPORT_ZC, &sock->flags);
	__module_get(twin->ops->owner);
	osk_reap_later(sock, os);
	sock->state = twin->state;
	WRITE_ONCE(sock->sk, tsk);
	smp_wmb();
	WRITE_ONCE(sock->ops, twin->ops);
	twin->sk = NULL;
	sock_release(twin);
	osk_drop_host(os, OUTSOCK_CLOSE_ABORT);
	module_put(THIS_MODULE);	/* the struct socket's; os holds its own */
	wake_up_interruptible_all(&sock->wq.wait);
	OSMIB_INC(went_native);
	return 0;
}

static struct osk *osk_reap_next(void)
{
	struct osk *os, *found = NULL;

	spin_lock(&osk_reap_lock);
	list_for_each_entry(os, &osk_reap_list, reap) {
		if (READ_ONCE(SOCKET_I(os->inode)->ops))
			continue;
		list_del_init(&os->reap);
		found = os;
		break;
	}
	spin_unlock(&osk_reap_lock);
	return found;
}

/* A released struct socket has no ops, and no thread in any of them. */
void osk_reap_now(void)
{
	struct osk *os;

	while ((os = osk_reap_next())) {
		iput(os->inode);
		os->inode = NULL;
		sock_orphan(osk_sk(os));
		sock_put(osk_sk(os));
	}
}

static void osk_reap(struct work_struct *work)
{
	osk_reap_now();
	if (!list_empty(&osk_reap_list))
		schedule_delayed_work(&osk_reaper, OSK_REAP_INTERVAL);
}

/* Each entry holds the module: at unload the list is empty. */
void osk_reaper_exit(void)
{
	cancel_delayed_work_sync(&osk_reaper);
}
