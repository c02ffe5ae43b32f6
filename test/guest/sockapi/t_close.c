/* SPDX-License-Identifier: BSD-3-Clause */
/* close with bytes on their way, SO_LINGER, RST from the peer. */
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sockapi.h"

void test_close_pending(void)
{
	int control = peer_open(), fd = peer_dial(control, "s", 4096);
	size_t sent = fill(fd, 0);

	MUST(close(fd));
	EQ(peer_do(control, "eof s"), (long)sent);
}

/* A child with a connection full of bytes; tells how many over a pipe, then ends as it is told. */
static void child_pending(bool killed)
{
	int control = peer_open(), ends[2], status, port;
	size_t sent = 0;
	pid_t pid;

	port = (int)peer_do(control, "listen l 1 4096");
	MUST(pipe(ends));
	pid = (pid_t)MUST(fork());
	if (!pid) {
		sent = fill(connected(peer4(port)), 0);
		EQ(write(ends[1], &sent, sizeof(sent)), sizeof(sent));
		if (killed)
			pause();
		_exit(0);
	}
	EQ(read(ends[0], &sent, sizeof(sent)), sizeof(sent));
	if (killed)
		MUST(kill(pid, SIGKILL));
	EQ(waitpid(pid, &status, 0), pid);
	EQ(status, killed ? SIGKILL : 0);
	peer_do(control, "accept s l");
	EQ(peer_do(control, "eof s"), (long)sent);
}

void test_exit_pending(void)
{
	child_pending(false);
}

void test_kill_pending(void)
{
	child_pending(true);
}

void test_close_unread(void)
{
	int control = peer_open(), fd = peer_dial(control, "s", 0);

	peer_do(control, "send s 100");
	wait_readable(fd, 100);
	recv_pattern(fd, 0, 50);
	MUST(close(fd));
	peer_fails(control, "ECONNRESET", "eof s");
}

void test_linger_reset(void)
{
	struct linger linger = { 1, 0 };
	int control = peer_open(), fd = peer_dial(control, "s", 0);

	MUST(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	MUST(close(fd));
	peer_fails(control, "ECONNRESET", "eof s");
	fd = listener(addr4(INADDR_ANY, 0), 0);
	fd = peer_call(control, "t", fd);
	MUST(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	MUST(close(fd));
	peer_fails(control, "ECONNRESET", "eof t");
}

void test_linger_waits(void)
{
	struct linger linger = { 1, 1000 };
	int control = peer_open(), fd = peer_dial(control, "s", 4096);
	struct job job = { .call = job_close, .fd = fd };
	size_t sent = fill(fd, 0);

	MUST(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	job_start(&job);
	job_asleep(&job);
	EQ(peer_do(control, "eof s"), (long)sent);
	job_join(&job);
	EQ(job.ret, 0);
}

/* A connection that the peer has reset, and we know. */
static int reset(int control)
{
	int fd = peer_dial(control, "s", 0);

	peer_do(control, "reset s");
	TRUE(wait_events(fd, 0) & POLLERR);
	return fd;
}

void test_peer_reset(void)
{
	int control = peer_open(), fd = reset(control);
	char byte = 0;

	FAILS(recv(fd, &byte, 1, 0), ECONNRESET);
	recv_end(fd);
	FAILS(send(fd, &byte, 1, MSG_NOSIGNAL), EPIPE);
	EQ(error_of(fd), 0);
	FAILS(shutdown(fd, SHUT_WR), ENOTCONN);
}

void test_peer_reset_send(void)
{
	int control = peer_open(), fd = reset(control);
	char byte = 0;

	count_signal(SIGPIPE, 0);
	FAILS(send(fd, &byte, 1, 0), ECONNRESET);
	EQ(signals_seen, 0);
	FAILS(send(fd, &byte, 1, 0), EPIPE);
	EQ(signals_seen, 1);
	recv_end(fd);
}

void test_peer_reset_after_data(void)
{
	int control = peer_open(), fd = peer_dial(control, "s", 0), len;
	char byte;

	peer_do(control, "send s 100");
	wait_readable(fd, 100);
	peer_do(control, "reset s");
	TRUE(wait_events(fd, 0) & POLLERR);
	MUST(ioctl(fd, FIONREAD, &len));
	EQ(len, 100);
	recv_pattern(fd, 0, 100);
	FAILS(recv(fd, &byte, 1, 0), ECONNRESET);
	recv_end(fd);
}

void test_peer_reset_wakes_recv(void)
{
	int control = peer_open(), fd = peer_dial(control, "s", 0);
	char byte;
	struct job job = { .call = job_recv, .fd = fd, .buf = &byte, .len = 1 };

	job_start(&job);
	job_asleep(&job);
	peer_do(control, "reset s");
	job_join(&job);
	EQ(job.ret, -1);
	EQ(job.error, ECONNRESET);
}

void test_peer_reset_wakes_send(void)
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
	peer_do(control, "reset s");
	job_join(&job);
	TRUE(job.ret > 0 && job.ret < SIZE);
	FAILS(send(fd, &byte, 1, MSG_NOSIGNAL), ECONNRESET);
}

void test_so_error(void)
{
	int control = peer_open(), fd = reset(control);
	char byte;

	EQ(error_of(fd), ECONNRESET);
	EQ(error_of(fd), 0);
	EQ(wait_events(fd, 0), POLLHUP);
	EQ(recv(fd, &byte, 1, 0), 0);
	FAILS(send(fd, &byte, 1, MSG_NOSIGNAL), EPIPE);
}
