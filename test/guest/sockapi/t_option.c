/* SPDX-License-Identifier: BSD-3-Clause */
/* Socket options of every level but TCP's. */
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "sockapi.h"

void test_option_kind(void)
{
	int fd = tcp(0);

	EQ(option_of(fd, SOL_SOCKET, SO_TYPE), SOCK_STREAM);
	EQ(option_of(fd, SOL_SOCKET, SO_DOMAIN), AF_INET);
	EQ(option_of(fd, SOL_SOCKET, SO_PROTOCOL), IPPROTO_TCP);
	EQ(option_of(fd, SOL_SOCKET, SO_ACCEPTCONN), 0);
	MUST(listen(fd, 1));
	EQ(option_of(fd, SOL_SOCKET, SO_ACCEPTCONN), 1);
	fd = (int)MUST(socket(AF_INET, SOCK_STREAM, IPPROTO_TCP));
	EQ(option_of(fd, SOL_SOCKET, SO_PROTOCOL), IPPROTO_TCP);
	fd = udp(0);
	EQ(option_of(fd, SOL_SOCKET, SO_TYPE), SOCK_DGRAM);
	EQ(option_of(fd, SOL_SOCKET, SO_DOMAIN), AF_INET);
	EQ(option_of(fd, SOL_SOCKET, SO_PROTOCOL), IPPROTO_UDP);
	FAILS(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP), EPROTONOSUPPORT);
	FAILS(socket(AF_INET, SOCK_DGRAM, IPPROTO_TCP), EPROTONOSUPPORT);
}

static long number_in(const char *path)
{
	FILE *file = fopen(path, "r");
	long number = -1;

	if (file) {
		if (fscanf(file, "%ld", &number) != 1)
			number = -1;
		fclose(file);
	}
	return number;
}

static void buffer(int name, int least, const char *most)
{
	long max = number_in(most); /* only the first network namespace of older kernels has it */
	int fd = tcp(0);

	TRUE(option_of(fd, SOL_SOCKET, name) > 4096);
	option(fd, SOL_SOCKET, name, 20000);
	EQ(option_of(fd, SOL_SOCKET, name), 40000);
	option(fd, SOL_SOCKET, name, 1);
	EQ(option_of(fd, SOL_SOCKET, name), least);
	option(fd, SOL_SOCKET, name, 1 << 30);
	TRUE(option_of(fd, SOL_SOCKET, name) >= 2 * 65536);
	if (max > 0)
		EQ(option_of(fd, SOL_SOCKET, name), 2 * max);
}

void test_option_buffers(void)
{
	buffer(SO_RCVBUF, 2304, "/proc/sys/net/core/rmem_max");
	buffer(SO_SNDBUF, 4608, "/proc/sys/net/core/wmem_max");
}

void test_option_flags(void)
{
	const int names[] = { SO_REUSEADDR, SO_KEEPALIVE, SO_BROADCAST, SO_OOBINLINE };
	int fd = tcp(0);

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		EQ(option_of(fd, SOL_SOCKET, names[i]), 0);
		option(fd, SOL_SOCKET, names[i], 5);
		EQ(option_of(fd, SOL_SOCKET, names[i]), 1);
		option(fd, SOL_SOCKET, names[i], 0);
		EQ(option_of(fd, SOL_SOCKET, names[i]), 0);
	}
}

void test_option_linger(void)
{
	struct linger linger = { 9, 9 };
	socklen_t len = sizeof(linger);
	int fd = tcp(0);

	MUST(getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &len));
	TRUE(linger.l_onoff == 0 && linger.l_linger == 0 && len == sizeof(linger));
	linger = (struct linger){ 7, 30 };
	MUST(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	MUST(getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &len));
	TRUE(linger.l_onoff == 1 && linger.l_linger == 30);
	FAILS(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, 4), EINVAL);
}

void test_option_lengths(void)
{
	const int levels[][2] = { { SOL_SOCKET, SO_KEEPALIVE }, { IPPROTO_TCP, TCP_NODELAY } };
	int fd = tcp(0);

	for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
		int value[2] = { -1, -1 };
		socklen_t len = 8;

		MUST(getsockopt(fd, levels[i][0], levels[i][1], value, &len));
		TRUE(len == 4 && value[0] == 0 && value[1] == -1);
		value[0] = -1;
		len = 1;
		MUST(getsockopt(fd, levels[i][0], levels[i][1], value, &len));
		EQ(len, 1);
		EQ(value[0] & 0xffff, 0xff00);
		len = (socklen_t)-1;
		FAILS(getsockopt(fd, levels[i][0], levels[i][1], value, &len), EINVAL);
		FAILS(setsockopt(fd, levels[i][0], levels[i][1], value, 3), EINVAL);
		FAILS(setsockopt(fd, levels[i][0], levels[i][1], (void *)8, 4), EFAULT);
	}
}

