/* SPDX-License-Identifier: BSD-3-Clause */
/* Why guests lost their sessions, for the log: lcores do not log, they leave a text. */
#include "main/daemon.h"
#include "main/log.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* A guest makes at most one such error a second. */
static void on_tick(struct loop_fd *lf, uint32_t events)
{
	struct daemon *d = container_of(lf, struct daemon, guest_log);
	uint64_t ticks;

	if (read(lf->fd, &ticks, sizeof(ticks)) < 0)
		return;
	list_for_each(l, &d->guests) {
		const struct daemon_guest *g = container_of(l, struct daemon_guest, link);
		const char *text = guest_take_error(g->guest);

		if (text)
			log_warning("guest %s: session closed: %s", g->conf.head.name, text);
	}
}

int guest_log_init(struct daemon *d)
{
	const struct itimerspec second = { .it_interval.tv_sec = 1, .it_value.tv_sec = 1 };
	int err;

	d->guest_log.fn = on_tick;
	d->guest_log.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (d->guest_log.fd < 0)
		return -errno;
	err = timerfd_settime(d->guest_log.fd, 0, &second, NULL) < 0 ? -errno : 0;
	if (!err)
		err = loop_add(&d->loop, &d->guest_log, EPOLLIN);
	if (err)
		close(d->guest_log.fd);
	return err;
}

void guest_log_fini(struct daemon *d)
{
	loop_del(&d->loop, &d->guest_log);
	close(d->guest_log.fd);
}
