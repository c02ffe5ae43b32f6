/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The bound of a turn. A real lcore without its thread, on a virtual clock: a device and guests
 * that are functions of this test, and always have more. Each turn's work is counted.
 */
#include "abi/abi_cmd.h"
#include "eal.h"
#include "frame.h"
#include "guest/guest_mem.h"
#include "lcore/lcore_priv.h"
#include "port/port_priv.h"
#include "sock/sock_bin.h"
#include "wire/byteorder.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_byteorder.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define GUESTS	 128
#define OWN	 0x0a4d000bu /* 10.77.0.11 */
#define PEER	 0x0a4d0001u
#define FOREIGN	 0x0a4d0063u /* a guest of the other lcore */
#define QUEUE	 1024	     /* frames of the device's ring */
#define SYNS	 600
#define UDP_PORT 7
#define TCP_PORT 80
#define MSG	 1000

static const uint8_t peer_mac[6] = { 2, 0, 0, 0, 0, 9 }, own_mac[6] = { 2, 0, 0, 0, 0, 1 };

/* ---- guests ---- */

struct guest {
	struct guest_cfg cfg;
	struct guest_seat seat;
	int64_t tx_msgs, rx_msgs; /* that it has to do */
	int64_t tx_done, rx_done, notified;
	bool upkeep;
	uint16_t avail, idx; /* of its ring: unequal while it has anything to do */
	struct list woken;   /* on its lcore's list, where the test puts it */
};

uint32_t guest_mem_faults;

/* What the turn made the guests' functions do. */
static struct {
	unsigned int tx, rx, tx_bytes, rx_bytes, looks, publishes, notifies, upkeeps, snaps, arms,
		disarms;
	unsigned int frames_in, frames_out, handed_on; /* the latter before rings were published */
	unsigned int segs;
	struct seg first; /* of the segs that left */
	int last_priority;
} work;

static struct guest guests[GUESTS];

static unsigned int waiting_for_other(void);

struct guest_seat *guest_seat(struct guest *g)
{
	return &g->seat;
}

const struct guest_cfg *guest_config(const struct guest *g)
{
	return &g->cfg;
}

unsigned int guest_look(struct guest *g, uint64_t now)
{
	work.looks++;
	return (g->tx_msgs ? GUEST_LOOK_TX : 0) | (g->rx_msgs ? GUEST_LOOK_RX : 0) |
		(g->upkeep ? GUEST_LOOK_UPKEEP : 0);
}

void guest_wakes(struct guest *g, struct list *woken)
{
	list_del(&g->woken);
}

struct guest_seat *guest_woken(struct list *woken)
{
	struct list *l = list_first(woken);

	list_del(l);
	return &container_of(l, struct guest, woken)->seat;
}

void guest_upkeep(struct guest *g, uint64_t now)
{
	work.upkeeps++;
}

static struct share_amount take(int64_t *msgs, const struct share_amount *grant)
{
	struct share_amount used = { 0 };

	while (*msgs && used.msgs < grant->msgs && used.bytes < grant->bytes) {
		--*msgs;
		used.msgs++;
		used.bytes += MSG;
	}
	return used;
}

struct share_amount guest_tx(struct guest *g, const struct share_amount *grant, uint64_t now)
{
	struct share_amount used = take(&g->tx_msgs, grant);

	g->tx_done += used.msgs;
	work.tx += (unsigned int)used.msgs;
	work.tx_bytes += (unsigned int)used.bytes;
	return used;
}

struct share_amount guest_rx(struct guest *g, const struct share_amount *grant, uint64_t now)
{
	struct share_amount used = take(&g->rx_msgs, grant);

	g->rx_done += used.msgs;
	work.rx += (unsigned int)used.msgs;
	work.rx_bytes += (unsigned int)used.bytes;
	return used;
}

void guest_publish(struct guest *g)
{
	work.publishes++;
	work.handed_on = waiting_for_other();
}

unsigned int guest_notify(struct guest *g)
{
	assert_true(g->cfg.priority <= work.last_priority);
	work.last_priority = g->cfg.priority;
	work.notifies++;
	g->notified++;
	return 1;
}

void guest_measure_rx(struct guest *g, const struct stamp_clock *c)
{
}

static unsigned int measured[2], calls_to_measure;

void guest_measure_tx(struct guest *g, const struct stamp_clock *c, uint32_t when, uint32_t n)
{
	assert_true(g == &guests[0] || g == &guests[1]);
	assert_true(stamp_ns(c, when) < NSEC_PER_SEC);
	measured[g - guests] += n;
	calls_to_measure++;
}

void guest_snapshot(struct guest *g)
{
	work.snaps++;
}

bool guest_arm_kicks(struct guest *g)
{
	work.arms++;
	g->seat.armed = true;
	return false;
}

void guest_disarm_kicks(struct guest *g)
{
	work.disarms++;
	g->seat.armed = false;
}

