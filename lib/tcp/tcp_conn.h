/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The private state of TCP: the connection (the TCB of RFC 9293, 3.3.1), the instance, and what the
 * files of this folder call of each other.
 *
 * Three positions of the peer's stream are distinct here (design D9, rule 1):
 *
 *	rcv.nxt		all before it was received in order (RCV.NXT of the RFC)
 *	rcv.ack		all before it was taken by the consumer: the ACK field that we send
 *	rcv.sent	the last ACK field sent (Last.ACK.sent of RFC 7323)
 *
 * A function whose comment says "may end @c" may have freed it: do not look at it afterwards.
 */
#ifndef OUTSOCK_TCP_TCP_CONN_H
#define OUTSOCK_TCP_TCP_CONN_H

#include "base/count.h"
#include "base/pool.h"
#include "base/wheel.h"
#include "tcp/tcp.h"
#include "tcp/tcp_cc.h"
#include "tcp/tcp_ooo.h"
#include "tcp/tcp_opt.h"
#include "tcp/tcp_rtt.h"
#include "tcp/tcp_table.h"
#include "wire/byteorder.h"
#include "wire/ipv4.h"
#include "wire/tcp.h"

enum tcp_state {
#define TCP_STATE(name, text) TCPS_##name,
#include "tcp/tcp_state.def"
#undef TCP_STATE
	TCPS_N
};

/* What the one timer of a connection waits for; at most one of these is ever needed at a time. */
enum tcp_timer_mode {
	TCP_TM_NONE,
	TCP_TM_RETX,	  /* RFC 6298 */
	TCP_TM_PERSIST,	  /* zero window: RFC 9293, 3.8.6.1 */
	TCP_TM_OVERRIDE,  /* held small segment: RFC 9293, 3.8.6.2.1 (4) */
	TCP_TM_KEEPALIVE, /* RFC 9293, 3.8.4 */
	TCP_TM_N
};

/* tcp_conn.flags */
#define TCPC_HELD      0x00001 /* nothing leaves before CONNECTED was taken (D9, rule 1) */
#define TCPC_ACK_NOW   0x00002 /* an acknowledgement is due in this turn */
#define TCPC_ACK_DELAY 0x00004 /* ... within the delayed-ACK time */
#define TCPC_ACK_QUICK 0x00008 /* do not delay the next one: a gap was filled (RFC 5681, 4.2) */
#define TCPC_RETX      0x00010 /* send the first segment again now */
#define TCPC_RECOVERY  0x00020 /* fast recovery (RFC 6582) */
#define TCPC_PARTIAL   0x00040 /* a partial ACK was seen in it */
#define TCPC_FORCE     0x00080 /* send what is held, once */
#define TCPC_FIN_SENT  0x00100 /* at least once */
#define TCPC_PEER_FIN  0x00200 /* FIN received in order: rcv.nxt covers it */
#define TCPC_FIN_TAKEN 0x00400 /* ... and rcv.ack */
#define TCPC_NODELAY   0x00800
#define TCPC_CORK      0x01000
#define TCPC_MORE      0x02000 /* the consumer's message goes on */
#define TCPC_KEEPALIVE 0x04000
#define TCPC_TS	       0x08000 /* timestamps agreed on (RFC 7323, 3) */
#define TCPC_WSCALE    0x10000
#define TCPC_PASSIVE   0x20000	/* born from a listener */
#define TCPC_NEW       0x40000	/* on its listener's list: ACCEPTED is not taken */
#define TCPC_DETACHED  0x80000	/* the owner has let go; nobody else will free it */
#define TCPC_HASHED    0x100000 /* in the table */
#define TCPC_CWND_FULL 0x200000 /* cwnd holds data back (RFC 7661: only then it may grow) */
#define TCPC_CLOSING   0x400000 /* sock_close() was called: nobody takes data */
#define TCPC_RTT       0x800000 /* snd.rtt_seq is being timed */
#define TCPC_SYN_LOST  0x1000000
#define TCPC_DELACK_ON 0x2000000  /* in tcp.delacks */
#define TCPC_FIN_AHEAD 0x4000000  /* the peer's FIN (rcv.fin) came before text that is missing */
#define TCPC_BROADCAST 0x8000000  /* option without effect, kept for getopt */
#define TCPC_HOLD      0x10000000 /* the port is held (hold): nobody looks there for @c (bind) */

