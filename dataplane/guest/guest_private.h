/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of this folder share. Everything in struct guest belongs to the home lcore, but:
 * cfg changes only between two turns, as the control thread wants it; vhost belongs to
 * guest_vhost.c's threads, snap and error_text are published to the control thread.
 *
 *	guest_tx.c	messages from the guest: DATA, DGRAM, CREDIT	(hot)
 *	guest_cmd.c	requests, and their replies' content		(hot: called in a turn)
 *	guest_rx.c	replies, events and data to the guest		(hot)
 *	guest_ring.c	publishing, notifying, kicks			(hot)
 *	guest_session.c	epoch, HELLO, session errors, grace
 *	guest_id.c	socket ids
 *	guest_ctl.c	create, destroy, statistics
 *	guest_move.c	to another lcore
 *	guest_list.c	sockets for outsockctl
 *	guest_mem.c	guest memory as it is mapped
 *	guest_vhost*.c	the vhost library
 */
#ifndef OUTSOCK_DATAPLANE_GUEST_PRIVATE_H
#define OUTSOCK_DATAPLANE_GUEST_PRIVATE_H

#include "abi/abi_cmd.h"
#include "abi/abi_data.h"
#include "abi/abi_event.h"
#include "base/count.h"
#include "guest/guest.h"
#include "guest/guest_id.h"
#include "sock/sock.h"
#include "vring/vring.h"

#define GUEST_REPLIES	  64		/* that may wait for room on one lane; a power of two */
#define GUEST_REPLY_BODY  64		/* INFO's: the largest but HELLO's */
#define GUEST_DATA_BURST  4		/* DATA messages of one socket before the next one's turn */
#define GUEST_ERROR_PAUSE NSEC_PER_SEC	/* after a session error the guest is not listened to */
#define GUEST_RETRY_NS	  NSEC_PER_MSEC /* between looks for packets in an empty pool */
#define GUEST_REAP	  32		/* sockets of an ended session that a turn resets */
#define GUEST_REAP_USES	  256		/* ports that it forgets after that */
#define GUEST_REAP_PKTS	  256		/* packets that a call frees for a guest that goes */
#define GUEST_NO_TIME	  UINT64_MAX

#define GUEST_FEATURES 0u /* OUTSOCK_FEAT_* that this version understands */

/* A message that waits for room in the RX ring: a reply, or an error of a datagram. */
struct guest_reply {
	uint8_t op, flags;
	uint16_t status;
	uint32_t sock;
	uint64_t cookie;
	uint32_t len; /* of body; HELLO's is made when it is written */
	uint8_t body[GUEST_REPLY_BODY];
};

#define GUEST_RUNS 16 /* bursts that one turn tells apart in what it gives */

/* Messages of one burst, given in this turn. */
struct guest_run {
	uint32_t when, n;
};

/* A direction of a queue pair. */
struct guest_ring {
	struct vring_dev v;
	bool running;
	bool held;	      /* stopped in this epoch, at v.idx: only we may move it on */
	int call_fd, kick_fd; /* own copies; -1: none */
};

/* A queue pair. */
struct guest_lane {
	struct guest_ring rx, tx;
	struct sock_lane sl;
	bool epoch_due;	  /* EPOCH is to be sent before all else */
	bool stalled;	  /* the TX ring waits until replies have gone */
	uint32_t rx_need; /* RX buffers without which nothing goes on */
	uint16_t reply_head, n_replies;
	struct guest_reply replies[GUEST_REPLIES];
	uint64_t rx_msgs, rx_bytes, tx_msgs, tx_bytes, kicks, notifies, ring_full, tx_stalls,
		tx_refused, tx_late;
};

struct guest {
	struct guest_cfg cfg;
	struct guest_seat seat;
	struct stack *stack;
	struct env *env;

	/* session */
	uint32_t epoch;
	bool hello; /* done, in this epoch */
	bool has_boot_id;
	bool connected;
	bool attached; /* to the lcore and its stack */
	bool reaping;  /* sockets of a session that is over are still there */
	uint8_t boot_id[16];
	uint32_t features;
	uint64_t now;	    /* of the last turn */
	int32_t bytes_left; /* of this turn's grant, in the way that is being served */
	uint64_t grace_until, pause_until;
	uint64_t session_errors, epoch_drops, pre_hello_drops, errors[GUEST_ERR_N];
	const char *last_error;
	const uint32_t *mem_fault; /* set by the SIGBUS handler */
	bool mem_told;		   /* the session has ended for it */

	struct sock_owner owner;
	struct guest_ids ids;
	unsigned int n_lanes;		 /* those above have no running ring */
	unsigned int tx_first, rx_first; /* lane whose turn it is */
	struct guest_lane lanes[GUEST_LANES];

	/* measuring */
	unsigned int n_runs;
	struct guest_run runs[GUEST_RUNS];
	struct guest_latency latency;

	/* for other threads */
	const char *error_text; /* lcore stores, control thread takes (atomic exchange) */
	uint32_t snap_seq;	/* odd: being written */
	struct guest_stats snap;