uint64_t guest_next(const struct guest *g)
{
	return UINT64_MAX;
}

void guest_mem_thread(void)
{
}

/* ---- the device: a ring of frames ---- */

static struct rte_mbuf *queue[QUEUE];
static unsigned int q_head, q_len;

static uint16_t dev_rx(void *q, struct rte_mbuf **pkts, uint16_t max)
{
	uint16_t n = 0;

	while (n < max && q_len) {
		pkts[n++] = queue[q_head++ % QUEUE];
		q_len--;
	}
	work.frames_in += n;
	return n;
}

static struct seg last; /* segment that left */

static uint16_t dev_tx(void *q, struct rte_mbuf **pkts, uint16_t n)
{
	struct frame fr;

	work.frames_out += n;
	for (uint16_t i = 0; i < n; i++) {
		if (frame_parse(rte_pktmbuf_mtod(pkts[i], uint8_t *), pkts[i]->pkt_len, &fr) ||
		    fr.proto != 6)
			continue;
		assert_null(seg_parse(&fr, &last));
		if (!work.segs++)
			work.first = last;
	}
	rte_pktmbuf_free_bulk(pkts, n);
	return n;
}

static void put(struct rte_mbuf *m)
{
	assert_non_null(m);
	assert_true(q_len < QUEUE);
	queue[(q_head + q_len++) % QUEUE] = m;
}

static void *queues[RTE_MAX_QUEUES_PER_PORT];

static struct port *device(void)
{
	struct port *p = calloc(1, sizeof(*p) + 2 * sizeof(p->ifs[0]));
	struct rte_eth_fp_ops *ops = &rte_eth_fp_ops[0];

	p->conf.mtu = 1500;
	p->n_lcores = 2;
	p->n_rxq = 1;
	memcpy(&p->mac, own_mac, 6);
	for (unsigned int i = 0; i < 2; i++)
		p->ifs[i] = (struct port_if){ .port = p, .raw_fd = -1 };
	ops->rx_pkt_burst = dev_rx;
	ops->tx_pkt_burst = dev_tx;
	ops->rxq.data = ops->txq.data = queues;
	return p;
}

/* ---- the lcores ---- */

struct fix {
	struct lcore *lc[2];
	struct port *port;
	struct addr_map *map;
	struct sock_owner owner;
	struct sock_lane lane;
	struct sock *udp, *listener;
};

static struct fix f;

static void serve_sockets(void)
{
	const struct ip_endpoint udp = { .addr = ip_addr_v4(0), .port = be16(UDP_PORT) };
	const struct ip_endpoint tcp = { .addr = ip_addr_v4(0), .port = be16(TCP_PORT) };
	struct ip_addr own = ip_addr_v4(rte_cpu_to_be_32(OWN));
	struct stack *s = f.lc[0]->stack;

	sock_owner_init(&f.owner, s, 2 * SYNS, 4096, NULL);
	sock_lane_init(&f.lane, &f.owner);
	assert_int_equal(ip_addr_add(stack_ip(s), &own, 24, &f.owner, f.lc[0]->ifs[0]->link), 0);
	assert_int_equal(sock_create(&f.lane, OUTSOCK_INET, SOCK_DGRAM_T, 1, &f.udp), 0);
	assert_int_equal(sock_bind(f.udp, &udp), 0);
	assert_int_equal(sock_credit(f.udp, 1 << 20), 0);
	assert_int_equal(sock_create(&f.lane, OUTSOCK_INET, SOCK_STREAM_T, 2, &f.listener), 0);
	assert_int_equal(sock_bind(f.listener, &tcp), 0);
	assert_int_equal(sock_listen(f.listener, 2 * SYNS, 2 * SYNS, 1 << 16), 0);
}

static int setup(void **state)
{
	static const uint8_t secret[16];
	const struct addr_home homes[] = {
		{ rte_cpu_to_be_32(OWN), 0, 0 },
		{ rte_cpu_to_be_32(FOREIGN), 1, 0 },
	};

	test_eal_init();
	f.map = addr_map_build(homes, 2);
	f.port = device();
	for (unsigned int i = 0; i < 2; i++) {
		struct conf_lcore conf = {
			.class = i ? LCORE_NON_RT : LCORE_RT,
			.poll = POLL_BUSY,
			.connections = 2 * SYNS,
			.udp_sockets = 16,
			.packets = 8191,
		};
		const struct lcore_cfg cfg = {
			.conf = &conf,
			.index = i,
			.secret = secret,
			.seed = 1,
			.pkt_room = 2048,
			.map = f.map,
		};

		for (unsigned int b = 0; b < BUDGET_N; b++)
			conf.budget[b] = CONF_AUTO;
		assert_int_equal(lcore_create(&cfg, &f.lc[i]), 0);
		assert_int_equal(lcore_port_add(f.lc[i], f.port), 0);
	}
	assert_int_equal(lcore_connect(f.lc, 2), 0);
	assert_int_equal(lcore_rxq_add(f.lc[0], f.port), 0);
	link_learn(f.lc[0]->ifs[0]->link, rte_cpu_to_be_32(PEER), (const void *)peer_mac);
	f.lc[0]->now = f.lc[0]->env->now;
	serve_sockets();
	for (unsigned int i = 0; i < GUESTS; i++) {
		struct guest *g = &guests[i];

		*g = (struct guest){ .cfg = { .max_msgs = 64,
					      .name = i ? "other" : "urgent",
					      .priority = i == 0 ? 5 : 0 } };
		g->seat.guest = g;
		list_init(&g->seat.link);
		list_init(&g->seat.touched);
		list_init(&g->seat.upkeep);
		list_init(&g->seat.snap);
		list_init(&g->woken);
		g->seat.glances[0] = (struct guest_glance){ &g->avail, &g->idx };
		g->seat.n_glances = 1;
		g->seat.due = UINT64_MAX;
		lcore_guest_add(f.lc[0], g);
	}
	return 0;
}

