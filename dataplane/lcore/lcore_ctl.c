/* SPDX-License-Identifier: BSD-3-Clause */
/* Creating, starting and stopping lcores. */
#include "guest/guest_mem.h"
#include "lcore/lcore_priv.h"
#include "main/log.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>

#define SNAPSHOTS_PER_SECOND 4
#define ADDRS_MAX	     (CONF_GUESTS_MAX * GUEST_ADDRS_MAX)
#define ROUTES_MAX	     (512 + CONF_PORTS_MAX * CONF_ROUTES_MAX)
#define TIMER_SLACK_NSEC     1000ul

static int create_stack(struct lcore *lc, const struct lcore_cfg *cfg)
{
	struct stack_cfg sc;
	char name[32];
	int node = (int)rte_lcore_to_socket_id(cfg->eal_id);

	snprintf(name, sizeof(name), "lcore_%u", cfg->index);
	lc->pool = pkt_pool_create(name, cfg->conf->packets, cfg->pkt_room, node);
	if (!lc->pool) {
		log_error("lcore %s: %u packets: %s; right: more memory, or fewer packets",
			  cfg->conf->head.name, cfg->conf->packets, rte_strerror(rte_errno));
		return -rte_errno;
	}
	stack_cfg_defaults(&sc);
	sc.pool = lc->pool;
	sc.seed = cfg->seed;
	memcpy(sc.secret, cfg->secret, sizeof(sc.secret));
	sc.now = lcore_ns(lc, rte_rdtsc());
	sc.tcp_conns_max = cfg->conf->connections;
	sc.udp_socks_max = cfg->conf->udp_sockets;
	sc.addrs_max = ADDRS_MAX;
	sc.routes_max = ROUTES_MAX;
	lc->stack = stack_create(&sc);
	if (!lc->stack) {
		log_error("lcore %s: no memory for %u connections and %u UDP sockets",
			  cfg->conf->head.name, cfg->conf->connections, cfg->conf->udp_sockets);
		return -ENOMEM;
	}
	lc->env = stack_env(lc->stack);
	return 0;
}

static int create_fds(struct lcore *lc)
{
	lc->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	lc->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (lc->epoll_fd < 0 || lc->wake_fd < 0)
		return -errno;
	return lcore_wait_add(lc, lc->wake_fd, true);
}

static void init_clock(struct lcore *lc, uint64_t tsc_base)
{
	uint64_t hz = rte_get_tsc_hz();

	lc->tsc_base = tsc_base;
	lc->tsc_mult = (uint64_t)((((unsigned __int128)NSEC_PER_SEC << 32) + hz / 2) / hz);
	lc->clock.mult = stamp_mult(lc->tsc_mult);
	lc->snap_cycles = hz / SNAPSHOTS_PER_SECOND;
}

/* What its loop takes from the configuration. */
static void tune(struct lcore *lc)
{
	lc->adaptive = lc->conf.poll == POLL_ADAPTIVE;
	lc->idle_cycles =
		(uint64_t)((unsigned __int128)lc->conf.idle_ns * rte_get_tsc_hz() / NSEC_PER_SEC);
	lc->slow_cycles =
		(uint64_t)((unsigned __int128)lc->conf.slow_ns * rte_get_tsc_hz() / NSEC_PER_SEC);
	for (unsigned int b = 0; b < BUDGET_N; b++)
		lc->budget[b] = config_budget(&lc->conf, b);
	list_for_each(l, &lc->guests)
		lcore_set_quanta(lc, container_of(l, struct guest_seat, link));
}

static void init_lists(struct lcore *lc)
{
	list_init(&lc->guests);
	list_init(&lc->woken);
	list_init(&lc->upkeep);
	list_init(&lc->snaps);
	for (unsigned int p = 0; p < SHARE_PRIORITIES; p++)
		list_init(&lc->touched[p]);
	share_set_init(&lc->guests_tx);
	share_set_init(&lc->guests_rx);
}

int lcore_create(const struct lcore_cfg *cfg, struct lcore **ret_lcore)
{
	struct lcore *lc = aligned_alloc(64, RTE_ALIGN_CEIL(sizeof(*lc), 64));
	int err;

	if (!lc)
		return -ENOMEM;
	memset(lc, 0, sizeof(*lc));
	lc->epoll_fd = -1;
	lc->wake_fd = -1;
	lc->tid = -1;
	lc->index = cfg->index;
	lc->eal_id = cfg->eal_id;
	lc->conf = *cfg->conf;
	lc->alone = true;
	lc->map = cfg->map;
	init_lists(lc);
	msg_inbox_init(&lc->inbox);
	init_clock(lc, cfg->tsc_base);
	tune(lc);
	err = create_fds(lc);
	if (!err)
		err = create_stack(lc, cfg);
	if (err) {
		lcore_destroy(lc);
		return err;
	}
	*ret_lcore = lc;
	return 0;
}

/* Packets that were on their way to us. */
static void drain(struct spsc *ring)
{
	struct rte_mbuf *m;

	while (ring && (m = spsc_get(ring)))
		rte_pktmbuf_free(m);
	free(ring);
}

void lcore_destroy(struct lcore *lc)
{
	if (!lc)
		return;
	for (unsigned int i = 0; i < lc->n_peers; i++) {
		drain(lc->peers[i].given);
		drain(lc->peers[i].wired);
		free(lc->peers[i].heard);
	}
	stack_destroy(lc->stack);
	if (lc->wake_fd >= 0)
		close(lc->wake_fd);
	if (lc->epoll_fd >= 0)
		close(lc->epoll_fd);
	/* The pool goes with the EAL: packets of it may still be in a device's queues. */
	free(lc);
}

