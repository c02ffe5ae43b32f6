/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A hostile guest of a real daemon.
 *
 *	evil --list			CASE, REASON and TEXT of each case, by tabs
 *	evil SOCKET ADDRESS CASE	does that; ADDRESS: of the honest guest
 *
 * Says "done" when it has done it, and stays until its input ends: what becomes of it is seen in
 * the daemon.
 */
#include "evil.h"

#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PORT	   7
#define TIMEOUT_MS 60000

static const struct evil_case *const groups[] = { evil_messages, evil_rings, evil_vhost };

void evil_die(const char *what)
{
	fprintf(stderr, "evil: %s: %s\n", what, strerror(errno));
	exit(1);
}

uint32_t evil_random(void)
{
	static uint64_t x = 1;

	x = x * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(x >> 33);
}

static bool session(void *arg)
{
	struct evil *e = arg;

	return simguest_session(e->sg);
}

static bool connected(void *arg)
{
	struct evil *e = arg;

	return e->conn->connected;
}

static void attach(struct evil *e, const char *path, const char *honest)
{
	struct outsock_addr any = sg_addr("0.0.0.0", PORT), to = sg_addr(honest, PORT);
	struct simguest_cfg cfg;

	simguest_cfg_defaults(&cfg);
	cfg.path = path;
	cfg.pairs = 2;
	cfg.timeout_ms = TIMEOUT_MS;
	cfg.boot_id[0] = (uint8_t)getpid();
	cfg.boot_id[1] = (uint8_t)(getpid() >> 8);
	if (simguest_create(&cfg, &e->sg) || simguest_until(e->sg, session, e))
		evil_die("no session");
	e->listener = sg_socket(e->sg, 0, OUTSOCK_INET, OUTSOCK_STREAM);
	e->conn = sg_socket(e->sg, 0, OUTSOCK_INET, OUTSOCK_STREAM);
	e->dgram = sg_socket(e->sg, 0, OUTSOCK_INET, OUTSOCK_DGRAM);
	e->fresh = sg_socket(e->sg, 0, OUTSOCK_INET, OUTSOCK_STREAM);
	if (!e->fresh || sg_bind(e->listener, &any) || sg_listen(e->listener, 4) ||
	    sg_connect(e->conn, &to) || simguest_until(e->sg, connected, e))
		evil_die("no sockets");
}

static const struct evil_case *find(const char *name)
{
	for (unsigned int i = 0; i < 3; i++)
		for (const struct evil_case *c = groups[i]; c->name; c++)
			if (!strcmp(c->name, name))
				return c;
	evil_die(name);
}

static void list(void)
{
	for (unsigned int i = 0; i < 3; i++)
		for (const struct evil_case *c = groups[i]; c->name; c++)
			printf("%s\t%s\t%s\n", c->name, c->reason ? c->reason : "-",
			       c->text		   ? *c->text
				       : c->reason ? c->reason
						   : "-");
}

static void run(const struct evil_case *c, const char *path, const char *honest)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	struct evil e = { 0 };

	if (c->act_raw) {
		c->act_raw(path);
	} else {
		attach(&e, path, honest);
		c->act(&e);
	}
	puts("done");
	/* It goes on living, as far as it is let. */
	while (poll(&in, 1, e.sg ? 0 : -1) <= 0)
		if (!simguest_poll(e.sg, 0))
			sched_yield();
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 2 && !strcmp(argv[1], "--list")) {
		list();
		return 0;
	}
	if (argc != 4) {
		fputs("usage: evil --list | evil SOCKET ADDRESS CASE\n", stderr);
		return 2;
	}
	run(find(argv[3]), argv[1], argv[2]);
	/* No clean end: the connection is just gone. */
	return 0;
}
