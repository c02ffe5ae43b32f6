// SPDX-License-Identifier: GPL-2.0
/* setsockopt() and getsockopt(): the table, and lengths as each level of Linux takes them. */
#include "compat.h"
#include <linux/in.h>
#include <linux/tcp.h>
#include <net/ip.h>
#include <net/tcp.h>
#include "option.h"

#define OSOPT_FIRST(name, value, lo, hi) OSOPT_FIRST_##name = lo, OSOPT_LAST_##name = hi,
enum { OUTSOCK_OPTS(OSOPT_FIRST) };
#undef OSOPT_FIRST

#define HOST_READ(l, n, h, d, f, g)                                                                \
	{ .level = l, .name = n, .slot = OUTSOCK_OPT_##h, .dflt = d, .first = OSOPT_FIRST_##h,     \
	  .last = OSOPT_LAST_##h, .hook = f, .get = g },
#define HOST(l, n, h, d, f) HOST_READ(l, n, h, d, f, NULL)
#define KEPT(l, n, s, d, lo, hi, f)                                                                \
	{ .level = l, .name = n, .slot = OSK_OPT_##s, .dflt = d, .first = lo, .last = hi,          \
	  .hook = f },
#define QUERY(l, n, g)	 { .level = l, .name = n, .kind = OSOPT_QUERY, .get = g },
#define TEXT(l, n, s, g) { .level = l, .name = n, .kind = OSOPT_TEXT, .set = s, .get = g },
#define REFUSED(l, n)	 { .level = l, .name = n, .kind = OSOPT_REFUSED },

static const struct osopt osopt_table[] = {
#include "option.def"
};

const struct osopt *osopt_at(unsigned int i)
{
	return i < ARRAY_SIZE(osopt_table) ? &osopt_table[i] : NULL;
}

/* What a program may name on this kind of socket. */
static bool osopt_level(const struct osk *os, int level)
{
	switch (level) {
	case SOL_TCP:
		return os->stream;
	case SOL_UDP:
		return !os->stream;
	case SOL_IPV6:
		return osk_sk(os)->sk_family == AF_INET6;
	default:
		return level == SOL_IP;
	}
}

const struct osopt *osopt_find(const struct osk *os, int level, int name)
{
	const struct osopt *opt;
	unsigned int i;

	for (i = 0; (opt = osopt_at(i)); i++)
		if (opt->level == level && opt->name == name)
			break;
	return opt && opt->kind != OSOPT_REFUSED && osopt_level(os, level) ? opt : NULL;
}

/* setsockopt() */

/* IP takes a byte where others want an int. */
static int osopt_fetch(int level, sockptr_t optval, unsigned int len, int *val)
{
	u8 byte;

	if (len >= sizeof(int))
		return copy_from_sockptr(val, optval, sizeof(int)) ? -EFAULT : 0;
	if (level != SOL_IP || !len)
		return -EINVAL;
	if (copy_from_sockptr(&byte, optval, 1))
		return -EFAULT;
	*val = byte;
	return 0;
}

static int osopt_set_value(struct osk *os, const struct osopt *opt, sockptr_t optval,
			   unsigned int len)
{
	int val, err = osopt_fetch(opt->level, optval, len, &val);

	if (err)
		return err;
	if (opt->last == 1)
		val = !!val;
	if (opt->hook)
		err = opt->hook(os, &val);
	if (err)
		return err;
	if (val == -1 && opt->last == U8_MAX)	/* a number of hops */
		val = opt->dflt;
	if (val < 0 || (u32)val < opt->first || (u32)val > opt->last)
		return -EINVAL;
	spin_lock(&os->lock);
	osk_sync_options(os);
	osopt_store(os, opt->slot, val);
	spin_unlock(&os->lock);
	osk_copy_option(os, opt);
	return 0;
}

static int osopt_set_text(struct osk *os, const struct osopt *opt, sockptr_t optval,
			  unsigned int len)
{
	char text[TCP_CA_NAME_MAX];
	long n;

	if (!len)
		return -EINVAL;
	n = strncpy_from_sockptr(text, optval, min_t(long, TCP_CA_NAME_MAX - 1, len));
	if (n < 0)
		return -EFAULT;
	text[n] = '\0';
	return opt->set(os, text);
}

int osk_setsockopt(struct socket *sock, int level, int name, sockptr_t optval, unsigned int len)
{
	struct osk *os = osk_of(sock);
	const struct osopt *opt;

	if (!os) {
		/* kTLS would keep a copy of our ops, where they are still there, for ever. */
		if (level == SOL_TCP && name == TCP_ULP && sock->ops->owner == THIS_MODULE)
			return -EBUSY;
		return osk_native_ops(sock)->setsockopt(sock, level, name, optval, len);
	}
	opt = osopt_find(os, level, name);
	if (!opt || opt->kind == OSOPT_QUERY)
		return -ENOPROTOOPT;
	return opt->kind == OSOPT_TEXT ? osopt_set_text(os, opt, optval, len) :
					 osopt_set_value(os, opt, optval, len);
}

/* getsockopt() */

static int osopt_get_value(struct osk *os, const struct osopt *opt, void *buf)
{
	u32 val;

	spin_lock(&os->lock);
	val = osopt_value(os, opt->slot, opt->dflt);
	spin_unlock(&os->lock);
	memcpy(buf, &val, sizeof(val));
	return sizeof(val);
}

/* A short buffer gets what fits; from IP a small value as one byte. */
static int osopt_fit(int level, const void *buf, int n, int len)
{
	const u32 *val = buf;

	if (level == SOL_IP && n == sizeof(*val) && len > 0 && len < n && *val <= U8_MAX)
		return 1;
	return min(len, n);
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
	/* A level nobody knows is IP's, and IPv4 has an error of its own for it. */
	if (!osopt_level(os, level) && osk_sk(os)->sk_family == AF_INET)
		return -EOPNOTSUPP;
	if (get_user(len, optlen))
		return -EFAULT;
	if (len < 0)
		return -EINVAL;
	opt = osopt_find(os, level, name);
	if (!opt)
		return -ENOPROTOOPT;
	n = opt->get ? opt->get(os, buf) : osopt_get_value(os, opt, buf);
	if (n < 0)
		return n;
	len = osopt_fit(level, buf, n, len);
	if (put_user(len, optlen) || copy_to_user(optval, buf, len))
		return -EFAULT;
	return 0;
}
