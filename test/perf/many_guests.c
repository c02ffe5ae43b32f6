/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Many simulated real-time guests and their one client, in a thread: so the answer of the daemon
 * between them is measured by one clock, and nothing else has to be woken. Requests at fixed times
 * go to the guests in turn; between them the thread sleeps, while one is out it polls.
 *
 *	many_guests EAL-OPTIONS -- CLIENT FIRST N PREFIX PRIORITY LCORES
 *
 * Guest k of N has the address FIRST + k and the vhost-user socket PREFIXk.sock. The daemon has so
 * many LCORES, each of which sends into a queue of its own. Says when
 * all are connected. Each line of stdin is a measurement, a line of JSON its answer:
 *
 *	tcp|udp BYTES RATE SECONDS BARE-MS NOTIFIED
 *
 * RATE is that of all guests together. BARE-MS of each second the thread sends nothing and looks at
 * the clock instead (bare.h). NOTIFIED 1: the guests ask for a notification of each message.
 */
#include "bare.h"
#include "client.h"
#include "guest_app.h"
#include "samples.h"

#include "wire/byteorder.h"

#include <rte_eal.h>

#include <arpa/inet.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CREDIT	    65536u
#define BYTES_MAX   1400u
#define WINDOW	    4096u /* requests that are out */
#define PACKETS	    16384u
#define CONNECT_NS  (30 * NSEC_PER_SEC)
#define LAST_NS	    NSEC_PER_SEC
#define HOUSEKEEP   64u /* turns after the last reply: acknowledgements, credit */
#define N_MAX	    200u
#define BARE_MS_MAX 500u
#define LINE	    128
#define ARGS	    6

/* @answered: replies on the stream, in this measurement; @got: bytes of the next. */
struct target {
	struct guest_app *guest;
	struct sock *stream, *dgram;
	uint32_t answered, got;
	bool open;
};

struct job {
	bool stream;
	uint32_t bytes, rate, seconds, bare_ms, notified;
};

/* Request k goes to target k % n. @first: no older one is out. */
struct many {
	struct client c;
	struct target *targets;
	uint32_t n, n_open;
	struct job job;
	uint32_t sent, skipped, answered, first;
	uint64_t sent_at[WINDOW]; /* 0: answered */
	struct samples latencies, bare;
	bool failed;
};

static int die(const char *what)
{
	fprintf(stderr, "many_guests: %s\n", what);
	return -1;
}

/* ---- requests ---- */

static bool send_stream(struct many *m, struct target *t, uint32_t number)
{
	uint32_t left = m->job.bytes, room;
	int err;

	while (left) {
		void *space = sock_tx_space(t->stream, &room, &err);

		if (!space)
			break;
		room = RTE_MIN(room, left);
		memset(space, 'r', room);
		sock_tx_commit(t->stream, room);
		left -= room;
	}
	sock_tx_end(t->stream, true, false);
	if (left && left < m->job.bytes)
		m->failed = true; /* half a request: not with so few in flight */
	return !left;
}

/* Carries its number. */
static bool send_dgram(struct many *m, struct target *t, uint32_t number)
{
	struct rte_mbuf *p = pkt_alloc(stack_env(m->c.stack));
	char *data;

	if (!p)
		return false;
	data = rte_pktmbuf_append(p, (uint16_t)m->job.bytes);
	memset(data, 'r', m->job.bytes);
	memcpy(data, &number, sizeof(number));
	return !sock_tx_dgram(t->dgram, p, NULL);
}

static void send_request(struct many *m)
{
	struct target *t = &m->targets[m->sent % m->n];
	uint64_t *at = &m->sent_at[m->sent % WINDOW];
	bool done;

	if (m->sent - m->first >= WINDOW) {
		m->skipped++;
		return;
	}
	if (m->job.notified)
		guest_app_notify(t->guest);
	*at = client_now(&m->c);
	done = m->job.stream ? send_stream(m, t, m->sent) : send_dgram(m, t, m->sent);
	if (done)
		m->sent++;
	else
		m->skipped++;
}

/* ---- replies ---- */

static void answered(struct many *m, uint32_t number)
{
	uint64_t *at = &m->sent_at[number % WINDOW];

	if (number >= m->sent || number < m->first || !*at)
		return;
	samples_add(&m->latencies, client_now(&m->c) - *at);
	*at = 0;
	m->answered++;
	while (m->first < m->sent && !m->sent_at[m->first % WINDOW])
		m->first++;
}

