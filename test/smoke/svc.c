/* SPDX-License-Identifier: BSD-3-Clause */
#include "svc.h"

#include "frame.h"

#include <rte_byteorder.h>
#include <rte_memcpy.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW	  (256u * 1024)
#define ACCEPTS	  256
#define DGRAM_WIN (1024u * 1024)

enum kind { LISTENER, ECHO, DISCARD, HTTP, CLIENT };

struct conn {
	enum kind kind;
	struct sock *s;
	bool closing, replying;
	uint32_t matched; /* HTTP: bytes of the blank line seen */
	char request[64]; /* HTTP: its first bytes */
	uint32_t n_request;
	char header[128];
	uint32_t n_header;
	uint64_t sent, total; /* HTTP and CLIENT */
	uint64_t got;	      /* CLIENT */
};

static struct conn *conn_new(struct svc *v, enum kind kind, struct sock *s)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (!c)
		abort();
	c->kind = kind;
	c->s = s;
	s->cookie = c;
	v->n_conns++;
	return c;
}

static void conn_free(struct svc *v, struct conn *c)
{
	sock_event_taken(c->s, SOCK_EV_CLOSED);
	sock_free(c->s);
	v->n_conns--;
	free(c);
}

static void conn_close(struct conn *c)
{
	if (!c->closing)
		sock_close(c->s, 0);
	c->closing = true;
}

/* ---- pieces ---- */

/* Copies @n bytes at @off of the receive queue; returns how many there were. */
static uint32_t rxq_copy(const struct sock *s, void *to, uint32_t n)
{
	uint32_t done = 0;

	for (struct rte_mbuf *m = s->rxq.head; m && done < n; m = pkt_meta(m)->next) {
		uint32_t len = RTE_MIN(pkt_meta(m)->payload, n - done);
		const void *p = rte_pktmbuf_read(m, 0, len, (char *)to + done);

		if (p != (char *)to + done)
			memcpy((char *)to + done, p, len);
		done += len;
	}
	return done;
}

static void taken(struct sock *s, uint32_t n)
{
	sock_rx_taken(s, n);
	sock_credit(s, s->rx_off + WINDOW);
}

/* What came goes back, as far as there is room. */
static void echo(struct conn *c)
{
	struct sock *s = c->s;
	bool any = false;
	uint32_t room, n;
	int err;

	while (s->rxq.n) {
		void *p = sock_tx_space(s, &room, &err);

		if (!p) {
			if (err == -ENOBUFS)
				sock_ready_again(s, false);
			break;
		}
		n = rxq_copy(s, p, room);
		sock_tx_commit(s, n);
		taken(s, n);
		any = true;
	}
	if (any)
		sock_tx_end(s, true, false);
}

static void discard(struct conn *c)
{
	while (c->s->rxq.n)
		taken(c->s, pkt_meta(c->s->rxq.head)->payload);
}

/* Sends what is left of @c->header and then of the pattern. True when all is out. */
static bool send_rest(struct conn *c)
{
	struct sock *s = c->s;
	uint64_t all = c->n_header + c->total;
	uint32_t room;
	int err;

	while (c->sent < all) {
		char *p = sock_tx_space(s, &room, &err);

		if (!p) {
			if (err == -ENOBUFS)
				sock_ready_again(s, false);
			break;
		}
		if (c->sent < c->n_header) {
			room = RTE_MIN(room, c->n_header - c->sent);
			memcpy(p, c->header + c->sent, room);
		} else {
			room = RTE_MIN(room, all - c->sent);
			pattern_fill((void *)p, c->sent - c->n_header, room, 0);
		}
		sock_tx_commit(s, room);
		c->sent += room;
	}
	sock_tx_end(s, c->sent == all, false);
	return c->sent == all;
}

