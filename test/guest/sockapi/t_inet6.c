/* SPDX-License-Identifier: BSD-3-Clause */
/* AF_INET6 sockets that speak IPv4 (RFC 3493, 3.7): mapped addresses, dual-stack listeners. */
#include <arpa/inet.h>
#include <string.h>
#include <unistd.h>

#include "sockapi.h"

static const struct sockaddr_in6 any6 = { .sin6_family = AF_INET6 };

static int tcp6(int flags)
{
	return (int)MUST(socket(AF_INET6, SOCK_STREAM | flags, 0));
}

static struct sockaddr_in6 any6_at(int port)
{
	struct sockaddr_in6 addr = any6;

	addr.sin6_port = htons((uint16_t)port);
	return addr;
}

static int try_bind(int fd, struct sockaddr_in6 addr)
{
	return bind(fd, sa(&addr), sizeof(addr));
}

static int try_connect(int fd, struct sockaddr_in addr)
{
	struct sockaddr_in6 six = mapped(&addr);

	return connect(fd, sa(&six), sizeof(six));
}

static int dual(void)
{
	int fd = tcp6(0);

	option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
	MUST(try_bind(fd, any6));
	MUST(listen(fd, 8));
	return fd;
}

void test_inet6_connect(void)
{
	int control = peer_open(), fd = tcp6(0);
	int port = (int)peer_do(control, "listen l 1 0");
	struct sockaddr_in to = peer4(port), from;
	struct sockaddr_in6 to6 = mapped(&to), from6;
	struct answer seen;

	MUST(try_connect(fd, to));
	seen = peer_ask(control, "accept s l");
	EQ(strcmp(seen.host, place.own_text), 0);
	from = own4(seen.port);
	from6 = mapped(&from);
	sockname6_is(fd, &from6);
	peername6_is(fd, &to6);
	EQ(option_of(fd, SOL_SOCKET, SO_DOMAIN), AF_INET6);
	EQ(option_of(fd, SOL_SOCKET, SO_PROTOCOL), IPPROTO_TCP);
	send_pattern(fd, 0, 10000);
	peer_do(control, "recv s 10000");
	peer_do(control, "send s 10000");
	peer_do(control, "shut s");
	recv_pattern(fd, 0, 10000);
	recv_end(fd);
	FAILS(try_connect(fd, to), EISCONN);
}

void test_inet6_nonblocking(void)
{
	int control = peer_open(), fd = tcp6(SOCK_NONBLOCK), port = closed_port(control);

	FAILS(try_connect(fd, place.echo), EINPROGRESS);
	EQ(wait_events(fd, POLLIN | POLLOUT), POLLOUT);
	EQ(error_of(fd), 0);
	nonblock(fd, false);
	send_pattern(fd, 0, 10);
	recv_pattern(fd, 0, 10);
	FAILS(try_connect(tcp6(0), peer4(port)), ECONNREFUSED);
	fd = tcp6(SOCK_NONBLOCK);
	FAILS(try_connect(fd, peer4(port)), EINPROGRESS);
	TRUE(wait_events(fd, 0) & POLLERR);
	EQ(error_of(fd), ECONNREFUSED);
}

void test_inet6_listener(void)
{
	int control = peer_open(), fd = dual(), port = port_of(fd), conn;
	struct sockaddr_storage seen = { 0 };
	struct sockaddr_in6 wild = any6_at(port), from6, own6;
	struct sockaddr_in own = own4(port), from;
	socklen_t len = sizeof(seen);

	sockname6_is(fd, &wild);
	from = peer4(peer_ask(control, "connect s %s %d", place.own_text, port).port);
	from6 = mapped(&from);
	own6 = mapped(&own);
	conn = (int)MUST(accept4(fd, (struct sockaddr *)&seen, &len, SOCK_CLOEXEC));
	addr6_is(&seen, len, &from6);
	peername6_is(conn, &from6);
	sockname6_is(conn, &own6);
	peer_do(control, "send s 10000");
	peer_do(control, "shut s");
	recv_pattern(conn, 0, 10000);
	recv_end(conn);
	send_pattern(conn, 0, 10000);
	MUST(close(conn));
	EQ(peer_do(control, "eof s"), 10000);
}

void test_inet6_accept_options(void)
{
	int control = peer_open(), conn = peer_call(control, "s", dual());

	EQ(option_of(conn, SOL_SOCKET, SO_DOMAIN), AF_INET6);
	EQ(option_of(conn, SOL_SOCKET, SO_TYPE), SOCK_STREAM);
	EQ(option_of(conn, SOL_SOCKET, SO_PROTOCOL), IPPROTO_TCP);
	EQ(option_of(conn, SOL_SOCKET, SO_ACCEPTCONN), 0);
	EQ(option_of(conn, IPPROTO_IPV6, IPV6_V6ONLY), 0);
}

