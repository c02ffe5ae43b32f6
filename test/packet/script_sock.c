/* SPDX-License-Identifier: BSD-3-Clause */
/* Packet scripts: the consumer. Every command acts on the current flow's socket. */
#include "script.h"

#include "abi/abi_cmd.h"
#include "tcp/tcp.h"

#include <errno.h>
#include <string.h>

struct ip_endpoint endpoint(uint32_t addr, uint16_t port)
{
	return (struct ip_endpoint){ ip_addr_v4(rte_cpu_to_be_32(addr)), rte_cpu_to_be_16(port) };
}

/* Compares with "= ENAME", or success. */
void want_rc(struct script *t, const char *what, int rc)
{
	if (-rc != t->want_err)
		fail(t, "%s: %s, not %s", what, errno_name(-rc), errno_name(t->want_err));
}

struct sock *need_sock(struct script *t)
{
	if (!t->flow->s)
		fail(t, "the flow has no socket");
	return t->flow->s;
}

static struct sock *new_sock(struct script *t, uint8_t type)
{
	struct flow *fl = t->flow;
	int rc = sock_create(&t->host.lane, OUTSOCK_INET, type, fl - t->flows, &fl->s);

	if (rc) {
		want_rc(t, "socket", rc);
		fl->s = NULL;
	}
	return fl->s;
}

static struct sock *new_or_old(struct script *t, uint8_t type)
{
	return t->flow->s ? t->flow->s : new_sock(t, type);
}

/* Handled: off the ready list, unless more is left. */
void took(struct script *t, struct sock *s, uint16_t events)
{
	sock_event_taken(s, events);
	if (!s->events)
		list_del(&s->ready_link);
}

void want_event(struct script *t, struct sock *s, uint16_t events, const char *name)
{
	if ((s->events & events) != events)
		fail(t, "no event %s; there are %#x", name, s->events);
	if (list_empty(&s->ready_link))
		fail(t, "event %s, but the socket is not on its lane's ready list", name);
}

/* ---- life ---- */

static void cmd_socket(struct script *t)
{
	bool udp = take_word(t, "udp");

	if (!udp && !take_word(t, "tcp"))
		fail(t, "tcp or udp?");
	new_sock(t, udp ? SOCK_DGRAM_T : SOCK_STREAM_T);
}

static void cmd_bind(struct script *t)
{
	struct ip_endpoint at = endpoint(0, need_num(t, "port"));
	struct sock *s = new_or_old(t, SOCK_STREAM_T);

	if (take_word(t, "local"))
		at.addr = ip_addr_v4(rte_cpu_to_be_32(t->cfg.addr));
	else if (take_word(t, "foreign"))
		at.addr = ip_addr_v4(rte_cpu_to_be_32(PEER_ADDR));
	want_rc(t, "bind", sock_bind(s, &at));
	t->flow->local_port = rte_be_to_cpu_16(s->local.port);
}

static void cmd_listen(struct script *t)
{
	uint32_t backlog = 128, accepts = 128, credit = t->credit;
	int64_t port = need_num(t, "port");
	struct ip_endpoint at = endpoint(0, port);
	struct sock *s = new_or_old(t, SOCK_STREAM_T);
	int rc = 0;

	while (t->at < t->n_tok) {
		if (take_word(t, "backlog"))
			backlog = need_num(t, "backlog");
		else if (take_word(t, "accepts"))
			accepts = need_num(t, "accepts");
		else if (take_word(t, "credit"))
			credit = need_num(t, "credit");
		else
			return;
	}
	if (s->state == SOCK_NEW)
		rc = sock_bind(s, &at);
	if (!rc)
		rc = sock_listen(s, backlog, accepts, credit);
	want_rc(t, "listen", rc);
	for (unsigned int i = 0; i < SCRIPT_FLOWS; i++)
		if (!t->flows[i].local_port)
			t->flows[i].local_port = port;
}

static void cmd_connect(struct script *t)
{
	uint32_t addr = take_addr(t);
	struct ip_endpoint at = endpoint(addr, need_num(t, "port"));
	struct sock *s = new_or_old(t, SOCK_STREAM_T);
	int rc;

	if (s->type == SOCK_STREAM_T && s->state <= SOCK_BOUND)
		sock_credit(s, t->credit);
	rc = sock_connect(s, &at);
	want_rc(t, "connect", rc);
	if (rc)
		return;
	t->flow->peer_port = rte_be_to_cpu_16(at.port);
	t->flow->local_port = rte_be_to_cpu_16(s->local.port);
}

static void cmd_accept(struct script *t)
{
	uint16_t port = rte_cpu_to_be_16(t->flow->peer_port);

	list_for_each(l, &t->host.lane.ready) {
		struct sock *s = container_of(l, struct sock, ready_link);

		if (!(s->events & SOCK_EV_ACCEPTED) || s->peer.port != port)
			continue;
		if (s->state != SOCK_CONNECTED || !s->parent)
			fail(t, "an accepted socket has state CONNECTED and a parent");
		t->flow->s = s;
		took(t, s, SOCK_EV_ACCEPTED);
		return;
	}
	fail(t, "no connection to accept from port %u", t->flow->peer_port);
}

static void cmd_noaccept(struct script *t)
{
	list_for_each(l, &t->host.lane.ready)
		if (container_of(l, struct sock, ready_link)->events & SOCK_EV_ACCEPTED)
			fail(t, "there is a connection to accept");
}

