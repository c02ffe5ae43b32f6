/* SPDX-License-Identifier: BSD-3-Clause */
/* A call that waits delays no other thread's call on the same socket. */
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "sockapi.h"

/* Everything that only looks, and options. */
static void look(int fd, int events)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);

	MUST(getsockname(fd, (struct sockaddr *)&addr, &len));
	EQ(events_now(fd, POLLIN | POLLOUT), events);
	EQ(error_of(fd), 0);
	option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	EQ(option_of(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
	nonblock(fd, false);
}

void test_thread_recv_blocked(void)
{
	int control = peer_open(), fd = peer_dial(control, "s", 0), waiting = -1;
	char byte;
	struct job job = { .call = job_recv, .fd = fd, .buf = &byte, .len = 1 };

	job_start(&job);
	job_asleep(&job);
	look(fd, POLLOUT);
	option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	MUST(ioctl(fd, FIONREAD, &waiting));
	EQ(waiting, 0);
	FAILS(recv(fd, &byte, 1, MSG_DONTWAIT), EAGAIN);
	send_pattern(fd, 0, 100000);
	peer_do(control, "recv s 100000");
	job_asleep(&job);
	peer_do(control, "send s 1");
	job_join(&job);
	EQ(job.ret, 1);
	EQ(byte, *pattern(0));
}

void test_thread_accept_blocked(void)
{
	int control = peer_open(), fd = listener(addr4(INADDR_ANY, 0), 0);
	struct job job = { .call = job_accept, .fd = fd };

	job_start(&job);
	job_asleep(&job);
	look(fd, 0);
	MUST(listen(fd, 10));
	EQ(option_of(fd, SOL_SOCKET, SO_ACCEPTCONN), 1);
	job_asleep(&job);
	peer_do(control, "connect s %s %d", place.own_text, port_of(fd));
	job_join(&job);
	TRUE(job.ret >= 0);
}

void test_thread_send_blocked(void)
{
	enum { SIZE = 16 << 20 };
	int control = peer_open(), fd = peer_dial(control, "s", 4096);
	struct job job = { .call = job_send,
			   .fd = fd,
			   .buf = calloc(1, SIZE),
			   .len = SIZE,
			   .flags = MSG_NOSIGNAL };
	int events;

	job_start(&job);
	job_asleep(&job);
	option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	EQ(error_of(fd), 0);
	port_of(fd);
	events = events_now(fd, POLLIN);
	EQ(events, 0);
	peer_do(control, "send s 1000");
	recv_pattern(fd, 0, 1000);
	job_asleep(&job);
	peer_do(control, "reset s");
	job_join(&job);
	TRUE(job.ret > 0 && job.ret < SIZE);
}

void test_thread_connect_blocked(void)
{
	int control = peer_open(), fd = tcp(0), port;
	struct job job = { .call = job_connect, .fd = fd };
	char byte = 0;

	full_listener(control, &port);
	job.addr = peer4(port);
	job_start(&job);
	job_asleep(&job);
	look(fd, 0);
	FAILS(recv(fd, &byte, 1, MSG_DONTWAIT), EAGAIN);
	FAILS(send(fd, &byte, 1, MSG_DONTWAIT | MSG_NOSIGNAL), EAGAIN);
	TRUE(port_of(fd) > 0);
	job_asleep(&job);
	peer_do(control, "accept s full");
	job_join(&job);
	EQ(job.ret, 0);
}

void test_thread_udp_blocked(void)
{
	int fd = bound(udp(0), addr4(INADDR_ANY, 0));
	char buf[20];
	struct job job = { .call = job_recv, .fd = fd, .buf = buf, .len = sizeof(buf) };

	job_start(&job);
	job_asleep(&job);
	look(fd, POLLOUT);
	FAILS(recv(fd, buf, 1, MSG_DONTWAIT), EAGAIN);
	job_asleep(&job);
	EQ(sendto(fd, pattern(0), 10, 0, sa(&place.control), sizeof(place.control)), 10);
	job_join(&job);
	EQ(job.ret, 10);
	EQ(memcmp(buf, pattern(0), 10), 0);
}

void test_thread_two_readers(void)
{
	int control = peer_open(), fd = peer_dial(control, "s", 0);
	char first[10], second[10];
	struct job a = { .call = job_recv, .fd = fd, .buf = first, .len = 10 };
	struct job b = { .call = job_recv, .fd = fd, .buf = second, .len = 10 };

	job_start(&a);
	job_start(&b);
	job_asleep(&a);
	job_asleep(&b);
	peer_do(control, "send s 20");
	job_join(&a);
	job_join(&b);
	EQ(a.ret, 10);
	EQ(b.ret, 10);
	TRUE((!memcmp(first, pattern(0), 10) && !memcmp(second, pattern(10), 10)) ||
	     (!memcmp(first, pattern(10), 10) && !memcmp(second, pattern(0), 10)));
}

void test_thread_dup_close(void)
{
	int control = peer_open(), fd = peer_dial(control, "s", 0), copy = (int)MUST(dup(fd));
	char byte;
	struct job job = { .call = job_recv, .fd = fd, .buf = &byte, .len = 1 };

	job_start(&job);
	job_asleep(&job);
	MUST(close(copy));
	send_pattern(fd, 0, 10);
	peer_do(control, "recv s 10");
	job_asleep(&job);
	peer_do(control, "send s 1");
	job_join(&job);
	EQ(job.ret, 1);
}

void test_thread_close_blocked(void)
{
	int control = peer_open(), fd = peer_dial(control, "s", 0);
	char byte;
	struct job job = { .call = job_recv, .fd = fd, .buf = &byte, .len = 1 };

	job_start(&job);
	job_asleep(&job);
	MUST(close(fd));
	job_asleep(&job);
	peer_do(control, "send s 1");
	job_join(&job);
	EQ(job.ret, 1);
	EQ(peer_do(control, "eof s"), 0);
}
