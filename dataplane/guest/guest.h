/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A guest: its vhost-user connection, its rings, its session of the outsock ABI, its sockets.
 *
 * Three kinds of function, by who may call them:
 *   hot:     the home lcore, in its turn; no lock, no allocation, no log, no system call but
 *	      guest_notify()'s;
 *   cold:    the control thread; they reach the lcore through lcore_call();
 *   library: the vhost library's thread calls guest_vhost.c, which does the same.
 */
#ifndef OUTSOCK_DATAPLANE_GUEST_H
#define OUTSOCK_DATAPLANE_GUEST_H

#include "abi/abi.h"
#include "base/hist.h"
#include "base/list.h"
#include "base/stamp.h"
#include "lcore/share.h"
#include "pkt/addr.h"

#include <stdbool.h>
#include <stdint.h>

struct guest;
struct lcore;
struct link;

#define GUEST_ADDRS_MAX 8
#define GUEST_NAME_MAX	32
#define GUEST_LANES	OUTSOCK_QUEUE_PAIRS_MAX /* queue pairs */

/*
 * Why a session was closed: X(name, text). What is wrong in a ring itself is VRING_ERRORS, and
 * counts as RING here.
 */
#define GUEST_ERRORS(X) \
	X(RING, "malformed ring") \
	X(BAD_LEN, "message length does not fit its operation") \
	X(BAD_OP, "operation that a guest may not send") \
	X(BAD_ID, "socket id out of range") \
	X(BAD_QUEUE, "request on another queue than its socket's") \
	X(BAD_TYPE, "message for another type of socket") \
	X(NOT_CONNECTED, "data on a socket that is not connected") \
	X(OFFSET, "stream offset beyond the bytes sent") \
	X(WINDOW, "data beyond the send window") \
	X(AFTER_FIN, "data behind the end of the stream") \
	X(CREDIT, "credit that shrinks or is out of range") \
	X(RX_BUF, "receive buffer is too small") \
	X(MEMORY, "guest memory is gone (SIGBUS)")

enum guest_err {
#define GUEST_ERR_ENUM(name, text) GUEST_ERR_##name,
	GUEST_ERRORS(GUEST_ERR_ENUM)
#undef GUEST_ERR_ENUM
		GUEST_ERR_N
};
const char *guest_err_name(enum guest_err err);
const char *guest_err_text(enum guest_err err);

struct guest_addr {
	struct ip_addr addr;
	uint8_t prefix_len; /* of the family: 24 for 10.77.0.11/24 */
};

/* What the configuration says of a guest; the strings are the caller's. */
struct guest_cfg {
	const char *name;
	const char *socket_path;
	bool client; /* QEMU listens, we connect (and reconnect) */
	bool rt;
	uint8_t priority; /* 0 to 7, among the guests of one lcore */
	struct guest_addr addrs[GUEST_ADDRS_MAX];
	unsigned int n_addrs;
	uint32_t max_sockets, max_pkts, max_msgs; /* quotas; messages in one turn */
	uint32_t grace_ms;
	uint16_t eph_first, eph_last; /* the stack's ephemeral ports, host order; 0: its defaults */
	struct lcore *lcore;	      /* home */
	struct link *link;	      /* its port, as the home lcore sees it */
};

/* ---- cold: control thread ---- */

/* Registers the vhost-user socket and starts it. 0 or negative errno; nothing is left on error. */
int guest_create(const struct guest_cfg *cfg, struct guest **ret_guest);
/* Ends the session (sockets are reset towards their peers), frees everything. Takes NULL. */
void guest_destroy(struct guest *g);
/* Another quota of packets. */
void guest_quota_set(struct guest *g, uint32_t max_pkts);
/* What can change while it runs. */
struct guest_tune {
	uint8_t priority;
	uint32_t max_sockets; /* up to guest_sockets_most() */
	uint32_t max_pkts, max_msgs;
	uint32_t grace_ms;
};
void guest_retune(struct guest *g, const struct guest_tune *tune);
/* The sockets that its tables have room for: its first quota. */
uint32_t guest_sockets_most(const struct guest *g);

/* A copy of what the guest's lcore last published; any thread. */
struct guest_stats {
	char name[GUEST_NAME_MAX];
	bool connected; /* vhost-user connection is there */
	bool running;	/* its rings are started */
	bool session;	/* HELLO done */
	uint32_t epoch;
	uint32_t queue_pairs;
	uint32_t n_socks, n_pkts, max_pkts;
	uint64_t rx_msgs, rx_bytes, tx_msgs, tx_bytes, kicks, notifies, ring_full;
	uint64_t session_errors, epoch_drops, pre_hello_drops;
	const char *last_error;	      /* static text of the last session error, or NULL */
	uint64_t tx_stalls;	      /* turns in which a TX ring had to wait to be read on */
	uint64_t tx_refused;	      /* DATA that had no packets: the guest is asked again */
	uint64_t tx_late;	      /* DATA, DGRAM, CREDIT for sockets that had ended */
	uint64_t errors[GUEST_ERR_N]; /* session_errors by reason */
};
void guest_stats_get(const struct guest *g, struct guest_stats *ret_stats);
const struct guest_cfg *guest_config(const struct guest *g);

/*
 * Residence of its messages in the daemon. @rx: from the return of rx_burst to the store of
 * the used index; @tx: from the look at the TX ring to the call of tx_burst. @rx_late,
 * @tx_late: those among them that did not go through in the turn that brought them: they
 * waited for credit, window, ring room or budget. The lcore writes, any thread may read.
 */
struct guest_latency {
	struct hist rx, rx_late, tx, tx_late;
};
const struct guest_latency *guest_latency(const struct guest *g);
void guest_latency_reset(struct guest *g);

