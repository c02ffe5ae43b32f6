/* SPDX-License-Identifier: BSD-3-Clause */
/* What one instance consists of. Private to lib/stack. */
#ifndef OUTSOCK_STACK_STACK_PRIV_H
#define OUTSOCK_STACK_STACK_PRIV_H

#include "sock/sock_bin.h"
#include "stack/stack.h"
#include "tcp/tcp.h"
#include "udp/udp.h"

#define STACK_LINKS_MAX 8

struct stack {
	struct env env;
	struct ip *ip;
	struct tcp *tcp;
	struct udp *udp;
	struct sock_types types;
	unsigned int n_links;
	struct link *links[STACK_LINKS_MAX];
	struct port_table *tcp_ports, *udp_ports;
};

#endif
