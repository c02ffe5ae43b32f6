/* SPDX-License-Identifier: BSD-3-Clause */
/* The remote control of the other side: see peer.py. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sockapi.h"

int peer_open(void)
{
	int fd = connected(place.control);

	option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	return fd;
}

static void tell(int control, const char *format, va_list args)
{
	char line[200];
	int n = vsnprintf(line, sizeof(line) - 1, format, args);

	line[n++] = '\n';
	EQ(send(control, line, (size_t)n, MSG_NOSIGNAL), n);
}

void peer_tell(int control, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	tell(control, format, args);
	va_end(args);
}

struct answer peer_hear(int control)
{
	struct answer answer = { "", 0, "", 0 };
	char line[200];
	size_t n = 0;

	do {
		check_here(__FILE__, __LINE__, "waiting for the peer's answer");
		if (n == sizeof(line) - 1 || recv(control, line + n, 1, 0) != 1)
			check_failed("the remote control is gone");
	} while (line[n++] != '\n');
	line[n - 1] = 0;
	if (sscanf(line, "ok %ld %63s %d", &answer.number, answer.host, &answer.port) < 1 &&
	    sscanf(line, "err %31s %ld", answer.error, &answer.number) != 2)
		check_failed("the peer says: %s", line);
	return answer;
}

struct answer peer_ask(int control, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	tell(control, format, args);
	va_end(args);
	return peer_hear(control);
}

long peer_do(int control, const char *format, ...)
{
	struct answer answer;
	va_list args;

	va_start(args, format);
	tell(control, format, args);
	va_end(args);
	answer = peer_hear(control);
	if (answer.error[0])
		check_failed("the peer answers '%s' with %s after %ld bytes", format, answer.error,
			     answer.number);
	return answer.number;
}

void peer_fails(int control, const char *error, const char *format, ...)
{
	struct answer answer;
	va_list args;

	va_start(args, format);
	tell(control, format, args);
	va_end(args);
	answer = peer_hear(control);
	if (strcmp(answer.error, error))
		check_failed("the peer's '%s': expected %s, seen %s %ld", format, error,
			     answer.error[0] ? answer.error : "success", answer.number);
}

int peer_dial(int control, const char *name, int rcvbuf)
{
	int port = (int)peer_do(control, "listen dial 4 %d", rcvbuf);
	int fd = connected(peer4(port));

	peer_do(control, "accept %s dial", name);
	peer_do(control, "close dial");
	return fd;
}

int peer_call(int control, const char *name, int fd)
{
	peer_do(control, "connect %s %s %d", name, place.own_text, port_of(fd));
	return accepted(fd);
}

int closed_port(int control)
{
	int port = (int)peer_do(control, "listen closed 1 0");

	peer_do(control, "close closed");
	return port;
}

int full_listener(int control, int *port)
{
	*port = (int)peer_do(control, "listen full 0 0");
	return connected(peer4(*port));
}
