/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sockapi: the socket calls one by one, with Linux' own behaviour as the specification.
 *
 * Each test of tests.def is a function that runs in a process of its own (so that signals, open
 * descriptors and a hang stay its own) against two servers on the other side of the network: an
 * echo (stream.py serve) and a remote control (peer.py).
 */
#ifndef SOCKAPI_H
#define SOCKAPI_H

#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "check.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Where things are; ports in network order inside the addresses. */
struct place {
	struct sockaddr_in echo;    /* TCP echo */
	struct sockaddr_in control; /* peer.py: TCP remote control, UDP echo */
	struct in_addr own;	    /* the address that this side has towards the peer */
	char own_text[INET_ADDRSTRLEN];
	char peer_text[INET_ADDRSTRLEN];
};

extern struct place place;

#define TEST(name, text) void test_##name(void);
#include "tests.def"
#undef TEST

/* ---- addresses (addr.c) ---- */

struct sockaddr_in addr4(uint32_t host_order_address, int port);
struct sockaddr_in own4(int port);
struct sockaddr_in peer4(int port);
struct sockaddr_in6 mapped(const struct sockaddr_in *addr);
int port_of(int fd);

/* getsockname() and getpeername() say exactly this; getsockname's port may be 0 for "any but 0". */
void sockname_is(int fd, const struct sockaddr_in *wanted);
void peername_is(int fd, const struct sockaddr_in *wanted);
void addr_is(const struct sockaddr_storage *seen, socklen_t len, const struct sockaddr_in *wanted);
void addr6_is(const struct sockaddr_storage *seen, socklen_t len,
	      const struct sockaddr_in6 *wanted);
void sockname6_is(int fd, const struct sockaddr_in6 *wanted);
void peername6_is(int fd, const struct sockaddr_in6 *wanted);

static inline const struct sockaddr *sa(const void *address)
{
	return address;
}

/* ---- sockets (util.c); all end the test when they fail ---- */

int tcp(int flags);
int udp(int flags);
int bound(int fd, struct sockaddr_in addr);
int listener(struct sockaddr_in addr, int flags);
int connected(struct sockaddr_in addr);
int free_port(void); /* one that nobody uses here */
int accepted(int listener);
void nonblock(int fd, bool on);
void option(int fd, int level, int name, int value);
int option_of(int fd, int level, int name);
int error_of(int fd); /* SO_ERROR */

/* The byte at an offset of every stream, as peer.py knows it; at most 128 KiB from there. */
const unsigned char *pattern(size_t offset);
void pattern_init(void);
#define PATTERN_MAX (128 * 1024)

void send_pattern(int fd, size_t offset, size_t len);
void recv_pattern(int fd, size_t offset, size_t len);
void recv_end(int fd); /* the end of the stream, at once or when it comes */

/* Sends the pattern until EAGAIN with nothing writable; offset afterwards. */
size_t fill(int fd, size_t offset);

/* Waits until poll reports some of @events; all that it reports. */
int wait_events(int fd, int events);
/* The same for what may be lost: the test fails after some seconds. */
void wait_datagram(int fd);
int events_now(int fd, int events);

/* Waits until FIONREAD is @len. */
void wait_readable(int fd, int len);

/* ---- the peer (peer.c) ---- */

struct answer {
	char error[32]; /* "" is success */
	long number;
	char host[64];
	int port;
};

/* A new remote control. */
int peer_open(void);

/* A command and its answer, in two steps or in one. peer_do: which must succeed; its number. */
void peer_tell(int control, const char *format, ...) __attribute__((format(printf, 2, 3)));
struct answer peer_hear(int control);
struct answer peer_ask(int control, const char *format, ...) __attribute__((format(printf, 2, 3)));
long peer_do(int control, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The peer's answer to a command is this error. */
void peer_fails(int control, const char *error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* A connection made from here: our end; the peer's is its socket @name. rcvbuf 0: the default. */
int peer_dial(int control, const char *name, int rcvbuf);

/* A connection made by the peer to @listener: our end; the peer's is its socket @name. */
int peer_call(int control, const char *name, int listener);

/* A port at the peer where nobody listens. */
int closed_port(int control);

/*
 * A peer's listener that answers no SYN until it accepts: its queue is full. Returns our end of the
 * connection that fills it; *port is the listener's. The peer's name for it is "full".
 */
int full_listener(int control, int *port);

/* ---- threads (job.c) ---- */

/* A call in a thread of its own. */
struct job {
	long (*call)(struct job *job);
	int fd;
	void *buf;
	size_t len;
	int flags;
	struct sockaddr_in addr;
	short events; /* poll: asked, then seen */

	long ret;
	int error; /* errno, when ret is -1 */
	pthread_t thread;
	volatile pid_t tid;
};

void job_start(struct job *job);
void job_asleep(struct job *job); /* waits until its thread sleeps in the call */
void job_join(struct job *job);
void job_signal(struct job *job, int signal);

long job_recv(struct job *job);
long job_send(struct job *job);
long job_accept(struct job *job);
long job_connect(struct job *job);
long job_poll(struct job *job);
long job_close(struct job *job);

/* ---- signals (job.c) ---- */

extern volatile sig_atomic_t signals_seen;

void count_signal(int signal, int flags);

#endif /* SOCKAPI_H */
