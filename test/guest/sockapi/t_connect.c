/* SPDX-License-Identifier: BSD-3-Clause */
/* connect, in every state of the socket. */
#include <arpa/inet.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "sockapi.h"

#define GONE (POLLIN | POLLOUT | POLLRDHUP | POLLERR | POLLHUP)

static int try_connect(int fd, struct sockaddr_in addr)
{
	return connect(fd, sa(&addr), sizeof(addr));
}

static void works(int fd)
{
	nonblock(fd, false);
	send_pattern(fd, 0, 1000);
	recv_pattern(fd, 0, 1000);
}

void test_connect_blocking(void)
{
	int fd = tcp(0);

	EQ(try_connect(fd, place.echo), 0);
	works(fd);
}

void test_connect_nonblocking(void)
{
	int fd = tcp(SOCK_NONBLOCK);

	FAILS(try_connect(fd, place.echo), EINPROGRESS);
	EQ(wait_events(fd, POLLIN | POLLOUT | POLLRDHUP), POLLOUT);
	EQ(error_of(fd), 0);
	EQ(try_connect(fd, place.echo), 0);
	FAILS(try_connect(fd, place.echo), EISCONN);
	peername_is(fd, &place.echo);
	works(fd);
}

void test_connect_refused(void)
{
	int control = peer_open(), fd = tcp(0), port = closed_port(control);

	FAILS(try_connect(fd, peer4(port)), ECONNREFUSED);
	EQ(error_of(fd), 0);
	FAILS(try_connect(fd, peer4(port)), ECONNREFUSED);
	EQ(try_connect(fd, place.echo), 0);
	works(fd);
}

void test_connect_refused_listen(void)
{
	int control = peer_open(), fd = tcp(0), port = closed_port(control);

	FAILS(try_connect(fd, peer4(port)), ECONNREFUSED);
	bound(fd, addr4(INADDR_ANY, 0));
	MUST(listen(fd, 1));
	send_pattern(peer_call(control, "s", fd), 0, 10);
	peer_do(control, "recv s 10");
}

void test_connect_refused_nonblocking(void)
{
	int control = peer_open(), fd = tcp(SOCK_NONBLOCK);
	char byte;

	FAILS(try_connect(fd, peer4(closed_port(control))), EINPROGRESS);
	EQ(wait_events(fd, POLLIN | POLLOUT | POLLRDHUP), GONE);
	EQ(error_of(fd), ECONNREFUSED);
	EQ(error_of(fd), 0);
	EQ(events_now(fd, POLLIN | POLLOUT | POLLRDHUP), GONE & ~POLLERR);
	EQ(recv(fd, &byte, 1, 0), 0);
	FAILS(send(fd, &byte, 1, MSG_NOSIGNAL), EPIPE);
}

void test_connect_refused_again(void)
{
	int control = peer_open(), fd = tcp(SOCK_NONBLOCK), port = closed_port(control);

	FAILS(try_connect(fd, peer4(port)), EINPROGRESS);
	wait_events(fd, POLLOUT);
	FAILS(try_connect(fd, peer4(port)), ECONNREFUSED);
	FAILS(try_connect(fd, place.echo), EINPROGRESS);
	EQ(wait_events(fd, POLLIN | POLLOUT), POLLOUT);
	EQ(error_of(fd), 0);
	works(fd);

	fd = tcp(SOCK_NONBLOCK);
	FAILS(try_connect(fd, peer4(port)), EINPROGRESS);
	wait_events(fd, POLLOUT);
	EQ(error_of(fd), ECONNREFUSED);
	FAILS(try_connect(fd, place.echo), ECONNABORTED);
	FAILS(try_connect(fd, place.echo), EINPROGRESS);
	EQ(wait_events(fd, POLLIN | POLLOUT), POLLOUT);
	works(fd);
}

void test_connect_in_progress(void)
{
	int control = peer_open(), fd = tcp(SOCK_NONBLOCK), port;
	struct sockaddr_in own, name;
	socklen_t len = sizeof(name);
	char byte = 'x';

	full_listener(control, &port);
	FAILS(try_connect(fd, peer4(port)), EINPROGRESS);
	FAILS(try_connect(fd, peer4(port)), EALREADY);
	own = own4(port_of(fd));
	TRUE(own.sin_port != 0);
	sockname_is(fd, &own);
	FAILS(getpeername(fd, (struct sockaddr *)&name, &len), ENOTCONN);
	EQ(events_now(fd, POLLIN | POLLOUT | POLLRDHUP), 0);
	EQ(error_of(fd), 0);
	FAILS(send(fd, &byte, 1, MSG_NOSIGNAL), EAGAIN);
	FAILS(recv(fd, &byte, 1, 0), EAGAIN);
	FAILS(listen(fd, 1), EINVAL);
	peer_do(control, "accept s full");
	EQ(wait_events(fd, POLLIN | POLLOUT | POLLRDHUP), POLLOUT);
	EQ(peer_ask(control, "accept s full").port, port_of(fd));
	sockname_is(fd, &own);
	send_pattern(fd, 0, 10);
	peer_do(control, "recv s 10");
}

