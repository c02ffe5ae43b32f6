/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests. Each is answered once, on its own lane, under its cookie: the answer waits in the
 * lane's queue for room in the RX ring, and while that queue is full no more is read.
 */
#include "guest/guest_private.h"

#include "sock/sock_ops.h"

#include <errno.h>

/* A request being handled: what came, and the reply being made. */
struct cmd {
	struct guest *g;
	struct guest_lane *l;
	const struct outsock_hdr *h;
	struct sock *s; /* of h->sock, or NULL */
	struct guest_reply *reply;
	bool later; /* it can not be answered yet */
	union {
		struct outsock_hello hello;
		struct outsock_cmd_socket socket;
		struct outsock_cmd_addr addr;
		struct outsock_cmd_listen listen;
		struct outsock_cmd_opt opt;
		struct outsock_cmd_close close;
	} body;
};

static struct guest_reply *reply_push(struct guest_lane *l)
{
	struct guest_reply *r = &l->replies[(l->reply_head + l->n_replies) % GUEST_REPLIES];

	l->n_replies++;
	return r;
}

void guest_soft_error(struct guest_lane *l, uint32_t id, int err)
{
	struct guest_reply *r;

	if (l->n_replies >= GUEST_REPLIES)
		return;
	r = reply_push(l);
	*r = (struct guest_reply){ .op = OUTSOCK_OP_ERROR, .status = err, .sock = id };
}

void guest_addr_to_wire(const struct sock *s, const struct ip_endpoint *ep,
			struct outsock_addr *ret_addr)
{
	*ret_addr = (struct outsock_addr){ .family = s->family, .port = ep->port };
	if (s->family == OUTSOCK_INET)
		memcpy(ret_addr->addr, &ep->addr.w[3], 4);
	else
		memcpy(ret_addr->addr, ep->addr.b, 16);
}

bool guest_addr_from_wire(const struct outsock_addr *a, struct ip_endpoint *ret_ep)
{
	uint32_t v4 = 0;

	*ret_ep = (struct ip_endpoint){ .port = a->port };
	switch (a->family) {
	case OUTSOCK_INET:
		memcpy(&v4, a->addr, sizeof(v4));
		break;
	case OUTSOCK_INET6:
		memcpy(ret_ep->addr.b, a->addr, sizeof(ret_ep->addr.b));
		return true;
	case 0:
		ret_ep->port = 0;
		break;
	default:
		return false;
	}
	ret_ep->addr = ip_addr_v4(v4);
	return true;
}

static void reply_local(struct cmd *c)
{
	struct outsock_addr addr;

	guest_addr_to_wire(c->s, &c->s->local, &addr);
	memcpy(c->reply->body, &addr, sizeof(addr));
	c->reply->len = sizeof(addr);
}

static int cmd_hello(struct cmd *c)
{
	int rc = guest_hello(c->g, &c->body.hello);

	c->reply->len = sizeof(struct outsock_hello_reply);
	c->later = rc == -EAGAIN;
	return rc;
}

static int cmd_socket(struct cmd *c)
{
	const struct outsock_cmd_socket *b = &c->body.socket;
	struct sock *s = c->s;
	int rc;

	if (s)
		return s->family == b->family && s->type == b->type ? 0 : -EEXIST;
	rc = sock_create(&c->l->sl, b->family, b->type, c->h->sock, &s);
	if (rc < 0)
		return rc;
	c->g->ids.own[c->h->sock] = s;
	if (b->sndbuf)
		sock_setopt(s, OUTSOCK_OPT_SNDBUF,
			    RTE_MIN(RTE_MAX(b->sndbuf, (uint32_t)OUTSOCK_SNDBUF_MIN),
				    (uint32_t)OUTSOCK_SNDBUF_MAX));
	if (b->type == OUTSOCK_DGRAM)
		sock_credit(s, c->h->pos);
	return 0;
}

static bool same_endpoint(const struct ip_endpoint *a, const struct ip_endpoint *b)
{
	return a->port == b->port && ip_addr_eq(&a->addr, &b->addr);
}

