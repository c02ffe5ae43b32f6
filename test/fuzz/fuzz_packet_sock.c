/* SPDX-License-Identifier: BSD-3-Clause */
/* The consumer of the fuzzed sockets: takes, sends, connects and closes as the input says. */
#include "fuzz_packet.h"

#include "wire/byteorder.h"

void check_sock(const struct sock *s)
{
	check(s->tx_acked <= s->tx_off, "acknowledged more than was sent");
	if (s->type == SOCK_STREAM_T && s->state == SOCK_CONNECTED) {
		uint64_t queued = 0;

		for (struct rte_mbuf *m = s->rxq.head; m; m = pkt_meta(m)->next)
			queued += pkt_meta(m)->payload;
		check(s->rx_off + queued <= s->rx_credit, "received beyond the credit");
	}
}

static void send_some(struct sock *s, uint32_t n, bool fin)
{
	while (n) {
		uint32_t room, step;
		int err;
		void *space = sock_tx_space(s, &room, &err);

		if (!space)
			break;
		check(room > 0, "room of 0 bytes");
		step = RTE_MIN(room, n);
		memset(space, 'x', step);
		sock_tx_commit(s, step);
		n -= step;
	}
	sock_tx_end(s, true, fin);
}

static void take_stream(struct fuzz *f, struct sock *s)
{
	uint32_t n = 0;

	for (struct rte_mbuf *m = s->rxq.head; m; m = pkt_meta(m)->next)
		n += pkt_meta(m)->payload;
	if (f->mood & 1)
		n = RTE_MIN(n, 1u + (f->mood >> 4));
	sock_rx_taken(s, n);
	if (!(f->mood & 2))
		sock_credit(s, s->rx_off + CREDIT);
	if (f->mood & 4)
		send_some(s, n * 4, false);
}

static void take_datagrams(struct sock *s)
{
	while (s->rxq.head)
		sock_rx_taken_dgram(s);
	sock_credit(s, s->rx_off + CREDIT);
}

static void serve(struct fuzz *f, struct sock *s)
{
	uint16_t ev = s->events;

	check_sock(s);
	if (ev & SOCK_EV_CLOSED) {
		sock_free(s);
		return;
	}
	if (ev & SOCK_EV_GONE) {
		sock_event_taken(s, ev);
		if (!s->closing)
			sock_close(s, 0);
		sock_free(s);
		return;
	}
	sock_event_taken(s, ev & (uint16_t)~SOCK_EV_DATA);
	if (s == f->udp)
		take_datagrams(s);
	else if (s != f->listener && (ev & SOCK_EV_DATA))
		take_stream(f, s);
	if ((ev & SOCK_EV_PEER_CLOSED) && !s->closing)
		sock_close(s, f->mood & 8 ? SOCK_CLOSE_UNREAD : 0);
}

void consume(struct fuzz *f)
{
	struct sock *s;

	for (unsigned int n = 0; n < 2 * SOCKS_MAX && (s = sock_next_ready(&f->lane)); n++)
		serve(f, s);
}

/* Any socket but the listener and the datagram socket. */
static struct sock *some_stream(struct fuzz *f, unsigned int k)
{
	list_for_each(l, &f->owner.socks) {
		struct sock *s = container_of(l, struct sock, owner_link);

		/* A child that was not yet announced is not the consumer's. */
		if (s == f->listener || s == f->udp || (s->events & SOCK_EV_ACCEPTED))
			continue;
		if (!k--)
			return s;
	}
	return NULL;
}

static void consumer_connect(struct fuzz *f, uint8_t arg)
{
	struct ip_endpoint peer = { .addr = ip_addr_v4(be32(arg & 4 ? LOCAL_ADDR : PEER_ADDR)),
				    .port = be16(arg & 4 ? LISTEN_PORT : PEER_PORT + arg % PEERS) };
	struct sock *s;

	if (sock_create(&f->lane, OUTSOCK_INET, SOCK_STREAM_T, 7, &s))
		return;
	sock_credit(s, CREDIT);
	if (sock_connect(s, &peer)) {
		sock_close(s, SOCK_CLOSE_ABORT);
		sock_free(s);
	}
}

static void consumer_dgram(struct fuzz *f, uint32_t len)
{
	struct ip_endpoint dst = { .addr = ip_addr_v4(be32(PEER_ADDR)), .port = be16(PEER_PORT) };
	struct rte_mbuf *m = rte_pktmbuf_alloc(f->pool);

	if (!m)
		return;
	memset(rte_pktmbuf_append(m, (uint16_t)len), 'u', len);
	sock_tx_dgram(f->udp, m, &dst);
}

void op_consumer(struct fuzz *f)
{
	uint8_t what = in_u8(f), arg = in_u8(f);
	struct sock *s = some_stream(f, arg >> 4);

	switch (what % 8) {
	case 0:
		f->mood = arg;
		break;
	case 1:
		consumer_connect(f, arg);
		break;
	case 2:
		consumer_dgram(f, arg * 7u);
		break;
	case 3:
		if (s && !s->closing)
			send_some(s, in_u16(f), arg & 1);
		break;
	case 4:
		if (s && !s->closing)
			sock_close(s, arg & 3);
		break;
	case 5:
		if (s && !s->closing)
			sock_setopt(s, arg & 15, in_u8(f));
		break;
	case 6:
		sock_listen(f->listener, arg & 7, f->listener->accept_credit + (arg >> 3), CREDIT);
		break;
	default:
		if (s && !s->closing)
			sock_credit(s, s->rx_credit + arg * 16u);
	}
	turn(f);
}
