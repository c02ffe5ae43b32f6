/* SPDX-License-Identifier: BSD-3-Clause */
#include "guest_app.h"

#include "simguest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define POLL_BUDGET  64u
#define RING	     256
#define BUF	     2240u /* odd numbers of cache lines: buffers do not share sets */
#define TX_BUF	     32832u
#define RCV_WIN	     (1u << 20)
#define MAX_SOCKS    (1u << 17)
#define SMALL_RING   64
#define SMALL_SOCKS  256u
#define ACCEPT_AHEAD 4096u
#define BACKLOG	     1024u
#define SOURCES_MAX  16u
#define SOURCE_CHUNK 65536u
#define TIMEOUT_MS   20000u

enum service {
	ECHO,
	DISCARD,
	CHARGEN,
	SERVICES,
};

static const uint16_t ports[SERVICES] = { GUEST_ECHO, GUEST_DISCARD, GUEST_CHARGEN };

/* Those that serve datagrams. */
#define DGRAM_SERVICES (DISCARD + 1)

/* @sources: connections of chargen. @failed: a reply that did not fit, a lost session. */
struct guest_app {
	struct simguest *sg;
	struct sg_sock *listeners[SERVICES];
	struct sg_sock *dgrams[DGRAM_SERVICES];
	struct guest_counts counts;
	struct sg_sock *sources[SOURCES_MAX];
	unsigned int n_sources;
	bool failed, opened;
	char chunk[SOURCE_CHUNK];
};

static int service_of(const struct guest_app *a, const struct sg_sock *listener)
{
	int k = 0;

	while (k < SERVICES && a->listeners[k] != listener)
		k++;
	return k;
}

static void open_dgrams(struct guest_app *a)
{
	for (int k = 0; k < DGRAM_SERVICES; k++) {
		struct outsock_addr any = sg_addr("0.0.0.0", ports[k]);

		a->dgrams[k] = sg_socket(a->sg, 0, OUTSOCK_INET, OUTSOCK_DGRAM);
		if (!a->dgrams[k] || sg_bind(a->dgrams[k], &any))
			a->failed = true;
	}
}

static void on_session(struct simguest *sg)
{
	struct guest_app *a = simguest_ctx(sg);

	if (a->opened) { /* a second one: connections were lost */
		a->failed = true;
		return;
	}
	a->opened = true;
	open_dgrams(a);
	for (int k = 0; k < SERVICES; k++) {
		struct outsock_addr any = sg_addr("0.0.0.0", ports[k]);

		a->listeners[k] = sg_socket(sg, 0, OUTSOCK_INET, OUTSOCK_STREAM);
		/* Connections inherit it: a reply does not wait for the ACK of the one before. */
		if (!a->listeners[k] ||
		    sg_setopt(a->listeners[k], OUTSOCK_OPT_NODELAY, k == ECHO) ||
		    sg_bind(a->listeners[k], &any) || sg_listen(a->listeners[k], BACKLOG))
			a->failed = true;
	}
}

static void on_accepted(struct simguest *sg, struct sg_sock *listener, struct sg_sock *s)
{
	struct guest_app *a = simguest_ctx(sg);
	int service = service_of(a, listener);

	s->user = (void *)(intptr_t)service;
	a->counts.accepted++;
	if (service == CHARGEN && a->n_sources < SOURCES_MAX)
		a->sources[a->n_sources++] = s;
}

static void on_data(struct simguest *sg, struct sg_sock *s, const void *data, uint32_t len)
{
	struct guest_app *a = simguest_ctx(sg);

	a->counts.bytes += len;
	/* Requests in flight are few: window and ring have room for all their replies. */
	if ((intptr_t)s->user == ECHO && sg_send(s, data, len) != len)
		a->failed = true;
}

static void on_dgram(struct simguest *sg, struct sg_sock *s, const struct outsock_addr *from,
		     const void *data, uint32_t len)
{
	struct guest_app *a = simguest_ctx(sg);

	a->counts.dgrams++;
	if (s == a->dgrams[ECHO] && sg_sendto(s, from, data, len))
		a->counts.lost++;
}

