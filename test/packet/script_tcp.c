/* SPDX-License-Identifier: BSD-3-Clause */
/* Packet scripts: TCP segments, "< S 0(0) win 65535 <mss 1460>" and "> SA 0(0) ack 1". */
#include "script.h"

#include <stdlib.h>
#include <string.h>

#define F_FIN 0x01
#define F_SYN 0x02
#define F_RST 0x04
#define F_PSH 0x08
#define F_ACK 0x10

/* "SA"; "." is a bare ACK; *@ret_dontcare: flags in lower case may be there or not. */
static uint8_t parse_flags(struct script *t, const char *s, uint8_t *ret_dontcare)
{
	static const char names[] = "FSRPAUEC";
	uint8_t flags = 0;

	*ret_dontcare = 0;
	for (; *s; s++) {
		const char *at = strchr(names, *s >= 'a' && *s <= 'z' ? *s - 32 : *s);

		if (*s == '.')
			at = strchr(names, 'A');
		if (!at)
			fail(t, "'%c' is no TCP flag (F S R P A U E C)", *s);
		if (*s >= 'a' && *s <= 'z')
			*ret_dontcare |= 1u << (at - names);
		else
			flags |= 1u << (at - names);
	}
	return flags;
}

static void opt_sack(struct script *t, struct seg_opts *o, char *arg, uint32_t base)
{
	char *colon = strchr(arg, ':');

	if (!colon || o->n_sack == 4)
		fail(t, "sack LEFT:RIGHT expected, at most four");
	*colon = 0;
	o->sack[o->n_sack][0] = base + parse_num(t, arg, "left edge");
	o->sack[o->n_sack++][1] = base + parse_num(t, colon + 1, "right edge");
}

static void opt_ts(struct script *t, struct seg_opts *o, char *val, char *ecr, bool any[2])
{
	if (!val || !ecr)
		fail(t, "ts VALUE ECHO expected");
	o->ts_ok = true;
	any[0] = !strcmp(val, "*");
	any[1] = !strcmp(ecr, "*");
	o->ts_val = any[0] ? 0 : parse_num(t, val, "TSval");
	o->ts_ecr = any[1] ? 0 : parse_num(t, ecr, "TSecr");
}

static void opt_raw(struct script *t, struct seg_opts *o, char *hex)
{
	for (; hex && hex[0] && hex[1]; hex += 2) {
		char byte[3] = { hex[0], hex[1], 0 };

		if (o->n_raw == sizeof(o->raw))
			fail(t, "too many option bytes");
		o->raw[o->n_raw++] = strtoul(byte, NULL, 16);
	}
}

/* @any: TSval, TSecr are "*". */
void opts_parse_text(struct script *t, struct seg_opts *o, bool incoming, bool any[2])
{
	uint32_t sack_base = incoming ? t->flow->our_isn : t->flow->peer_isn;
	char *save = NULL;

	any[0] = any[1] = false;
	for (char *s = t->opts ? strtok_r(t->opts, ",", &save) : NULL; s;
	     s = strtok_r(NULL, ",", &save)) {
		char *arg_save = NULL;
		char *name = strtok_r(s, " ", &arg_save);
		char *a = strtok_r(NULL, " ", &arg_save);
		char *b = strtok_r(NULL, " ", &arg_save);

		if (!name || !strcmp(name, "nop"))
			continue;
		if (!strcmp(name, "sackOK")) {
			o->sack_ok = true;
		} else if (!a) {
			fail(t, "option \"%s\" is unknown or needs a value", name);
		} else if (!strcmp(name, "mss")) {
			o->mss_ok = true;
			o->mss = parse_num(t, a, "mss");
		} else if (!strcmp(name, "wscale")) {
			o->wscale_ok = true;
			o->wscale = parse_num(t, a, "wscale");
		} else if (!strcmp(name, "ts")) {
			opt_ts(t, o, a, b, any);
		} else if (!strcmp(name, "sack")) {
			opt_sack(t, o, a, sack_base);
		} else if (!strcmp(name, "raw")) {
			opt_raw(t, o, a);
		} else {
			fail(t, "option \"%s\" is unknown", name);
		}
	}
}

