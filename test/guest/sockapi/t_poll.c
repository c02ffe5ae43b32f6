/* SPDX-License-Identifier: BSD-3-Clause */
/* poll and select: exactly which events a socket has in which state. */
#include <sys/select.h>
#include <unistd.h>

#include "sockapi.h"

#define ALL  (POLLIN | POLLPRI | POLLOUT | POLLRDHUP)
#define GONE (POLLIN | POLLOUT | POLLRDHUP | POLLERR | POLLHUP)

static int wild(void)
{
	return listener(addr4(INADDR_ANY, 0), 0);
}

void test_poll_new(void)
{
	EQ(events_now(tcp(0), ALL), POLLOUT | POLLHUP);
	EQ(events_now(bound(tcp(0), own4(0)), ALL), POLLOUT | POLLHUP);
	EQ(events_now(tcp(0), 0), POLLHUP);
}

void test_poll_listener(void)
{
	int control = peer_open(), fd = wild();

	EQ(events_now(fd, ALL), 0);
	peer_do(control, "connect s %s %d", place.own_text, port_of(fd));
	EQ(wait_events(fd, ALL), POLLIN);
	accepted(fd);
	EQ(events_now(fd, ALL), 0);
}

void test_poll_connected(void)
{
	int control = peer_open(), fd = peer_dial(control, "s", 0);

	EQ(events_now(fd, ALL), POLLOUT);
	EQ(events_now(fd, POLLIN), 0);
	peer_do(control, "send s 10");
	EQ(wait_events(fd, POLLIN), POLLIN);
	EQ(events_now(fd, ALL), POLLIN | POLLOUT);
	recv_pattern(fd, 0, 10);
	EQ(events_now(fd, ALL), POLLOUT);
}

void test_poll_peer_shut(void)
{
	int control = peer_open(), fd = peer_dial(control, "s", 0);

	peer_do(control, "shut s");
	EQ(wait_events(fd, POLLIN | POLLRDHUP), POLLIN | POLLRDHUP);
	EQ(events_now(fd, ALL), POLLIN | POLLOUT | POLLRDHUP);
	recv_end(fd);
	EQ(events_now(fd, ALL), POLLIN | POLLOUT | POLLRDHUP);
}

void test_poll_own_shut(void)
{
	int fd = connected(place.echo);
	int control = peer_open();

	MUST(shutdown(fd, SHUT_RD));
	EQ(events_now(fd, ALL), POLLIN | POLLOUT | POLLRDHUP);
	fd = peer_dial(control, "s", 0);
	MUST(shutdown(fd, SHUT_WR));
	EQ(events_now(fd, ALL), POLLOUT);
	MUST(shutdown(fd, SHUT_RD));
	EQ(events_now(fd, ALL), POLLIN | POLLOUT | POLLRDHUP | POLLHUP);
}

void test_poll_hup(void)
{
	int control = peer_open(), fd = peer_dial(control, "s", 0);

	MUST(shutdown(fd, SHUT_WR));
	EQ(events_now(fd, ALL), POLLOUT);
	peer_do(control, "eof s");
	peer_do(control, "close s");
	EQ(wait_events(fd, POLLIN), POLLIN | POLLHUP);
	EQ(events_now(fd, ALL), POLLIN | POLLOUT | POLLRDHUP | POLLHUP);
	recv_end(fd);
}

void test_poll_reset(void)
{
	int control = peer_open(), fd = peer_dial(control, "s", 0);

	peer_do(control, "reset s");
	TRUE(wait_events(fd, 0) & POLLERR);
	EQ(events_now(fd, ALL), GONE);
	EQ(error_of(fd), ECONNRESET);
	EQ(events_now(fd, ALL), GONE & ~POLLERR);
}

void test_poll_full(void)
{
	int control = peer_open(), fd = peer_dial(control, "s", 4096);
	size_t sent = fill(fd, 0);
	struct job job = { .call = job_poll, .fd = fd, .events = POLLOUT };

	job_start(&job);
	peer_do(control, "recv s %zu", sent);
	job_join(&job);
	EQ(job.ret, 1);
	EQ(job.events, POLLOUT);
	EQ(send(fd, pattern(sent), 1, MSG_DONTWAIT), 1);
}

void test_poll_blocked(void)
{
	int control = peer_open(), fd = peer_dial(control, "s", 0);
	struct job job = { .call = job_poll, .fd = fd, .events = POLLIN };

	job_start(&job);
	job_asleep(&job);
	peer_do(control, "send s 10");
	job_join(&job);
	EQ(job.ret, 1);
	EQ(job.events, POLLIN);
	recv_pattern(fd, 0, 10);
	job.events = POLLRDHUP;
	job_start(&job);
	job_asleep(&job);
	peer_do(control, "shut s");
	job_join(&job);
	EQ(job.events, POLLRDHUP);
}

void test_poll_blocked_listener(void)
{
	int control = peer_open(), fd = wild();
	struct job job = { .call = job_poll, .fd = fd, .events = POLLIN };

	job_start(&job);
	job_asleep(&job);
	peer_do(control, "connect s %s %d", place.own_text, port_of(fd));
	job_join(&job);
	EQ(job.ret, 1);
	EQ(job.events, POLLIN);
	accepted(fd);
}

void test_poll_timeout(void)
{
	struct pollfd p = { .fd = connected(place.echo), .events = POLLIN };

	EQ(poll(&p, 1, 50), 0);
	EQ(p.revents, 0);
}

struct sets {
	fd_set in, out, except;
};

static long selected(int fd, struct sets *sets)
{
	FD_ZERO(&sets->in);
	FD_ZERO(&sets->out);
	FD_ZERO(&sets->except);
	FD_SET(fd, &sets->in);
	FD_SET(fd, &sets->out);
	FD_SET(fd, &sets->except);
	return MUST(select(fd + 1, &sets->in, &sets->out, &sets->except, NULL));
}

void test_select_sets(void)
{
	int control = peer_open(), fd = peer_dial(control, "s", 0);
	struct sets sets;

	EQ(selected(fd, &sets), 1);
	TRUE(FD_ISSET(fd, &sets.out) && !FD_ISSET(fd, &sets.in) && !FD_ISSET(fd, &sets.except));
	peer_do(control, "send s 10");
	wait_readable(fd, 10);
	EQ(selected(fd, &sets), 2);
	TRUE(FD_ISSET(fd, &sets.in));
	recv_pattern(fd, 0, 10);
	FD_CLR(fd, &sets.out);
	FD_SET(fd, &sets.in);
	peer_do(control, "reset s");
	EQ(select(fd + 1, &sets.in, NULL, NULL, NULL), 1);
	EQ(selected(fd, &sets), 2);
	TRUE(FD_ISSET(fd, &sets.in) && FD_ISSET(fd, &sets.out) && !FD_ISSET(fd, &sets.except));
	EQ(error_of(fd), ECONNRESET);
}