static void source_forget(struct guest_app *a, const struct sg_sock *s)
{
	for (unsigned int i = 0; i < a->n_sources; i++)
		if (a->sources[i] == s)
			a->sources[i] = a->sources[--a->n_sources];
}

static void on_end(struct simguest *sg, struct sg_sock *s)
{
	source_forget(simguest_ctx(sg), s);
	if (!s->closing)
		sg_close(s, OUTSOCK_CLOSE_ABORT);
}

static void on_error(struct simguest *sg, struct sg_sock *s, int err, bool fatal)
{
	if (fatal)
		on_end(sg, s);
}

/* All bytes of a source are equal; replies are few enough for the quota. */
static void on_rewind(struct simguest *sg, struct sg_sock *s)
{
	struct guest_app *a = simguest_ctx(sg);

	if ((intptr_t)s->user != CHARGEN)
		a->failed = true;
}

static const struct sg_ops ops = {
	.rewind = on_rewind,
	.session = on_session,
	.accepted = on_accepted,
	.data = on_data,
	.dgram = on_dgram,
	.peer_closed = on_end,
	.error = on_error,
};

struct guest_app *guest_app_open(const char *socket_path, enum guest_size size)
{
	struct guest_app *a = calloc(1, sizeof(*a));
	struct simguest_cfg cfg;
	int err;

	if (!a)
		return NULL;
	memset(a->chunk, 'c', sizeof(a->chunk));
	simguest_cfg_defaults(&cfg);
	cfg.path = socket_path;
	cfg.pairs = 1;
	cfg.ring_size = size == GUEST_LARGE ? RING : SMALL_RING;
	cfg.rx_buf = BUF;
	cfg.tx_buf = size == GUEST_LARGE ? TX_BUF : BUF;
	cfg.max_socks = size == GUEST_LARGE ? MAX_SOCKS : SMALL_SOCKS;
	cfg.rcv_win = RCV_WIN;
	cfg.accept_ahead = ACCEPT_AHEAD;
	cfg.ops = &ops;
	cfg.ctx = a;
	cfg.timeout_ms = TIMEOUT_MS;
	if (getrandom(cfg.boot_id, sizeof(cfg.boot_id), 0) != sizeof(cfg.boot_id))
		fprintf(stderr, "guest: no random boot id\n");
	err = simguest_create(&cfg, &a->sg);
	if (err) {
		fprintf(stderr, "guest: %s: %s\n", socket_path, strerror(-err));
		free(a);
		return NULL;
	}
	return a;
}

void guest_app_close(struct guest_app *a)
{
	if (!a)
		return;
	simguest_destroy(a->sg);
	free(a);
}

int guest_app_poll(struct guest_app *a)
{
	unsigned int n = simguest_poll(a->sg, POLL_BUDGET);

	for (unsigned int i = 0; i < a->n_sources; i++)
		n += sg_send(a->sources[i], a->chunk, sizeof(a->chunk)) > 0;
	if (a->n_sources)
		simguest_flush(a->sg);
	return a->failed ? -1 : (int)n;
}

void guest_app_notify(struct guest_app *a)
{
	simguest_notify(a->sg);
}

int guest_app_sleep(struct guest_app *a, int timeout_ms)
{
	return simguest_sleep(a->sg, timeout_ms) < 0 ? -1 : 0;
}

bool guest_app_ready(const struct guest_app *a)
{
	for (int k = 0; k < SERVICES; k++)
		if (!a->listeners[k] || !(a->listeners[k]->replied & 1u << OUTSOCK_OP_LISTEN))
			return false;
	for (int k = 0; k < DGRAM_SERVICES; k++)
		if (!a->dgrams[k] || !(a->dgrams[k]->replied & 1u << OUTSOCK_OP_BIND))
			return false;
	return simguest_session(a->sg);
}

const struct guest_counts *guest_app_counts(const struct guest_app *a)
{
	return &a->counts;
}
