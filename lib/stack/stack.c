/* SPDX-License-Identifier: BSD-3-Clause */
/* The composition root: every table of functions between the layers is wired here. */
#include "stack/stack_priv.h"

#include "wire/ipv4.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

void stack_cfg_defaults(struct stack_cfg *cfg)
{
	*cfg = (struct stack_cfg){
		.tcp_conns_max = 16384,
		.udp_socks_max = 4096,
		.addrs_max = 256,
		.routes_max = 64,
		.frags_max = 256,
		.icmp_rate = 1000, /* a second, as Linux' icmp_msgs_per_sec */
		.rst_rate = 1000,
		.eph_first = 32768,
		.eph_last = 60999,
		.snd_win = 1u << 20,
		.rto_min_ms = 200,
		.msl_ms = 30000,
		.delack_ms = 40,
	};
}

static bool net_create(struct stack *s, const struct stack_cfg *cfg)
{
	const struct ip_cfg ip_cfg = {
		.env = &s->env,
		.addrs_max = cfg->addrs_max,
		.routes_max = cfg->routes_max,
		.frags_max = cfg->frags_max,
		.icmp_rate = cfg->icmp_rate,
	};

	s->ip = ip_create(&ip_cfg);
	s->tcp_ports =
		port_table_create(&s->env, cfg->tcp_conns_max, cfg->eph_first, cfg->eph_last);
	s->udp_ports =
		port_table_create(&s->env, cfg->udp_socks_max, cfg->eph_first, cfg->eph_last);
	return s->ip && s->tcp_ports && s->udp_ports;
}

static bool transports_create(struct stack *s, const struct stack_cfg *cfg)
{
	const struct tcp_cfg tcp_cfg = {
		.env = &s->env,
		.ip = s->ip,
		.ports = s->tcp_ports,
		.conns_max = cfg->tcp_conns_max,
		.snd_win = cfg->snd_win,
		.rto_min_ms = cfg->rto_min_ms,
		.msl_ms = cfg->msl_ms,
		.delack_ms = cfg->delack_ms,
		.rst_rate = cfg->rst_rate,
	};
	const struct udp_cfg udp_cfg = {
		.env = &s->env,
		.ip = s->ip,
		.ports = s->udp_ports,
		.socks_max = cfg->udp_socks_max,
	};

	s->tcp = tcp_create(&tcp_cfg);
	s->udp = udp_create(&udp_cfg);
	return s->tcp && s->udp;
}

static void wire_up(struct stack *s)
{
	ip_proto_set(s->ip, IP_PROTO_TCP, &tcp_ip_proto, s->tcp);
	ip_proto_set(s->ip, IP_PROTO_UDP, &udp_ip_proto, s->udp);
	s->types = (struct sock_types){
		.stream = &tcp_transport,
		.dgram = &udp_transport,
		.stream_ctx = s->tcp,
		.dgram_ctx = s->udp,
		.env = &s->env,
	};
}

struct stack *stack_create(const struct stack_cfg *cfg)
{
	struct stack *s = aligned_alloc(64, RTE_ALIGN_CEIL(sizeof(*s), 64));

	if (!s)
		return NULL;
	memset(s, 0, sizeof(*s));
	s->env.now = cfg->now;
	s->env.rng.state = cfg->seed;
	memcpy(&s->env.secret, cfg->secret, sizeof(s->env.secret));
	s->env.pool = cfg->pool;
	s->env.free_left = UINT32_MAX;
	list_init(&s->env.bins);
	if (!net_create(s, cfg) || !transports_create(s, cfg)) {
		stack_destroy(s);
		return NULL;
	}
	wire_up(s);
	return s;
}

void stack_destroy(struct stack *s)
{
	if (!s)
		return;
	sock_bins_free(&s->env, UINT_MAX);
	/* Top down; links last, since the layers above keep hints into them. */
	tcp_destroy(s->tcp);
	udp_destroy(s->udp);
	port_table_destroy(s->tcp_ports);
	port_table_destroy(s->udp_ports);
	ip_destroy(s->ip);
	for (unsigned int i = 0; i < s->n_links; i++)
		link_destroy(s->links[i]);
	free(s);
}

struct link *stack_link_add(struct stack *s, struct link_cfg *cfg)
{
	struct link *link;

	if (s->n_links == STACK_LINKS_MAX)
		return NULL;
	cfg->env = &s->env;
	link = link_create(cfg);
	if (!link)
		return NULL;
	link_set_up(link, &ip_link_up, s->ip);
	s->links[s->n_links++] = link;
	return link;
}

struct ip *stack_ip(struct stack *s)
{
	return s->ip;
}

struct env *stack_env(struct stack *s)
{
	return &s->env;
}

const struct sock_types *stack_sock_types(struct stack *s)
{
	return &s->types;
}
