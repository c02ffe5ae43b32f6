/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An lcore: one thread on one CPU, with one stack instance and all that hangs on it (guests,
 * sockets, its queues of the ports). Its class, RT or non-RT, is fixed at start.
 *
 * Nobody else touches what an lcore owns: others send it a call, which it carries out between two
 * turns.
 */
#ifndef OUTSOCK_DATAPLANE_LCORE_H
#define OUTSOCK_DATAPLANE_LCORE_H

#include <stdbool.h>
#include <stdint.h>

struct lcore;
struct guest;
struct stack;

enum lcore_class {
	LCORE_NON_RT,
	LCORE_RT,
};

/*
 * Runs @fn(@arg) on the lcore between two turns, waits until it is done. From any thread that is
 * not an lcore: the vhost library's, the control thread's. Wait-free for the lcore; wakes it if it
 * sleeps. An lcore that has not started or has stopped: runs it here.
 */
void lcore_call(struct lcore *lc, void (*fn)(void *arg), void *arg);

/* The lcore's stack; on the lcore itself, or through lcore_call(). */
struct stack *lcore_stack(struct lcore *lc);
enum lcore_class lcore_class(const struct lcore *lc);
unsigned int lcore_index(const struct lcore *lc);

/* The time of this turn (ns, monotonic, from the TSC); on the lcore. */
uint64_t lcore_now(const struct lcore *lc);

/* On the lcore (inside lcore_call): it begins or ceases to serve @g in its turns. */
void lcore_guest_add(struct lcore *lc, struct guest *g);
void lcore_guest_del(struct lcore *lc, struct guest *g);

/*
 * From any thread that is no lcore (these are system calls): a descriptor that wakes it from sleep
 * (a guest's kick). @fd stays the caller's, who takes it off before closing it. An eventfd needs no
 * reading: each event wakes once. -errno.
 */
int lcore_fd_add(struct lcore *lc, int fd);
void lcore_fd_del(struct lcore *lc, int fd);

#endif
