// SPDX-License-Identifier: GPL-2.0
/*
 * Guest to host: what a stream socket has to say, said as far as credit and ring allow.
 *
 * One function, osk_push(), sends everything in the right order: bytes, the end of the stream,
 * CLOSE. It is called whenever one of its conditions may have changed.
 */
#include "compat.h"
#include <linux/poll.h>
#include "cmd.h"
#include "dev.h"
#include "mib.h"
#include "sock.h"

#define OSK_BATCH_MIN 65536	/* sendfile: unsent bytes that are not held back any longer */

/* Half of the buffer's memory is payload: pages that are not full count as a whole. */
u64 osk_rcv_space(struct osk *os)
{
	u32 buf = READ_ONCE(osk_sk(os)->sk_rcvbuf);

	return max_t(u32, buf / 2, 2048);
}

u64 osk_credit(struct osk *os)
{
	u64 credit = os->rcv_read + osk_rcv_space(os);

	if (credit > os->rcv_credit)
		os->rcv_credit = credit;
	return os->rcv_credit;
}

/* lock held: the connections a listener can take: one more than the backlog, as in Linux */
u64 osk_accept_credit(struct osk *os)
{
	u32 max = os->backlog + 1;
	u64 credit = os->acc_seen + (max > os->qlen ? max - os->qlen : 0);

	return max(credit, os->acc_credit);
}

u64 osk_dgram_credit(struct osk *os)
{
	u64 credit = os->dg_taken + READ_ONCE(osk_sk(os)->sk_rcvbuf);

	return max(credit, os->dg_credit);
}

static bool osk_put_credit(struct osk *os, u64 pos)
{
	struct osmsg msg = { .op = OUTSOCK_OP_CREDIT, .sock = os->id, .pos = pos };
	struct oring *q = os->q;
	bool sent;

	oring_lock(q);
	sent = q->open && list_empty(&q->req_out) && !oring_put(q, &msg);
	if (sent)
		OSMIB_INC(tx_credits);
	else
		oring_wait_room(q, os);	/* osk_ring_room() tries again */
	oring_unlock(q);
	return sent;
}

/*
 * Announces credit when it has grown by @step, a part of the whole: a message for each read would
 * be one too many. A stream's DATA carries credit too.
 */
static void osk_grow_credit(struct osk *os, u64 *announced, u64 credit, u64 step)
{
	if (credit >= *announced + max_t(u64, step, 1) && osk_put_credit(os, credit))
		*announced = credit;
}

void osk_send_credit(struct osk *os)
{
	if (!os->declared || os->asked || os->dead || os->close_sent)
		return;
	if (!os->stream)
		osk_grow_credit(os, &os->dg_credit, osk_dgram_credit(os),
				osk_sk(os)->sk_rcvbuf / 4);
	else if (osk_sk(os)->sk_state == TCP_LISTEN)
		osk_grow_credit(os, &os->acc_credit, osk_accept_credit(os), os->backlog / 4);
	else if (osk_sk(os)->sk_state != TCP_CLOSE)
		osk_grow_credit(os, &os->rcv_credit, os->rcv_read + osk_rcv_space(os),
				osk_rcv_space(os) / 4);
}

/* The bytes of the next message: at most a chain's descriptors and what credit allows. */
static u32 osk_gather(struct osk *os, struct osvec *vec, u32 *n_vec)
{
	u64 window = os->snd_una + os->snd_win - os->snd_nxt;
	u32 left = min_t(u64, window, OUTSOCK_BODY_MAX), len = 0;
	struct osseg *seg = os->tx_next;
	u32 off = os->tx_off;

	*n_vec = 0;
	if (os->snd_una + os->snd_win <= os->snd_nxt)
		return 0;
	while (seg && left && *n_vec < ORING_FRAGS_MAX) {
		struct osvec *v = &vec[*n_vec];

		v->page = seg->page;
		v->off = seg->off + off;
		v->len = min(seg->len - off, left);
		if (v->len)
			(*n_vec)++;
		len += v->len;
		left -= v->len;
		seg = list_is_last(&seg->node, &os->tx) ? NULL : list_next_entry(seg, node);
		off = 0;
	}
	return len;
}

/* The cursor goes on by @len bytes; it stays in the last segment, since that one may grow. */
static void osk_advance(struct osk *os, u32 len)
{
	os->snd_nxt += len;
	while (len) {
		u32 here = min(len, os->tx_next->len - os->tx_off);

		os->tx_off += here;
		len -= here;
		if (os->tx_off < os->tx_next->len || list_is_last(&os->tx_next->node, &os->tx))
			continue;
		os->tx_next = list_next_entry(os->tx_next, node);
		os->tx_off = 0;
	}
}

/* The cursor goes back to @off, snd_una or more, and the end of the stream is still to be said. */
void osk_seek(struct osk *os, u64 off)
{
	os->snd_nxt = os->snd_una;
	os->tx_next = osseg_first(&os->tx);
	os->tx_off = 0;
	os->fin_sent = false;
	if (os->tx_next)
		osk_advance(os, off - os->snd_una);
}