static void unknown(int fd, int level, int name)
{
	int value = 1;
	socklen_t len = sizeof(value);

	FAILS(setsockopt(fd, level, name, &value, sizeof(value)), ENOPROTOOPT);
	/* A level nobody knows is IP's, and IP reads it so. */
	FAILS(getsockopt(fd, level, name, &value, &len), level == 9999 ? EOPNOTSUPP : ENOPROTOOPT);
}

void test_option_unknown(void)
{
	const int sockets[] = { tcp(0), udp(0) };
	int one = 1;

	for (size_t i = 0; i < ARRAY_SIZE(sockets); i++) {
		unknown(sockets[i], SOL_SOCKET, 9999);
		unknown(sockets[i], IPPROTO_IP, 9999);
		unknown(sockets[i], 9999, 1);
		unknown(sockets[i], i ? IPPROTO_UDP : IPPROTO_TCP, 9999);
		FAILS(setsockopt(sockets[i], SOL_SOCKET, SO_TYPE, &one, 4), ENOPROTOOPT);
		FAILS(setsockopt(sockets[i], SOL_SOCKET, SO_ERROR, &one, 4), ENOPROTOOPT);
		FAILS(setsockopt(sockets[i], SOL_SOCKET, SO_ACCEPTCONN, &one, 4), ENOPROTOOPT);
	}
}

/* Either it is there, and then it has been set; or the answer is ENOPROTOOPT. */
static void never_silent(int fd, int level, int name, int value)
{
	int seen = -1;
	socklen_t len = sizeof(seen);
	long set = SEEN(setsockopt(fd, level, name, &value, sizeof(value)));

	if (set < 0) {
		if (errno != ENOPROTOOPT)
			check_failed("option %d of level %d: neither set nor ENOPROTOOPT", name,
				     level);
		return;
	}
	if (getsockopt(fd, level, name, &seen, &len) || seen != value)
		check_failed("option %d of level %d: set to %d without a complaint, now %d", name,
			     level, value, seen);
}

void test_option_never_silent(void)
{
	const int options[][3] = {
		{ SOL_SOCKET, SO_PRIORITY, 3 },
		{ SOL_SOCKET, SO_MARK, 7 },
		{ SOL_SOCKET, SO_RCVLOWAT, 9 },
		{ SOL_SOCKET, SO_OOBINLINE, 1 },
		{ SOL_SOCKET, SO_TIMESTAMP, 1 },
		{ SOL_SOCKET, SO_DONTROUTE, 1 },
		{ SOL_SOCKET, SO_REUSEPORT, 1 },
		{ SOL_SOCKET, SO_ZEROCOPY, 1 },
		{ IPPROTO_TCP, TCP_USER_TIMEOUT, 5000 },
		{ IPPROTO_TCP, TCP_SYNCNT, 3 },
		{ IPPROTO_TCP, TCP_LINGER2, 5 },
		{ IPPROTO_TCP, TCP_DEFER_ACCEPT, 1 },
		{ IPPROTO_TCP, TCP_QUICKACK, 1 },
		{ IPPROTO_TCP, TCP_NOTSENT_LOWAT, 16384 },
		{ IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, 1 },
		{ IPPROTO_TCP, TCP_SAVE_SYN, 1 },
		{ IPPROTO_IP, IP_TOS, 0x10 },
		{ IPPROTO_IP, IP_TTL, 33 },
		{ IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO },
		{ IPPROTO_IP, IP_RECVERR, 1 },
		{ IPPROTO_IP, IP_FREEBIND, 1 },
		{ IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1 },
		{ IPPROTO_IP, IP_MINTTL, 5 },
	};
	int fd = tcp(0);

	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		never_silent(fd, options[i][0], options[i][1], options[i][2]);
}

void test_option_udp_never_silent(void)
{
	const int options[][3] = {
		{ SOL_SOCKET, SO_PRIORITY, 3 },
		{ SOL_SOCKET, SO_TIMESTAMP, 1 },
		{ SOL_SOCKET, SO_TIMESTAMPNS, 1 },
		{ SOL_SOCKET, SO_RXQ_OVFL, 1 },
		{ SOL_SOCKET, SO_REUSEPORT, 1 },
		{ SOL_SOCKET, SO_NO_CHECK, 1 },
		{ IPPROTO_IP, IP_TOS, 0x10 },
		{ IPPROTO_IP, IP_TTL, 33 },
		{ IPPROTO_IP, IP_PKTINFO, 1 },
		{ IPPROTO_IP, IP_RECVTTL, 1 },
		{ IPPROTO_IP, IP_RECVTOS, 1 },
		{ IPPROTO_IP, IP_RECVERR, 1 },
		{ IPPROTO_IP, IP_RECVORIGDSTADDR, 1 },
		{ IPPROTO_IP, IP_FREEBIND, 1 },
		{ IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO },
		{ IPPROTO_IP, IP_MULTICAST_TTL, 3 },
		{ IPPROTO_IP, IP_MULTICAST_LOOP, 0 },
	};
	int fd = udp(0);

	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		never_silent(fd, options[i][0], options[i][1], options[i][2]);
}
