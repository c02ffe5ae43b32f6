/* SPDX-License-Identifier: BSD-3-Clause */
/* Control: owners, lanes, the life of a socket. */
#include "sock/sock_bin.h"

#include "abi/abi_cmd.h"

#include <limits.h>
#include <string.h>

void sock_owner_init(struct sock_owner *o, struct stack *stack, uint32_t max_socks,
		     uint32_t max_pkts, void *cookie)
{
	*o = (struct sock_owner){
		.stack = stack,
		.max_socks = max_socks,
		.cookie = cookie,
	};
	list_init(&o->socks);
	list_init(&o->port_uses);
	list_init(&o->refused);
	list_init(&o->bin.link);
	sock_owner_quota(o, max_pkts);
}

void sock_owner_quota(struct sock_owner *o, uint32_t max_pkts)
{
	o->n_freed++; /* as if: who was refused is looked at */
	o->max_pkts = max_pkts;
	o->tx_max = max_pkts / 2;
	o->tx_min = RTE_MAX(max_pkts / 2 / o->max_socks, 2u);
	o->tx_cap = RTE_MAX((uint32_t)(max_pkts * 3ull / 4), 1u);
}

void sock_lane_init(struct sock_lane *l, struct sock_owner *o)
{
	l->owner = o;
	list_init(&l->ready);
	list_init(&l->woken_link);
	l->woken = NULL;
}

void sock_lane_wakes(struct sock_lane *l, struct list *woken)
{
	list_del(&l->woken_link);
	l->woken = woken;
	if (woken && !list_empty(&l->ready))
		list_add_tail(woken, &l->woken_link);
}

void sock_init_(struct sock *s, const struct sock_transport *tp, uint8_t type)
{
	memset(s, 0, sizeof(*s));
	s->tp = tp;
	s->type = type;
	s->state = SOCK_NEW;
	s->id = OUTSOCK_ID_NONE;
	list_init(&s->ready_link);
	list_init(&s->owner_link);
}

int sock_join(struct sock *s, struct sock_lane *lane)
{
	struct sock_owner *o = lane->owner;

	if (o->n_socks >= o->max_socks)
		return -ENFILE;
	o->n_socks++;
	o->n_dgrams += s->type == SOCK_DGRAM_T;
	s->owner = o;
	s->lane = lane;
	list_add_tail(&o->socks, &s->owner_link);
	return 0;
}

void sock_leave(struct sock *s)
{
	if (!s->owner)
		return;
	sock_bin_queue(s, &s->rxq, 0);
	list_del(&s->ready_link);
	list_del(&s->owner_link);
	sock_tx_accept(s);
	s->owner->n_socks--;
	s->owner->n_dgrams -= s->type == SOCK_DGRAM_T;
	s->owner = NULL;
	s->lane = NULL;
}

void sock_gone(struct sock *s, int err)
{
	if (s->state == SOCK_DEAD)
		return;
	s->state = SOCK_DEAD;
	s->err = err;
	if (s->owner)
		sock_bin_queue(s, &s->rxq, 0);
	sock_tx_accept(s);
	s->events &= ~(SOCK_EV_DATA | SOCK_EV_ACKED | SOCK_EV_PEER_CLOSED);
	sock_ready(s, SOCK_EV_ERROR | SOCK_EV_GONE | (s->closing ? SOCK_EV_CLOSED : 0));
}

int sock_create(struct sock_lane *lane, uint8_t family, uint8_t type, uint32_t id,
		struct sock **ret_sock)
{
	const struct sock_types *types = stack_sock_types(lane->owner->stack);
	struct sock *s;

	if (family != OUTSOCK_INET && family != OUTSOCK_INET6)
		return -EAFNOSUPPORT;
	if (type != SOCK_STREAM_T && type != SOCK_DGRAM_T)
		return -ESOCKTNOSUPPORT;
	if (lane->owner->n_socks >= lane->owner->max_socks)
		return -ENFILE;
	s = type == SOCK_STREAM_T ? types->stream->create(types->stream_ctx)
				  : types->dgram->create(types->dgram_ctx);
	if (!s)
		return -ENOBUFS;
	s->family = family;
	s->id = id;
	*ret_sock = s;
	return sock_join(s, lane);
}

/* Native IPv6 addresses are nobody's yet. */
static int family_check(const struct sock *s, const struct ip_addr *a, int err)
{
	if (ip_addr_is_v4(a))
		return 0;
	if (s->family == OUTSOCK_INET)
		return -EAFNOSUPPORT;
	return ip_addr_is_any(a) ? 0 : err;
}

int sock_bind(struct sock *s, const struct ip_endpoint *local)
{
	int rc = family_check(s, &local->addr, -EADDRNOTAVAIL);

	if (rc)
		return rc;
	if (s->closing || s->state != SOCK_NEW)
		return -EINVAL;
	rc = s->tp->bind(s, local);
	if (!rc)
		s->state = SOCK_BOUND;
	return rc;
}

