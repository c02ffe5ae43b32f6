/* SPDX-License-Identifier: BSD-3-Clause */
#include "fake_lcore.h"

#include "guest/guest.h"
#include "stack/stack.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FDS_MAX 64
#define BUDGET	64

struct lcore {
	struct stack *stack;
	struct list guests, woken, touched;
	bool look_all; /* after a call, as the real one */
	pthread_t owner;
	uint64_t now, skip;
	int fds[FDS_MAX]; /* under lock */
	unsigned int n_fds;
	/* one call at a time */
	pthread_mutex_t caller, lock;
	pthread_cond_t done;
	void (*fn)(void *arg); /* under lock */
	void *arg;
};

struct lcore *fake_lcore_create(struct stack *stack, uint64_t now)
{
	struct lcore *lc = calloc(1, sizeof(*lc));

	if (!lc)
		abort();
	lc->stack = stack;
	lc->now = now;
	lc->owner = pthread_self();
	list_init(&lc->guests);
	list_init(&lc->woken);
	list_init(&lc->touched);
	pthread_mutex_init(&lc->caller, NULL);
	pthread_mutex_init(&lc->lock, NULL);
	pthread_cond_init(&lc->done, NULL);
	return lc;
}

void fake_lcore_destroy(struct lcore *lc)
{
	pthread_mutex_destroy(&lc->caller);
	pthread_mutex_destroy(&lc->lock);
	pthread_cond_destroy(&lc->done);
	free(lc);
}

void lcore_call(struct lcore *lc, void (*fn)(void *arg), void *arg)
{
	if (pthread_equal(pthread_self(), lc->owner)) {
		fn(arg);
		lc->look_all = true;
		return;
	}
	pthread_mutex_lock(&lc->caller);
	pthread_mutex_lock(&lc->lock);
	lc->arg = arg;
	__atomic_store_n(&lc->fn, fn, __ATOMIC_RELEASE);
	while (lc->fn)
		pthread_cond_wait(&lc->done, &lc->lock);
	pthread_mutex_unlock(&lc->lock);
	pthread_mutex_unlock(&lc->caller);
}

static void run_call(struct lcore *lc)
{
	if (!__atomic_load_n(&lc->fn, __ATOMIC_ACQUIRE))
		return;
	pthread_mutex_lock(&lc->lock);
	lc->fn(lc->arg);
	lc->look_all = true;
	lc->fn = NULL;
	pthread_cond_signal(&lc->done);
	pthread_mutex_unlock(&lc->lock);
}

static struct guest *guest_of(struct list *l)
{
	return container_of(l, struct guest_seat, link)->guest;
}

/* Published and notified is only who was served, as the real lcore does. */
static void touch(struct lcore *lc, struct guest *g)
{
	struct guest_seat *seat = guest_seat(g);

	if (list_empty(&seat->touched))
		list_add_tail(&lc->touched, &seat->touched);
}

/*
 * Every guest is looked into; that the real lcore, which looks only into those that woke or that a
 * glance tells of, would not have missed anything is checked.
 */
static void look(struct lcore *lc, struct guest *g)
{
	bool told = lc->look_all || guest_glance(guest_seat(g), lc->now);
	unsigned int what = guest_look(g, lc->now);

	if (what && !told) {
		fprintf(stderr, "fake lcore: guest %s has something to do (%#x) and did not tell\n",
			guest_config(g)->name, what);
		abort();
	}
	if (what & GUEST_LOOK_UPKEEP)
		guest_upkeep(g, lc->now);
	if (guest_seat(g)->fresh)
		touch(lc, g);
	guest_seat(g)->fresh = false;
}

