/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Drivers of DPDK do not tell their descriptors. What one has opened is the difference between two
 * looks at /proc/self/fd, and its kind shows in the descriptor itself.
 */
#include "port/port_priv.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <linux/if_packet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

void fds_seen(struct fd_set_seen *seen)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *e;

	memset(seen, 0, sizeof(*seen));
	while (dir && (e = readdir(dir))) {
		int fd = atoi(e->d_name);

		/* Not the descriptor of this look itself: its number is free again afterwards. */
		if (e->d_name[0] != '.' && fd < FDS_MAX && fd != dirfd(dir))
			seen->bits[fd / 64] |= 1ull << (fd % 64);
	}
	if (dir)
		closedir(dir);
}

static int socket_domain(int fd)
{
	socklen_t len = sizeof(int);
	int domain;

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) ? -1 : domain;
}

static bool is_tap(int fd)
{
	char link[64], path[PATH_MAX];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < 0)
		return false;
	path[n] = '\0';
	return !strcmp(path, "/dev/net/tun");
}

unsigned int fds_new(const struct fd_set_seen *before, int *fds, unsigned int max)
{
	struct fd_set_seen now;
	unsigned int n = 0;

	fds_seen(&now);
	for (int fd = 0; fd < FDS_MAX && n < max; fd++) {
		uint64_t bit = 1ull << (fd % 64);
		int domain;

		if (!(now.bits[fd / 64] & bit) || (before->bits[fd / 64] & bit))
			continue;
		domain = socket_domain(fd);
		if (domain == AF_PACKET || domain == AF_XDP || is_tap(fd))
			fds[n++] = fd;
	}
	return n;
}

int fd_quiet(int fd)
{
	int one = 1;

	if (socket_domain(fd) != AF_PACKET)
		return 0;
	return setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) ? -errno : 0;
}