static int teardown(void **state)
{
	for (unsigned int i = 0; i < GUESTS; i++)
		lcore_guest_del(f.lc[0], &guests[i]);
	sock_owner_abort(&f.owner);
	while (q_len)
		dev_rx(NULL, (struct rte_mbuf *[1]){ 0 }, 0),
			rte_pktmbuf_free(queue[q_head++ % QUEUE]), q_len--;
	lcore_destroy(f.lc[0]);
	lcore_destroy(f.lc[1]);
	addr_map_free(f.map);
	free(f.port);
	return 0;
}

static void flood(bool on)
{
	for (unsigned int i = 0; i < GUESTS; i++)
		guests[i].tx_msgs = guests[i].rx_msgs = on ? INT64_MAX : 0;
}

static void fill_rings(void)
{
	for (unsigned int i = 0; i < GUESTS; i++) {
		struct guest *g = &guests[i];

		g->avail = g->tx_msgs || g->upkeep;
		if (g->rx_msgs && list_empty(&g->woken))
			list_add_tail(&f.lc[0]->woken, &g->woken);
	}
}

/* A turn at @ns after the one before, and that it kept to its budgets. */
static unsigned int turn(uint64_t ns)
{
	struct lcore *lc = f.lc[0];
	const uint32_t *b = lc->budget;
	unsigned int found;

	memset(&work, 0, sizeof(work));
	work.last_priority = SHARE_PRIORITIES;
	lc->now += ns;
	fill_rings();
	found = lcore_rt_turn(lc);
	/* One message, at most, where rounds and floor end. */
	assert_in_range(work.tx, 0, b[BUDGET_messages]);
	assert_in_range(work.rx, 0, b[BUDGET_messages]);
	assert_in_range(work.tx_bytes, 0, b[BUDGET_bytes] + 2 * MSG);
	assert_in_range(work.rx_bytes, 0, b[BUDGET_bytes] + 2 * MSG);
	assert_in_range(work.frames_in, 0, b[BUDGET_rx]);
	assert_in_range(work.notifies, 0, b[BUDGET_notify]);
	assert_in_range(work.upkeeps, 0, b[BUDGET_upkeep]);
	assert_in_range(work.looks, 0, 3 * GUESTS);
	assert_in_range(work.frames_out, 0, b[BUDGET_tx] + b[BUDGET_rx] + b[BUDGET_timers]);
	return found;
}

static struct rte_mbuf *udp_frame(uint32_t dst)
{
	uint8_t l4[64], data[16] = { 0 };
	struct frame fr = { .src = PEER, .dst = dst, .proto = 17, .ttl = 64, .l4 = l4 };

	fr.l4_len = udp_build(l4, 99, UDP_PORT, data, sizeof(data), PEER, dst);
	return frame_build(f.lc[0]->pool, &fr, own_mac, peer_mac);
}

static struct rte_mbuf *seg_frame(const struct seg *seg)
{
	uint8_t l4[512];
	struct frame fr = { .src = PEER, .dst = OWN, .proto = 6, .ttl = 64, .l4 = l4 };

	fr.l4_len = seg_build(l4, seg, PEER, OWN, false);
	return frame_build(f.lc[0]->pool, &fr, own_mac, peer_mac);
}

static struct rte_mbuf *syn_frame(uint16_t sport)
{
	const struct seg seg = {
		.sport = sport, .dport = TCP_PORT, .seq = 1, .flags = 2, .win = 1000
	};

	return seg_frame(&seg);
}

static unsigned int waiting_for_other(void)
{
	return spsc_count(f.lc[1]->peers[0].given);
}

static void drain_foreign(void)
{
	struct rte_mbuf *m;

	while ((m = spsc_get(f.lc[1]->peers[0].given)))
		rte_pktmbuf_free(m);
}

/* ---- tests ---- */