/* With one of these a segment takes the slow path. */
#define TCPC_SLOW (TCPC_HELD | TCPC_RECOVERY | TCPC_CLOSING | TCPC_PEER_FIN | TCPC_FIN_AHEAD)

/* SND variables of RFC 9293, 3.3.1, and those of RFC 5681 and 6582. */
struct tcp_snd {
	uint32_t una, nxt;
	uint32_t max; /* highest nxt ever: nxt goes back to una at a time-out */
	uint32_t wnd, wl1, wl2;
	uint32_t wnd_max; /* largest window seen (3.8.6.2.1) */
	uint32_t iss;
	uint32_t recover;  /* RFC 6582 */
	uint32_t small;	   /* end of the last segment below MSS (Nagle, by Minshall) */
	uint32_t rtt_seq;  /* with TCPC_RTT: acknowledged, it gives a round trip ... */
	uint32_t rtt_us;   /* ... since then (low bits of microseconds) */
	uint16_t mss;	   /* Eff.snd.MSS (3.7.1): payload bytes of a full segment */
	uint16_t peer_mss; /* the peer's option */
	uint8_t shift;
	uint8_t dupacks;
	uint8_t retries;     /* time-outs or probes without an answer */
	uint8_t syn_retries; /* SYNCNT option, 0: ours */
};

struct tcp_rcv {
	uint32_t nxt, ack, sent;
	uint32_t adv; /* right edge of the largest window advertised: never goes back */
	uint32_t irs;
	uint32_t fin;	    /* with TCPC_FIN_AHEAD: FIN's sequence number */
	uint32_t ts_recent; /* RFC 7323, 4.3 */
	uint32_t ts_age_ms; /* when ts_recent was set (5.5) */
	uint16_t mss;	    /* largest segment seen: what counts as full-sized */
	uint16_t adv_mss;   /* our own option */
	uint16_t buf;	    /* RCV.BUFF: the most that the consumer could take, up to 65535 */
	uint8_t shift;
	uint8_t dup_owed; /* duplicate ACKs to send for segments beyond a gap */
};

/* The send queue: one packet a segment, from snd.una to what the consumer has committed. */
struct tcp_txq {
	struct rte_mbuf *head, *tail;
	struct rte_mbuf *send; /* holds snd.nxt; NULL: all was sent */
};

struct tcp_conn {
	struct sock s; /* ends with the four-tuple, next to the fields below */
	struct tcp *tcp;
	uint32_t hash;
	uint32_t flags;		/* TCPC_* */
	uint8_t state;		/* enum tcp_state */
	uint8_t timer_mode : 3; /* enum tcp_timer_mode */
	uint8_t pmtu_at : 5;	/* low bits of the minute in which @pmtu was learnt */
	uint8_t keep_cnt;
	uint8_t soft_err; /* last ICMP error that did not end it */
	struct tcp_snd snd;
	struct tcp_rcv rcv;
	uint32_t challenge_ms; /* last challenge ACK */
	struct tcp_ooo *ooo;   /* from the pool while there is a gap */
	struct tcp_txq txq;
	struct list tx_link; /* tcp.tx_list */
	uint32_t ts_offset;
	uint32_t rx_ms;	 /* last acceptable segment received */
	uint32_t tx_ms;	 /* last data sent */
	uint32_t una_ms; /* since when the peer owes an answer; keepalive: last probe */
	union {
		struct tcp_rtt rtt;
		struct { /* listener: handshakes in progress, now and at most */
			uint32_t n_embryos, backlog;
		};
	};
	struct tcp_cc cc;
	struct wheel_timer timer;
	uint64_t deadline; /* ns; the wheel's may be earlier (lazy) */
	union {
		struct list delack_link;
		struct list kids; /* listener: children not taken; TCPC_NEW: the link there */
	};
	uint32_t delack_ms;		/* due; it may be looked at earlier */
	uint32_t user_timeout;		/* ms, 0: none (RFC 5482) */
	uint16_t keep_idle, keep_intvl; /* s */
	uint16_t mss_user;		/* MAXSEG option, 0: none */
	uint16_t pmtu;			/* learnt by ICMP, 0: none */
	struct ip_flow flow;
	union {
		struct port_bind bind;
		struct port_hold hold; /* TCPC_HOLD */
	};
};

