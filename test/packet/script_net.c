/* SPDX-License-Identifier: BSD-3-Clause */
/* Packet scripts: the clock, and the wire below the stack. */
#include "script.h"

#include <stdlib.h>
#include <string.h>

const uint8_t peer_mac[6] = { 2, 0, 0, 0, 0, 1 };

#define STEP_NS 100000 /* when the stack says "now": its clock must still move */

/* Neighbours age; only a script about ARP wants to see the stack ask for the peer's address. */
static bool is_arp_ask(const struct rte_mbuf *m)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);

	return rte_pktmbuf_data_len(m) >= 42 && p[12] == 8 && p[13] == 6 && p[21] == 1;
}

void net_capture(void *ctx, struct rte_mbuf *m)
{
	struct script *t = ctx;
	uint32_t len = rte_pktmbuf_pkt_len(m);
	struct capture *c;
	const void *p;

	if (!t->no_arp && is_arp_ask(m)) {
		t->arp_asked = true;
		rte_pktmbuf_free(m);
		return;
	}
	c = malloc(sizeof(*c) + len);
	if (!c)
		abort();
	*c = (struct capture){ .time = t->host.now, .len = len };
	p = rte_pktmbuf_read(m, 0, len, c->data);
	if (p != c->data)
		memcpy(c->data, p, len);
	rte_pktmbuf_free(m);
	if (t->out_head)
		t->out_tail->next = c;
	else
		t->out_head = c;
	t->out_tail = c;
	if (t->verbose)
		print_frame(t, stdout, ">", c->data, len);
}

/* A turn of the stack, whose questions for the peer's address are answered. */
static void turn(struct script *t, uint64_t now)
{
	host_turn(&t->host, now);
	if (t->arp_asked) {
		t->arp_asked = false;
		net_arp_reply(t);
		host_turn(&t->host, now);
	}
}

static struct capture *pop(struct script *t)
{
	struct capture *c = t->out_head;

	if (c)
		t->out_head = c->next;
	return c;
}

void net_start(struct script *t)
{
	t->started = true;
	t->cfg.out = net_capture;
	t->cfg.ctx = t;
	host_init(&t->host, &t->cfg);
	for (unsigned int i = 0; i < SCRIPT_FLOWS; i++)
		t->flows[i] = (struct flow){
			.peer_port = 40000 + i,
			.peer_isn = t->isn,
			.win = 65535,
		};
	t->flow = &t->flows[0];
	if (!t->no_arp) {
		host_meet(&t->host, PEER_ADDR, peer_mac);
		free(pop(t)); /* the answer */
	}
	net_quiet(t);
}

void net_run(struct script *t)
{
	if (!t->hold)
		turn(t, t->host.now);
}

const char *capture_text(const struct script *t, const struct capture *c)
{
	static char *text;
	size_t size;
	FILE *f;

	free(text);
	f = open_memstream(&text, &size);
	print_frame(t, f, "", c->data, c->len);
	fclose(f);
	text[strcspn(text, "\n")] = 0;
	return text;
}

void net_quiet(struct script *t)
{
	struct capture *c = t->out_head;

	if (c)
		fail(t, "nothing should have left, but %.1f ms before now:%s",
		     (double)(t->host.now - c->time) / NSEC_PER_MSEC, capture_text(t, c));
}

/* Time moves on to @until, or to where a frame leaves. */
static void move_until_frame(struct script *t, uint64_t until)
{
	while (!t->out_head && t->host.now < until) {
		uint64_t next = stack_next(t->host.stack);

		next = RTE_MAX(next, t->host.now + STEP_NS);
		turn(t, RTE_MIN(next, until));
	}
}

void net_advance(struct script *t, uint64_t ns)
{
	net_quiet(t);
	move_until_frame(t, t->host.now + ns);
	net_quiet(t);
}

struct capture *net_wait(struct script *t)
{
	uint64_t start = t->host.now;
	struct capture *c;

