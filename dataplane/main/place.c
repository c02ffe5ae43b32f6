/* SPDX-License-Identifier: BSD-3-Clause */
#include "main/place.h"

#include "port/port.h"

int place_guest(const struct config *c, const struct conf_guest *g, const unsigned int *load)
{
	int best = -1;

	if (g->lcore != CONF_AUTO)
		return config_lcore_index(c, g->lcore);
	for (unsigned int i = 0; i < c->n_lcores; i++)
		if (c->lcores[i].class == g->class && (best < 0 || load[i] < load[best]))
			best = (int)i;
	return best;
}

unsigned int place_poller(const struct config *c, const unsigned int *load)
{
	int busy = -1, ordinary = -1;

	for (unsigned int i = 0; i < c->n_lcores; i++) {
		if (load[i] && c->lcores[i].class == LCORE_RT)
			return i;
		if (load[i] && busy < 0)
			busy = (int)i;
		if (c->lcores[i].class == LCORE_NON_RT && ordinary < 0)
			ordinary = (int)i;
	}
	return (unsigned int)(busy >= 0 ? busy : ordinary >= 0 ? ordinary : 0);
}

uint32_t place_quota_room(const struct config *c, unsigned int i)
{
	uint32_t all = c->lcores[i].packets;
	/* A device's ring of each port; caches, handed-over packets, fragments. */
	uint32_t reserve = c->n_ports * PORT_RX_DESCS + all / 8;

	return all - RTE_MIN(reserve, all / 2);
}

uint32_t place_quota_share(const struct place_quota *q, uint32_t room)
{
	if (q->said + (uint64_t)q->n_auto * PLACE_QUOTA_MIN > room)
		return 0;
	return q->n_auto ? (uint32_t)(room - q->said) / q->n_auto : room;
}

unsigned int place_holder(const struct config *c, unsigned int poller)
{
	if (c->lcores[poller].class == LCORE_RT)
		return poller;
	for (unsigned int i = 0; i < c->n_lcores; i++)
		if (c->lcores[i].class == LCORE_RT)
			return i;
	return poller;
}
