/* SPDX-License-Identifier: BSD-3-Clause */
/* Datagram sockets: names, connect, errors. */
#include <arpa/inet.h>
#include <string.h>
#include <unistd.h>

#include "sockapi.h"

static int try_connect(int fd, struct sockaddr_in addr)
{
	return connect(fd, sa(&addr), sizeof(addr));
}

static void send_to(int fd, struct sockaddr_in to, size_t len)
{
	EQ(sendto(fd, pattern(0), len, 0, sa(&to), sizeof(to)), len);
}

/* The next datagram: this long, the pattern's first bytes, from there. */
static void recv_from(int fd, struct sockaddr_in from, size_t len)
{
	static char buf[65536];
	struct sockaddr_storage seen = { 0 };
	socklen_t addrlen = sizeof(seen);

	wait_datagram(fd);
	EQ(recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&seen, &addrlen), len);
	EQ(memcmp(buf, pattern(0), len), 0);
	addr_is(&seen, addrlen, &from);
}

static void no_peer(int fd)
{
	struct sockaddr_in addr;
	socklen_t len = sizeof(addr);

	FAILS(getpeername(fd, (struct sockaddr *)&addr, &len), ENOTCONN);
}

static void disconnect(int fd)
{
	struct sockaddr_in none = { .sin_family = AF_UNSPEC };

	MUST(try_connect(fd, none));
}

/* A port of the peer's where no datagram is taken. */
static int closed_udp(int control)
{
	int port = (int)peer_do(control, "udp closed");

	peer_do(control, "close closed");
	return port;
}

void test_udp_echo(void)
{
	int fd = udp(0);

	send_to(fd, place.control, 100);
	recv_from(fd, place.control, 100);
	send_to(fd, place.control, 1472);
	recv_from(fd, place.control, 1472);
	TRUE(port_of(fd) >= 1024);
}

void test_udp_connected(void)
{
	int control = peer_open(), fd = udp(0), other, port;
	struct answer seen;
	char buf[100];

	port = (int)peer_do(control, "udp a");
	other = (int)peer_do(control, "udp b");
	MUST(try_connect(fd, peer4(port)));
	TRUE(other != port);
	EQ(send(fd, pattern(0), 50, 0), 50);
	seen = peer_ask(control, "recvfrom a");
	EQ(seen.number, 50);
	EQ(seen.port, port_of(fd));
	EQ(strcmp(seen.host, place.own_text), 0);
	/* The other's comes first and is not heard. */
	peer_do(control, "sendto b %s %d 60", place.own_text, port_of(fd));
	peer_do(control, "sendto a %s %d 70", place.own_text, port_of(fd));
	EQ(recv(fd, buf, sizeof(buf), 0), 70);
	FAILS(recv(fd, buf, sizeof(buf), MSG_DONTWAIT), EAGAIN);
	/* An address for one datagram goes before the connected one. */
	send_to(fd, peer4(other), 80);
	seen = peer_ask(control, "recvfrom b");
	EQ(seen.number, 80);
	EQ(seen.port, port_of(fd));
	/* Connected anew, without disconnecting. */
	MUST(try_connect(fd, place.control));
	peername_is(fd, &place.control);
	EQ(write(fd, pattern(0), 30), 30);
	EQ(read(fd, buf, sizeof(buf)), 30);
}

void test_udp_names(void)
{
	struct sockaddr_in nothing = addr4(INADDR_ANY, 0), own;
	int fd = udp(0);

	sockname_is(fd, &nothing);
	EQ(port_of(fd), 0);
	no_peer(fd);
	send_to(fd, place.control, 1);
	sockname_is(fd, &nothing);
	TRUE(port_of(fd) > 0);
	no_peer(fd);
	recv_from(fd, place.control, 1);
	fd = udp(0);
	MUST(try_connect(fd, place.control));
	own = own4(0);
	sockname_is(fd, &own);
	TRUE(port_of(fd) > 0);
	peername_is(fd, &place.control);
}

