/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The stack against itself: two hosts, an impaired wire, programs that check every byte. Scenarios,
 * impairments and seeds are stored in matrix.def.
 */
#ifndef OUTSOCK_TEST_SIM_H
#define OUTSOCK_TEST_SIM_H

#include "frame.h"
#include "sock/sock_move.h"
#include "vwire.h"

#define SIM_PORT 80

enum sim_side { CLIENT, SERVER };

/* What a program does with its end of a connection. */
struct plan {
	uint32_t bytes;	    /* it sends so many */
	uint32_t chunk;	    /* ... in writes of 1 to chunk bytes */
	uint32_t window;    /* receive credit beyond what it has read */
	uint32_t read_max;  /* takes so many bytes each millisecond; 0: all at once */
	uint32_t busy_pct;  /* chance that its ring is full when it is asked */
	bool after_fin;	    /* begins to send when the peer has closed its direction */
	bool echo;	    /* sends back what it gets; bytes is not used */
	bool pingpong;	    /* a write when everything written before has come back */
	bool close_at_once; /* close() when it has sent and got all, not shutdown() and wait */
	bool nodelay;
	uint32_t abort_after; /* aborts when it has got so many bytes */
	bool reset_ok;	      /* the peer may reset the connection */
};

struct scenario {
	const char *name;
	uint32_t conns, at_once;
	struct plan plan[2];
};

struct impairment {
	const char *name;
	struct vwire_cfg wire;
};

struct app {
	struct sim *sim;
	const struct plan *plan;
	enum sim_side side;
	struct conn *conn;
	struct sock *s;
	uint64_t sent, got;
	bool stalled, fin_sent, peer_closed, closing, done;
};

struct conn {
	struct app app[2];
	uint32_t id;
	uint16_t client_port; /* network order */
	bool started;
};

/* When a host's clock begins, so that a sequence number is where a test wants it (RFC 6528: M). */
struct clocks {
	uint64_t ahead[2]; /* ns */
	uint32_t iss[2];   /* of the first connection: found by a run */
	bool iss_known[2];
};

/* The server's other stack, and its way there (sim_move.c). */
struct mover {
	struct host twin;
	struct sock_move m;
	struct rng rng;
	int phase;
	uint64_t next; /* when the next move begins */
	uint32_t n, call_off;
};

struct sim {
	const struct scenario *sc;
	const struct impairment *imp;
	uint64_t seed, start, now, next_ms;
	struct clocks *clocks;
	bool verbose, moving;
	struct mover mover;
	struct rng rng;
	struct vwire wire;
	struct host host[2];
	struct sock *listener;
	struct conn *conns;
	uint32_t n_started, n_done;
};

/*
 * Runs one cell of the matrix, twice: the second time the sequence numbers of both directions of
 * the first connection wrap around. Ends the process with a message when something is wrong.
 */
void sim_run(const struct scenario *sc, const struct impairment *imp, uint64_t seed, bool verbose,
	     bool moving);

_Noreturn void sim_fail(struct sim *sim, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* sim_move.c */
void mover_init(struct sim *sim);
/* One piece of a move, or its beginning, if it is time for that. */
void mover_step(struct sim *sim);
/* The server is on its way: its programs have to wait. */
bool mover_frozen(const struct sim *sim);
uint64_t mover_next(const struct sim *sim);

/* sim_app.c: what programs do in each turn, at each millisecond */
void apps_turn(struct sim *sim, enum sim_side side);
void apps_millisecond(struct sim *sim);
void app_connect(struct sim *sim, struct conn *c);
void sim_listen(struct sim *sim);

#endif
