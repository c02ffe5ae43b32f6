/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A simulated guest by itself: the servers of guest_app.c behind a vhost-user socket, in a process
 * that sleeps on its call descriptor when there is nothing to do, as a guest's vCPU halts.
 *
 *	guest_server SOCKET
 *
 * Says "ready", serves until SIGTERM, then says what it has served.
 */
#include "guest_app.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define SLEEP_MS 1000

static volatile sig_atomic_t ended;

static void on_term(int sig)
{
	ended = 1;
}

static int serve(struct guest_app *a)
{
	bool ready = false;

	while (!ended) {
		int n = guest_app_poll(a);

		if (n < 0)
			return -1;
		if (!ready && guest_app_ready(a)) {
			ready = true;
			puts("ready");
			fflush(stdout);
		}
		/* Interrupted by SIGTERM: the loop sees it. */
		if (!n)
			guest_app_sleep(a, SLEEP_MS);
	}
	return 0;
}

int main(int argc, char **argv)
{
	const struct sigaction sa = { .sa_handler = on_term };
	const struct guest_counts *n;
	struct guest_app *a;
	int err;

	if (argc != 2) {
		fprintf(stderr, "usage: guest_server SOCKET\n");
		return EXIT_FAILURE;
	}
	sigaction(SIGTERM, &sa, NULL);
	a = guest_app_open(argv[1]);
	if (!a)
		return EXIT_FAILURE;
	if (mlockall(MCL_CURRENT))
		perror("guest_server: mlockall");
	err = serve(a);
	n = guest_app_counts(a);
	printf("{\"accepted\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"dgrams\": %" PRIu64
	       ", \"lost\": %" PRIu64 "}\n",
	       n->accepted, n->bytes, n->dgrams, n->lost);
	guest_app_close(a);
	if (err)
		fprintf(stderr, "guest_server: the session is lost\n");
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}
