/* SPDX-License-Identifier: BSD-3-Clause */
/* epoll, level and edge triggered. */
#include <sys/epoll.h>
#include <unistd.h>

#include "sockapi.h"

#define ALL  (EPOLLIN | EPOLLOUT | EPOLLRDHUP)
#define GONE (EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLERR | EPOLLHUP)

static int watch(int fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.fd = fd };
	int ep = (int)MUST(epoll_create1(EPOLL_CLOEXEC));

	MUST(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event));
	return ep;
}

static void again(int ep, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.fd = fd };

	MUST(epoll_ctl(ep, EPOLL_CTL_MOD, fd, &event));
}

/* The next report, when it comes. */
static uint32_t next(int ep)
{
	struct epoll_event event;

	EQ(epoll_wait(ep, &event, 1, -1), 1);
	return event.events;
}

/* The report of now; 0 for none. */
static uint32_t now(int ep)
{
	struct epoll_event event;

	return MUST(epoll_wait(ep, &event, 1, 0)) ? event.events : 0;
}

/* Reports until one has all of @events. */
static void until(int ep, uint32_t events)
{
	while ((next(ep) & events) != events)
		;
}

void test_epoll_level(void)
{
	int control = peer_open(), fd = peer_dial(control, "s", 0), ep = watch(fd, EPOLLIN);

	EQ(now(ep), 0);
	peer_do(control, "send s 10");
	for (int i = 0; i < 3; i++)
		EQ(next(ep), EPOLLIN);
	recv_pattern(fd, 0, 5);
	EQ(now(ep), EPOLLIN);
	recv_pattern(fd, 5, 5);
	EQ(now(ep), 0);
	again(ep, fd, EPOLLOUT);
	EQ(now(ep), EPOLLOUT);
	EQ(now(ep), EPOLLOUT);
}

void test_epoll_edge(void)
{
	int control = peer_open(), fd = peer_dial(control, "s", 0);
	int ep = watch(fd, EPOLLIN | EPOLLET);

	EQ(now(ep), 0);
	peer_do(control, "send s 10");
	EQ(next(ep), EPOLLIN);
	EQ(now(ep), 0);
	recv_pattern(fd, 0, 5);
	EQ(now(ep), 0);
	/* Not drained: new data is a new edge all the same. */
	peer_do(control, "send s 10");
	EQ(next(ep), EPOLLIN);
	EQ(now(ep), 0);
	recv_pattern(fd, 5, 15);
	EQ(now(ep), 0);
	peer_do(control, "send s 10");
	EQ(next(ep), EPOLLIN);
	recv_pattern(fd, 20, 10);
}

void test_epoll_edge_ready(void)
{
	int control = peer_open(), fd = peer_dial(control, "s", 0), ep;

	peer_do(control, "send s 10");
	wait_readable(fd, 10);
	ep = watch(fd, ALL | EPOLLET);
	EQ(now(ep), EPOLLIN | EPOLLOUT);
	EQ(now(ep), 0);
	again(ep, fd, EPOLLIN | EPOLLET);
	EQ(now(ep), EPOLLIN);
	EQ(now(ep), 0);
}

void test_epoll_edge_out(void)
{
	int control = peer_open(), fd = peer_dial(control, "s", 4096);
	int ep = watch(fd, EPOLLOUT | EPOLLET);
	size_t sent = 0, got = 0;

	EQ(now(ep), EPOLLOUT);
	EQ(now(ep), 0);
	for (int i = 0; i < 30; i++) {
		/* Full, and every report of room so far has been taken. */
		do
			sent = fill(fd, sent);
		while (now(ep));
		peer_do(control, "recv s %zu", sent - got);
		got = sent;
		EQ(next(ep), EPOLLOUT);
	}
	MUST(close(fd));
	EQ(peer_do(control, "eof s"), (long)sent);
}

void test_epoll_oneshot(void)
{
	int control = peer_open(), fd = peer_dial(control, "s", 0);
	int ep = watch(fd, EPOLLIN | EPOLLONESHOT);

	peer_do(control, "send s 10");
	EQ(next(ep), EPOLLIN);
	EQ(now(ep), 0);
	peer_do(control, "send s 10");
	wait_readable(fd, 20);
	EQ(now(ep), 0);
	again(ep, fd, EPOLLIN | EPOLLONESHOT);
	EQ(now(ep), EPOLLIN);
	EQ(now(ep), 0);
}

void test_epoll_rdhup(void)
{
	int control = peer_open(), fd = peer_dial(control, "s", 0);
	int ep = watch(fd, EPOLLIN | EPOLLRDHUP | EPOLLET);

	peer_do(control, "shut s");
	EQ(next(ep), EPOLLIN | EPOLLRDHUP);
	EQ(now(ep), 0);
	recv_end(fd);
	EQ(now(ep), 0);
	again(ep, fd, EPOLLRDHUP);
	EQ(now(ep), EPOLLRDHUP);
	EQ(now(ep), EPOLLRDHUP);
}