void test_connect_connected(void)
{
	int fd = connected(place.echo);

	FAILS(try_connect(fd, place.echo), EISCONN);
	FAILS(try_connect(fd, peer4(1)), EISCONN);
	works(fd);
}

void test_connect_arguments(void)
{
	struct sockaddr_in addr = place.echo;
	int fd = tcp(0);

	FAILS(connect(fd, sa(&addr), 8), EINVAL);
	FAILS(connect(fd, sa(&addr), 1), EINVAL);
	addr.sin_family = AF_INET6;
	FAILS(connect(fd, sa(&addr), sizeof(addr)), EAFNOSUPPORT);
	FAILS(try_connect(fd, addr4(0xe0000001, 80)), ENETUNREACH);
	EQ(try_connect(fd, place.echo), 0);
	works(fd);
}

/* What needs no answer from the network is said at once, and the socket is as it was. */
void test_connect_at_once(void)
{
	int a = tcp(0), b = tcp(SOCK_NONBLOCK);

	FAILS(try_connect(b, addr4(0xe0000001, 80)), ENETUNREACH);
	EQ(events_now(b, POLLIN | POLLOUT | POLLRDHUP), POLLOUT | POLLHUP);
	EQ(error_of(b), 0);
	option(a, SOL_SOCKET, SO_REUSEADDR, 1);
	option(b, SOL_SOCKET, SO_REUSEADDR, 1);
	bound(a, own4(0));
	bound(b, own4(port_of(a)));
	EQ(try_connect(a, place.echo), 0);
	FAILS(try_connect(b, place.echo), EADDRNOTAVAIL);
	EQ(error_of(b), 0);
	EQ(port_of(b), port_of(a));
	FAILS(try_connect(b, place.control), EINPROGRESS);
	EQ(wait_events(b, POLLOUT), POLLOUT);
	peername_is(b, &place.control);
}

void test_connect_same_tuple(void)
{
	int a = tcp(0), b = tcp(0);

	option(a, SOL_SOCKET, SO_REUSEADDR, 1);
	option(b, SOL_SOCKET, SO_REUSEADDR, 1);
	bound(a, own4(0));
	bound(b, own4(port_of(a)));
	EQ(try_connect(a, place.echo), 0);
	FAILS(try_connect(b, place.echo), EADDRNOTAVAIL);
	works(a);
}

void test_connect_unspec(void)
{
	struct sockaddr_in addr = { .sin_family = AF_UNSPEC };
	int control = peer_open(), fd = peer_dial(control, "s", 0);
	socklen_t len = sizeof(addr);

	MUST(connect(fd, sa(&addr), sizeof(addr)));
	peer_fails(control, "ECONNRESET", "eof s");
	FAILS(getpeername(fd, (struct sockaddr *)&addr, &len), ENOTCONN);
	EQ(try_connect(fd, place.echo), 0);
	works(fd);
}

static void disconnect(int fd)
{
	struct sockaddr_in addr = { .sin_family = AF_UNSPEC };

	MUST(connect(fd, sa(&addr), sizeof(addr)));
}

/* What bind chose stays; a port that it did not choose is only shown. */
void test_connect_unspec_names(void)
{
	const struct sockaddr_in any = addr4(INADDR_ANY, 0), own = own4(0);
	const struct sockaddr_in at[] = { any, own, addr4(INADDR_ANY, free_port()) };

	for (size_t i = 0; i < ARRAY_SIZE(at); i++) {
		struct sockaddr_in name = at[i];
		int fd = bound(tcp(0), at[i]);

		option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
		name.sin_port = htons((uint16_t)port_of(fd));
		EQ(try_connect(fd, place.echo), 0);
		works(fd);
		disconnect(fd);
		sockname_is(fd, &name);
		EQ(events_now(fd, POLLIN | POLLOUT | POLLRDHUP), POLLOUT | POLLERR | POLLHUP);
		EQ(error_of(fd), ECONNRESET);
		EQ(try_connect(fd, place.echo), 0);
		works(fd);
		if (at[i].sin_port)
			EQ(port_of(fd), ntohs(at[i].sin_port));
	}
}

