/* SPDX-License-Identifier: BSD-3-Clause */
/* The loop of an RT lcore. Own guests come before everything foreign; every part has a budget. */
#include "lcore/lcore_priv.h"

#include "lcore/rt_forbidden.h"

unsigned int lcore_rt_turn(struct lcore *lc)
{
	uint32_t *did = lc->did;
	unsigned int work;

	work = did[LCORE_PART_timers] = lcore_timers(lc);
	work += did[LCORE_PART_calls] = lcore_calls(lc);
	work += did[LCORE_PART_rx] = lcore_rx(lc);
	work += did[LCORE_PART_given] = lcore_given(lc);
	lcore_guests_woken(lc);
	work += lcore_guests_look(lc);
	work += did[LCORE_PART_guests_tx] = lcore_guests_tx(lc);
	work += did[LCORE_PART_guests_rx] = lcore_guests_rx(lc);
	lcore_guests_publish(lc);
	work += did[LCORE_PART_tx] = lcore_tx(lc);
	work += did[LCORE_PART_notify] = lcore_notify(lc);
	work += did[LCORE_PART_wires] = lcore_wires(lc);
	lcore_hand_on(lc);
	work += did[LCORE_PART_free] = lcore_free(lc);
	return work;
}

void lcore_rt_loop(struct lcore *lc)
{
	while (!lc->stop) {
		lcore_turn_begin(lc);
		lcore_turn_end(lc, lcore_rt_turn(lc));
	}
}
