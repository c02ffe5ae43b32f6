/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rules between values. Each function reports every mistake of its kind; the order of the sections
 * in the file does not matter.
 */
#include "main/config_key.h"
#include "main/place.h"

#include <arpa/inet.h>
#include <string.h>

#define PKT_OVERHEAD 512u /* of a packet buffer: its headers, headroom and place in the pool */

#define DP_KEY(field) conf_key_index(DATAPLANE, offsetof(struct conf_dataplane, field))
#define LC_KEY(field) conf_key_index(LCORE, offsetof(struct conf_lcore, field))
#define PO_KEY(field) conf_key_index(PORT, offsetof(struct conf_port, field))
#define GU_KEY(field) conf_key_index(GUEST, offsetof(struct conf_guest, field))
#define DATAPLANE     (&conf_kinds[CONF_KIND_DATAPLANE])
#define LCORE	      (&conf_kinds[CONF_KIND_LCORE])
#define PORT	      (&conf_kinds[CONF_KIND_PORT])
#define GUEST	      (&conf_kinds[CONF_KIND_GUEST])

static const char *class_name(uint32_t class)
{
	return class == LCORE_RT ? "rt" : "non-rt";
}

/* A busy FIFO thread lets nobody else on its CPU run. */
static void check_busy_rt(struct config *c, const struct conf_lcore *lc, unsigned int n_cpus)
{
	struct conf_cpus control;
	static const char right[] = "poll = adaptive, or a CPU that nothing else uses";
	unsigned int key = LC_KEY(poll);

	if (lc->class != LCORE_RT || lc->poll != POLL_BUSY)
		return;
	for (unsigned int i = 0; i < c->n_lcores; i++) {
		const struct conf_lcore *o = &c->lcores[i];

		if (o != lc && o->cpu == lc->cpu)
			conf_mistake(c, LCORE, &lc->head, key, right,
				     "a busy RT lcore shares CPU %u with lcore %s", lc->cpu,
				     o->head.name);
	}
	config_control_cpus(c, n_cpus, &control);
	if (conf_has_cpu(&control, lc->cpu))
		conf_mistake(c, LCORE, &lc->head, key, right,
			     "a busy RT lcore shares CPU %u with the control threads", lc->cpu);
}

static void check_class_keys(struct config *c, const struct conf_lcore *lc)
{
	for (unsigned int k = 0; k < LCORE->n_keys; k++) {
		if (!lc->head.key_line[k] || conf_key_applies(&LCORE->keys[k], lc->class))
			continue;
		conf_mistake(c, LCORE, &lc->head, k,
			     lc->class == LCORE_RT ? "priority" : "nice, or class = rt",
			     "the key has no meaning with class = %s", class_name(lc->class));
	}
}

static void check_lcores(struct config *c, unsigned int n_cpus)
{
	uint64_t packets = 0, most;

	for (unsigned int i = 0; i < c->n_lcores; i++) {
		const struct conf_lcore *lc = &c->lcores[i];

		packets += lc->packets;
		check_class_keys(c, lc);
		if (lc->cpu >= n_cpus)
			conf_mistake(c, LCORE, &lc->head, LC_KEY(cpu), "a CPU that it has",
				     "this machine has no CPU %u, its last is %u", lc->cpu,
				     n_cpus - 1);
		else
			check_busy_rt(c, lc, n_cpus);
	}
	if (!c->n_lcores)
		conf_mistake(c, DATAPLANE, &c->dataplane->head, CONF_NO_KEY,
			     "at least one [lcore N]", "there is no lcore");
	/* A fifth is for rings, caches and the vhost library. */
	most = c->dataplane->memory / 5 * 4 / (config_pkt_room(c) + PKT_OVERHEAD);
	if (packets > most)
		conf_mistake(c, DATAPLANE, &c->dataplane->head, DP_KEY(memory),
			     "more memory, or smaller packets = in [lcore N]",
			     "the lcores' %llu packets do not fit: %llu would",
			     (unsigned long long)packets, (unsigned long long)most);
	if (c->dataplane->control_cpu >= (int)n_cpus)
		conf_mistake(c, DATAPLANE, &c->dataplane->head, DP_KEY(control_cpu),
			     "auto, or a CPU that it has", "this machine has no CPU %d",
			     c->dataplane->control_cpu);
}

static bool same_net(uint32_t be, const struct guest_addr *a)
{
	return !((ntohl(be) ^ ntohl(a->addr.w[3])) >> (32 - a->prefix_len));
}

/* A router must be reachable through the prefix of a guest's address. */
static void check_router(struct config *c, const struct conf_port *p, uint32_t be, unsigned int key)
{
	unsigned int n_guests = 0;

	for (unsigned int i = 0; i < c->n_guests; i++) {
		const struct conf_guest *g = &c->guests[i];

		if (strcmp(g->port, p->head.name))
			continue;
		n_guests++;
		for (unsigned int k = 0; k < g->addrs.n; k++)
			if (same_net(be, &g->addrs.addr[k]))
				return;
	}
	if (n_guests)
		conf_mistake(c, PORT, &p->head, key,
			     "an address in the network of a guest of this port",
			     "no guest of this port has an address in the %s's network",
			     key == PO_KEY(gateway) ? "gateway" : "router");
}

