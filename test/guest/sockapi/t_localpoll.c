/* SPDX-License-Identifier: BSD-3-Clause */
/* Who waits on a socket still waits on it after it has turned out to be local. */
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "sockapi.h"

static struct sockaddr_in loop4(int port)
{
	return addr4(INADDR_LOOPBACK, port);
}

static int watch(int fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.fd = fd };
	int ep = (int)MUST(epoll_create1(EPOLL_CLOEXEC));

	MUST(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event));
	return ep;
}

/* Reports until one has some of @events. */
static void until(int ep, uint32_t events)
{
	struct epoll_event event;

	do
		EQ(epoll_wait(ep, &event, 1, -1), 1);
	while (!(event.events & events));
}

static int quiet(int ep)
{
	struct epoll_event event;

	return (int)MUST(epoll_wait(ep, &event, 1, 0));
}

void test_local_epoll_connect(void)
{
	int server = listener(loop4(0), 0), fd = tcp(SOCK_NONBLOCK), conn;
	struct sockaddr_in to = loop4(port_of(server));
	int edge = watch(fd, EPOLLIN | EPOLLET), level = watch(fd, EPOLLIN | EPOLLRDHUP);

	quiet(edge);
	if (connect(fd, sa(&to), sizeof(to)))
		FAILS(-1, EINPROGRESS);
	wait_events(fd, POLLOUT);
	EQ(error_of(fd), 0);
	conn = accepted(server);
	while (quiet(edge))
		;
	for (size_t i = 0; i < 5; i++) {
		send_pattern(conn, i * 10, 10);
		until(edge, EPOLLIN);
		until(level, EPOLLIN);
		recv_pattern(fd, i * 10, 10);
		EQ(quiet(level), 0);
	}
	MUST(close(conn));
	until(edge, EPOLLIN);
	until(level, EPOLLRDHUP);
	recv_end(fd);
}

void test_local_epoll_listener(void)
{
	int control = peer_open(), server = listener(addr4(INADDR_ANY, 0), SOCK_NONBLOCK);
	int edge = watch(server, EPOLLIN | EPOLLET), level = watch(server, EPOLLIN);

	for (int i = 0; i < 4; i++) {
		EQ(quiet(level), 0);
		if (i % 2)
			peer_do(control, "connect s %s %d", place.own_text, port_of(server));
		else
			connected(loop4(port_of(server)));
		until(edge, EPOLLIN);
		until(level, EPOLLIN);
		accepted(server);
		FAILS(accept(server, NULL, NULL), EAGAIN);
	}
}

void test_local_poll_blocked(void)
{
	int server = listener(loop4(0), 0), fd = tcp(0), conn;
	struct sockaddr_in to = loop4(port_of(server));
	struct job job = { .call = job_poll, .fd = fd, .events = POLLIN };

	/* A new socket says POLLHUP at once; a bound epoll waits for more. */
	job_start(&job);
	job_join(&job);
	EQ(job.events, POLLHUP);
	MUST(connect(fd, sa(&to), sizeof(to)));
	conn = accepted(server);
	job.events = POLLIN;
	job_start(&job);
	job_asleep(&job);
	send_pattern(conn, 0, 10);
	job_join(&job);
	EQ(job.events, POLLIN);
	recv_pattern(fd, 0, 10);
}

/* accept() over and over, until the socket listens at last. */
static long job_accept_early(struct job *job)
{
	long fd;

	do
		fd = accept4(job->fd, NULL, NULL, SOCK_CLOEXEC);
	while (fd < 0 && (errno == EINVAL || errno == ECONNABORTED));
	return fd;
}

static void send_file(int fd, int file, size_t len)
{
	off_t from = 0;

	EQ(sendfile(fd, file, &from, len), len);
}

void test_local_accept_early(void)
{
	int file = (int)MUST(memfd_create("pattern", 0));

	EQ(write(file, pattern(0), 100), 100);
	for (int i = 0; i < 300; i++) {
		struct job job = { .call = job_accept_early, .fd = tcp(0) };
		struct sockaddr_in at = loop4(0);
		int client, conn;

		job_start(&job);
		MUST(bind(job.fd, sa(&at), sizeof(at)));
		MUST(listen(job.fd, 1));
		client = connected(loop4(port_of(job.fd)));
		job_join(&job);
		conn = (int)job.ret;
		TRUE(conn >= 0);
		at = loop4(port_of(job.fd));
		sockname_is(conn, &at);
		send_pattern(client, 0, 100);
		recv_pattern(conn, 0, 100);
		send_pattern(conn, 100, 100);
		recv_pattern(client, 100, 100);
		send_file(conn, file, 100);
		recv_pattern(client, 0, 100);
		close(client);
		recv_end(conn);
		close(conn);
		close(job.fd);
	}
}

/* poll() and accept() of a listener that comes and goes, until the end. */
static long job_accept_all(struct job *job)
{
	volatile int *end = job->buf;

	while (!*end) {
		int fd;

		events_now(job->fd, POLLIN);
		fd = accept4(job->fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			close(fd);
		else if (errno != EAGAIN && errno != EINVAL && errno != ECONNABORTED)
			return -1;
		shutdown(job->fd, SHUT_RD);
	}
	return 0;
}

void test_local_listen_unspec(void)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	volatile int end = 0;
	struct job job = { .call = job_accept_all,
			   .fd = tcp(SOCK_NONBLOCK),
			   .buf = (void *)(uintptr_t)&end };

	job_start(&job);
	for (int i = 0; i < 300; i++) {
		MUST(listen(job.fd, 1));
		MUST(connect(job.fd, &none, sizeof(none)));
	}
	end = 1;
	job_join(&job);
	EQ(job.ret, 0);
}

/* Nothing but shutdown(), until the end: it comes at every moment of a listen(). */
static long job_shutdown_all(struct job *job)
{
	volatile int *end = job->buf;

	while (!*end)
		if (shutdown(job->fd, SHUT_RD) < 0 && errno != ENOTCONN)
			return -1;
	return 0;
}

void test_local_listen_shutdown(void)
{
	volatile int end = 0;
	struct job job = { .call = job_shutdown_all,
			   .fd = tcp(SOCK_NONBLOCK),
			   .buf = (void *)(uintptr_t)&end };

	job_start(&job);
	for (int i = 0; i < 500; i++)
		MUST(listen(job.fd, 1));
	end = 1;
	job_join(&job);
	EQ(job.ret, 0);
}

/* A connection on the port is a reason against listening anew; then nobody listens. */
void test_local_listen_failed(void)
{
	int control = peer_open(), fd = listener(addr4(INADDR_ANY, free_port()), 0);
	int port = port_of(fd), conn = peer_call(control, "s", fd), client = tcp(0);
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	struct sockaddr_in at = loop4(port);

	MUST(connect(fd, &none, sizeof(none)));
	FAILS(listen(fd, 1), EADDRINUSE);
	FAILS(connect(client, sa(&at), sizeof(at)), ECONNREFUSED);
	MUST(close(conn));
}