#define MANY	  2000	/* packets of one connection */
#define SMALL	  5	/* bytes of one that is sent: all fit into the first window */
#define RX_LEN	  300	/* of one that is received: too large to be copied together */
#define QUOTA	  24000 /* so that one socket gets MANY */
#define ISN	  1000
#define MAX_TURNS 100

/* What the peer of the connection under test sends. */
static struct seg peer;

static void peer_sends(uint8_t flags, uint32_t len)
{
	static const uint8_t data[RX_LEN];

	peer.flags = flags;
	peer.data = data;
	peer.len = len;
	put(seg_frame(&peer));
	peer.seq += len;
}

/* A connection whose both windows are large. */
static struct sock *connection(void)
{
	struct sock *s;
	uint32_t room;
	int err;

	sock_owner_quota(&f.owner, QUOTA);
	assert_int_equal(sock_listen(f.listener, 2 * SYNS, 2 * SYNS, 1 << 22), 0);
	peer = (struct seg){
		.sport = 77,
		.dport = TCP_PORT,
		.seq = ISN,
		.win = 65535,
		.opts = { .mss_ok = true, .mss = 1460, .wscale_ok = true, .wscale = 7 },
	};
	peer_sends(0x02, 0);
	turn(10000);
	assert_int_equal(last.flags, 0x12);
	peer.opts = (struct seg_opts){ 0 };
	peer.seq++;
	peer.ack = last.seq + 1;
	peer_sends(0x10, 0);
	turn(10000);
	s = sock_next_ready(&f.lane);
	assert_non_null(s);
	sock_event_taken(s, SOCK_EV_ACCEPTED);
	assert_int_equal(sock_setopt(s, OUTSOCK_OPT_NODELAY, 1), 0);
	/* The window of a SYN-ACK is not scaled. */
	peer_sends(0x10, RX_LEN);
	turn(10000);
	sock_rx_taken(s, RX_LEN);
	/* The stack has the next packet at hand from now on. */
	assert_non_null(sock_tx_space(s, &room, &err));
	turn(100 * NSEC_PER_MSEC);
	assert_int_equal(last.ack, peer.seq);
	return s;
}

/* @n packets leave, which nobody acknowledges. */
static void send_many(struct sock *s, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		uint32_t room;
		int err;
		void *p = sock_tx_space(s, &room, &err);

		assert_non_null(p);
		memset(p, 0, SMALL);
		sock_tx_commit(s, SMALL);
		sock_tx_end(s, true, false);
		turn(1000);
		assert_int_equal(work.frames_out, 1);
	}
	assert_int_equal(s->tx_pkts, n);
}

/* Text of so many packets, in order or not. */
static void receive_many(unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		peer_sends(0x10, RX_LEN);
		if (q_len == PORT_BURST || i == n - 1)
			turn(1000);
	}
	assert_int_equal(q_len, 0);
}

/*
 * Turns until nothing is counted against the owner any more. None of them frees more than it may,
 * and the frame that it began with; and until the end there is work, also for who might sleep.
 */
static unsigned int turns_to_free(void)
{
	struct lcore *lc = f.lc[0];
	unsigned int n = 0;

	while (f.owner.n_pkts) {
		unsigned int before = rte_mempool_in_use_count(lc->pool), found, after;

		found = turn(1000);
		after = rte_mempool_in_use_count(lc->pool);
		assert_in_range(before, 0, after + lc->budget[BUDGET_free] + work.frames_in);
		assert_true(found > 0);
		if (f.owner.n_pkts)
			assert_int_equal(stack_next(lc->stack), lc->now);
		assert_in_range(++n, 1, MAX_TURNS);
	}
	return n;
}

static void forget(struct sock *s)
{
	sock_close(s, SOCK_CLOSE_ABORT);
	sock_free(s);
	while ((s = sock_next_ready(&f.lane)))
		sock_event_taken(s, s->events);
	turns_to_free();
	sock_owner_quota(&f.owner, 4096);
}

/* One acknowledgement of thousands of packets. */
static void test_free_acked(void **state)
{
	unsigned int may = f.lc[0]->budget[BUDGET_free], base, half = MANY / 2;
	struct sock *s = connection();

	base = rte_mempool_in_use_count(f.lc[0]->pool);
	send_many(s, MANY);
	assert_int_equal(f.owner.n_tx, MANY);
	peer.ack += half * SMALL + 3; /* and a part of one */
	peer_sends(0x10, 0);
	turn(1000);
	assert_int_equal(s->tx_pkts, MANY - half);
	assert_int_equal(f.owner.n_pkts, MANY - may);
	assert_int_equal(s->tx_acked, half * SMALL + 3);
	/* Not acknowledged: sent again, from the right byte on. */
	turn(NSEC_PER_SEC);
	assert_int_equal(work.first.seq, peer.ack);
	assert_int_equal(work.first.len, SMALL - 3);
	assert_int_equal(f.owner.n_pkts, MANY - 2 * may);
	peer.ack += (MANY - half) * SMALL - 3;
	peer_sends(0x10, 0);
	assert_int_equal(turns_to_free(), (MANY - 2 * may + may - 1) / may);
	assert_int_equal(f.owner.n_tx, 0);
	assert_int_equal(s->tx_pkts, 0);
	assert_int_equal(rte_mempool_in_use_count(f.lc[0]->pool), base);
	send_many(s, 3);
	forget(s);
}