static void http(struct conn *c)
{
	static const char blank[] = "\r\n\r\n";
	char byte;

	while (!c->replying && rxq_copy(c->s, &byte, 1)) {
		taken(c->s, 1);
		if (c->n_request < sizeof(c->request) - 1)
			c->request[c->n_request++] = byte;
		c->matched = byte == blank[c->matched] ? c->matched + 1 : byte == '\r';
		c->replying = c->matched == 4;
		if (!c->replying)
			continue;
		c->total = strncmp(c->request, "GET /", 5) ? 0 : strtoull(c->request + 5, NULL, 10);
		c->n_header = snprintf(c->header, sizeof(c->header),
				       "HTTP/1.1 200 OK\r\nContent-Length: %lu\r\n"
				       "Connection: close\r\n\r\n",
				       c->total);
	}
	discard(c);
	if (c->replying && send_rest(c))
		conn_close(c);
}

static void client(struct svc *v, struct conn *c)
{
	struct sock *s = c->s;
	uint8_t buf[2048];
	uint32_t n;

	while ((n = rxq_copy(s, buf, sizeof(buf)))) {
		if (pattern_check(buf, c->got, n, 0) != n) {
			printf("client: wrong byte after %lu\n", c->got);
			exit(1);
		}
		c->got += n;
		taken(s, n);
	}
	if (send_rest(c))
		sock_tx_end(s, true, true);
	if (c->got == c->total && s->events & SOCK_EV_PEER_CLOSED) {
		printf("client: %lu bytes came back\n", c->got);
		v->client_done = true;
		conn_close(c);
	}
}

/* ---- events ---- */

static enum kind kind_of(const struct sock *s)
{
	switch (rte_be_to_cpu_16(s->local.port)) {
	case 7:
		return ECHO;
	case 80:
		return HTTP;
	default:
		return DISCARD;
	}
}

static void accepted(struct svc *v, struct sock *s)
{
	conn_new(v, kind_of(s), s);
	sock_credit(s->parent, s->parent->accepted + ACCEPTS);
	sock_event_taken(s, SOCK_EV_ACCEPTED);
}

static void act(struct svc *v, struct conn *c)
{
	switch (c->kind) {
	case ECHO:
		echo(c);
		break;
	case DISCARD:
		discard(c);
		break;
	case HTTP:
		http(c);
		break;
	case CLIENT:
		client(v, c);
		break;
	case LISTENER:
		break;
	}
}

static void stream_ready(struct svc *v, struct sock *s)
{
	struct conn *c;

	if (s->events & SOCK_EV_ACCEPTED)
		accepted(v, s);
	c = s->cookie;
	if (s->events & SOCK_EV_CONNECTED)
		sock_event_taken(s, SOCK_EV_CONNECTED);
	if (s->events & SOCK_EV_GONE) {
		if (c->kind == CLIENT)
			printf("client: %s\n", strerror(s->err));
		conn_close(c);
	} else if (!c->closing) {
		act(v, c);
	}
	sock_event_taken(s, SOCK_EV_ACKED);
	if (s->events & SOCK_EV_PEER_CLOSED && !s->rxq.n) {
		sock_event_taken(s, SOCK_EV_PEER_CLOSED);
		if (c->kind != HTTP || !c->replying)
			conn_close(c);
	}
	if (s->events & SOCK_EV_CLOSED)
		conn_free(v, c);
}

/* rte_pktmbuf_copy() knows no empty packet. */
static struct rte_mbuf *dgram_copy(struct svc *v, const struct rte_mbuf *m, uint32_t len)
{
	struct env *env = stack_env(v->stack);

	return len ? rte_pktmbuf_copy(m, env->pool, 0, len) : pkt_alloc(env);
}

/* As many bytes of the pattern as the datagram asks for in decimal. */
static struct rte_mbuf *dgram_made(struct svc *v, const struct rte_mbuf *m, uint32_t len)
{
	struct rte_mbuf *made = pkt_alloc(stack_env(v->stack)), *last = made;
	uint32_t total, off = 0;
	char buf[16] = { 0 };

