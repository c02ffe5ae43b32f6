/* SPDX-License-Identifier: BSD-3-Clause */
#include <fcntl.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "sockapi.h"

static int number(int fd, unsigned long request)
{
	int value = -1;

	MUST(ioctl(fd, request, &value));
	return value;
}

void test_ioctl_fionread(void)
{
	int control = peer_open(), fd = peer_dial(control, "s", 0);

	EQ(number(fd, FIONREAD), 0);
	peer_do(control, "send s 20000");
	wait_readable(fd, 20000);
	recv_pattern(fd, 0, 1);
	EQ(number(fd, FIONREAD), 19999);
	peer_do(control, "shut s");
	wait_events(fd, POLLRDHUP);
	EQ(number(fd, FIONREAD), 19999);
	recv_pattern(fd, 1, 19999);
	EQ(number(fd, FIONREAD), 0);
	recv_end(fd);
	EQ(number(fd, FIONREAD), 0);
	EQ(number(tcp(0), FIONREAD), 0);
}

void test_ioctl_outq(void)
{
	int control = peer_open(), fd = peer_dial(control, "s", 4096);
	size_t sent;

	EQ(number(fd, SIOCOUTQ), 0);
	sent = fill(fd, 0);
	TRUE(number(fd, SIOCOUTQ) > 0);
	TRUE(number(fd, SIOCOUTQ) <= (int)sent);
	peer_do(control, "recv s %zu", sent);
	check_here(__FILE__, __LINE__, "waiting for SIOCOUTQ 0");
	while (number(fd, SIOCOUTQ))
		sched_yield();
	EQ(number(tcp(0), SIOCOUTQ), 0);
}

void test_ioctl_fionbio(void)
{
	int fd = connected(place.echo), on = 1, off = 0;
	char byte;

	MUST(ioctl(fd, FIONBIO, &on));
	EQ(fcntl(fd, F_GETFL), O_RDWR | O_NONBLOCK);
	FAILS(recv(fd, &byte, 1, 0), EAGAIN);
	MUST(ioctl(fd, FIONBIO, &off));
	EQ(fcntl(fd, F_GETFL), O_RDWR);
	send_pattern(fd, 0, 10);
	recv_pattern(fd, 0, 10);
}

void test_ioctl_listener(void)
{
	int fd = listener(addr4(INADDR_ANY, 0), 0), value = 0;

	FAILS(ioctl(fd, FIONREAD, &value), EINVAL);
	FAILS(ioctl(fd, SIOCOUTQ, &value), EINVAL);
	FAILS(ioctl(fd, 0x7fff1234, &value), ENOTTY);
	FAILS(ioctl(udp(0), 0x7fff1234, &value), ENOTTY);
	FAILS(ioctl(connected(place.echo), FIONREAD, (void *)8), EFAULT);
}
