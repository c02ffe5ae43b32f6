/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An outsourced socket.
 *
 * Implementation notes
 *
 * OBJECT. A struct osk is a struct sock of IPPROTO 253, but SO_PROTOCOL says TCP or UDP, and core
 * code then casts it. So it begins with a (zeroed, unused) tcp_sock or udp_sock, and ends with
 * ipv6_pinfo, where inet6_create() looks for it. It is in no table of the kernel's TCP or UDP.
 *
 * LOCKS, from the outside in:
 *
 *	os->ctl		mutex; bind, listen, connect, options. May be held while a reply is
 *			awaited. Only users of the same control calls ever wait for it.
 *	os->rd		mutex; one reader at a time, or none while connect() disconnects. Held over
 *			copies to the program, never while waiting for data.
 *	q->rx_lock	spinlock; the ring, towards us: whoever walks it has it.
 *	os->lock	spinlock; all state that ring thread and programs share. Never held over
 *			a copy or a wait. Wake-ups are made under it, so that release cannot take
 *			the wait queue away.
 *	q->tx_lock	spinlock; the ring.
 *
 * The kernel's lock_sock is not used: a program asleep in a page fault with it held would stop the
 * ring thread, and with it every other socket. No lock here is taken in soft or hard interrupts,
 * so none disables them. On PREEMPT_RT the spinlocks sleep: all of this runs in process context.
 *
 * LIFE. References: the struct socket's one (until release), the id table's one (from declaration
 * until the host has forgotten the id), one for each request, one while waiting for the ring.
 * After release a stream with bytes on their way stays as an orphan (SOCK_DEAD) until CLOSED. The
 * ring thread looks ids up under RCU (SOCK_RCU_FREE) and compares os->id under os->lock: as long as
 * they agree, the table's reference is there. Each struct sock holds a reference to the module,
 * so the module cannot be unloaded before the last orphan has gone.
 *
 * THE HOST'S SOCKET. It comes into being late: at bind, listen, connect, or the first datagram
 * (osk_declare()), since a socket that turns out to be local never needs one. The id
 * is free again after CLOSED. An id that waits for that without a socket is a value in the table
 * (a zombie). osk_drop_host() gets rid of the host's socket while ours lives on.
 *
 * STREAMS. Offsets are absolute, 64 bits, from 0. Send buffer: snd_una <= snd_nxt <= snd_end, the
 * bytes from snd_una on are kept until the peer has acknowledged them, whatever the ring says.
 * Receive buffer: rcv_read <= rcv_nxt <= rcv_credit. Credit never shrinks.
 *
 * LOCAL ADDRESSES. See twin.h: such a socket becomes a native one in place. Every function that is
 * called with a struct socket must therefore look whether it still is ours (osk_of()).
 */
#ifndef OUTSOCK_SOCK_H
#define OUTSOCK_SOCK_H

#include <linux/ipv6.h>
#include <linux/mutex.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/inet_common.h>
#include <net/ipv6.h>
#include <net/transp_v6.h>
#include <net/sock.h>

#include "abi/abi.h"
#include "abi/abi_cmd.h"
#include "abi/abi_data.h"

/* Without memory a stream dies: from the reserves, too. */
#define OSK_ATOMIC (GFP_ATOMIC | __GFP_NOWARN)
#include "abi/abi_event.h"
#include "seg.h"

#define IPPROTO_OUTSOCK		253	/* RFC 3692: for experiments */

#define OSK_RCVBUF_DEFAULT	(1024 * 1024)
#define OSK_SNDBUF_DEFAULT	(1024 * 1024)

/* Options whose values are kept: the host's, by their number in the ABI, then the guest's own. */
enum osk_opt {
	OSK_OPT_DEFER = OUTSOCK_OPT_MAX,
	OSK_OPT_RECVERR,
	OSK_OPT_RECVERR6,
	OSK_OPT_PMTUDISC,
	OSK_OPT_PMTUDISC6,
	OSK_OPT_FREEBIND,
	OSK_OPT_V6ONLY,
	OSK_OPT_MC_TTL,
	OSK_OPT_MC_LOOP,
	OSK_OPT_MC6_HOPS,
	OSK_OPT_MC6_LOOP,
	OSK_OPT_PKTINFO,
	OSK_OPT_PKTINFO6,
	OSK_OPT_MAX
};

