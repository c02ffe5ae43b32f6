/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sending by a packet socket, one system call for a batch, which never waits: for lcores to which
 * an interface's driver gives no TX queue, or none that an RT lcore could use. As with the driver
 * itself, the call is the price of such a port.
 */
#include "port/port.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define SNDBUF	 (4 << 20)
#define BATCH	 64u
#define SEGS_MAX 8u
#define IOVS	 (BATCH * 2u)

int port_raw_open(const char *iface)
{
	struct sockaddr_ll sll = { .sll_family = AF_PACKET };
	/* Protocol 0: the kernel never hands it a packet. */
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), one = 1,
	    sndbuf = SNDBUF;

	if (fd < 0)
		return -errno;
	sll.sll_ifindex = (int)if_nametoindex(iface);
	if (!sll.sll_ifindex || bind(fd, (struct sockaddr *)&sll, sizeof(sll)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one))) {
		int err = -errno;

		close(fd);
		return err;
	}
	/* As much as a queue of a NIC. Without the right to it: the default, more refusals. */
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &sndbuf, sizeof(sndbuf));
	return fd;
}

/* The segments of @m as pieces of a message; 0: more than there is room for. */
static unsigned int fill(const struct rte_mbuf *m, struct iovec *iov, unsigned int room)
{
	unsigned int n = 0;

	for (; m; m = m->next) {
		if (n == room)
			return 0;
		iov[n].iov_base = rte_pktmbuf_mtod(m, void *);
		iov[n++].iov_len = m->data_len;
	}
	return n;
}

unsigned int port_raw_tx(int fd, struct rte_mbuf **pkts, unsigned int n)
{
	struct mmsghdr msgs[BATCH];
	struct iovec iovs[IOVS];
	unsigned int used = 0, count = 0;
	int sent;

	memset(msgs, 0, sizeof(msgs[0]) * RTE_MIN(n, BATCH));
	for (; count < n && count < BATCH; count++) {
		unsigned int k = fill(pkts[count], iovs + used, RTE_MIN(IOVS - used, SEGS_MAX));

		if (!k)
			break;
		msgs[count].msg_hdr.msg_iov = iovs + used;
		msgs[count].msg_hdr.msg_iovlen = k;
		used += k;
	}
	sent = count ? sendmmsg(fd, msgs, count, MSG_DONTWAIT) : 0;
	/* One that the interface will never take (or too many pieces) must not block the others. */
	if (!count || (sent < 0 && errno != EAGAIN && errno != ENOBUFS))
		sent = 1;
	for (int i = 0; i < sent; i++)
		rte_pktmbuf_free(pkts[i]);
	return sent > 0 ? (unsigned int)sent : 0;
}
