/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TCP (RFC 9293) for one stack instance. Connections are sockets (tcp_transport); this header is
 * what the stack needs. State is private: tcp_conn.h.
 */
#ifndef OUTSOCK_TCP_TCP_H
#define OUTSOCK_TCP_TCP_H

#include "ip/ip.h"
#include "sock/sock_ops.h"

struct tcp;

/* Named counters that are not drops: one list. */
enum tcp_count {
#define TCP_COUNT(name, text) TCP_##name,
#include "tcp/tcp_count.def"
#undef TCP_COUNT
	TCP_COUNT_N
};

struct tcp_cfg {
	struct env *env;
	struct ip *ip;
	struct port_table *ports;
	uint32_t conns_max;  /* connections, all states */
	uint32_t snd_win;    /* default bytes a consumer may have unacknowledged */
	uint32_t rto_min_ms; /* RFC 6298 (2.4) says 1,000; 200 is the practice */
	uint32_t msl_ms;     /* TIME-WAIT is twice this */
	uint32_t delack_ms;  /* 60 at most */
	/*
	 * RSTs a second for what belongs to no connection of an owner, and a quarter of that at
	 * once.
	 */
	uint32_t rst_rate;
};

struct tcp *tcp_create(const struct tcp_cfg *cfg); /* start-up only */
void tcp_destroy(struct tcp *tcp);		   /* takes NULL */

extern const struct sock_transport tcp_transport; /* ctx: struct tcp */
extern const struct ip_proto tcp_ip_proto;	  /* ctx: struct tcp */

/* Timers that are due, at most @budget. True when more are due. */
bool tcp_timers(struct tcp *tcp, unsigned int budget);
/* Emits what connections have to send, at most @budget packets. True when more waits. */
bool tcp_tx(struct tcp *tcp, unsigned int budget);
uint64_t tcp_next(const struct tcp *tcp);

const uint64_t *tcp_counts(const struct tcp *tcp); /* TCP_COUNT_N of them */
const char *tcp_count_name(enum tcp_count c);
const char *tcp_state_name(const struct sock *s); /* "ESTABLISHED" */
/*
 * A connection in numbers, for dumps; bytes and microseconds. Zero but for @state before
 * ESTABLISHED.
 */
struct tcp_info {
	const char *state;
	uint32_t srtt_us, rto_us;
	uint32_t cwnd, ssthresh, mss;
	uint32_t snd_wnd, rcv_wnd;
	uint32_t in_flight, unsent;
	uint32_t rx_queued; /* that the consumer has not taken */
};
void tcp_info(const struct sock *s, struct tcp_info *ret_info);

struct outsock_resume;
/* The resume record of a connected stream (ABI form). */
void tcp_resume_record(const struct sock *s, struct outsock_resume *ret_record);

#endif
