/* SPDX-License-Identifier: BSD-3-Clause */
/* Sockets of the simulated guest. */
#include "simguest_sock.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

/* ---- ids ---- */

static uint32_t hash_at(const struct sg_hash *t, uint32_t id)
{
	return (uint32_t)(id * 0x9e3779b1u >> 7) & t->mask;
}

static struct sg_sock *host_find(const struct sg_hash *t, uint32_t id)
{
	for (uint32_t i = hash_at(t, id); t->slots[i]; i = (i + 1) & t->mask)
		if (t->slots[i]->id == id)
			return t->slots[i];
	return NULL;
}

static void host_add(struct sg_hash *t, struct sg_sock *s)
{
	uint32_t i = hash_at(t, s->id);

	while (t->slots[i])
		i = (i + 1) & t->mask;
	t->slots[i] = s;
}

/* Without tombstones: what follows in the run moves up if it may. */
static void host_del(struct sg_hash *t, const struct sg_sock *s)
{
	uint32_t i = hash_at(t, s->id), k;

	while (t->slots[i] != s)
		i = (i + 1) & t->mask;
	for (k = (i + 1) & t->mask; t->slots[k]; k = (k + 1) & t->mask) {
		uint32_t home = hash_at(t, t->slots[k]->id);

		if (((k - home) & t->mask) >= ((k - i) & t->mask)) {
			t->slots[i] = t->slots[k];
			i = k;
		}
	}
	t->slots[i] = NULL;
}

int sg_socks_init(struct simguest *sg)
{
	uint32_t n = 16;

	while (n < 2 * sg->cfg.max_socks)
		n *= 2;
	sg->hosts.mask = n - 1;
	sg->hosts.slots = calloc(n, sizeof(void *));
	sg->own = calloc(sg->cfg.max_socks, sizeof(void *));
	return sg->hosts.slots && sg->own ? 0 : -ENOMEM;
}

static struct sg_sock *find(const struct simguest *sg, uint32_t id)
{
	if (id & OUTSOCK_ID_HOST)
		return host_find(&sg->hosts, id);
	return id < sg->cfg.max_socks ? sg->own[id] : NULL;
}

static void undue(struct simguest *sg, const struct sg_sock *s)
{
	for (struct sg_sock **p = &sg->due; s->due && *p; p = &(*p)->due_next) {
		if (*p == s) {
			*p = s->due_next;
			return;
		}
	}
}

static void sock_free(struct simguest *sg, struct sg_sock *s)
{
	undue(sg, s);
	if (s->id & OUTSOCK_ID_HOST)
		host_del(&sg->hosts, s);
	else
		sg->own[s->id] = NULL;
	free(s->buf);
	free(s->keep);
	free(s);
}

void sg_forget_all(struct simguest *sg)
{
	for (uint32_t i = 0; i < sg->cfg.max_socks; i++)
		if (sg->own[i])
			sock_free(sg, sg->own[i]);
	for (uint32_t i = 0; i <= sg->hosts.mask; i++)
		while (sg->hosts.slots[i])
			sock_free(sg, sg->hosts.slots[i]);
	sg->dgram_len = 0;
}

void sg_socks_fini(struct simguest *sg)
{
	if (sg->own && sg->hosts.slots)
		sg_forget_all(sg);
	free(sg->own);
	free(sg->hosts.slots);
}

static struct sg_sock *sock_new(struct simguest *sg, uint32_t id, unsigned int pair)
{
	struct sg_sock *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->sg = sg;
	s->id = id;
	s->pair = pair;
	if (id & OUTSOCK_ID_HOST)
		host_add(&sg->hosts, s);
	else
		sg->own[id] = s;
	return s;
}

/* ---- messages from the host ---- */

void sg_owe(struct sg_sock *s)
{
	if (s->due)
		return;
	s->due = true;
	s->due_next = s->sg->due;
	s->sg->due = s;
}