static void check_routes(struct config *c, struct conf_port *p)
{
	unsigned int key = PO_KEY(routes);

	for (unsigned int i = 0; i < p->routes.n; i++) {
		const struct conf_route *r = &p->routes.route[i];

		p->head.key_line[key] = p->routes.line[i];
		check_router(c, p, r->via, key);
		for (unsigned int k = 0; k < i; k++)
			if (p->routes.route[k].dst == r->dst &&
			    p->routes.route[k].prefix_len == r->prefix_len)
				conf_mistake(c, PORT, &p->head, key, "one route to each network",
					     "line %u has a route to this network",
					     p->routes.line[k]);
	}
}

static void check_ports(struct config *c)
{
	for (unsigned int i = 0; i < c->n_ports; i++) {
		struct conf_port *p = &c->ports[i];

		if (p->gateway)
			check_router(c, p, p->gateway, PO_KEY(gateway));
		check_routes(c, p);
		for (unsigned int k = 0; k < i; k++)
			if (!strcmp(c->ports[k].device, p->device))
				conf_mistake(c, PORT, &p->head, PO_KEY(device),
					     "each device for one port", "port %s has this device",
					     c->ports[k].head.name);
	}
}

static void check_guest_lcore(struct config *c, const struct conf_guest *g)
{
	int i = config_lcore_index(c, g->lcore);

	if (g->lcore != CONF_AUTO) {
		if (i < 0)
			conf_mistake(c, GUEST, &g->head, GU_KEY(lcore), NULL,
				     "there is no [lcore %d]", g->lcore);
		else if (c->lcores[i].class != g->class)
			conf_mistake(c, GUEST, &g->head, GU_KEY(lcore), NULL,
				     "lcore %d is class = %s, the guest is %s", g->lcore,
				     class_name(c->lcores[i].class), class_name(g->class));
		return;
	}
	for (unsigned int k = 0; k < c->n_lcores; k++)
		if (c->lcores[k].class == g->class)
			return;
	conf_mistake(c, GUEST, &g->head, GU_KEY(class), "the class of some [lcore N]",
		     "no lcore has class = %s", class_name(g->class));
}

static bool is_router(const struct conf_port *p, uint32_t be)
{
	for (unsigned int i = 0; i < p->routes.n; i++)
		if (p->routes.route[i].via == be)
			return true;
	return p->gateway == be;
}

/* Does @g, at its address @i, collide with an address before it in the configuration? */
static void check_address(struct config *c, unsigned int guest, unsigned int i)
{
	struct conf_guest *g = &c->guests[guest];
	unsigned int key = GU_KEY(addrs);

	for (unsigned int o = 0; o <= guest; o++) {
		const struct conf_addrs *other = &c->guests[o].addrs;

		for (unsigned int k = 0; k < (o == guest ? i : other->n); k++) {
			if (!ip_addr_eq(&other->addr[k].addr, &g->addrs.addr[i].addr))
				continue;
			g->head.key_line[key] = g->addrs.line[i];
			conf_mistake(c, GUEST, &g->head, key, "each address for exactly one guest",
				     "the address is guest %s's already", c->guests[o].head.name);
		}
	}
	for (unsigned int p = 0; p < c->n_ports; p++)
		if (is_router(&c->ports[p], g->addrs.addr[i].addr.w[3]))
			conf_mistake(c, GUEST, &g->head, key, "another address",
				     "the address is %s of port %s",
				     c->ports[p].gateway == g->addrs.addr[i].addr.w[3]
					     ? "the gateway"
					     : "a router",
				     c->ports[p].head.name);
}

static void check_guests(struct config *c)
{
	for (unsigned int i = 0; i < c->n_guests; i++) {
		struct conf_guest *g = &c->guests[i];

		check_guest_lcore(c, g);
		if (!config_port(c, g->port))
			conf_mistake(c, GUEST, &g->head, GU_KEY(port), NULL,
				     "there is no [port %s]", g->port);
		for (unsigned int k = 0; k < i; k++)
			if (!strcmp(c->guests[k].socket, g->socket))
				conf_mistake(c, GUEST, &g->head, GU_KEY(socket),
					     "a socket of its own for each guest",
					     "guest %s has this socket", c->guests[k].head.name);
		for (unsigned int k = 0; k < g->addrs.n; k++)
			check_address(c, i, k);
	}
}

/* Where the guests will be, none may hold packets that another one, or reception, counts on. */
static void check_quotas(struct config *c)
{
	struct place_quota quotas[CONF_LCORES_MAX] = { { 0 } };
	unsigned int load[CONF_LCORES_MAX] = { 0 };

	for (unsigned int i = 0; i < c->n_guests; i++) {
		const struct conf_guest *g = &c->guests[i];
		int lcore = place_guest(c, g, load);
		uint32_t room;

		if (lcore < 0)
			continue;
		room = place_quota_room(c, (unsigned int)lcore);
		load[lcore]++;
		place_quota_add(&quotas[lcore], g);
		if (!place_quota_share(&quotas[lcore], room))
			conf_mistake(c, GUEST, &g->head, GU_KEY(max_pkts),
				     "auto, smaller quotas, or more packets = in [lcore N]",
				     "lcore %s has %u packets for its guests, and not enough for "
				     "this one",
				     c->lcores[lcore].head.name, room);
	}
}

void config_check_unplaced(struct config *c, unsigned int n_cpus)
{
	check_lcores(c, n_cpus);
	check_ports(c);
	check_guests(c);
}

void config_check(struct config *c, unsigned int n_cpus)
{
	config_check_unplaced(c, n_cpus);
	check_quotas(c);
}
