/* SPDX-License-Identifier: BSD-3-Clause */
/* Options again: what their values become, and what they do. */
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "sockapi.h"

static void becomes(int fd, int level, int name, int value, int seen)
{
	option(fd, level, name, value);
	EQ(option_of(fd, level, name), seen);
}

static void refused(int fd, int level, int name, int value)
{
	FAILS(setsockopt(fd, level, name, &value, sizeof(value)), EINVAL);
}

void test_option_ip(void)
{
	const int sockets[] = { tcp(0), udp(0) };

	for (size_t i = 0; i < ARRAY_SIZE(sockets); i++) {
		int fd = sockets[i], ttl = option_of(fd, IPPROTO_IP, IP_TTL);

		/* The ECN bits of a stream are not the program's. */
		becomes(fd, IPPROTO_IP, IP_TOS, 0x13, i ? 0x13 : 0x10);
		EQ(option_of(fd, SOL_SOCKET, SO_PRIORITY), 6); /* low delay is interactive */
		becomes(fd, IPPROTO_IP, IP_TTL, 9, 9);
		becomes(fd, IPPROTO_IP, IP_TTL, -1, ttl);
		refused(fd, IPPROTO_IP, IP_TTL, 0);
		refused(fd, IPPROTO_IP, IP_TTL, 256);
		EQ(option_of(fd, IPPROTO_IP, IP_MTU_DISCOVER), IP_PMTUDISC_WANT);
		refused(fd, IPPROTO_IP, IP_MTU_DISCOVER, -1);
		refused(fd, IPPROTO_IP, IP_MTU_DISCOVER, 6);
		becomes(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT, IP_PMTUDISC_DONT);
	}
}

void test_option_ip_byte(void)
{
	unsigned char byte = 77, seen[4] = { 0, 1, 2, 3 };
	socklen_t len = 3;
	int fd = udp(0);

	MUST(setsockopt(fd, IPPROTO_IP, IP_TTL, &byte, 1));
	EQ(option_of(fd, IPPROTO_IP, IP_TTL), 77);
	MUST(getsockopt(fd, IPPROTO_IP, IP_TTL, seen, &len));
	EQ(len, 1);
	TRUE(seen[0] == 77 && seen[1] == 1 && seen[2] == 2 && seen[3] == 3);
	FAILS(setsockopt(fd, IPPROTO_IP, IP_TTL, &byte, 0), EINVAL);
}

void test_option_ipv6(void)
{
	const int types[] = { SOCK_STREAM, SOCK_DGRAM };

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		int fd = (int)MUST(socket(AF_INET6, types[i], 0));

		becomes(fd, IPPROTO_IPV6, IPV6_TCLASS, 0x21, i ? 0x21 : 0x20);
		becomes(fd, IPPROTO_IPV6, IPV6_TCLASS, -1, 0);
		refused(fd, IPPROTO_IPV6, IPV6_TCLASS, 256);
		becomes(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 9, 9);
		becomes(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, -1, 64);
		refused(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 256);
		EQ(option_of(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER), IPV6_PMTUDISC_WANT);
		becomes(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO, IPV6_PMTUDISC_DO);
		EQ(option_of(fd, IPPROTO_IP, IP_MTU_DISCOVER), IP_PMTUDISC_WANT);
	}
}

/* What a JVM sets on each of its datagram sockets. */
void test_option_multicast(void)
{
	int fd = (int)MUST(socket(AF_INET6, SOCK_DGRAM, 0));
	struct sockaddr_in group = addr4(0xe00000fb, 5353);

	EQ(option_of(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS), 1);
	becomes(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 4, 4);
	becomes(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0, 0);
	fd = udp(0);
	EQ(option_of(fd, IPPROTO_IP, IP_MULTICAST_TTL), 1);
	becomes(fd, IPPROTO_IP, IP_MULTICAST_TTL, 9, 9);
	becomes(fd, IPPROTO_IP, IP_MULTICAST_TTL, -1, 1);
	refused(fd, IPPROTO_IP, IP_MULTICAST_TTL, 256);
	EQ(option_of(fd, IPPROTO_IP, IP_MULTICAST_LOOP), 1);
	/* Nobody has a route to a group here. */
	FAILS(sendto(fd, "x", 1, 0, sa(&group), sizeof(group)), ENETUNREACH);
}

