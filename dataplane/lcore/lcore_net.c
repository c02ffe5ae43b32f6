/* SPDX-License-Identifier: BSD-3-Clause */
/* What hangs on an lcore: links, RX queues, the address map. The control thread asks for it. */
#include "lcore/lcore_priv.h"
#include "main/log.h"

#include <errno.h>

#define NEIGH_MAX 1024

static int add_routes(struct lcore *lc, const struct conf_port *conf, struct link *link)
{
	struct ip *ip = stack_ip(lc->stack);
	struct ip_addr dst = ip_addr_v4(0), via = ip_addr_v4(conf->gateway);
	int err = conf->gateway ? ip_route_add(ip, &dst, 0, &via, link) : 0;

	for (unsigned int i = 0; i < conf->routes.n && !err; i++) {
		const struct conf_route *r = &conf->routes.route[i];

		dst = ip_addr_v4(r->dst);
		via = ip_addr_v4(r->via);
		err = ip_route_add(ip, &dst, r->prefix_len, &via, link);
	}
	return err;
}

int lcore_port_add(struct lcore *lc, struct port *port)
{
	const struct conf_port *conf = port_conf(port);
	struct port_if *pi = port_if(port, lc->index);
	struct link_cfg cfg = {
		.ops = &lcore_link_ops,
		.ctx = pi,
		.mac = *port_mac(port),
		.vlan = (uint16_t)conf->vlan,
		.mtu = (uint16_t)conf->mtu,
		.offload = port_offload(port),
		.neigh_max = NEIGH_MAX,
	};

	pi->lc = lc;
	pi->env = lc->env;
	pi->measure = lcore_measure_tx;
	pi->link = stack_link_add(lc->stack, &cfg);
	if (!pi->link)
		return -ENOMEM;
	lc->ifs[lc->n_ports++] = pi;
	return add_routes(lc, conf, pi->link);
}

struct link *lcore_link(struct lcore *lc, unsigned int port)
{
	return lc->ifs[port]->link;
}

/* ---- RX queues ---- */

struct rxq_call {
	struct lcore *lc;
	struct port *port;
	int err;
};

/* Which of the port's queues are for this lcore: its own, or all of them. */
static bool queue_is_ours(const struct lcore *lc, const struct port *port, uint16_t q)
{
	return !port_steered(port) || q == port_queue_of(port, lc->index);
}

/* Does another lcore's pool give the packets? */
static bool other_holds(const struct lcore *lc, const struct port *port)
{
	return !port_steered(port) && port_holder(port) != lc->index;
}

static void set_napping(struct lcore *lc)
{
	lc->napping = false;
	for (unsigned int i = 0; i < lc->n_rxqs; i++)
		lc->napping |= port_wait(lc->rxqs[i].port) == PORT_WAIT_NAP;
}

static void rxq_add(void *arg)
{
	struct rxq_call *call = arg;
	struct lcore *lc = call->lc;

	for (uint16_t q = 0; q < port_n_rxq(call->port); q++) {
		if (!queue_is_ours(lc, call->port, q))
			continue;
		if (lc->n_rxqs == LCORE_RXQS_MAX) {
			call->err = -ENOSPC;
			return;
		}
		lc->rxqs[lc->n_rxqs++] = (struct lcore_rxq){ call->port, port_dev(call->port), q,
							     other_holds(lc, call->port) };
	}
	set_napping(lc);
}

static void rxq_del(void *arg)
{
	struct rxq_call *call = arg;
	struct lcore *lc = call->lc;
	unsigned int kept = 0;

	for (unsigned int i = 0; i < lc->n_rxqs; i++)
		if (lc->rxqs[i].port != call->port)
			lc->rxqs[kept++] = lc->rxqs[i];
	lc->n_rxqs = kept;
	set_napping(lc);
}

/* Steered: a descriptor for each queue. Else they are all of the one who polls. */
static int add_fds(struct lcore *lc, const struct port *port)
{
	const int *fds;
	unsigned int n = port_wait_fds(port, &fds);
	int err = 0;

	for (unsigned int i = 0; i < n && !err; i++)
		if (queue_is_ours(lc, port, (uint16_t)i))
			err = lcore_wait_add(lc, fds[i], port_wait(port) == PORT_WAIT_INTR);
	return err;
}

static void del_fds(struct lcore *lc, const struct port *port)
{
	const int *fds;
	unsigned int n = port_wait_fds(port, &fds);

	for (unsigned int i = 0; i < n; i++)
		lcore_wait_del(lc, fds[i]);
}

int lcore_rxq_add(struct lcore *lc, struct port *port)
{
	struct rxq_call call = { .lc = lc, .port = port };

	call.err = add_fds(lc, port);
	if (!call.err)
		lcore_call(lc, rxq_add, &call);
	if (call.err)
		lcore_rxq_del(lc, port);
	return call.err;
}

void lcore_rxq_del(struct lcore *lc, struct port *port)
{
	struct rxq_call call = { .lc = lc, .port = port };

	lcore_call(lc, rxq_del, &call);
	del_fds(lc, port);
}

/* ---- address map ---- */

struct map_call {
	struct lcore *lc;
	const struct addr_map *map;
};

static void map_set(void *arg)
{
	struct map_call *call = arg;

	call->lc->map = call->map;
	ip_flows_stale(stack_ip(call->lc->stack));
}

void lcore_map_set(struct lcore *lc, const struct addr_map *map)
{
	struct map_call call = { .lc = lc, .map = map };

	lcore_call(lc, map_set, &call);
}

/* ---- guests: on the lcore ---- */

void lcore_set_quanta(struct lcore *lc, struct guest_seat *seat)
{
	int32_t bytes = (int32_t)lc->budget[BUDGET_guest_bytes];

	seat->tx.quantum = (struct share_amount){
		(int32_t)guest_config(seat->guest)->max_msgs,
		bytes,
	};
	seat->rx.quantum =
		(struct share_amount){ (int32_t)lc->budget[BUDGET_guest_messages], bytes };
}

void lcore_guest_add(struct lcore *lc, struct guest *g)
{
	struct guest_seat *seat = guest_seat(g);

	share_init(&seat->tx, guest_config(g)->priority);
	share_init(&seat->rx, guest_config(g)->priority);
	lcore_set_quanta(lc, seat);
	lcore_seat_take(lc, seat);
	list_add_tail(&lc->guests, &seat->link);
	guest_wakes(g, &lc->woken);
	list_add_tail(&lc->snaps, &seat->snap);
	lc->n_guests++;
	lcore_touch(lc, seat);
	lc->snap_due = true;
}

void lcore_guest_del(struct lcore *lc, struct guest *g)
{
	struct guest_seat *seat = guest_seat(g);

	if (list_empty(&seat->link))
		return;
	guest_wakes(g, NULL);
	share_leave(&lc->guests_tx, &seat->tx);
	share_leave(&lc->guests_rx, &seat->rx);
	lcore_seat_give(lc, seat);
	list_del(&seat->link);
	list_del(&seat->touched);
	list_del(&seat->upkeep);
	list_del(&seat->snap);
	lc->n_guests--;
	lc->n_snaps = RTE_MIN(lc->n_snaps, lc->n_guests);
}

int lcore_fd_add(struct lcore *lc, int fd)
{
	return lcore_wait_add(lc, fd, true);
}

void lcore_fd_del(struct lcore *lc, int fd)
{
	lcore_wait_del(lc, fd);
}
