/* SPDX-License-Identifier: BSD-3-Clause */
/* MSG_ZEROCOPY: a program uses its buffer again when the completion has come, so come it must. */
#include <time.h> /* the next one needs it */

#include <linux/errqueue.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "sockapi.h"

#define LEN 5000

/* The next completion covers the calls from @first to @last. */
static void completes(int fd, uint32_t first, uint32_t last)
{
	union {
		struct cmsghdr align;
		char buf[256];
	} control;
	struct msghdr msg = { .msg_control = &control, .msg_controllen = sizeof(control) };
	struct sock_extended_err err;
	struct cmsghdr *c;

	TRUE(wait_events(fd, 0) & POLLERR);
	EQ(recvmsg(fd, &msg, MSG_ERRQUEUE), 0);
	c = CMSG_FIRSTHDR(&msg);
	TRUE(c && c->cmsg_level == SOL_IP && c->cmsg_type == IP_RECVERR);
	memcpy(&err, CMSG_DATA(c), sizeof(err));
	EQ(err.ee_origin, SO_EE_ORIGIN_ZEROCOPY);
	EQ(err.ee_errno, 0);
	EQ(err.ee_info, first);
	EQ(err.ee_data, last);
}

static void sends(int fd)
{
	EQ(send(fd, pattern(0), LEN, MSG_ZEROCOPY), LEN);
}

static void nothing_left(int fd)
{
	char byte;

	FAILS(recv(fd, &byte, 1, MSG_ERRQUEUE), EAGAIN);
	EQ(events_now(fd, 0), 0);
	EQ(error_of(fd), 0);
}

void test_zerocopy_stream(void)
{
	int fd = connected(place.echo);

	option(fd, SOL_SOCKET, SO_ZEROCOPY, 1);
	sends(fd);
	recv_pattern(fd, 0, LEN);
	completes(fd, 0, 0);
	nothing_left(fd);
	sends(fd);
	completes(fd, 1, 1);
	nothing_left(fd);
	recv_pattern(fd, 0, LEN);
}

void test_zerocopy_dgram(void)
{
	int fd = udp(0);

	MUST(connect(fd, sa(&place.control), sizeof(place.control)));
	option(fd, SOL_SOCKET, SO_ZEROCOPY, 1);
	for (uint32_t i = 0; i < 3; i++) {
		sends(fd);
		completes(fd, i, i);
		nothing_left(fd);
	}
}

void test_zerocopy_refused(void)
{
	const struct rlimit none = { 0 };
	int fd = connected(place.echo);

	option(fd, SOL_SOCKET, SO_ZEROCOPY, 1);
	MUST(setrlimit(RLIMIT_MEMLOCK, &none));
	MUST(seteuid(65534));
	FAILS(send(fd, pattern(0), LEN, MSG_ZEROCOPY), ENOBUFS);
	MUST(seteuid(0));
	sends(fd);
	completes(fd, 0, 0);
	recv_pattern(fd, 0, LEN);
}