static void cmd_closed(struct script *t)
{
	struct sock *s = need_sock(t);

	want_event(t, s, SOCK_EV_CLOSED, "CLOSED");
	sock_event_taken(s, SOCK_EV_CLOSED);
	sock_free(s);
	t->flow->s = NULL;
}

/* ---- events ---- */

static void cmd_connected(struct script *t)
{
	struct sock *s = need_sock(t);

	want_event(t, s, SOCK_EV_CONNECTED, "CONNECTED");
	if (s->state != SOCK_CONNECTED)
		fail(t, "event CONNECTED in another state");
	took(t, s, SOCK_EV_CONNECTED);
}

static void cmd_peerclosed(struct script *t)
{
	struct sock *s = need_sock(t);

	want_event(t, s, SOCK_EV_PEER_CLOSED, "PEER_CLOSED");
	if (s->rxq.n || s->rx_end != s->rx_off)
		fail(t, "not all was read: %lu of %lu bytes", s->rx_off, s->rx_end);
	took(t, s, SOCK_EV_PEER_CLOSED);
}

static void want_error(struct script *t, bool fatal)
{
	int err = errno_by_name(t, need_token(t, "error"));
	struct sock *s = need_sock(t);

	want_event(t, s, SOCK_EV_ERROR, "ERROR");
	if (s->err != err)
		fail(t, "the error is %s", errno_name(s->err));
	if (fatal != !!(s->events & SOCK_EV_GONE))
		fail(t, "the error is %s", fatal ? "not fatal" : "fatal");
	took(t, s, SOCK_EV_ERROR | SOCK_EV_GONE);
}

static void cmd_noevent(struct script *t)
{
	const struct sock *s = need_sock(t);

	if (s->events & ~(SOCK_EV_ACKED))
		fail(t, "there are events %#x", s->events);
}

/* ---- options and state ---- */

static uint16_t opt_by_name(struct script *t, const char *name)
{
#define OPT_NAME(opt, value, first, last) \
	if (!strcmp(name, #opt)) \
		return value;
	OUTSOCK_OPTS(OPT_NAME)
#undef OPT_NAME
	return parse_num(t, name, "option");
}

static void cmd_opt(struct script *t)
{
	uint16_t opt = opt_by_name(t, need_token(t, "option"));
	uint32_t value = need_num(t, "value");

	want_rc(t, "setopt", sock_setopt(need_sock(t), opt, value));
}

static void cmd_getopt(struct script *t)
{
	uint16_t opt = opt_by_name(t, need_token(t, "option"));
	uint32_t want = need_num(t, "value"), got;
	int rc = sock_getopt(need_sock(t), opt, &got);

	want_rc(t, "getopt", rc);
	if (!rc && got != want)
		fail(t, "the option is %u, not %u", got, want);
}

static void cmd_state(struct script *t)
{
	const char *want = need_token(t, "state");
	const char *got = tcp_state_name(need_sock(t));

	if (strcmp(want, got))
		fail(t, "the state is %s", got);
}

static void cmd_socks(struct script *t)
{
	uint32_t want = need_num(t, "number");

	if (t->host.owner.n_socks != want)
		fail(t, "the owner has %u sockets, not %u", t->host.owner.n_socks, want);
}

static void cmd_shutdown(struct script *t)
{
	sock_tx_end(need_sock(t), true, true);
}

static void cmd_close(struct script *t)
{
	if (take_word(t, "later"))
		sock_close_later(need_sock(t));
	else
		sock_close(need_sock(t), take_word(t, "unread") ? SOCK_CLOSE_UNREAD : 0);
}

static void cmd_abort(struct script *t)
{
	sock_close(need_sock(t), SOCK_CLOSE_ABORT);
}

static void cmd_gone(struct script *t)
{
	want_error(t, true);
}

static void cmd_error(struct script *t)
{
	want_error(t, false);
}

static void cmd_disconnect(struct script *t)
{
	want_rc(t, "disconnect", sock_disconnect(need_sock(t)));
}

bool sock_command(struct script *t, const char *word)
{
	static const struct {
		const char *word;
		void (*run)(struct script *t);
	} cmds[] = {
		{ "abort", cmd_abort },	      { "accept", cmd_accept },
		{ "acked", cmd_acked },	      { "bind", cmd_bind },
		{ "close", cmd_close },	      { "closed", cmd_closed },
		{ "connect", cmd_connect },   { "connected", cmd_connected },
		{ "credit", cmd_credit },     { "disconnect", cmd_disconnect },
		{ "error", cmd_error },	      { "getopt", cmd_getopt },
		{ "gone", cmd_gone },	      { "listen", cmd_listen },
		{ "noaccept", cmd_noaccept }, { "noevent", cmd_noevent },
		{ "opt", cmd_opt },	      { "peerclosed", cmd_peerclosed },
		{ "read", cmd_read },	      { "recv", cmd_recv },
		{ "rxq", cmd_rxq },	      { "send", cmd_send },
		{ "sendto", cmd_sendto },     { "shutdown", cmd_shutdown },
		{ "socket", cmd_socket },     { "socks", cmd_socks },
		{ "state", cmd_state },	      { "write", cmd_write },
	};

	for (unsigned int i = 0; i < RTE_DIM(cmds); i++) {
		if (!strcmp(cmds[i].word, word)) {
			cmds[i].run(t);
			return true;
		}
	}
	return false;
}