void test_inet6_v6only(void)
{
	int control = peer_open(), fd = tcp6(0), one = 1;
	struct sockaddr_in own = own4(0);

	EQ(option_of(fd, IPPROTO_IPV6, IPV6_V6ONLY), 0);
	option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	EQ(option_of(fd, IPPROTO_IPV6, IPV6_V6ONLY), 1);
	FAILS(try_connect(fd, place.echo), ENETUNREACH);
	FAILS(try_bind(fd, mapped(&own)), EINVAL);
	MUST(try_bind(fd, any6));
	FAILS(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)), EINVAL);
	MUST(listen(fd, 1));
	peer_fails(control, "ECONNREFUSED", "connect s %s %d", place.own_text, port_of(fd));
	listener(addr4(INADDR_ANY, port_of(fd)), 0);
	peer_do(control, "connect s %s %d", place.own_text, port_of(fd));
}

void test_inet6_bind(void)
{
	int control = peer_open(), fd = tcp6(0), port;
	struct sockaddr_in own = own4(0), foreign = peer4(0);
	struct sockaddr_in6 own6;

	FAILS(try_bind(fd, mapped(&foreign)), EADDRNOTAVAIL);
	MUST(try_bind(fd, mapped(&own)));
	port = port_of(fd);
	own = own4(port);
	own6 = mapped(&own);
	sockname6_is(fd, &own6);
	MUST(listen(fd, 1));
	FAILS(bind(tcp(0), sa(&own), sizeof(own)), EADDRINUSE);
	FAILS(try_bind(tcp6(0), any6_at(port)), EADDRINUSE);
	peer_call(control, "s", fd);
	fd = dual();
	own = own4(port_of(fd));
	FAILS(bind(tcp(0), sa(&own), sizeof(own)), EADDRINUSE);
	own = addr4(INADDR_ANY, port_of(fd));
	FAILS(bind(tcp(0), sa(&own), sizeof(own)), EADDRINUSE);
}

void test_inet6_loopback(void)
{
	struct sockaddr_in6 addr = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int server = tcp6(0), client = tcp6(0), conn;

	MUST(try_bind(server, addr));
	MUST(listen(server, 1));
	addr.sin6_port = htons((uint16_t)port_of(server));
	MUST(connect(client, sa(&addr), sizeof(addr)));
	conn = accepted(server);
	sockname6_is(conn, &addr);
	peername6_is(client, &addr);
	send_pattern(client, 0, 1000);
	recv_pattern(conn, 0, 1000);

	/* A dual-stack wildcard listener hears it, too. */
	server = dual();
	addr.sin6_port = htons((uint16_t)port_of(server));
	client = tcp6(0);
	MUST(connect(client, sa(&addr), sizeof(addr)));
	conn = accepted(server);
	sockname6_is(conn, &addr);
	send_pattern(conn, 0, 1000);
	recv_pattern(client, 0, 1000);
}

void test_inet6_names(void)
{
	struct sockaddr_in four = place.echo;
	struct sockaddr_in6 addr;
	socklen_t len = sizeof(addr);
	int fd = tcp6(0);

	sockname6_is(fd, &any6);
	FAILS(getpeername(fd, (struct sockaddr *)&addr, &len), ENOTCONN);
	FAILS(connect(fd, sa(&four), sizeof(four)), EINVAL);
	four.sin_family = AF_UNIX;
	addr = mapped(&place.echo);
	addr.sin6_family = AF_UNIX;
	FAILS(connect(fd, sa(&addr), sizeof(addr)), EAFNOSUPPORT);
	MUST(try_connect(fd, place.echo));
}

void test_inet6_udp(void)
{
	int fd = (int)MUST(socket(AF_INET6, SOCK_DGRAM, 0));
	struct sockaddr_in6 to = mapped(&place.control), own6;
	struct sockaddr_storage from = { 0 };
	struct sockaddr_in own;
	socklen_t len = sizeof(from);
	char buf[200];

	MUST(try_bind(fd, any6));
	EQ(sendto(fd, pattern(0), 100, 0, sa(&to), sizeof(to)), 100);
	EQ(recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&from, &len), 100);
	EQ(memcmp(buf, pattern(0), 100), 0);
	addr6_is(&from, len, &to);
	MUST(connect(fd, sa(&to), sizeof(to)));
	own = own4(port_of(fd));
	own6 = mapped(&own);
	sockname6_is(fd, &own6);
	peername6_is(fd, &to);
	EQ(send(fd, pattern(5), 50, 0), 50);
	EQ(recv(fd, buf, sizeof(buf), 0), 50);
	EQ(memcmp(buf, pattern(5), 50), 0);
	EQ(option_of(fd, SOL_SOCKET, SO_PROTOCOL), IPPROTO_UDP);
}
