/* SPDX-License-Identifier: BSD-3-Clause */
/* What stays in the machine: 127.0.0.1, the own address, a wildcard listener's local clients. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sockapi.h"

static struct sockaddr_in loop4(int port)
{
	return addr4(INADDR_LOOPBACK, port);
}

static int try_connect(int fd, struct sockaddr_in addr)
{
	return connect(fd, sa(&addr), sizeof(addr));
}

/* Bytes both ways, and names that agree with each other. */
static void pair_works(int a, int b)
{
	struct sockaddr_in name;
	socklen_t len = sizeof(name);

	MUST(getsockname(a, (struct sockaddr *)&name, &len));
	peername_is(b, &name);
	len = sizeof(name);
	MUST(getpeername(a, (struct sockaddr *)&name, &len));
	sockname_is(b, &name);
	send_pattern(a, 0, 5000);
	recv_pattern(b, 0, 5000);
	send_pattern(b, 7, 5000);
	recv_pattern(a, 7, 5000);
}

static void serves(int server, struct sockaddr_in at)
{
	int client = connected(at), conn = accepted(server);

	peername_is(client, &at);
	sockname_is(conn, &at);
	pair_works(client, conn);
	MUST(close(client));
	recv_end(conn);
	MUST(close(conn));
}

void test_local_loopback(void)
{
	int server = listener(loop4(0), 0);
	struct sockaddr_in at = loop4(port_of(server));

	sockname_is(server, &at);
	serves(server, at);
	serves(server, at);
}

void test_local_own(void)
{
	int server = listener(own4(0), 0);

	serves(server, own4(port_of(server)));
	serves(server, own4(port_of(server)));
}

void test_local_any(void)
{
	int server = listener(addr4(INADDR_ANY, 0), 0), client, conn;
	struct sockaddr_in at = loop4(port_of(server));

	client = connected(addr4(INADDR_ANY, port_of(server)));
	conn = accepted(server);
	peername_is(client, &at);
	pair_works(client, conn);
}

void test_local_wildcard(void)
{
	int control = peer_open(), server = listener(addr4(INADDR_ANY, 0), 0);
	int port = port_of(server), clients[2];
	struct sockaddr_in own = own4(port), loop = loop4(port), name;
	int seen_own = 0, seen_loop = 0, seen_peer = 0;

	peer_do(control, "connect s %s %d", place.own_text, port);
	clients[0] = connected(own);
	clients[1] = connected(loop);
	for (int i = 0; i < 3; i++) {
		int conn = accepted(server);
		socklen_t len = sizeof(name);

		MUST(getpeername(conn, (struct sockaddr *)&name, &len));
		if (name.sin_addr.s_addr == place.echo.sin_addr.s_addr) {
			sockname_is(conn, &own);
			peer_do(control, "send s 10");
			recv_pattern(conn, 0, 10);
			seen_peer++;
		} else if (name.sin_addr.s_addr == place.own.s_addr) {
			sockname_is(conn, &own);
			pair_works(clients[0], conn);
			seen_own++;
		} else {
			sockname_is(conn, &loop);
			pair_works(clients[1], conn);
			seen_loop++;
		}
	}
	TRUE(seen_own == 1 && seen_loop == 1 && seen_peer == 1);
}

void test_local_wildcard_inet6(void)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6 }, name6;
	int control = peer_open(), server = (int)MUST(socket(AF_INET6, SOCK_STREAM, 0)), conn,
	    client;
	struct sockaddr_in at;

	MUST(bind(server, sa(&any), sizeof(any)));
	MUST(listen(server, 8));
	client = connected(loop4(port_of(server)));
	conn = accepted(server);
	at = loop4(port_of(server));
	name6 = mapped(&at);
	sockname6_is(conn, &name6);
	at = loop4(port_of(client));
	name6 = mapped(&at);
	peername6_is(conn, &name6);
	send_pattern(client, 0, 100);
	recv_pattern(conn, 0, 100);
	client = connected(own4(port_of(server)));
	conn = accepted(server);
	at = own4(port_of(client));
	name6 = mapped(&at);
	peername6_is(conn, &name6);
	peer_call(control, "s", server);
}