/* ---- in ---- */

struct in_extra {
	bool bad_sum;
	uint8_t ttl;
	int64_t cut; /* bytes of the packet that are left, -1: all */
};

static void in_words(struct script *t, struct seg *s, struct in_extra *x)
{
	struct flow *fl = t->flow;

	while (t->at < t->n_tok) {
		if (take_word(t, "ack"))
			s->ack = fl->our_isn + need_num(t, "ack");
		else if (take_word(t, "win"))
			fl->win = s->win = need_num(t, "win");
		else if (take_word(t, "urp"))
			s->urp = need_num(t, "urgent pointer");
		else if (take_word(t, "dport"))
			fl->local_port = s->dport = need_num(t, "port");
		else if (take_word(t, "ttl"))
			x->ttl = need_num(t, "TTL");
		else if (take_word(t, "badsum"))
			x->bad_sum = true;
		else if (take_word(t, "cut"))
			x->cut = need_num(t, "bytes");
		else
			return;
	}
}

void tcp_in(struct script *t)
{
	static uint8_t buf[FRAME_MAX], data[FRAME_MAX];
	struct flow *fl = t->flow;
	struct in_extra x = { .cut = -1 };
	struct seg s = { .sport = fl->peer_port, .dport = fl->local_port, .win = fl->win };
	struct frame f = { .proto = IPPROTO_TCP, .l4 = buf, .df = true };
	uint8_t dontcare;
	bool any[2];
	int64_t seq;

	s.flags = parse_flags(t, need_token(t, "flags"), &dontcare);
	need_range(t, &seq, &s.len);
	if (s.len > 60000)
		fail(t, "too long");
	s.seq = fl->peer_isn + (uint32_t)seq;
	if (s.flags & F_ACK)
		s.ack = fl->our_isn;
	in_words(t, &s, &x);
	opts_parse_text(t, &s.opts, true, any);
	if (any[1])
		s.opts.ts_ecr = fl->last_ts;
	/* Offset 0 of the stream is the byte after SYN. */
	pattern_fill(data, (int64_t)seq - !(s.flags & F_SYN), s.len, fl->peer_port);
	s.data = data;
	f.l4_len = seg_build(buf, &s, PEER_ADDR, t->cfg.addr, x.bad_sum);
	if (x.cut >= 0 && x.cut < f.l4_len)
		f.l4_len = x.cut;
	f.ttl = x.ttl;
	net_inject(t, &f);
}

/* ---- out ---- */

static void want_u32(struct script *t, const struct capture *c, const char *what, int64_t want,
		     int64_t got)
{
	if (want != got)
		fail(t, "%s is %ld, not %ld:%s", what, (long)got, (long)want, capture_text(t, c));
}

static void check_win(struct script *t, const struct capture *c, const struct seg *s)
{
	if (take_word(t, "win>"))
		want_u32(t, c, "window is large enough", 1, s->win >= need_num(t, "win"));
	else if (take_word(t, "win<"))
		want_u32(t, c, "window is small enough", 1, s->win <= need_num(t, "win"));
	else if (take_word(t, "win"))
		want_u32(t, c, "window", need_num(t, "win"), s->win);
}