_Static_assert(sizeof(struct tcp_conn) <= 640, "memory per connection");
_Static_assert(TCP_TM_N <= 8, "timer_mode");

/* TIME-WAIT, once all was acknowledged, or FIN-WAIT-2, once nobody owns the connection. */
struct tcp_tw {
	struct ip_endpoint local, peer;
	struct list link; /* tcp.tw_list, in order of expiry */
	uint64_t expiry;
	struct port_hold hold; /* the local port, but for one that connect() chose */
	uint32_t hash;
	uint32_t snd_nxt, rcv_nxt;
	uint32_t ts_recent, ts_offset;
	uint32_t challenge_ms;
	uint16_t wnd; /* field to send */
	uint8_t has_ts, ttl, tos;
	bool wait_fin; /* FIN-WAIT-2: the peer's FIN has not come */
};

#define TCP_DELACK_SLOTS  64u
#define TCP_DELACK_MAX_MS 60u /* below a revolution */

/* Connections by the millisecond in which their delayed ACK is to be looked at. */
struct tcp_delacks {
	struct list slots[TCP_DELACK_SLOTS];
	uint64_t busy;	  /* bit per slot; may be set for an empty one */
	uint32_t done_ms; /* all slots up to here have been opened */
};

struct tcp {
	struct env *env;
	struct ip *ip;
	struct port_table *ports;
	struct tcp_cfg cfg;
	uint32_t now_ms;
	uint64_t rst_cost;	/* ns of an RST for a segment of no connection; 0: none */
	uint32_t iss_min;	/* of the SYN at hand, which ended a TIME-WAIT; 0: any */
	bool starved;		/* no packet was to be had in this tcp_tx() */
	struct rte_mbuf *spare; /* handed out by tx_space, not committed yet */
	struct tcp_table table;
	struct list tx_list;
	struct list tw_list;
	struct pool conns, tws, ooos;
	void *conns_mem, *tws_mem, *ooos_mem;
	struct wheel wheel;
	struct tcp_delacks delacks;
	uint64_t counts[TCP_COUNT_N];
};

/* One received segment (SEG variables of RFC 9293, 3.3.1). */
struct tcp_seg {
	struct rte_mbuf *m; /* data pointer at the TCP header; NULL once it was passed on */
	uint32_t seq, ack;
	uint32_t len; /* bytes of text: SYN and FIN not counted */
	uint32_t off; /* from the data pointer to the text */
	uint32_t hash;
	uint16_t wnd; /* as in the header */
	uint8_t flags;
	uint8_t hdr_len;
	struct tcp_opts opt; /* slow path: parsed */
};

#define TCP_MSS_DEFAULT	 536u /* RFC 9293, 3.7.1 */
#define TCP_MSS_FLOOR	 48u
#define TCP_CHALLENGE_MS 500u /* at most one challenge ACK in this time and connection */

static inline struct tcp_conn *tcp_conn(struct sock *s)
{
	return container_of(s, struct tcp_conn, s);
}

