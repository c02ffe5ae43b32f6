/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Guest code, stack and simulated guests in one process and one thread (the vhost library's own
 * aside): guest k has the address 10.77.0.(11 + k), and all reach each other over the stack's
 * loop. What leaves through the port is counted and thrown away.
 */
#ifndef OUTSOCK_TEST_INPROC_H
#define OUTSOCK_TEST_INPROC_H

#include "fake_lcore.h"
#include "guest/guest.h"
#include "host.h"
#include "simguest.h"

#define INPROC_GUESTS 4

struct inproc_guest {
	char path[80];
	struct guest *g;
	struct simguest *sg;
};

struct inproc {
	struct host host;
	struct lcore *lc;
	char dir[40];
	unsigned int n;
	struct inproc_guest guests[INPROC_GUESTS];
	uint64_t frames_out;
};

void inproc_init(struct inproc *ip);
/* Everything ends. Packets that are missing from the pool afterwards: leaks. */
unsigned int inproc_fini(struct inproc *ip);

/* A guest of the daemon's side, quotas as given there; name, path, address, lcore are filled in. */
int inproc_guest(struct inproc *ip, const struct guest_cfg *cfg);
void inproc_guest_defaults(struct guest_cfg *cfg);
/* Its simulated guest connects; path and idle are filled in. */
int inproc_attach(struct inproc *ip, unsigned int k, const struct simguest_cfg *cfg);
/* The simulated guest goes away, without a word. */
void inproc_detach(struct inproc *ip, unsigned int k);
/* Turns until the session is there, or the daemon's side has seen the connection go. */
bool inproc_session(struct inproc *ip, unsigned int k);
bool inproc_lost(struct inproc *ip, unsigned int k);
/* "10.77.0.(11 + k)" with @port. */
struct outsock_addr inproc_addr(unsigned int k, uint16_t port);

/* One turn of the lcore, and one poll of each simulated guest. */
void inproc_turn(struct inproc *ip);
void inproc_turns(struct inproc *ip, unsigned int n);
/* Turns until @done says so; false when that takes longer than 20 s of real time. */
bool inproc_until(struct inproc *ip, bool (*done)(struct inproc *ip, void *arg), void *arg);
struct guest_stats inproc_stats(struct inproc *ip, unsigned int k);

#endif
