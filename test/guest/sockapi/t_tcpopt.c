/* SPDX-License-Identifier: BSD-3-Clause */
/* TCP's options. */
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "sockapi.h"

static int get(int fd, int name)
{
	return option_of(fd, IPPROTO_TCP, name);
}

static void refused(int fd, int name, int value)
{
	FAILS(setsockopt(fd, IPPROTO_TCP, name, &value, sizeof(value)), EINVAL);
}

static void values(int fd)
{
	const int names[] = { TCP_NODELAY, TCP_CORK };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		EQ(get(fd, names[i]), 0);
		option(fd, IPPROTO_TCP, names[i], 3);
		EQ(get(fd, names[i]), 1);
		option(fd, IPPROTO_TCP, names[i], 0);
		EQ(get(fd, names[i]), 0);
	}
	EQ(get(fd, TCP_KEEPIDLE), 7200);
	EQ(get(fd, TCP_KEEPINTVL), 75);
	EQ(get(fd, TCP_KEEPCNT), 9);
	option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 11);
	option(fd, IPPROTO_TCP, TCP_KEEPINTVL, 12);
	option(fd, IPPROTO_TCP, TCP_KEEPCNT, 13);
	option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	EQ(get(fd, TCP_KEEPIDLE), 11);
	EQ(get(fd, TCP_KEEPINTVL), 12);
	EQ(get(fd, TCP_KEEPCNT), 13);
}

void test_option_tcp(void)
{
	int fd = tcp(0);

	values(fd);
	refused(fd, TCP_KEEPIDLE, 0);
	refused(fd, TCP_KEEPIDLE, 32768);
	refused(fd, TCP_KEEPINTVL, 0);
	refused(fd, TCP_KEEPINTVL, 32768);
	refused(fd, TCP_KEEPCNT, 0);
	refused(fd, TCP_KEEPCNT, 128);
	EQ(get(fd, TCP_KEEPIDLE), 11);
}

void test_option_tcp_connected(void)
{
	int fd = connected(place.echo);

	values(fd);
	send_pattern(fd, 0, 1000);
	recv_pattern(fd, 0, 1000);
	fd = tcp(0);
	values(fd);
	MUST(connect(fd, sa(&place.echo), sizeof(place.echo)));
	EQ(get(fd, TCP_KEEPIDLE), 11);
	EQ(get(fd, TCP_KEEPINTVL), 12);
	EQ(get(fd, TCP_KEEPCNT), 13);
	EQ(option_of(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
}

void test_option_maxseg(void)
{
	int fd = tcp(0);

	EQ(get(fd, TCP_MAXSEG), 536);
	refused(fd, TCP_MAXSEG, 87);
	refused(fd, TCP_MAXSEG, 32768);
	option(fd, IPPROTO_TCP, TCP_MAXSEG, 1000);
	MUST(connect(fd, sa(&place.echo), sizeof(place.echo)));
	EQ(get(fd, TCP_MAXSEG), 1000 - 12); /* the timestamp option's room */
	send_pattern(fd, 0, 100000);
	recv_pattern(fd, 0, 100000);
}

void test_option_maxseg_connected(void)
{
	int fd = connected(place.echo);

	EQ(get(fd, TCP_MAXSEG), 1500 - 20 - 20 - 12);
}

static int state(int fd)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	memset(&info, 0xff, sizeof(info));
	MUST(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len));
	TRUE(len >= 104); /* through tcpi_total_retrans, all kernels' */
	return info.tcpi_state;
}

void test_option_info(void)
{
	int control = peer_open(), fd = tcp(SOCK_NONBLOCK), port;
	struct sockaddr_in to;
	char some[8];
	socklen_t len = sizeof(some);

	EQ(state(fd), TCP_CLOSE);
	EQ(state(listener(addr4(INADDR_ANY, 0), 0)), TCP_LISTEN);
	full_listener(control, &port);
	to = peer4(port);
	FAILS(connect(fd, sa(&to), sizeof(to)), EINPROGRESS);
	EQ(state(fd), TCP_SYN_SENT);
	fd = peer_dial(control, "s", 0);
	EQ(state(fd), TCP_ESTABLISHED);
	MUST(getsockopt(fd, IPPROTO_TCP, TCP_INFO, some, &len));
	EQ(len, 8);
	EQ(some[0], TCP_ESTABLISHED);
	peer_do(control, "shut s");
	wait_events(fd, POLLRDHUP);
	EQ(state(fd), TCP_CLOSE_WAIT);
	peer_do(control, "reset s");
	wait_events(fd, 0);
	EQ(state(fd), TCP_CLOSE);
	fd = peer_dial(control, "t", 0);
	MUST(shutdown(fd, SHUT_WR));
	EQ(peer_do(control, "eof t"), 0);
	while (state(fd) == TCP_FIN_WAIT1)
		sched_yield();
	EQ(state(fd), TCP_FIN_WAIT2);
}

void test_option_cork(void)
{
	int control = peer_open(), fd = peer_dial(control, "s", 0);

	option(fd, IPPROTO_TCP, TCP_CORK, 1);
	for (size_t i = 0; i < 50; i++)
		send_pattern(fd, i * 100, 100);
	option(fd, IPPROTO_TCP, TCP_CORK, 0);
	peer_do(control, "recv s 5000");
	option(fd, IPPROTO_TCP, TCP_CORK, 1);
	send_pattern(fd, 5000, 10);
	option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	peer_do(control, "recv s 10");
	send_pattern(fd, 5010, 10);
	MUST(shutdown(fd, SHUT_WR));
	EQ(peer_do(control, "eof s"), 5020);
}

void test_option_congestion(void)
{
	int fd = connected(place.echo);
	char name[16] = "";
	socklen_t len = sizeof(name);

	MUST(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &len));
	EQ(len, 16);
	TRUE(name[0] >= 'a' && name[0] <= 'z');
	FAILS(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "nonesuch", 8), ENOENT);
	MUST(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, (socklen_t)strlen(name)));
}
