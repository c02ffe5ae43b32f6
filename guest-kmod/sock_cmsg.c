// SPDX-License-Identifier: GPL-2.0
/*
 * Ancillary data. IP_PKTINFO and IPV6_PKTINFO of datagrams need nothing of the host as long as the
 * guest has one address: that is where a datagram came to, and where the answer comes from. The
 * interface is the loopback one, since the guest has none of that address, and programs look its
 * name up. All else that would change how a datagram is sent is refused.
 */
#include "compat.h"
#include <linux/in.h>
#include <linux/ipv6.h>
#include "dev.h"
#include "option.h"
#include "sock.h"

/* As the kernel's TCP: what SOL_SOCKET knows is checked, the rest ignored. */
int osk_stream_cmsg(struct sock *sk, struct msghdr *msg)
{
	struct sockcm_cookie cookie = {};

	return msg->msg_controllen ? sock_cmsg_send(sk, msg, &cookie) : 0;
}

/* The address that datagrams to this socket have; 0: it may be one of several. */
static __be32 osk_local4(struct osk *os)
{
	__be32 v4;

	spin_lock(&os->lock);
	memcpy(&v4, os->local.addr, sizeof(v4));
	if (os->local.family != OUTSOCK_INET)
		v4 = 0;
	spin_unlock(&os->lock);
	return v4 ?: osdev_only_addr(os->dev);
}

int osopt_pktinfo(struct osk *os, int *val)
{
	return *val && !osdev_only_addr(os->dev) ? -ENOPROTOOPT : 0;
}

static int osk_check_source(struct osk *os, __be32 v4, int ifindex)
{
	if (ifindex && ifindex != LOOPBACK_IFINDEX)
		return -ENETUNREACH;
	return v4 && v4 != osk_local4(os) ? -EINVAL : 0;
}

static int osk_cmsg_ip(struct osk *os, struct cmsghdr *cmsg)
{
	const struct in_pktinfo *info = (const struct in_pktinfo *)CMSG_DATA(cmsg);

	if (cmsg->cmsg_type != IP_PKTINFO || cmsg->cmsg_len != CMSG_LEN(sizeof(*info)))
		return -EINVAL;
	return osk_check_source(os, info->ipi_spec_dst.s_addr, info->ipi_ifindex);
}

static int osk_cmsg_ipv6(struct osk *os, struct cmsghdr *cmsg)
{
	const struct in6_pktinfo *info = (const struct in6_pktinfo *)CMSG_DATA(cmsg);
	__be32 v4 = 0;

	if (cmsg->cmsg_type != IPV6_PKTINFO || cmsg->cmsg_len < CMSG_LEN(sizeof(*info)))
		return -EINVAL;
	if (ipv6_addr_v4mapped(&info->ipi6_addr))
		v4 = info->ipi6_addr.s6_addr32[3];
	else if (!ipv6_addr_any(&info->ipi6_addr))
		return -EINVAL;
	return osk_check_source(os, v4, info->ipi6_ifindex);
}

int osk_dgram_cmsg(struct osk *os, struct msghdr *msg)
{
	struct sock *sk = osk_sk(os);
	struct cmsghdr *cmsg;
	int err = osk_stream_cmsg(sk, msg);

	if (err || !msg->msg_controllen)
		return err;
	for_each_cmsghdr(cmsg, msg) {
		if (!CMSG_OK(msg, cmsg))
			return -EINVAL;
		if (cmsg->cmsg_level == SOL_IP)
			err = osk_cmsg_ip(os, cmsg);
		else if (cmsg->cmsg_level == SOL_IPV6 && sk->sk_family == AF_INET6)
			err = osk_cmsg_ipv6(os, cmsg);
		else if (cmsg->cmsg_level == SOL_UDP)
			err = -EINVAL;	/* UDP_SEGMENT: several datagrams in one call */
		if (err)
			return err;
	}
	return 0;
}

void osk_dgram_put_cmsg(struct osk *os, struct msghdr *msg)
{
	bool ip = osopt_kept(os, OSK_OPT_PKTINFO), ipv6 = osopt_kept(os, OSK_OPT_PKTINFO6);
	struct in6_pktinfo info6 = { .ipi6_ifindex = LOOPBACK_IFINDEX };
	struct in_pktinfo info = { .ipi_ifindex = LOOPBACK_IFINDEX };

	if (!ip && !ipv6)
		return;
	info.ipi_addr.s_addr = osk_local4(os);
	info.ipi_spec_dst = info.ipi_addr;
	if (ip)
		put_cmsg(msg, SOL_IP, IP_PKTINFO, sizeof(info), &info);
	ipv6_addr_set_v4mapped(info.ipi_addr.s_addr, &info6.ipi6_addr);
	if (ipv6)
		put_cmsg(msg, SOL_IPV6, IPV6_PKTINFO, sizeof(info6), &info6);
}
