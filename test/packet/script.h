/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packet scripts: a text file plays the peer and the consumer of one stack, on a virtual clock.
 * The language is described in README; here is the interpreter's state.
 */
#ifndef OUTSOCK_TEST_SCRIPT_H
#define OUTSOCK_TEST_SCRIPT_H

#include "frame.h"
#include "host.h"

#include <rte_ip.h>

#include <stdio.h>

#define SCRIPT_FLOWS	16
#define SCRIPT_TOKENS	32
#define SCRIPT_SLACK_NS (3 * NSEC_PER_MSEC) /* timers fire up to two ticks late, never early */

#define PEER_ADDR    RTE_IPV4(10, 77, 0, 1)
#define OFFLINK_ADDR 0xc0000201u /* 192.0.2.1: documentation */

/* One connection or datagram socket, as the script sees it. Ports in host order. */
struct flow {
	uint16_t peer_port, local_port;
	uint32_t peer_isn, our_isn;
	bool our_isn_known;
	uint16_t win;	  /* of incoming segments that name none */
	uint32_t last_ts; /* TSval of the last segment out */
	struct sock *s;
};

/* A frame that the stack sent. */
struct capture {
	struct capture *next;
	uint64_t time;
	uint32_t len;
	uint8_t data[];
};

struct script {
	const char *file;
	unsigned int line_no;
	char line[512]; /* as written */
	char tokens_buf[512];
	char *tok[SCRIPT_TOKENS];
	unsigned int n_tok, at; /* tokens; next one to read */
	char *opts;		/* text between < and >, or NULL */
	int want_err;		/* "= ENAME" at the end of the line, positive */

	struct host_cfg cfg;
	struct host host;
	bool started, hold, no_arp, arp_asked, verbose;
	uint32_t isn, credit;
	struct flow flows[SCRIPT_FLOWS];
	struct flow *flow;
	struct capture *out_head, *out_tail;
	uint64_t lo, hi; /* ns: the line's time, from "+MS" or "+MS..MS" */
	uint16_t ip_id;
};

/* script.c */
_Noreturn void fail(struct script *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const char *next_token(struct script *t); /* NULL at the end of the line */
const char *need_token(struct script *t, const char *what);
bool take_word(struct script *t, const char *word);
int64_t need_num(struct script *t, const char *what);
/* "broadcast", "subnet", "offlink" or nothing (the peer), in host order. */
uint32_t take_addr(struct script *t);
int64_t parse_num(struct script *t, const char *s, const char *what);
/* "SEQ(LEN)" */
void need_range(struct script *t, int64_t *ret_seq, uint32_t *ret_len);
int errno_by_name(struct script *t, const char *name);
const char *errno_name(int err);

/* script_net.c: time and captured frames */
void net_start(struct script *t);
void net_run(struct script *t);			 /* lets leave what wants to, unless on hold */
void net_advance(struct script *t, uint64_t ns); /* time passes; nothing may leave */
struct capture *net_wait(struct script *t);	 /* the next frame, within t->lo and t->hi */
void net_quiet(struct script *t);		 /* fails when a frame is there */
void net_capture(void *ctx, struct rte_mbuf *m);
void net_inject(struct script *t, struct frame *f); /* src, dst, ttl are filled in */
void print_frame(const struct script *t, FILE *to, const char *dir, const uint8_t *data,
		 uint32_t len);
const char *capture_text(const struct script *t, const struct capture *c);

/* script_tcp.c: segments in and out */
void tcp_in(struct script *t);
void tcp_out(struct script *t, struct capture *c);
void opts_parse_text(struct script *t, struct seg_opts *o, bool incoming, bool ret_any[2]);
extern const uint8_t peer_mac[6];

/* script_dgram.c: UDP, ICMP, ARP */
bool dgram_in(struct script *t); /* false: the line is a TCP one */
bool dgram_out(struct script *t, struct capture *c);
void net_arp_reply(struct script *t); /* "< arp reply" */

/* script_sock.c: the consumer */
bool sock_command(struct script *t, const char *word);
struct ip_endpoint endpoint(uint32_t addr, uint16_t port);
struct sock *need_sock(struct script *t);
void want_rc(struct script *t, const char *what, int rc); /* compares with "= ENAME" */
void want_event(struct script *t, struct sock *s, uint16_t events, const char *name);
void took(struct script *t, struct sock *s, uint16_t events); /* handled */

/* script_data.c: commands that move bytes */
void cmd_read(struct script *t);
void cmd_rxq(struct script *t);
void cmd_credit(struct script *t);
void cmd_write(struct script *t);
void cmd_acked(struct script *t);
void cmd_send(struct script *t);
void cmd_sendto(struct script *t);
void cmd_recv(struct script *t);

#endif
