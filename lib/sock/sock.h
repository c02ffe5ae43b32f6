/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A socket as its consumer (a guest session, a benchmark's client, a test) sees it.
 *
 * The consumer pulls: transports put what happened on the socket (events, received packets), and
 * the socket on its lane's ready list; the consumer takes sockets from there as far as its own room
 * and budget go, and leaves the rest. So a full ring is back-pressure, and nobody calls upward.
 *
 * Everything belongs to one lcore. Stream offsets are absolute, from 0.
 *
 *	owner (a guest: addresses, quotas) --- lanes (queue pairs) --- sockets
 */
#ifndef OUTSOCK_SOCK_SOCK_H
#define OUTSOCK_SOCK_SOCK_H

#include "abi/abi.h"
#include "base/list.h"
#include "pkt/pkt.h"

#include <errno.h>

struct stack;
struct sock;
struct outsock_info;
struct sock_transport;

/* sock_bin.h */
struct sock_bin {
	struct list link;	  /* env.bins, unless it is empty */
	struct rte_mbuf *rx, *tx; /* linked by pkt_meta.next, and by tx_next */
};

#define SOCK_STREAM_T 1
#define SOCK_DGRAM_T  2

/**
 * struct sock_owner - a guest as the stack sees it
 * @stack:	the instance it lives on
 * @socks:	all of its sockets (sock.owner_link)
 * @port_uses:	sock_port.c
 * @n_socks, @max_socks: quota, accepted ones and those not yet handed over included
 * @n_dgrams:	those of them that are no streams
 * @n_pkts, @max_pkts: quota of packets that wait in its sockets' queues, both directions
 * @n_ooo, @n_tx: how many of them lie beyond a gap in their stream; in send queues
 * @tx_max, @tx_min: packets that send queues compete for; what each of them has beside that (two at
 *		least: fewer would wait for delayed ACKs) ...
 * @tx_cap:	... while all of them together hold less than this
 * @refused:	sockets that wait for packets to send in (sock.refused_link), @n_refused of them
 * @n_freed, @retry_freed, @retry_left: packets that its queues gave back, ever; when its refused
 *		sockets were last begun with; how many of these have still to be looked at
 * @rst_full_at: bucket of RSTs in its name for segments of no connection (base/bucket.h)
 * @bin:	packets of no queue any more, which are still to be freed and count until then
 * @cookie:	the consumer's own
 */
struct sock_owner {
	struct stack *stack;
	struct list socks;
	struct list port_uses;
	uint32_t n_socks, max_socks, n_dgrams;
	uint32_t n_pkts, max_pkts, n_ooo, n_tx, tx_max, tx_cap, tx_min;
	struct list refused;
	uint32_t n_refused, n_freed, retry_freed, retry_left;
	uint64_t rst_full_at;
	struct sock_bin bin;
	void *cookie;
};

/*
 * Sockets that have something for the consumer, first come first served (sock.ready_link). The lane
 * puts itself on the list @woken, where that is not NULL, when something comes: who takes it off
 * there looks into @ready.
 */
struct sock_lane {
	struct sock_owner *owner;
	struct list ready, woken_link;
	struct list *woken;
};

/*
 * What happened; sock.events. The consumer handles them in this order, and says what it has
 * published with sock_event_taken().
 */
#define SOCK_EV_CONNECTED 0x01 /* active open is complete */
/*
 * New child of sock.parent, first time seen. One whose id and cookie the consumer has not set yet
 * may vanish again; parent is NULL when the listener has gone meanwhile.
 */
#define SOCK_EV_ACCEPTED    0x02
#define SOCK_EV_DATA	    0x04  /* rxq is not empty */
#define SOCK_EV_ACKED	    0x08  /* tx_acked moved, or snd_win grew */
#define SOCK_EV_PEER_CLOSED 0x10  /* FIN after rxq's last byte: tell when rxq is empty */
#define SOCK_EV_ERROR	    0x20  /* sock.err; fatal if SOCK_EV_GONE is there too */
#define SOCK_EV_GONE	    0x40  /* the connection is dead; rxq is discarded */
#define SOCK_EV_CLOSED	    0x80  /* after sock_close(): all done, call sock_free() */
#define SOCK_EV_TX_ROOM	    0x100 /* after sock_tx_refuse(): there are packets again */

/* Socket states that the consumer can see. */
enum sock_state {
	SOCK_NEW,
	SOCK_BOUND,
	SOCK_LISTENING,
	SOCK_CONNECTING,
	SOCK_CONNECTED, /* datagram: has a peer */
	SOCK_DEAD,	/* fatal error */
};

/**
 * struct sock - embedded first in each transport's connection
 * Consumer may read all, write @id and @cookie.
 *
 * @rxq:	received in order, not yet taken; the packet's data pointer is at the next byte and
 *		pkt_meta.payload counts from there. Datagram: one datagram a packet (or chain).
 * @rx_off:	offset of rxq's first byte = bytes the consumer has taken (datagram: their cost)
 * @rx_credit:	offset up to which the consumer can take
 * @rx_end:	with SOCK_EV_PEER_CLOSED: length of the peer's stream
 * @tx_off:	next byte expected from the consumer
 * @tx_acked:	the peer has all before it
 * @snd_win:	the consumer may have tx_off - tx_acked up to this
 * @tx_pkts:	packets of its send queue
 * @tx_refused:	bytes from tx_off on were refused: the consumer is to begin there again
 * @accept_credit, @accepted: listener: children it may have produced; children produced
 * @child_credit: listener: rx_credit of new children
 * @retrans:	stream connection: segments sent again
 * @err:	positive error number (SOCK_EV_ERROR)
 */
struct sock {
	const struct sock_transport *tp;
	struct sock_owner *owner;
	struct sock_lane *lane;
	union {
		struct sock *parent;
		struct sock *moved_to; /* the object is empty: sock_move.c */
	};
	struct list ready_link, owner_link;
	uint32_t id;
	uint16_t events;
	uint8_t type;
	uint8_t state;	     /* enum sock_state */
	uint8_t family : 4;  /* OUTSOCK_INET, OUTSOCK_INET6 */
	uint8_t closing : 1; /* sock_close() was called */
	uint8_t tx_refused : 1;
	uint8_t bind_again : 1;	 /* transport's bind(): sock_bind_again() */
	uint8_t close_later : 1; /* sock_close_later() was called */
	uint8_t tx_fin;		 /* the stream ends at tx_off: sock_tx_end(fin) or sock_close() */
	uint16_t err;
	union {
		uint32_t retrans;
		uint32_t child_credit;
	};
	uint32_t snd_win, tx_pkts;
	struct pkt_queue rxq;
	uint64_t rx_off, rx_credit, rx_end;
	uint64_t tx_off, tx_acked;
	union {
		struct list refused_link; /* owner.refused; valid with tx_refused */
		struct {		  /* listener */
			uint64_t accept_credit, accepted;
		};
	};
	void *cookie;
	struct ip_endpoint local, peer;
};

void sock_owner_init(struct sock_owner *o, struct stack *stack, uint32_t max_socks,
		     uint32_t max_pkts, void *cookie);
/* Another quota of packets, at any time; what is above it stays until it is gone. */
void sock_owner_quota(struct sock_owner *o, uint32_t max_pkts);
void sock_lane_init(struct sock_lane *l, struct sock_owner *o);
/* From now on it puts itself on @woken, or (NULL) nowhere. */
void sock_lane_wakes(struct sock_lane *l, struct list *woken);

/* ---- control; all return 0 or negative errno, never wait ---- */

/* @family: OUTSOCK_INET (INET6: mapped addresses). -ENFILE: quota; -ENOBUFS: pool. */
int sock_create(struct sock_lane *lane, uint8_t family, uint8_t type, uint32_t id,
		struct sock **ret_sock);
/* Port 0: one is chosen. Unspecified address: all of the owner's. Then sock.local is exact. */
int sock_bind(struct sock *s, const struct ip_endpoint *local);
/* The consumer's socket before this one had it: what else holds the port is no obstacle. */
int sock_bind_again(struct sock *s, const struct ip_endpoint *local);
/* Again for another backlog or credit. @accept_credit: absolute. */
int sock_listen(struct sock *s, uint32_t backlog, uint64_t accept_credit, uint32_t child_credit);
/* Stream: SYN leaves in this turn's TX phase; then CONNECTED or ERROR. Datagram: sets the peer. */
int sock_connect(struct sock *s, const struct ip_endpoint *peer);
int sock_disconnect(struct sock *s);			       /* datagram: forgets the peer */
int sock_setopt(struct sock *s, uint16_t opt, uint32_t value); /* enum outsock_opt */
int sock_getopt(struct sock *s, uint16_t opt, uint32_t *ret_value);
/* How a connection is doing (ABI form). -EOPNOTSUPP: not a stream. */
int sock_conn_info(const struct sock *s, struct outsock_info *ret_info);

#define SOCK_CLOSE_ABORT  1u /* RST */
#define SOCK_CLOSE_UNREAD 2u /* bytes were not read: RST instead of FIN */
/*
 * The consumer lets go: after the bytes before tx_off, FIN; SOCK_EV_CLOSED when nothing is left to
 * do for the owner (at once for datagram sockets, and listeners without children). @flags:
 * SOCK_CLOSE_*.
 */
void sock_close(struct sock *s, uint32_t flags);
/*
 * The consumer has let go, but not all of its bytes are there: sock_close() will follow them. A
 * peer that takes nothing is waited for no longer than after sock_close().
 */
void sock_close_later(struct sock *s);
/* After SOCK_EV_CLOSED (or any time after sock_close with ABORT). The socket is gone. */
void sock_free(struct sock *s);
/*
 * Aborts and frees it, for an owner that lets go of all its sockets, one after the other from the
 * head of its list. False: it is a listener that has children; it is behind them now.
 */
bool sock_abort(struct sock *s);
/*
 * Owner gone: all of its sockets and packets within this call, RSTs queued. Cold, and as long as it
 * takes.
 */
void sock_owner_abort(struct sock_owner *o);

/* ---- consumer's receive side ---- */

/* Takes the first ready socket off the lane, or NULL. It must be handled or put back. */
struct sock *sock_next_ready(struct sock_lane *l);
/* Puts it back, at the tail (its turn is over) or at the head (the ring is full). */
void sock_ready_again(struct sock *s, bool head);
/*
 * The consumer has published @events (SOCK_EV_*): clears them, and lets the transport acknowledge
 * what must not be acknowledged before (design D9, rule 1): the peer's SYN after CONNECTED, the
 * end of a handshake after ACCEPTED, FIN after PEER_CLOSED.
 */
void sock_event_taken(struct sock *s, uint16_t events);
/*
 * The consumer has taken @n bytes of a stream's rxq (frees packets, lets the transport ACK; clears
 * SOCK_EV_DATA with the last byte). A chain's segments may then have length 0.
 */
void sock_rx_taken(struct sock *s, uint32_t n);
/* The consumer has taken the first datagram of rxq: rx_off moves by sock_dgram_cost(). */
void sock_rx_taken_dgram(struct sock *s);
/* New receive credit (absolute, never shrinks: -EINVAL), or accept credit for a listener. */
int sock_credit(struct sock *s, uint64_t credit);

/* What a datagram of @len bytes costs of the receive credit (abi.h). */
static inline uint64_t sock_dgram_cost(uint32_t len)
{
	return (uint64_t)len + OUTSOCK_DGRAM_OVERHEAD;
}

/* ---- consumer's send side, stream ---- */

/*
 * Room for the next bytes of the stream, contiguous; *@ret_room its size, at least 1. The consumer
 * writes up to that many and calls sock_tx_commit(). NULL: *@ret_err is -ENOBUFS (no packets or
 * quota; try next turn), -EAGAIN (snd_win is used up), -ENOTCONN, -EPIPE (after the end), or the
 * socket's error.
 */
void *sock_tx_space(struct sock *s, uint32_t *ret_room, int *ret_err);
void sock_tx_commit(struct sock *s, uint32_t n);
/*
 * The consumer drops bytes because of -ENOBUFS. SOCK_EV_TX_ROOM tells when it is worthwhile to
 * begin again at tx_off; sock_tx_accept() when it does.
 */
void sock_tx_refuse(struct sock *s);
void sock_tx_accept(struct sock *s);
/* Once a turn while there is a refused socket: gives some of them a new chance. */
void sock_tx_retry(struct sock_owner *o, struct env *env);
/* Is there one that may have it? If not, it takes a packet that is given back. */
static inline bool sock_tx_retry_due(const struct sock_owner *o)
{
	return o->n_refused && (o->retry_left || o->n_freed != o->retry_freed);
}
/* End of the consumer's message: @push: nothing is about to follow; @fin: half-close. */
void sock_tx_end(struct sock *s, bool push, bool fin);

/* ---- datagram ---- */

/*
 * Sends @m, payload from the data pointer on (PKT_HEADROOM before it; a chain for large ones), to
 * @dst or, NULL, to the peer. Consumes @m. 0 or negative errno (-EMSGSIZE, -EDESTADDRREQ, ...).
 */
int sock_tx_dgram(struct sock *s, struct rte_mbuf *m, const struct ip_endpoint *dst);

#endif
