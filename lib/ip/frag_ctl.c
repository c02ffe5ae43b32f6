/* SPDX-License-Identifier: BSD-3-Clause */
#include "ip/frag_priv.h"

#include <stdlib.h>

#define BUCKET_ENTRIES 8

struct frag *frag_create(struct env *env, uint32_t n_max)
{
	struct frag *f = calloc(1, sizeof(*f));
	uint32_t n_buckets = RTE_MAX(n_max / BUCKET_ENTRIES, 1u);

	if (!f)
		return NULL;
	f->env = env;
	f->scan_at = UINT64_MAX;
	/* The table's clock is ours: it only compares and adds. */
	f->table = rte_ip_frag_table_create(n_buckets, BUCKET_ENTRIES, n_max, FRAG_TIMEOUT_NS,
					    SOCKET_ID_ANY);
	if (!f->table) {
		free(f);
		return NULL;
	}
	return f;
}

void frag_destroy(struct frag *f)
{
	if (!f)
		return;
	rte_ip_frag_table_destroy(f->table);
	free(f);
}
