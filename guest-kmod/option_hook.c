// SPDX-License-Identifier: GPL-2.0
/* What single options check and do in the guest, as Linux does; see option.def. */
#include "compat.h"
#include <linux/in.h>
#include <net/inet_ecn.h>
#include <net/route.h>
#include <net/tcp.h>
#include "dev.h"
#include "option.h"

int osopt_maxseg(struct osk *os, int *val)
{
	if (*val && (*val < OSOPT_MSS_MIN || *val > OSOPT_MSS_MAX))
		return -EINVAL;
	*val = *val ?: OSOPT_MSS_MAX;
	return 0;
}

/* A stream's ECN bits are the stack's. The kernel's own TCP sets the priority, too. */
int osopt_tos(struct osk *os, int *val)
{
	*val &= os->stream ? 0xff & ~INET_ECN_MASK : 0xff;
	WRITE_ONCE(osk_sk(os)->sk_priority, rt_tos2priority(*val));
	return 0;
}

int osopt_tclass(struct osk *os, int *val)
{
	if (*val == -1)
		*val = 0;
	else if (*val > 0 && os->stream)
		*val &= ~INET_ECN_MASK;
	return 0;
}

/* Linux counts repetitions of SYN-ACK (after 1 s, 2 s more, 4 s more...) and answers seconds. */
int osopt_defer(struct osk *os, int *val)
{
	int timeout = 1, period = 0, n;

	for (n = 0; n < U8_MAX && period < *val; n++) {
		period += timeout;
		timeout = min_t(int, 2 * timeout, TCP_RTO_MAX / HZ);
	}
	*val = period;
	return 0;
}

int osopt_recverr(struct osk *os, int *val)
{
	WRITE_ONCE(os->recverr, *val);
	return 0;
}

/* The host's TCP sets DF unless it is told not to, its UDP does not unless it is told. */
int osopt_pmtudisc(struct osk *os, int *val)
{
	bool df = *val == IP_PMTUDISC_DO || *val == IP_PMTUDISC_PROBE ||
		  (os->stream && *val == IP_PMTUDISC_WANT);

	if (*val < IP_PMTUDISC_DONT || *val > IP_PMTUDISC_OMIT)
		return -EINVAL;
	spin_lock(&os->lock);
	if (osopt_value(os, OUTSOCK_OPT_DF, os->stream) != df)
		osopt_store(os, OUTSOCK_OPT_DF, df);
	spin_unlock(&os->lock);
	return 0;
}

/* Fragments are for those who do not care: ip_sk_ignore_df() of the kernel. */
u32 osopt_dgram_max(struct osk *os, u32 max)
{
	u32 mtu = le16_to_cpu(os->dev->hello.mtu);
	u32 how;

	spin_lock(&os->lock);
	how = osopt_value(os, OSK_OPT_PMTUDISC, IP_PMTUDISC_WANT);
	spin_unlock(&os->lock);
	if (how < IP_PMTUDISC_DO || how == IP_PMTUDISC_OMIT)
		return max;
	return min(max, mtu - (u32)(sizeof(struct iphdr) + sizeof(struct udphdr)));
}

int osopt_freebind(struct osk *os, int *val)
{
	os_set_freebind(osk_sk(os), *val);
	return 0;
}

int osopt_v6only(struct osk *os, int *val)
{
	if (os->bound)
		return -EINVAL;
	osk_sk(os)->sk_ipv6only = *val;
	return 0;
}

static const char osopt_congestion[] = "reno";

int osopt_set_congestion(struct osk *os, const char *text)
{
	return strcmp(text, osopt_congestion) ? -ENOENT : 0;
}

int osopt_get_congestion(struct osk *os, void *buf)
{
	strscpy_pad(buf, osopt_congestion, TCP_CA_NAME_MAX);
	return TCP_CA_NAME_MAX;
}