/* Said again it is so already (design D9, rule 3). */
static bool is_bound(const struct sock *s, const struct ip_endpoint *ep)
{
	return s->state == SOCK_BOUND && ep->port && same_endpoint(&s->local, ep);
}

static bool is_connecting(const struct sock *s, const struct ip_endpoint *ep)
{
	return s->type == SOCK_STREAM_T && !s->closing &&
		(s->state == SOCK_CONNECTING || s->state == SOCK_CONNECTED) &&
		same_endpoint(&s->peer, ep);
}

static int cmd_bind(struct cmd *c)
{
	struct ip_endpoint ep;
	int rc;

	if (c->body.addr.addr.family == 0 || !guest_addr_from_wire(&c->body.addr.addr, &ep))
		return -EAFNOSUPPORT;
	if (is_bound(c->s, &ep))
		rc = 0;
	else if (c->h->flags & OUTSOCK_F_AGAIN)
		rc = sock_bind_again(c->s, &ep);
	else
		rc = sock_bind(c->s, &ep);
	if (rc == 0)
		reply_local(c);
	return rc;
}

static int cmd_listen(struct cmd *c)
{
	return sock_listen(c->s, c->body.listen.backlog, c->h->pos, c->body.listen.rcv_win);
}

static int cmd_connect(struct cmd *c)
{
	struct ip_endpoint ep;
	int rc;

	if (!guest_addr_from_wire(&c->body.addr.addr, &ep))
		return -EAFNOSUPPORT;
	if (c->body.addr.addr.family == 0) {
		rc = sock_disconnect(c->s);
	} else if (is_connecting(c->s, &ep)) {
		rc = 0;
	} else {
		/* A stream's credit comes first: the SYN carries the window. */
		if (c->s->type == SOCK_STREAM_T && c->h->pos > c->s->rx_credit &&
		    c->s->state < SOCK_LISTENING)
			sock_credit(c->s, c->h->pos);
		rc = sock_connect(c->s, &ep);
	}
	if (rc == 0)
		reply_local(c);
	return rc;
}

static int cmd_setopt(struct cmd *c)
{
	return sock_setopt(c->s, c->body.opt.opt, c->body.opt.value);
}

static int cmd_getopt(struct cmd *c)
{
	struct outsock_cmd_opt opt = { .opt = c->body.opt.opt };
	uint32_t value = 0;
	int rc = sock_getopt(c->s, opt.opt, &value);

	if (rc < 0)
		return rc;
	opt.value = value;
	memcpy(c->reply->body, &opt, sizeof(opt));
	c->reply->len = sizeof(opt);
	return 0;
}

static int cmd_info(struct cmd *c)
{
	struct outsock_info info;
	int rc = sock_conn_info(c->s, &info);

	if (rc < 0)
		return rc;
	_Static_assert(sizeof(info) <= GUEST_REPLY_BODY, "an answer has no room");
	memcpy(c->reply->body, &info, sizeof(info));
	c->reply->len = sizeof(info);
	return 0;
}

void guest_close_due(struct sock *s)
{
	uint64_t tx_off = (uint64_t)(uintptr_t)s->cookie - 1;

	if (s->tx_off < tx_off && s->state != SOCK_DEAD)
		return;
	s->cookie = NULL;
	sock_close(s, 0);
}

/*
 * Bytes of the stream may follow CLOSE: the FIN waits for them. A guest that says less than it
 * has sent is in error, but nobody else is harmed: what was sent is sent.
 */
