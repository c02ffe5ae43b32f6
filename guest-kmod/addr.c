// SPDX-License-Identifier: GPL-2.0
/* Addresses: the program's, the wire's, and where they are. Class decides, never trial. */
#include "compat.h"
#include <linux/in.h>
#include <linux/in6.h>
#include <net/addrconf.h>
#include <net/ipv6.h>
#include <net/route.h>
#include "dev.h"
#include "sock.h"

static int osk_addr_get4(const struct sockaddr *uaddr, int len, struct outsock_addr *addr)
{
	const struct sockaddr_in *sin = (const struct sockaddr_in *)uaddr;

	if (len < (int)sizeof(*sin))
		return -EINVAL;
	if (sin->sin_family != AF_INET &&
	    (sin->sin_family != AF_UNSPEC || sin->sin_addr.s_addr != htonl(INADDR_ANY)))
		return -EAFNOSUPPORT;
	addr->family = OUTSOCK_INET;
	addr->port = sin->sin_port;
	memcpy(addr->addr, &sin->sin_addr, 4);
	return 0;
}

static int osk_addr_get6(const struct sock *sk, const struct sockaddr *uaddr, int len,
			 struct outsock_addr *addr)
{
	const struct sockaddr_in6 *sin6 = (const struct sockaddr_in6 *)uaddr;

	/* Datagrams go to names of either family, connections do not. */
	if (uaddr->sa_family == AF_INET && sk->sk_type == SOCK_DGRAM && !sk->sk_ipv6only)
		return osk_addr_get4(uaddr, len, addr);
	if (len < SIN6_LEN_RFC2133)
		return -EINVAL;
	if (sin6->sin6_family != AF_INET6)
		return -EAFNOSUPPORT;
	addr->port = sin6->sin6_port;
	if (ipv6_addr_v4mapped(&sin6->sin6_addr)) {
		if (sk->sk_ipv6only)
			return -ENETUNREACH;
		addr->family = OUTSOCK_INET;
		memcpy(addr->addr, &sin6->sin6_addr.s6_addr[12], 4);
		return 0;
	}
	addr->family = OUTSOCK_INET6;
	memcpy(addr->addr, &sin6->sin6_addr, 16);
	if (len >= (int)sizeof(*sin6) && (ipv6_addr_type(&sin6->sin6_addr) & IPV6_ADDR_LINKLOCAL))
		addr->scope = cpu_to_le32(sin6->sin6_scope_id);
	return 0;
}

int osk_addr_get(const struct osk *os, const struct sockaddr *uaddr, int len,
		 struct outsock_addr *addr)
{
	const struct sock *sk = osk_sk(os);

	memset(addr, 0, sizeof(*addr));
	if (len < (int)offsetofend(struct sockaddr, sa_family))
		return -EINVAL;
	if (sk->sk_family == AF_INET6)
		return osk_addr_get6(sk, uaddr, len, addr);
	return osk_addr_get4(uaddr, len, addr);
}

int osk_addr_get_own(const struct osk *os, const struct sockaddr *uaddr, int len,
		     struct outsock_addr *addr)
{
	const struct sock *sk = osk_sk(os);
	int err;

	if (sk->sk_family == AF_INET6 && len < SIN6_LEN_RFC2133)
		return -EINVAL;
	if (sk->sk_family == AF_INET6 && uaddr->sa_family != AF_INET6)
		return -EAFNOSUPPORT;
	err = osk_addr_get(os, uaddr, len, addr);
	return err == -ENETUNREACH ? -EINVAL : err;	/* a mapped address, V6ONLY */
}

int osk_addr_put(const struct osk *os, const struct outsock_addr *addr, struct sockaddr *uaddr)
{
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)uaddr;
	struct sockaddr_in *sin = (struct sockaddr_in *)uaddr;
	__be32 v4;

	if (osk_sk(os)->sk_family == AF_INET) {
		memset(sin, 0, sizeof(*sin));
		sin->sin_family = AF_INET;
		sin->sin_port = addr->port;
		memcpy(&sin->sin_addr, addr->addr, 4);
		return sizeof(*sin);
	}
	memset(sin6, 0, sizeof(*sin6));
	sin6->sin6_family = AF_INET6;
	sin6->sin6_port = addr->port;
	if (addr->family == OUTSOCK_INET) {
		memcpy(&v4, addr->addr, 4);
		ipv6_addr_set_v4mapped(v4, &sin6->sin6_addr);
	} else {
		memcpy(&sin6->sin6_addr, addr->addr, 16);
		sin6->sin6_scope_id = le32_to_cpu(addr->scope);
	}
	return sizeof(*sin6);
}

static enum osk_where osk_addr_class(const struct osk *os, const struct outsock_addr *addr,
				     enum osk_where other4)
{
	struct net *net = sock_net(osk_sk(os));
	struct in6_addr v6;
	unsigned int type;
	__be32 v4;

	/* Where SO_BINDTODEVICE says so, it is one of the guest's own interfaces. */
	if (READ_ONCE(osk_sk(os)->sk_bound_dev_if))
		return OSK_AT_GUEST;
	if (osdev_owns(os->dev, addr))
		return OSK_AT_HOST;
	if (addr->family == OUTSOCK_INET) {
		memcpy(&v4, addr->addr, 4);
		if (v4 == htonl(INADDR_ANY))
			return OSK_AT_ANY;
		if (ipv4_is_multicast(v4))
			return OSK_AT_NOWHERE;
		type = inet_addr_type(net, v4);
		return type == RTN_LOCAL || ipv4_is_loopback(v4) ? OSK_AT_GUEST : other4;
	}
	memcpy(&v6, addr->addr, 16);
	if (ipv6_addr_any(&v6))
		return OSK_AT_ANY;
	if (ipv6_addr_loopback(&v6) || ipv6_chk_addr(net, &v6, NULL, 0))
		return OSK_AT_GUEST;
	return OSK_AT_NOWHERE;
}

/* While the host has no IPv6, whom a wildcard of IPv6 alone hears is in the guest. */
static bool osk_addr_deaf(const struct osk *os, const struct outsock_addr *addr)
{
	return addr->family == OUTSOCK_INET6 && osk_sk(os)->sk_ipv6only &&
	       !(os->dev->hello.features & cpu_to_le32(OUTSOCK_FEAT_INET6));
}

enum osk_where osk_addr_bind_class(const struct osk *os, const struct outsock_addr *addr)
{
	enum osk_where where = osk_addr_class(os, addr, OSK_AT_NOWHERE);

	return where == OSK_AT_ANY && osk_addr_deaf(os, addr) ? OSK_AT_GUEST : where;
}

bool osk_addr_forbidden(const struct osk *os, const struct outsock_addr *addr)
{
	__be32 v4;

	if (addr->family != OUTSOCK_INET || sock_flag(osk_sk(os), SOCK_BROADCAST))
		return false;
	memcpy(&v4, addr->addr, 4);
	return osdev_is_broadcast(os->dev, v4);
}

/* A connection to the wildcard means this machine. */
enum osk_where osk_addr_connect_class(const struct osk *os, const struct outsock_addr *addr)
{
	enum osk_where where = osk_addr_class(os, addr, OSK_AT_HOST);

	return where == OSK_AT_ANY ? OSK_AT_GUEST : where;
}