/* As much as an lcore of its class would at most. */
static unsigned int serve(struct lcore *lc, struct guest *g, uint64_t now)
{
	const struct guest_cfg *cfg = guest_config(g);
	const struct share_amount rx = { BUDGET, cfg->rt ? 64 << 10 : 256 << 10 };
	const struct share_amount tx = { RTE_MIN(BUDGET, (int32_t)cfg->max_msgs), rx.bytes };
	unsigned int n = 0;

	n += (unsigned int)guest_tx(g, &tx, now).msgs;
	n += (unsigned int)guest_rx(g, &rx, now).msgs;
	if (n)
		touch(lc, g);
	return n;
}

unsigned int fake_lcore_turn(struct lcore *lc)
{
	unsigned int n = 0;

	run_call(lc);
	lc->now += FAKE_TURN_NS + lc->skip;
	lc->skip = 0;
	stack_turn(lc->stack, lc->now, BUDGET);
	while (!list_empty(&lc->woken))
		guest_woken(&lc->woken)->attention = true;
	list_for_each(l, &lc->guests)
		look(lc, guest_of(l));
	lc->look_all = false;
	list_for_each(l, &lc->guests)
		n += serve(lc, guest_of(l), lc->now);
	list_for_each(l, &lc->touched)
		guest_publish(container_of(l, struct guest_seat, touched)->guest);
	stack_tx(lc->stack, BUDGET);
	stack_free(lc->stack, BUDGET);
	while (!list_empty(&lc->touched)) {
		struct list *l = list_first(&lc->touched);

		guest_notify(container_of(l, struct guest_seat, touched)->guest);
		list_del(l);
	}
	list_for_each(l, &lc->guests)
		guest_snapshot(guest_of(l));
	return n;
}

void fake_lcore_skip(struct lcore *lc, uint64_t ns)
{
	lc->skip += ns;
}

bool fake_lcore_arm(struct lcore *lc)
{
	bool work = false;

	list_for_each(l, &lc->guests)
		work |= guest_arm_kicks(guest_of(l));
	return work;
}

unsigned int fake_lcore_disarm(struct lcore *lc)
{
	unsigned int n = 0;
	uint64_t count;

	pthread_mutex_lock(&lc->lock);
	for (unsigned int i = 0; i < lc->n_fds; i++) {
		struct pollfd p = { lc->fds[i], POLLIN, 0 };

		if (poll(&p, 1, 0) > 0 && read(p.fd, &count, sizeof(count)) > 0)
			n++;
	}
	pthread_mutex_unlock(&lc->lock);
	list_for_each(l, &lc->guests)
		guest_disarm_kicks(guest_of(l));
	return n;
}

struct stack *lcore_stack(struct lcore *lc)
{
	return lc->stack;
}

enum lcore_class lcore_class(const struct lcore *lc)
{
	return LCORE_NON_RT;
}

unsigned int lcore_index(const struct lcore *lc)
{
	return 0;
}

uint64_t lcore_now(const struct lcore *lc)
{
	return lc->now;
}

void lcore_guest_add(struct lcore *lc, struct guest *g)
{
	list_add_tail(&lc->guests, &guest_seat(g)->link);
	guest_wakes(g, &lc->woken);
}

void lcore_guest_del(struct lcore *lc, struct guest *g)
{
	guest_wakes(g, NULL);
	list_del(&guest_seat(g)->touched);
	list_del(&guest_seat(g)->link);
}

int lcore_fd_add(struct lcore *lc, int fd)
{
	bool room;

	pthread_mutex_lock(&lc->lock);
	room = lc->n_fds < FDS_MAX;
	if (room)
		lc->fds[lc->n_fds++] = fd;
	pthread_mutex_unlock(&lc->lock);
	return room ? 0 : -ENOSPC;
}

void lcore_fd_del(struct lcore *lc, int fd)
{
	pthread_mutex_lock(&lc->lock);
	for (unsigned int i = 0; i < lc->n_fds; i++)
		if (lc->fds[i] == fd)
			lc->fds[i--] = lc->fds[--lc->n_fds];
	pthread_mutex_unlock(&lc->lock);
}