static inline const struct tcp_conn *tcp_conn_const(const struct sock *s)
{
	return (const struct tcp_conn *)(const void *)s;
}

static inline void tcp_inc(struct tcp *tcp, enum tcp_count c)
{
	count_add(&tcp->counts[c], 1);
}

static inline uint32_t tcp_now_us(const struct tcp *tcp)
{
	return (uint32_t)(tcp->env->now / 1000);
}

static inline void tcp_set_now(struct tcp *tcp)
{
	tcp->now_ms = (uint32_t)(tcp->env->now / NSEC_PER_MSEC);
}

/* Is it time for another one? @last: when the last one was sent, 0: never. */
static inline bool tcp_challenge_due(const struct tcp *tcp, uint32_t *last)
{
	if (*last && (int32_t)(tcp->now_ms - *last) < (int32_t)TCP_CHALLENGE_MS)
		return false;
	*last = tcp->now_ms | 1;
	return true;
}

/* The sequence number behind the last byte that the consumer has committed: that of our FIN. */
static inline uint32_t tcp_end_seq(const struct tcp_conn *c)
{
	return c->snd.iss + 1 + (uint32_t)c->s.tx_off;
}

static inline bool tcp_is_sync(const struct tcp_conn *c)
{
	return c->state >= TCPS_ESTABLISHED;
}

/* Has its program let go of it? */
static inline bool tcp_orphaned(const struct tcp_conn *c)
{
	return (c->flags & TCPC_CLOSING) || c->s.close_later;
}

static inline bool tcp_fin_acked(const struct tcp_conn *c)
{
	return (c->flags & TCPC_FIN_SENT) && c->snd.una == tcp_end_seq(c) + 1;
}

/* Is there anything that was not sent yet (or is to be sent again)? */
static inline bool tcp_unsent(const struct tcp_conn *c)
{
	return c->snd.nxt != tcp_end_seq(c) + c->s.tx_fin && tcp_is_sync(c);
}

/* Puts it among those with something to send. */
static inline void tcp_sched(struct tcp_conn *c)
{
	if (list_empty(&c->tx_link))
		list_add_tail(&c->tcp->tx_list, &c->tx_link);
}

static inline void tcp_ack_now(struct tcp_conn *c)
{
	c->flags |= TCPC_ACK_NOW;
	tcp_sched(c);
}

/* SEG.LEN of the RFC: SYN and FIN count. */
static inline uint32_t tcp_seg_len(const struct tcp_seg *seg)
{
	return seg->len + !!(seg->flags & TCP_F_SYN) + !!(seg->flags & TCP_F_FIN);
}

/* Ends a segment that is not wanted. */
static inline void tcp_seg_drop(struct tcp *tcp, struct tcp_seg *seg, enum drop_reason reason)
{
	pkt_drop(tcp->env, seg->m, reason);
	seg->m = NULL;
}

/* ---- tcp_life.c ---- */

struct tcp_conn *tcp_conn_new(struct tcp *tcp); /* CLOSED; NULL: pool is empty */
/* Initial sequence number (RFC 6528) and timestamp offset (RFC 7323, 5.4); the tuple is set. */
void tcp_tcb_init(struct tcp_conn *c);
/* ISS is to be @min or more; 0: any. */
void tcp_iss_raise(struct tcp_conn *c, uint32_t min);
/* False: the table is full. */
bool tcp_hash_insert(struct tcp_conn *c);
/* Route and path MTU to snd.mss. */
void tcp_mss_update(struct tcp_conn *c);
/* Forgets the path MTU once it is too old to be believed. */
void tcp_pmtu_age(struct tcp_conn *c);
/* What a SYN says: MSS, window scale, timestamps; then SND.WND from its unscaled field. */
void tcp_syn_options(struct tcp_conn *c, const struct tcp_seg *seg);
/* The claim on its port becomes a hold, while the owner is there. */
void tcp_port_hold(struct tcp_conn *c);
/* Handshake complete. */
void tcp_established(struct tcp_conn *c);
/* Ends the protocol's part: CLOSED, off all lists but the owner's, queues freed. */
void tcp_conn_dead(struct tcp_conn *c);
/* The connection failed or was reset: tells the consumer, or, where there is none, may end @c. */
void tcp_conn_gone(struct tcp_conn *c, int err);
/* RST, then as above. May end @c. */
void tcp_conn_abort(struct tcp_conn *c, int err);
/* Tells the peer, where 3.10.5 says so. */
void tcp_reset_send(struct tcp_conn *c);
/* Off the owner's lists and back to the pool: ends @c. */
void tcp_conn_free(struct tcp_conn *c);
/* Our FIN was acknowledged: tells a consumer that has closed. */
void tcp_done(struct tcp_conn *c);

