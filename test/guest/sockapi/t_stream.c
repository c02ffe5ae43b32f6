/* SPDX-License-Identifier: BSD-3-Clause */
/* The send and recv families on streams. */
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "sockapi.h"

static struct iovec part(size_t offset, size_t len)
{
	return (struct iovec){ (void *)(uintptr_t)pattern(offset), len };
}

static bool same(const void *buf, size_t offset, size_t len)
{
	return !memcmp(buf, pattern(offset), len);
}

void test_send_recv(void)
{
	int fd = connected(place.echo);
	char buf[200];

	EQ(send(fd, pattern(0), 100, 0), 100);
	EQ(recv(fd, buf, 100, MSG_WAITALL), 100);
	TRUE(same(buf, 0, 100));
	EQ(write(fd, pattern(100), 100), 100);
	wait_readable(fd, 100);
	EQ(read(fd, buf, 60), 60);
	EQ(read(fd, buf + 60, 140), 40);
	TRUE(same(buf, 100, 100));
}

void test_send_nothing(void)
{
	int fd = connected(place.echo);
	char byte;

	EQ(send(fd, &byte, 0, 0), 0);
	EQ(write(fd, &byte, 0), 0);
	EQ(read(fd, &byte, 0), 0);
	FAILS(recv(fd, &byte, 1, MSG_DONTWAIT), EAGAIN);
	send_pattern(fd, 0, 10);
	wait_readable(fd, 10);
	EQ(recv(fd, &byte, 0, 0), 0);
	recv_pattern(fd, 0, 10);
}

void test_send_large(void)
{
	enum { SIZE = 4 << 20 };
	int control = peer_open(), fd = peer_dial(control, "s", 16384);
	unsigned char *data = malloc(SIZE);

	for (size_t i = 0; i < SIZE; i += 4096)
		memcpy(data + i, pattern(i), 4096);
	peer_tell(control, "recv s %d", SIZE);
	EQ(send(fd, data, SIZE, 0), SIZE);
	EQ(peer_hear(control).number, SIZE);
}

void test_send_unconnected(void)
{
	int fd = tcp(0);
	char byte = 0;

	FAILS(send(fd, &byte, 1, MSG_NOSIGNAL), EPIPE);
	FAILS(recv(fd, &byte, 1, 0), ENOTCONN);
	FAILS(recv(fd, &byte, 1, MSG_DONTWAIT), ENOTCONN);
	FAILS(sendto(fd, &byte, 1, MSG_NOSIGNAL, sa(&place.echo), sizeof(place.echo)), EPIPE);
	MUST(connect(fd, sa(&place.echo), sizeof(place.echo)));
	send_pattern(fd, 0, 10);
	recv_pattern(fd, 0, 10);
}

void test_sendto_address(void)
{
	struct sockaddr_in elsewhere = peer4(1), from;
	int fd = connected(place.echo);
	socklen_t len = sizeof(from);
	char buf[10];

	EQ(sendto(fd, pattern(0), 10, 0, sa(&elsewhere), sizeof(elsewhere)), 10);
	EQ(recvfrom(fd, buf, 10, MSG_WAITALL, (struct sockaddr *)&from, &len), 10);
	EQ(len, 0);
	TRUE(same(buf, 0, 10));
}

void test_writev_readv(void)
{
	struct iovec out[] = { part(0, 10), part(0, 0), part(10, 1), part(11, 5000) }, in[3];
	int fd = connected(place.echo);
	char buf[6000];

	EQ(writev(fd, out, 4), 5011);
	wait_readable(fd, 5011);
	in[0] = (struct iovec){ buf, 7 };
	in[1] = (struct iovec){ buf + 7, 0 };
	in[2] = (struct iovec){ buf + 7, sizeof(buf) - 7 };
	EQ(readv(fd, in, 3), 5011);
	TRUE(same(buf, 0, 5011));
}

