// SPDX-License-Identifier: GPL-2.0
#include "compat.h"
#include <linux/in.h>
#include <linux/tcp.h>
#include <net/ip.h>
#include <net/tcp.h>
#include "cmd.h"
#include "dev.h"
#include "mib.h"
#include "sock.h"

/* Setters: a negative error or 0. Getters: bytes put into @buf. */
typedef int (*osopt_set_fn)(struct osk *os, int val);
typedef int (*osopt_get_fn)(struct osk *os, void *buf);

#define OSOPT_BUF_MAX sizeof(struct tcp_info)

enum osopt_kind { OSOPT_CACHED, OSOPT_LOCAL, OSOPT_REFUSED };

struct osopt {
	int level;
	int name;
	enum osopt_kind kind;
	u32 host;
	u32 dflt;
	osopt_set_fn set;
	osopt_get_fn get;
};

static const struct {
	u32 first, last;
} osopt_range[OUTSOCK_OPT_MAX] = {
#define OSOPT_RANGE(name, value, lo, hi) [OUTSOCK_OPT_##name] = { .first = lo, .last = hi },
	OUTSOCK_OPTS(OSOPT_RANGE)
#undef OSOPT_RANGE
};

/* Local options. */

static int osopt_int(void *buf, int val)
{
	memcpy(buf, &val, sizeof(val));
	return sizeof(val);
}

static int osopt_set_bool(struct osk *os, int val)
{
	return 0;
}

static int osopt_set_int(struct osk *os, int val)
{
	return val < 0 ? -EINVAL : 0;
}

static int osopt_get_zero(struct osk *os, void *buf)
{
	return osopt_int(buf, 0);
}

static int osopt_get_one(struct osk *os, void *buf)
{
	return osopt_int(buf, 1);
}

static int osopt_get_six(struct osk *os, void *buf)
{
	return osopt_int(buf, 6);
}

static int osopt_get_sixty(struct osk *os, void *buf)
{
	return osopt_int(buf, 60);
}

static int osopt_get_congestion(struct osk *os, void *buf)
{
	strscpy_pad(buf, "reno", TCP_CA_NAME_MAX);
	return TCP_CA_NAME_MAX;
}

static int osopt_set_defer(struct osk *os, int val)
{
	inet_csk(osk_sk(os))->icsk_accept_queue.rskq_defer_accept = clamp(val, 0, 255);
	return 0;
}

static int osopt_get_defer(struct osk *os, void *buf)
{
	return osopt_int(buf, inet_csk(osk_sk(os))->icsk_accept_queue.rskq_defer_accept);
}

static int osopt_set_recverr(struct osk *os, int val)
{
	WRITE_ONCE(os->recverr, !!val);
	return 0;
}

static int osopt_get_recverr(struct osk *os, void *buf)
{
	return osopt_int(buf, READ_ONCE(os->recverr));
}

static int osopt_set_freebind(struct osk *os, int val)
{
	inet_sk(osk_sk(os))->freebind = !!val;
	return 0;
}

static int osopt_get_freebind(struct osk *os, void *buf)
{
	return osopt_int(buf, inet_sk(osk_sk(os))->freebind);
}

static int osopt_set_v6only(struct osk *os, int val)
{
	if (osk_sk(os)->sk_family != AF_INET6)
		return -ENOPROTOOPT;
	if (os->bound)
		return -EINVAL;
	osk_sk(os)->sk_ipv6only = !!val;
	return 0;
}

static int osopt_get_v6only(struct osk *os, void *buf)
{
	return osopt_int(buf, osk_sk(os)->sk_ipv6only);
}

static void osopt_forward(struct osk *os, u32 opt, u32 val);

static int osopt_set_maxseg(struct osk *os, int val)
{
	if (val && (val < 88 || val > 32767))
		return -EINVAL;
	spin_lock(&os->lock);
	osopt_forward(os, OUTSOCK_OPT_MAXSEG, val);
	spin_unlock(&os->lock);
	return 0;
}

static u32 osopt_mss(struct osk *os)
{
	u32 own = le16_to_cpu(os->dev->hello.mtu), peer = le16_to_cpu(os->record.peer_mss);

	own = own > 40 ? own - 40 : 536;
	if (osk_sk(os)->sk_state == TCP_CLOSE || osk_sk(os)->sk_state == TCP_LISTEN || !peer)
		return 536;
	return min(own, peer);
}