int sock_bind_again(struct sock *s, const struct ip_endpoint *local)
{
	int rc;

	s->bind_again = true;
	rc = sock_bind(s, local);
	s->bind_again = false;
	return rc;
}

static int bind_any(struct sock *s)
{
	const struct ip_endpoint any = { .addr = ip_addr_v4(0) };

	return s->state == SOCK_NEW ? sock_bind(s, &any) : 0;
}

int sock_listen(struct sock *s, uint32_t backlog, uint64_t accept_credit, uint32_t child_credit)
{
	int rc;

	if (!s->tp->listen)
		return -EOPNOTSUPP;
	if (s->closing || s->state > SOCK_LISTENING)
		return -EINVAL;
	if (s->state == SOCK_LISTENING && accept_credit < s->accept_credit)
		return -EINVAL;
	rc = bind_any(s);
	if (rc)
		return rc;
	s->accept_credit = accept_credit;
	s->child_credit = child_credit;
	rc = s->tp->listen(s, backlog);
	if (!rc)
		s->state = SOCK_LISTENING;
	return rc;
}

static int stream_connect(struct sock *s, const struct ip_endpoint *peer)
{
	int rc;

	switch (s->state) {
	case SOCK_NEW:
	case SOCK_BOUND:
		break;
	case SOCK_CONNECTING:
		return -EALREADY;
	case SOCK_CONNECTED:
		return -EISCONN;
	default:
		return -EINVAL;
	}
	rc = s->tp->connect(s, peer);
	if (!rc)
		s->state = SOCK_CONNECTING;
	return rc;
}

int sock_connect(struct sock *s, const struct ip_endpoint *peer)
{
	int rc = family_check(s, &peer->addr, -ENETUNREACH);

	if (rc)
		return rc;
	if (s->closing)
		return -EINVAL;
	if (s->type == SOCK_STREAM_T)
		return stream_connect(s, peer);
	rc = s->tp->connect(s, peer);
	if (!rc)
		s->state = SOCK_CONNECTED;
	return rc;
}

int sock_disconnect(struct sock *s)
{
	int rc;

	if (!s->tp->disconnect)
		return -EOPNOTSUPP;
	if (s->closing || s->state != SOCK_CONNECTED)
		return 0;
	rc = s->tp->disconnect(s);
	if (!rc)
		s->state = SOCK_BOUND;
	return rc;
}

/* The range that the ABI gives an option. -ENOPROTOOPT: none of that number. */
static int opt_check(uint16_t opt, uint32_t value)
{
	switch (opt) {
#define OPT_CASE(name, number, first, last) \
	case OUTSOCK_OPT_##name: \
		return value - (first) <= (uint32_t)(last) - (first) ? 0 : -EINVAL;
		OUTSOCK_OPTS(OPT_CASE)
#undef OPT_CASE
	default:
		return -ENOPROTOOPT;
	}
}

int sock_setopt(struct sock *s, uint16_t opt, uint32_t value)
{
	int rc = opt_check(opt, value);

	return rc ? rc : s->tp->setopt(s, opt, value);
}

int sock_getopt(struct sock *s, uint16_t opt, uint32_t *ret_value)
{
	return s->tp->getopt(s, opt, ret_value);
}

int sock_conn_info(const struct sock *s, struct outsock_info *ret_info)
{
	if (!s->tp->info)
		return -EOPNOTSUPP;
	s->tp->info(s, ret_info);
	return 0;
}

void sock_close(struct sock *s, uint32_t flags)
{
	bool conn = s->type == SOCK_STREAM_T &&
		(s->state == SOCK_CONNECTING || s->state == SOCK_CONNECTED);

	if (s->closing && !(flags & SOCK_CLOSE_ABORT))
		return;
	s->closing = 1;
	s->tx_fin = 1;
	sock_tx_accept(s); /* nothing more is expected */
	if (s->state != SOCK_DEAD)
		s->tp->close(s, flags);
	/* A listener with children: the transport says when they are gone. */
	if (s->state == SOCK_LISTENING)
		return;
	if (!conn || (flags & SOCK_CLOSE_ABORT)) {
		s->state = SOCK_DEAD;
		sock_ready(s, SOCK_EV_CLOSED);
	}
}

void sock_close_later(struct sock *s)
{
	s->close_later = 1;
}

void sock_free(struct sock *s)
{
	s->tp->free(s);
}

bool sock_abort(struct sock *s)
{
	struct sock_owner *o = s->owner;

	sock_close(s, SOCK_CLOSE_ABORT);
	if (s->state != SOCK_LISTENING) {
		sock_free(s);
		return true;
	}
	list_del(&s->owner_link);
	list_add_tail(&o->socks, &s->owner_link);
	return false;
}

void sock_owner_abort(struct sock_owner *o)
{
	while (!list_empty(&o->socks))
		sock_abort(container_of(list_first(&o->socks), struct sock, owner_link));
	while (!port_owner_gone(o, UINT_MAX))
		;
	sock_bin_free(o, UINT_MAX);
}
