/* SPDX-License-Identifier: BSD-3-Clause */
#include "guest/guest_id.h"

#include "base/mem.h"

#include <stdlib.h>

int guest_ids_init(struct guest_ids *ids, uint32_t max)
{
	*ids = (struct guest_ids){ .max = max };
	while (ids->host_mask < max)
		ids->host_mask = ids->host_mask << 1 | 1;
	ids->own = mem_take(max * sizeof(*ids->own));
	ids->host = mem_take(max * sizeof(*ids->host));
	ids->host_ids = mem_take(max * sizeof(*ids->host_ids));
	ids->free = mem_take(max * sizeof(*ids->free));
	if (!ids->own || !ids->host || !ids->host_ids || !ids->free)
		return -ENOMEM;
	for (uint32_t i = 0; i < max; i++) {
		ids->host_ids[i] = OUTSOCK_ID_HOST | i;
		ids->free[i] = i;
	}
	ids->n_free = max;
	return 0;
}

void guest_ids_fini(struct guest_ids *ids)
{
	free(ids->own);
	free(ids->host);
	free(ids->host_ids);
	free(ids->free);
	*ids = (struct guest_ids){ .max = 0 };
}

bool guest_ids_add_host(struct guest_ids *ids, struct sock *s)
{
	uint32_t i;

	if (ids->n_free == 0)
		return false;
	i = ids->free[ids->free_head];
	ids->free_head = ids->free_head + 1 == ids->max ? 0 : ids->free_head + 1;
	ids->n_free--;
	/* OUTSOCK_ID_NONE can not come out: host_mask is larger than any index. */
	ids->host_ids[i] = (ids->host_ids[i] + ids->host_mask + 1) | OUTSOCK_ID_HOST;
	ids->host[i] = s;
	s->id = ids->host_ids[i];
	return true;
}

static void free_host(struct guest_ids *ids, uint32_t i)
{
	uint32_t tail = ids->free_head + ids->n_free;

	ids->host[i] = NULL;
	ids->free[tail >= ids->max ? tail - ids->max : tail] = i;
	ids->n_free++;
}

void guest_ids_moved(struct guest_ids *ids, struct sock *s)
{
	if (s->id == OUTSOCK_ID_NONE)
		return;
	if (s->id & OUTSOCK_ID_HOST)
		ids->host[s->id & ids->host_mask] = s;
	else
		ids->own[s->id] = s;
}

void guest_ids_del(struct guest_ids *ids, struct sock *s)
{
	if (s->id == OUTSOCK_ID_NONE || guest_sock(ids, s->id) != s)
		return;
	if (s->id & OUTSOCK_ID_HOST)
		free_host(ids, s->id & ids->host_mask);
	else
		ids->own[s->id] = NULL;
	s->id = OUTSOCK_ID_NONE;
}