static int cmd_close(struct cmd *c)
{
	const struct outsock_cmd_close *b = &c->body.close;
	struct sock *s = c->s;
	uint32_t flags = 0;

	if (s->closing)
		return 0;
	if (b->flags & OUTSOCK_CLOSE_ABORT)
		flags |= SOCK_CLOSE_ABORT;
	if (b->flags & OUTSOCK_CLOSE_UNREAD)
		flags |= SOCK_CLOSE_UNREAD;
	if (!flags && s->type == SOCK_STREAM_T && s->state == SOCK_CONNECTED && !s->tx_fin &&
	    b->tx_off > s->tx_off) {
		if (b->tx_off >= UINTPTR_MAX - 1)
			return -EINVAL;
		guest_defer_close(s, b->tx_off);
		sock_close_later(s);
		return 0;
	}
	s->cookie = NULL;
	sock_close(s, flags);
	return 0;
}

/* Requests by operation; those without function are not understood (yet): ENOSYS. */
static const struct {
	int (*fn)(struct cmd *c);
	uint8_t len; /* of the body */
	bool sock;   /* needs the socket to be there */
} cmds[OUTSOCK_OP_DATA] = {
	[OUTSOCK_OP_HELLO] = { cmd_hello, sizeof(struct outsock_hello), false },
	[OUTSOCK_OP_SOCKET] = { cmd_socket, sizeof(struct outsock_cmd_socket), false },
	[OUTSOCK_OP_BIND] = { cmd_bind, sizeof(struct outsock_cmd_addr), true },
	[OUTSOCK_OP_LISTEN] = { cmd_listen, sizeof(struct outsock_cmd_listen), true },
	[OUTSOCK_OP_CONNECT] = { cmd_connect, sizeof(struct outsock_cmd_addr), true },
	[OUTSOCK_OP_SETOPT] = { cmd_setopt, sizeof(struct outsock_cmd_opt), true },
	[OUTSOCK_OP_GETOPT] = { cmd_getopt, sizeof(struct outsock_cmd_opt), true },
	[OUTSOCK_OP_CLOSE] = { cmd_close, sizeof(struct outsock_cmd_close), true },
	[OUTSOCK_OP_INFO] = { cmd_info, 0, true },
};

/* The id is one that the request may name; which socket it is, if any. */
static enum guest_err cmd_sock(struct cmd *c)
{
	uint32_t id = c->h->sock;

	if (c->h->op < OUTSOCK_OP_SOCKET || !cmds[c->h->op].fn)
		return GUEST_ERR_N;
	if (!guest_id_valid(&c->g->ids, id) ||
	    (c->h->op == OUTSOCK_OP_SOCKET && (id & OUTSOCK_ID_HOST)))
		return GUEST_ERR_BAD_ID;
	c->s = guest_sock(&c->g->ids, id);
	return c->s && c->s->lane != &c->l->sl ? GUEST_ERR_BAD_QUEUE : GUEST_ERR_N;
}

static int cmd_run(struct cmd *c)
{
	if (!cmds[c->h->op].fn)
		return -ENOSYS;
	if (cmds[c->h->op].sock && !c->s)
		return -EBADF;
	return cmds[c->h->op].fn(c);
}

int guest_cmd(struct guest *g, struct guest_lane *l, const struct outsock_hdr *h,
	      struct vring_chain *chain)
{
	struct guest_reply reply = {
		.op = h->op,
		.flags = OUTSOCK_F_REPLY,
		.sock = h->sock,
		.cookie = h->off,
	};
	struct cmd c = { .g = g, .l = l, .h = h, .reply = &reply };
	enum guest_err err;
	int rc;

	if (l->n_replies >= GUEST_REPLIES) {
		l->stalled = true;
		return -EAGAIN;
	}
	if (cmds[h->op].fn && h->len != cmds[h->op].len) {
		guest_fail(g, GUEST_ERR_BAD_LEN);
		return -EPROTO;
	}
	err = cmd_sock(&c);
	if (err != GUEST_ERR_N) {
		guest_fail(g, err);
		return -EPROTO;
	}
	if (cmds[h->op].fn)
		vring_read(chain, &c.body, h->len);
	rc = cmd_run(&c);
	if (c.later)
		return -EAGAIN;
	reply.status = -rc;
	if (rc < 0)
		reply.len = 0;
	*reply_push(l) = reply;
	return 0;
}
