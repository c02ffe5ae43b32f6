// SPDX-License-Identifier: GPL-2.0
/* A socket's life. See the notes in sock.h; the host's socket behind it is sock_host.c's. */
#include "compat.h"
#include <linux/slab.h>
#include "cmd.h"
#include "dev.h"
#include "mib.h"
#include "redirect.h"
#include "sock.h"
#include "twin.h"

static void osk_init_fields(struct osk *os, struct osdev *dev, struct oring *q, bool stream)
{
	os->dev = dev;
	os->q = q;
	os->stream = stream;
	os->id = OUTSOCK_ID_NONE;
	mutex_init(&os->ctl);
	mutex_init(&os->rd);
	spin_lock_init(&os->lock);
	INIT_LIST_HEAD(&os->pend);
	INIT_LIST_HEAD(&os->tx);
	INIT_LIST_HEAD(&os->rx);
	INIT_LIST_HEAD(&os->accept_q);
	INIT_LIST_HEAD(&os->accept_node);
	INIT_LIST_HEAD(&os->reap);
}

int osk_create(struct sock *sk, bool stream)
{
	struct osk *os = osk_from_sk(sk);
	struct osdev *dev = osdev_get();

	if (!dev && !redirect_in_selftest())
		return -ENETDOWN;
	/* The probe has looked already, but a program can name the protocol itself. */
	if (!redirect_applies(sock_net(sk), sk->sk_kern_sock)) {
		osdev_put(dev);
		return -EPROTONOSUPPORT;
	}
	osk_init_fields(os, dev, dev ? osdev_queue(dev) : NULL, stream);
	sk->sk_protocol = stream ? IPPROTO_TCP : IPPROTO_UDP;
	sk->sk_destruct = osk_destruct;
	sk->sk_rcvbuf = OSK_RCVBUF_DEFAULT;
	sk->sk_sndbuf = OSK_SNDBUF_DEFAULT;
	sk->sk_write_space = osk_write_space;
	sock_set_flag(sk, SOCK_RCU_FREE);
	OSMIB_INC(sockets_created);
	return 0;
}

/* A socket that never came out of inet_create(): nothing to say to the host. */
void osk_unhash(struct sock *sk)
{
}

void osk_destruct(struct sock *sk)
{
	struct osk *os = osk_from_sk(sk);

	osseg_purge(&os->rx);
	osk_tx_purge(os);
	if (os->stream)
		atomic_set(&sk->sk_rmem_alloc, 0);
	osk_set_state(sk, TCP_CLOSE);
	osdev_put(os->dev);
	if (sk->sk_family == AF_INET6)
		inet6_sock_destruct(sk);
	else
		inet_sock_destruct(sk);
}

/* The kernel's own look at addresses (BPF, audit, fdinfo) goes to struct inet_sock. */
static void osk_show_addrs(struct osk *os)
{
	struct inet_sock *inet = inet_sk(osk_sk(os));

	inet->inet_sport = os->local.port;
	inet->inet_num = ntohs(os->local.port);
	inet->inet_dport = os->peer.port;
	if (osk_sk(os)->sk_family == AF_INET) {
		memcpy(&inet->inet_saddr, os->local.addr, 4);
		memcpy(&inet->inet_rcv_saddr, os->local.addr, 4);
		memcpy(&inet->inet_daddr, os->peer.addr, 4);
	}
}

/* Accepted sockets are cloned, as the kernel's own: what a program set is inherited. */

static void osk_child_fields(struct osk *os, struct osk *listener, u32 id,
			     const struct outsock_evt_conn *evt)
{
	const struct outsock_resume *rec = &evt->record;
	struct sock *sk = osk_sk(os);
	const size_t own = offsetof(struct osk, dev);

	memset((void *)os + own, 0, offsetof(struct osk, inet6) - own);
	osk_init_fields(os, listener->dev, listener->q, true);
	kref_get(&os->dev->ref);
	os->id = id;
	os->declared = true;
	os->bound = true;
	os->opt_set = listener->opt_set;
	memcpy(os->opt, listener->opt, sizeof(os->opt));
	os->record = *rec;
	os->snd_win = le32_to_cpu(evt->snd_win);
	os->local.family = rec->family;
	os->local.port = rec->local_port;
	memcpy(os->local.addr, rec->local, 16);
	os->bound_to = os->local;
	os->peer.family = rec->family;
	os->peer.port = rec->peer_port;
	memcpy(os->peer.addr, rec->peer, 16);
	osk_show_addrs(os);
	osk_set_state(sk, TCP_ESTABLISHED);
}

/* What the clone shares with the listener and must not. */
static void osk_child_unshare(struct sock *sk)
{
	struct inet_sock *inet = inet_sk(sk);
	struct osk *os = osk_from_sk(sk);

	inet->mc_list = NULL;
	RCU_INIT_POINTER(inet->inet_opt, NULL);
	sk->sk_shutdown = 0;
	sock_set_flag(sk, SOCK_RCU_FREE);
	sk->sk_ack_backlog = 0;
	if (sk->sk_family != AF_INET6)
		return;
	inet->pinet6 = &os->inet6;
	os->inet6.ipv6_mc_list = NULL;
	os->inet6.ipv6_ac_list = NULL;
	os->inet6.ipv6_fl_list = NULL;
	os->inet6.pktoptions = NULL;
	RCU_INIT_POINTER(os->inet6.opt, NULL);
}

