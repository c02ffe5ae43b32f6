/* SPDX-License-Identifier: BSD-3-Clause */
/* Datagrams: lengths, flags, vectors, events. */
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "sockapi.h"

#define LARGEST (65535 - 20 - 8)

static char buf[65536];

static int echoing(void)
{
	int fd = udp(0);

	MUST(connect(fd, sa(&place.control), sizeof(place.control)));
	return fd;
}

static bool same(size_t len)
{
	return !memcmp(buf, pattern(0), len);
}

/* An echo of that length is there to be received. */
static void echo(int fd, size_t len)
{
	EQ(send(fd, pattern(0), len, 0), len);
	wait_events(fd, POLLIN);
}

void test_udp_empty(void)
{
	int fd = echoing();

	EQ(send(fd, buf, 0, 0), 0);
	EQ(recv(fd, buf, sizeof(buf), 0), 0);
	FAILS(recv(fd, buf, sizeof(buf), MSG_DONTWAIT), EAGAIN);
	echo(fd, 0);
	EQ(events_now(fd, POLLIN | POLLOUT), POLLIN | POLLOUT);
	EQ(recv(fd, buf, 0, 0), 0);
	echo(fd, 10);
	EQ(recv(fd, buf, sizeof(buf), 0), 10);
	EQ(write(fd, buf, 0), 0);
	EQ(recv(fd, buf, sizeof(buf), 0), 0);
}

void test_udp_truncated(void)
{
	struct iovec iov = { buf, 30 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	int fd = echoing();

	echo(fd, 100);
	EQ(recv(fd, buf, 30, 0), 30);
	TRUE(same(30));
	FAILS(recv(fd, buf, 30, MSG_DONTWAIT), EAGAIN);
	echo(fd, 100);
	EQ(recv(fd, buf, 30, MSG_TRUNC), 100);
	echo(fd, 100);
	EQ(recvmsg(fd, &msg, 0), 30);
	EQ(msg.msg_flags, MSG_TRUNC);
	echo(fd, 30);
	EQ(recvmsg(fd, &msg, 0), 30);
	EQ(msg.msg_flags, 0);
	echo(fd, 40);
	EQ(recvmsg(fd, &msg, MSG_TRUNC), 40);
	EQ(msg.msg_flags, MSG_TRUNC);
}

void test_udp_peek(void)
{
	struct sockaddr_storage from = { 0 };
	socklen_t len = sizeof(from);
	int fd = echoing();

	echo(fd, 100);
	EQ(recvfrom(fd, buf, 20, MSG_PEEK, (struct sockaddr *)&from, &len), 20);
	addr_is(&from, len, &place.control);
	EQ(recv(fd, buf, 0, MSG_PEEK | MSG_TRUNC), 100);
	EQ(recv(fd, buf, 200, MSG_PEEK), 100);
	EQ(recv(fd, buf, 200, 0), 100);
	TRUE(same(100));
	FAILS(recv(fd, buf, 200, MSG_PEEK | MSG_DONTWAIT), EAGAIN);
}

void test_udp_large(void)
{
	const size_t sizes[] = { 1472, 1473, 8000, 60000, LARGEST };
	int fd = echoing();

	option(fd, SOL_SOCKET, SO_RCVBUF, 200000);
	option(fd, SOL_SOCKET, SO_SNDBUF, 200000);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		memset(buf, 0, sizeof(buf));
		EQ(send(fd, pattern(0), sizes[i], 0), sizes[i]);
		wait_datagram(fd);
		EQ(recv(fd, buf, sizeof(buf), 0), sizes[i]);
		TRUE(same(sizes[i]));
	}
}

void test_udp_too_large(void)
{
	int fd = echoing();

	option(fd, SOL_SOCKET, SO_SNDBUF, 200000);
	FAILS(send(fd, pattern(0), LARGEST + 1, 0), EMSGSIZE);
	FAILS(send(fd, pattern(0), 100000, 0), EMSGSIZE);
	echo(fd, 10);
	EQ(recv(fd, buf, sizeof(buf), 0), 10);
}

void test_udp_vectors(void)
{
	char *bytes = (char *)(uintptr_t)pattern(0);
	struct iovec out[] = { { bytes, 10 }, { bytes, 0 }, { bytes + 10, 90 } };
	struct iovec in[] = { { buf, 33 }, { buf + 33, 200 } };
	struct sockaddr_storage from = { 0 };
	struct sockaddr_in to = place.control;
	struct msghdr msg = {
		.msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = out, .msg_iovlen = 3
	};
	char control[100];
	int fd = udp(0);

	EQ(sendmsg(fd, &msg, 0), 100);
	msg = (struct msghdr){ .msg_name = &from,
			       .msg_namelen = sizeof(from),
			       .msg_iov = in,
			       .msg_iovlen = 2,
			       .msg_control = control,
			       .msg_controllen = sizeof(control),
			       .msg_flags = -1 };
	EQ(recvmsg(fd, &msg, 0), 100);
	addr_is(&from, msg.msg_namelen, &place.control);
	EQ(msg.msg_controllen, 0);
	EQ(msg.msg_flags, 0);
	TRUE(same(100));
	fd = echoing();
	EQ(writev(fd, out, 3), 100);
	EQ(readv(fd, in, 2), 100);
	TRUE(same(100));
}

