/* SPDX-License-Identifier: BSD-3-Clause */
/* shutdown, ours and the peer's. */
#include <stdlib.h>
#include <unistd.h>

#include "sockapi.h"

void test_shut_unconnected(void)
{
	int fd = tcp(0);

	FAILS(shutdown(fd, SHUT_WR), ENOTCONN);
	FAILS(shutdown(fd, SHUT_RDWR), ENOTCONN);
	FAILS(shutdown(connected(place.echo), 3), EINVAL);
	FAILS(shutdown(connected(place.echo), -1), EINVAL);
}

void test_shut_wr(void)
{
	int fd = connected(place.echo);

	send_pattern(fd, 0, 100000);
	MUST(shutdown(fd, SHUT_WR));
	recv_pattern(fd, 0, 100000);
	recv_end(fd);
	recv_end(fd);
}

void test_shut_rd(void)
{
	int control = peer_open(), fd = peer_dial(control, "s", 0);

	MUST(shutdown(fd, SHUT_RD));
	recv_end(fd);
	recv_end(fd);
	send_pattern(fd, 0, 1000);
	peer_do(control, "recv s 1000");
	MUST(close(fd));
	EQ(peer_do(control, "eof s"), 1000);
}

void test_shut_rd_then_data(void)
{
	int control = peer_open(), fd = peer_dial(control, "s", 0);

	MUST(shutdown(fd, SHUT_RD));
	recv_end(fd);
	peer_do(control, "send s 10");
	wait_readable(fd, 10);
	recv_pattern(fd, 0, 10);
	recv_end(fd);
}

void test_shut_rdwr(void)
{
	int control = peer_open(), fd = peer_dial(control, "s", 0);
	char byte = 0;

	send_pattern(fd, 0, 5000);
	MUST(shutdown(fd, SHUT_RDWR));
	EQ(peer_do(control, "eof s"), 5000);
	recv_end(fd);
	FAILS(send(fd, &byte, 1, MSG_NOSIGNAL), EPIPE);
}

void test_shut_twice(void)
{
	int control = peer_open(), fd = peer_dial(control, "s", 0);

	MUST(shutdown(fd, SHUT_WR));
	MUST(shutdown(fd, SHUT_WR));
	EQ(peer_do(control, "eof s"), 0);
	peer_do(control, "send s 10");
	recv_pattern(fd, 0, 10);
	MUST(shutdown(fd, SHUT_RDWR));
	MUST(shutdown(fd, SHUT_RD));
}

void test_shut_wr_pending(void)
{
	int control = peer_open(), fd = peer_dial(control, "s", 4096);
	size_t sent = fill(fd, 0);
	char byte = 0;

	MUST(shutdown(fd, SHUT_WR));
	FAILS(send(fd, &byte, 1, MSG_NOSIGNAL), EPIPE);
	EQ(peer_do(control, "eof s"), (long)sent);
	peer_do(control, "send s 100");
	recv_pattern(fd, 0, 100);
}

void test_shut_wakes_recv(void)
{
	const int how[] = { SHUT_RD, SHUT_RDWR };
	char byte;

	for (size_t i = 0; i < ARRAY_SIZE(how); i++) {
		struct job job = { .call = job_recv, .buf = &byte, .len = 1 };

		job.fd = connected(place.echo);
		job_start(&job);
		job_asleep(&job);
		MUST(shutdown(job.fd, how[i]));
		job_join(&job);
		EQ(job.ret, 0);
	}
}

void test_shut_wakes_accept(void)
{
	int control = peer_open(), port = free_port();
	int fd = listener(addr4(INADDR_ANY, port), 0);
	struct job job = { .call = job_accept, .fd = fd };

	job_start(&job);
	job_asleep(&job);
	MUST(shutdown(fd, SHUT_RD));
	job_join(&job);
	EQ(job.ret, -1);
	EQ(job.error, EINVAL);
	peer_fails(control, "ECONNREFUSED", "connect s %s %d", place.own_text, port);
	MUST(listen(fd, 1));
	EQ(port_of(fd), port);
	peer_call(control, "s", fd);
}

void test_shut_wakes_send(void)
{
	enum { SIZE = 16 << 20 };
	int control = peer_open(), fd = peer_dial(control, "s", 4096);
	struct job job = { .call = job_send,
			   .fd = fd,
			   .buf = calloc(1, SIZE),
			   .len = SIZE,
			   .flags = MSG_NOSIGNAL };
	char byte = 0;

	job_start(&job);
	job_asleep(&job);
	MUST(shutdown(fd, SHUT_WR));
	job_join(&job);
	TRUE(job.ret > 0 && job.ret < SIZE);
	FAILS(send(fd, &byte, 1, MSG_NOSIGNAL), EPIPE);
}

void test_shut_wakes_poll(void)
{
	int fd = connected(place.echo);
	struct job job = { .call = job_poll, .fd = fd, .events = POLLIN | POLLRDHUP };

	job_start(&job);
	job_asleep(&job);
	MUST(shutdown(fd, SHUT_RD));
	job_join(&job);
	EQ(job.ret, 1);
	EQ(job.events, POLLIN | POLLRDHUP);
}

void test_peer_shut(void)
{
	int control = peer_open(), fd = peer_dial(control, "s", 0);

	peer_do(control, "send s 1000");
	peer_do(control, "shut s");
	recv_pattern(fd, 0, 1000);
	recv_end(fd);
	recv_end(fd);
	send_pattern(fd, 0, 100000);
	peer_do(control, "recv s 100000");
	MUST(shutdown(fd, SHUT_WR));
	EQ(peer_do(control, "eof s"), 100000);
	recv_end(fd);
}