/* Many acknowledgements in one turn: together they free no more. */
static void test_free_acks(void **state)
{
	unsigned int may = f.lc[0]->budget[BUDGET_free];
	struct sock *s = connection();

	send_many(s, MANY);
	for (unsigned int i = 0; i < PORT_BURST; i++) {
		peer.ack += MANY / PORT_BURST * SMALL;
		peer_sends(0x10, 0);
	}
	turn(1000);
	assert_int_equal(f.owner.n_pkts, MANY - may);
	assert_int_equal(s->tx_pkts, MANY % PORT_BURST);
	forget(s);
}

/* A reset of a connection whose queues are full: sent, received, received beyond a gap. */
static void test_free_reset(void **state)
{
	unsigned int may = f.lc[0]->budget[BUDGET_free], base;
	struct sock *s = connection();
	uint32_t nxt;

	base = rte_mempool_in_use_count(f.lc[0]->pool);
	receive_many(MANY / 2);
	nxt = peer.seq;
	assert_int_equal(s->rxq.n, MANY / 2);
	send_many(s, MANY);
	peer.seq += RX_LEN;
	receive_many(MANY / 2);
	assert_int_equal(f.owner.n_pkts, 2 * MANY);
	assert_int_equal(f.owner.n_ooo, MANY / 2);
	peer.seq = nxt;
	peer_sends(0x04, 0);
	turn(1000);
	assert_int_equal(s->state, SOCK_DEAD);
	assert_null(s->rxq.head);
	assert_int_equal(f.owner.n_pkts, 2 * MANY - may);
	assert_int_equal(turns_to_free(), (2 * MANY - may + may - 1) / may);
	assert_int_equal(f.owner.n_ooo, 0);
	assert_int_equal(f.owner.n_tx, 0);
	assert_int_equal(rte_mempool_in_use_count(f.lc[0]->pool), base);
	forget(s);
}

/* The owner's end does not wait for turns. */
static void test_free_abort(void **state)
{
	struct sock *s = connection();

	send_many(s, MANY);
	receive_many(MANY / 2);
	sock_close(s, SOCK_CLOSE_ABORT);
	sock_free(s);
	assert_true(f.owner.n_pkts > MANY);
	sock_bin_free(&f.owner, UINT32_MAX);
	assert_int_equal(f.owner.n_pkts, 0);
	assert_int_equal(f.owner.n_tx, 0);
	sock_owner_quota(&f.owner, 4096);
}

/* The gap before thousands of packets is closed: they are the consumer's, in one piece. */
static void test_gap_closed(void **state)
{
	struct sock *s = connection();
	uint32_t gap = peer.seq;

	peer.seq += RX_LEN;
	receive_many(MANY);
	assert_int_equal(f.owner.n_ooo, MANY);
	peer.seq = gap;
	peer_sends(0x10, RX_LEN);
	turn(1000);
	assert_int_equal(s->rxq.n, MANY + 1);
	assert_int_equal(f.owner.n_pkts, MANY + 1);
	assert_int_equal(f.owner.n_ooo, 0);
	sock_rx_taken(s, (MANY + 1) * RX_LEN);
	assert_int_equal(s->rx_off, (MANY + 2) * RX_LEN);
	assert_int_equal(f.owner.n_pkts, 0);
	forget(s);
}

/* All guests flood, the queue is full, timers are due: no part of any turn exceeds its budget. */
static void test_worst_case(void **state)
{
	unsigned int syn_acks = 0, sport = 1000, most = 0;

	while (sport < 1000 + SYNS)
		put(syn_frame((uint16_t)sport++));
	while (q_len)
		turn(10000);
	flood(true);
	for (unsigned int i = 0; i < GUESTS; i++)
		guests[i].upkeep = true;
	/* The SYN-ACKs of all of them are due again at about the same time. */
	for (unsigned int t = 0; t < 400; t++) {
		while (q_len < QUEUE)
			put(udp_frame(FOREIGN));
		turn(t ? 10000 : 2 * NSEC_PER_SEC);
		assert_int_equal(work.tx, f.lc[0]->budget[BUDGET_messages]);
		assert_int_equal(work.rx, f.lc[0]->budget[BUDGET_messages]);
		assert_int_equal(work.frames_in, f.lc[0]->budget[BUDGET_rx]);
		assert_int_equal(work.upkeeps, f.lc[0]->budget[BUDGET_upkeep]);
		assert_in_range(work.frames_out, 0, f.lc[0]->budget[BUDGET_timers]);
		syn_acks += work.frames_out;
		most = RTE_MAX(most, work.frames_out);
		drain_foreign();
	}
	assert_true(syn_acks >= SYNS);
	assert_true(most >= f.lc[0]->budget[BUDGET_timers] / 2);
	for (unsigned int i = 0; i < GUESTS; i++) {
		assert_true(guests[i].tx_done > 0 && guests[i].rx_done > 0);
		guests[i].upkeep = false;
	}
	flood(false);
	for (unsigned int t = 0; t < 200; t++)
		turn(10000);
	/* Everybody was told in the end. */
	for (unsigned int i = 0; i < GUESTS; i++)
		assert_true(guests[i].notified > 0);
}