	rte_memcpy(buf, rte_pktmbuf_mtod(m, void *), RTE_MIN(len, sizeof(buf) - 1));
	total = strtoul(buf, NULL, 10);
	while (last && off < total) {
		uint32_t n = RTE_MIN(total - off, (uint32_t)rte_pktmbuf_tailroom(last));

		pattern_fill((void *)rte_pktmbuf_append(made, n), off, n, 0);
		off += n;
		last = off < total ? rte_pktmbuf_alloc(stack_env(v->stack)->pool) : NULL;
		if (last)
			rte_pktmbuf_chain(made, last);
	}
	return made;
}

static void dgram_ready(struct svc *v, struct sock *s)
{
	bool made = s->local.port == rte_cpu_to_be_16(19);
	struct rte_mbuf *m;

	while ((m = s->rxq.head)) {
		const struct ip_endpoint from = { pkt_meta(m)->src, pkt_meta(m)->sport };
		uint32_t len = pkt_meta(m)->payload;
		struct rte_mbuf *answer = made ? dgram_made(v, m, len) : dgram_copy(v, m, len);

		if (answer)
			sock_tx_dgram(s, answer, &from);
		sock_rx_taken_dgram(s);
		sock_credit(s, s->rx_off + DGRAM_WIN);
	}
	sock_event_taken(s, SOCK_EV_ERROR);
}

bool svc_turn(struct svc *v)
{
	struct sock *s = sock_next_ready(&v->lane);
	bool any = s;

	for (unsigned int budget = 256; s && budget; budget--) {
		if (s->type == SOCK_DGRAM_T)
			dgram_ready(v, s);
		else
			stream_ready(v, s);
		s = sock_next_ready(&v->lane);
	}
	if (s)
		sock_ready_again(s, true);
	return any;
}

/* ---- start ---- */

void svc_init(struct svc *v, struct stack *stack)
{
	memset(v, 0, sizeof(*v));
	v->stack = stack;
	sock_owner_init(&v->owner, stack, 4096, 8192, v);
	sock_lane_init(&v->lane, &v->owner);
}

static int open_port(struct svc *v, uint8_t type, uint16_t port)
{
	const struct ip_endpoint at = { ip_addr_v4(0), rte_cpu_to_be_16(port) };
	struct sock *s;
	int rc = sock_create(&v->lane, OUTSOCK_INET, type, port, &s);

	if (!rc)
		rc = sock_bind(s, &at);
	if (!rc && type == SOCK_STREAM_T)
		rc = sock_listen(s, 256, ACCEPTS, WINDOW);
	else if (!rc)
		rc = sock_credit(s, DGRAM_WIN);
	if (!rc)
		conn_new(v, LISTENER, s);
	return rc;
}

static int start_client(struct svc *v, const struct ip_endpoint *to, uint64_t bytes)
{
	struct sock *s;
	int rc = sock_create(&v->lane, OUTSOCK_INET, SOCK_STREAM_T, 1, &s);

	if (rc)
		return rc;
	conn_new(v, CLIENT, s)->total = bytes;
	sock_credit(s, WINDOW);
	return sock_connect(s, to);
}

int svc_start(struct svc *v, const struct ip_endpoint *to, uint64_t bytes)
{
	static const struct {
		uint8_t type;
		uint16_t port;
	} ports[] = {
		{ SOCK_STREAM_T, 7 }, { SOCK_STREAM_T, 9 }, { SOCK_STREAM_T, 80 },
		{ SOCK_DGRAM_T, 7 },  { SOCK_DGRAM_T, 19 },
	};
	int rc = 0;

	for (unsigned int i = 0; i < RTE_DIM(ports) && !rc; i++)
		rc = open_port(v, ports[i].type, ports[i].port);
	if (!rc && bytes)
		rc = start_client(v, to, bytes);
	return rc;
}

void svc_fini(struct svc *v)
{
	list_for_each(l, &v->owner.socks)
		free(container_of(l, struct sock, owner_link)->cookie);
	sock_owner_abort(&v->owner);
}