enum { MSGS = 16 };

void test_udp_mmsg(void)
{
	static char data[MSGS][200];
	struct mmsghdr msgs[MSGS] = { 0 };
	struct iovec iov[MSGS];
	int fd = echoing(), got = 0;

	for (int i = 0; i < MSGS; i++) {
		iov[i] = (struct iovec){ (char *)(uintptr_t)pattern(0), (size_t)i * 5 };
		msgs[i].msg_hdr.msg_iov = &iov[i];
		msgs[i].msg_hdr.msg_iovlen = 1;
	}
	EQ(sendmmsg(fd, msgs, MSGS, 0), MSGS);
	for (int i = 0; i < MSGS; i++) {
		EQ(msgs[i].msg_len, i * 5);
		iov[i] = (struct iovec){ data[i], sizeof(data[i]) };
	}
	while (got < MSGS)
		got += (int)MUST(
			recvmmsg(fd, msgs + got, (unsigned int)(MSGS - got), MSG_WAITFORONE, NULL));
	for (int i = 0; i < MSGS; i++) {
		EQ(msgs[i].msg_len, i * 5);
		EQ(memcmp(data[i], pattern(0), (size_t)i * 5), 0);
	}
	FAILS(recvmmsg(fd, msgs, MSGS, MSG_DONTWAIT, NULL), EAGAIN);
}

void test_udp_poll(void)
{
	int fd = echoing();

	EQ(events_now(udp(0), POLLIN | POLLOUT), POLLOUT);
	EQ(events_now(fd, POLLIN | POLLOUT | POLLRDHUP), POLLOUT);
	echo(fd, 10);
	EQ(events_now(fd, POLLIN | POLLOUT | POLLRDHUP), POLLIN | POLLOUT);
	EQ(recv(fd, buf, sizeof(buf), 0), 10);
	EQ(events_now(fd, POLLIN | POLLOUT), POLLOUT);
}

void test_udp_epoll(void)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int fd = echoing(), ep = (int)MUST(epoll_create1(0));

	MUST(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event));
	EQ(epoll_wait(ep, &event, 1, 0), 0);
	for (int i = 0; i < 5; i++) {
		EQ(send(fd, pattern(0), 10, 0), 10);
		EQ(epoll_wait(ep, &event, 1, -1), 1);
		EQ(event.events, EPOLLIN);
		EQ(epoll_wait(ep, &event, 1, 0), 0);
	}
	for (int i = 0; i < 5; i++)
		EQ(recv(fd, buf, sizeof(buf), MSG_DONTWAIT), 10);
	FAILS(recv(fd, buf, sizeof(buf), MSG_DONTWAIT), EAGAIN);
}

static int waiting(int fd)
{
	int len = -1;

	MUST(ioctl(fd, FIONREAD, &len));
	return len;
}

void test_udp_fionread(void)
{
	int fd = echoing();

	EQ(waiting(fd), 0);
	echo(fd, 100);
	EQ(waiting(fd), 100);
	EQ(send(fd, pattern(0), 50, 0), 50);
	EQ(recv(fd, buf, 10, 0), 10);
	wait_events(fd, POLLIN);
	EQ(waiting(fd), 50);
	EQ(recv(fd, buf, sizeof(buf), 0), 50);
	EQ(waiting(fd), 0);
}

void test_udp_order(void)
{
	enum { N = 200, WINDOW = 8 };
	int fd = echoing();

	option(fd, SOL_SOCKET, SO_RCVBUF, 200000);
	for (int i = 0; i < N + WINDOW; i++) {
		size_t out = (size_t)(i * 37 % 1400), in = (size_t)((i - WINDOW) * 37 % 1400);

		if (i < N)
			EQ(send(fd, pattern(0), out, 0), out);
		if (i < WINDOW)
			continue;
		EQ(recv(fd, buf, sizeof(buf), 0), in);
		TRUE(same(in));
	}
}

void test_udp_blocked(void)
{
	int control = peer_open(), fd = udp(0);
	struct sockaddr_in at = addr4(INADDR_ANY, 0);
	struct job job = { .call = job_recv, .fd = bound(fd, at), .buf = buf, .len = sizeof(buf) };

	peer_do(control, "udp s");
	job_start(&job);
	job_asleep(&job);
	peer_do(control, "sendto s %s %d 77", place.own_text, port_of(fd));
	job_join(&job);
	EQ(job.ret, 77);
	TRUE(same(77));
}
