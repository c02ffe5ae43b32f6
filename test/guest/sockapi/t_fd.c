/* SPDX-License-Identifier: BSD-3-Clause */
/* Sockets as descriptors: duplicates, other processes, exec. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sockapi.h"

static void ends_well(pid_t pid)
{
	int status;

	EQ(waitpid(pid, &status, 0), pid);
	EQ(status, 0);
}

void test_fd_dup(void)
{
	int control = peer_open(), fd = peer_dial(control, "s", 0), copy = (int)MUST(dup(fd));

	nonblock(fd, true);
	EQ(fcntl(copy, F_GETFL), O_RDWR | O_NONBLOCK);
	nonblock(copy, false);
	send_pattern(fd, 0, 10);
	send_pattern(copy, 10, 10);
	peer_do(control, "recv s 20");
	MUST(close(fd));
	send_pattern(copy, 20, 10);
	peer_do(control, "send s 10");
	recv_pattern(copy, 0, 10);
	MUST(close(copy));
	EQ(peer_do(control, "eof s"), 30);
}

void test_fd_fork(void)
{
	int control = peer_open(), fd = peer_dial(control, "s", 0);
	pid_t pid;

	peer_do(control, "send s 100");
	pid = (pid_t)MUST(fork());
	if (!pid) {
		recv_pattern(fd, 0, 60);
		send_pattern(fd, 0, 10);
		_exit(0);
	}
	ends_well(pid);
	recv_pattern(fd, 60, 40);
	send_pattern(fd, 10, 10);
	peer_do(control, "recv s 20");
	/* A child that has closed its copy properly changes nothing, either. */
	pid = (pid_t)MUST(fork());
	if (!pid)
		_exit(close(fd));
	ends_well(pid);
	send_pattern(fd, 20, 10);
	MUST(close(fd));
	EQ(peer_do(control, "eof s"), 30);
}

void test_fd_fork_accept(void)
{
	int control = peer_open(), fd = listener(addr4(INADDR_ANY, 0), 0);
	pid_t pid = (pid_t)MUST(fork());

	if (!pid) {
		int conn = accepted(fd);

		send_pattern(conn, 0, 10);
		MUST(close(conn));
		_exit(0);
	}
	peer_do(control, "connect s %s %d", place.own_text, port_of(fd));
	EQ(peer_do(control, "eof s"), 10);
	ends_well(pid);
	peer_call(control, "t", fd);
}

static void pass(int channel, int fd)
{
	char space[CMSG_SPACE(sizeof(int))] = "", byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = space,
			      .msg_controllen = sizeof(space) };
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
	EQ(sendmsg(channel, &msg, 0), 1);
}

static int passed(int channel)
{
	char space[CMSG_SPACE(sizeof(int))] = "", byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = space,
			      .msg_controllen = sizeof(space) };
	int fd;

	EQ(recvmsg(channel, &msg, 0), 1);
	TRUE(CMSG_FIRSTHDR(&msg));
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
	return fd;
}

void test_fd_pass(void)
{
	int control = peer_open(), ends[2], fd, wild, port;
	pid_t pid;

	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	pid = (pid_t)MUST(fork());
	if (!pid) {
		fd = passed(ends[1]);
		recv_pattern(fd, 0, 10);
		send_pattern(fd, 0, 10);
		MUST(close(fd));
		fd = accepted(passed(ends[1]));
		send_pattern(fd, 0, 20);
		_exit(0);
	}
	MUST(close(ends[1]));
	fd = peer_dial(control, "s", 0);
	pass(ends[0], fd);
	MUST(close(fd));
	peer_do(control, "send s 10");
	EQ(peer_do(control, "eof s"), 10);
	wild = listener(addr4(INADDR_ANY, 0), 0);
	port = port_of(wild);
	pass(ends[0], wild);
	MUST(close(wild));
	peer_do(control, "connect t %s %d", place.own_text, port);
	EQ(peer_do(control, "eof t"), 20);
	ends_well(pid);
}

/* What the program says of its descriptor @fd after exec: see probe() in main.c. */
static int after_exec(int fd)
{
	char number[16];
	int status;
	pid_t pid;

	snprintf(number, sizeof(number), "%d", fd);
	pid = (pid_t)MUST(fork());
	if (!pid) {
		execl("/proc/self/exe", "sockapi", "--probe", number, NULL);
		_exit(9);
	}
	EQ(waitpid(pid, &status, 0), pid);
	TRUE(WIFEXITED(status));
	return WEXITSTATUS(status);
}

void test_fd_exec(void)
{
	int open = connected(place.echo), closed = tcp(SOCK_CLOEXEC);
	char buf[8];

	MUST(connect(closed, sa(&place.echo), sizeof(place.echo)));
	EQ(after_exec(open), 0);
	EQ(recv(open, buf, 4, MSG_WAITALL), 4);
	EQ(memcmp(buf, "exec", 4), 0);
	EQ(after_exec(closed), 1);
	MUST(fcntl(closed, F_SETFD, 0));
	EQ(after_exec(closed), 0);
	EQ(recv(closed, buf, 4, MSG_WAITALL), 4);
}

void test_fd_nonblock(void)
{
	int fd = tcp(SOCK_NONBLOCK | SOCK_CLOEXEC);
	char byte;

	EQ(fcntl(fd, F_GETFL), O_RDWR | O_NONBLOCK);
	EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	fd = connected(place.echo);
	EQ(fcntl(fd, F_GETFL), O_RDWR);
	EQ(fcntl(fd, F_GETFD), 0);
	nonblock(fd, true);
	FAILS(recv(fd, &byte, 1, 0), EAGAIN);
	nonblock(fd, false);
	send_pattern(fd, 0, 1);
	EQ(recv(fd, &byte, 1, 0), 1);
}

void test_fd_kind(void)
{
	int fd = connected(place.echo);
	struct stat st;

	MUST(fstat(fd, &st));
	TRUE(S_ISSOCK(st.st_mode));
	FAILS(lseek(fd, 0, SEEK_SET), ESPIPE);
	FAILS(fsync(fd), EINVAL);
	FAILS(ftruncate(fd, 0), EINVAL);
}

void test_fd_many(void)
{
	enum { N = 200 };
	int fds[N];

	for (size_t i = 0; i < N; i++) {
		fds[i] = connected(place.echo);
		send_pattern(fds[i], i, 100);
	}
	for (size_t i = 0; i < N; i++) {
		recv_pattern(fds[i], i, 100);
		send_pattern(fds[i], i + 1, 100);
	}
	for (size_t i = N; i-- > 0;) {
		recv_pattern(fds[i], i + 1, 100);
		MUST(close(fds[i]));
	}
}

void test_fd_reopen(void)
{
	int control = peer_open(), wild = listener(addr4(INADDR_ANY, 0), 0), first = tcp(0);

	MUST(close(first));
	for (int i = 0; i < 100; i++) {
		int fd = tcp(0);

		EQ(fd, first);
		MUST(close(fd));
		MUST(close(udp(0)));
		MUST(close(bound(tcp(0), addr4(INADDR_ANY, 0))));
		MUST(close(connected(place.echo)));
		if (i % 10 == 0)
			MUST(close(peer_call(control, "s", wild)));
	}
}