static_assert(OSK_OPT_MAX <= 32, "opt_set has a bit for each");

struct osdev;
struct oring;
struct osreq;
struct osk_twin;

struct osk {
	union {			/* first, see OBJECT */
		struct tcp_sock tcp;
		struct udp_sock udp;
	};

	/* fixed; the queue once it has had an id */
	struct osdev *dev;
	struct oring *q;
	bool stream;

	struct mutex ctl;
	struct mutex rd;
	spinlock_t lock;

	/* under ctl */
	struct osk_twin *twin;	/* changes under lock, too: see osk_twin_hold() */
	bool bound;		/* the program has bound it, or we have */
	bool q_chosen;
	struct outsock_addr bound_to;

	/* under lock */
	u32 id;			/* OUTSOCK_ID_NONE: not in the table */
	bool declared;		/* the host was told of the id */
	bool asked;		/* SOCKET's reply has not come: only requests may name the id */
	int refused;		/* SOCKET's error, for the request that waits behind it */
	bool closing;		/* release came, or the host's socket is no longer wanted */
	bool close_sent;
	bool close_waits;	/* ... without a flag: the host waits for all bytes */
	bool dead;		/* fatal error: nothing more to say but CLOSE */
	struct osreq *close_req;	/* allocated ahead: closing never fails */
	struct outsock_addr local;
	struct outsock_addr peer;
	struct list_head pend;	/* on q->pending; under q->tx_lock */
	u32 opt_set;		/* bits of opt[]: set by the program */
	u32 opt[OSK_OPT_MAX];
	bool recverr;

	/* stream that connects, under lock */
	bool asking;		/* CONNECT's reply has not come */
	bool ask_waited;	/* and connect() waits for it */
	int ask_err;

	/* stream, under lock */
	struct list_head tx;	/* of struct osseg, from snd_una */
	struct osseg *tx_next;	/* the segment that snd_nxt is in, or NULL: at the end */
	u32 tx_off;		/* of snd_nxt in it */
	u64 snd_una;
	u64 snd_nxt;
	u64 snd_end;
	u32 snd_win;
	bool fin;		/* shutdown: the stream ends at snd_end */
	bool fin_sent;
	bool more;		/* the program is about to send more */

	struct list_head rx;	/* of struct osseg, from rcv_read */
	u64 rcv_read;
	u64 rcv_nxt;
	u64 rcv_credit;		/* as announced */
	struct outsock_resume record;

	/* listener, under lock */
	struct list_head accept_q;
	struct list_head accept_node;	/* of an accepted socket, until accept() */
	u32 backlog;
	u32 qlen;
	u64 acc_seen;		/* connections handed over in this epoch */
	u64 acc_credit;		/* as announced */

	/* datagram, under lock */
	u64 dg_seen;		/* bytes that came, with overhead */
	u64 dg_taken;		/* of these, read or dropped */
	u64 dg_credit;		/* as announced */

	struct list_head reap;	/* twin.c */
	struct inode *inode;	/* held while on the reaper's list */

	struct ipv6_pinfo inet6;	/* last, see OBJECT */
};

#define OSK_OBJ_SIZE (offsetof(struct osk, inet6) + sizeof(struct ipv6_pinfo))

extern struct proto osk_stream_prot, osk_stream6_prot, osk_dgram_prot, osk_dgram6_prot;

static inline struct sock *osk_sk(const struct osk *os)
{
	return (struct sock *)&os->tcp;
}

static inline struct osk *osk_from_sk(const struct sock *sk)
{
	return (struct osk *)sk;
}

static inline bool osk_is_ours(const struct sock *sk)
{
	const struct proto *prot = READ_ONCE(sk->sk_prot);

	return prot == &osk_stream_prot || prot == &osk_stream6_prot || prot == &osk_dgram_prot ||
	       prot == &osk_dgram6_prot;
}

/* NULL: the socket has become native since the caller read sock->ops. */
static inline struct osk *osk_of(struct socket *sock)
{
	struct sock *sk = READ_ONCE(sock->sk);

	return sk && osk_is_ours(sk) ? osk_from_sk(sk) : NULL;
}

