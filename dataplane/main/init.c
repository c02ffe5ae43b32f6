/* SPDX-License-Identifier: BSD-3-Clause */
/* What the daemon starts, in this order, and undoes in reverse. */
#include "ctl/ctl.h"
#include "main/daemon.h"
#include "main/eal.h"
#include "main/log.h"
#include "main/place.h"
#include "main/reload.h"
#include "main/signals.h"
#include "main/state.h"
#include "main/throttling.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_lcore.h>

static int on_throttling(struct daemon *d);
static int on_loop(struct daemon *d);
static int on_signals(struct daemon *d);
static int on_state(struct daemon *d);
static int on_eal(struct daemon *d);
static int on_map(struct daemon *d);
static int on_lcores(struct daemon *d);
static int on_ports(struct daemon *d);
static int on_links(struct daemon *d);
static int on_memory(struct daemon *d);
static int on_threads(struct daemon *d);
static int on_telemetry(struct daemon *d);
static void off_loop(struct daemon *d);
static void off_signals(struct daemon *d);
static void off_eal(struct daemon *d);
static void off_map(struct daemon *d);
static void off_lcores(struct daemon *d);
static void off_ports(struct daemon *d);
static void off_threads(struct daemon *d);
static void off_telemetry(struct daemon *d);

static const struct step {
	const char *name;
	int (*init)(struct daemon *d);
	void (*fini)(struct daemon *d);
} steps[] = {
	{ "RT throttling", on_throttling, NULL },
	{ "control loop", on_loop, off_loop },
	{ "signals", on_signals, off_signals }, /* blocked before there are threads */
	{ "state file", on_state, NULL },
	{ "DPDK", on_eal, off_eal }, /* threads and memory */
	{ "address map", on_map, off_map },
	{ "lcores", on_lcores, off_lcores }, /* pools, stacks, rings between them */
	{ "ports", on_ports, off_ports },
	{ "links", on_links, NULL },
	{ "memory lock", on_memory, NULL },
	{ "lcore threads", on_threads, off_threads },
	{ "telemetry", on_telemetry, off_telemetry }, /* reads what is there from here on */
	{ "guests", guests_init, guests_fini },	      /* ports are polled, guests may connect */
	{ "guests' errors", guest_log_init, guest_log_fini },
	{ "control socket", ctl_init, ctl_fini },
};

#define N_STEPS (sizeof(steps) / sizeof(steps[0]))

static void undo(struct daemon *d, size_t n)
{
	while (n-- > 0) {
		log_debug("end: %s", steps[n].name);
		if (steps[n].fini)
			steps[n].fini(d);
	}
}

int daemon_init(struct daemon *d)
{
	for (size_t i = 0; i < N_STEPS; i++) {
		int err;

		log_debug("start: %s", steps[i].name);
		err = steps[i].init(d);
		if (err) {
			log_error("the start ends at: %s", steps[i].name);
			undo(d, i);
			return err;
		}
	}
	return 0;
}

void daemon_fini(struct daemon *d)
{
	undo(d, N_STEPS);
}

/* ---- the steps ---- */

static int on_throttling(struct daemon *d)
{
	char why[CONF_TEXT_MAX + 128];
	int err = 0;

	for (unsigned int i = 0; i < d->conf->n_lcores; i++) {
		switch (throttling_judge(d->conf, &d->conf->lcores[i], THROTTLING_FOLDER, why,
					 sizeof(why))) {
		case THROTTLING_OFF:
			break;
		case THROTTLING_ALLOWED:
			log_warning("%s", why);
			break;
		case THROTTLING_REFUSED:
			log_error("%s", why);
			err = -EPERM;
			break;
		}
	}
	return err;
}

static int on_loop(struct daemon *d)
{
	list_init(&d->guests);
	pthread_rwlock_init(&d->lock, NULL);
	return loop_init(&d->loop);
}

static void off_loop(struct daemon *d)
{
	loop_fini(&d->loop);
	pthread_rwlock_destroy(&d->lock);
}

static void signal_came(struct loop_fd *lf, uint32_t events)
{
	struct daemon *d = container_of(lf, struct daemon, signals);
	int signo = signals_read(lf->fd);

	if (signo == SIGHUP) {
		reload_logged(d);
	} else if (signo) {
		log_notice("signal %d: stopping", signo);
		loop_stop(&d->loop);
	}
}

static int on_signals(struct daemon *d)
{
	signals_block();
	for (unsigned int i = 0; i < d->conf->n_ports; i++)
		if (!strncmp(d->conf->ports[i].device, "net_tap", 7))
			signals_allow_real_time();
	d->signals.fd = signals_open();
	if (d->signals.fd < 0)
		return d->signals.fd;
	d->signals.fn = signal_came;
	return loop_add(&d->loop, &d->signals, EPOLLIN);
}

static void off_signals(struct daemon *d)
{
	loop_del(&d->loop, &d->signals);
	close(d->signals.fd);
}