void test_connect_unspec_unread(void)
{
	int control = peer_open(), fd = peer_dial(control, "s", 0);
	char byte;

	peer_do(control, "send s 1000");
	wait_readable(fd, 1000);
	disconnect(fd);
	FAILS(recv(fd, &byte, 1, 0), ECONNRESET);
	FAILS(recv(fd, &byte, 1, 0), ENOTCONN);
	FAILS(send(fd, &byte, 1, MSG_NOSIGNAL), EPIPE);
	EQ(try_connect(fd, place.echo), 0);
	works(fd);
}

void test_connect_unspec_listener(void)
{
	int control = peer_open(), fd = listener(addr4(INADDR_ANY, free_port()), 0);
	int port = port_of(fd);

	disconnect(fd);
	EQ(error_of(fd), 0);
	FAILS(accept(fd, NULL, NULL), EINVAL);
	peer_fails(control, "ECONNREFUSED", "connect s %s %d", place.own_text, port);
	MUST(listen(fd, 1));
	EQ(port_of(fd), port);
	peer_call(control, "s", fd);
	disconnect(fd);
	EQ(try_connect(fd, place.echo), 0);
	works(fd);
}

static struct job connecting(int control, int *port)
{
	struct job job = { .call = job_connect, .fd = tcp(0) };

	full_listener(control, port);
	job.addr = peer4(*port);
	return job;
}

static void completes(int control, int fd)
{
	peer_do(control, "accept s full");
	EQ(wait_events(fd, POLLIN | POLLOUT | POLLRDHUP), POLLOUT);
	EQ(error_of(fd), 0);
	EQ(peer_ask(control, "accept s full").port, port_of(fd));
	peer_do(control, "send s 10");
	recv_pattern(fd, 0, 10);
}

void test_connect_interrupted(void)
{
	int control = peer_open(), port;
	struct job job = connecting(control, &port);

	count_signal(SIGUSR1, 0);
	job_start(&job);
	job_asleep(&job);
	job_signal(&job, SIGUSR1);
	job_join(&job);
	EQ(job.ret, -1);
	EQ(job.error, EINTR);
	completes(control, job.fd);
	EQ(try_connect(job.fd, job.addr), 0);
	FAILS(try_connect(job.fd, job.addr), EISCONN);
}

void test_connect_restarted(void)
{
	int control = peer_open(), port;
	struct job job = connecting(control, &port);

	count_signal(SIGUSR1, SA_RESTART);
	job_start(&job);
	job_asleep(&job);
	job_signal(&job, SIGUSR1);
	while (!signals_seen)
		sched_yield();
	job_asleep(&job);
	peer_do(control, "accept s full");
	job_join(&job);
	EQ(job.ret, 0);
	EQ(signals_seen, 1);
	peer_do(control, "accept s full");
	send_pattern(job.fd, 0, 10);
	peer_do(control, "recv s 10");
}

void test_connect_timeout(void)
{
	struct timeval time = { .tv_usec = 100000 };
	int control = peer_open(), fd = tcp(0), port;

	full_listener(control, &port);
	MUST(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof(time)));
	FAILS(try_connect(fd, peer4(port)), EINPROGRESS);
	FAILS(try_connect(fd, peer4(port)), EALREADY);
	completes(control, fd);
}

void test_connect_shutdown(void)
{
	int control = peer_open(), port;
	struct job job = connecting(control, &port);

	job_start(&job);
	job_asleep(&job);
	MUST(shutdown(job.fd, SHUT_RDWR));
	job_join(&job);
	EQ(job.ret, -1);
	EQ(job.error, ECONNRESET);
	EQ(try_connect(job.fd, place.echo), 0);
	works(job.fd);
}

void test_connect_close(void)
{
	int control = peer_open(), fd = tcp(SOCK_NONBLOCK), port;

	full_listener(control, &port);
	FAILS(try_connect(fd, peer4(port)), EINPROGRESS);
	MUST(close(fd));
	works(connected(place.echo));
}

void test_connect_peer_first(void)
{
	int control = peer_open(), fd;
	int port = (int)peer_do(control, "listen l 1 0");

	fd = connected(peer4(port));
	peer_do(control, "accept s l");
	peer_do(control, "send s 5000");
	peer_do(control, "close s");
	wait_events(fd, POLLRDHUP);
	recv_pattern(fd, 0, 5000);
	recv_end(fd);
}
