/* SPDX-License-Identifier: BSD-3-Clause */
#include "inproc.h"

#include <pthread.h>
#include <rte_byteorder.h>
#include <rte_ip.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DEADLINE_S 20

static void out(void *ctx, struct rte_mbuf *m)
{
	struct inproc *ip = ctx;

	ip->frames_out++;
	rte_pktmbuf_free(m);
}

static void die(const char *what, int rc)
{
	fprintf(stderr, "inproc: %s: %s\n", what, strerror(-rc));
	exit(1);
}

void inproc_init(struct inproc *ip)
{
	struct host_cfg cfg;

	memset(ip, 0, sizeof(*ip));
	strcpy(ip->dir, "/tmp/outsock-test-XXXXXX");
	if (!mkdtemp(ip->dir))
		die(ip->dir, -errno);
	host_cfg_defaults(&cfg);
	cfg.addr = RTE_IPV4(10, 77, 0, 2);
	cfg.out = out;
	cfg.ctx = ip;
	host_init(&ip->host, &cfg);
	ip->lc = fake_lcore_create(ip->host.stack, cfg.stack.now);
}

void inproc_detach(struct inproc *ip, unsigned int k)
{
	simguest_destroy(ip->guests[k].sg);
	ip->guests[k].sg = NULL;
}

struct destroy {
	struct guest *g;
	bool done;
};

static void *destroy_thread(void *arg)
{
	struct destroy *d = arg;

	guest_destroy(d->g);
	__atomic_store_n(&d->done, true, __ATOMIC_RELEASE);
	return NULL;
}

/* By a thread that is not the lcore, for which the library may be waiting. */
static void destroy(struct inproc *ip, unsigned int k)
{
	struct destroy d = { .g = ip->guests[k].g };
	pthread_t thread;

	if (pthread_create(&thread, NULL, destroy_thread, &d))
		die("pthread_create", -errno);
	while (!__atomic_load_n(&d.done, __ATOMIC_ACQUIRE))
		fake_lcore_turn(ip->lc);
	pthread_join(thread, NULL);
}

unsigned int inproc_fini(struct inproc *ip)
{
	unsigned int missing;

	for (unsigned int k = 0; k < ip->n; k++)
		inproc_detach(ip, k);
	for (unsigned int k = 0; k < ip->n; k++)
		destroy(ip, k);
	fake_lcore_turn(ip->lc);
	missing = host_fini(&ip->host);
	fake_lcore_destroy(ip->lc);
	for (unsigned int k = 0; k < ip->n; k++)
		unlink(ip->guests[k].path);
	rmdir(ip->dir);
	return missing;
}

void inproc_guest_defaults(struct guest_cfg *cfg)
{
	*cfg = (struct guest_cfg){
		.max_sockets = 256,
		.max_pkts = 2048,
		.max_msgs = 64,
		.grace_ms = 10000,
	};
}

int inproc_guest(struct inproc *ip, const struct guest_cfg *cfg)
{
	struct inproc_guest *ig = &ip->guests[ip->n];
	struct guest_cfg c = *cfg;
	char name[16];
	int rc;

	snprintf(name, sizeof(name), "guest%u", ip->n);
	snprintf(ig->path, sizeof(ig->path), "%s/%s.sock", ip->dir, name);
	c.name = name;
	c.socket_path = ig->path;
	c.n_addrs = 1;
	c.addrs[0].addr = ip_addr_v4(rte_cpu_to_be_32(RTE_IPV4(10, 77, 0, 11 + ip->n)));
	c.addrs[0].prefix_len = 24;
	c.lcore = ip->lc;
	c.link = ip->host.link;
	rc = guest_create(&c, &ig->g);
	if (!rc)
		ip->n++;
	return rc;
}

static void idle(void *ctx)
{
	struct inproc *ip = ctx;

	fake_lcore_turn(ip->lc);
}

int inproc_attach(struct inproc *ip, unsigned int k, const struct simguest_cfg *cfg)
{
	struct simguest_cfg c = *cfg;

	c.path = ip->guests[k].path;
	c.idle = idle;
	c.idle_ctx = ip;
	return simguest_create(&c, &ip->guests[k].sg);
}

static bool has_session(struct inproc *ip, void *arg)
{
	return simguest_session(arg);
}

bool inproc_session(struct inproc *ip, unsigned int k)
{
	return inproc_until(ip, has_session, ip->guests[k].sg);
}

static bool is_lost(struct inproc *ip, void *arg)
{
	const unsigned int *k = arg;

	return !inproc_stats(ip, *k).connected;
}

bool inproc_lost(struct inproc *ip, unsigned int k)
{
	return inproc_until(ip, is_lost, &k);
}

struct outsock_addr inproc_addr(unsigned int k, uint16_t port)
{
	struct outsock_addr a = sg_addr("10.77.0.11", port);

	a.addr[3] += k;
	return a;
}

void inproc_turn(struct inproc *ip)
{
	fake_lcore_turn(ip->lc);
	for (unsigned int k = 0; k < ip->n; k++)
		if (ip->guests[k].sg)
			simguest_poll(ip->guests[k].sg, 0);
}

void inproc_turns(struct inproc *ip, unsigned int n)
{
	while (n--)
		inproc_turn(ip);
}

bool inproc_until(struct inproc *ip, bool (*done)(struct inproc *ip, void *arg), void *arg)
{
	time_t end = time(NULL) + DEADLINE_S;

	while (!done(ip, arg)) {
		inproc_turn(ip);
		if (time(NULL) > end)
			return false;
	}
	return true;
}

struct guest_stats inproc_stats(struct inproc *ip, unsigned int k)
{
	struct guest_stats s;

	guest_snapshot(ip->guests[k].g);
	guest_stats_get(ip->guests[k].g, &s);
	return s;
}
