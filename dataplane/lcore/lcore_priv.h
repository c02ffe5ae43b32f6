/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An lcore's private state, and the parts of its turn. The order of a turn is lcore_rt.c and
 * lcore_nrt.c.
 *
 *	lcore_rt.c, lcore_nrt.c	the loops			hot
 *	lcore_turn.c		the parts of a turn		hot
 *	lcore_guests.c		... those for its guests	hot
 *	lcore_measure.c		histograms, slow turns		hot
 *	share.c			who of them is served, and how much	hot
 *	lcore_give.c		packets from and to other lcores	hot
 *	lcore_sleep.c		sleeping and waking
 *	lcore_ctl.c		create, start, stop, calls	cold
 *	lcore_net.c		links, routes, RX queues, address map	cold
 */
#ifndef OUTSOCK_DATAPLANE_LCORE_PRIV_H
#define OUTSOCK_DATAPLANE_LCORE_PRIV_H

#include "base/spsc.h"
#include "guest/guest.h"
#include "lcore/lcore_ctl.h"
#include "lcore/lcore_stats.h"
#include "lcore/msg.h"
#include "lcore/news.h"
#include "port/port.h"
#include "stack/stack.h"

#define LCORE_RXQS_MAX	(CONF_PORTS_MAX * 16)
#define LCORE_GIVE_SIZE 512  /* frames on their way from a polling lcore to another one */
#define LCORE_WIRE_SIZE 1024 /* packets between guests of two lcores */
#define LCORE_KEPT_MAX	512
#define LCORE_SEATS	(CONF_GUESTS_MAX + 1)

struct lcore_rxq {
	struct port *port;
	uint16_t dev, queue;
	bool copy; /* its packets come from another lcore's pool: do not hold them */
};

/* Frames of others that came in this turn: they go on when our own guests have been served. */
struct lcore_kept {
	unsigned int n;
	struct rte_mbuf *pkts[LCORE_KEPT_MAX];
	uint16_t home[LCORE_KEPT_MAX];
};

/*
 * Another lcore, and the rings between us. Each ring belongs to the lcore that takes from it;
 * @give and @wire are those of the other one.
 */
struct lcore_peer {
	struct lcore *lc;
	struct spsc *given, *give;
	struct spsc *wired, *wire;
	struct news_ring *heard, *tell;
	bool dirty; /* something was put in this turn (lcore.dirty): wake it if it sleeps */
};

/* Parts of a turn: X(name). */
#define LCORE_PARTS(X) \
	X(timers) X(calls) X(rx) X(given) X(guests_tx) X(guests_rx) X(tx) X(notify) X(wires) X(free)

enum lcore_part {
#define LCORE_PART(name) LCORE_PART_##name,
	LCORE_PARTS(LCORE_PART)
#undef LCORE_PART
		LCORE_PART_N
};

_Static_assert(LCORE_PART_N == sizeof(((struct lcore_slow *)0)->did) / sizeof(uint32_t),
	       "lcore_slow.did");

/* Fields are the lcore's own unless they say otherwise. */
struct lcore {
	/* each turn */
	uint64_t tsc, now; /* of the start of this turn: cycles, ns */
	uint64_t work_tsc; /* when there was work last */
	uint64_t idle_cycles;
	bool stop, adaptive, worked;
	struct stack *stack;
	struct env *env;
	const struct addr_map *map;
	uint32_t budget[BUDGET_N];
	struct list guests; /* seats, all of them */
	struct list woken;  /* queue pairs that something has come for */
	struct share_set guests_tx, guests_rx;
	struct list touched[SHARE_PRIORITIES]; /* seats: to publish, to notify */
	uint32_t touched_any;		       /* a bit for each that may have some */
	struct list upkeep, snaps;	       /* seats: first come first served; all in turn */
	uint32_t mem_faults;		       /* guest_mem_faults that have been looked into */
	uint32_t awake;			       /* turns with work since it slept */
	uint32_t calmed;		       /* number of the seat that lost its kicks last */
	bool look_all;			       /* a call may have changed any guest */
	bool unpublished;		       /* something was done to a ring */
	unsigned int n_guests, n_snaps;	       /* snapshots that are still to be made */
	unsigned int n_rxqs, n_peers, n_ports;
	unsigned int rxq_first, given_first, wire_first; /* whose turn it is */
	bool alone;					 /* there is no other lcore */
	bool dirty;					 /* one of @peers is */
	bool snap_due;
	uint64_t snap_tsc, snap_cycles;
	struct port_if *ifs[CONF_PORTS_MAX];
	struct lcore_rxq rxqs[LCORE_RXQS_MAX];
	struct lcore_peer peers[CONF_LCORES_MAX]; /* by index; our own is unused */
	struct lcore_kept kept;
	struct lcore_stats stats; /* others read */

	/* measuring */
	struct stamp_clock clock; /* turn: the start of this one */
	uint64_t marks[LCORE_MARKS];
	uint64_t slow_cycles;
	uint32_t did[LCORE_PART_N]; /* what each part of this turn found to do */
	struct guest_seat *top;	    /* who used most of it */
	int64_t top_cost;
	struct guest_seat *seats[LCORE_SEATS]; /* by number; 0 is nobody */
	struct lcore_slow slow[LCORE_SLOW];
	uint32_t n_slow;
	struct hist turn_ns; /* others read */
	struct msg_inbox inbox;

