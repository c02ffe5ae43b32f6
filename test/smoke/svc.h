/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Small servers over sock.h: TCP and UDP 7 echo, TCP 9 discard; TCP 80 ("GET /N") and UDP 19 ("N")
 * answer N bytes; and a client that has N bytes echoed by somebody else. They pull, and have no
 * buffers of their own.
 */
#ifndef OUTSOCK_TEST_SVC_H
#define OUTSOCK_TEST_SVC_H

#include "stack/stack.h"

struct svc {
	struct stack *stack;
	struct sock_owner owner;
	struct sock_lane lane;
	uint32_t n_conns;
	bool client_done;
};

void svc_init(struct svc *v, struct stack *stack);
/* @to, @bytes: a client (@bytes 0: none). Negative errno. */
int svc_start(struct svc *v, const struct ip_endpoint *to, uint64_t bytes);
/* Aborts all sockets. */
void svc_fini(struct svc *v);
/* Handles ready sockets; true when there was something. */
bool svc_turn(struct svc *v);

#endif
