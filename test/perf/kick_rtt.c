/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How soon a sleeping lcore answers a guest's first kick, beside this machine's own eventfd: a
 * thread that sleeps on one as the lcore does (epoll_pwait2 with a time-out), is woken, and says so
 * in memory. One sample of each in turn, each after the same silence; who is first alternates.
 *
 *	kick_rtt SOCKET CPU LCORE-CPU PRIORITY SAMPLES
 *
 * The lcore is to be adaptive, and to have the CPU, class and priority of that thread. Prints one
 * JSON object: times of both, nanoseconds, and how many requests took a kick: a lcore that is awake
 * wants none.
 */
#include "bare.h"
#include "samples.h"
#include "simguest.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#define SILENCE_US 3000u /* after which an adaptive lcore sleeps */
#define SLEEP_MAX  1	 /* s, of the thread: it is woken long before */
#define ANSWER_NS  1000000000ull
#define ARGS	   5

struct sleeper {
	int fd, cpu, priority;
	atomic_uint woken;
};

struct kick {
	struct simguest *sg;
	struct sg_sock *s;
	unsigned int replies, kicked;
	struct sleeper sleeper;
	struct samples eventfd, kicks;
};

static int die(const char *what)
{
	fprintf(stderr, "kick_rtt: %s\n", what);
	return -1;
}

static int be_urgent(int cpu, int priority)
{
	struct sched_param p = { .sched_priority = priority };
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) || sched_setscheduler(0, SCHED_FIFO, &p))
		return die("CPU and priority");
	return 0;
}

static void *sleep_and_say(void *arg)
{
	const struct timespec most = { .tv_sec = SLEEP_MAX };
	struct sleeper *w = arg;
	struct epoll_event ev = { .events = EPOLLIN };
	uint64_t count;
	int n;
	int ep = epoll_create1(EPOLL_CLOEXEC);

	if (be_urgent(w->cpu, w->priority))
		exit(EXIT_FAILURE);
	if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, w->fd, &ev))
		exit(EXIT_FAILURE);
	while ((n = epoll_pwait2(ep, &ev, 1, &most, NULL)) >= 0) {
		if (!n)
			continue;
		atomic_fetch_add_explicit(&w->woken, 1, memory_order_release);
		if (read(w->fd, &count, sizeof(count)) != sizeof(count))
			break;
	}
	return NULL;
}

static int sample_eventfd(struct kick *k)
{
	unsigned int before = atomic_load_explicit(&k->sleeper.woken, memory_order_acquire);
	uint64_t begin = clock_ns(CLOCK_MONOTONIC), one = 1;

	if (write(k->sleeper.fd, &one, sizeof(one)) != sizeof(one))
		return die("write");
	while (atomic_load_explicit(&k->sleeper.woken, memory_order_acquire) == before)
		if (clock_ns(CLOCK_MONOTONIC) - begin > ANSWER_NS)
			return die("the sleeping thread does not wake");
	samples_add(&k->eventfd, clock_ns(CLOCK_MONOTONIC) - begin);
	return 0;
}

static void on_reply(struct simguest *sg, struct sg_sock *s, const struct outsock_hdr *h,
		     const void *body)
{
	struct kick *k = simguest_ctx(sg);

	/* Not those of the handshake and of the socket: one more would be ahead for ever. */
	if (h->op == OUTSOCK_OP_GETOPT)
		k->replies++;
}

/* A request that the lcore answers by itself: nothing but the two messages is in it. */
static int await_reply(struct kick *k, unsigned int before, uint64_t begin)
{
	while (k->replies == before) {
		simguest_poll(k->sg, 0);
		if (clock_ns(CLOCK_MONOTONIC) - begin > ANSWER_NS)
			return die("the daemon does not answer");
	}
	return 0;
}

static int sample_kick(struct kick *k)
{
	uint64_t begin = clock_ns(CLOCK_MONOTONIC), kicks = simguest_kicks(k->sg);
	unsigned int before = k->replies;

	if (sg_getopt(k->s, OUTSOCK_OPT_NODELAY))
		return die("no room in the ring");
	simguest_flush(k->sg);
	k->kicked += simguest_kicks(k->sg) > kicks;
	if (await_reply(k, before, begin))
		return -1;
	samples_add(&k->kicks, clock_ns(CLOCK_MONOTONIC) - begin);
	return 0;
}

static bool is_there(void *arg)
{
	return simguest_session(((struct kick *)arg)->sg);
}

static bool has_socket(void *arg)
{
	return ((struct kick *)arg)->s->replied & 1u << OUTSOCK_OP_SOCKET;
}

static int attach(struct kick *k, const char *path)
{
	static const struct sg_ops ops = { .reply = on_reply };
	struct simguest_cfg cfg;

	simguest_cfg_defaults(&cfg);
	cfg.path = path;
	cfg.ops = &ops;
	cfg.ctx = k;
	if (getrandom(cfg.boot_id, sizeof(cfg.boot_id), 0) != sizeof(cfg.boot_id))
		return die("no random boot id");
	if (simguest_create(&cfg, &k->sg) || simguest_until(k->sg, is_there, k))
		return die("no session");
	k->s = sg_socket(k->sg, 0, OUTSOCK_INET, OUTSOCK_STREAM);
	if (!k->s)
		return die("no socket");
	simguest_flush(k->sg);
	return simguest_until(k->sg, has_socket, k) ? die("no reply for the socket") : 0;
}

static int sample_both(struct kick *k, bool kick_first)
{
	usleep(SILENCE_US);
	if (kick_first ? sample_kick(k) : sample_eventfd(k))
		return -1;
	usleep(SILENCE_US);
	return kick_first ? sample_eventfd(k) : sample_kick(k);
}

static int run(struct kick *k, uint32_t samples)
{
	if (samples_init(&k->eventfd, samples) || samples_init(&k->kicks, samples))
		return die("out of memory");
	for (uint32_t n = 0; n < samples; n++)
		if (sample_both(k, n % 2))
			return -1;
	printf("{\"kicked\": %u, ", k->kicked);
	samples_print("eventfd_ns", &k->eventfd);
	printf(", ");
	samples_print("kick_ns", &k->kicks);
	printf("}\n");
	return 0;
}

int main(int argc, char **argv)
{
	static struct kick k;
	pthread_t thread;

	if (argc != ARGS + 1) {
		fprintf(stderr, "usage: kick_rtt SOCKET CPU LCORE-CPU PRIORITY SAMPLES\n");
		return EXIT_FAILURE;
	}
	k.sleeper = (struct sleeper){ .fd = eventfd(0, EFD_CLOEXEC),
				      .cpu = atoi(argv[3]),
				      .priority = atoi(argv[4]) };
	if (attach(&k, argv[1]) || pthread_create(&thread, NULL, sleep_and_say, &k.sleeper) ||
	    be_urgent(atoi(argv[2]), atoi(argv[4])) || run(&k, (uint32_t)atoi(argv[5])))
		return EXIT_FAILURE;
	simguest_destroy(k.sg);
	return EXIT_SUCCESS;
}