/*
 * Where the call of a native socket goes. Its ops may be ours for a moment (osk_go_native()) or for
 * good: accept() gives the new socket the listener's ops as they were before the listener, in that
 * very moment, became native.
 */
const struct proto_ops *osk_native_ops(const struct socket *sock);	/* twin.c */

/* No table of the kernel's TCP follows our states: no need for its bookkeeping. */
static inline void osk_set_state(struct sock *sk, int state)
{
	smp_store_release(&sk->sk_state, state);
}

/* proto.c */
int osk_proto_init(void);
void osk_proto_exit(void);

/* sock.c: life, and the host's socket */
int osk_create(struct sock *sk, bool stream);	/* proto.init */
void osk_unhash(struct sock *sk);
void osk_destruct(struct sock *sk);
struct osreq *osk_new_close(struct osk *os, gfp_t gfp);	/* CLOSE, made ahead */
struct osk *osk_child(struct osk *listener, u32 id, const struct outsock_evt_conn *evt);
int osk_declare(struct osk *os);		/* ctl held */
void osk_request(struct osk *os, struct osreq *req);	/* after osk_declare() */
int osk_answer(struct osk *os, struct osreq *req);	/* waits for that */
void osk_drop_host(struct osk *os, u32 flags);	/* OUTSOCK_CLOSE_ABORT... */
void osk_send_close(struct osk *os, u32 flags);	/* lock held */
void osk_closed(struct osk *os) __releases(&os->lock);	/* ring thread: CLOSED came */
void osk_fatal(struct osk *os, int err);	/* lock held */
void osk_refuse_id(struct oring *q, u32 id);	/* an accepted socket that nobody wants */
struct osk *osk_next(struct osdev *dev, unsigned long *id);	/* from *id on, with a reference */
void osk_forget_zombies(struct osdev *dev);
unsigned int osk_abort_orphans(struct osdev *dev);
u64 osk_rcv_space(struct osk *os);	/* payload that may be in flight and in the buffer */

/*
 * Until @done(@os, @seen), with nothing held: the socket's wake-ups are when to look again. -EAGAIN
 * when the time is over, or what a signal makes of the call.
 */
int osk_wait(struct osk *os, bool (*done)(struct osk *os, u64 seen), u64 seen, long *timeo);

/* sock.c, for sock_epoch.c */
u32 osk_leave_id(struct osk *os);	/* lock held; osk_drop_id() must follow, without it */
void osk_drop_id(struct osk *os, u32 id, bool zombie);
void osk_orphan_gone(struct osk *os);
int osk_send_socket(struct osk *os, bool again);	/* lock held */
void osk_declare_reply(struct osk *os, u32 id, int status, const void *body, u32 len);
void osk_connect_failed(struct osk *os, int err);	/* lock held */
void osk_connect_reply(struct osk *os, u32 id, int status, const void *body, u32 len);
int osk_send_addr(struct osk *os, u8 op, const struct outsock_addr *addr, bool connect);

/* sock_epoch.c: what session.c calls for every socket */
void osk_link_lost(struct osk *os, void *unused);
void osk_epoch_lost(struct osk *os, void *unused);
void osk_declare_again(struct osk *os, void *unused);
void osk_device_gone(struct osk *os, void *unused);

/* tx.c: lock held */
void osk_push(struct osk *os);
void osk_push_now(struct osk *os);	/* without waiting for more */
u64 osk_credit(struct osk *os);		/* the credit to announce */
u64 osk_accept_credit(struct osk *os);
u64 osk_dgram_credit(struct osk *os);
void osk_send_credit(struct osk *os);	/* if it is worth a message */
void osk_acked(struct osk *os, u64 pos);
void osk_seek(struct osk *os, u64 off);
void osk_refused(struct osk *os, u64 off);
void osk_write_space(struct sock *sk);
void osk_tx_purge(struct osk *os);
void osk_ring_room(struct osk *os);	/* lock not held: the ring has room again */

/* sock_bind.c, sock_connect.c, sock_stream.c, sock_accept.c, sock_send.c, sock_recv.c,
 * sock_dgram.c: struct socket's operations
 */
extern const struct proto_ops osk_stream_ops, osk_stream6_ops, osk_dgram_ops, osk_dgram6_ops;

