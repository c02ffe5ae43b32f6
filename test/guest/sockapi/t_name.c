/* SPDX-License-Identifier: BSD-3-Clause */
/* bind, getsockname, getpeername, SO_REUSEADDR. */
#include <arpa/inet.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sockapi.h"

static const uint32_t any = INADDR_ANY, loopback = INADDR_LOOPBACK;

static void no_peer(int fd)
{
	struct sockaddr_in addr;
	socklen_t len = sizeof(addr);

	FAILS(getpeername(fd, (struct sockaddr *)&addr, &len), ENOTCONN);
}

static int try_bind(int fd, struct sockaddr_in addr)
{
	return bind(fd, sa(&addr), sizeof(addr));
}

void test_name_unbound(void)
{
	struct sockaddr_in nothing = addr4(any, 0);
	int fd = tcp(0);

	sockname_is(fd, &nothing);
	EQ(port_of(fd), 0);
	no_peer(fd);
}

void test_name_lengths(void)
{
	void *bad = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = listener(addr4(any, 0), 0);
	unsigned char buf[64];
	socklen_t len = 4;

	memset(buf, 0xaa, sizeof(buf));
	MUST(getsockname(fd, (struct sockaddr *)buf, &len));
	EQ(len, sizeof(struct sockaddr_in));
	EQ(buf[3], port_of(fd) & 255);
	EQ(buf[4], 0xaa);
	len = sizeof(buf);
	MUST(getsockname(fd, (struct sockaddr *)buf, &len));
	EQ(len, sizeof(struct sockaddr_in));
	EQ(buf[sizeof(struct sockaddr_in)], 0xaa);
	len = (socklen_t)-1;
	FAILS(getsockname(fd, (struct sockaddr *)buf, &len), EINVAL);
	len = sizeof(buf);
	FAILS(getsockname(fd, bad, &len), EFAULT);
}

void test_name_connected(void)
{
	int control = peer_open(), fd = tcp(0);
	int port = (int)peer_do(control, "listen l 1 0");
	struct sockaddr_in to = peer4(port), own = own4(0);
	struct answer seen;

	MUST(connect(fd, sa(&to), sizeof(to)));
	seen = peer_ask(control, "accept s l");
	EQ(strcmp(seen.host, place.own_text), 0);
	own = own4(seen.port);
	sockname_is(fd, &own);
	peername_is(fd, &to);
}

void test_name_accepted(void)
{
	int control = peer_open(), fd = listener(addr4(any, 0), 0), conn;
	struct sockaddr_in own = own4(port_of(fd)), wild = addr4(any, port_of(fd)), from;
	struct answer seen;

	seen = peer_ask(control, "connect s %s %d", place.own_text, port_of(fd));
	conn = accepted(fd);
	sockname_is(conn, &own);
	from = peer4(seen.port);
	EQ(strcmp(seen.host, place.peer_text), 0);
	peername_is(conn, &from);
	sockname_is(fd, &wild);
	no_peer(fd);
}

void test_name_after_reset(void)
{
	int control = peer_open(), fd = peer_dial(control, "s", 0);
	struct sockaddr_in own = own4(port_of(fd));

	peer_do(control, "reset s");
	wait_events(fd, POLLRDHUP);
	no_peer(fd);
	sockname_is(fd, &own);
}

void test_name_after_peer_close(void)
{
	int control = peer_open();
	int port = (int)peer_do(control, "listen l 1 0");
	struct sockaddr_in to = peer4(port), own;
	int fd = connected(to);

	own = own4(port_of(fd));
	peer_do(control, "accept s l");
	peer_do(control, "close s");
	wait_events(fd, POLLRDHUP);
	recv_end(fd);
	peername_is(fd, &to);
	sockname_is(fd, &own);
}

void test_bind_port_zero(void)
{
	int fd = bound(tcp(0), addr4(any, 0)), port = port_of(fd), other;
	struct sockaddr_in wild = addr4(any, port), own;

	TRUE(port >= 1024);
	sockname_is(fd, &wild);
	FAILS(try_bind(fd, addr4(any, 0)), EINVAL);
	other = bound(tcp(0), own4(0));
	TRUE(port_of(other) >= 1024 && port_of(other) != port);
	own = own4(port_of(other));
	sockname_is(other, &own);
}

void test_bind_explicit(void)
{
	int fd = bound(tcp(0), addr4(any, 0)), port = port_of(fd);
	struct sockaddr_in own = own4(port);

	MUST(close(fd));
	fd = bound(tcp(0), own);
	sockname_is(fd, &own);
	MUST(listen(fd, 1));
	sockname_is(fd, &own);
}

void test_bind_in_use(void)
{
	int fd = listener(addr4(any, 0), 0), port = port_of(fd), own;

	FAILS(try_bind(tcp(0), addr4(any, port)), EADDRINUSE);
	FAILS(try_bind(tcp(0), own4(port)), EADDRINUSE);
	FAILS(try_bind(tcp(0), addr4(loopback, port)), EADDRINUSE);
	bound(udp(0), addr4(any, port));
	MUST(close(fd));
	own = bound(tcp(0), own4(port));
	FAILS(try_bind(tcp(0), addr4(any, port)), EADDRINUSE);
	FAILS(try_bind(tcp(0), own4(port)), EADDRINUSE);
	MUST(close(own));
	bound(tcp(0), addr4(any, port));
}