	if (t->hi)
		move_until_frame(t, start + t->hi + SCRIPT_SLACK_NS);
	c = pop(t);
	if (!c && t->hi)
		fail(t, "nothing left within %.1f ms",
		     (double)(t->hi + SCRIPT_SLACK_NS) / NSEC_PER_MSEC);
	if (!c)
		fail(t, "nothing left");
	if (c->time < start + t->lo)
		fail(t, "too early, after %.1f ms:%s", (double)(c->time - start) / NSEC_PER_MSEC,
		     capture_text(t, c));
	return c;
}

void net_inject(struct script *t, struct frame *f)
{
	struct rte_mbuf *m;

	f->src = f->src ? f->src : PEER_ADDR;
	f->dst = f->dst ? f->dst : t->cfg.addr;
	f->ttl = f->ttl ? f->ttl : 64;
	f->id = f->id ? f->id : ++t->ip_id;
	m = frame_build(t->host.pool, f, t->cfg.mac, peer_mac);
	if (!m)
		fail(t, "the packet pool is empty");
	if (t->verbose) {
		uint8_t *copy = malloc(m->pkt_len);

		if (!copy)
			abort();
		memcpy(copy, rte_pktmbuf_read(m, 0, m->pkt_len, copy), m->data_len);
		print_frame(t, stdout, "<", copy, m->data_len);
		free(copy);
	}
	host_rx(&t->host, m);
}

/* ---- for people ---- */

static void print_opts(const struct seg_opts *o, FILE *to, uint32_t sack_base)
{
	const char *sep = " <";

	if (o->mss_ok) {
		fprintf(to, "%smss %u", sep, o->mss);
		sep = ",";
	}
	if (o->sack_ok) {
		fprintf(to, "%ssackOK", sep);
		sep = ",";
	}
	if (o->ts_ok) {
		fprintf(to, "%sts %u %u", sep, o->ts_val, o->ts_ecr);
		sep = ",";
	}
	if (o->wscale_ok) {
		fprintf(to, "%swscale %u", sep, o->wscale);
		sep = ",";
	}
	for (unsigned int i = 0; i < o->n_sack; i++) {
		fprintf(to, "%ssack %d:%d", sep, (int)(o->sack[i][0] - sack_base),
			(int)(o->sack[i][1] - sack_base));
		sep = ",";
	}
	if (sep[0] == ',')
		fputc('>', to);
}

static void print_seg(const struct script *t, FILE *to, const struct seg *s, bool out)
{
	uint32_t seq_base = out ? t->flow->our_isn : t->flow->peer_isn;
	uint32_t ack_base = out ? t->flow->peer_isn : t->flow->our_isn;
	char flags[9];

	if (out && !t->flow->our_isn_known)
		seq_base = s->seq;
	fprintf(to, " %s %d(%u)", seg_flags_name(s->flags, flags), (int)(s->seq - seq_base),
		s->len);
	if (s->flags & 0x10)
		fprintf(to, " ack %d", (int)(s->ack - ack_base));
	fprintf(to, " win %u", s->win);
	print_opts(&s->opts, to, ack_base);
	fprintf(to, " (port %u to %u)", s->sport, s->dport);
}

void print_frame(const struct script *t, FILE *to, const char *dir, const uint8_t *data,
		 uint32_t len)
{
	uint16_t sport, dport;
	struct frame f;
	struct seg seg;
	const char *err = frame_parse(data, len, &f);

	fprintf(to, "%s [%.1f ms]", dir, (double)(t->host.now - t->cfg.stack.now) / NSEC_PER_MSEC);
	if (err)
		fprintf(to, " %s, type %02x%02x, %u bytes", err, data[12], data[13], len);
	else if (f.mf || f.frag_off)
		fprintf(to, " fragment %u(%u)%s id %u", f.frag_off, f.l4_len, f.mf ? " mf" : "",
			f.id);
	else if (!seg_parse(&f, &seg))
		print_seg(t, to, &seg, f.src == t->cfg.addr);
	else if (!udp_parse(&f, &sport, &dport))
		fprintf(to, " udp %u %u %u", sport, dport, f.l4_len - 8);
	else if (f.proto == 1 && f.l4_len >= 8)
		fprintf(to, " icmp type %u code %u, %u bytes", f.l4[0], f.l4[1], f.l4_len);
	else
		fprintf(to, " protocol %u, %u bytes, malformed", f.proto, f.l4_len);
	fputc('\n', to);
}