void test_sendmsg_recvmsg(void)
{
	struct iovec out[] = { part(0, 100), part(100, 200) }, in[2];
	struct msghdr msg = { .msg_iov = out, .msg_iovlen = 2 };
	char buf[300], control[100];
	struct sockaddr_in from;
	int fd = connected(place.echo);

	EQ(sendmsg(fd, &msg, MSG_NOSIGNAL), 300);
	in[0] = (struct iovec){ buf, 150 };
	in[1] = (struct iovec){ buf + 150, 150 };
	msg = (struct msghdr){ .msg_name = &from,
			       .msg_namelen = sizeof(from),
			       .msg_iov = in,
			       .msg_iovlen = 2,
			       .msg_control = control,
			       .msg_controllen = sizeof(control),
			       .msg_flags = -1 };
	EQ(recvmsg(fd, &msg, MSG_WAITALL), 300);
	TRUE(same(buf, 0, 300));
	EQ(msg.msg_namelen, 0);
	EQ(msg.msg_controllen, 0);
	EQ(msg.msg_flags, 0);
}

void test_sendmmsg_recvmmsg(void)
{
	struct iovec out[3] = { part(0, 100), part(100, 50), part(150, 150) }, in[3];
	struct mmsghdr msgs[3] = { 0 };
	int fd = connected(place.echo);
	char buf[300];

	for (int i = 0; i < 3; i++) {
		msgs[i].msg_hdr.msg_iov = &out[i];
		msgs[i].msg_hdr.msg_iovlen = 1;
	}
	EQ(sendmmsg(fd, msgs, 3, 0), 3);
	TRUE(msgs[0].msg_len == 100 && msgs[1].msg_len == 50 && msgs[2].msg_len == 150);
	for (int i = 0; i < 3; i++) {
		in[i] = (struct iovec){ buf + i * 100, 100 };
		msgs[i].msg_hdr.msg_iov = &in[i];
	}
	EQ(recvmmsg(fd, msgs, 3, MSG_WAITALL, NULL), 3);
	TRUE(msgs[0].msg_len == 100 && msgs[1].msg_len == 100 && msgs[2].msg_len == 100);
	TRUE(same(buf, 0, 300));
	send_pattern(fd, 0, 10);
	wait_readable(fd, 10);
	EQ(recvmmsg(fd, msgs, 3, MSG_WAITFORONE, NULL), 1);
	EQ(msgs[0].msg_len, 10);
	FAILS(recvmmsg(fd, msgs, 3, MSG_DONTWAIT, NULL), EAGAIN);
}

void test_bad_pointers(void)
{
	char *bad = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int control = peer_open(), fd = peer_dial(control, "s", 0);

	FAILS(send(fd, bad, 10, 0), EFAULT);
	send_pattern(fd, 0, 10);
	peer_do(control, "recv s 10");
	peer_do(control, "send s 10");
	wait_readable(fd, 10);
	FAILS(recv(fd, bad, 10, 0), EFAULT);
	FAILS(recv(fd, bad, 10, MSG_PEEK), EFAULT);
	recv_pattern(fd, 0, 10);
}

void test_send_dontwait(void)
{
	int control = peer_open(), fd = peer_dial(control, "s", 4096);
	size_t sent = fill(fd, 0);
	long got = 0;

	TRUE(sent > 4096);
	/* Room comes back as the peer reads, and the stream goes on where it stopped. */
	for (int i = 0; i < 20; i++) {
		long some = (long)sent - got;

		got += peer_do(control, "recv s %ld", some);
		sent = fill(fd, sent);
	}
	MUST(close(fd));
	EQ(peer_do(control, "eof s"), (long)sent);
}

void test_send_more(void)
{
	int control = peer_open(), fd = peer_dial(control, "s", 0);

	for (size_t i = 0; i < 100; i++)
		EQ(send(fd, pattern(i * 10), 10, MSG_MORE), 10);
	EQ(send(fd, pattern(1000), 10, 0), 10);
	peer_do(control, "recv s 1010");
	EQ(send(fd, pattern(1010), 10, MSG_MORE), 10);
	MUST(close(fd));
	EQ(peer_do(control, "eof s"), 1020);
}
