/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs packet scripts: the lines, their tokens, their order. The language: README. */
#include "script.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	int err;
} errnos[] = {
#define E(name) \
	{ \
#name, name \
	}
	E(EACCES),	 E(EADDRINUSE),	  E(EADDRNOTAVAIL), E(EAFNOSUPPORT), E(EAGAIN),
	E(EALREADY),	 E(ECONNABORTED), E(ECONNREFUSED),  E(ECONNRESET),   E(EDESTADDRREQ),
	E(EHOSTUNREACH), E(EINVAL),	  E(EISCONN),	    E(EMSGSIZE),     E(ENETUNREACH),
	E(ENFILE),	 E(ENOBUFS),	  E(ENOPROTOOPT),   E(ENOTCONN),     E(EOPNOTSUPP),
	E(EPIPE),	 E(EPROTO),	  E(ETIMEDOUT),
#undef E
};

int errno_by_name(struct script *t, const char *name)
{
	for (unsigned int i = 0; i < RTE_DIM(errnos); i++)
		if (!strcmp(errnos[i].name, name))
			return errnos[i].err;
	fail(t, "error \"%s\" is unknown to the runner (script.c, errnos)", name);
}

const char *errno_name(int err)
{
	for (unsigned int i = 0; i < RTE_DIM(errnos); i++)
		if (errnos[i].err == err)
			return errnos[i].name;
	return err ? strerror(err) : "success";
}

void fail(struct script *t, const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fprintf(stderr, "%s:%u: %s\n%s:%u: ", t->file, t->line_no, t->line, t->file, t->line_no);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\n");
	for (const struct capture *c = t->out_head; c; c = c->next)
		print_frame(t, stderr, "  not yet looked at: >", c->data, c->len);
	exit(1);
}

const char *next_token(struct script *t)
{
	return t->at < t->n_tok ? t->tok[t->at++] : NULL;
}

const char *need_token(struct script *t, const char *what)
{
	const char *s = next_token(t);

	if (!s)
		fail(t, "%s expected", what);
	return s;
}

bool take_word(struct script *t, const char *word)
{
	if (t->at == t->n_tok || strcmp(t->tok[t->at], word))
		return false;
	t->at++;
	return true;
}

int64_t parse_num(struct script *t, const char *s, const char *what)
{
	char *end;
	int64_t v;

	errno = 0;
	v = strtoll(s, &end, 0);
	if (end == s || *end || errno)
		fail(t, "%s: \"%s\" is not a number", what, s);
	return v;
}

int64_t need_num(struct script *t, const char *what)
{
	return parse_num(t, need_token(t, what), what);
}

void need_range(struct script *t, int64_t *ret_seq, uint32_t *ret_len)
{
	char *s, *open, *close;

	need_token(t, "SEQ(LEN)");
	s = t->tok[t->at - 1];
	open = strchr(s, '(');
	close = open ? strchr(open, ')') : NULL;
	if (!close || close[1])
		fail(t, "SEQ(LEN) expected, not \"%s\"", s);
	*open = *close = 0;
	*ret_seq = parse_num(t, s, "sequence number");
	*ret_len = parse_num(t, open + 1, "length");
}

/* ---- lines ---- */

static void set_stack(struct script *t, const char *name, uint32_t v)
{
	const struct {
		const char *name;
		uint32_t *at;
	} u32[] = {
		{ "isn", &t->isn },
		{ "credit", &t->credit },
		{ "snd_win", &t->cfg.stack.snd_win },
		{ "delack_ms", &t->cfg.stack.delack_ms },
		{ "rto_min_ms", &t->cfg.stack.rto_min_ms },
		{ "msl_ms", &t->cfg.stack.msl_ms },
		{ "conns_max", &t->cfg.stack.tcp_conns_max },
		{ "udp_socks_max", &t->cfg.stack.udp_socks_max },
		{ "icmp_rate", &t->cfg.stack.icmp_rate },
		{ "rst_rate", &t->cfg.stack.rst_rate },
		{ "max_socks", &t->cfg.max_socks },
		{ "max_pkts", &t->cfg.max_pkts },
		{ "offload", &t->cfg.offload },
	};

	for (unsigned int i = 0; i < RTE_DIM(u32); i++) {
		if (!strcmp(u32[i].name, name)) {
			*u32[i].at = v;
			return;
		}
	}
	if (!strcmp(name, "mtu"))
		t->cfg.mtu = v;
	else if (!strcmp(name, "eph_first"))
		t->cfg.stack.eph_first = v;
	else if (!strcmp(name, "eph_last"))
		t->cfg.stack.eph_last = v;
	else if (!strcmp(name, "no_arp"))
		t->no_arp = v;
	else
		fail(t, "nothing named \"%s\" to set", name);
}

static void cmd_set(struct script *t)
{
	const char *name = need_token(t, "name");

	if (t->started)
		fail(t, "set must come before all other lines");
	set_stack(t, name, need_num(t, "value"));
}

static void cmd_use(struct script *t)
{
	int64_t i = need_num(t, "flow number");

	if (i < 0 || i >= SCRIPT_FLOWS)
		fail(t, "flows are 0 to %u", SCRIPT_FLOWS - 1);
	t->flow = &t->flows[i];
}