/* @n bytes were taken out of our hands: as many more may come. */
static void took(struct sg_sock *s, uint32_t n)
{
	s->rx_credit += n;
	if (s->rx_credit - s->rx_told >= s->sg->cfg.rcv_win / 2)
		sg_owe(s);
}

static void acked(struct simguest *sg, struct sg_sock *s, uint64_t pos)
{
	if (pos <= s->tx_acked)
		return;
	if (pos > s->tx_off) {
		sg->odd++;
		return;
	}
	s->tx_acked = pos;
	if (sg->cfg.ops->acked)
		sg->cfg.ops->acked(sg, s);
}

static void keep(struct simguest *sg, struct sg_sock *s, const void *p, uint32_t len)
{
	if (s->buf_len + len > s->buf_size) {
		size_t size = 2 * (s->buf_len + len);
		uint8_t *buf = realloc(s->buf, size);

		if (!buf) {
			sg->odd++;
			return;
		}
		s->buf = buf;
		s->buf_size = size;
	}
	memcpy(s->buf + s->buf_len, p, len);
	s->buf_len += len;
}

static void on_data(struct simguest *sg, struct sg_sock *s, const struct outsock_hdr *h,
		    const void *body)
{
	if (h->off != s->rx_off || h->off + h->len > s->rx_credit) {
		sg->odd++;
		return;
	}
	s->rx_off += h->len;
	acked(sg, s, h->pos);
	if (sg->cfg.ops->data) {
		took(s, h->len);
		sg->cfg.ops->data(sg, s, body, h->len);
	} else {
		keep(sg, s, body, h->len);
	}
}

/* Fragments come on consecutive messages of a queue. */
static void on_dgram(struct simguest *sg, struct sg_sock *s, const struct outsock_hdr *h,
		     const void *body)
{
	const struct outsock_dgram *d = body;
	uint32_t n = h->len - sizeof(*d);

	if (h->len < sizeof(*d) || h->off != sg->dgram_len || h->off + n > h->pos ||
	    h->pos > OUTSOCK_BODY_MAX || !(h->flags & OUTSOCK_F_MORE) != (h->off + n == h->pos)) {
		sg->odd++;
		sg->dgram_len = 0;
		return;
	}
	memcpy(sg->dgram + h->off, (const uint8_t *)body + sizeof(*d), n);
	sg->dgram_len += n;
	if (h->flags & OUTSOCK_F_MORE)
		return;
	s->rx_off += sg->dgram_len + OUTSOCK_DGRAM_OVERHEAD;
	took(s, sg->dgram_len + OUTSOCK_DGRAM_OVERHEAD);
	n = sg->dgram_len;
	sg->dgram_len = 0;
	if (sg->cfg.ops->dgram)
		sg->cfg.ops->dgram(sg, s, &d->addr, sg->dgram, n);
}

static void conn_fill(struct sg_sock *s, const struct outsock_evt_conn *e)
{
	s->connected = true;
	s->snd_win = e->snd_win;
	s->record = e->record;
	s->type = OUTSOCK_STREAM;
	s->family = e->record.family;
}

static void on_accepted(struct simguest *sg, unsigned int pair, const struct outsock_hdr *h,
			const struct outsock_evt_conn *e)
{
	struct sg_sock *l = find(sg, e->listener), *s;

	if (!l || !l->listening || !(h->sock & OUTSOCK_ID_HOST) || find(sg, h->sock) ||
	    h->sock == OUTSOCK_ID_NONE) {
		sg->odd++;
		return;
	}
	s = sock_new(sg, h->sock, pair);
	if (!s)
		return;
	s->rx_credit = s->rx_told = sg->cfg.rcv_win;
	conn_fill(s, e);
	l->accepted++;
	if (l->accept_credit - l->accepted < sg->cfg.accept_ahead / 2)
		sg_owe(l);
	if (sg->cfg.ops->accepted)
		sg->cfg.ops->accepted(sg, l, s);
}

