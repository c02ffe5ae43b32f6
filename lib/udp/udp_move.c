/* SPDX-License-Identifier: BSD-3-Clause */
/* A datagram socket goes to another stack (sock_ops.h). */
#include "udp/udp_priv.h"

int udp_leave(struct sock *s, void **at, unsigned int *budget)
{
	struct udp_sock *u = udp_sock(s);

	udp_conn_unlink(u);
	port_bind_leave(u->udp->ports, &u->bind);
	return 0;
}

void udp_stay(struct sock *s)
{
	struct udp_sock *u = udp_sock(s);

	port_bind_arrive(u->udp->ports, &u->bind);
	if (s->state == SOCK_CONNECTED)
		udp_conn_link(u);
}

void udp_arrive_begin(struct sock *s, struct sock *from)
{
	struct udp_sock *u = udp_sock(s);
	struct udp *udp = u->udp;

	*u = *udp_sock(from);
	u->udp = udp;
	list_init(&u->conn_link);
	list_init(&u->bind.link);
	/* What it keeps of the route is the old stack's. */
	u->flow.gen = 0;
	u->flow.link = NULL;
	u->flow.neigh = NULL;
}

bool udp_arrive(struct sock *s, struct sock *from, unsigned int *budget)
{
	struct udp_sock *old = udp_sock(from);

	udp_stay(s);
	sock_init_moved(from);
	old->bind.port = 0;
	return true;
}
