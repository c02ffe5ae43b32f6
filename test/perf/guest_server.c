/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Simulated guests by themselves: the servers of guest_app.c behind vhost-user sockets. Each guest
 * is a thread that sleeps on its call descriptor when there is nothing to do, as a vCPU halts.
 *
 *	guest_server SIZE SOCKET...
 *
 * SIZE: large, or small (little memory, for requests only). Says "ready" when all are, serves until
 * SIGTERM, then says what has been served.
 */
#include "guest_app.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define SLEEP_MS   1000
#define GUESTS_MAX 128
#define STACK	   (256u << 10) /* of a thread: all of it is locked */

/* @err: its session was lost. */
struct server {
	struct guest_app *app;
	pthread_t thread;
	bool ready, err;
};

static struct server servers[GUESTS_MAX];
static unsigned int n_servers;
static atomic_uint n_ready;
static volatile sig_atomic_t ended;

static void on_term(int sig)
{
	ended = 1;
}

static void on_ready(struct server *v)
{
	v->ready = true;
	if (atomic_fetch_add(&n_ready, 1) + 1 == n_servers) {
		puts("ready");
		fflush(stdout);
	}
}

static void *serve(void *arg)
{
	struct server *v = arg;

	while (!ended) {
		int n = guest_app_poll(v->app);

		if (n < 0) {
			v->err = true;
			fprintf(stderr, "guest_server: a session is lost\n");
			break;
		}
		if (!v->ready && guest_app_ready(v->app))
			on_ready(v);
		/* Interrupted by SIGTERM, or by the time: the loop sees it. */
		if (!n)
			guest_app_sleep(v->app, SLEEP_MS);
	}
	return NULL;
}

static int open_all(char **paths, enum guest_size size)
{
	for (unsigned int i = 0; i < n_servers; i++) {
		servers[i].app = guest_app_open(paths[i], size);
		if (!servers[i].app)
			return -1;
	}
	return 0;
}

/* The first one is this thread. */
static int start_all(void)
{
	pthread_attr_t attr;
	int err = pthread_attr_init(&attr);

	if (!err)
		err = pthread_attr_setstacksize(&attr, STACK);
	for (unsigned int i = 1; i < n_servers && !err; i++)
		err = pthread_create(&servers[i].thread, &attr, serve, &servers[i]);
	if (mlockall(MCL_CURRENT))
		perror("guest_server: mlockall");
	return err ? -1 : 0;
}

/* Serves until the end; what all have done. */
static int run(struct guest_counts *sum)
{
	int err = 0;

	serve(&servers[0]);
	for (unsigned int i = 0; i < n_servers; i++) {
		const struct guest_counts *n;

		if (i)
			pthread_join(servers[i].thread, NULL);
		n = guest_app_counts(servers[i].app);
		sum->accepted += n->accepted;
		sum->bytes += n->bytes;
		sum->dgrams += n->dgrams;
		sum->lost += n->lost;
		err |= servers[i].err ? -1 : 0;
	}
	return err;
}

int main(int argc, char **argv)
{
	const struct sigaction sa = { .sa_handler = on_term };
	struct guest_counts n = { 0 };
	int err;

	if (argc < 3 || argc > GUESTS_MAX + 2) {
		fprintf(stderr, "usage: guest_server large|small SOCKET... (%u at most)\n",
			GUESTS_MAX);
		return EXIT_FAILURE;
	}
	n_servers = (unsigned int)argc - 2;
	sigaction(SIGTERM, &sa, NULL);
	if (open_all(argv + 2, strcmp(argv[1], "small") ? GUEST_LARGE : GUEST_SMALL) || start_all())
		return EXIT_FAILURE;
	err = run(&n);
	printf("{\"accepted\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"dgrams\": %" PRIu64
	       ", \"lost\": %" PRIu64 "}\n",
	       n.accepted, n.bytes, n.dgrams, n.lost);
	for (unsigned int i = 0; i < n_servers; i++)
		guest_app_close(servers[i].app);
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}