	struct guest_vhost *vhost;
};

static inline void count_set(uint64_t *c, uint64_t n)
{
	__atomic_store_n(c, n, __ATOMIC_RELAXED);
}

/* The message that uses the grant's bytes up is the last one. */
static inline void guest_spend(struct guest *g, uint32_t bytes)
{
	g->bytes_left -= (int32_t)bytes;
}

/* Is there something for the guest on this lane? */
static inline bool guest_rx_pending(const struct guest *g, const struct guest_lane *l)
{
	return l->epoch_due || l->n_replies || (g->hello && !list_empty(&l->sl.ready));
}

/* ---- guest_session.c, on the lcore ---- */

/* A protocol error: closes the session, keeps the reason. Sockets are gone afterwards. */
void guest_fail(struct guest *g, enum guest_err err);
/* The same for a ring whose walker has given up. */
void guest_fail_ring(struct guest *g, const struct vring_dev *r);
/* Resets some of the sockets of a session that is over; guest.reaping says whether that was all. */
void guest_reap(struct guest *g);
/* Ends the session: sockets are reset towards their peers, now or later; a new epoch begins. */
void guest_session_close(struct guest *g);
/*
 * HELLO has come; the lane has room for its reply. -errno for the reply's status, or 0; -EAGAIN:
 * met again when the sockets of the session before are gone.
 */
int guest_hello(struct guest *g, const struct outsock_hello *hello);
void guest_hello_reply_body(const struct guest *g, struct outsock_hello_reply *ret_body);
/* The VMM may have taken messages of the TX ring: a new epoch, the sockets have the grace time. */
void guest_interrupted(struct guest *g);
/* The vhost-user connection has come or gone. */
void guest_connected(struct guest *g);
void guest_lost(struct guest *g);
/* No RST and no unreachable from the guest's addresses (D9, rule 10). */
void guest_silence(struct guest *g, bool silent);
/* Before its rings are served: has its memory gone? Then the session ends. */
void guest_session_turn(struct guest *g, uint64_t now);
/* What its lcore sees of it at a glance, as it is now: after all that may have changed it. */
void guest_settle(struct guest *g);
/* Is it listened to now? */
static inline bool guest_listening(const struct guest *g)
{
	return g->now >= g->pause_until && !g->reaping;
}

/* ---- guest_cmd.c ---- */

/*
 * A request (op below OUTSOCK_OP_DATA). 0; -EAGAIN: no room for its reply, met again next turn;
 * -EPROTO: the session was closed.
 */
int guest_cmd(struct guest *g, struct guest_lane *l, const struct outsock_hdr *h,
	      struct vring_chain *c);
/* An error of a datagram, as SO_ERROR. Lost when the queue is full. */
void guest_soft_error(struct guest_lane *l, uint32_t id, int err);
/* After DATA: the close that waited for these bytes. */
void guest_close_due(struct sock *s);
void guest_addr_to_wire(const struct sock *s, const struct ip_endpoint *ep,
			struct outsock_addr *ret_addr);
/* False: a family that is none. Family 0 gives the unspecified IPv4 address and port 0. */
bool guest_addr_from_wire(const struct outsock_addr *a, struct ip_endpoint *ret_ep);

/*
 * sock.cookie, where it is not NULL: CLOSE came before all bytes of the stream did; its length,
 * plus one.
 */
static inline void guest_defer_close(struct sock *s, uint64_t tx_off)
{
	s->cookie = (void *)(uintptr_t)(tx_off + 1);
}

static inline bool guest_close_deferred(const struct sock *s)
{
	return s->cookie;
}

/* ---- guest_ring.c, on the lcore, for guest_vhost.c ---- */

struct guest_ring_cfg {
	struct vring_cfg vring;
	int call_fd, kick_fd; /* the lcore's from then on */
};

int guest_ring_start(struct guest *g, unsigned int index, const struct guest_ring_cfg *cfg);
/* False: it did not run. Else *@ret_idx is where to go on, and the descriptors are the caller's. */
bool guest_ring_stop(struct guest *g, unsigned int index, uint16_t *ret_idx, int ret_fds[2]);

/* ---- guest_vhost.c: control thread ---- */

/* What it needs of memory; sets guest.mem_fault. Before the guest is on its lcore. */
int guest_vhost_alloc(struct guest *g);
/* Registers the socket and starts it: from now on the library's threads call. */
int guest_vhost_start(struct guest *g);
/*
 * While the guest moves the library does nothing with it. @populate: its memory is made present
 * first.
 */
void guest_vhost_lock(struct guest *g, bool populate);
void guest_vhost_unlock(struct guest *g);
/* Under the lock: kicks wake @lcore as well, 0 or -errno (and they do not); or no more. */
int guest_vhost_kicks_to(struct guest *g, struct lcore *lcore);
void guest_vhost_kicks_off(struct guest *g, struct lcore *lcore);
/* Stops the rings, unregisters; no callback comes afterwards. Takes a half-built one. */
void guest_vhost_destroy(struct guest *g);

#endif
