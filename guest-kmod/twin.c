// SPDX-License-Identifier: GPL-2.0
#include "compat.h"
#include <linux/fs.h>
#include <linux/poll.h>
#include <linux/slab.h>
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

struct osk_twin *osk_twin_hold(struct osk *os)
{
	struct osk_twin *twin;

	spin_lock(&os->lock);
	twin = os->twin;
	if (twin)
		refcount_inc(&twin->ref);
	spin_unlock(&os->lock);
	return twin;
}

void osk_twin_put(struct osk_twin *twin)
{
	if (!twin || !refcount_dec_and_test(&twin->ref))
		return;
	if (twin->native)
		twin->sock->sk = NULL;
	sock_release(twin->sock);
	kfree(twin);
}

/* The socket's reference becomes the caller's. */
static struct osk_twin *osk_twin_take(struct osk *os)
{
	struct osk_twin *twin;

	spin_lock(&os->lock);
	twin = os->twin;
	os->twin = NULL;
	spin_unlock(&os->lock);
	return twin;
}

/* Our own protocol number is never asked for here, so the probe leaves it alone. */
static int osk_twin_new(struct osk *os)
{
	struct sock *sk = osk_sk(os);
	struct osk_twin *twin = kzalloc(sizeof(*twin), GFP_KERNEL);
	int err;

	if (!twin)
		return -ENOMEM;
	refcount_set(&twin->ref, 1);
	err = sock_create_kern(sock_net(sk), sk->sk_family, os->stream ? SOCK_STREAM : SOCK_DGRAM,
			       os->stream ? IPPROTO_TCP : IPPROTO_UDP, &twin->sock);
	if (err) {
		kfree(twin);
		return err;
	}
	WRITE_ONCE(osk_natives[sk->sk_family == AF_INET6][!os->stream], twin->sock->ops);
	smp_wmb();
	spin_lock(&os->lock);
	os->twin = twin;
	spin_unlock(&os->lock);
	return 0;
}

static int osk_twin_get(struct osk *os)
{
	int err = os->twin ? 0 : osk_twin_new(os);

	if (!err)
		osk_copy_options(os, os->twin->sock);	/* set since it was bound, perhaps */
	return err;
}

/* The VM's address is on no interface of the guest: hence freebind. */
int osk_twin_bind(struct osk *os, const struct outsock_addr *addr)
{
	struct sockaddr_storage ss;
	int err = osk_twin_get(os);

	if (err)
		return err;
	ip_sock_set_freebind(os->twin->sock->sk);
	err = osk_addr_put(os, addr, (struct sockaddr *)&ss);
	return kernel_bind(os->twin->sock, (struct sockaddr *)&ss, err);
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
	struct socket *tsock;
	int err;

	if (!os->twin || !osk_is_wildcard(&os->local))
		return 0;
	tsock = os->twin->sock;
	osk_copy_options(os, tsock);	/* what it accepts inherits them */
	osk_twin_wakes(tsock->sk, &sock->wq);
	err = kernel_listen(tsock, backlog);
	if (err)
		osk_twin_wakes(tsock->sk, &tsock->wq);
	return err;
}

/* It keeps the port. */
void osk_twin_unlisten(struct osk *os)
{
	if (!os->twin || os->twin->sock->sk->sk_state != TCP_LISTEN)
		return;
	kernel_sock_shutdown(os->twin->sock, SHUT_RDWR);
	osk_twin_wakes(os->twin->sock->sk, &os->twin->sock->wq);
}

void osk_twin_release(struct osk *os)
{
	struct osk_twin *twin = osk_twin_take(os);

	if (!twin)
		return;
	osk_twin_wakes(twin->sock->sk, &twin->sock->wq);
	osk_twin_put(twin);
}

static __poll_t osk_twin_events(struct osk_twin *twin)
{
	struct socket *tsock = twin ? twin->sock : NULL;

	if (!tsock || READ_ONCE(tsock->sk->sk_state) != TCP_LISTEN)
		return 0;
	return tsock->ops->poll(NULL, tsock, NULL) & (EPOLLIN | EPOLLRDNORM);
}

__poll_t osk_twin_poll(struct osk *os)
{
	struct osk_twin *twin = osk_twin_hold(os);
	__poll_t mask = osk_twin_events(twin);

	osk_twin_put(twin);
	return mask;
}

/* do_accept() has given @newsock our ops and a reference to our module: neither is its own. */
static void osk_twin_hand_over(struct socket *tsock, struct socket *newsock)
{
	WRITE_ONCE(newsock->ops, tsock->ops);
	__module_get(newsock->ops->owner);
	module_put(THIS_MODULE);
	OSMIB_INC(accepted_native);
}

int osk_twin_accept(struct osk *os, struct socket *newsock)
{
	struct osk_twin *twin = osk_twin_hold(os);
	int err = -EAGAIN;

	if (osk_twin_events(twin))
		err = os_accept(twin->sock, newsock, O_NONBLOCK);
	if (!err)
		osk_twin_hand_over(twin->sock, newsock);
	osk_twin_put(twin);
	return err;
}

/* Of a twin that has failed to connect only the port is worth keeping. */
static void osk_twin_disconnect(struct osk *os)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };

	if (os->bound)
		kernel_connect(os->twin->sock, &none, sizeof(none), 0);
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
	struct socket *tsock;
	struct sock *tsk;
	long wanted;

	if (err)
		return err;
	tsock = os->twin->sock;
	tsk = tsock->sk;
	wanted = tsk->sk_sndtimeo;
	tsk->sk_sndtimeo = min_t(long, timeo, OSK_TWIN_WAIT);
	err = kernel_connect(tsock, uaddr, len, timeo ? 0 : O_NONBLOCK);
	tsk->sk_sndtimeo = wanted;
	if (err && tsock->state == SS_CONNECTING) {
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
	struct osk_twin *twin;
	struct socket *tsock;
	struct sock *tsk;
	int err = osk_twin_get(os);

	if (err)
		return err;
	twin = osk_twin_take(os);
	tsock = twin->sock;
	tsk = tsock->sk;
	osk_graft(tsk, sock);
	tsk->sk_kern_sock = 0;
	sock_valbool_flag(tsk, SOCK_FASYNC, sock_flag(osk_sk(os), SOCK_FASYNC));
	if (test_bit(SOCK_SUPPORT_ZC, &tsock->flags))
		set_bit(SOCK_SUPPORT_ZC, &sock->flags);
	__module_get(tsock->ops->owner);
	osk_reap_later(sock, os);
	sock->state = tsock->state;
	WRITE_ONCE(sock->sk, tsk);
	smp_wmb();
	WRITE_ONCE(sock->ops, tsock->ops);
	twin->native = true;
	osk_twin_put(twin);
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
		spin_lock(&os->lock);
		sock_orphan(osk_sk(os));	/* before its struct socket goes */
		spin_unlock(&os->lock);
		iput(os->inode);
		os->inode = NULL;
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