void test_epoll_hup(void)
{
	int control = peer_open(), fd = peer_dial(control, "s", 0);
	int ep = watch(fd, EPOLLIN | EPOLLET), level = watch(fd, 0);

	MUST(shutdown(fd, SHUT_WR));
	EQ(now(level), 0);
	peer_do(control, "eof s");
	peer_do(control, "close s");
	until(ep, EPOLLIN | EPOLLHUP);
	EQ(now(level), EPOLLHUP);
	EQ(now(level), EPOLLHUP);
}

void test_epoll_err(void)
{
	int control = peer_open(), fd = peer_dial(control, "s", 0);
	int ep = watch(fd, ALL | EPOLLET), level = watch(fd, 0);

	EQ(now(ep), EPOLLOUT);
	peer_do(control, "reset s");
	until(ep, GONE);
	EQ(now(level), EPOLLERR | EPOLLHUP);
	EQ(error_of(fd), ECONNRESET);
	EQ(now(level), EPOLLHUP);
}

void test_epoll_listener(void)
{
	int control = peer_open(), fd = listener(addr4(INADDR_ANY, 0), SOCK_NONBLOCK);
	int edge = watch(fd, EPOLLIN | EPOLLET), level = watch(fd, EPOLLIN);

	EQ(now(edge), 0);
	EQ(now(level), 0);
	peer_do(control, "connect s %s %d", place.own_text, port_of(fd));
	EQ(next(edge), EPOLLIN);
	EQ(now(edge), 0);
	peer_do(control, "connect t %s %d", place.own_text, port_of(fd));
	EQ(next(edge), EPOLLIN);
	EQ(next(level), EPOLLIN);
	accepted(fd);
	EQ(now(edge), 0);
	EQ(now(level), EPOLLIN);
	accepted(fd);
	EQ(now(level), 0);
	FAILS(accept(fd, NULL, NULL), EAGAIN);
	peer_do(control, "connect u %s %d", place.own_text, port_of(fd));
	EQ(next(edge), EPOLLIN);
	accepted(fd);
}

void test_epoll_before_connect(void)
{
	int control = peer_open(), fd = tcp(SOCK_NONBLOCK), port;
	int edge = watch(fd, ALL | EPOLLET), level = watch(fd, ALL);
	struct sockaddr_in to;

	EQ(now(edge), EPOLLOUT | EPOLLHUP);
	EQ(now(level), EPOLLOUT | EPOLLHUP);
	full_listener(control, &port);
	to = peer4(port);
	FAILS(connect(fd, sa(&to), sizeof(to)), EINPROGRESS);
	EQ(now(level), 0);
	EQ(now(edge), 0);
	peer_do(control, "accept s full");
	EQ(next(edge), EPOLLOUT);
	EQ(now(level), EPOLLOUT);
	EQ(error_of(fd), 0);
	peer_do(control, "accept s full");
	peer_do(control, "send s 10");
	EQ(next(edge), EPOLLIN | EPOLLOUT);
	recv_pattern(fd, 0, 10);
}

void test_epoll_refused(void)
{
	int control = peer_open(), fd = tcp(SOCK_NONBLOCK);
	struct sockaddr_in to = peer4(closed_port(control));
	int edge = watch(fd, ALL | EPOLLET), level = watch(fd, 0);

	EQ(now(edge), EPOLLOUT | EPOLLHUP);
	FAILS(connect(fd, sa(&to), sizeof(to)), EINPROGRESS);
	until(edge, GONE);
	EQ(now(level), EPOLLERR | EPOLLHUP);
	EQ(error_of(fd), ECONNREFUSED);
	EQ(now(level), EPOLLHUP);
}

void test_epoll_close(void)
{
	int control = peer_open(), fd = peer_dial(control, "s", 0), ep = watch(fd, EPOLLIN);

	peer_do(control, "send s 10");
	EQ(next(ep), EPOLLIN);
	MUST(close(fd));
	EQ(now(ep), 0);
}

void test_epoll_two(void)
{
	int control = peer_open(), fd = peer_dial(control, "s", 0);
	int a = watch(fd, EPOLLIN | EPOLLET), b = watch(fd, EPOLLIN | EPOLLET);

	for (size_t i = 0; i < 10; i++) {
		peer_do(control, "send s 10");
		EQ(next(a), EPOLLIN);
		EQ(next(b), EPOLLIN);
		recv_pattern(fd, i * 10, 10);
		EQ(now(a), 0);
		EQ(now(b), 0);
	}
}
