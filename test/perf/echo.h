/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The smallest consumer of sockets there is: one lane, one listener, every byte goes back where it
 * came from. What a guest session costs on top of the stack is not in it.
 */
#ifndef OUTSOCK_PERF_ECHO_H
#define OUTSOCK_PERF_ECHO_H

#include "sock/sock.h"

struct echo {
	struct sock_owner owner;
	struct sock_lane lane;
	struct sock *listener;
	uint32_t n_conns; /* accepted and not yet gone */
};

/* Listens on @port (network order) of every address of the owner. 0 or -errno. */
int echo_listen(struct echo *e, struct stack *stack, uint16_t port, uint32_t max_socks);

/* Serves at most @budget ready sockets. */
void echo_serve(struct echo *e, unsigned int budget);

#endif