/* ---- tcp_sockopt.c ---- */

int tcp_setopt(struct sock *s, uint16_t opt, uint32_t value);
int tcp_getopt(struct sock *s, uint16_t opt, uint32_t *ret_value);

/* ---- tcp_info.c ---- */

void tcp_info_record(const struct sock *s, struct outsock_info *ret_info);

/* ---- tcp_rx.c ---- */

/* The connection, or with *@ret_tw the TIME-WAIT entry, of a segment; NULL: none. */
struct tcp_conn *tcp_find(struct tcp *tcp, uint32_t hash, const struct ip_addr *local,
			  uint16_t local_port, const struct ip_addr *peer, uint16_t peer_port,
			  struct tcp_tw **ret_tw);
void tcp_rx(void *ctx, struct rte_mbuf **pkts, unsigned int n);

/* ---- tcp_segment.c: slow path; consume the segment; may end @c ---- */

void tcp_segment(struct tcp_conn *c, struct tcp_seg *seg);

/* ---- tcp_text.c: RFC 9293, 3.10.7.4, seventh and eighth ---- */

/* Queues the text in order or beyond a gap; may pass the packet on. False: may have ended @c. */
bool tcp_text(struct tcp_conn *c, struct tcp_seg *seg);
/* Our side of a FIN that is in order. */
void tcp_fin_received(struct tcp_conn *c);
/* Drops what is held beyond a gap. */
void tcp_ooo_free(struct tcp_conn *c);

/* ---- tcp_listen.c ---- */

/* RFC 9293, 3.10.7.2 for a segment that no connection claims, 3.10.7.1 without listener. */
void tcp_no_conn(struct tcp *tcp, struct tcp_seg *seg);
/* RST in answer to @seg as 3.10.7.1 says; keeps the packet. */
void tcp_reset_reply(struct tcp *tcp, const struct tcp_seg *seg);
/* The handshake of a child is complete: ACCEPTED. */
void tcp_child_ready(struct tcp_conn *c);
/* A child that its consumer has never touched (no id, no cookie), embryos included. */
bool tcp_child_unknown(const struct tcp_conn *c);
/* A child ends before the consumer has heard of it: it does not count as accepted. */
void tcp_child_lost(struct tcp_conn *c);
/* Off its listener's list; harmless when it is on none. */
void tcp_child_forget(struct tcp_conn *c);
/*
 * The listener @l takes no more children; those that nobody has accepted are reset, as Linux does,
 * when the stack sends: there may be many. Then it is dead, and its consumer hears of it.
 */
void tcp_listen_close(struct tcp_conn *l);
/* At most @max of them. Returns how many. */
unsigned int tcp_listen_reap(struct tcp_conn *l, unsigned int max);

/* ---- tcp_ack.c: RFC 9293, 3.10.7.4, fifth, in the synchronised states ---- */

