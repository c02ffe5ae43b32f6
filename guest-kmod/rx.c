// SPDX-License-Identifier: GPL-2.0
/*
 * Host to guest: one message in one page. Everything in it is checked before it is used; a broken
 * host can break our connections, but not the guest.
 *
 * Large payload keeps its page, which goes to the socket; the ring gets a new one. Small payload
 * is copied together, since a socket is charged for the memory that it holds.
 */
#include "compat.h"
#include <linux/sched/signal.h>
#include "cmd.h"
#include "dev.h"
#include "mib.h"
#include "rx.h"
#include "sock.h"

#define OSRX_CHUNK	2048	/* room taken for copies: further ones need no new segment */

struct osk *osrx_find(const struct osrx *rx, bool stream)
{
	u32 id = le32_to_cpu(rx->hdr.sock);
	struct osk *os = xa_load(&rx->q->dev->socks, id);

	if (!os || xa_is_value(os) || os->q != rx->q || os->stream != stream) {
		if (!os || !xa_is_value(os))
			OSMIB_INC(rx_bad_sock);
		return NULL;
	}
	spin_lock(&os->lock);
	if (os->id == id && os->declared) {
		__release(&os->lock);	/* for sparse: see osrx_sock() */
		return os;
	}
	spin_unlock(&os->lock);
	OSMIB_INC(rx_bad_sock);
	return NULL;
}

/* Segments. */

static bool osrx_append(struct osk *os, const void *from, u32 len)
{
	struct osseg *seg = osseg_last(&os->rx);

	if (!seg || seg->room < len)
		return false;
	memcpy(osseg_data(seg) + seg->len, from, len);
	seg->room -= len;
	WRITE_ONCE(seg->len, seg->len + len);
	return true;
}

static struct osseg *osrx_copy(struct oring *q, const void *from, u32 len)
{
	u32 size = max_t(u32, OSRX_CHUNK, len);
	struct page_frag *frag = &q->rx_frag;
	struct osseg *seg;

	if (len <= OSRX_CHUNK / 8)
		size = OSRX_CHUNK / 4;
	if (!skb_page_frag_refill(size, frag, GFP_NOWAIT | __GFP_NOWARN))
		return NULL;
	seg = osseg_new(frag->page, frag->offset, len, OSK_ATOMIC);
	if (!seg)
		return NULL;
	get_page(frag->page);
	frag->offset += size;
	memcpy(osseg_data(seg), from, len);
	seg->room = size - len;
	seg->cost = size + sizeof(*seg);
	return seg;
}

static struct osseg *osrx_steal(struct osrx *rx)
{
	struct osseg *seg = osseg_new(rx->page, rx->off, rx->len, OSK_ATOMIC);

	if (!seg)
		return NULL;
	seg->cost = PAGE_SIZE + sizeof(*seg);
	rx->page = NULL;
	return seg;
}

/* Queues the body; false without memory. */
static bool osrx_queue(struct osrx *rx, struct osk *os)
{
	struct sock *sk = osk_sk(os);
	bool full = atomic_read(&sk->sk_rmem_alloc) > READ_ONCE(sk->sk_rcvbuf) / 2;
	struct osseg *seg = NULL;

	if (rx->len <= (full ? OSRX_COPY_FULL : OSRX_COPY_MAX)) {
		OSMIB_INC(rx_copied);
		if (osrx_append(os, osrx_body(rx), rx->len))
			return true;
		seg = osrx_copy(rx->q, osrx_body(rx), rx->len);
	}
	/* The page is in hand: without memory for a copy it does for a small message, too. */
	if (!seg)
		seg = osrx_steal(rx);
	if (!seg)
		return false;
	atomic_add(seg->cost, &sk->sk_rmem_alloc);
	list_add_tail(&seg->node, &os->rx);
	return true;
}

/* Operations. */

static void osrx_data(struct osrx *rx)
{
	u64 off = le64_to_cpu(rx->hdr.off);
	struct osk *os = osrx_sock(rx, true);

	if (!os)
		return;
	osk_acked(os, le64_to_cpu(rx->hdr.pos));
	if (os->dead || !rx->len)
		goto unlock;
	if (os->closing) {
		/*
		 * The program has closed: data that comes now resets (RFC 2525, 2.17). Where CLOSE
		 * has gone already the host sees to that; this is what crossed it.
		 */
		osk_send_close(os, OUTSOCK_CLOSE_ABORT);
		goto unlock;
	}
	if (off != os->rcv_nxt || off + rx->len > os->rcv_credit ||
	    osk_sk(os)->sk_shutdown & RCV_SHUTDOWN) {
		OSMIB_INC(rx_bad_offset);
		osk_fatal(os, EPROTO);
		goto unlock;
	}
	if (!osrx_queue(rx, os)) {
		OSMIB_INC(rx_no_memory);
		osk_fatal(os, ENOMEM);
		goto unlock;
	}
	os->rcv_nxt += rx->len;
	OSMIB_ADD(rx_bytes, rx->len);
	osk_sk(os)->sk_data_ready(osk_sk(os));
unlock:
	spin_unlock(&os->lock);
}

