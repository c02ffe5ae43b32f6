/* SPDX-License-Identifier: BSD-3-Clause */
/* The flags of recv. */
#include <netinet/tcp.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "sockapi.h"

static bool same(const void *buf, size_t offset, size_t len)
{
	return !memcmp(buf, pattern(offset), len);
}

/* A connection with @len bytes of the peer's ready to be read. */
static int with_data(int control, int len)
{
	int fd = peer_dial(control, "s", 0);

	peer_do(control, "send s %d", len);
	wait_readable(fd, len);
	return fd;
}

void test_recv_peek(void)
{
	int control = peer_open(), fd = with_data(control, 100);
	char buf[200];

	EQ(recv(fd, buf, 40, MSG_PEEK), 40);
	TRUE(same(buf, 0, 40));
	EQ(recv(fd, buf, 200, MSG_PEEK), 100);
	TRUE(same(buf, 0, 100));
	recv_pattern(fd, 0, 50);
	EQ(recv(fd, buf, 10, MSG_PEEK), 10);
	TRUE(same(buf, 50, 10));
	peer_do(control, "shut s");
	recv_pattern(fd, 50, 50);
	EQ(recv(fd, buf, 10, MSG_PEEK), 0);
	EQ(recv(fd, buf, 10, 0), 0);
}

void test_recv_peek_waitall(void)
{
	int control = peer_open(), fd = with_data(control, 5000);
	char buf[6000];

	EQ(recv(fd, buf, 5000, MSG_PEEK | MSG_WAITALL), 5000);
	TRUE(same(buf, 0, 5000));
	EQ(recv(fd, buf, 6000, MSG_PEEK | MSG_DONTWAIT), 5000);
	EQ(recv(fd, buf, 6000, MSG_WAITALL | MSG_DONTWAIT), 5000);
	TRUE(same(buf, 0, 5000));
	FAILS(recv(fd, buf, 10, MSG_PEEK | MSG_DONTWAIT), EAGAIN);
}

void test_recv_waitall(void)
{
	char buf[50000];
	int control = peer_open(), fd = with_data(control, 10);
	struct job job = {
		.call = job_recv, .fd = fd, .buf = buf, .len = 50000, .flags = MSG_WAITALL
	};

	job_start(&job);
	job_asleep(&job);
	peer_do(control, "send s 10");
	peer_do(control, "send s 49980");
	job_join(&job);
	EQ(job.ret, 50000);
	TRUE(same(buf, 0, 50000));
}

void test_recv_waitall_end(void)
{
	int control = peer_open(), fd = with_data(control, 10);
	char buf[50];

	peer_do(control, "send s 10");
	peer_do(control, "shut s");
	EQ(recv(fd, buf, 50, MSG_WAITALL), 20);
	TRUE(same(buf, 0, 20));
	EQ(recv(fd, buf, 50, MSG_WAITALL), 0);
}

void test_recv_waitall_signal(void)
{
	char buf[50];
	int control = peer_open(), fd = with_data(control, 10);
	struct job job = {
		.call = job_recv, .fd = fd, .buf = buf, .len = 50, .flags = MSG_WAITALL
	};

	count_signal(SIGUSR1, SA_RESTART);
	job_start(&job);
	job_asleep(&job);
	job_signal(&job, SIGUSR1);
	job_join(&job);
	EQ(job.ret, 10);
	TRUE(same(buf, 0, 10));
	EQ(signals_seen, 1);
}

void test_recv_waitall_timeout(void)
{
	struct timeval time = { .tv_usec = 100000 };
	int control = peer_open(), fd = with_data(control, 10);
	char buf[50];

	MUST(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time)));
	EQ(recv(fd, buf, 50, MSG_WAITALL), 10);
	TRUE(same(buf, 0, 10));
	FAILS(recv(fd, buf, 50, MSG_WAITALL), EAGAIN);
}

