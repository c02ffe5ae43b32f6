/* SPDX-License-Identifier: BSD-3-Clause */
/* Packet scripts: the consumer's bytes and datagrams, checked against the pattern. */
#include "script.h"

#include <errno.h>

/* ---- streams ---- */

/* Compares the first @n bytes of the receive queue with the peer's pattern. */
static void check_rxq(struct script *t, const struct sock *s, uint32_t n, uint16_t key)
{
	uint64_t off = s->rx_off;

	for (struct rte_mbuf *m = s->rxq.head; m && n; m = pkt_meta(m)->next) {
		uint32_t left = RTE_MIN(n, pkt_meta(m)->payload);

		n -= left;
		for (const struct rte_mbuf *seg = m; left; seg = seg->next) {
			uint32_t len = RTE_MIN(left, (uint32_t)seg->data_len);
			uint32_t good = pattern_check(rte_pktmbuf_mtod(seg, const uint8_t *), off,
						      len, key);

			if (good != len)
				fail(t, "byte %lu of the stream is wrong", off + good);
			off += len;
			left -= len;
		}
	}
	if (n)
		fail(t, "only %lu bytes are there", off - s->rx_off);
}

static uint64_t rxq_bytes(const struct sock *s)
{
	uint64_t n = 0;

	for (struct rte_mbuf *m = s->rxq.head; m; m = pkt_meta(m)->next)
		n += pkt_meta(m)->payload;
	return n;
}

void cmd_read(struct script *t)
{
	uint32_t n = need_num(t, "bytes");
	struct sock *s = need_sock(t);
	bool grow = !take_word(t, "keep"); /* the program has read it: room for as much more */

	want_event(t, s, SOCK_EV_DATA, "DATA");
	check_rxq(t, s, n, t->flow->peer_port);
	sock_rx_taken(s, n);
	if (grow)
		want_rc(t, "credit", sock_credit(s, s->rx_credit + n));
	if (!s->rxq.head)
		took(t, s, SOCK_EV_DATA);
}

void cmd_rxq(struct script *t)
{
	uint64_t want = need_num(t, "bytes"), got = rxq_bytes(need_sock(t));

	if (want != got)
		fail(t, "%lu bytes are there to read, not %lu", got, want);
}

void cmd_credit(struct script *t)
{
	struct sock *s = need_sock(t);
	const char *word = need_token(t, "credit");
	int64_t n = parse_num(t, word, "credit");

	want_rc(t, "credit", sock_credit(s, *word == '+' ? s->rx_credit + n : (uint64_t)n));
}

static uint32_t write_bytes(struct script *t, struct sock *s, uint32_t n, int *ret_err)
{
	uint32_t done = 0;

	*ret_err = 0;
	while (done < n) {
		uint32_t room;
		uint8_t *p = sock_tx_space(s, &room, ret_err);

		if (!p)
			break;
		if (!room)
			fail(t, "sock_tx_space() gave no room and no error");
		room = RTE_MIN(room, n - done);
		pattern_fill(p, s->tx_off, room, t->flow->peer_port);
		sock_tx_commit(s, room);
		done += room;
	}
	return done;
}

/* "write N [takes M] [more] [fin]" */
void cmd_write(struct script *t)
{
	uint32_t n = need_num(t, "bytes"), takes, done;
	struct sock *s = need_sock(t);
	bool more, fin;
	int err;

	done = write_bytes(t, s, n, &err);
	takes = take_word(t, "takes") ? need_num(t, "bytes") : t->want_err ? 0 : n;
	more = take_word(t, "more");
	fin = take_word(t, "fin");
	if (done != takes)
		fail(t, "%u bytes were taken, not %u: %s", done, takes, errno_name(-err));
	if (t->want_err)
		want_rc(t, "write", err);
	else
		sock_tx_end(s, !more, fin);
}

void cmd_acked(struct script *t)
{
	uint64_t want = need_num(t, "bytes");
	struct sock *s = need_sock(t);

	if (s->tx_acked != want)
		fail(t, "%lu bytes are acknowledged, not %lu", s->tx_acked, want);
	if (s->events & SOCK_EV_ACKED)
		took(t, s, SOCK_EV_ACKED);
}

/* ---- datagrams ---- */

static void send_dgram(struct script *t, uint32_t len, const struct ip_endpoint *dst)
{
	struct sock *s = need_sock(t);
	uint32_t off = 0;
	struct rte_mbuf *m = pkt_alloc(stack_env(t->host.stack));
	struct rte_mbuf *last = m;

	while (m && last && off < len) {
		uint32_t n = RTE_MIN(len - off, rte_pktmbuf_tailroom(last));

		pattern_fill((void *)rte_pktmbuf_append(m, n), off, n, t->flow->peer_port);
		off += n;
		if (off == len)
			break;
		last = rte_pktmbuf_alloc(t->host.pool);
		if (last)
			rte_pktmbuf_chain(m, last);
	}
	if (!m || !last)
		fail(t, "the packet pool is empty");
	want_rc(t, "send", sock_tx_dgram(s, m, dst));
	t->flow->local_port = rte_be_to_cpu_16(s->local.port);
}

void cmd_send(struct script *t)
{
	send_dgram(t, need_num(t, "length"), NULL);
}

uint32_t take_addr(struct script *t)
{
	if (take_word(t, "broadcast"))
		return 0xffffffff;
	if (take_word(t, "subnet"))
		return PEER_ADDR | 0xff;
	return take_word(t, "offlink") ? OFFLINK_ADDR : PEER_ADDR;
}

void cmd_sendto(struct script *t)
{
	uint32_t addr = take_addr(t);
	struct ip_endpoint dst;
	uint32_t len;

	dst = endpoint(addr, need_num(t, "port"));
	len = need_num(t, "length");
	send_dgram(t, len, &dst);
}

/* "recv LEN [from PORT]" */
void cmd_recv(struct script *t)
{
	uint32_t len = need_num(t, "length");
	struct sock *s = need_sock(t);
	const struct pkt_meta *meta;
	uint64_t off = s->rx_off;
	uint16_t from;

	want_event(t, s, SOCK_EV_DATA, "DATA");
	meta = pkt_meta(s->rxq.head);
	if (meta->payload != len)
		fail(t, "the datagram has %u bytes", meta->payload);
	from = take_word(t, "from") ? need_num(t, "port") : t->flow->peer_port;
	if (rte_be_to_cpu_16(meta->sport) != from)
		fail(t, "the datagram came from port %u", rte_be_to_cpu_16(meta->sport));
	s->rx_off = 0; /* each datagram's pattern begins with 0 */
	check_rxq(t, s, len, from);
	s->rx_off = off;
	sock_rx_taken_dgram(s);
	if (!s->rxq.head)
		took(t, s, SOCK_EV_DATA);
}