static int on_state(struct daemon *d)
{
	return state_load(d->conf->dataplane->state, d->secret);
}

static int on_eal(struct daemon *d)
{
	int err = eal_start(d->conf, d->n_cpus);

	d->start_tsc = err ? 0 : rte_rdtsc();
	return err;
}

static void off_eal(struct daemon *d)
{
	eal_stop();
}

static int on_map(struct daemon *d)
{
	d->map = addr_map_build(NULL, 0);
	return d->map ? 0 : -ENOMEM;
}

static void off_map(struct daemon *d)
{
	addr_map_free(d->map);
	d->map = NULL;
}

static int on_lcores(struct daemon *d)
{
	int err = 0;

	for (unsigned int i = 0; i < d->conf->n_lcores && !err; i++) {
		struct lcore_cfg cfg = {
			.conf = &d->conf->lcores[i],
			.index = i,
			.eal_id = eal_lcore_id(i),
			.tsc_base = d->start_tsc,
			.secret = d->secret,
			.pkt_room = config_pkt_room(d->conf),
			.map = d->map,
		};

		/* All that it will touch in its turns is touched here first. */
		node_prefer((int)rte_lcore_to_socket_id(cfg.eal_id));
		if (getrandom(&cfg.seed, sizeof(cfg.seed), 0) != sizeof(cfg.seed))
			err = -EIO;
		else
			err = lcore_create(&cfg, &d->lcores[i]);
		d->n_lcores += !err;
	}
	node_prefer(NODE_NONE);
	if (!err)
		err = lcore_connect(d->lcores, d->n_lcores);
	if (err)
		off_lcores(d);
	return err;
}

static void off_lcores(struct daemon *d)
{
	while (d->n_lcores)
		lcore_destroy(d->lcores[--d->n_lcores]);
}

static int on_ports(struct daemon *d)
{
	struct rte_mempool *pools[CONF_LCORES_MAX];
	unsigned int n[CONF_LCORES_MAX];
	int err = 0;

	for (unsigned int i = 0; i < d->n_lcores; i++)
		pools[i] = lcore_pool(d->lcores[i]);
	for (unsigned int i = 0; i < d->conf->n_ports && !err; i++) {
		struct port_cfg cfg = {
			.conf = &d->conf->ports[i],
			.index = i,
			.n_lcores = d->n_lcores,
			.pools = pools,
		};

		guests_expect(d->conf, cfg.conf->head.name, n);
		cfg.poller = place_poller(d->conf, n);
		cfg.holder = place_holder(d->conf, cfg.poller);
		err = port_open(&cfg, &d->ports[i]);
		d->n_ports += !err;
	}
	if (err)
		off_ports(d);
	return err;
}

static void off_ports(struct daemon *d)
{
	while (d->n_ports)
		port_close(d->ports[--d->n_ports]);
}

static int on_links(struct daemon *d)
{
	for (unsigned int i = 0; i < d->n_lcores; i++) {
		for (unsigned int k = 0; k < d->n_ports; k++) {
			int err = lcore_port_add(d->lcores[i], d->ports[k]);

			if (err) {
				log_error("port %s: no link on lcore %s: %s",
					  d->conf->ports[k].head.name, d->conf->lcores[i].head.name,
					  strerror(-err));
				return err;
			}
		}
	}
	return 0;
}

/* A page fault in an RT turn is a wait: what is there now stays in memory. */
static int on_memory(struct daemon *d)
{
	bool rt = false;

	for (unsigned int i = 0; i < d->n_lcores; i++)
		rt |= lcore_class(d->lcores[i]) == LCORE_RT;
	if (rt && mlockall(MCL_CURRENT))
		log_warning("memory can not be locked (%s): RT lcores may meet page faults; right: "
			    "run as root or with LimitMEMLOCK=infinity",
			    strerror(errno));
	return 0;
}

static void nothing(void *arg)
{
}

/* Every lcore has ended the turn that it was in. */
static void end_turns(void *arg)
{
	struct daemon *d = arg;

	for (unsigned int i = 0; i < d->n_lcores; i++)
		lcore_call(d->lcores[i], nothing, NULL);
}

static int on_threads(struct daemon *d)
{
	int err = 0;

	for (unsigned int i = 0; i < d->n_lcores && !err; i++)
		err = lcore_start(d->lcores[i]);
	port_quiesce_set(end_turns, d);
	if (err)
		off_threads(d);
	return err;
}

static void off_threads(struct daemon *d)
{
	for (unsigned int i = 0; i < d->n_lcores; i++)
		lcore_stop(d->lcores[i]);
	port_quiesce_set(NULL, NULL);
}

static int on_telemetry(struct daemon *d)
{
	ctl_telemetry_init(d);
	return 0;
}

static void off_telemetry(struct daemon *d)
{
	ctl_telemetry_fini(d);
}