static void take_stream(struct many *m, struct target *t)
{
	struct sock *s = t->stream;
	uint32_t n = 0;

	for (struct rte_mbuf *p = s->rxq.head; p; p = pkt_meta(p)->next)
		n += pkt_meta(p)->payload;
	sock_rx_taken(s, n);
	sock_credit(s, s->rx_off + CREDIT);
	for (t->got += n; t->got >= m->job.bytes; t->got -= m->job.bytes)
		answered(m, t->answered++ * m->n + (uint32_t)(t - m->targets));
}

static void take_dgrams(struct many *m, struct sock *s)
{
	uint32_t number;

	while (s->rxq.head) {
		if (s->rxq.head->data_len >= sizeof(number)) {
			memcpy(&number, rte_pktmbuf_mtod(s->rxq.head, const void *),
			       sizeof(number));
			answered(m, number);
		}
		sock_rx_taken_dgram(s);
	}
	sock_credit(s, s->rx_off + CREDIT);
}

static void on_ready(void *ctx, struct sock *s)
{
	struct many *m = ctx;
	struct target *t = s->cookie;
	uint16_t ev = s->events;

	if (ev & (SOCK_EV_GONE | SOCK_EV_PEER_CLOSED | SOCK_EV_ERROR))
		m->failed = true;
	if (ev & ~SOCK_EV_DATA)
		sock_event_taken(s, ev & (uint16_t)~SOCK_EV_DATA);
	if (ev & SOCK_EV_CONNECTED) {
		t->open = true;
		m->n_open++;
	}
	if (ev & SOCK_EV_DATA) {
		if (s == t->dgram)
			take_dgrams(m, s);
		else
			take_stream(m, t);
	}
}

static void on_turn(void *ctx)
{
}

static const struct client_app app = { .ready = on_ready, .turn = on_turn };

/* ---- turns ---- */

/* The client, and the guests that have a request; @all: every guest. */
static void turn(struct many *m, bool all)
{
	uint32_t from = all ? 0 : m->first, to = all ? m->n : RTE_MIN(m->sent, m->first + m->n);

	client_turn(&m->c);
	for (uint32_t k = from; k < to; k++)
		if (guest_app_poll(m->targets[k % m->n].guest) < 0)
			m->failed = true;
	client_turn(&m->c);
}

static int serve(struct many *m, uint64_t until)
{
	while (!m->failed && client_now(&m->c) < until) {
		if (m->first < m->sent) {
			turn(m, false);
			continue;
		}
		for (unsigned int k = 0; k < HOUSEKEEP && client_now(&m->c) < until; k++)
			client_turn(&m->c);
		client_sleep(&m->c, until);
		client_turn(&m->c);
	}
	return m->failed ? die("a session or a connection is lost") : 0;
}

/* ---- a measurement ---- */

static int ask(struct many *m, uint32_t n, uint64_t period)
{
	uint64_t due = client_now(&m->c);

	while (n--) {
		send_request(m);
		due += period;
		if (serve(m, due))
			return -1;
	}
	return 0;
}

/* What is not answered by now is lost; a stream would mistake its reply for another one's. */
static int last_replies(struct many *m)
{
	uint64_t end = client_now(&m->c) + LAST_NS;

	while (m->first < m->sent && client_now(&m->c) < end && !m->failed)
		turn(m, false);
	for (unsigned int k = 0; k < HOUSEKEEP; k++)
		turn(m, true);
	return m->job.stream && m->answered < m->sent ? die("a stream does not answer") : 0;
}

static int measure(struct many *m)
{
	uint64_t bare = m->job.bare_ms * NSEC_PER_MSEC, period = NSEC_PER_SEC / m->job.rate;
	uint32_t each = (uint32_t)((NSEC_PER_SEC - bare) / period);

	for (uint32_t k = 0; k < m->job.seconds; k++) {
		if (ask(m, each, period))
			return -1;
		m->bare.n += bare_run(bare, m->bare.ns + m->bare.n, m->bare.max - m->bare.n);
	}
	return last_replies(m);
}

static int job_begin(struct many *m, const char *line)
{
	struct job *j = &m->job;
	char kind[4];

	if (sscanf(line, "%3s %u %u %u %u %u", kind, &j->bytes, &j->rate, &j->seconds, &j->bare_ms,
		   &j->notified) != 6 ||
	    j->bytes < sizeof(uint32_t) || j->bytes > BYTES_MAX || !j->rate ||
	    j->bare_ms > BARE_MS_MAX)
		return die("a line of stdin is tcp|udp BYTES RATE SECONDS BARE-MS NOTIFIED");
	j->stream = !strcmp(kind, "tcp");
	m->sent = m->skipped = m->answered = m->first = 0;
	for (uint32_t k = 0; k < m->n; k++)
		m->targets[k].answered = m->targets[k].got = 0;
	if (samples_init(&m->latencies, j->rate * j->seconds + 1) ||
	    samples_init(&m->bare,
			 (uint32_t)(j->seconds * (j->bare_ms * NSEC_PER_MSEC / BARE_GRID_NS + 1))))
		return die("out of memory");
	return 0;
}