void test_option_dont_fragment(void)
{
	const int strict[] = { IP_PMTUDISC_DO, IP_PMTUDISC_PROBE };
	struct sockaddr_in to = place.control;
	char buf[2000];
	int fd = udp(0);

	for (size_t i = 0; i < ARRAY_SIZE(strict); i++) {
		option(fd, IPPROTO_IP, IP_MTU_DISCOVER, strict[i]);
		FAILS(sendto(fd, pattern(0), 1473, 0, sa(&to), sizeof(to)), EMSGSIZE);
		EQ(sendto(fd, pattern(0), 1472, 0, sa(&to), sizeof(to)), 1472);
		EQ(recv(fd, buf, sizeof(buf), 0), 1472);
	}
	option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
	EQ(sendto(fd, pattern(0), 1473, 0, sa(&to), sizeof(to)), 1473);
	EQ(recv(fd, buf, sizeof(buf), 0), 1473);
}

void test_option_tcp_values(void)
{
	int fd = tcp(0);

	EQ(option_of(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT), 0);
	becomes(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, 1, 1);
	becomes(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, 5, 7); /* 1 + 2 + 4 s until SYN-ACK again */
	becomes(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, -1, 0);
	refused(fd, IPPROTO_TCP, TCP_SYNCNT, 0);
	refused(fd, IPPROTO_TCP, TCP_SYNCNT, 128);
	refused(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, -1);
	becomes(fd, IPPROTO_TCP, TCP_MAXSEG, 1000, 1000);
	becomes(fd, IPPROTO_TCP, TCP_MAXSEG, 0, 536);
}

void test_option_info_values(void)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);
	int fd = connected(place.echo);

	send_pattern(fd, 0, 100000);
	recv_pattern(fd, 0, 100000);
	MUST(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len));
	TRUE(info.tcpi_rtt > 0 && info.tcpi_rttvar > 0 && info.tcpi_rto >= info.tcpi_rtt);
	TRUE(info.tcpi_snd_cwnd >= 2 && info.tcpi_snd_ssthresh >= 2);
	EQ(info.tcpi_snd_mss, 1448);
	EQ(info.tcpi_pmtu, 1500);
	EQ(info.tcpi_advmss, 1448);
	TRUE(info.tcpi_options & TCPI_OPT_TIMESTAMPS && info.tcpi_options & TCPI_OPT_WSCALE);
	TRUE(info.tcpi_rcv_space > 0 && info.tcpi_backoff == 0 && info.tcpi_probes == 0);
}

/* What a listener gets late, its local connections have, too. */
void test_option_inherited(void)
{
	int control = peer_open(), server = listener(addr4(INADDR_ANY, 0), 0), conns[2];

	option(server, IPPROTO_TCP, TCP_NODELAY, 1);
	option(server, IPPROTO_TCP, TCP_KEEPIDLE, 33);
	conns[0] = peer_call(control, "s", server);
	connected(addr4(INADDR_LOOPBACK, port_of(server)));
	conns[1] = accepted(server);
	for (size_t i = 0; i < ARRAY_SIZE(conns); i++) {
		EQ(option_of(conns[i], IPPROTO_TCP, TCP_NODELAY), 1);
		EQ(option_of(conns[i], IPPROTO_TCP, TCP_KEEPIDLE), 33);
	}
}

/* A socket bound to an interface of this side's own hears nobody else. */
void test_option_device(void)
{
	int control = peer_open(), fd = tcp(0), port;
	char name[IFNAMSIZ] = "";
	socklen_t len = sizeof(name);

	MUST(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3));
	MUST(getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &len));
	EQ(strcmp(name, "lo"), 0);
	bound(fd, addr4(INADDR_ANY, 0));
	MUST(listen(fd, 1));
	port = port_of(fd);
	peer_fails(control, "ECONNREFUSED", "connect s %s %d", place.own_text, port);
	connected(addr4(INADDR_LOOPBACK, port));
	accepted(fd);
}
