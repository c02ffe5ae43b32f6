/* SPDX-License-Identifier: BSD-3-Clause */
#include "main/loop.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

int loop_init(struct loop *loop)
{
	loop->stop = 0;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	return loop->epoll_fd < 0 ? -errno : 0;
}

void loop_fini(struct loop *loop)
{
	if (loop->epoll_fd >= 0)
		close(loop->epoll_fd);
	loop->epoll_fd = -1;
}

static int control(struct loop *loop, int op, struct loop_fd *lf, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = lf };

	return epoll_ctl(loop->epoll_fd, op, lf->fd, &ev) ? -errno : 0;
}

int loop_add(struct loop *loop, struct loop_fd *lf, uint32_t events)
{
	return control(loop, EPOLL_CTL_ADD, lf, events);
}

int loop_mod(struct loop *loop, struct loop_fd *lf, uint32_t events)
{
	return control(loop, EPOLL_CTL_MOD, lf, events);
}

void loop_del(struct loop *loop, struct loop_fd *lf)
{
	control(loop, EPOLL_CTL_DEL, lf, 0);
}

void loop_run(struct loop *loop)
{
	/* One event at a time: a handler may free another one's loop_fd. */
	while (!loop->stop) {
		struct epoll_event ev;

		if (epoll_wait(loop->epoll_fd, &ev, 1, -1) == 1) {
			struct loop_fd *lf = ev.data.ptr;

			lf->fn(lf, ev.events);
		}
	}
}

void loop_stop(struct loop *loop)
{
	loop->stop = 1;
}
