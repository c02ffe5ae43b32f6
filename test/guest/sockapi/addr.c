/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses, and comparing them exactly. */
#include <arpa/inet.h>
#include <string.h>

#include "sockapi.h"

struct sockaddr_in addr4(uint32_t host_order_address, int port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(port) };

	addr.sin_addr.s_addr = htonl(host_order_address);
	return addr;
}

struct sockaddr_in own4(int port)
{
	return addr4(ntohl(place.own.s_addr), port);
}

struct sockaddr_in peer4(int port)
{
	return addr4(ntohl(place.echo.sin_addr.s_addr), port);
}

struct sockaddr_in6 mapped(const struct sockaddr_in *addr)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = addr->sin_port };

	six.sin6_addr.s6_addr[10] = six.sin6_addr.s6_addr[11] = 0xff;
	memcpy(&six.sin6_addr.s6_addr[12], &addr->sin_addr, 4);
	return six;
}

int port_of(int fd)
{
	struct sockaddr_in6 addr;
	socklen_t len = sizeof(addr);

	MUST(getsockname(fd, (struct sockaddr *)&addr, &len));
	return ntohs(addr.sin6_port); /* at the same place in both families */
}

void addr_is(const struct sockaddr_storage *seen, socklen_t len, const struct sockaddr_in *wanted)
{
	const struct sockaddr_in *in = (const void *)seen;
	char a[INET_ADDRSTRLEN], b[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &in->sin_addr, a, sizeof(a));
	inet_ntop(AF_INET, &wanted->sin_addr, b, sizeof(b));
	if (len != sizeof(*in) || in->sin_family != AF_INET)
		check_failed("expected %s:%d, seen family %d, length %u", b,
			     ntohs(wanted->sin_port), in->sin_family, len);
	if (strcmp(a, b) || (wanted->sin_port && in->sin_port != wanted->sin_port))
		check_failed("expected %s:%d, seen %s:%d", b, ntohs(wanted->sin_port), a,
			     ntohs(in->sin_port));
}

void addr6_is(const struct sockaddr_storage *seen, socklen_t len, const struct sockaddr_in6 *wanted)
{
	const struct sockaddr_in6 *in = (const void *)seen;
	char a[INET6_ADDRSTRLEN], b[INET6_ADDRSTRLEN];

	inet_ntop(AF_INET6, &in->sin6_addr, a, sizeof(a));
	inet_ntop(AF_INET6, &wanted->sin6_addr, b, sizeof(b));
	if (len != sizeof(*in) || in->sin6_family != AF_INET6)
		check_failed("expected [%s]:%d, seen family %d, length %u", b,
			     ntohs(wanted->sin6_port), in->sin6_family, len);
	if (strcmp(a, b) || (wanted->sin6_port && in->sin6_port != wanted->sin6_port))
		check_failed("expected [%s]:%d, seen [%s]:%d", b, ntohs(wanted->sin6_port), a,
			     ntohs(in->sin6_port));
}

void sockname_is(int fd, const struct sockaddr_in *wanted)
{
	struct sockaddr_storage seen = { 0 };
	socklen_t len = sizeof(seen);

	MUST(getsockname(fd, (struct sockaddr *)&seen, &len));
	addr_is(&seen, len, wanted);
}

void peername_is(int fd, const struct sockaddr_in *wanted)
{
	struct sockaddr_storage seen = { 0 };
	socklen_t len = sizeof(seen);

	MUST(getpeername(fd, (struct sockaddr *)&seen, &len));
	addr_is(&seen, len, wanted);
}

void sockname6_is(int fd, const struct sockaddr_in6 *wanted)
{
	struct sockaddr_storage seen = { 0 };
	socklen_t len = sizeof(seen);

	MUST(getsockname(fd, (struct sockaddr *)&seen, &len));
	addr6_is(&seen, len, wanted);
}

void peername6_is(int fd, const struct sockaddr_in6 *wanted)
{
	struct sockaddr_storage seen = { 0 };
	socklen_t len = sizeof(seen);

	MUST(getpeername(fd, (struct sockaddr *)&seen, &len));
	addr6_is(&seen, len, wanted);
}