void test_bind_foreign(void)
{
	FAILS(try_bind(tcp(0), peer4(0)), EADDRNOTAVAIL);
	FAILS(try_bind(udp(0), peer4(0)), EADDRNOTAVAIL);
	bound(tcp(0), own4(0));
}

void test_bind_privileged(void)
{
	int fd = bound(tcp(0), own4(997));

	EQ(port_of(fd), 997);
	MUST(close(fd));
	MUST(seteuid(65534));
	FAILS(try_bind(tcp(0), own4(997)), EACCES);
	FAILS(try_bind(udp(0), own4(997)), EACCES);
	bound(tcp(0), own4(0));
	MUST(seteuid(0));
	bound(tcp(0), own4(997));
}

void test_bind_arguments(void)
{
	void *bad = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct sockaddr_in addr = own4(0);
	int fd = tcp(0);

	FAILS(bind(fd, sa(&addr), 8), EINVAL);
	FAILS(bind(fd, sa(&addr), 4096), EINVAL);
	FAILS(bind(fd, bad, sizeof(addr)), EFAULT);
	addr.sin_family = AF_UNIX;
	FAILS(bind(fd, sa(&addr), sizeof(addr)), EAFNOSUPPORT);
	addr.sin_family = AF_UNSPEC;
	FAILS(bind(fd, sa(&addr), sizeof(addr)), EAFNOSUPPORT);
	addr.sin_addr.s_addr = INADDR_ANY;
	MUST(bind(fd, sa(&addr), sizeof(addr)));
	TRUE(port_of(fd) > 0);
}

void test_bind_then_connect(void)
{
	int control = peer_open();
	int port = (int)peer_do(control, "listen l 4 0");
	struct sockaddr_in to = peer4(port), from[] = { addr4(any, 0), own4(0) }, own;
	struct answer seen;

	for (size_t i = 0; i < ARRAY_SIZE(from); i++) {
		int fd = bound(tcp(0), from[i]), chosen = port_of(fd);

		MUST(connect(fd, sa(&to), sizeof(to)));
		seen = peer_ask(control, "accept s l");
		EQ(strcmp(seen.host, place.own_text), 0);
		EQ(seen.port, chosen);
		own = own4(chosen);
		sockname_is(fd, &own);
	}
}

static int reusing(void)
{
	int fd = tcp(0);

	option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	return fd;
}

void test_reuse_two_binds(void)
{
	int a = bound(reusing(), addr4(any, 0)), port = port_of(a), b;

	b = bound(reusing(), addr4(any, port));
	FAILS(try_bind(tcp(0), addr4(any, port)), EADDRINUSE);
	MUST(listen(a, 1));
	FAILS(listen(b, 1), EADDRINUSE);
	FAILS(try_bind(reusing(), addr4(any, port)), EADDRINUSE);
}

void test_reuse_live_connection(void)
{
	int control = peer_open(), fd = bound(reusing(), addr4(any, 0)), port = port_of(fd);

	MUST(listen(fd, 1));
	peer_call(control, "s", fd);
	MUST(close(fd));
	FAILS(try_bind(tcp(0), addr4(any, port)), EADDRINUSE);
	fd = bound(reusing(), addr4(any, port));
	MUST(listen(fd, 1));
	peer_call(control, "t", fd);
}

/* Listening again is as binding again. */
void test_reuse_listen_again(void)
{
	int control = peer_open();

	for (int reuse = 0; reuse < 2; reuse++) {
		int fd = bound(reuse ? reusing() : tcp(0), addr4(any, free_port()));
		int port = port_of(fd);

		MUST(listen(fd, 1));
		peer_call(control, "s", fd);
		MUST(shutdown(fd, SHUT_RD));
		if (!reuse) {
			FAILS(listen(fd, 1), EADDRINUSE);
			continue;
		}
		MUST(listen(fd, 1));
		EQ(port_of(fd), port);
		peer_call(control, "t", fd);
	}
}

void test_reuse_time_wait(void)
{
	int control = peer_open(), fd = bound(reusing(), addr4(any, 0)), port = port_of(fd), conn;

	MUST(listen(fd, 1));
	conn = peer_call(control, "s", fd);
	MUST(close(fd));
	MUST(close(conn));
	peer_do(control, "eof s");
	peer_do(control, "close s");
	FAILS(try_bind(tcp(0), addr4(any, port)), EADDRINUSE);
	fd = bound(reusing(), addr4(any, port));
	MUST(listen(fd, 1));
	peer_call(control, "t", fd);
}

void test_reuseport_listeners(void)
{
	int a = tcp(0), b = tcp(0), control = peer_open();
	struct pollfd p[2];

	option(a, SOL_SOCKET, SO_REUSEPORT, 1);
	option(b, SOL_SOCKET, SO_REUSEPORT, 1);
	bound(a, addr4(any, 0));
	bound(b, addr4(any, port_of(a)));
	MUST(listen(a, 1));
	MUST(listen(b, 1));
	peer_do(control, "connect s %s %d", place.own_text, port_of(a));
	p[0] = (struct pollfd){ .fd = a, .events = POLLIN };
	p[1] = (struct pollfd){ .fd = b, .events = POLLIN };
	EQ(poll(p, 2, -1), 1);
	accepted(p[0].revents ? a : b);
}