/* False: the segment is to be dropped. */
bool tcp_ack_check(struct tcp_conn *c, struct tcp_seg *seg);
/* SND.UNA moves to @ack, which lies in (una, max]. */
void tcp_acked(struct tcp_conn *c, const struct tcp_seg *seg);
/* An ACK that is sent only so often, for segments that anyone could forge (RFC 5961). */
void tcp_challenge(struct tcp_conn *c);
void tcp_window_update(struct tcp_conn *c, const struct tcp_seg *seg);

/* ---- tcp_retx.c ---- */

/* Congestion control's part of @n bytes newly acknowledged. */
void tcp_recovery_acked(struct tcp_conn *c, uint32_t n);
void tcp_dupack(struct tcp_conn *c);
/* From una on again, without a word to congestion control. */
void tcp_rewind(struct tcp_conn *c);
void tcp_rto(struct tcp_conn *c);     /* may end @c */
void tcp_persist(struct tcp_conn *c); /* may end @c */

/* ---- tcp_txq.c: the send queue ---- */

void *tcp_tx_space(struct sock *s, uint32_t *ret_room, int *ret_err);
void tcp_tx_commit(struct sock *s, uint32_t n);
/* All before @seq was acknowledged. This and the next one: a few at once, the rest to the bin. */
void tcp_txq_acked(struct tcp_conn *c, uint32_t seq);
void tcp_txq_free(struct tcp_conn *c);
/*
 * No layer below has any packet of the queue. 0; 1: @budget is used up, -ENOBUFS: no packet to be
 * had: again with the same *@at, NULL at first.
 */
int tcp_txq_leave(struct tcp_conn *c, void **at, unsigned int *budget);
/* It has left, in whole or in part, and stays. */
void tcp_txq_stay(struct tcp_conn *c);
/* Packets of @from's queue, which are to be ours. False: @budget is used up. */
bool tcp_txq_arrive(struct tcp_conn *c, struct tcp_conn *from, unsigned int *budget);
/* A packet with @len bytes from @off of @m to send; NULL: none was to be had. */
struct rte_mbuf *tcp_txq_segment(struct tcp_conn *c, struct rte_mbuf *m, uint32_t off,
				 uint32_t len);

/* ---- tcp_tx.c ---- */

/* The sequence number of a segment without text. */
uint32_t tcp_ack_seq(const struct tcp_conn *c);
/* Sends the first segment again, whatever cwnd says. False: no packet was to be had. */
bool tcp_tx_head(struct tcp_conn *c, uint32_t len_max);

/* ---- tcp_hdr.c: headers in front of payload, and to ip ---- */

/* @m: payload at the data pointer. Takes @m; fills in ACK, window and options. */
void tcp_emit(struct tcp_conn *c, struct rte_mbuf *m, uint32_t seq, uint8_t flags);
/* A segment without text. False: no packet. */
bool tcp_emit_empty(struct tcp_conn *c, uint32_t seq, uint8_t flags);

/* A segment that belongs to no connection. */
struct tcp_lone {
	struct ip_endpoint local, peer;
	uint32_t seq, ack;
	uint32_t ts_val, ts_ecr;
	uint16_t wnd;
	uint8_t flags, ttl, tos;
	bool has_ts;
};
void tcp_emit_lone(struct tcp *tcp, const struct tcp_lone *l);
uint32_t tcp_ts_now(const struct tcp_conn *c);

/* ---- tcp_win.c: the window that we offer (RFC 9293, 3.8.6.2.2) ---- */

/* The field for the next segment; remembers the edge. */
uint16_t tcp_win_field(struct tcp_conn *c, bool syn);
/* The scale to offer, for the credit at the time of the SYN. */
uint8_t tcp_win_shift(const struct tcp_conn *c);
/* Is there room that was not offered? Then it is from now on. */
bool tcp_win_hidden(struct tcp_conn *c);
/* Does the peer need to hear of a window that grew? */
bool tcp_win_news(const struct tcp_conn *c);
/* rcv.ack or the credit moved: now, later or no acknowledgement. */
void tcp_ack_decide(struct tcp_conn *c);

