/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Steering by the device: a rule for each address of a guest sends its packets to the queue of the
 * guest's lcore, so that packets of RT and of other guests never meet. What has no rule (ARP,
 * broadcasts) goes to queue 0, whose lcore copies what all need to know.
 */
#include "main/log.h"
#include "port/port_priv.h"

#include <errno.h>
#include <stdlib.h>

static struct rte_flow *rule(uint16_t dev, uint32_t be, uint16_t queue, bool create,
			     struct rte_flow_error *err)
{
	const struct rte_flow_attr attr = { .ingress = 1 };
	const struct rte_flow_item_ipv4 dst = { .hdr.dst_addr = be };
	const struct rte_flow_item_ipv4 mask = { .hdr.dst_addr = UINT32_MAX };
	const struct rte_flow_action_queue to = { .index = queue };
	const struct rte_flow_item items[] = {
		{ .type = RTE_FLOW_ITEM_TYPE_ETH },
		{ .type = RTE_FLOW_ITEM_TYPE_IPV4, .spec = &dst, .mask = &mask },
		{ .type = RTE_FLOW_ITEM_TYPE_END },
	};
	const struct rte_flow_action actions[] = {
		{ .type = RTE_FLOW_ACTION_TYPE_QUEUE, .conf = &to },
		{ .type = RTE_FLOW_ACTION_TYPE_END },
	};

	if (rte_flow_validate(dev, &attr, items, actions, err))
		return NULL;
	return create ? rte_flow_create(dev, &attr, items, actions, err) : (struct rte_flow *)-1;
}

bool port_flow_possible(uint16_t dev, uint16_t queue)
{
	struct rte_flow_error err;

	return rule(dev, RTE_BE32(0xc0000201), queue, false, &err) != NULL; /* 192.0.2.1 */
}

static int add_rule(struct port *p, uint32_t be, unsigned int lcore)
{
	struct rte_flow_error err = { 0 };
	struct rte_flow *flow;

	if (p->n_rules == PORT_STEER_MAX)
		return -ENOSPC;
	flow = rule(p->dev, be, port_queue_of(p, lcore), true, &err);
	if (!flow) {
		log_error("port %s: the device refuses a steering rule: %s", p->conf.head.name,
			  err.message ? err.message : "no reason given");
		return -EIO;
	}
	p->rules[p->n_rules].be = be;
	p->rules[p->n_rules++].flow = flow;
	return 0;
}

int port_steer(struct port *p, uint32_t be, unsigned int lcore, bool add)
{
	struct rte_flow_error err;

	if (!p->steered)
		return 0;
	if (add)
		return add_rule(p, be, lcore);
	for (unsigned int i = 0; i < p->n_rules; i++) {
		if (p->rules[i].be != be)
			continue;
		rte_flow_destroy(p->dev, p->rules[i].flow, &err);
		p->rules[i] = p->rules[--p->n_rules];
		return 0;
	}
	return -ENOENT;
}
