/* SPDX-License-Identifier: BSD-3-Clause */
/* Much data in both directions at the same time, each byte compared. */
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "sockapi.h"

enum { FLOWS = 4, SIZE = 3 << 20, CHUNK = 65536 };

struct flow {
	int fd;
	size_t start, size; /* of the pattern */
	size_t sent, got;
	bool shut, ended;
};

static char buf[CHUNK];

static bool write_some(struct flow *flow)
{
	size_t left = flow->size - flow->sent;
	ssize_t n = send(flow->fd, pattern(flow->start + flow->sent), left < CHUNK ? left : CHUNK,
			 MSG_NOSIGNAL);

	if (n < 0) {
		FAILS(n, EAGAIN);
		return false;
	}
	flow->sent += (size_t)n;
	if (flow->sent == flow->size) {
		MUST(shutdown(flow->fd, SHUT_WR));
		flow->shut = true;
	}
	return true;
}

static bool read_some(struct flow *flow)
{
	ssize_t n = recv(flow->fd, buf, sizeof(buf), 0);

	if (n < 0) {
		FAILS(n, EAGAIN);
		return false;
	}
	if (n == 0) {
		EQ(flow->got, flow->size);
		flow->ended = true;
		return false;
	}
	if (memcmp(buf, pattern(flow->start + flow->got), (size_t)n))
		check_failed("wrong bytes at %zu to %zu", flow->got, flow->got + (size_t)n);
	flow->got += (size_t)n;
	return true;
}

static void flow_start(struct flow *flow, int ep, int number, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = flow };

	*flow = (struct flow){ .start = (size_t)number * 1000, .size = SIZE };
	flow->fd = tcp(SOCK_NONBLOCK);
	if (connect(flow->fd, sa(&place.echo), sizeof(place.echo)))
		FAILS(-1, EINPROGRESS);
	MUST(epoll_ctl(ep, EPOLL_CTL_ADD, flow->fd, &event));
}

/* Edge triggered: as far as it goes; level triggered: one step. */
static void flow_step(struct flow *flow, uint32_t events, bool edge, int ep)
{
	struct epoll_event only_in = { .events = EPOLLIN, .data.ptr = flow };

	if (events & (EPOLLIN | EPOLLERR | EPOLLHUP))
		while (!flow->ended && read_some(flow) && edge)
			;
	if (events & EPOLLOUT)
		while (!flow->shut && write_some(flow) && edge)
			;
	if (flow->shut && !edge)
		MUST(epoll_ctl(ep, EPOLL_CTL_MOD, flow->fd, &only_in));
}

static void bulk(bool edge)
{
	uint32_t events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | (edge ? EPOLLET : 0);
	int ep = (int)MUST(epoll_create1(0)), open = FLOWS;
	struct flow flows[FLOWS];

	for (int i = 0; i < FLOWS; i++)
		flow_start(&flows[i], ep, i, events);
	while (open) {
		struct epoll_event ready[FLOWS];
		int n = (int)MUST(epoll_wait(ep, ready, FLOWS, -1));

		for (int i = 0; i < n; i++) {
			struct flow *flow = ready[i].data.ptr;

			flow_step(flow, ready[i].events, edge, ep);
			if (flow->ended) {
				MUST(close(flow->fd));
				open--;
			}
		}
	}
}

void test_bulk_level(void)
{
	bulk(false);
}

void test_bulk_edge(void)
{
	bulk(true);
}

void test_bulk_blocking(void)
{
	int fd = connected(place.echo);
	unsigned char *data = malloc(SIZE);
	struct job job = { .call = job_send, .fd = fd, .buf = data, .len = SIZE };

	for (size_t i = 0; i < SIZE; i += CHUNK)
		memcpy(data + i, pattern(i), CHUNK);
	job_start(&job);
	recv_pattern(fd, 0, SIZE);
	job_join(&job);
	EQ(job.ret, SIZE);
	MUST(shutdown(fd, SHUT_WR));
	recv_end(fd);
}

void test_bulk_small(void)
{
	int fd = connected(place.echo);

	for (size_t i = 0, at = 0; i < 200; i++) {
		size_t n = i % 50 + 1;

		send_pattern(fd, at, n);
		if (i % 3 == 0)
			send_pattern(fd, at + n, n);
		recv_pattern(fd, at, i % 3 == 0 ? 2 * n : n);
		at += i % 3 == 0 ? 2 * n : n;
	}
}

void test_bulk_slow_reader(void)
{
	int control = peer_open(), fd = peer_dial(control, "s", 8192);
	struct job job = { .call = job_send, .fd = fd, .len = SIZE };
	long got = 0;

	job.buf = malloc(SIZE);
	for (size_t i = 0; i < SIZE; i += CHUNK)
		memcpy((char *)job.buf + i, pattern(i), CHUNK);
	job_start(&job);
	for (long n = 1; got < SIZE; n = n * 3 / 2 + 1)
		got += peer_do(control, "recv s %ld", n < SIZE - got ? n : SIZE - got);
	job_join(&job);
	EQ(job.ret, SIZE);
}