static void osrx_credit(struct osrx *rx)
{
	struct osk *os = osrx_sock(rx, true);

	if (!os)
		return;
	osk_acked(os, le64_to_cpu(rx->hdr.pos));
	if (rx->hdr.flags & OUTSOCK_F_REWIND)
		osk_refused(os, le64_to_cpu(rx->hdr.off));
	spin_unlock(&os->lock);
}

static void osrx_peer_closed(struct osrx *rx)
{
	struct osk *os = osrx_sock(rx, true);
	struct sock *sk;

	if (!os)
		return;
	sk = osk_sk(os);
	osk_acked(os, le64_to_cpu(rx->hdr.pos));
	if (os->dead || os->closing || sk->sk_shutdown & RCV_SHUTDOWN)
		goto unlock;
	if (le64_to_cpu(rx->hdr.off) != os->rcv_nxt) {
		OSMIB_INC(rx_bad_offset);
		osk_fatal(os, EPROTO);
		goto unlock;
	}
	if (sk->sk_state == TCP_ESTABLISHED)
		osk_set_state(sk, TCP_CLOSE_WAIT);
	else if (sk->sk_state == TCP_FIN_WAIT2 || sk->sk_state == TCP_FIN_WAIT1)
		osk_set_state(sk, TCP_CLOSING);
	WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown | RCV_SHUTDOWN);
	sock_set_flag(sk, SOCK_DONE);
	sk->sk_state_change(sk);
	sk_wake_async(sk, SOCK_WAKE_WAITD,
		      sk->sk_shutdown == SHUTDOWN_MASK ? POLL_HUP : POLL_IN);
unlock:
	spin_unlock(&os->lock);
}

static void osrx_error_sock(struct osrx *rx, struct osk *os)
{
	struct sock *sk = osk_sk(os);
	int err = min_t(int, le16_to_cpu(rx->hdr.status), MAX_ERRNO);

	if (rx->hdr.flags & OUTSOCK_F_FATAL) {
		/* Linux, tcp_reset(); RFC 9293 makes no difference. */
		if (err == ECONNRESET && sk->sk_state == TCP_CLOSE_WAIT)
			err = EPIPE;
		osk_fatal(os, err ?: ECONNRESET);
		if (os->closing)
			osk_send_close(os, OUTSOCK_CLOSE_ABORT);	/* if it was not sent yet */
		return;
	}
	/* An unconnected datagram socket hears of errors only if it asked to. */
	if (err && (os->stream || os->recverr || os->peer.family)) {
		WRITE_ONCE(sk->sk_err, err);
		sk_error_report(sk);
	}
}

static void osrx_error(struct osrx *rx)
{
	struct osk *os = xa_load(&rx->q->dev->socks, le32_to_cpu(rx->hdr.sock));

	if (!os || xa_is_value(os))
		return;
	os = osrx_sock(rx, os->stream);
	if (!os)
		return;
	osrx_error_sock(rx, os);
	spin_unlock(&os->lock);
}

static bool osrx_conn(const struct osrx *rx, struct outsock_evt_conn *evt)
{
	if (rx->len < sizeof(*evt)) {
		OSMIB_INC(rx_bad_length);
		return false;
	}
	memcpy(evt, osrx_body(rx), sizeof(*evt));
	return true;
}

static void osrx_connected(struct osrx *rx)
{
	struct outsock_evt_conn evt;
	struct osk *os;
	struct sock *sk;

	if (!osrx_conn(rx, &evt))
		return;
	os = osrx_sock(rx, true);
	if (!os)
		return;
	sk = osk_sk(os);
	if (sk->sk_state == TCP_SYN_SENT && !os->dead) {
		os->record = evt.record;
		os->snd_win = le32_to_cpu(evt.snd_win);
		os->local.family = evt.record.family;
		os->local.port = evt.record.local_port;
		memcpy(os->local.addr, evt.record.local, 16);
		smp_wmb();	/* connect() looks at the state first */
		osk_set_state(sk, TCP_ESTABLISHED);
		sk->sk_state_change(sk);
		sk_wake_async(sk, SOCK_WAKE_IO, POLL_OUT);
		osk_push_now(os);
	}
	spin_unlock(&os->lock);
}

