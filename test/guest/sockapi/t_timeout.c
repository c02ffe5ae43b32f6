/* SPDX-License-Identifier: BSD-3-Clause */
/* SO_RCVTIMEO and SO_SNDTIMEO. */
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

#include "sockapi.h"

static void set(int fd, int name, long seconds, long microseconds)
{
	struct timeval time = { .tv_sec = seconds, .tv_usec = microseconds };

	MUST(setsockopt(fd, SOL_SOCKET, name, &time, sizeof(time)));
}

void test_timeout_recv(void)
{
	int control = peer_open(), fd = peer_dial(control, "s", 0);
	char byte;

	set(fd, SO_RCVTIMEO, 0, 50000);
	FAILS(recv(fd, &byte, 1, 0), EAGAIN);
	FAILS(read(fd, &byte, 1), EAGAIN);
	set(fd, SO_RCVTIMEO, 1000, 0);
	peer_do(control, "send s 10");
	recv_pattern(fd, 0, 10);
	peer_do(control, "shut s");
	recv_end(fd);
}

void test_timeout_accept(void)
{
	int control = peer_open(), fd = listener(addr4(INADDR_ANY, 0), 0);

	set(fd, SO_RCVTIMEO, 0, 50000);
	FAILS(accept(fd, NULL, NULL), EAGAIN);
	set(fd, SO_RCVTIMEO, 0, 0);
	peer_call(control, "s", fd);
}

void test_timeout_send(void)
{
	enum { SIZE = 4 << 20 };
	int control = peer_open(), fd = peer_dial(control, "s", 4096);
	char *data = calloc(1, SIZE);
	ssize_t n;

	option(fd, SOL_SOCKET, SO_SNDBUF, 20000);
	set(fd, SO_SNDTIMEO, 0, 50000);
	/* A send that has taken something says how much; one that has not: EAGAIN. */
	do {
		n = send(fd, data, SIZE, MSG_NOSIGNAL);
		TRUE(n < SIZE);
	} while (n > 0);
	FAILS(n, EAGAIN);
	peer_do(control, "reset s");
}

void test_timeout_udp(void)
{
	int fd = bound(udp(0), addr4(INADDR_ANY, 0));
	char byte;

	set(fd, SO_RCVTIMEO, 0, 50000);
	FAILS(recv(fd, &byte, 1, 0), EAGAIN);
}

void test_timeout_values(void)
{
	const int names[] = { SO_RCVTIMEO, SO_SNDTIMEO };
	int fd = tcp(0);

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct timeval time = { 9, 9 };
		socklen_t len = sizeof(time);

		MUST(getsockopt(fd, SOL_SOCKET, names[i], &time, &len));
		TRUE(time.tv_sec == 0 && time.tv_usec == 0 && len == sizeof(time));
		set(fd, names[i], 7, 0);
		MUST(getsockopt(fd, SOL_SOCKET, names[i], &time, &len));
		TRUE(time.tv_sec == 7 && time.tv_usec == 0);
		time.tv_usec = 1000000;
		FAILS(setsockopt(fd, SOL_SOCKET, names[i], &time, sizeof(time)), EDOM);
		FAILS(setsockopt(fd, SOL_SOCKET, names[i], &time, 4), EINVAL);
	}
}