/* Equals that flood get the same of each way, within a quantum. */
static void test_fair(void **state)
{
	int64_t before[GUESTS], least = INT64_MAX, most = 0;

	turn(10000);
	for (unsigned int i = 0; i < GUESTS; i++)
		before[i] = guests[i].tx_done;
	flood(true);
	guests[0].tx_msgs = guests[0].rx_msgs = 0; /* the one of high priority */
	for (unsigned int t = 0; t < 1000; t++)
		turn(10000);
	for (unsigned int i = 1; i < GUESTS; i++) {
		least = RTE_MIN(least, guests[i].tx_done - before[i]);
		most = RTE_MAX(most, guests[i].tx_done - before[i]);
	}
	assert_in_range(most - least, 0, 64);
	flood(false);
	turn(10000);
}

/* A message for each of many: a turn tells some, the next the others; the urgent one is first. */
static void test_notifications(void **state)
{
	unsigned int per_turn = f.lc[0]->budget[BUDGET_notify];

	for (unsigned int i = 0; i < GUESTS; i++) {
		guests[i].rx_msgs = 1;
		guests[i].notified = 0;
	}
	for (unsigned int done = 0; done < GUESTS; done += per_turn) {
		/* Who is left to be told is work: no lcore sleeps then. */
		assert_int_equal(turn(10000) > 0, done + per_turn < GUESTS);
		assert_int_equal(work.notifies, per_turn);
		assert_int_equal(guests[0].notified, 1);
	}
	assert_int_equal(turn(10000), 0);
	for (unsigned int i = 0; i < GUESTS; i++)
		assert_int_equal(guests[i].notified, 1);
}

/* The urgent one is served in the turn in which it has something, whatever the others have. */
static void test_priority(void **state)
{
	flood(true);
	guests[0].tx_msgs = guests[0].rx_msgs = 0;
	for (unsigned int t = 0; t < 300; t++) {
		guests[0].tx_msgs = guests[0].rx_msgs = 1;
		turn(10000);
		assert_int_equal(guests[0].tx_msgs, 0);
		assert_int_equal(guests[0].rx_msgs, 0);
	}
	flood(false);
	turn(10000);
}

/* Own packets in a shared queue full of others' are served as soon as the budget reaches them. */
static void test_foreign_queue(void **state)
{
	unsigned int turns = 0;
	struct sock *s;

	flood(true);
	while (q_len < QUEUE - 1)
		put(udp_frame(FOREIGN));
	put(udp_frame(OWN));
	while (!(s = sock_next_ready(&f.lane))) {
		turn(10000);
		turns++;
		drain_foreign();
		assert_in_range(turns, 1, QUEUE / f.lc[0]->budget[BUDGET_rx]);
	}
	assert_ptr_equal(s, f.udp);
	sock_rx_taken_dgram(s);
	/* Nobody takes the others away: counted drops, and the same bound. */
	for (unsigned int k = 0; k < 3; k++) {
		while (q_len < QUEUE - 1)
			put(udp_frame(FOREIGN));
		put(udp_frame(OWN));
		for (turns = 0; !(s = sock_next_ready(&f.lane)) && turns < QUEUE; turns++)
			turn(10000);
		assert_in_range(turns, 1, QUEUE / f.lc[0]->budget[BUDGET_rx]);
		sock_rx_taken_dgram(s);
	}
	assert_true(count_read(&f.lc[0]->stats.count[LCORE_foreign_drops]) > 0);
	drain_foreign();
	flood(false);
	turn(10000);
}

/* What has come for us is served before we look at, or hand on, what follows of others. */
static void test_own_first(void **state)
{
	unsigned int burst = PORT_BURST, rest;
	struct sock *s;

	flood(true);
	for (unsigned int at = 0; at < 3 * burst; at += burst - 1) {
		while (q_len < at)
			put(udp_frame(FOREIGN));
		put(udp_frame(OWN));
		while (q_len < 4 * burst)
			put(udp_frame(FOREIGN));
		turn(10000);
		/* All bursts up to that in which it was, and at least one with others. */
		assert_int_equal(work.frames_in, (at / burst + 1) * burst);
		s = sock_next_ready(&f.lane);
		assert_ptr_equal(s, f.udp);
		sock_rx_taken_dgram(s);
		assert_true(work.publishes > 0);
		assert_int_equal(work.handed_on, 0);
		rest = work.frames_in - 1;
		assert_int_equal(waiting_for_other(), rest);
		drain_foreign();
		turn(10000);
		assert_int_equal(work.frames_in, 4 * burst - rest - 1);
		drain_foreign();
	}
	flood(false);
	turn(10000);
}

