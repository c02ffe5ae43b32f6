/* SPDX-License-Identifier: BSD-3-Clause */
/* Private state of reassembly; frag_*.c only. */
#ifndef OUTSOCK_IP_FRAG_PRIV_H
#define OUTSOCK_IP_FRAG_PRIV_H

#include "ip/frag.h"

#include <rte_ip_frag.h>

/**
 * struct frag
 * @scan_at: when to look for late fragments; UINT64_MAX: none can be here
 * @empty_at: by then all that is here now will have been thrown away
 */
struct frag {
	struct env *env;
	struct rte_ip_frag_tbl *table;
	uint64_t scan_at, empty_at;
	struct rte_ip_frag_death_row dead;
};

#endif
