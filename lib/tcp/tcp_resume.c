/* SPDX-License-Identifier: BSD-3-Clause */
/* The resume record (design D9, rule 5): what a connection was born with. */
#include "tcp/tcp_conn.h"

#include "abi/abi_data.h"

#include <string.h>

/* IPv4 in the first four bytes, as in struct outsock_addr. */
static void addr_put(uint8_t *to, const struct ip_addr *a)
{
	if (ip_addr_is_v4(a))
		memcpy(to, &a->w[3], 4);
	else
		memcpy(to, a->b, 16);
}

void tcp_resume_record(const struct sock *s, struct outsock_resume *ret_record)
{
	const struct tcp_conn *c = tcp_conn_const(s);
	uint8_t flags = 0;

	if (c->flags & TCPC_WSCALE)
		flags |= OUTSOCK_RESUME_WSCALE;
	if (c->flags & TCPC_TS)
		flags |= OUTSOCK_RESUME_TS;
	*ret_record = (struct outsock_resume){
		.version = 1,
		.size = sizeof(*ret_record),
		.family = ip_addr_is_v4(&s->local.addr) ? OUTSOCK_INET : OUTSOCK_INET6,
		.flags = flags,
		.local_port = s->local.port,
		.peer_port = s->peer.port,
		.peer_mss = c->snd.peer_mss,
		.snd_shift = c->snd.shift,
		.rcv_shift = c->flags & TCPC_WSCALE ? c->rcv.shift : 0,
		.iss = c->snd.iss,
		.irs = c->rcv.irs,
		.ts_offset = c->ts_offset,
	};
	addr_put(ret_record->local, &s->local.addr);
	addr_put(ret_record->peer, &s->peer.addr);
}