/* Nothing to do: a glance at each guest, and no more; snapshots come a few a turn. */
static void test_idle(void **state)
{
	for (unsigned int t = 0; turn(10000); t++)
		assert_in_range(t, 0, 1000);
	turn(10000);
	assert_int_equal(work.looks, 0);
	assert_int_equal(work.publishes, 0);
	assert_int_equal(work.notifies, 0);
	lcore_guests_snap(f.lc[0]);
	for (unsigned int t = 1; f.lc[0]->n_snaps; t++) {
		unsigned int before = work.snaps;

		lcore_guests_snap_on(f.lc[0]);
		assert_in_range(work.snaps - before, 1, 2);
		assert_in_range(t, 1, GUESTS);
	}
	assert_int_equal(work.snaps, GUESTS);
}

/*
 * An adaptive lcore sleeps as soon as it has nothing to do: the snapshots of many guests are no
 * reason to stay awake. It wakes for them, a few at a time.
 */
static void test_sleep(void **state)
{
	struct lcore *lc = f.lc[0];
	uint64_t *sleeps = &lc->stats.count[LCORE_sleeps], before = *sleeps;
	uint64_t cycles = lc->snap_cycles, wake = 1;

	for (unsigned int t = 0; turn(10000); t++)
		assert_in_range(t, 0, 1000);
	lc->adaptive = true;
	lc->napping = false; /* as if the device woke it */
	lc->idle_cycles = 0;
	lc->snap_cycles = UINT64_MAX;
	lcore_turn_begin(lc);
	lcore_turn_end(lc, 1);
	work.snaps = 0;
	for (unsigned int turns = 1; work.snaps < GUESTS; turns++) {
		/* After the last ones it would sleep until it is woken. */
		if (work.snaps == GUESTS - 2)
			assert_int_equal(write(lc->wake_fd, &wake, sizeof(wake)), sizeof(wake));
		lcore_turn_begin(lc);
		lcore_turn_end(lc, lcore_rt_turn(lc));
		assert_int_equal(*sleeps - before, turns);
		assert_int_equal(work.snaps, 2 * turns);
	}
	assert_int_equal(lc->n_snaps, 0);
	assert_int_equal(read(lc->wake_fd, &wake, sizeof(wake)), sizeof(wake));
	lc->snap_cycles = cycles;
	lc->adaptive = false;
	lc->napping = true;
}

/* Wakes it at once; how many guests were asked for kicks before. */
static unsigned int sleep_once(struct lcore *lc)
{
	uint64_t wake = 1;

	memset(&work, 0, sizeof(work));
	assert_int_equal(write(lc->wake_fd, &wake, sizeof(wake)), sizeof(wake));
	lcore_sleep(lc);
	assert_int_equal(read(lc->wake_fd, &wake, sizeof(wake)), sizeof(wake));
	return work.arms;
}

/* Whom something has come for is looked into, the others are not. */
static void test_woken(void **state)
{
	for (unsigned int t = 0; turn(10000); t++)
		assert_in_range(t, 0, 1000);
	guests[5].rx_msgs = 1;
	turn(10000);
	assert_int_equal(work.looks, 1);
	assert_int_equal(work.rx, 1);
	assert_int_equal(work.publishes, 1);
}

/* Who had nothing to say since the last sleep is not asked for kicks again, nor looked at. */
static void test_kicks(void **state)
{
	struct lcore *lc = f.lc[0];

	for (unsigned int t = 0; turn(10000); t++)
		assert_in_range(t, 0, 1000);
	for (unsigned int i = 0; i < GUESTS; i++)
		guests[i].seat.armed = false;
	assert_int_equal(sleep_once(lc), GUESTS);
	assert_int_equal(sleep_once(lc), 0);
	guests[3].tx_msgs = 1;
	turn(10000);
	assert_int_equal(work.tx, 1);
	assert_int_equal(work.disarms, 1);
	assert_in_range(work.looks, 1, 2);
	guests[3].avail = 0;
	assert_int_equal(sleep_once(lc), 1);
	/* What came between two turns. */
	guests[4].avail = 1;
	assert_int_equal(sleep_once(lc), 1);
	guests[4].avail = 0;
	/* Memory went away under one of them, a call may have changed one: all are looked at. */
	guest_mem_faults++;
	turn(10000);
	assert_int_equal(work.looks, GUESTS);
	/* Who does not sleep needs no kicks. */
	memset(&work, 0, sizeof(work));
	for (unsigned int t = 0; t < 1000; t++)
		lcore_guests_calm(lc);
	assert_int_equal(work.disarms, GUESTS);
}

