/* SPDX-License-Identifier: BSD-3-Clause */
/* A hostile guest of a real daemon: what evil.c and its cases share. */
#ifndef OUTSOCK_TEST_HOSTILE_EVIL_H
#define OUTSOCK_TEST_HOSTILE_EVIL_H

#include "simguest.h"

/* A guest as any other, until now; its sockets are there, @conn is connected to the honest one. */
struct evil {
	struct simguest *sg;
	struct sg_sock *listener, *conn, *dgram, *fresh;
};

/**
 * struct evil_case - one of them
 * @attached: acts in a session, with sockets; else @fn has only the path of the guest's socket
 * @reason, @text: why it is thrown out; "" and NULL: for any reason; NULL, NULL: not for an error
 */
struct evil_case {
	const char *name;
	void (*act)(struct evil *e);
	void (*act_raw)(const char *path);
	const char *reason, *const *text;
};

extern const struct evil_case evil_messages[], evil_rings[], evil_vhost[]; /* name NULL: the end */

_Noreturn void evil_die(const char *what);
uint32_t evil_random(void); /* the same each time */

#endif
