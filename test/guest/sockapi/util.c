/* SPDX-License-Identifier: BSD-3-Clause */
/* Sockets as most tests want them, and streams whose bytes can be checked. */
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "sockapi.h"

#define PERIOD 65521

int tcp(int flags)
{
	return (int)MUST(socket(AF_INET, SOCK_STREAM | flags, 0));
}

int udp(int flags)
{
	return (int)MUST(socket(AF_INET, SOCK_DGRAM | flags, 0));
}

int bound(int fd, struct sockaddr_in addr)
{
	MUST(bind(fd, sa(&addr), sizeof(addr)));
	return fd;
}

int listener(struct sockaddr_in addr, int flags)
{
	int fd = bound(tcp(flags), addr);

	MUST(listen(fd, 64));
	return fd;
}

int connected(struct sockaddr_in addr)
{
	int fd = tcp(0);

	MUST(connect(fd, sa(&addr), sizeof(addr)));
	return fd;
}

int free_port(void)
{
	int port, fd = bound(tcp(0), addr4(INADDR_ANY, 0));

	port = port_of(fd);
	MUST(close(fd));
	return port;
}

int accepted(int fd)
{
	return (int)MUST(accept(fd, NULL, NULL));
}

void nonblock(int fd, bool on)
{
	int flags = (int)MUST(fcntl(fd, F_GETFL));

	MUST(fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK));
}

void option(int fd, int level, int name, int value)
{
	MUST(setsockopt(fd, level, name, &value, sizeof(value)));
}

int option_of(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	MUST(getsockopt(fd, level, name, &value, &len));
	EQ(len, sizeof(value));
	return value;
}

int error_of(int fd)
{
	return option_of(fd, SOL_SOCKET, SO_ERROR);
}

static unsigned char table[PERIOD + PATTERN_MAX];

void pattern_init(void)
{
	for (size_t i = 0; i < sizeof(table); i++)
		table[i] = (unsigned char)((i % PERIOD) * 167 + ((i % PERIOD) >> 8) * 13);
}

const unsigned char *pattern(size_t offset)
{
	return table + offset % PERIOD;
}

void send_pattern(int fd, size_t offset, size_t len)
{
	while (len) {
		size_t part = len < PATTERN_MAX ? len : PATTERN_MAX;
		size_t n = (size_t)MUST(send(fd, pattern(offset), part, MSG_NOSIGNAL));

		offset += n;
		len -= n;
	}
}

void recv_pattern(int fd, size_t offset, size_t len)
{
	static _Thread_local unsigned char buf[PATTERN_MAX];

	while (len) {
		size_t n = (size_t)MUST(recv(fd, buf, len < sizeof(buf) ? len : sizeof(buf), 0));

		if (!n)
			check_failed("the stream ends at %zu, %zu bytes too early", offset, len);
		if (memcmp(buf, pattern(offset), n))
			check_failed("wrong bytes at %zu to %zu", offset, offset + n);
		offset += n;
		len -= n;
	}
}

void recv_end(int fd)
{
	char byte;

	EQ(recv(fd, &byte, 1, 0), 0);
}

size_t fill(int fd, size_t offset)
{
	for (;;) {
		ssize_t n = send(fd, pattern(offset), 4096, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n > 0) {
			offset += (size_t)n;
			continue;
		}
		FAILS(n, EAGAIN);
		if (!events_now(fd, POLLOUT))
			return offset;
	}
}

int wait_events(int fd, int events)
{
	struct pollfd p = { .fd = fd, .events = (short)events };

	EQ(poll(&p, 1, -1), 1);
	return p.revents;
}

void wait_datagram(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	check_here(__FILE__, __LINE__, "waiting for a datagram");
	if (poll(&p, 1, 10000) != 1)
		check_failed("no datagram comes");
}

int events_now(int fd, int events)
{
	struct pollfd p = { .fd = fd, .events = (short)events };

	MUST(poll(&p, 1, 0));
	return p.revents;
}

void wait_readable(int fd, int len)
{
	int seen = 0;

	check_here(__FILE__, __LINE__, "waiting for FIONREAD");
	while (seen < len) {
		if (ioctl(fd, FIONREAD, &seen) < 0)
			check_failed("FIONREAD fails");
		sched_yield();
	}
	EQ(seen, len);
}