/* ---- tcp_timer.c ---- */

/* Sets the timer to what the connection now waits for. */
void tcp_timer_update(struct tcp_conn *c);
/* Begins it anew: the peer answered. */
void tcp_timer_restart(struct tcp_conn *c);
void tcp_timer_off(struct tcp_conn *c);
/* To another stack: what is left of the time goes along; it goes on there, or here. */
void tcp_timer_leave(struct tcp_conn *c);
void tcp_timer_arrive(struct tcp_conn *c);

/* ---- tcp_delack.c ---- */

void tcp_delacks_init(struct tcp *tcp);
/* An ACK is due within the delayed-ACK time: from now on, unless one was delayed already. */
void tcp_delack_begin(struct tcp_conn *c);
/* It still is, after all that was to be sent has left. */
void tcp_delack(struct tcp_conn *c);
void tcp_delack_off(struct tcp_conn *c);
/* Schedules what is due, looks at @budget connections at most. How much of it is left. */
unsigned int tcp_delacks_expire(struct tcp *tcp, unsigned int budget);
/* A time at or before the next one is due, UINT64_MAX: none. */
uint64_t tcp_delacks_next(const struct tcp *tcp);

/* ---- tcp_tw.c ---- */

/* FIN was received and acknowledged both ways: moves to a TIME-WAIT entry. May end @c. */
void tcp_time_wait(struct tcp_conn *c);
/* FIN-WAIT-2 that nobody owns any more: an entry waits for the peer's FIN. @c is CLOSED then. */
void tcp_orphan(struct tcp_conn *c);
/* A segment for a TIME-WAIT entry; consumes it. False: it is a new SYN, and the entry is gone. */
bool tcp_tw_segment(struct tcp *tcp, struct tcp_tw *tw, struct tcp_seg *seg);
/* May a new active open take over the tuple (RFC 6191)? Then the entry is gone. */
bool tcp_tw_reuse(struct tcp *tcp, struct tcp_tw *tw, uint32_t *ret_iss_min);
void tcp_tw_expire(struct tcp *tcp, unsigned int budget);
static inline struct tcp_tw *tcp_tw_at(const struct tcp *tcp, uint32_t value)
{
	return pool_at(&tcp->tws, value - tcp->cfg.conns_max);
}

/* TIME-WAIT on its way to another stack: tcp_move.c, and sock_ops.h. */
void tcp_tw_leave(struct tcp *tcp, struct tcp_tw *tw, struct list *ghosts);
void tcp_tw_stay(struct tcp *tcp, struct tcp_tw *tw, struct sock_owner *o);
void tcp_tw_arrive(struct tcp *tcp, const struct tcp_tw *from, struct sock_owner *o);
/* DETACHED: all that is missing is a last ACK, which the peer asks for if it has to. Ends @c. */
struct tcp_tw *tcp_tw_detached(struct tcp_conn *c);

/* ---- tcp_move.c: struct sock_transport's way to another stack ---- */

int tcp_leave(struct sock *s, void **at, unsigned int *budget);
void tcp_stay(struct sock *s);
void tcp_arrive_begin(struct sock *s, struct sock *from);
bool tcp_arrive(struct sock *s, struct sock *from, unsigned int *budget);
int tcp_ghosts_leave(void *ctx, struct sock_owner *o, struct list *ghosts, uint32_t *at,
		     unsigned int budget);
int tcp_ghosts_stay(void *ctx, struct sock_owner *o, struct list *ghosts, unsigned int budget);
int tcp_ghosts_arrive(void *ctx, struct sock_owner *o, struct list *ghosts, struct list *empty,
		      unsigned int budget);
int tcp_ghosts_free(void *ctx, struct list *empty, unsigned int budget);

/* ---- tcp_err.c ---- */

void tcp_err(void *ctx, const struct ip_err *err);

#endif
