/* SPDX-License-Identifier: BSD-3-Clause */
/* UDP (RFC 768, RFC 1122 4.1) for one stack instance; sockets are udp_transport's. */
#ifndef OUTSOCK_UDP_UDP_H
#define OUTSOCK_UDP_UDP_H

#include "ip/ip.h"
#include "sock/sock_ops.h"

struct udp;

struct udp_cfg {
	struct env *env;
	struct ip *ip;
	struct port_table *ports;
	uint32_t socks_max;
};

struct udp *udp_create(const struct udp_cfg *cfg); /* start-up only */
void udp_destroy(struct udp *udp);		   /* takes NULL */

extern const struct sock_transport udp_transport; /* ctx: struct udp */
/* Bytes of datagrams that the consumer has not taken. */
uint32_t udp_rx_queued(const struct sock *s);

extern const struct ip_proto udp_ip_proto; /* ctx: struct udp */

#endif
