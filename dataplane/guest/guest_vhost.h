/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What guest_vhost.c (connections, callbacks) and guest_vhost_ring.c (starting and stopping
 * rings) share. They alone call the vhost library.
 */
#ifndef OUTSOCK_DATAPLANE_GUEST_VHOST_H
#define OUTSOCK_DATAPLANE_GUEST_VHOST_H

#include "guest/guest_mem.h"
#include "guest/guest_private.h"

#include <pthread.h>

#define RINGS	   (2 * GUEST_LANES)
#define FEATURE(b) (1ull << (b))

struct guest_vhost {
	struct list link; /* of all guests; under list_lock */
	struct guest *g;
	pthread_mutex_t dev_lock;
	int vid;
	bool registered;
	bool dying;	   /* no ring starts any more */
	bool device;	   /* between new_device and destroy_device */
	bool ready[RINGS]; /* the library says so */
	bool runs[RINGS];  /* on the lcore */
	struct guest_mem mem;
};

/* All under dev_lock, on the library's threads or the control thread. */

/* If it may run (ready, device, not dying) and does not. */
void guest_vhost_ring_start(struct guest_vhost *v, unsigned int index);
/* From here on the lcore does not touch it, and the library knows where it stands. */
void guest_vhost_ring_stop(struct guest_vhost *v, unsigned int index);
void guest_vhost_rings_start(struct guest_vhost *v);
void guest_vhost_rings_stop(struct guest_vhost *v);
/* What the library has mapped now. No ring runs. */
void guest_vhost_mem_read(struct guest_vhost *v);

#endif