void test_udp_unspec(void)
{
	struct sockaddr_in nothing = addr4(INADDR_ANY, 0);
	int fd = udp(0);

	MUST(try_connect(fd, place.control));
	disconnect(fd);
	no_peer(fd);
	sockname_is(fd, &nothing);
	EQ(port_of(fd), 0);
	FAILS(send(fd, "x", 1, 0), EDESTADDRREQ);
	send_to(fd, place.control, 10);
	recv_from(fd, place.control, 10);
}

/* An address without a port: the address stays. */
void test_udp_unspec_address(void)
{
	int fd = bound(udp(0), own4(0));
	struct sockaddr_in own = own4(0);

	MUST(try_connect(fd, place.control));
	disconnect(fd);
	EQ(port_of(fd), 0);
	sockname_is(fd, &own);
	send_to(fd, place.control, 10);
	recv_from(fd, place.control, 10);
	sockname_is(fd, &own);
	TRUE(port_of(fd) > 0);
}

void test_udp_unspec_bound(void)
{
	int control = peer_open(), port = free_port(), fd = bound(udp(0), addr4(INADDR_ANY, port));
	struct sockaddr_in wild = addr4(INADDR_ANY, port), own = own4(port), from;

	MUST(try_connect(fd, place.control));
	sockname_is(fd, &own);
	disconnect(fd);
	sockname_is(fd, &wild);
	from = peer4((int)peer_do(control, "udp s"));
	peer_do(control, "sendto s %s %d 20", place.own_text, port);
	recv_from(fd, from, 20);
}

void test_udp_refused(void)
{
	int control = peer_open(), fd = udp(0);
	char byte;

	MUST(try_connect(fd, peer4(closed_udp(control))));
	EQ(send(fd, "x", 1, 0), 1);
	FAILS(recv(fd, &byte, 1, 0), ECONNREFUSED);
	FAILS(recv(fd, &byte, 1, MSG_DONTWAIT), EAGAIN);
	EQ(send(fd, "x", 1, 0), 1);
	TRUE(wait_events(fd, 0) & POLLERR);
	FAILS(send(fd, "x", 1, 0), ECONNREFUSED);
	disconnect(fd);
	send_to(fd, place.control, 10);
	recv_from(fd, place.control, 10);
}

void test_udp_refused_poll(void)
{
	int control = peer_open(), fd = udp(0);

	MUST(try_connect(fd, peer4(closed_udp(control))));
	EQ(events_now(fd, POLLIN | POLLOUT), POLLOUT);
	EQ(send(fd, "x", 1, 0), 1);
	EQ(wait_events(fd, POLLIN), POLLERR);
	EQ(error_of(fd), ECONNREFUSED);
	EQ(events_now(fd, POLLIN | POLLOUT), POLLOUT);
	EQ(error_of(fd), 0);
}

void test_udp_refused_unconnected(void)
{
	int control = peer_open(), fd = bound(udp(0), addr4(INADDR_ANY, 0));

	send_to(fd, peer4(closed_udp(control)), 10);
	/* Its ICMP error would be here before the echo. */
	send_to(fd, place.control, 20);
	recv_from(fd, place.control, 20);
	EQ(error_of(fd), 0);
}

void test_udp_bind(void)
{
	struct sockaddr_in wild = addr4(INADDR_ANY, 0), own;
	int a = bound(udp(0), wild), b = udp(0);

	wild = addr4(INADDR_ANY, port_of(a));
	own = own4(port_of(a));
	FAILS(bind(b, sa(&wild), sizeof(wild)), EADDRINUSE);
	FAILS(bind(b, sa(&own), sizeof(own)), EADDRINUSE);
	FAILS(bind(a, sa(&wild), sizeof(wild)), EINVAL);
	bound(tcp(0), wild);
	MUST(close(a));
	a = udp(0);
	option(a, SOL_SOCKET, SO_REUSEADDR, 1);
	option(b, SOL_SOCKET, SO_REUSEADDR, 1);
	bound(a, own);
	bound(b, own);
	sockname_is(b, &own);
}

