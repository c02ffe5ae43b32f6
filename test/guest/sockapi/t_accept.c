/* SPDX-License-Identifier: BSD-3-Clause */
/* listen, accept, accept4. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sockapi.h"

static int wild(int flags)
{
	return listener(addr4(INADDR_ANY, 0), flags);
}

static struct answer call(int control, const char *name, int port)
{
	return peer_ask(control, "connect %s %s %d", name, place.own_text, port);
}

static void works(int control, const char *name, int fd)
{
	peer_do(control, "send %s 100", name);
	recv_pattern(fd, 0, 100);
	send_pattern(fd, 0, 200);
	peer_do(control, "recv %s 200", name);
}

void test_listen_unbound(void)
{
	int control = peer_open(), fd = tcp(0);

	MUST(listen(fd, 5));
	TRUE(port_of(fd) >= 1024);
	works(control, "s", peer_call(control, "s", fd));
}

void test_listen_wrong(void)
{
	int fd = wild(0), control = peer_open();

	FAILS(listen(connected(place.echo), 1), EINVAL);
	FAILS(listen(udp(0), 1), EOPNOTSUPP);
	FAILS(listen(bound(udp(0), addr4(INADDR_ANY, 0)), 1), EOPNOTSUPP);
	MUST(listen(fd, 1));
	MUST(listen(fd, 100));
	works(control, "s", peer_call(control, "s", fd));
}

void test_listener_is_no_stream(void)
{
	int fd = wild(0);
	char byte = 0;

	FAILS(send(fd, &byte, 1, MSG_NOSIGNAL), EPIPE);
	FAILS(recv(fd, &byte, 1, 0), ENOTCONN);
	FAILS(connect(fd, sa(&place.echo), sizeof(place.echo)), EISCONN);
}

void test_listener_closed(void)
{
	int control = peer_open(), fd = wild(0), port = port_of(fd), conn;

	conn = peer_call(control, "s", fd);
	MUST(close(fd));
	peer_fails(control, "ECONNREFUSED", "connect t %s %d", place.own_text, port);
	works(control, "s", conn);
}

void test_listener_closed_pending(void)
{
	int control = peer_open(), fd = wild(0);

	peer_do(control, "connect s %s %d", place.own_text, port_of(fd));
	wait_events(fd, POLLIN);
	MUST(close(fd));
	peer_fails(control, "ECONNRESET", "eof s");
}

void test_listener_exit(void)
{
	int control = peer_open(), fd = tcp(0), port, status;
	pid_t pid;

	bound(fd, addr4(INADDR_ANY, 0));
	port = port_of(fd);
	MUST(close(fd));
	pid = (pid_t)MUST(fork());
	if (!pid) {
		listener(addr4(INADDR_ANY, port), 0);
		call(control, "s", port);
		_exit(0);
	}
	EQ(waitpid(pid, &status, 0), pid);
	EQ(status, 0);
	peer_fails(control, "ECONNRESET", "eof s");
	peer_fails(control, "ECONNREFUSED", "connect t %s %d", place.own_text, port);
}

void test_accept_address(void)
{
	int control = peer_open(), fd = wild(0), conn;
	struct sockaddr_storage seen = { 0 };
	struct sockaddr_in from;
	socklen_t len = sizeof(seen);

	from = peer4(call(control, "s", port_of(fd)).port);
	conn = (int)MUST(accept(fd, (struct sockaddr *)&seen, &len));
	addr_is(&seen, len, &from);
	works(control, "s", conn);

	from = peer4(call(control, "s", port_of(fd)).port);
	memset(&seen, 0xaa, sizeof(seen));
	len = 4;
	conn = (int)MUST(accept(fd, (struct sockaddr *)&seen, &len));
	EQ(len, sizeof(struct sockaddr_in));
	EQ(((unsigned char *)&seen)[4], 0xaa);
	EQ(memcmp(&seen, &from, 4), 0);
	peername_is(conn, &from);
}

void test_accept_not_listening(void)
{
	FAILS(accept(tcp(0), NULL, NULL), EINVAL);
	FAILS(accept(bound(tcp(0), addr4(INADDR_ANY, 0)), NULL, NULL), EINVAL);
	FAILS(accept(connected(place.echo), NULL, NULL), EINVAL);
	FAILS(accept(udp(0), NULL, NULL), EOPNOTSUPP);
}

void test_accept4_flags(void)
{
	const int flags[] = { 0, SOCK_NONBLOCK, SOCK_CLOEXEC, SOCK_NONBLOCK | SOCK_CLOEXEC };
	int control = peer_open(), fd = wild(0);
	char byte;

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		int conn;

		call(control, "s", port_of(fd));
		conn = (int)MUST(accept4(fd, NULL, NULL, flags[i]));
		EQ(fcntl(conn, F_GETFD), flags[i] & SOCK_CLOEXEC ? FD_CLOEXEC : 0);
		EQ(fcntl(conn, F_GETFL), O_RDWR | (flags[i] & SOCK_NONBLOCK ? O_NONBLOCK : 0));
		if (flags[i] & SOCK_NONBLOCK)
			FAILS(recv(conn, &byte, 1, 0), EAGAIN);
	}
	FAILS(accept4(fd, NULL, NULL, 1), EINVAL);
}

void test_accept_nonblocking(void)
{
	int control = peer_open(), fd = wild(SOCK_NONBLOCK), conn;

	FAILS(accept(fd, NULL, NULL), EAGAIN);
	call(control, "s", port_of(fd));
	EQ(wait_events(fd, POLLIN | POLLOUT), POLLIN);
	conn = accepted(fd);
	EQ(fcntl(conn, F_GETFL), O_RDWR);
	FAILS(accept(fd, NULL, NULL), EAGAIN);
	works(control, "s", conn);
}

void test_accept_order(void)
{
	enum { N = 8 };
	int control = peer_open(), fd = wild(0);
	struct sockaddr_in from[N];
	char name[8] = "s";

	for (int i = 0; i < N; i++) {
		name[1] = (char)('0' + i);
		from[i] = peer4(call(control, name, port_of(fd)).port);
	}
	for (int i = 0; i < N; i++) {
		int conn = accepted(fd);

		name[1] = (char)('0' + i);
		peername_is(conn, &from[i]);
		works(control, name, conn);
	}
}

void test_accept_blocked(void)
{
	int control = peer_open(), fd = wild(0);
	struct job job = { .call = job_accept, .fd = fd };

	job_start(&job);
	job_asleep(&job);
	call(control, "s", port_of(fd));
	job_join(&job);
	works(control, "s", (int)MUST(job.ret));
}

void test_accept_two_threads(void)
{
	int control = peer_open(), fd = wild(0), first, second;
	struct job a = { .call = job_accept, .fd = fd }, b = a;

	job_start(&a);
	job_start(&b);
	job_asleep(&a);
	job_asleep(&b);
	call(control, "s", port_of(fd));
	call(control, "t", port_of(fd));
	job_join(&a);
	job_join(&b);
	first = (int)MUST(a.ret);
	second = (int)MUST(b.ret);
	peer_do(control, "send s 10");
	peer_do(control, "send t 10");
	recv_pattern(first, 0, 10);
	recv_pattern(second, 0, 10);
}

void test_accept_reset(void)
{
	int control = peer_open(), fd = wild(0), conn;
	struct answer from = call(control, "s", port_of(fd));
	struct sockaddr_in own = own4(port_of(fd));
	struct sockaddr_storage seen = { 0 };
	struct sockaddr_in wanted = peer4(from.port);
	socklen_t len = sizeof(seen);
	char byte;

	wait_events(fd, POLLIN);
	peer_do(control, "reset s");
	conn = (int)MUST(accept(fd, (struct sockaddr *)&seen, &len));
	addr_is(&seen, len, &wanted);
	sockname_is(conn, &own);
	FAILS(recv(conn, &byte, 1, 0), ECONNRESET);
	EQ(recv(conn, &byte, 1, 0), 0);
}

void test_accept_data_before(void)
{
	int control = peer_open(), fd = wild(0), conn;

	call(control, "s", port_of(fd));
	peer_do(control, "send s 30000");
	peer_do(control, "shut s");
	conn = accepted(fd);
	recv_pattern(conn, 0, 30000);
	recv_end(conn);
	send_pattern(conn, 0, 30000);
	MUST(close(conn));
	EQ(peer_do(control, "eof s"), 30000);
}

void test_accept_inherits(void)
{
	int control = peer_open(), fd = wild(0), conn;
	struct linger linger = { 1, 5 };
	socklen_t len = sizeof(linger);

	option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 99);
	option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	option(fd, SOL_SOCKET, SO_RCVBUF, 30000);
	option(fd, SOL_SOCKET, SO_SNDBUF, 40000);
	MUST(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	conn = peer_call(control, "s", fd);
	linger = (struct linger){ 0, 0 };
	EQ(option_of(conn, IPPROTO_TCP, TCP_NODELAY), 1);
	EQ(option_of(conn, IPPROTO_TCP, TCP_KEEPIDLE), 99);
	EQ(option_of(conn, SOL_SOCKET, SO_KEEPALIVE), 1);
	EQ(option_of(conn, SOL_SOCKET, SO_REUSEADDR), 1);
	EQ(option_of(conn, SOL_SOCKET, SO_RCVBUF), 60000);
	EQ(option_of(conn, SOL_SOCKET, SO_SNDBUF), 80000);
	MUST(getsockopt(conn, SOL_SOCKET, SO_LINGER, &linger, &len));
	TRUE(linger.l_onoff == 1 && linger.l_linger == 5);
	works(control, "s", conn);
}

void test_accept_options(void)
{
	int control = peer_open(), conn = peer_call(control, "s", wild(0));

	EQ(option_of(conn, SOL_SOCKET, SO_TYPE), SOCK_STREAM);
	EQ(option_of(conn, SOL_SOCKET, SO_DOMAIN), AF_INET);
	EQ(option_of(conn, SOL_SOCKET, SO_PROTOCOL), IPPROTO_TCP);
	EQ(option_of(conn, SOL_SOCKET, SO_ACCEPTCONN), 0);
	EQ(option_of(conn, SOL_SOCKET, SO_KEEPALIVE), 0);
	EQ(option_of(conn, IPPROTO_TCP, TCP_NODELAY), 0);
	EQ(error_of(conn), 0);
}

void test_accept_bad_fd_limit(void)
{
	int control = peer_open(), fd = wild(0);
	struct rlimit limit;
	int next = (int)MUST(dup(fd));

	MUST(close(next));
	call(control, "s", port_of(fd));
	wait_events(fd, POLLIN);
	MUST(getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = (rlim_t)next;
	MUST(setrlimit(RLIMIT_NOFILE, &limit));
	FAILS(accept(fd, NULL, NULL), EMFILE);
	limit.rlim_cur = limit.rlim_max;
	MUST(setrlimit(RLIMIT_NOFILE, &limit));
	works(control, "s", accepted(fd));
}