static struct spsc *new_ring(uint32_t size)
{
	struct spsc *r = aligned_alloc(64, spsc_mem_size(size));

	if (r)
		spsc_init(r, size);
	return r;
}

/* The rings through which @from reaches @to. */
static int connect_one(struct lcore *from, struct lcore *to)
{
	struct lcore_peer *in = &to->peers[from->index], *out = &from->peers[to->index];

	in->lc = from;
	in->given = new_ring(LCORE_GIVE_SIZE);
	in->wired = new_ring(LCORE_WIRE_SIZE);
	in->heard = aligned_alloc(64, RTE_ALIGN_CEIL(sizeof(*in->heard), 64));
	if (!in->given || !in->wired || !in->heard)
		return -ENOMEM;
	memset(in->heard, 0, sizeof(*in->heard));
	out->give = in->given;
	out->wire = in->wired;
	out->tell = in->heard;
	return 0;
}

int lcore_connect(struct lcore *const *lcores, unsigned int n)
{
	int err = 0;

	for (unsigned int i = 0; i < n; i++) {
		lcores[i]->alone = n == 1;
		lcores[i]->n_peers = n;
		if (n > 1)
			ip_wire_set(stack_ip(lcores[i]->stack), &lcore_ip_wire, lcores[i]);
		for (unsigned int k = 0; k < n && !err; k++)
			if (k != i)
				err = connect_one(lcores[i], lcores[k]);
	}
	if (err)
		log_error("no memory for the rings between lcores");
	return err;
}

/* ---- the thread ---- */

static int set_scheduling(const struct conf_lcore *conf, pid_t tid)
{
	struct sched_param param = { .sched_priority = (int)conf->priority };
	int rc = conf->class == LCORE_RT ? sched_setscheduler(tid, SCHED_FIFO, &param)
					 : setpriority(PRIO_PROCESS, (id_t)tid, conf->nice);

	return rc ? -errno : 0;
}

static void enter_class(struct lcore *lc)
{
	int err = set_scheduling(&lc->conf, gettid());

	if (err)
		log_warning("lcore %s: scheduling %s could not be set: %s", lc->conf.head.name,
			    lc->conf.class == LCORE_RT ? "priority" : "nice", strerror(-err));
	/* Short naps are as short as they say. */
	prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NSEC);
}

static int thread_main(void *arg)
{
	struct lcore *lc = arg;
	char name[16];

	snprintf(name, sizeof(name), "lcore-%.9s", lc->conf.head.name);
	prctl(PR_SET_NAME, name);
	enter_class(lc);
	guest_mem_thread();
	__atomic_store_n(&lc->tid, gettid(), __ATOMIC_RELAXED);
	lc->work_tsc = rte_rdtsc();
	lc->tsc = lc->work_tsc;
	if (lc->conf.class == LCORE_RT)
		lcore_rt_loop(lc);
	else
		lcore_nrt_loop(lc);
	return 0;
}

static void wake(void *lcore)
{
	lcore_wake(lcore);
}

static void join(void *lcore)
{
	rte_eal_wait_lcore(((struct lcore *)lcore)->eal_id);
}

static void stop(void *arg)
{
	((struct lcore *)arg)->stop = true;
}

static void nothing(void *arg)
{
}

int lcore_start(struct lcore *lc)
{
	int err;

	msg_open(&lc->inbox);
	err = rte_eal_remote_launch(thread_main, lc, lc->eal_id);
	if (err) {
		lc->inbox.open = false;
		log_error("lcore %s: its thread does not start: %s", lc->conf.head.name,
			  strerror(-err));
		return err;
	}
	/* When it answers, it runs. */
	lcore_call(lc, nothing, NULL);
	return 0;
}

void lcore_stop(struct lcore *lc)
{
	if (lc)
		msg_close(&lc->inbox, stop, lc, wake, join, lc);
}

struct retune_call {
	struct lcore *lc;
	const struct conf_lcore *conf;
};

static void retune(void *arg)
{
	struct retune_call *call = arg;

	call->lc->conf = *call->conf;
	tune(call->lc);
}

int lcore_retune(struct lcore *lc, const struct conf_lcore *conf)
{
	struct retune_call call = { .lc = lc, .conf = conf };
	int err = set_scheduling(conf, lcore_tid(lc));

	if (!err)
		lcore_call(lc, retune, &call);
	return err;
}

/* ---- lcore.h ---- */

void lcore_call(struct lcore *lc, void (*fn)(void *arg), void *arg)
{
	msg_call(&lc->inbox, fn, arg, wake, lc);
}

struct stack *lcore_stack(struct lcore *lc)
{
	return lc->stack;
}

enum lcore_class lcore_class(const struct lcore *lc)
{
	return (enum lcore_class)lc->conf.class;
}

unsigned int lcore_index(const struct lcore *lc)
{
	return lc->index;
}

uint64_t lcore_now(const struct lcore *lc)
{
	return lc->now;
}

const struct conf_lcore *lcore_conf(const struct lcore *lc)
{
	return &lc->conf;
}

const struct lcore_stats *lcore_stats(const struct lcore *lc)
{
	return &lc->stats;
}

struct rte_mempool *lcore_pool(const struct lcore *lc)
{
	return lc->pool;
}

bool lcore_asleep(const struct lcore *lc)
{
	return atomic_load_explicit(&lc->sleeping, memory_order_relaxed);
}

int lcore_tid(const struct lcore *lc)
{
	return __atomic_load_n(&lc->tid, __ATOMIC_RELAXED);
}