void test_udp_server(void)
{
	int control = peer_open();
	struct sockaddr_in at[] = { addr4(INADDR_ANY, 0), own4(0) }, from;

	from = peer4((int)peer_do(control, "udp s"));
	for (size_t i = 0; i < ARRAY_SIZE(at); i++) {
		int fd = bound(udp(0), at[i]);
		struct answer seen;

		peer_do(control, "sendto s %s %d 1000", place.own_text, port_of(fd));
		recv_from(fd, from, 1000);
		send_to(fd, from, 500);
		seen = peer_ask(control, "recvfrom s");
		EQ(seen.number, 500);
		EQ(seen.port, port_of(fd));
		EQ(strcmp(seen.host, place.own_text), 0);
	}
}

void test_udp_wrong(void)
{
	struct sockaddr_in to = place.control;
	int fd = udp(0);
	char byte = 0;

	FAILS(send(fd, &byte, 1, 0), EDESTADDRREQ);
	FAILS(write(fd, &byte, 1), EDESTADDRREQ);
	to.sin_port = 0;
	FAILS(sendto(fd, &byte, 1, 0, sa(&to), sizeof(to)), EINVAL);
	to = place.control;
	FAILS(sendto(fd, &byte, 1, 0, sa(&to), 8), EINVAL);
	to.sin_family = AF_UNIX;
	FAILS(sendto(fd, &byte, 1, 0, sa(&to), sizeof(to)), EAFNOSUPPORT);
	FAILS(recv(fd, &byte, 1, MSG_DONTWAIT), EAGAIN);
	nonblock(fd, true);
	FAILS(recv(fd, &byte, 1, 0), EAGAIN);
	FAILS(connect(fd, sa(&to), 4), EINVAL);
}

void test_udp_shutdown(void)
{
	char byte;
	struct job job = { .call = job_recv, .fd = udp(0), .buf = &byte, .len = 1 };

	/* Said, and done all the same. */
	bound(job.fd, addr4(INADDR_ANY, 0));
	job_start(&job);
	job_asleep(&job);
	FAILS(shutdown(job.fd, SHUT_RD), ENOTCONN);
	job_join(&job);
	EQ(job.ret, 0);
	job.fd = udp(0);
	MUST(try_connect(job.fd, place.control));
	job_start(&job);
	job_asleep(&job);
	MUST(shutdown(job.fd, SHUT_RD));
	job_join(&job);
	EQ(job.ret, 0);
	EQ(send(job.fd, "x", 1, 0), 1);
	MUST(shutdown(job.fd, SHUT_WR));
	FAILS(send(job.fd, "x", 1, MSG_NOSIGNAL), EPIPE);
}

void test_udp_broadcast(void)
{
	int fd = udp(0);
	struct sockaddr_in all = own4(9);

	all.sin_addr.s_addr |= htonl(0xff);
	FAILS(sendto(fd, "x", 1, 0, sa(&all), sizeof(all)), EACCES);
	FAILS(try_connect(fd, all), EACCES);
	option(fd, SOL_SOCKET, SO_BROADCAST, 1);
	EQ(sendto(fd, "x", 1, 0, sa(&all), sizeof(all)), 1);
	MUST(try_connect(fd, all));
}

void test_udp_local(void)
{
	const uint32_t at[] = { INADDR_LOOPBACK, ntohl(place.own.s_addr) };

	for (size_t i = 0; i < ARRAY_SIZE(at); i++) {
		int server = bound(udp(0), addr4(at[i], 0)), fd = udp(0);

		MUST(try_connect(fd, addr4(at[i], port_of(server))));
		EQ(send(fd, pattern(0), 100, 0), 100);
		recv_from(server, addr4(at[i], port_of(fd)), 100);
		send_to(server, addr4(at[i], port_of(fd)), 50);
		recv_from(fd, addr4(at[i], port_of(server)), 50);
	}
}

