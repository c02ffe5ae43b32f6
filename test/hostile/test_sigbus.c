/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A guest truncates the file behind its memory: touching it is SIGBUS for the daemon, which
 * ends that session only. Without cmocka, which takes SIGBUS for itself.
 */
#include "inproc.h"

#include "vring/vring.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVIL 0
#define GOOD 1

#define CHECK(cond) \
	do { \
		if (!(cond)) { \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond); \
			exit(1); \
		} \
	} while (0)

static void attach(struct inproc *ip, unsigned int k)
{
	struct simguest_cfg sc;

	simguest_cfg_defaults(&sc);
	CHECK(inproc_attach(ip, k, &sc) == 0);
	CHECK(inproc_session(ip, k));
}

static bool replied(struct inproc *ip, void *arg)
{
	const struct sg_sock *s = arg;

	return s->replied & 1u << OUTSOCK_OP_SOCKET;
}

/* A request and its reply. */
static void works(struct inproc *ip, unsigned int k)
{
	struct sg_sock *s = sg_socket(ip->guests[k].sg, 0, OUTSOCK_INET, OUTSOCK_DGRAM);

	CHECK(s);
	CHECK(inproc_until(ip, replied, s));
	CHECK(s->status == 0);
}

static bool memory_lost(struct inproc *ip, void *arg)
{
	struct guest_stats s = inproc_stats(ip, EVIL);

	return s.errors[GUEST_ERR_MEMORY] == 1 && s.n_socks == 0;
}

int main(void)
{
	struct inproc ip;
	struct guest_cfg gc;
	struct guest_stats s;
	struct simguest *evil;
	const char *told;

	inproc_init(&ip);
	inproc_guest_defaults(&gc);
	CHECK(inproc_guest(&ip, &gc) == 0);
	CHECK(inproc_guest(&ip, &gc) == 0);
	attach(&ip, EVIL);
	attach(&ip, GOOD);
	works(&ip, EVIL);
	works(&ip, GOOD);
	evil = ip.guests[EVIL].sg;
	CHECK(simguest_truncate(evil) == 0);
	/* Our own view of it is gone as well: nobody polls that guest any more. */
	ip.guests[EVIL].sg = NULL;
	CHECK(inproc_until(&ip, memory_lost, NULL));
	s = inproc_stats(&ip, EVIL);
	CHECK(s.session_errors == 1 && !s.session);
	told = guest_take_error(ip.guests[EVIL].g);
	CHECK(told && !strcmp(told, guest_err_text(GUEST_ERR_MEMORY)));
	works(&ip, GOOD);
	inproc_turns(&ip, 1000);
	CHECK(inproc_stats(&ip, EVIL).session_errors == 1);
	/* Another process may take its place. */
	simguest_destroy(evil);
	CHECK(inproc_lost(&ip, EVIL));
	attach(&ip, EVIL);
	works(&ip, EVIL);
	works(&ip, GOOD);
	CHECK(inproc_fini(&ip) == 0);
	printf("1 passed, 0 failed\n");
	return 0;
}