static int job(struct many *m, const char *line)
{
	uint64_t cpu = client_cpu_ns();

	if (job_begin(m, line) || measure(m))
		return -1;
	printf("{\"asked\": %u, \"sent\": %u, \"answered\": %u, \"cpu_ns\": %lu, ",
	       m->sent + m->skipped, m->sent, m->answered, client_cpu_ns() - cpu);
	samples_print("latencies_ns", &m->latencies);
	printf(", ");
	samples_print("bare_ns", &m->bare);
	printf("}\n");
	fflush(stdout);
	free(m->latencies.ns);
	free(m->bare.ns);
	return 0;
}

/* ---- start ---- */

static int open_guests(struct many *m, const char *prefix)
{
	uint64_t end = client_now(&m->c) + CONNECT_NS;
	char path[108];

	for (uint32_t k = 0; k < m->n; k++) {
		snprintf(path, sizeof(path), "%s%u.sock", prefix, k);
		m->targets[k].guest = guest_app_open(path, GUEST_SMALL);
		if (!m->targets[k].guest)
			return -1;
	}
	for (uint32_t k = 0; k < m->n; k++)
		while (!guest_app_ready(m->targets[k].guest))
			if (guest_app_poll(m->targets[k].guest) < 0 || client_now(&m->c) > end)
				return die("a guest gets no session");
	return 0;
}

static int connect_all(struct many *m, uint32_t first)
{
	uint64_t end = client_now(&m->c) + CONNECT_NS;

	for (uint32_t k = 0; k < m->n; k++) {
		struct target *t = &m->targets[k];

		m->c.cfg.server = be32(be32(first) + k);
		t->stream = client_connect_to(&m->c, be16(GUEST_ECHO), CREDIT);
		t->dgram = client_dgram_to(&m->c, be16(GUEST_ECHO), CREDIT);
		if (!t->stream || !t->dgram)
			return -1;
		t->stream->cookie = t->dgram->cookie = t;
		while (!t->open) {
			turn(m, true);
			if (m->failed || client_now(&m->c) > end)
				return die("no connection to a guest");
		}
	}
	return 0;
}

static int be_urgent(int priority)
{
	struct sched_param p = { .sched_priority = priority };

	return priority && sched_setscheduler(0, SCHED_FIFO, &p) ? die("no SCHED_FIFO") : 0;
}

static int run(struct many *m, uint32_t first, const char *prefix, int priority)
{
	char line[LINE];

	m->targets = calloc(m->n, sizeof(*m->targets));
	if (!m->targets)
		return die("out of memory");
	if (open_guests(m, prefix) || connect_all(m, first) || be_urgent(priority))
		return -1;
	printf("{\"ready\": %u}\n", m->n);
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin))
		if (job(m, line))
			return -1;
	return 0;
}

static int parse(int argc, char **argv, struct many *m, struct client_cfg *cfg, uint32_t *ret_first)
{
	if (argc != ARGS + 1 || inet_pton(AF_INET, argv[1], &cfg->addr) != 1 ||
	    inet_pton(AF_INET, argv[2], ret_first) != 1)
		return die("see the head of many_guests.c for its arguments");
	m->n = (uint32_t)strtoul(argv[3], NULL, 10);
	cfg->server = *ret_first;
	cfg->conns_max = 2 * m->n + 16;
	cfg->rx_queues = (uint16_t)strtoul(argv[6], NULL, 10);
	return m->n && m->n <= N_MAX ? 0 : die("so many guests are too many");
}

int main(int argc, char **argv)
{
	static struct many m;
	struct client_cfg cfg = { .n_addrs = 1, .packets = PACKETS, .mtu = 1500 };
	int used = rte_eal_init(argc, argv), status = EXIT_FAILURE;
	uint32_t first;

	if (used < 0 || parse(argc - used, argv + used, &m, &cfg, &first))
		return EXIT_FAILURE;
	argv += used;
	if (!client_create(&m.c, &cfg)) {
		m.c.app = &app;
		m.c.app_ctx = &m;
		status = run(&m, first, argv[4], atoi(argv[5])) ? EXIT_FAILURE : EXIT_SUCCESS;
	}
	client_destroy(&m.c);
	for (uint32_t k = 0; m.targets && k < m.n; k++)
		guest_app_close(m.targets[k].guest);
	rte_eal_cleanup();
	return status;
}
