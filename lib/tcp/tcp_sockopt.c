/* SPDX-License-Identifier: BSD-3-Clause */
/* Socket options. Values are within the ABI's ranges: sock_setopt() has looked. */
#include "tcp/tcp_conn.h"

#include "abi/abi_cmd.h"

static void flag_set(struct tcp_conn *c, uint32_t flag, uint32_t value)
{
	c->flags = value ? c->flags | flag : c->flags & ~flag;
	/* What Nagle or the cork held may leave now. */
	if (tcp_unsent(c))
		tcp_sched(c);
}

static void keepalive_set(struct tcp_conn *c)
{
	if (tcp_is_sync(c) && c->timer_mode == TCP_TM_KEEPALIVE)
		c->timer_mode = TCP_TM_NONE;
	if (tcp_is_sync(c))
		tcp_timer_update(c);
}

/* An acknowledgement that is owed leaves now, and the next one is not delayed. */
static void quickack_set(struct tcp_conn *c, uint32_t value)
{
	if (!value || !tcp_is_sync(c))
		return;
	if (c->flags & TCPC_ACK_DELAY)
		tcp_ack_now(c);
	else
		c->flags |= TCPC_ACK_QUICK;
}

static void sndbuf_set(struct tcp_conn *c, uint32_t value)
{
	bool grows = value > c->s.snd_win;

	c->s.snd_win = value;
	if (grows && c->s.state == SOCK_CONNECTED)
		sock_ready(&c->s, SOCK_EV_ACKED);
}

/* Of the claim on the port, or of what an accepted connection has instead. */
static bool reuse_addr(const struct tcp_conn *c)
{
	return c->flags & TCPC_HOLD ? c->hold.reuse_addr : c->bind.reuse_addr;
}

static bool reuse_port(const struct tcp_conn *c)
{
	return c->flags & TCPC_HOLD ? c->hold.reuse_port : c->bind.reuse_port;
}

static void reuse_set(struct tcp_conn *c, bool addr, bool port)
{
	if (c->flags & TCPC_HOLD) {
		port_hold_flags(&c->hold, addr, port);
		return;
	}
	c->bind.reuse_addr = addr;
	c->bind.reuse_port = port;
}

int tcp_setopt(struct sock *s, uint16_t opt, uint32_t value)
{
	struct tcp_conn *c = tcp_conn(s);

	switch (opt) {
	case OUTSOCK_OPT_REUSEADDR:
		reuse_set(c, value, reuse_port(c));
		break;
	case OUTSOCK_OPT_REUSEPORT:
		reuse_set(c, reuse_addr(c), value);
		break;
	case OUTSOCK_OPT_BROADCAST:
		flag_set(c, TCPC_BROADCAST, value);
		break;
	case OUTSOCK_OPT_KEEPALIVE:
		flag_set(c, TCPC_KEEPALIVE, value);
		keepalive_set(c);
		break;
	case OUTSOCK_OPT_SNDBUF:
		sndbuf_set(c, value);
		break;
	case OUTSOCK_OPT_TOS:
		c->flow.tos = (uint8_t)value;
		break;
	case OUTSOCK_OPT_TTL:
		c->flow.ttl = (uint8_t)value;
		break;
	case OUTSOCK_OPT_NODELAY:
		flag_set(c, TCPC_NODELAY, value);
		break;
	case OUTSOCK_OPT_CORK:
		flag_set(c, TCPC_CORK, value);
		break;
	case OUTSOCK_OPT_MAXSEG:
		c->mss_user = (uint16_t)value;
		if (tcp_is_sync(c))
			tcp_mss_update(c);
		break;
	case OUTSOCK_OPT_KEEPIDLE:
		c->keep_idle = (uint16_t)value;
		keepalive_set(c);
		break;
	case OUTSOCK_OPT_KEEPINTVL:
		c->keep_intvl = (uint16_t)value;
		break;
	case OUTSOCK_OPT_KEEPCNT:
		c->keep_cnt = (uint8_t)value;
		break;
	case OUTSOCK_OPT_USER_TIMEOUT:
		c->user_timeout = value;
		break;
	case OUTSOCK_OPT_DF:
		c->flow.df = value;
		break;
	case OUTSOCK_OPT_SYNCNT:
		c->snd.syn_retries = (uint8_t)value;
		break;
	case OUTSOCK_OPT_QUICKACK:
		quickack_set(c, value);
		break;
	default:
		return -ENOPROTOOPT;
	}
	return 0;
}

int tcp_getopt(struct sock *s, uint16_t opt, uint32_t *ret_value)
{
	const struct tcp_conn *c = tcp_conn_const(s);

	switch (opt) {
	case OUTSOCK_OPT_REUSEADDR:
		*ret_value = reuse_addr(c);
		break;
	case OUTSOCK_OPT_REUSEPORT:
		*ret_value = reuse_port(c);
		break;
	case OUTSOCK_OPT_BROADCAST:
		*ret_value = !!(c->flags & TCPC_BROADCAST);
		break;
	case OUTSOCK_OPT_KEEPALIVE:
		*ret_value = !!(c->flags & TCPC_KEEPALIVE);
		break;
	case OUTSOCK_OPT_SNDBUF:
		*ret_value = s->snd_win;
		break;
	case OUTSOCK_OPT_TOS:
		*ret_value = c->flow.tos;
		break;
	case OUTSOCK_OPT_TTL:
		*ret_value = c->flow.ttl;
		break;
	case OUTSOCK_OPT_NODELAY:
		*ret_value = !!(c->flags & TCPC_NODELAY);
		break;
	case OUTSOCK_OPT_CORK:
		*ret_value = !!(c->flags & TCPC_CORK);
		break;
	case OUTSOCK_OPT_MAXSEG:
		*ret_value = tcp_is_sync(c) ? c->snd.mss : TCP_MSS_DEFAULT;
		break;
	case OUTSOCK_OPT_KEEPIDLE:
		*ret_value = c->keep_idle;
		break;
	case OUTSOCK_OPT_KEEPINTVL:
		*ret_value = c->keep_intvl;
		break;
	case OUTSOCK_OPT_KEEPCNT:
		*ret_value = c->keep_cnt;
		break;
	case OUTSOCK_OPT_USER_TIMEOUT:
		*ret_value = c->user_timeout;
		break;
	case OUTSOCK_OPT_DF:
		*ret_value = c->flow.df;
		break;
	case OUTSOCK_OPT_SYNCNT:
		*ret_value = c->snd.syn_retries;
		break;
	case OUTSOCK_OPT_QUICKACK:
		*ret_value = !!(c->flags & TCPC_ACK_QUICK);
		break;
	default:
		return -ENOPROTOOPT;
	}
	return 0;
}
