/* SPDX-License-Identifier: BSD-3-Clause */
/* A VMM that does not keep to the vhost-user protocol, and one that takes its memory away. */
#include "evil.h"

#include "guest/guest.h"

#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define WAIT_MS	      60000
#define VERSION	      1u
#define GET_FEATURES  1
#define SET_FEATURES  2
#define SET_OWNER     3
#define SET_MEM_TABLE 5
#define VRING_NUM     8
#define VRING_ADDR    9
#define VRING_BASE    10
#define VRING_KICK    12
#define VRING_ENABLE  18

struct message {
	uint32_t request, flags, size;
	uint64_t words[32];
} __attribute__((packed));

static int connect_to(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(un.sun_path))
		evil_die("path");
	strcpy(un.sun_path, path);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&un, sizeof(un)))
		evil_die("connect");
	return fd;
}

/* It may have hung up by now. */
static void put(int fd, const void *p, size_t n, int pass_fd)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)p, .iov_len = n };
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (pass_fd >= 0) {
		struct cmsghdr *c = (struct cmsghdr *)control;

		h.msg_control = control;
		h.msg_controllen = sizeof(control);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &pass_fd, sizeof(int));
	}
	if (sendmsg(fd, &h, MSG_NOSIGNAL) < 0 && errno != EPIPE && errno != ECONNRESET)
		evil_die("send");
}

static void send_message(int fd, uint32_t request, uint32_t size, const uint64_t *words,
			 int pass_fd)
{
	struct message m = { .request = request, .flags = VERSION, .size = size };

	memcpy(m.words, words, size < sizeof(m.words) ? size : sizeof(m.words));
	put(fd, &m, 12 + (size < sizeof(m.words) ? size : sizeof(m.words)), pass_fd);
}

/* The daemon hangs up. */
static void await_end(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char buf[256];
	ssize_t n;

	do {
		if (poll(&p, 1, WAIT_MS) <= 0)
			evil_die("the daemon keeps the connection");
		n = recv(fd, buf, sizeof(buf), 0);
	} while (n > 0);
	close(fd);
}

static const uint64_t no_words[32];

static void half_header(const char *path)
{
	int fd = connect_to(path);

	put(fd, no_words, 5, -1);
	close(fd);
}

static void half_body(const char *path)
{
	const struct message m = { .request = SET_FEATURES, .flags = VERSION, .size = 8 };
	int fd = connect_to(path);

	put(fd, &m, 12 + 3, -1);
	close(fd);
}

static void huge(const char *path)
{
	const struct message m = { .request = SET_FEATURES, .flags = VERSION, .size = UINT32_MAX };
	int fd = connect_to(path);

	put(fd, &m, sizeof(m), -1);
	await_end(fd);
}

static void unknown(const char *path)
{
	int fd = connect_to(path);

	send_message(fd, 4711, 8, no_words, -1);
	await_end(fd);
}

static void memory_without_fd(const char *path)
{
	const uint64_t words[] = { 1, 0, 1 << 20, 0x10000000, 0 };
	int fd = connect_to(path);

	send_message(fd, SET_OWNER, 0, no_words, -1);
	send_message(fd, SET_MEM_TABLE, sizeof(words), words, -1);
	await_end(fd);
}

/* A region whose offset and size wrap around, of a file that has none of it. */
static void memory_wraps(const char *path)
{
	const uint64_t words[] = { 1, 0, UINT64_MAX - 4095, 0x10000000, 8192 };
	int fd = connect_to(path), mem = memfd_create("evil", MFD_CLOEXEC);

	send_message(fd, SET_OWNER, 0, no_words, -1);
	send_message(fd, SET_MEM_TABLE, sizeof(words), words, mem);
	close(mem);
	await_end(fd);
}

/* More regions than there may be. */
static void memory_many(const char *path)
{
	const uint64_t words[] = { 1000, 0, 1 << 20, 0x10000000, 0 };
	int fd = connect_to(path), mem = memfd_create("evil", MFD_CLOEXEC);

	send_message(fd, SET_MEM_TABLE, sizeof(words), words, mem);
	close(mem);
	await_end(fd);
}

static void ring_number(const char *path)
{
	const uint64_t index = 300 | 256ull << 32;
	int fd = connect_to(path);

	send_message(fd, VRING_NUM, 8, &index, -1);
	await_end(fd);
}

static void ring_size(const char *path)
{
	const uint64_t odd = 1 | 40000ull << 32;
	int fd = connect_to(path);

	send_message(fd, VRING_NUM, 8, &odd, -1);
	await_end(fd);
}

/* Addresses of a ring before there is memory, and one in the middle of nowhere after that. */
static void ring_nowhere(const char *path)
{
	const uint64_t table[] = { 1, 0, 1 << 20, 0x10000000, 0 };
	const uint64_t size = 1 | 256ull << 32, kick = 1, enable = 1 | 1ull << 32;
	const uint64_t addr[] = { 1, 0x7fff00000000, 0x10000000 + (1 << 20) - 8, 0x10000000, 0 };
	int fd = connect_to(path), mem = memfd_create("evil", MFD_CLOEXEC);

	if (ftruncate(mem, 1 << 20))
		evil_die("memory");
	send_message(fd, VRING_ADDR, sizeof(addr), addr, -1);
	send_message(fd, SET_MEM_TABLE, sizeof(table), table, mem);
	send_message(fd, VRING_NUM, 8, &size, -1);
	send_message(fd, VRING_BASE, 8, &size, -1);
	send_message(fd, VRING_ADDR, sizeof(addr), addr, -1);
	send_message(fd, VRING_KICK, 8, &kick, mem);
	send_message(fd, VRING_ENABLE, 8, &enable, -1);
	close(mem);
	close(fd);
}

static void garbage(const char *path)
{
	for (unsigned int i = 0; i < 50; i++) {
		uint32_t words[64];
		int fd = connect_to(path);

		for (unsigned int k = 0; k < 64; k++)
			words[k] = evil_random();
		words[0] %= 45; /* a request that there may be */
		words[1] = VERSION;
		words[2] %= 64;
		put(fd, words, 12 + words[2], -1);
		put(fd, words, sizeof(words), -1);
		close(fd);
	}
}

/* Memory that was there: SIGBUS in the daemon's lcore. */
static void truncated(struct evil *e)
{
	struct sg_queue *q = simguest_queue(e->sg, 1);
	const uint64_t one = 1;
	int kick = q->kick_fd;

	if (simguest_truncate(e->sg) || write(kick, &one, sizeof(one)) < 0)
		evil_die("truncate");
	/* Nothing of ours may be touched any more. */
	e->sg = NULL;
}

static void gone(struct evil *e)
{
	simguest_disconnect(e->sg);
}

static const char *const memory_gone = "guest memory is gone (SIGBUS)";

#define NAMED(fn) \
	{ \
#fn, NULL, fn, NULL, NULL \
	}
const struct evil_case evil_vhost[] = {
	NAMED(half_header),
	NAMED(half_body),
	NAMED(huge),
	NAMED(unknown),
	NAMED(memory_without_fd),
	NAMED(memory_wraps),
	NAMED(memory_many),
	NAMED(ring_number),
	NAMED(ring_size),
	NAMED(ring_nowhere),
	NAMED(garbage),
	{ "truncated", truncated, NULL, "MEMORY", &memory_gone },
	{ "gone", gone, NULL, NULL, NULL },
	{ NULL, NULL, NULL, NULL, NULL },
};