void test_local_wildcard_blocked(void)
{
	int server = listener(addr4(INADDR_ANY, 0), 0), client;
	struct job accepting = { .call = job_accept, .fd = server };
	struct job polling = { .call = job_poll, .fd = server, .events = POLLIN };

	job_start(&accepting);
	job_asleep(&accepting);
	client = connected(loop4(port_of(server)));
	job_join(&accepting);
	pair_works(client, (int)MUST(accepting.ret));
	job_start(&polling);
	job_asleep(&polling);
	client = connected(own4(port_of(server)));
	job_join(&polling);
	EQ(polling.events, POLLIN);
	pair_works(client, accepted(server));
}

void test_local_wildcard_closed(void)
{
	int control = peer_open(), server = listener(addr4(INADDR_ANY, 0), 0), client;
	int port = port_of(server);
	char byte;

	client = connected(loop4(port));
	peer_do(control, "connect s %s %d", place.own_text, port);
	MUST(close(server));
	FAILS(recv(client, &byte, 1, 0), ECONNRESET);
	peer_fails(control, "ECONNRESET", "eof s");
	FAILS(try_connect(tcp(0), loop4(port)), ECONNREFUSED);
	FAILS(try_connect(tcp(0), own4(port)), ECONNREFUSED);
	peer_fails(control, "ECONNREFUSED", "connect t %s %d", place.own_text, port);
}

void test_local_refused(void)
{
	int fd = bound(tcp(0), addr4(INADDR_ANY, 0)), port = port_of(fd);
	const struct sockaddr_in to[] = { loop4(port), own4(port) };

	MUST(close(fd));
	for (size_t i = 0; i < ARRAY_SIZE(to); i++) {
		FAILS(try_connect(tcp(0), to[i]), ECONNREFUSED);
		/* The local stack answers at once: the refusal may already be there. */
		fd = tcp(SOCK_NONBLOCK);
		if (try_connect(fd, to[i]) == -1 && errno == EINPROGRESS) {
			TRUE(wait_events(fd, POLLOUT) & POLLERR);
			EQ(error_of(fd), ECONNREFUSED);
		} else {
			FAILS(-1, ECONNREFUSED);
		}
		nonblock(fd, false);
		/* Refused here, welcome there: the same socket goes out. */
		fd = tcp(0);
		FAILS(try_connect(fd, to[i]), ECONNREFUSED);
		EQ(try_connect(fd, place.echo), 0);
		send_pattern(fd, 0, 10);
		recv_pattern(fd, 0, 10);
	}
}

void test_local_options(void)
{
	int server = listener(loop4(0), 0), fd = tcp(SOCK_CLOEXEC);
	struct timeval time = { .tv_sec = 7 };
	socklen_t len = sizeof(time);

	option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 55);
	option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	option(fd, SOL_SOCKET, SO_RCVBUF, 30000);
	MUST(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time)));
	MUST(try_connect(fd, loop4(port_of(server))));
	EQ(option_of(fd, IPPROTO_TCP, TCP_NODELAY), 1);
	EQ(option_of(fd, IPPROTO_TCP, TCP_KEEPIDLE), 55);
	EQ(option_of(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
	EQ(option_of(fd, SOL_SOCKET, SO_RCVBUF), 60000);
	EQ(option_of(fd, SOL_SOCKET, SO_PROTOCOL), IPPROTO_TCP);
	time.tv_sec = 0;
	MUST(getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, &len));
	EQ(time.tv_sec, 7);
	pair_works(fd, accepted(server));
}

void test_local_options_bound(void)
{
	int server = listener(loop4(0), 0), fd = bound(tcp(SOCK_CLOEXEC), addr4(INADDR_ANY, 0));
	struct timeval time = { .tv_sec = 7 };
	socklen_t len = sizeof(time);

	option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	MUST(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time)));
	MUST(try_connect(fd, loop4(port_of(server))));
	EQ(option_of(fd, IPPROTO_TCP, TCP_NODELAY), 1);
	EQ(option_of(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
	time.tv_sec = 0;
	MUST(getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, &len));
	EQ(time.tv_sec, 7);
	pair_works(fd, accepted(server));
}