static void check_opts(struct script *t, const struct capture *c, const struct seg *s)
{
	const struct seg_opts *got = &s->opts;
	struct seg_opts want = { 0 };
	bool any[2];

	if (!t->opts)
		return;
	opts_parse_text(t, &want, false, any);
	want_u32(t, c, "MSS option", want.mss_ok ? want.mss : -1, got->mss_ok ? got->mss : -1);
	want_u32(t, c, "window scale option", want.wscale_ok ? want.wscale : -1,
		 got->wscale_ok ? got->wscale : -1);
	want_u32(t, c, "SACK-permitted option", want.sack_ok, got->sack_ok);
	want_u32(t, c, "timestamp option", want.ts_ok, got->ts_ok);
	if (want.ts_ok && !any[0])
		want_u32(t, c, "TSval", want.ts_val, got->ts_val);
	if (want.ts_ok && !any[1])
		want_u32(t, c, "TSecr", want.ts_ecr, got->ts_ecr);
	want_u32(t, c, "number of SACK blocks", want.n_sack, got->n_sack);
	for (unsigned int i = 0; i < want.n_sack; i++) {
		want_u32(t, c, "left edge", want.sack[i][0], got->sack[i][0]);
		want_u32(t, c, "right edge", want.sack[i][1], got->sack[i][1]);
	}
}

/* Whose the segment is, and what it teaches: our port and ISN. */
static void check_flow(struct script *t, const struct capture *c, const struct frame *f,
		       const struct seg *s)
{
	struct flow *fl = t->flow;

	if (f->src != t->cfg.addr || f->dst != PEER_ADDR || memcmp(c->data, peer_mac, 6))
		fail(t, "addresses are wrong:%s", capture_text(t, c));
	want_u32(t, c, "destination port", fl->peer_port, s->dport);
	if (s->flags & F_SYN) {
		if (!fl->local_port)
			fl->local_port = s->sport;
		if (!fl->our_isn_known)
			fl->our_isn = s->seq;
		fl->our_isn_known = true;
	}
	want_u32(t, c, "source port", fl->local_port, s->sport);
	if (s->opts.ts_ok)
		fl->last_ts = s->opts.ts_val;
}

static void check_data(struct script *t, const struct capture *c, const struct seg *s)
{
	uint64_t off = s->seq - t->flow->our_isn - 1;
	uint32_t good;

	if (s->flags & (F_SYN | F_RST))
		return;
	good = pattern_check(s->data, off, s->len, t->flow->peer_port);
	if (good != s->len)
		fail(t, "byte %u of the segment is not what was written:%s", good,
		     capture_text(t, c));
}

static void check_flags(struct script *t, const struct capture *c, const struct seg *s)
{
	const char *word = need_token(t, "flags");
	uint8_t dontcare, want = parse_flags(t, word, &dontcare);
	char name[9];

	if ((s->flags & ~dontcare) != (want & ~dontcare))
		fail(t, "flags are %s, not %s:%s", seg_flags_name(s->flags, name), word,
		     capture_text(t, c));
}

void tcp_out(struct script *t, struct capture *c)
{
	const struct flow *fl = t->flow;
	const char *err;
	struct frame f;
	struct seg s;
	uint32_t len;
	int64_t seq;

	err = frame_parse(c->data, c->len, &f);
	if (!err)
		err = seg_parse(&f, &s);
	if (err)
		fail(t, "%s:%s", err, capture_text(t, c));
	check_flow(t, c, &f, &s);
	check_flags(t, c, &s);
	need_range(t, &seq, &len);
	/* A RST that answers a stray segment has no sequence number of ours to count from. */
	want_u32(t, c, "sequence number", (uint32_t)(seq + (fl->our_isn_known ? fl->our_isn : 0)),
		 s.seq);
	want_u32(t, c, "length", len, s.len);
	if (take_word(t, "ack"))
		want_u32(t, c, "ack", (uint32_t)(fl->peer_isn + need_num(t, "ack")), s.ack);
	check_win(t, c, &s);
	if (take_word(t, "ttl"))
		want_u32(t, c, "TTL", need_num(t, "TTL"), f.ttl);
	if (take_word(t, "tos"))
		want_u32(t, c, "TOS", need_num(t, "TOS"), f.tos);
	if (take_word(t, "df"))
		want_u32(t, c, "DF", 1, f.df);
	check_opts(t, c, &s);
	check_data(t, c, &s);
}