static void cmd_counter(struct script *t, const char *prefix)
{
	char name[128];
	int64_t want, got;

	snprintf(name, sizeof(name), "%s%s", prefix, need_token(t, "counter"));
	want = need_num(t, "value");
	got = host_counter(&t->host, name);
	if (got != want)
		fail(t, "counter %s is %ld, not %ld", name, (long)got, (long)want);
}

static void command(struct script *t)
{
	const char *word = need_token(t, "command");

	if (!strcmp(word, "hold"))
		t->hold = true;
	else if (!strcmp(word, "go"))
		t->hold = false;
	else if (!strcmp(word, "use"))
		cmd_use(t);
	else if (!strcmp(word, "peerport"))
		t->flow->peer_port = need_num(t, "port");
	else if (!strcmp(word, "drop"))
		cmd_counter(t, "drop/");
	else if (!strcmp(word, "count"))
		cmd_counter(t, "");
	else if (!sock_command(t, word))
		fail(t, "no command \"%s\"", word);
}

static void arrow_out(struct script *t)
{
	struct capture *c = net_wait(t);

	if (!dgram_out(t, c))
		tcp_out(t, c);
	free(c);
}

static void arrow_in(struct script *t)
{
	if (!dgram_in(t))
		tcp_in(t);
	net_run(t);
}

/* "+40", "+40..60": when the line happens, in ms after the one before. */
static void take_time(struct script *t)
{
	char *s, *dots;

	t->lo = t->hi = 0;
	if (t->n_tok == 0 || t->tok[0][0] != '+')
		return;
	s = t->tok[t->at++] + 1;
	dots = strstr(s, "..");
	if (dots)
		*dots = 0;
	t->lo = t->hi = parse_num(t, s, "time") * NSEC_PER_MSEC;
	if (dots)
		t->hi = parse_num(t, dots + 2, "time") * NSEC_PER_MSEC;
}

/* "<options>" at the end of the line: cut off, and kept. */
static void take_opts(struct script *t, char *s)
{
	char *open = strrchr(s, '<'), *close = strrchr(s, '>');

	t->opts = NULL;
	if (!open || !close || close < open)
		return;
	if (close[1 + strspn(close + 1, " \t")])
		fail(t, "options come last");
	*open = *close = 0;
	t->opts = open + 1;
}

/* Cuts the comment, takes "<options>" and "= ERROR" out, splits the rest. False: nothing there. */
static bool tokenize(struct script *t)
{
	char *s = t->tokens_buf, *p, *save = NULL;

	snprintf(s, sizeof(t->tokens_buf), "%s", t->line);
	t->n_tok = t->at = 0;
	t->want_err = 0;
	s[strcspn(s, "#\n")] = 0;
	take_opts(t, s);
	for (p = strtok_r(s, " \t", &save); p; p = strtok_r(NULL, " \t", &save)) {
		if (t->n_tok == SCRIPT_TOKENS)
			fail(t, "more than %u words", SCRIPT_TOKENS);
		t->tok[t->n_tok++] = p;
	}
	if (t->n_tok >= 2 && !strcmp(t->tok[t->n_tok - 2], "=")) {
		t->want_err = errno_by_name(t, t->tok[t->n_tok - 1]);
		t->n_tok -= 2;
	}
	return t->n_tok > 0;
}

static void run_line(struct script *t)
{
	if (!tokenize(t))
		return;
	if (take_word(t, "set")) {
		cmd_set(t);
		return;
	}
	if (!t->started)
		net_start(t);
	take_time(t);
	if (take_word(t, ">")) {
		arrow_out(t);
	} else {
		net_advance(t, t->lo);
		if (take_word(t, "<"))
			arrow_in(t);
		else if (t->at < t->n_tok)
			command(t);
		net_run(t);
	}
	if (t->at < t->n_tok)
		fail(t, "what is \"%s\"?", t->tok[t->at]);
}

static void finish(struct script *t)
{
	unsigned int leaked;

	snprintf(t->line, sizeof(t->line), "(end)");
	t->line_no++;
	if (!t->started)
		fail(t, "the script does nothing");
	net_quiet(t);
	leaked = host_fini(&t->host);
	if (leaked)
		fail(t, "%u packets were not freed", leaked);
	while (t->out_head) {
		struct capture *c = t->out_head;

		t->out_head = c->next;
		free(c);
	}
}

static void run_file(const char *file, bool verbose)
{
	struct script *t = calloc(1, sizeof(*t));
	FILE *f = fopen(file, "r");

	if (!t || !f) {
		fprintf(stderr, "%s: %s\n", file, strerror(errno));
		exit(1);
	}
	t->file = file;
	t->verbose = verbose;
	t->isn = 1000000;
	t->credit = 65535;
	host_cfg_defaults(&t->cfg);
	while (fgets(t->line, sizeof(t->line), f)) {
		t->line[strcspn(t->line, "\n")] = 0;
		t->line_no++;
		run_line(t);
	}
	fclose(f);
	finish(t);
	free(t);
}

int main(int argc, char **argv)
{
	bool verbose = argc > 1 && !strcmp(argv[1], "-v");

	if (argc < 2 + verbose) {
		fprintf(stderr, "usage: %s [-v] SCRIPT...\n", argv[0]);
		return 2;
	}
	for (int i = 1 + verbose; i < argc; i++) {
		run_file(argv[i], verbose);
		printf("ok %s\n", argv[i]);
	}
	return 0;
}
