/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Socket ids to sockets: two arrays, sized by the quota of the guest. Its own ids are indices; the
 * host's (accepted sockets) are index, generation above it, and the top bit. Owned by the lcore.
 */
#ifndef OUTSOCK_DATAPLANE_GUEST_ID_H
#define OUTSOCK_DATAPLANE_GUEST_ID_H

#include "abi/abi.h"
#include "sock/sock.h"

struct guest_ids {
	uint32_t max;	    /* entries of each array */
	uint32_t host_mask; /* bits of a host id that are its index */
	struct sock **own, **host;
	uint32_t *host_ids; /* the id that each host entry had last, or has */
	uint32_t *free;	    /* FIFO of free host entries, so that each rests as long as can be */
	uint32_t free_head, n_free;
};

/* Every page is there: no first socket of a page costs a turn its fault. -ENOMEM */
int guest_ids_init(struct guest_ids *ids, uint32_t max);
void guest_ids_fini(struct guest_ids *ids);

/* Gives @s an id of the host's. False: none is left. */
bool guest_ids_add_host(struct guest_ids *ids, struct sock *s);
/* Forgets @s; harmless for a socket without id. */
void guest_ids_del(struct guest_ids *ids, struct sock *s);

/* The socket of @s' id, if it has one, is at @s now. */
void guest_ids_moved(struct guest_ids *ids, struct sock *s);

/* Could this ever be an id? */
static inline bool guest_id_valid(const struct guest_ids *ids, uint32_t id)
{
	return (id & OUTSOCK_ID_HOST ? id & ids->host_mask : id) < ids->max;
}

/* Which socket it would be, for prefetching: not to be looked into. */
static inline struct sock *guest_sock_hint(const struct guest_ids *ids, uint32_t id)
{
	if (!(id & OUTSOCK_ID_HOST))
		return id < ids->max ? ids->own[id] : NULL;
	id &= ids->host_mask;
	return id < ids->max ? ids->host[id] : NULL;
}

/* NULL: there is none of that id. */
static inline struct sock *guest_sock(const struct guest_ids *ids, uint32_t id)
{
	struct sock *s = guest_sock_hint(ids, id);

	return s && s->id == id ? s : NULL;
}

#endif
