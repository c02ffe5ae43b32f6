/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control thread's loop: descriptors and what to do when they are ready. One thread only; it
 * waits here and nowhere else.
 */
#ifndef OUTSOCK_DATAPLANE_LOOP_H
#define OUTSOCK_DATAPLANE_LOOP_H

#include <stdint.h>

/* Embedded in whoever waits; stays where it is while it is in the loop. */
struct loop_fd {
	int fd;
	/* @events: EPOLLIN, EPOLLOUT, ... It may take itself out of the loop. */
	void (*fn)(struct loop_fd *lf, uint32_t events);
};

struct loop {
	int epoll_fd;
	int stop;
};

int loop_init(struct loop *loop); /* 0 or -errno */
void loop_fini(struct loop *loop);
int loop_add(struct loop *loop, struct loop_fd *lf, uint32_t events);
int loop_mod(struct loop *loop, struct loop_fd *lf, uint32_t events);
void loop_del(struct loop *loop, struct loop_fd *lf);
/* Until loop_stop(). */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

#endif