static int osopt_get_maxseg(struct osk *os, void *buf)
{
	return osopt_int(buf, osopt_mss(os));
}

/* What the guest knows of a connection; congestion and timing are the host's. */
static int osopt_get_info(struct osk *os, void *buf)
{
	struct tcp_info *info = buf;
	struct sock *sk = osk_sk(os);

	memset(info, 0, sizeof(*info));
	spin_lock(&os->lock);
	info->tcpi_state = sk->sk_state;
	if (os->record.flags & OUTSOCK_RESUME_TS)
		info->tcpi_options |= TCPI_OPT_TIMESTAMPS;
	if (os->record.flags & OUTSOCK_RESUME_SACK)
		info->tcpi_options |= TCPI_OPT_SACK;
	if (os->record.flags & OUTSOCK_RESUME_WSCALE) {
		info->tcpi_options |= TCPI_OPT_WSCALE;
		info->tcpi_snd_wscale = os->record.snd_shift;
		info->tcpi_rcv_wscale = os->record.rcv_shift;
	}
	info->tcpi_snd_mss = osopt_mss(os);
	info->tcpi_rcv_mss = info->tcpi_snd_mss;
	info->tcpi_advmss = info->tcpi_snd_mss;
	info->tcpi_pmtu = le16_to_cpu(os->dev->hello.mtu);
	if (sk->sk_state == TCP_LISTEN) {
		info->tcpi_unacked = os->qlen;
		info->tcpi_sacked = os->backlog;
	} else {
		info->tcpi_unacked = DIV_ROUND_UP(os->snd_nxt - os->snd_una, info->tcpi_snd_mss);
	}
	info->tcpi_rcv_space = osk_rcv_space(os);
	info->tcpi_bytes_acked = os->snd_una;
	info->tcpi_bytes_sent = os->snd_nxt;
	info->tcpi_bytes_received = os->rcv_nxt;
	info->tcpi_notsent_bytes = os->snd_end - os->snd_nxt;
	spin_unlock(&os->lock);
	return sizeof(*info);
}

/* The table. */

