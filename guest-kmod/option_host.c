// SPDX-License-Identifier: GPL-2.0
/* Options on their way to the host, and to a native twin. */
#include "compat.h"
#include "cmd.h"
#include "dev.h"
#include "mib.h"
#include "option.h"
#include "twin.h"

/* To the host. */

static void osopt_reply(struct osk *os, u32 id, int status, const void *body, u32 len)
{
	if (status)
		OSMIB_INC(option_failed);
}

static void osopt_send(struct osk *os, u32 opt, u32 val)
{
	struct outsock_cmd_opt cmd = { .opt = cpu_to_le16(opt), .value = cpu_to_le32(val) };
	struct osreq *req = osreq_new(os->q, os, OUTSOCK_OP_SETOPT, GFP_ATOMIC);

	if (!req) {
		OSMIB_INC(option_failed);
		return;
	}
	req->fn = osopt_reply;
	osreq_body(req, &cmd, sizeof(cmd));
	osreq_queue(req);
	osreq_put(req);
}

/* QUICKACK is a deed: it is done again each time. */
void osopt_store(struct osk *os, u32 slot, u32 val)
{
	bool known = os->opt_set & BIT(slot) && os->opt[slot] == val;

	lockdep_assert_held(&os->lock);
	os->opt_set |= BIT(slot);
	os->opt[slot] = val;
	if (slot >= OUTSOCK_OPT_MAX || (known && slot != OUTSOCK_OPT_QUICKACK))
		return;
	if (os->declared && !os->dead && !os->close_sent)
		osopt_send(os, slot, val);
}

void osk_declare_options(struct osk *os)
{
	u32 opt;

	for (opt = 1; opt < OUTSOCK_OPT_MAX; opt++)
		if (os->opt_set & BIT(opt))
			osopt_send(os, opt, os->opt[opt]);
}

/* Only what differs from a new socket's: osopt_store() sends nothing twice. */
static void osopt_sync(struct osk *os, u32 opt, u32 val, u32 dflt)
{
	if (val != dflt || os->opt_set & BIT(opt))
		osopt_store(os, opt, val);
}

void osk_sync_options(struct osk *os)
{
	struct sock *sk = osk_sk(os);

	osopt_sync(os, OUTSOCK_OPT_REUSEADDR, sk->sk_reuse ? 1 : 0, 0);
	osopt_sync(os, OUTSOCK_OPT_REUSEPORT, sk->sk_reuseport ? 1 : 0, 0);
	osopt_sync(os, OUTSOCK_OPT_BROADCAST, sock_flag(sk, SOCK_BROADCAST), 0);
	if (os->stream)
		osopt_sync(os, OUTSOCK_OPT_KEEPALIVE, sock_flag(sk, SOCK_KEEPOPEN), 0);
}

/* proto.keepalive: the one option of SOL_SOCKET that the kernel tells a protocol of. */
void osk_keepalive(struct sock *sk, int on)
{
	struct osk *os = osk_from_sk(sk);

	if (!os->dev || !os->stream)
		return;
	spin_lock(&os->lock);
	osopt_sync(os, OUTSOCK_OPT_KEEPALIVE, !!on, 0);
	spin_unlock(&os->lock);
}

/* To a native twin. */

static void osopt_copy_sol_socket(const struct sock *sk, struct sock *tsk)
{
	static const enum sock_flags flags[] = {
		SOCK_LINGER, SOCK_BROADCAST, SOCK_KEEPOPEN, SOCK_ZEROCOPY, SOCK_RCVTSTAMP,
		SOCK_RCVTSTAMPNS, SOCK_TSTAMP_NEW, SOCK_URGINLINE, SOCK_LOCALROUTE,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(flags); i++)
		sock_valbool_flag(tsk, flags[i], sock_flag(sk, flags[i]));
	tsk->sk_reuse = sk->sk_reuse;
	tsk->sk_reuseport = sk->sk_reuseport;
	tsk->sk_bound_dev_if = sk->sk_bound_dev_if;
	tsk->sk_ipv6only = sk->sk_ipv6only;
	tsk->sk_rcvtimeo = sk->sk_rcvtimeo;
	tsk->sk_sndtimeo = sk->sk_sndtimeo;
	tsk->sk_rcvlowat = sk->sk_rcvlowat;
	tsk->sk_lingertime = sk->sk_lingertime;
	tsk->sk_priority = sk->sk_priority;
	tsk->sk_mark = sk->sk_mark;
	tsk->sk_userlocks |= sk->sk_userlocks & (SOCK_RCVBUF_LOCK | SOCK_SNDBUF_LOCK);
	if (sk->sk_userlocks & SOCK_RCVBUF_LOCK)
		tsk->sk_rcvbuf = sk->sk_rcvbuf;
	if (sk->sk_userlocks & SOCK_SNDBUF_LOCK)
		tsk->sk_sndbuf = sk->sk_sndbuf;
}

static void osopt_copy(struct osk *os, const struct osopt *opt, struct socket *twin)
{
	int val;

	if (opt->kind != OSOPT_VALUE || !(os->opt_set & BIT(opt->slot)) ||
	    !osopt_find(os, opt->level, opt->name))
		return;
	val = os->opt[opt->slot];
	/* It was checked when it was set. */
	twin->ops->setsockopt(twin, opt->level, opt->name, KERNEL_SOCKPTR(&val), sizeof(val));
}

void osk_copy_options(struct osk *os, struct socket *twin)
{
	const struct osopt *opt;
	unsigned int i;

	osopt_copy_sol_socket(osk_sk(os), twin->sk);
	for (i = 0; (opt = osopt_at(i)); i++)
		osopt_copy(os, opt, twin);
}

/* What is set after the twin was made. */
void osk_copy_option(struct osk *os, const struct osopt *opt)
{
	if (!READ_ONCE(os->twin) || mutex_lock_killable(&os->ctl))
		return;
	if (os->twin)
		osopt_copy(os, opt, os->twin->sock);
	mutex_unlock(&os->ctl);
}
