/* SPDX-License-Identifier: BSD-3-Clause */
/* sendfile and splice. */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "sockapi.h"

static int file_of(size_t size)
{
	int fd = (int)MUST(memfd_create("sockapi", MFD_CLOEXEC));

	for (size_t at = 0; at < size;) {
		size_t n = size - at < PATTERN_MAX ? size - at : PATTERN_MAX;

		EQ(write(fd, pattern(at), n), n);
		at += n;
	}
	return fd;
}

void test_sendfile_blocking(void)
{
	enum { SIZE = 300000, FROM = 12345 };
	int control = peer_open(), fd = peer_dial(control, "s", 0), file = file_of(SIZE);
	off_t at = 0;

	peer_tell(control, "recv s %d", SIZE);
	while (at < SIZE)
		TRUE(MUST(sendfile(fd, file, &at, SIZE)) > 0);
	EQ(peer_hear(control).number, SIZE);
	EQ(at, SIZE);
	EQ(sendfile(fd, file, &at, 10), 0);

	/* The file's own position, and a stream that goes on behind it. */
	fd = connected(place.echo);
	EQ(lseek(file, FROM, SEEK_SET), FROM);
	EQ(sendfile(fd, file, NULL, 5000), 5000);
	EQ(lseek(file, 0, SEEK_CUR), FROM + 5000);
	send_pattern(fd, FROM + 5000, 10);
	recv_pattern(fd, FROM, 5010);
}

void test_sendfile_nonblocking(void)
{
	enum { SIZE = 3000000 };
	int control = peer_open(), fd = peer_dial(control, "s", 16384), file = file_of(SIZE);
	bool blocked = false;
	off_t at = 0;

	nonblock(fd, true);
	while (!blocked) {
		ssize_t n = sendfile(fd, file, &at, SIZE - (size_t)at);

		blocked = n == -1;
		if (blocked)
			FAILS(n, EAGAIN);
		else
			TRUE(n > 0 && at < SIZE);
	}
	peer_tell(control, "eof s");
	while (at < SIZE) {
		wait_events(fd, POLLOUT);
		if (sendfile(fd, file, &at, SIZE - (size_t)at) == -1)
			FAILS(-1, EAGAIN);
	}
	MUST(close(fd));
	EQ(peer_hear(control).number, SIZE);
}

void test_splice_both(void)
{
	enum { SIZE = 20000 };
	int fd = connected(place.echo), ends[2];
	char buf[SIZE];

	MUST(pipe(ends));
	nonblock(fd, true); /* SPLICE_F_NONBLOCK speaks of the pipe only */
	FAILS(splice(fd, NULL, ends[1], NULL, SIZE, 0), EAGAIN);
	nonblock(fd, false);
	EQ(write(ends[1], pattern(0), SIZE), SIZE);
	for (long left = SIZE; left;)
		left -= MUST(splice(ends[0], NULL, fd, NULL, (size_t)left, 0));
	wait_readable(fd, SIZE);
	for (long left = SIZE; left;) {
		long n = MUST(splice(fd, NULL, ends[1], NULL, (size_t)left, SPLICE_F_MOVE));

		TRUE(n > 0);
		for (long got = 0; got < n;)
			got += MUST(read(ends[0], buf + SIZE - left + got, (size_t)(n - got)));
		left -= n;
	}
	TRUE(!memcmp(buf, pattern(0), SIZE));
	MUST(shutdown(fd, SHUT_WR));
	EQ(splice(fd, NULL, ends[1], NULL, SIZE, 0), 0);
}