/*
 * Addresses of at most @max pages of its memory, spread over all of it; returns how many, 0 while
 * none is mapped. To ask the kernel about, not to touch: it may be unmapped at any time.
 */
unsigned int guest_pages(const struct guest *g, void **ret_pages, unsigned int max);

/*
 * A session error that has not been logged yet: its static text (once), or NULL. The control thread
 * asks now and then; at most one comes a second and guest.
 */
const char *guest_take_error(struct guest *g);

/* ---- hot: home lcore, inside its turn ---- */

/**
 * struct guest_glance - a TX ring, as guest_glance() sees it
 * @avail: its available index, in guest memory; @idx if it does not run
 * @idx: up to where it has been read
 */
struct guest_glance {
	const uint16_t *avail, *idx;
};

/**
 * struct guest_seat - its place among those that its lcore serves; the lcore's own
 * @due: when guest_look() may find something that is due by time
 * @attention: guest_look() is to be asked in each turn
 * @armed: kicks are wanted on all of its TX rings
 * @fresh: a ring has started, and the guest is to be notified once
 * @link: among all of its lcore's
 * @touched: its rings may have something to publish or to notify
 * @upkeep: guest_upkeep() is due
 * @snap: guest_snapshot() in turn
 * @number: of the lcore's guests, from 1
 */
struct guest_seat {
	uint64_t due;
	bool attention, armed, fresh;
	uint8_t n_glances;
	struct list link;
	struct guest_glance glances[GUEST_LANES];
	struct guest *guest;
	struct list touched, upkeep, snap;
	struct share tx, rx;
	uint32_t number;
};
struct guest_seat *guest_seat(struct guest *g);

/*
 * From now on a queue pair of its puts itself on @woken when there is something for the guest, or
 * (NULL) nowhere. Whose the first of these is; all of its are off the list then.
 */
void guest_wakes(struct guest *g, struct list *woken);
struct guest_seat *guest_woken(struct list *woken);
/*
 * Each turn, for each guest that has not woken: may guest_look() find something? All that costs an
 * idle guest is a few loads. The only word of guest memory is compared, not used.
 */
static inline bool guest_glance(const struct guest_seat *seat, uint64_t now)
{
	if (seat->attention || now >= seat->due)
		return true;
	for (unsigned int i = 0; i < seat->n_glances; i++) {
		const struct guest_glance *at = &seat->glances[i];

		if (__atomic_load_n(at->avail, __ATOMIC_RELAXED) != *at->idx)
			return true;
	}
	return false;
}
/* Counts the times that guest memory went away under someone: then all are to be looked at. */
extern uint32_t guest_mem_faults;

/* What there is to do for it now. */
#define GUEST_LOOK_TX	  0x1u /* its TX rings have messages */
#define GUEST_LOOK_RX	  0x2u /* something is for it, and its RX ring has room */
#define GUEST_LOOK_UPKEEP 0x4u
unsigned int guest_look(struct guest *g, uint64_t now);
/* Time-outs of its session, sockets of one that is over, sockets that wait for packets: some. */
void guest_upkeep(struct guest *g, uint64_t now);
/*
 * Guest's TX rings to sockets, ready sockets to its RX rings: as far as @grant goes, but for the
 * message that overdraws it. Returns what was used.
 */
struct share_amount guest_tx(struct guest *g, const struct share_amount *grant, uint64_t now);
struct share_amount guest_rx(struct guest *g, const struct share_amount *grant, uint64_t now);
/* Stores the used indices of what this turn has filled or taken. After this the guest sees it. */
void guest_publish(struct guest *g);
/* It was published at @c->now: what it was given is measured. */
void guest_measure_rx(struct guest *g, const struct stamp_clock *c);
/* @n of its packets, that it gave us at @when, leave at @c->now. */
void guest_measure_tx(struct guest *g, const struct stamp_clock *c, uint32_t when, uint32_t n);
/* Notifies the guest where it asked for it; returns the number of system calls made. */
unsigned int guest_notify(struct guest *g);
/*
 * Before the lcore sleeps, where it is not armed or has attention: asks for kicks on all TX rings
 * (and RX rings where the session waits for room), then looks once more. True: there is work, do
 * not sleep. It stays armed.
 */
bool guest_arm_kicks(struct guest *g);
/* No kicks wanted: it is looked at anyway. */
void guest_disarm_kicks(struct guest *g);
/* When it has to be looked at next, by time. UINT64_MAX: no time. */
uint64_t guest_next(const struct guest *g);
/* Publishes statistics and snapshot for other threads; a few times a second. */
void guest_snapshot(struct guest *g);

/* ---- cold, on the home lcore through lcore_call() ---- */

/* One socket for `outsockctl socket list`. */
struct guest_sock_info {
	uint32_t id;
	uint8_t type, family;
	const char *state;
	struct ip_endpoint local, peer;
	uint64_t rx_off, tx_off, tx_acked;
	uint32_t rxq_bytes;
	/* streams; 0 before they are established */
	uint32_t srtt_us, rto_us, cwnd, ssthresh, mss, snd_wnd, rcv_wnd, in_flight, unsent;
};
#define GUEST_LIST_LOOK 1024u /* ids that one call looks at */
#define GUEST_LIST_END	UINT32_MAX
/*
 * The next of the sockets that the guest knows, at most @max; returns how many, perhaps 0. *@cursor
 * is where to begin, 0 at first, and then where to go on, GUEST_LIST_END at the end. A socket that
 * is there all the while is met exactly once.
 */
unsigned int guest_sock_list(struct guest *g, uint32_t *cursor, struct guest_sock_info *infos,
			     unsigned int max);

#endif
