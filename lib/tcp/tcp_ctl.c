/* SPDX-License-Identifier: BSD-3-Clause */
/* User calls (RFC 9293, 3.10.1 to 3.10.6): struct sock_transport but for the send queue. */
#include "tcp/tcp_conn.h"

#include <limits.h>

#define PORT_TRIES 8 /* ephemeral ports tried while TIME-WAIT holds the tuple */

static struct sock *ctl_create(void *ctx)
{
	struct tcp_conn *c = tcp_conn_new(ctx);

	return c ? &c->s : NULL;
}

static int ctl_bind(struct sock *s, const struct ip_endpoint *local)
{
	struct tcp_conn *c = tcp_conn(s);

	if (!ip_addr_is_any(&local->addr) && ip_addr_owner(c->tcp->ip, &local->addr) != s->owner)
		return -EADDRNOTAVAIL;
	return port_bind_sock(c->tcp->ports, &c->bind, s, local);
}

static int ctl_listen(struct sock *s, uint32_t backlog)
{
	struct tcp_conn *c = tcp_conn(s);
	int rc = port_listen(c->tcp->ports, &c->bind);

	if (rc)
		return rc;
	c->backlog = RTE_MAX(backlog, 1u);
	c->state = TCPS_LISTEN;
	return 0;
}

/* ---- connect ---- */

/* Is the tuple free? A TIME-WAIT entry may make room (RFC 6191); then ISS is to be beyond its. */
static bool tuple_free(struct tcp_conn *c, uint32_t *ret_iss_min)
{
	struct tcp *tcp = c->tcp;
	struct sock *s = &c->s;
	struct tcp_tw *tw;
	uint32_t hash = tcp_table_hash(&tcp->env->secret, &s->local.addr, s->local.port,
				       &s->peer.addr, s->peer.port);

	*ret_iss_min = 0;
	if (tcp_find(tcp, hash, &s->local.addr, s->local.port, &s->peer.addr, s->peer.port, &tw))
		return false;
	return !tw || tcp_tw_reuse(tcp, tw, ret_iss_min);
}

/* A local port with which the tuple is free. @bound: the consumer's choice is to be kept. */
static int choose_port(struct tcp_conn *c, bool bound, uint32_t *ret_iss_min)
{
	int rc;

	if (bound)
		return tuple_free(c, ret_iss_min) ? 0 : -EADDRNOTAVAIL;
	for (unsigned int i = 0; i < PORT_TRIES; i++) {
		c->bind.owner = c->s.owner;
		c->bind.addr = c->flow.src;
		c->bind.port = 0;
		c->bind.by_connect = true;
		rc = port_bind(c->tcp->ports, &c->bind);
		if (rc)
			return rc;
		c->s.local.port = c->bind.port;
		if (tuple_free(c, ret_iss_min))
			return 0;
		port_unbind(c->tcp->ports, &c->bind);
	}
	return -EADDRNOTAVAIL;
}

/* Route and source address. */
static int connect_route(struct tcp_conn *c, const struct ip_endpoint *peer)
{
	struct sock *s = &c->s;
	int rc;

	if (!peer->port || ip_addr_is_any(&peer->addr))
		return -ECONNREFUSED;
	c->flow.src = s->local.addr;
	c->flow.dst = peer->addr;
	if (ip_addr_is_any(&c->flow.src))
		c->flow.src = ip_addr_v4(0);
	rc = ip_flow_route(c->tcp->ip, &c->flow, s->owner);
	/* RFC 1122, 4.2.3.10 */
	return !rc && c->flow.broadcast ? -ENETUNREACH : rc;
}

static void connect_begin(struct tcp_conn *c, uint32_t iss_min)
{
	tcp_tcb_init(c);
	tcp_iss_raise(c, iss_min);
	c->state = TCPS_SYN_SENT;
	tcp_sched(c);
}

static int ctl_connect(struct sock *s, const struct ip_endpoint *peer)
{
	struct tcp_conn *c = tcp_conn(s);
	struct ip_endpoint before = s->local;
	bool bound = c->bind.port;
	uint32_t iss_min;
	int rc = connect_route(c, peer);

	if (rc)
		return rc;
	s->local.addr = c->flow.src;
	s->peer = *peer;
	rc = choose_port(c, bound, &iss_min);
	if (!rc && !tcp_hash_insert(c)) {
		if (!bound)
			port_unbind(c->tcp->ports, &c->bind);
		rc = -ENOBUFS;
	}
	if (rc) {
		s->local = before;
		s->peer = (struct ip_endpoint){ 0 };
		return rc;
	}
	connect_begin(c, iss_min);
	return 0;
}

/* ---- the receive side ---- */

/* What the consumer has taken may be acknowledged (D9, rule 1): text, then FIN. */
static void taken(struct tcp_conn *c)
{
	bool fin = (c->flags & TCPC_FIN_TAKEN) && !c->s.rxq.head;

	c->rcv.ack = c->rcv.irs + 1 + (uint32_t)c->s.rx_off + fin;
}

