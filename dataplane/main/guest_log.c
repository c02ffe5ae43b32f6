/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the log tells of guests: why they lost their sessions (lcores do not log, they leave a
 * text), and that one is served across NUMA nodes.
 */
#include "main/daemon.h"
#include "main/eal.h"
#include "main/log.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <rte_ethdev.h>
#include <rte_lcore.h>

/* Guests attach, move, and their memory may be migrated: it is told when it changes. */
static void watch_nodes(struct daemon *d, struct daemon_guest *g)
{
	void *pages[NODE_SAMPLES];
	const struct node_places now = {
		.port = rte_eth_dev_socket_id(port_dev(d->ports[g->port])),
		.lcore = (int)rte_lcore_to_socket_id(eal_lcore_id(g->lcore)),
		.memory = node_of_pages(pages, guest_pages(g->guest, pages, NODE_SAMPLES)),
	}, before = g->nodes;
	char port[32], lcore[32], memory[32];

	g->nodes = now;
	if (!memcmp(&now, &before, sizeof(now)) || now.memory == NODE_NONE || !node_apart(&now))
		return;
	log_warning("guest %s is served across NUMA nodes: port %s is on %s, lcore %s on %s, its "
		    "memory on %s; right: all on one (outsockctl doctor)",
		    g->conf.head.name, g->conf.port, node_text(now.port, port, sizeof(port)),
		    lcore_conf(d->lcores[g->lcore])->head.name,
		    node_text(now.lcore, lcore, sizeof(lcore)),
		    node_text(now.memory, memory, sizeof(memory)));
}

/* A guest makes at most one such error a second. */
static void on_tick(struct loop_fd *lf, uint32_t events)
{
	struct daemon *d = container_of(lf, struct daemon, guest_log);
	bool several = node_several();
	uint64_t ticks;

	if (read(lf->fd, &ticks, sizeof(ticks)) < 0)
		return;
	list_for_each(l, &d->guests) {
		struct daemon_guest *g = container_of(l, struct daemon_guest, link);
		const char *text = guest_take_error(g->guest);

		if (text)
			log_warning("guest %s: session closed: %s", g->conf.head.name, text);
		if (several && g->conf.class == LCORE_RT)
			watch_nodes(d, g);
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