/* The new socket must be there before the next message, which may be its data. */
static void osrx_accepted(struct osrx *rx)
{
	u32 id = le32_to_cpu(rx->hdr.sock);
	struct outsock_evt_conn evt;
	struct osk *listener, *os = NULL;

	if (!osrx_conn(rx, &evt))
		return;
	if (!(id & OUTSOCK_ID_HOST) || id == OUTSOCK_ID_NONE) {
		OSMIB_INC(rx_bad_sock);
		return;
	}
	rx->hdr.sock = evt.listener;
	listener = osrx_sock(rx, true);
	if (listener) {
		if (osk_sk(listener)->sk_state == TCP_LISTEN && !listener->closing)
			os = osk_child(listener, id, &evt);
		listener->acc_seen++;	/* the host has counted it, whatever became of it */
		if (os) {
			/* The listener's buffer may have changed since: credit never shrinks. */
			os->rcv_credit = min_t(u64, le64_to_cpu(rx->hdr.off), INT_MAX);
			osk_sk(listener)->sk_data_ready(osk_sk(listener));
		} else {
			osk_send_credit(listener);
		}
		spin_unlock(&listener->lock);
	}
	if (!os) {
		OSMIB_INC(accept_failed);
		osk_refuse_id(rx->q, id);
	} else {
		OSMIB_INC(accepted);
	}
}

static void osrx_closed(struct osrx *rx)
{
	u32 id = le32_to_cpu(rx->hdr.sock);
	struct xarray *socks = &rx->q->dev->socks;
	struct osk *os = xa_load(socks, id);

	if (xa_is_value(os)) {
		xa_erase(socks, id);
		return;
	}
	if (!os || os->q != rx->q) {
		OSMIB_INC(rx_bad_sock);
		return;
	}
	spin_lock(&os->lock);
	if (os->id != id || !os->close_sent) {
		spin_unlock(&os->lock);
		OSMIB_INC(rx_bad_sock);
		return;
	}
	osk_closed(os);
}

/* Messages. */

static void osrx_reply(struct osrx *rx)
{
	if (rx->hdr.op == OUTSOCK_OP_HELLO)
		osdev_hello_reply(rx->q, &rx->hdr, osrx_body(rx), rx->len);
	else
		osreq_reply(rx->q, &rx->hdr, osrx_body(rx), rx->len);
	/* The host does not know the id: no CLOSED will come. */
	if (rx->hdr.op == OUTSOCK_OP_CLOSE && rx->hdr.status)
		osrx_closed(rx);
}

static void osrx_dispatch(struct osrx *rx)
{
	if (rx->hdr.flags & OUTSOCK_F_REPLY) {
		osrx_reply(rx);
		return;
	}
	switch (rx->hdr.op) {
	case OUTSOCK_OP_DATA:
		return osrx_data(rx);
	case OUTSOCK_OP_DGRAM:
		return osrx_dgram(rx);
	case OUTSOCK_OP_CREDIT:
		return osrx_credit(rx);
	case OUTSOCK_OP_CONNECTED:
		return osrx_connected(rx);
	case OUTSOCK_OP_ACCEPTED:
		return osrx_accepted(rx);
	case OUTSOCK_OP_PEER_CLOSED:
		return osrx_peer_closed(rx);
	case OUTSOCK_OP_ERROR:
		return osrx_error(rx);
	case OUTSOCK_OP_CLOSED:
		return osrx_closed(rx);
	default:
		OSMIB_INC(rx_bad_op);
	}
}

static void osrx_message(struct osrx *rx, u32 used)
{
	struct oring *q = rx->q;
	u32 epoch;

	OSMIB_INC(rx_messages);
	if (used < OSRX_HEAD || used > PAGE_SIZE) {
		OSMIB_INC(rx_bad_length);
		return;
	}
	memcpy(&rx->hdr, page_address(rx->page) + OUTSOCK_NET_HDR_LEN, sizeof(rx->hdr));
	rx->off = OSRX_HEAD;
	rx->len = le32_to_cpu(rx->hdr.len);
	if (rx->len > used - OSRX_HEAD) {
		OSMIB_INC(rx_bad_length);
		return;
	}
	epoch = le32_to_cpu(rx->hdr.epoch);
	if (rx->hdr.op == OUTSOCK_OP_EPOCH) {
		if (epoch)
			osdev_epoch_seen(q, epoch);
		return;
	}
	/* osdev_session_reset() waits: what passes here is done before the new epoch begins. */
	rcu_read_lock();
	if (epoch == READ_ONCE(q->dev->epoch))
		osrx_dispatch(rx);
	else
		OSMIB_INC(rx_bad_epoch);
	rcu_read_unlock();
}

unsigned int oring_rx(struct oring *q, unsigned int budget)
{
	unsigned int n, used;

	lockdep_assert_held(&q->rx_lock);
	for (n = 0; n < budget; n++) {
		struct osrx rx = { .q = q };

		rx.page = virtqueue_get_buf(q->rx, &used);
		if (!rx.page)
			break;
		q->rx_posted--;
		osrx_message(&rx, used);
		/* An untouched page goes back at once: its place is free, so this cannot fail. */
		if (rx.page)
			oring_repost(q, rx.page);
	}
	return n;
}