	/* sleep: @sleeping the lcore sets, who wakes it clears */
	_Alignas(64) _Atomic bool sleeping;
	int epoll_fd, wake_fd;
	unsigned int empty_wakes; /* by events in a row, and no work */
	bool napping;		  /* an RX queue has nothing to wait on */

	/* clock: ns = ((tsc - tsc_base) * tsc_mult) >> 32; constant, the same for all lcores */
	uint64_t tsc_base, tsc_mult;

	/* constant; @conf changes in lcore_retune() */
	_Alignas(64) struct conf_lcore conf;
	unsigned int index;
	unsigned int eal_id;
	int tid; /* set by the thread, -1 before */
	struct rte_mempool *pool;
};

static inline uint64_t lcore_ns(const struct lcore *lc, uint64_t tsc)
{
	return (uint64_t)(((unsigned __int128)(tsc - lc->tsc_base) * lc->tsc_mult) >> 32);
}

/* ---- the parts of a turn ---- */

void lcore_turn_begin(struct lcore *lc);
/* Each returns how much it found to do. */
unsigned int lcore_calls(struct lcore *lc);
unsigned int lcore_timers(struct lcore *lc);
unsigned int lcore_rx(struct lcore *lc);
unsigned int lcore_given(struct lcore *lc);
unsigned int lcore_guests_tx(struct lcore *lc);
unsigned int lcore_guests_rx(struct lcore *lc);
/* Who is awake for so long looks at all rings anyway: who of them still kicks does so in vain. */
void lcore_guests_calm(struct lcore *lc);
/* The guests' part begins: those whom something has come for. */
void lcore_guests_woken(struct lcore *lc);
/* What the others have to do; time-outs of some sessions. */
unsigned int lcore_guests_look(struct lcore *lc);
void lcore_guests_publish(struct lcore *lc);
unsigned int lcore_tx(struct lcore *lc);
unsigned int lcore_wires(struct lcore *lc);
unsigned int lcore_free(struct lcore *lc);
/* Guests, in order of priority. Returns whether some are left. */
unsigned int lcore_notify(struct lcore *lc);
/* Other lcores get their frames of this turn; those who sleep are woken for all we gave them. */
void lcore_hand_on(struct lcore *lc);
/* Statistics; when there was nothing to do for a while: sleep. */
void lcore_turn_end(struct lcore *lc, unsigned int work);

/* What @seat may do in a turn, from quota and budgets. */
void lcore_set_quanta(struct lcore *lc, struct guest_seat *seat);
/* Snapshots of its guests for other threads, some of them in each turn: from now on; the next. */
void lcore_guests_snap(struct lcore *lc);
void lcore_guests_snap_on(struct lcore *lc);
/* Stamps of a burst received now; frames that @pi is about to send; rings published now. */
void lcore_stamp(struct rte_mbuf **pkts, unsigned int n);
void lcore_measure_tx(struct port_if *pi);
void lcore_measure_rx(struct lcore *lc);
/* The turn ended at @tsc, and was a slow one. */
void lcore_slow_turn(struct lcore *lc, uint64_t tsc);
/* A number for @seat, or none any more. */
void lcore_seat_take(struct lcore *lc, struct guest_seat *seat);
void lcore_seat_give(struct lcore *lc, struct guest_seat *seat);
/* The rings of @seat may have something to publish, and its guest may want to be told. */
void lcore_touch(struct lcore *lc, struct guest_seat *seat);
/* Those with touched seats, the most urgent first: clears its bit of *@any. */
static inline struct list *lcore_touched_next(struct lcore *lc, uint32_t *any)
{
	unsigned int p = 31u - (unsigned int)__builtin_clz(*any);

	*any &= ~(1u << p);
	return &lc->touched[p];
}

/* ---- to other lcores ---- */

/* Is there something from another lcore? */
static inline bool lcore_peer_waits(const struct lcore_peer *peer)
{
	return peer->lc &&
		(!spsc_empty(peer->given) || !spsc_empty(peer->wired) || !news_empty(peer->heard));
}

/* Copies of @pkts in a pool of our own, in their place; returns how many are left. */
unsigned int lcore_take_over(struct lcore *lc, struct rte_mbuf **pkts, unsigned int n);
/* What came by @port for others waits for lcore_hand_on(). */
void lcore_keep(struct lcore *lc, const struct port *port, const struct port_sorted *sorted);
/* Tables for the stack: @ctx is the struct port_if, or the lcore. */
extern const struct link_ops lcore_link_ops;
extern const struct ip_wire lcore_ip_wire;

/* ---- sleep ---- */

void lcore_sleep(struct lcore *lc);
/* Any thread: ends its sleep, after something was put where it looks. True: it slept. */
bool lcore_wake(struct lcore *lc);
/*
 * Any thread that is no lcore: @fd ends its sleep. @edge: at each event (eventfds, which then need
 * no reading), else as long as it is readable (ports). -errno.
 */
int lcore_wait_add(struct lcore *lc, int fd, bool edge);
void lcore_wait_del(struct lcore *lc, int fd);

/* ---- the loops ---- */

/* A turn at lc->now; how much it found to do. */
unsigned int lcore_rt_turn(struct lcore *lc);
unsigned int lcore_nrt_turn(struct lcore *lc);
void lcore_rt_loop(struct lcore *lc);
void lcore_nrt_loop(struct lcore *lc);

#endif
