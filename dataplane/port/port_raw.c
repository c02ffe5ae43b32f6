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

/* How many of @n frames to give up after an error: the first one; all, if there is no way out. */
static unsigned int hopeless(int err, unsigned int n)
{
	switch (err) {
	case EAGAIN:
	case ENOBUFS:
	case EINTR:
		return 0;
	case EMSGSIZE:
	case EINVAL:
		return 1;
	default: /* the interface is down or gone */
		return n;
	}
}

/* One system call. Returns how many of @n were sent; *@ret_tried: how many it was given. */
static unsigned int send_batch(int fd, struct rte_mbuf **pkts, unsigned int n,
			       unsigned int *ret_tried, unsigned int *ret_bad)
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
	*ret_tried = count;
	if (!count) {
		*ret_bad = 1; /* too many pieces */
		return 0;
	}
	sent = sendmmsg(fd, msgs, count, MSG_DONTWAIT);
	if (sent < 0) {
		*ret_bad = hopeless(errno, n);
		return 0;
	}
	rte_pktmbuf_free_bulk(pkts, (unsigned int)sent);
	return (unsigned int)sent;
}

unsigned int port_raw_tx(int fd, struct rte_mbuf **pkts, unsigned int n, unsigned int *ret_bad)
{
	unsigned int total = 0, tried = 0, sent;

	*ret_bad = 0;
	do {
		sent = send_batch(fd, pkts + total, n - total, &tried, ret_bad);
		total += sent;
	} while (total < n && sent && sent == tried);
	return total;
}