/* One DATA message: bytes sent, or a negative error when the ring is full. */
static int osk_push_one(struct osk *os)
{
	struct osvec vec[ORING_FRAGS_MAX];
	struct osmsg msg = { .op = OUTSOCK_OP_DATA, .sock = os->id, .vec = vec };
	u32 len = osk_gather(os, vec, &msg.n_vec);
	bool end = os->snd_nxt + len == os->snd_end;
	bool fin = os->fin && !os->fin_sent && end;
	int err;

	if (!len && !fin)
		return 0;
	msg.vec_len = len;
	msg.off = os->snd_nxt;
	msg.pos = osk_credit(os);
	if (fin)
		msg.flags |= OUTSOCK_F_FIN;
	if (end && (!os->more || fin))
		msg.flags |= OUTSOCK_F_PUSH;
	err = oring_put(os->q, &msg);
	if (err)
		return err;
	osk_advance(os, len);
	os->fin_sent |= fin;
	OSMIB_ADD(tx_bytes, len);
	return len;
}

static bool osk_may_push(const struct osk *os)
{
	int state = osk_sk(os)->sk_state;

	if (!os->stream || !os->declared || os->dead || (os->close_sent && !os->close_waits))
		return false;
	return state != TCP_SYN_SENT && state != TCP_LISTEN && state != TCP_CLOSE;
}

static bool osk_has_more(const struct osk *os)
{
	if (os->snd_nxt < os->snd_end)
		return os->snd_nxt < os->snd_una + os->snd_win;
	return os->fin && !os->fin_sent;
}

void osk_push_now(struct osk *os)
{
	struct oring *q = os->q;
	bool full = false;

	lockdep_assert_held(&os->lock);
	if (!osk_may_push(os))
		return;
	if (osk_has_more(os)) {
		oring_lock(q);
		oring_reclaim(q, 8);
		full = !q->open || !list_empty(&q->req_out);
		while (!full && osk_has_more(os))
			full = osk_push_one(os) < 0;
		if (full)
			oring_wait_room(q, os);
		oring_unlock(q);
	}
	if (os->closing && os->snd_nxt == os->snd_end)
		osk_send_close(os, 0);
}

void osk_push(struct osk *os)
{
	/* sendfile() comes page by page and promises the next one. */
	if (os->more && os->snd_end - os->snd_nxt < OSK_BATCH_MIN)
		return;
	osk_push_now(os);
}

/* Called by the ring thread, for sockets that waited for room. */
void osk_ring_room(struct osk *os)
{
	spin_lock(&os->lock);
	osk_push_now(os);
	osk_send_credit(os);
	osk_write_space(osk_sk(os));
	spin_unlock(&os->lock);
}

/* Acknowledged bytes leave the send buffer. */
static void osk_tx_free(struct osk *os, u64 len)
{
	struct sock *sk = osk_sk(os);

	while (len) {
		struct osseg *seg = osseg_first(&os->tx);
		u32 here;

		if (WARN_ON_ONCE(!seg))
			return;
		here = min_t(u64, len, seg->len);
		seg->off += here;
		seg->len -= here;
		len -= here;
		if (seg == os->tx_next)
			os->tx_off -= here;
		if (seg->len)
			return;
		if (seg == os->tx_next) {
			bool last = list_is_last(&seg->node, &os->tx);

			os->tx_next = last ? NULL : list_next_entry(seg, node);
			os->tx_off = 0;
		}
		list_del(&seg->node);
		WRITE_ONCE(sk->sk_wmem_queued, sk->sk_wmem_queued - seg->cost);
		osseg_free(seg);
	}
}

void osk_tx_purge(struct osk *os)
{
	struct osseg *seg;

	while ((seg = osseg_first(&os->tx))) {
		WRITE_ONCE(osk_sk(os)->sk_wmem_queued, osk_sk(os)->sk_wmem_queued - seg->cost);
		list_del(&seg->node);
		osseg_free(seg);
	}
	os->tx_next = NULL;
	os->tx_off = 0;
}

/*
 * A position from the host: it may be old, but never beyond what we have sent. A connection that
 * has failed has no bytes any more.
 */
void osk_acked(struct osk *os, u64 pos)
{
	if (os->dead || pos <= os->snd_una)
		return;
	if (pos > os->snd_nxt) {
		OSMIB_INC(rx_bad_position);
		return;
	}
	osk_tx_free(os, pos - os->snd_una);
	os->snd_una = pos;
	osk_push_now(os);
	osk_write_space(osk_sk(os));
}

/* The host had no room for what we sent from @off on; now it has. */
void osk_refused(struct osk *os, u64 off)
{
	if (os->dead)
		return;
	if (off < os->snd_una || off > os->snd_nxt) {
		OSMIB_INC(rx_bad_position);
		return;
	}
	OSMIB_INC(rx_rewinds);
	osk_seek(os, off);
	osk_push_now(os);
}

static bool osk_writable(struct sock *sk)
{
	if (sk->sk_type == SOCK_STREAM)
		return sk_stream_wspace(sk) >= sk_stream_min_wspace(sk);
	return !osk_dgram_blocked(osk_from_sk(sk));
}

/* lock held: sk_socket stays */
void osk_write_space(struct sock *sk)
{
	struct socket *sock = sk->sk_socket;
	struct socket_wq *wq;

	if (!sock || !test_bit(SOCK_NOSPACE, &sock->flags) || !osk_writable(sk))
		return;
	clear_bit(SOCK_NOSPACE, &sock->flags);
	rcu_read_lock();
	wq = rcu_dereference(sk->sk_wq);
	if (skwq_has_sleeper(wq))
		wake_up_interruptible_poll(&wq->wait, EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND);
	if (wq && wq->fasync_list && !(sk->sk_shutdown & SEND_SHUTDOWN))
		sock_wake_async(wq, SOCK_WAKE_SPACE, POLL_OUT);
	rcu_read_unlock();
}