void test_udp_local_and_remote(void)
{
	int fd = bound(udp(0), addr4(INADDR_ANY, 0)), port = port_of(fd), local = udp(0);

	send_to(local, addr4(INADDR_LOOPBACK, port), 10);
	recv_from(fd, addr4(INADDR_LOOPBACK, port_of(local)), 10);
	send_to(fd, place.control, 20);
	recv_from(fd, place.control, 20);
	send_to(local, own4(port), 30);
	recv_from(fd, own4(port_of(local)), 30);
	send_to(fd, addr4(INADDR_LOOPBACK, port_of(local)), 40);
	recv_from(local, addr4(INADDR_LOOPBACK, port), 40);
	/* The local one's socket also goes out. */
	send_to(local, place.control, 50);
	recv_from(local, place.control, 50);
}

/* Room for a control message, aligned as one. */
union ancillary {
	struct cmsghdr head;
	char bytes[CMSG_SPACE(sizeof(struct in_pktinfo))];
};

static struct msghdr message(struct iovec *iov, struct sockaddr_in *name, union ancillary *control)
{
	return (struct msghdr){ .msg_name = name,
				.msg_namelen = sizeof(*name),
				.msg_iov = iov,
				.msg_iovlen = 1,
				.msg_control = control->bytes,
				.msg_controllen = sizeof(control->bytes) };
}

void test_udp_pktinfo(void)
{
	int control = peer_open(), fd = bound(udp(0), addr4(INADDR_ANY, 0));
	struct sockaddr_in name = { 0 };
	char buf[100];
	struct iovec iov = { buf, sizeof(buf) };
	union ancillary extra = { 0 };
	struct msghdr msg = message(&iov, &name, &extra);
	struct in_pktinfo info;
	struct answer seen;

	option(fd, IPPROTO_IP, IP_PKTINFO, 1);
	EQ(option_of(fd, IPPROTO_IP, IP_PKTINFO), 1);
	peer_do(control, "udp s");
	peer_do(control, "sendto s %s %d 60", place.own_text, port_of(fd));
	wait_datagram(fd);
	EQ(recvmsg(fd, &msg, 0), 60);
	EQ(extra.head.cmsg_level, IPPROTO_IP);
	EQ(extra.head.cmsg_type, IP_PKTINFO);
	EQ(extra.head.cmsg_len, CMSG_LEN(sizeof(info)));
	memcpy(&info, CMSG_DATA(&extra.head), sizeof(info));
	EQ(info.ipi_addr.s_addr, place.own.s_addr);
	EQ(info.ipi_spec_dst.s_addr, place.own.s_addr);
	TRUE(info.ipi_ifindex > 0);
	/* The answer, from there. */
	info.ipi_ifindex = 0;
	memcpy(CMSG_DATA(&extra.head), &info, sizeof(info));
	iov.iov_len = 40;
	EQ(sendmsg(fd, &msg, 0), 40);
	seen = peer_ask(control, "recvfrom s");
	EQ(seen.number, 40);
	EQ(seen.port, port_of(fd));
	EQ(strcmp(seen.host, place.own_text), 0);
	option(fd, IPPROTO_IP, IP_PKTINFO, 0);
	peer_do(control, "sendto s %s %d 20", place.own_text, port_of(fd));
	wait_datagram(fd);
	msg = message(&iov, &name, &extra);
	EQ(recvmsg(fd, &msg, 0), 20);
	EQ(msg.msg_controllen, 0);
}

void test_udp_control_wrong(void)
{
	struct sockaddr_in to = place.control;
	struct iovec iov = { (char *)(uintptr_t)pattern(0), 10 };
	union ancillary extra = { .head = { .cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo)),
					    .cmsg_level = IPPROTO_IP,
					    .cmsg_type = 200 } };
	struct msghdr msg = message(&iov, &to, &extra);
	int fd = udp(0);
	char byte;

	FAILS(sendmsg(fd, &msg, 0), EINVAL);
	extra.head.cmsg_level = SOL_SOCKET;
	FAILS(sendmsg(fd, &msg, 0), EINVAL);
	msg.msg_controllen = 0;
	EQ(sendmsg(fd, &msg, 0), 10);
	recv_from(fd, place.control, 10);
	FAILS(recv(fd, &byte, 1, MSG_DONTWAIT), EAGAIN);
}