static void send_stamped(uint64_t stamp)
{
	struct rte_mbuf *m = udp_frame(PEER);

	pkt_stamp_set(m, stamp);
	port_tx(f.lc[0]->ifs[0], m);
}

/* Received packets have the time of their burst; sent ones are counted by guest, once, by runs. */
static void test_measure(void **state)
{
	struct sock *s;
	uint64_t now = stamp_of(rte_rdtsc());

	put(udp_frame(OWN));
	turn(10000);
	s = sock_next_ready(&f.lane);
	assert_non_null(s);
	assert_true((uint32_t)pkt_stamp(s->rxq.head) - (uint32_t)now < UINT32_MAX / 2);
	assert_int_equal(pkt_stamp(s->rxq.head) >> 32, 0);
	sock_rx_taken_dgram(s);
	for (unsigned int i = 0; i < 10; i++)
		send_stamped((uint64_t)guests[i < 7 ? 0 : 1].seat.number << 32 | now);
	send_stamped(0);
	send_stamped(now);		   /* nobody's */
	send_stamped(1000ull << 32 | now); /* of a guest that never was */
	turn(10000);
	assert_int_equal(measured[0], 7);
	assert_int_equal(measured[1], 3);
	assert_int_equal(calls_to_measure, 2);
	/* The number of one that has gone is nobody's. */
	now |= (uint64_t)guests[1].seat.number << 32;
	lcore_guest_del(f.lc[0], &guests[1]);
	send_stamped(now);
	lcore_rt_turn(f.lc[0]);
	assert_int_equal(calls_to_measure, 2);
	lcore_guest_add(f.lc[0], &guests[1]);
	turn(10000);
}

/* A slow turn is kept with what it did; the last 16 of them. */
static void test_slow_turns(void **state)
{
	struct lcore_slow slow[LCORE_SLOW];
	struct lcore *lc = f.lc[0];
	uint32_t before = lc->n_slow;

	lc->slow_cycles = UINT64_MAX;
	lcore_turn_begin(lc);
	lcore_turn_begin(lc);
	assert_int_equal(lc->n_slow, before);
	lc->slow_cycles = 0;
	for (unsigned int i = 0; i < 20; i++) {
		guests[0].tx_msgs = i;
		guests[1].tx_msgs = 20 - i;
		fill_rings();
		lcore_turn_begin(lc);
		work.last_priority = SHARE_PRIORITIES;
		lc->worked = lcore_rt_turn(lc);
	}
	lcore_turn_begin(lc);
	assert_int_equal(lc->n_slow - before, 20);
	assert_int_equal(lcore_slow_get(lc, slow), LCORE_SLOW);
	for (unsigned int i = 0; i < LCORE_SLOW; i++) {
		const struct lcore_slow *s = &slow[i];

		assert_int_equal(s->did[LCORE_PART_guests_tx], 20);
		assert_int_equal(s->ns, s->ns_in + s->ns_guests + s->ns_out + s->ns_end);
		if (i + 4 != 10)
			assert_string_equal(s->guest, i + 4 > 10 ? "urgent" : "other");
	}
	lcore_measure_reset(lc);
	assert_int_equal(lcore_slow_get(lc, slow), 0);
	lc->slow_cycles = UINT64_MAX;
	lc->worked = 0;
}

/* Other budgets count from the next turn on. */
static void test_retune(void **state)
{
	struct lcore *lc = f.lc[0];
	struct conf_lcore conf = lc->conf;

	conf.budget[BUDGET_messages] = 10;
	conf.budget[BUDGET_rx] = 32;
	conf.class = LCORE_NON_RT; /* no SCHED_FIFO for the test */
	lc->tid = 0;
	assert_int_equal(lcore_retune(lc, &conf), 0);
	flood(true);
	while (q_len < QUEUE)
		put(udp_frame(FOREIGN));
	turn(10000);
	assert_int_equal(work.tx, 10);
	assert_int_equal(work.frames_in, 32);
	drain_foreign();
	flood(false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sleep), /* while no timer runs */
		cmocka_unit_test(test_free_acked),    cmocka_unit_test(test_free_acks),
		cmocka_unit_test(test_free_reset),    cmocka_unit_test(test_free_abort),
		cmocka_unit_test(test_gap_closed),    cmocka_unit_test(test_worst_case),
		cmocka_unit_test(test_notifications), cmocka_unit_test(test_fair),
		cmocka_unit_test(test_priority),      cmocka_unit_test(test_foreign_queue),
		cmocka_unit_test(test_own_first),     cmocka_unit_test(test_idle),
		cmocka_unit_test(test_kicks),	      cmocka_unit_test(test_woken),
		cmocka_unit_test(test_measure),	      cmocka_unit_test(test_slow_turns),
		cmocka_unit_test(test_retune),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
