/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A guest goes to another lcore, with its rings, its session and all its connections; nothing of
 * them is lost, and neither it nor its peers see more than a pause. By the control thread, with
 * the lcores' help in pieces that are short for their other guests:
 *
 *	guest_move_begin()	the new lcore holds what it receives for the guest's addresses
 *	(caller)		these are the new lcore's from now on, in the address map
 *	guest_move_run()	the rings rest; sockets go over one by one
 *	guest_move_end()	the lcore that has the guest now takes what was held
 */
#ifndef OUTSOCK_DATAPLANE_GUEST_MOVE_H
#define OUTSOCK_DATAPLANE_GUEST_MOVE_H

#include "guest/guest.h"
#include "sock/sock_move.h"

/* Where a guest lives. */
struct guest_home {
	struct lcore *lcore;
	struct link *link;
	bool rt;
	uint32_t max_pkts;
};

struct guest_move {
	struct guest *g;
	struct guest_home from, to;
	struct sock_move socks;
	int err; /* of the step on an lcore */
	unsigned int budget;
	bool more;
};

/* -errno: nothing has happened, and there is nothing to end. */
int guest_move_begin(struct guest_move *m, struct guest *g, const struct guest_home *to);
/*
 * 0: the guest is on the new lcore. -EBUSY: its old session is still being closed; -ENOBUFS: the
 * new lcore has not room for all its sockets; -EDQUOT: nor for its packets: it is where it was,
 * and so must the map be, before guest_move_end().
 */
int guest_move_run(struct guest_move *m);
void guest_move_end(struct guest_move *m);

#endif