void test_recv_dontwait(void)
{
	int control = peer_open(), fd = peer_dial(control, "s", 0);
	char buf[20];

	FAILS(recv(fd, buf, 20, MSG_DONTWAIT), EAGAIN);
	peer_do(control, "send s 10");
	wait_readable(fd, 10);
	EQ(recv(fd, buf, 20, MSG_DONTWAIT), 10);
	FAILS(recv(fd, buf, 20, MSG_DONTWAIT), EAGAIN);
	peer_do(control, "shut s");
	wait_events(fd, POLLIN);
	EQ(recv(fd, buf, 20, MSG_DONTWAIT), 0);
}

void test_recv_trunc(void)
{
	int control = peer_open(), fd = with_data(control, 100);

	EQ(recv(fd, NULL, 30, MSG_TRUNC), 30);
	recv_pattern(fd, 30, 10);
	EQ(recv(fd, NULL, 1000, MSG_TRUNC), 60);
	peer_do(control, "send s 10");
	recv_pattern(fd, 100, 10);
}

void test_recv_errqueue(void)
{
	int control = peer_open(), fd = with_data(control, 10);
	char buf[10];

	FAILS(recv(fd, buf, 10, MSG_ERRQUEUE), EAGAIN);
	recv_pattern(fd, 0, 10);
}

void test_recv_lowat(void)
{
	int control = peer_open(), fd = peer_dial(control, "s", 0);
	char buf[100];

	option(fd, SOL_SOCKET, SO_RCVLOWAT, 50);
	EQ(option_of(fd, SOL_SOCKET, SO_RCVLOWAT), 50);
	peer_do(control, "send s 20");
	wait_readable(fd, 20);
	EQ(events_now(fd, POLLIN), 0);
	peer_do(control, "send s 30");
	EQ(wait_events(fd, POLLIN), POLLIN);
	EQ(recv(fd, buf, 100, 0), 50);
	TRUE(same(buf, 0, 50));
	peer_do(control, "send s 20");
	wait_readable(fd, 20);
	peer_do(control, "shut s");
	EQ(recv(fd, buf, 100, 0), 20);
	recv_end(fd);
}

void test_recv_lowat_large(void)
{
	int control = peer_open(), fd = peer_dial(control, "s", 0), half = PATTERN_MAX * 4;

	option(fd, SOL_SOCKET, SO_RCVLOWAT, 2 * half);
	EQ(option_of(fd, SOL_SOCKET, SO_RCVLOWAT), 2 * half);
	for (size_t turn = 0; turn < 2; turn++) {
		peer_do(control, "send s %d", half);
		wait_readable(fd, half);
		EQ(events_now(fd, POLLIN), 0);
		peer_do(control, "send s %d", half);
		EQ(wait_events(fd, POLLIN), POLLIN);
		wait_readable(fd, 2 * half);
		for (size_t at = 0; at < 2 * (size_t)half; at += PATTERN_MAX)
			recv_pattern(fd, turn * 2 * (size_t)half + at, PATTERN_MAX);
	}
}

void test_recv_lowat_window(void)
{
	int control = peer_open(), fd = tcp(0);
	struct sockaddr_in to = peer4((int)peer_do(control, "listen dial 4 0"));
	char byte;

	option(fd, SOL_SOCKET, SO_RCVBUF, 16384);
	option(fd, SOL_SOCKET, SO_RCVLOWAT, 1 << 24);
	MUST(connect(fd, sa(&to), sizeof(to)));
	peer_do(control, "accept s dial");
	peer_tell(control, "send s %d", PATTERN_MAX);
	EQ(wait_events(fd, POLLIN), POLLIN);
	EQ(recv(fd, &byte, 1, MSG_PEEK), 1);
	option(fd, SOL_SOCKET, SO_RCVLOWAT, 1);
	recv_pattern(fd, 0, PATTERN_MAX);
	EQ(peer_hear(control).number, PATTERN_MAX);
}
