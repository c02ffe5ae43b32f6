/* SPDX-License-Identifier: BSD-3-Clause */
#include "lcore/place.h"

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