static void on_error(struct simguest *sg, struct sg_sock *s, const struct outsock_hdr *h)
{
	s->err = h->status;
	s->dead |= !!(h->flags & OUTSOCK_F_FATAL);
	if (sg->cfg.ops->error)
		sg->cfg.ops->error(sg, s, h->status, h->flags & OUTSOCK_F_FATAL);
}

static void on_event(struct simguest *sg, struct sg_sock *s, const struct outsock_hdr *h,
		     const void *body)
{
	switch (h->op) {
	case OUTSOCK_OP_DATA:
		on_data(sg, s, h, body);
		break;
	case OUTSOCK_OP_DGRAM:
		on_dgram(sg, s, h, body);
		break;
	case OUTSOCK_OP_CREDIT:
		acked(sg, s, h->pos);
		if (h->flags & OUTSOCK_F_REWIND)
			sg_rewound(s, h->off);
		break;
	case OUTSOCK_OP_CONNECTED:
		conn_fill(s, body);
		if (sg->cfg.ops->connected)
			sg->cfg.ops->connected(sg, s);
		break;
	case OUTSOCK_OP_PEER_CLOSED:
		s->peer_closed = true;
		s->rx_end = h->off;
		sg->odd += h->off != s->rx_off;
		acked(sg, s, h->pos);
		if (sg->cfg.ops->peer_closed)
			sg->cfg.ops->peer_closed(sg, s);
		break;
	case OUTSOCK_OP_ERROR:
		on_error(sg, s, h);
		break;
	case OUTSOCK_OP_CLOSED:
		sg->odd += !s->closing;
		if (sg->cfg.ops->closed)
			sg->cfg.ops->closed(sg, s);
		sock_free(sg, s);
		break;
	default:
		sg->odd++;
	}
}

static void on_reply(struct simguest *sg, struct sg_sock *s, const struct outsock_hdr *h,
		     const void *body)
{
	if (s) {
		s->replied |= 1u << h->op;
		s->status = h->status;
		if ((h->op == OUTSOCK_OP_BIND || h->op == OUTSOCK_OP_CONNECT) &&
		    h->len == sizeof(s->local))
			memcpy(&s->local, body, sizeof(s->local));
		if (h->op == OUTSOCK_OP_GETOPT && h->len == sizeof(struct outsock_cmd_opt))
			s->opt = ((const struct outsock_cmd_opt *)body)->value;
		if (h->op == OUTSOCK_OP_INFO && h->len == sizeof(s->info))
			memcpy(&s->info, body, sizeof(s->info));
	}
	if (sg->cfg.ops->reply)
		sg->cfg.ops->reply(sg, s, h, body);
}

void sg_on_message(struct simguest *sg, unsigned int pair, const struct outsock_hdr *h,
		   const void *body)
{
	struct sg_sock *s = find(sg, h->sock);

	if (h->flags & OUTSOCK_F_REPLY && h->op < OUTSOCK_OP_DATA)
		on_reply(sg, s, h, body);
	else if (h->op == OUTSOCK_OP_ACCEPTED)
		on_accepted(sg, pair, h, body);
	else if (s)
		on_event(sg, s, h, body);
	else
		sg->odd++;
}

/* ---- messages to the host ---- */

static struct outsock_hdr head(struct sg_sock *s, uint8_t op)
{
	return (struct outsock_hdr){ .op = op, .epoch = s->sg->epoch, .sock = s->id };
}

static int request(struct sg_sock *s, uint8_t op, uint64_t pos, const void *body, uint32_t len)
{
	struct outsock_hdr h = head(s, op);

	h.len = len;
	h.pos = pos;
	h.off = ++s->sg->cookie;
	s->replied &= ~(1u << op);
	return sg_send_msg(s->sg, s->pair, &h, body, len);
}

