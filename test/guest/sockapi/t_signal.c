/* SPDX-License-Identifier: BSD-3-Clause */
/* SIGPIPE, EINTR, SA_RESTART. */
#include <string.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sockapi.h"

void test_sigpipe_shut(void)
{
	int fd = connected(place.echo);
	char byte = 0;

	count_signal(SIGPIPE, 0);
	MUST(shutdown(fd, SHUT_WR));
	FAILS(send(fd, &byte, 1, 0), EPIPE);
	EQ(signals_seen, 1);
	FAILS(send(fd, &byte, 1, MSG_NOSIGNAL), EPIPE);
	EQ(signals_seen, 1);
	FAILS(write(fd, &byte, 1), EPIPE);
	EQ(signals_seen, 2);
}

void test_sigpipe_kills(void)
{
	pid_t pid = (pid_t)MUST(fork());
	int status;

	if (!pid) {
		int fd = connected(place.echo);

		MUST(shutdown(fd, SHUT_WR));
		_exit(write(fd, "x", 1) == 1 ? 1 : 2);
	}
	EQ(waitpid(pid, &status, 0), pid);
	TRUE(WIFSIGNALED(status));
	EQ(WTERMSIG(status), SIGPIPE);
}

void test_sigpipe_peer_gone(void)
{
	int control = peer_open(), fd = peer_dial(control, "s", 0);
	char byte = 0;

	count_signal(SIGPIPE, 0);
	peer_do(control, "close s");
	wait_events(fd, POLLIN);
	recv_end(fd);
	EQ(send(fd, &byte, 1, 0), 1);
	TRUE(wait_events(fd, 0) & POLLERR);
	EQ(signals_seen, 0);
	FAILS(send(fd, &byte, 1, 0), EPIPE);
	FAILS(send(fd, &byte, 1, 0), EPIPE);
	TRUE(signals_seen > 0);
	EQ(error_of(fd), 0);
}

/* Sends the signal to the sleeping call and waits until its handler has run. */
static void interrupt(struct job *job)
{
	job_asleep(job);
	job_signal(job, SIGUSR1);
	while (!signals_seen)
		sched_yield();
}

void test_eintr_recv(void)
{
	char byte;
	int control = peer_open(), fd = peer_dial(control, "s", 0);
	struct job job = { .call = job_recv, .fd = fd, .buf = &byte, .len = 1 };

	count_signal(SIGUSR1, 0);
	job_start(&job);
	interrupt(&job);
	job_join(&job);
	EQ(job.ret, -1);
	EQ(job.error, EINTR);
	peer_do(control, "send s 10");
	recv_pattern(fd, 0, 10);
}

void test_restart_recv(void)
{
	char byte;
	int control = peer_open(), fd = peer_dial(control, "s", 0);
	struct job job = { .call = job_recv, .fd = fd, .buf = &byte, .len = 1 };

	count_signal(SIGUSR1, SA_RESTART);
	job_start(&job);
	interrupt(&job);
	job_asleep(&job);
	peer_do(control, "send s 10");
	job_join(&job);
	EQ(job.ret, 1);
	EQ(byte, *pattern(0));
	EQ(signals_seen, 1);
}

void test_eintr_accept(void)
{
	int control = peer_open(), fd = listener(addr4(INADDR_ANY, 0), 0);
	struct job job = { .call = job_accept, .fd = fd };

	count_signal(SIGUSR1, 0);
	job_start(&job);
	interrupt(&job);
	job_join(&job);
	EQ(job.ret, -1);
	EQ(job.error, EINTR);
	peer_call(control, "s", fd);
}

void test_restart_accept(void)
{
	int control = peer_open(), fd = listener(addr4(INADDR_ANY, 0), 0);
	struct job job = { .call = job_accept, .fd = fd };

	count_signal(SIGUSR1, SA_RESTART);
	job_start(&job);
	interrupt(&job);
	job_asleep(&job);
	peer_do(control, "connect s %s %d", place.own_text, port_of(fd));
	job_join(&job);
	TRUE(job.ret >= 0);
	EQ(signals_seen, 1);
}

void test_eintr_send(void)
{
	enum { SIZE = 16 << 20 };
	int control = peer_open(), fd = peer_dial(control, "s", 4096);
	struct job job = { .call = job_send, .fd = fd, .buf = calloc(1, SIZE), .len = SIZE };
	unsigned char *data = job.buf;

	for (size_t i = 0; i < SIZE; i += 65536)
		memcpy(data + i, pattern(i), 65536);
	count_signal(SIGUSR1, SA_RESTART);
	job_start(&job);
	interrupt(&job);
	job_join(&job);
	TRUE(job.ret > 0 && job.ret < SIZE);
	MUST(close(fd));
	EQ(peer_do(control, "eof s"), job.ret);
}

void test_eintr_rcvtimeo(void)
{
	struct timeval time = { .tv_sec = 1000 };
	char byte;
	int fd = connected(place.echo);
	struct job job = { .call = job_recv, .fd = fd, .buf = &byte, .len = 1 };

	MUST(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time)));
	count_signal(SIGUSR1, SA_RESTART);
	job_start(&job);
	interrupt(&job);
	job_join(&job);
	EQ(job.ret, -1);
	EQ(job.error, EINTR);
}

static pid_t interrupted_by_child(void)
{
	pid_t parent = getpid(), pid = (pid_t)MUST(fork());

	if (!pid)
		for (;;) {
			kill(parent, SIGUSR1);
			sched_yield();
		}
	return pid;
}

void test_eintr_poll(void)
{
	int fd = connected(place.echo), ep = (int)MUST(epoll_create1(0));
	struct epoll_event event = { .events = EPOLLIN };
	struct job job = { .call = job_poll, .fd = fd, .events = POLLIN };
	pid_t pid;

	count_signal(SIGUSR1, SA_RESTART);
	job_start(&job);
	interrupt(&job);
	job_join(&job);
	EQ(job.ret, -1);
	EQ(job.error, EINTR);
	MUST(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event));
	pid = interrupted_by_child();
	FAILS(epoll_wait(ep, &event, 1, -1), EINTR);
	MUST(kill(pid, SIGKILL));
	send_pattern(fd, 0, 10);
	recv_pattern(fd, 0, 10);
}

void test_eintr_udp(void)
{
	char byte;
	int fd = bound(udp(0), addr4(INADDR_ANY, 0));
	struct job job = { .call = job_recv, .fd = fd, .buf = &byte, .len = 1 };

	count_signal(SIGUSR1, 0);
	job_start(&job);
	interrupt(&job);
	job_join(&job);
	EQ(job.ret, -1);
	EQ(job.error, EINTR);
}