#define CACHED(l, n, h, d)                                                                         \
	{ .level = l, .name = n, .kind = OSOPT_CACHED, .host = OUTSOCK_OPT_##h, .dflt = d },
#define LOCAL(l, n, s, g) { .level = l, .name = n, .kind = OSOPT_LOCAL, .set = s, .get = g },
#define REFUSED(l, n)	  { .level = l, .name = n, .kind = OSOPT_REFUSED },

static const struct osopt osopt_table[] = {
#include "option.def"
};

static const struct osopt *osopt_find(const struct osk *os, int level, int name)
{
	unsigned int i;

	if ((level == SOL_TCP && !os->stream) ||
	    (level == SOL_IPV6 && osk_sk(os)->sk_family != AF_INET6))
		return NULL;
	for (i = 0; i < ARRAY_SIZE(osopt_table); i++)
		if (osopt_table[i].level == level && osopt_table[i].name == name)
			return osopt_table[i].kind == OSOPT_REFUSED ? NULL : &osopt_table[i];
	return NULL;
}

/* To the host. */

static void osopt_reply(struct osk *os, int status, const void *body, u32 len)
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

/* lock held */
static void osopt_forward(struct osk *os, u32 opt, u32 val)
{
	if (os->opt_set & BIT(opt) && os->opt[opt] == val)
		return;
	os->opt_set |= BIT(opt);
	os->opt[opt] = val;
	if (os->declared && !os->dead && !os->close_sent)
		osopt_send(os, opt, val);
}

void osk_declare_options(struct osk *os)
{
	u32 opt;

	for (opt = 1; opt < OUTSOCK_OPT_MAX; opt++)
		if (os->opt_set & BIT(opt))
			osopt_send(os, opt, os->opt[opt]);
}

/* Only what differs from a new socket's: osopt_forward() sends nothing twice. */
static void osopt_sync(struct osk *os, u32 opt, u32 val, u32 dflt)
{
	if (val != dflt || os->opt_set & BIT(opt))
		osopt_forward(os, opt, val);
}

void osk_sync_options(struct osk *os)
{
	struct sock *sk = osk_sk(os);

	osopt_sync(os, OUTSOCK_OPT_REUSEADDR, sk->sk_reuse ? 1 : 0, 0);
	osopt_sync(os, OUTSOCK_OPT_REUSEPORT, sk->sk_reuseport ? 1 : 0, 0);
	osopt_sync(os, OUTSOCK_OPT_BROADCAST, sock_flag(sk, SOCK_BROADCAST), 0);
	if (!os->stream)
		return;
	osopt_sync(os, OUTSOCK_OPT_KEEPALIVE, sock_flag(sk, SOCK_KEEPOPEN), 0);
	osopt_sync(os, OUTSOCK_OPT_PRIORITY, min_t(u32, sk->sk_priority, 7), 0);
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

/* setsockopt() and getsockopt() */

static int osopt_set_cached(struct osk *os, const struct osopt *opt, int val)
{
	if (opt->host == OUTSOCK_OPT_TTL && val == -1)
		val = opt->dflt;
	if (osopt_range[opt->host].last == 1)
		val = !!val;
	if (val < 0 || (u32)val < osopt_range[opt->host].first ||
	    (u32)val > osopt_range[opt->host].last)
		return -EINVAL;
	spin_lock(&os->lock);
	osk_sync_options(os);
	osopt_forward(os, opt->host, val);
	spin_unlock(&os->lock);
	return 0;
}

static int osopt_get_val(sockptr_t optval, unsigned int len, int *val)
{
	u8 byte;

	/* As Linux does for IP options: one byte will do. */
	if (len >= sizeof(int))
		return copy_from_sockptr(val, optval, sizeof(int)) ? -EFAULT : 0;
	if (!len)
		return -EINVAL;
	if (copy_from_sockptr(&byte, optval, 1))
		return -EFAULT;
	*val = byte;
	return 0;
}

int osk_setsockopt(struct socket *sock, int level, int name, sockptr_t optval, unsigned int len)
{
	struct osk *os = osk_of(sock);
	const struct osopt *opt;
	int val, err;

	if (!os) {
		/* kTLS would keep a copy of our ops, where they are still there, for ever. */
		if (level == SOL_TCP && name == TCP_ULP && sock->ops->owner == THIS_MODULE)
			return -EBUSY;
		return osk_native_ops(sock)->setsockopt(sock, level, name, optval, len);
	}
	opt = osopt_find(os, level, name);
	if (!opt || (opt->kind == OSOPT_LOCAL && !opt->set))
		return -ENOPROTOOPT;
	err = osopt_get_val(optval, len, &val);
	if (err)
		return err;
	return opt->kind == OSOPT_CACHED ? osopt_set_cached(os, opt, val) : opt->set(os, val);
}

static int osopt_get_cached(struct osk *os, const struct osopt *opt, void *buf)
{
	u32 val;

	spin_lock(&os->lock);
	val = os->opt_set & BIT(opt->host) ? os->opt[opt->host] : opt->dflt;
	spin_unlock(&os->lock);
	return osopt_int(buf, val);
}

int osk_getsockopt(struct socket *sock, int level, int name, char __user *optval,
		   int __user *optlen)
{
	struct osk *os = osk_of(sock);
	const struct osopt *opt;
	u8 buf[OSOPT_BUF_MAX] __aligned(8);
	int len, n;

	if (!os)
		return osk_native_ops(sock)->getsockopt(sock, level, name, optval, optlen);
	if (get_user(len, optlen))
		return -EFAULT;
	if (len < 0)
		return -EINVAL;
	opt = osopt_find(os, level, name);
	if (!opt || (opt->kind == OSOPT_LOCAL && !opt->get))
		return -ENOPROTOOPT;
	n = opt->kind == OSOPT_CACHED ? osopt_get_cached(os, opt, buf) : opt->get(os, buf);
	len = min(len, n);
	if (put_user(len, optlen) || copy_to_user(optval, buf, len))
		return -EFAULT;
	return 0;
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

void osk_copy_options(struct osk *os, struct socket *twin)
{
	unsigned int i;

	osopt_copy_sol_socket(osk_sk(os), twin->sk);
	for (i = 0; i < ARRAY_SIZE(osopt_table); i++) {
		const struct osopt *opt = &osopt_table[i];
		int val;

		if (opt->kind != OSOPT_CACHED || !(os->opt_set & BIT(opt->host)) ||
		    !osopt_find(os, opt->level, opt->name))
			continue;
		val = os->opt[opt->host];
		/* They were checked when they were set. */
		twin->ops->setsockopt(twin, opt->level, opt->name, KERNEL_SOCKPTR(&val),
				      sizeof(val));
	}
}