static int send_credit(struct sg_sock *s)
{
	struct outsock_hdr h = head(s, OUTSOCK_OP_CREDIT);
	int rc;

	if (s->listening)
		h.pos = s->accepted + s->sg->cfg.accept_ahead;
	else
		h.pos = s->rx_credit;
	rc = sg_send_msg(s->sg, s->pair, &h, NULL, 0);
	if (rc)
		return rc;
	if (s->listening)
		s->accept_credit = h.pos;
	else
		s->rx_told = s->rx_credit;
	return 0;
}

void sg_send_credits(struct simguest *sg)
{
	struct sg_sock *s;

	while ((s = sg->due)) {
		bool needed = !s->closing && (s->listening || s->rx_told != s->rx_credit);

		if ((s->resend && sg_resend(s) < 0) || (needed && send_credit(s) < 0))
			return;
		sg->due = s->due_next;
		s->due = false;
	}
}

static uint32_t free_id(struct simguest *sg)
{
	uint32_t max = sg->cfg.max_socks;

	if (sg->session && sg->hello.max_sockets < max)
		max = sg->hello.max_sockets;
	for (uint32_t i = 0; i < max; i++) {
		uint32_t id = sg->own_next++ % max;

		if (!sg->own[id])
			return id;
	}
	return OUTSOCK_ID_NONE;
}

struct sg_sock *sg_socket(struct simguest *sg, unsigned int pair, uint8_t family, uint8_t type)
{
	struct outsock_cmd_socket body = { .family = family, .type = type };
	uint32_t id = free_id(sg);
	struct sg_sock *s = id == OUTSOCK_ID_NONE ? NULL : sock_new(sg, id, pair);

	if (!s)
		return NULL;
	s->family = family;
	s->type = type;
	s->rx_credit = s->rx_told = sg->cfg.rcv_win;
	if (request(s, OUTSOCK_OP_SOCKET, s->rx_credit, &body, sizeof(body)) < 0) {
		sock_free(sg, s);
		return NULL;
	}
	return s;
}

int sg_bind(struct sg_sock *s, const struct outsock_addr *addr)
{
	return request(s, OUTSOCK_OP_BIND, 0, addr, sizeof(*addr));
}

int sg_listen(struct sg_sock *s, uint32_t backlog)
{
	struct outsock_cmd_listen body = { .backlog = backlog, .rcv_win = s->sg->cfg.rcv_win };
	uint64_t credit = s->accepted + s->sg->cfg.accept_ahead;
	int rc = request(s, OUTSOCK_OP_LISTEN, credit, &body, sizeof(body));

	if (rc)
		return rc;
	s->listening = true;
	s->accept_credit = credit;
	return 0;
}

int sg_connect(struct sg_sock *s, const struct outsock_addr *addr)
{
	return request(s, OUTSOCK_OP_CONNECT, s->rx_credit, addr, sizeof(*addr));
}

int sg_setopt(struct sg_sock *s, uint16_t opt, uint32_t value)
{
	struct outsock_cmd_opt body = { .opt = opt, .value = value };

	return request(s, OUTSOCK_OP_SETOPT, 0, &body, sizeof(body));
}

int sg_getopt(struct sg_sock *s, uint16_t opt)
{
	struct outsock_cmd_opt body = { .opt = opt };

	return request(s, OUTSOCK_OP_GETOPT, 0, &body, sizeof(body));
}

int sg_info(struct sg_sock *s)
{
	return request(s, OUTSOCK_OP_INFO, 0, NULL, 0);
}

int sg_close(struct sg_sock *s, uint32_t flags)
{
	struct outsock_cmd_close body = { .tx_off = s->tx_off, .flags = flags };
	int rc = request(s, OUTSOCK_OP_CLOSE, 0, &body, sizeof(body));

	if (!rc)
		s->closing = true;
	return rc;
}