static void ctl_event_taken(struct sock *s, uint16_t events)
{
	struct tcp_conn *c = tcp_conn(s);

	if (events & SOCK_EV_ACCEPTED)
		tcp_child_forget(c);
	if (!tcp_is_sync(c))
		return;
	if ((events & SOCK_EV_ACCEPTED) && (c->flags & TCPC_ACK_DELAY))
		tcp_sched(c);
	if ((events & SOCK_EV_CONNECTED) && (c->flags & TCPC_HELD)) {
		c->flags &= ~TCPC_HELD;
		taken(c);
		tcp_ack_now(c);
	}
	if ((events & SOCK_EV_PEER_CLOSED) && (c->flags & TCPC_PEER_FIN) &&
	    !(c->flags & TCPC_FIN_TAKEN)) {
		c->flags |= TCPC_FIN_TAKEN;
		taken(c);
		tcp_ack_now(c);
	}
}

static void ctl_rx_taken(struct sock *s, uint32_t n)
{
	struct tcp_conn *c = tcp_conn(s);

	if (!tcp_is_sync(c))
		return;
	taken(c);
	tcp_ack_decide(c);
}

static void ctl_credit(struct sock *s)
{
	struct tcp_conn *c = tcp_conn(s);

	if (tcp_is_sync(c))
		tcp_ack_decide(c);
}

/* ---- the send side ---- */

static void ctl_tx_end(struct sock *s, bool push, bool fin)
{
	struct tcp_conn *c = tcp_conn(s);

	if (push || fin)
		c->flags &= ~TCPC_MORE;
	else
		c->flags |= TCPC_MORE;
	if (tcp_unsent(c))
		tcp_sched(c);
}

/* ---- close ---- */

/* The consumer will take nothing any more, so all that came counts as taken. */
static void stop_taking(struct tcp_conn *c)
{
	bool news = c->rcv.ack != c->rcv.nxt;

	c->flags &= ~(TCPC_HELD | TCPC_MORE);
	if (c->flags & TCPC_PEER_FIN)
		c->flags |= TCPC_FIN_TAKEN;
	c->rcv.ack = c->rcv.nxt;
	tcp_ooo_free(c);
	if (news)
		tcp_ack_now(c);
}

/* Over at once: no error for the consumer, whose wish it was. */
static void close_now(struct tcp_conn *c, bool rst)
{
	struct sock *s = &c->s;

	if (rst)
		tcp_reset_send(c);
	tcp_conn_dead(c);
	s->state = SOCK_DEAD;
	sock_ready(s, SOCK_EV_CLOSED);
}

/* RFC 9293, 3.10.4, and 3.10.5 (ABORT). Unread bytes: RST (RFC 2525, 2.17). */
static void close_conn(struct tcp_conn *c, bool rst)
{
	switch (c->state) {
	case TCPS_CLOSED:
	case TCPS_SYN_SENT:
		close_now(c, false);
		return;
	default:
		if (rst || c->s.rxq.head) {
			close_now(c, true);
			return;
		}
	}
	stop_taking(c);
	if (tcp_fin_acked(c))
		tcp_done(c);
	tcp_timer_update(c);
	tcp_sched(c);
}

/* Nothing that its owner knows as a connection; a handshake may be under way. */
static void close_new(struct tcp_conn *c)
{
	tcp_reset_send(c);
	tcp_conn_dead(c);
}

static void ctl_close(struct sock *s, uint32_t flags)
{
	struct tcp_conn *c = tcp_conn(s);

	c->flags |= TCPC_CLOSING;
	tcp_child_forget(c);
	if (s->state == SOCK_LISTENING)
		tcp_listen_close(c);
	else if (s->state == SOCK_CONNECTING || s->state == SOCK_CONNECTED)
		close_conn(c, flags & (SOCK_CLOSE_ABORT | SOCK_CLOSE_UNREAD));
	else
		close_new(c);
}

static void ctl_free(struct sock *s)
{
	struct tcp_conn *c = tcp_conn(s);

	if (c->state == TCPS_TIME_WAIT) {
		tcp_port_hold(c);
		sock_leave(s);
		c->flags |= TCPC_DETACHED;
		tcp_sched(c);
		return;
	}
	if (c->state == TCPS_FIN_WAIT_2)
		tcp_orphan(c);
	if (c->state == TCPS_LISTEN)
		tcp_listen_reap(c, UINT_MAX);
	tcp_conn_dead(c);
	tcp_conn_free(c);
}

const struct sock_transport tcp_transport = {
	.name = "tcp",
	.create = ctl_create,
	.bind = ctl_bind,
	.listen = ctl_listen,
	.connect = ctl_connect,
	.setopt = tcp_setopt,
	.getopt = tcp_getopt,
	.info = tcp_info_record,
	.close = ctl_close,
	.free = ctl_free,
	.event_taken = ctl_event_taken,
	.rx_taken = ctl_rx_taken,
	.credit = ctl_credit,
	.tx_space = tcp_tx_space,
	.tx_commit = tcp_tx_commit,
	.tx_end = ctl_tx_end,
	.leave = tcp_leave,
	.stay = tcp_stay,
	.arrive_begin = tcp_arrive_begin,
	.arrive = tcp_arrive,
	.ghosts_leave = tcp_ghosts_leave,
	.ghosts_stay = tcp_ghosts_stay,
	.ghosts_arrive = tcp_ghosts_arrive,
	.ghosts_free = tcp_ghosts_free,
};