/*
 * Ring thread, the listener's lock held, which no child ever takes. The clone comes with its
 * spinlock held, and softirqs expect that to be so only while they are off.
 */
struct osk *osk_child(struct osk *listener, u32 id, const struct outsock_evt_conn *evt)
{
	struct xarray *socks = &listener->dev->socks;
	struct sock *sk;
	struct osk *os;

	if (listener->qlen > listener->backlog)
		return NULL;
	local_bh_disable();
	sk = sk_clone_lock(osk_sk(listener), OSK_ATOMIC);
	if (sk) {
		__acquire(&sk->sk_lock.slock);
		bh_unlock_sock(sk);
	}
	local_bh_enable();
	if (!sk)
		return NULL;
	os = osk_from_sk(sk);
	osk_child_fields(os, listener, id, evt);
	osk_child_unshare(sk);
	os->close_req = osk_new_close(os, OSK_ATOMIC);
	if (!os->close_req || xa_insert(socks, id, os, OSK_ATOMIC)) {
		osreq_cancel(os->close_req);
		os->close_req = NULL;
		sock_set_flag(sk, SOCK_DEAD);
		sock_put(sk);	/* the table's */
		sock_put(sk);	/* the struct socket's */
		return NULL;
	}
	list_add_tail(&os->accept_node, &listener->accept_q);
	listener->qlen++;
	WRITE_ONCE(osk_sk(listener)->sk_ack_backlog, listener->qlen);
	return os;
}

int osk_wait(struct osk *os, bool (*done)(struct osk *os, u64 seen), u64 seen, long *timeo)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	wait_queue_head_t *wq = sk_sleep(osk_sk(os));
	int err = 0;

	add_wait_queue(wq, &wait);
	while (!done(os, seen) && !err) {
		if (!*timeo)
			err = -EAGAIN;
		else if (signal_pending(current))
			err = sock_intr_errno(*timeo);
		else
			*timeo = wait_woken(&wait, TASK_INTERRUPTIBLE, *timeo);
	}
	remove_wait_queue(wq, &wait);
	return err;
}

void osk_refuse_id(struct oring *q, u32 id)
{
	struct outsock_cmd_close cmd = { .flags = cpu_to_le32(OUTSOCK_CLOSE_ABORT) };
	struct osreq *req = osreq_new(q, NULL, OUTSOCK_OP_CLOSE, OSK_ATOMIC);

	if (!req)
		return;
	if (xa_insert(&q->dev->socks, id, xa_mk_value(0), OSK_ATOMIC))
		pr_warn_ratelimited("the host accepts twice under id %u\n", id);
	req->sock = id;
	osreq_body(req, &cmd, sizeof(cmd));
	osreq_queue(req);
	osreq_put(req);
}

void osk_orphan_gone(struct osk *os)
{
	if (sock_flag(osk_sk(os), SOCK_DEAD))
		atomic_dec(&os->dev->n_orphans);
}

/* lock held on entry, not on return */
void osk_closed(struct osk *os) __releases(&os->lock)
{
	struct sock *sk = osk_sk(os);
	u32 id = osk_leave_id(os);

	osk_tx_purge(os);
	osk_set_state(sk, TCP_CLOSE);
	sk->sk_state_change(sk);	/* SO_LINGER waits for this */
	osk_orphan_gone(os);
	spin_unlock(&os->lock);
	osk_drop_id(os, id, false);
}

void osk_fatal(struct osk *os, int err)
{
	struct sock *sk = osk_sk(os);

	lockdep_assert_held(&os->lock);
	if (os->dead)
		return;
	os->dead = true;
	osk_tx_purge(os);
	WRITE_ONCE(sk->sk_err, err);
	WRITE_ONCE(sk->sk_shutdown, SHUTDOWN_MASK);
	smp_wmb();	/* poll looks at the state first */
	osk_set_state(sk, TCP_CLOSE);
	sock_set_flag(sk, SOCK_DONE);
	sk->sk_state_change(sk);
	sk_error_report(sk);
}

struct osk *osk_next(struct osdev *dev, unsigned long *id)
{
	struct osk *os;

	xa_lock(&dev->socks);
	os = xa_find(&dev->socks, id, U32_MAX, XA_PRESENT);
	while (xa_is_value(os))
		os = xa_find_after(&dev->socks, id, U32_MAX, XA_PRESENT);
	if (os)
		sock_hold(osk_sk(os));
	xa_unlock(&dev->socks);
	return os;
}

void osk_forget_zombies(struct osdev *dev)
{
	unsigned long id;
	void *entry;

	xa_for_each(&dev->socks, id, entry)
		if (xa_is_value(entry))
			xa_erase(&dev->socks, id);
}

unsigned int osk_abort_orphans(struct osdev *dev)
{
	unsigned long id = 0;
	unsigned int n = 0;
	struct osk *os;

	for (; (os = osk_next(dev, &id)); id++) {
		if (os->stream && sock_flag(osk_sk(os), SOCK_DEAD)) {
			osk_orphan_gone(os);
			osk_drop_host(os, OUTSOCK_CLOSE_ABORT);
			OSMIB_INC(orphans_aborted);
			n++;
		}
		sock_put(osk_sk(os));
	}
	return n;
}