void test_local_options_listener(void)
{
	int fd = bound(tcp(SOCK_CLOEXEC), addr4(INADDR_ANY, 0)), conn;

	option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	option(fd, SOL_SOCKET, SO_RCVBUF, 30000);
	MUST(listen(fd, 4));
	connected(loop4(port_of(fd)));
	conn = accepted(fd);
	EQ(option_of(conn, IPPROTO_TCP, TCP_NODELAY), 1);
	EQ(option_of(conn, SOL_SOCKET, SO_KEEPALIVE), 1);
	EQ(option_of(conn, SOL_SOCKET, SO_RCVBUF), 60000);
}

void test_local_async(void)
{
	int server = listener(loop4(0), 0), fd = tcp(SOCK_CLOEXEC), conn;
	struct timespec none = { 0 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	MUST(sigprocmask(SIG_BLOCK, &set, NULL));
	MUST(fcntl(fd, F_SETOWN, getpid()));
	MUST(fcntl(fd, F_SETFL, O_ASYNC));
	MUST(try_connect(fd, loop4(port_of(server))));
	conn = accepted(server);
	sigtimedwait(&set, NULL, &none); /* the connection's own */
	send_pattern(conn, 0, 10);
	EQ(sigwaitinfo(&set, NULL), SIGIO);
	recv_pattern(fd, 0, 10);
}

void test_local_dup(void)
{
	int server = listener(loop4(0), 0), fd = tcp(0), copy = (int)MUST(dup(fd)), conn;

	MUST(try_connect(fd, loop4(port_of(server))));
	conn = accepted(server);
	EQ(port_of(copy), port_of(fd));
	send_pattern(copy, 0, 10);
	recv_pattern(conn, 0, 10);
	MUST(close(fd));
	pair_works(copy, conn);
}

void test_local_bind_both(void)
{
	int control = peer_open(), a, port, b = tcp(0);
	struct sockaddr_in loop;

	/* A port may be an earlier connection's over 127.0.0.1, in TIME-WAIT. */
	do {
		a = bound(tcp(0), own4(0));
		port = port_of(a);
		loop = loop4(port);
	} while (bind(b, sa(&loop), sizeof(loop)) == -1 && errno == EADDRINUSE);
	EQ(port_of(b), port);
	MUST(listen(a, 4));
	MUST(listen(b, 4));
	serves(a, own4(port));
	serves(b, loop4(port));
	peer_call(control, "s", a);
}

void test_local_half_close(void)
{
	struct linger linger = { 1, 0 };
	int server = listener(loop4(0), 0), client = connected(loop4(port_of(server)));
	int conn = accepted(server);
	char byte;

	MUST(shutdown(client, SHUT_WR));
	recv_end(conn);
	EQ(events_now(conn, POLLIN | POLLRDHUP), POLLIN | POLLRDHUP);
	send_pattern(conn, 0, 1000);
	recv_pattern(client, 0, 1000);
	client = connected(loop4(port_of(server)));
	conn = accepted(server);
	MUST(setsockopt(client, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	MUST(close(client));
	FAILS(recv(conn, &byte, 1, 0), ECONNRESET);
}

void test_local_bulk(void)
{
	enum { SIZE = 8 << 20 };
	int server = listener(addr4(INADDR_ANY, 0), 0);
	int client = connected(loop4(port_of(server))), conn = accepted(server);
	pid_t pid = (pid_t)MUST(fork());

	if (!pid) {
		MUST(close(client));
		send_pattern(conn, 0, SIZE);
		MUST(close(conn));
		_exit(0);
	}
	MUST(close(conn));
	recv_pattern(client, 0, SIZE);
	recv_end(client);
}

void test_local_self_connect(void)
{
	int fd = bound(tcp(0), loop4(0));
	struct sockaddr_in self = loop4(port_of(fd));

	EQ(try_connect(fd, self), 0);
	sockname_is(fd, &self);
	peername_is(fd, &self);
	send_pattern(fd, 0, 100);
	recv_pattern(fd, 0, 100);
}
