/* SPDX-License-Identifier: BSD-3-Clause */
/* The loop of an lcore for ordinary guests: what came over wires is served in the same turn. */
#include "lcore/lcore_priv.h"

#include "lcore/rt_forbidden.h"

unsigned int lcore_nrt_turn(struct lcore *lc)
{
	unsigned int work = lcore_timers(lc);

	work += lcore_calls(lc);
	work += lcore_rx(lc);
	work += lcore_given(lc);
	work += lcore_wires(lc);
	work += lcore_guests_look(lc);
	work += lcore_guests_tx(lc);
	work += lcore_guests_rx(lc);
	lcore_guests_publish(lc);
	work += lcore_tx(lc);
	work += lcore_notify(lc);
	return work;
}

void lcore_nrt_loop(struct lcore *lc)
{
	while (!lc->stop) {
		lcore_turn_begin(lc);
		lcore_turn_end(lc, lcore_nrt_turn(lc));
	}
}
