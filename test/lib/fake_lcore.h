/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lcore.h without a thread: the test takes its turns by hand, on a virtual clock, with a stack of
 * its own. Calls of other threads (the vhost library's) are carried out between two turns, calls of
 * the test's thread at once.
 */
#ifndef OUTSOCK_TEST_FAKE_LCORE_H
#define OUTSOCK_TEST_FAKE_LCORE_H

#include "lcore/lcore.h"

#include <stdint.h>

#define FAKE_TURN_NS 10000u /* virtual time of a turn */

struct lcore *fake_lcore_create(struct stack *stack, uint64_t now);
void fake_lcore_destroy(struct lcore *lc);

/* One turn of all there is; returns the messages moved. */
unsigned int fake_lcore_turn(struct lcore *lc);
/* Time moves on by @ns in the next turn. */
void fake_lcore_skip(struct lcore *lc, uint64_t ns);
/* As an adaptive lcore before it sleeps: arms the kicks. True: there is work. */
bool fake_lcore_arm(struct lcore *lc);
/* ... and after it: which of the descriptors it would have waited on are readable. */
unsigned int fake_lcore_disarm(struct lcore *lc);

#endif