static uint32_t send_piece(struct sg_sock *s, const uint8_t *p, uint32_t n, uint8_t flags)
{
	struct outsock_hdr h = head(s, OUTSOCK_OP_DATA);

	h.len = n;
	h.flags = flags;
	h.off = s->tx_cur;
	h.pos = s->rx_credit;
	if (sg_send_msg(s->sg, s->pair, &h, p, n) < 0)
		return 0;
	s->tx_cur += n;
	s->rx_told = s->rx_credit;
	return n;
}

uint32_t sg_pieces(struct sg_sock *s, const uint8_t *p, uint32_t len)
{
	uint32_t max = s->sg->queues[2 * s->pair + 1].buf_size - SG_HEAD, sent = 0;

	if (max > OUTSOCK_BODY_MAX)
		max = OUTSOCK_BODY_MAX;
	while (sent < len) {
		uint32_t n = len - sent < max ? len - sent : max;
		uint8_t flags = sent + n == len ? OUTSOCK_F_PUSH : 0;

		if (send_piece(s, p + sent, n, flags) == 0)
			break;
		sent += n;
	}
	return sent;
}

uint32_t sg_send(struct sg_sock *s, const void *data, uint32_t len)
{
	uint64_t room = s->tx_acked + s->snd_win - s->tx_off;

	/* After CLOSE only what the host asks for again. */
	if (!s->connected || s->dead || (s->closing && !s->rewinds))
		return 0;
	if (len > room)
		len = (uint32_t)room;
	/* What was sent before comes first. */
	if (!s->resend)
		len = sg_pieces(s, data, len);
	if (!sg_keep(s, data, len))
		s->sg->odd++;
	s->tx_off += len;
	return len;
}

int sg_put_fin(struct sg_sock *s)
{
	struct outsock_hdr h = head(s, OUTSOCK_OP_DATA);

	h.flags = OUTSOCK_F_FIN | OUTSOCK_F_PUSH;
	h.off = s->tx_cur;
	h.pos = s->rx_credit;
	return sg_send_msg(s->sg, s->pair, &h, NULL, 0);
}

int sg_fin(struct sg_sock *s)
{
	int rc = s->resend ? 0 : sg_put_fin(s);

	if (!rc)
		s->fin = true;
	return rc;
}

int sg_sendto(struct sg_sock *s, const struct outsock_addr *to, const void *data, uint32_t len)
{
	struct sg_queue *q = &s->sg->queues[2 * s->pair + 1];
	struct outsock_hdr h = head(s, OUTSOCK_OP_DGRAM);
	struct outsock_dgram d = { .addr = { .family = 0 } };
	uint8_t *slot = sg_tx_slot(q);

	if (!slot)
		return -EAGAIN;
	if (len > q->buf_size - SG_HEAD - sizeof(d) || len > OUTSOCK_BODY_MAX - sizeof(d))
		return -EMSGSIZE;
	if (to)
		d.addr = *to;
	h.len = sizeof(d) + len;
	memset(slot, 0, OUTSOCK_NET_HDR_LEN);
	memcpy(slot + OUTSOCK_NET_HDR_LEN, &h, sizeof(h));
	memcpy(slot + SG_HEAD, &d, sizeof(d));
	memcpy(slot + SG_HEAD + sizeof(d), data, len);
	sg_tx_push(q, SG_HEAD + sizeof(d) + len);
	return 0;
}

uint32_t sg_recv(struct sg_sock *s, void *data, uint32_t max)
{
	uint32_t n = s->buf_len < max ? (uint32_t)s->buf_len : max;

	if (n == 0)
		return 0;
	memcpy(data, s->buf, n);
	memmove(s->buf, s->buf + n, s->buf_len - n);
	s->buf_len -= n;
	took(s, n);
	return n;
}

struct outsock_addr sg_addr(const char *ip, uint16_t port)
{
	struct outsock_addr a = { .family = OUTSOCK_INET, .port = htons(port) };

	if (inet_pton(AF_INET, ip, a.addr) != 1)
		a.family = 0;
	return a;
}