int osk_bind(struct socket *sock, struct sockaddr *uaddr, int len);
int osk_autobind(struct osk *os);		/* ctl held, as for the next three */
int osk_bind_again(struct osk *os);
int osk_autobind_addr(struct osk *os);
void osk_unbind(struct osk *os);
int osk_getname(struct socket *sock, struct sockaddr *uaddr, int peer);
int osk_release(struct socket *sock);
int osk_stream_connect(struct socket *sock, struct sockaddr *uaddr, int len, int flags);
void osk_wait_reply(struct osk *os, bool nonblock);	/* CONNECT's, if it is still to come */
void osk_forget_failure(struct osk *os);	/* ctl held */
int osk_disconnect(struct socket *sock, struct osk *os);	/* ctl held */

int osk_zerocopy_begin(struct sock *sk, struct msghdr *msg, size_t len, struct ubuf_info **uarg);
void osk_zerocopy_end(struct ubuf_info *uarg, bool sent);
int osk_recv_errqueue(struct sock *sk, struct msghdr *msg, size_t len);
int osk_stream_sendmsg(struct socket *sock, struct msghdr *msg, size_t len);
/* Looks at the ring until @ready(@os, @seen), as long as the socket's SO_BUSY_POLL says. */
void osk_busy_poll(struct osk *os, bool (*ready)(struct osk *os, u64 seen), u64 seen);
__poll_t osk_poll_busy(struct osk *os, const struct poll_table_struct *wait);
bool osk_rcv_full(const struct osk *os);
int osk_set_rcvlowat(struct sock *sk, int val);
int osk_stream_recvmsg(struct socket *sock, struct msghdr *msg, size_t len, int flags);
ssize_t osk_stream_sendpage(struct socket *sock, struct page *page, int off, size_t len, int flags);
ssize_t osk_stream_splice_read(struct socket *sock, loff_t *ppos, struct pipe_inode_info *pipe,
			       size_t len, unsigned int flags);
int osk_listen(struct socket *sock, int backlog);
int osk_accept(struct socket *sock, struct socket *newsock, OS_ACCEPT_ARG);
__poll_t osk_listen_poll(struct osk *os);
void osk_close_listener(struct osk *os);
void osk_reject_all(struct osk *os);
int osk_stream_cmsg(struct sock *sk, struct msghdr *msg);
int osk_dgram_cmsg(struct osk *os, struct msghdr *msg);
void osk_dgram_put_cmsg(struct osk *os, struct msghdr *msg);
bool osk_dgram_blocked(const struct osk *os);	/* no datagram can be sent now */
bool osk_dgram_queue(struct osk *os, struct sk_buff *skb, u32 cost);	/* lock held */

/* option.c, option_host.c, option_hook.c */
int osk_setsockopt(struct socket *sock, int level, int name, sockptr_t val, unsigned int len);
int osk_getsockopt(struct socket *sock, int level, int name, char __user *val, int __user *len);
u32 osopt_dgram_max(struct osk *os, u32 max);	/* payload of the largest datagram to be sent */
void osk_sync_options(struct osk *os);	/* SOL_SOCKET options, read at use; lock held */
void osk_declare_options(struct osk *os);	/* lock held */
void osk_keepalive(struct sock *sk, int on);
void osk_copy_options(struct osk *os, struct socket *twin);

/* addr.c */
enum osk_where {
	OSK_AT_HOST,	/* an address of ours at the host, or a remote one */
	OSK_AT_ANY,	/* wildcard */
	OSK_AT_GUEST,	/* loopback, or an interface of the guest */
	OSK_AT_NOWHERE,	/* cannot be had: a native IPv6 address, or somebody else's */
};

int osk_addr_get(const struct osk *os, const struct sockaddr *uaddr, int len,
		 struct outsock_addr *addr);
int osk_addr_get_own(const struct osk *os, const struct sockaddr *uaddr, int len,
		     struct outsock_addr *addr);	/* for bind() */
int osk_addr_put(const struct osk *os, const struct outsock_addr *addr, struct sockaddr *uaddr);
enum osk_where osk_addr_bind_class(const struct osk *os, const struct outsock_addr *addr);
enum osk_where osk_addr_connect_class(const struct osk *os, const struct outsock_addr *addr);
bool osk_addr_forbidden(const struct osk *os, const struct outsock_addr *addr);	/* SO_BROADCAST */

#endif
