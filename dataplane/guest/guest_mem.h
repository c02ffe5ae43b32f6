/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Guest memory as the vhost library mapped it. A guest (or its VMM) can truncate the file
 * behind it: touching it is then SIGBUS. The handler of this file puts zero pages in the place
 * of that mapping and raises the guest's flag, which its lcore sees in its next turn and ends
 * that session. Costs the hot path one load a turn.
 *
 * Threads that touch guest memory have SIGBUS unblocked (guest_mem_thread()): a blocked one kills.
 */
#ifndef OUTSOCK_DATAPLANE_GUEST_MEM_H
#define OUTSOCK_DATAPLANE_GUEST_MEM_H

#include "vring/vring.h"

#include <stdbool.h>
#include <stddef.h>

/* One mapping of guest memory, as the vhost library made it. */
struct guest_mem_map {
	struct vring_region region;
	void *addr; /* all that was mapped */
	size_t size;
};

/* One guest's; written by the vhost library's thread while no ring runs. */
struct guest_mem {
	int slot;   /* in the handler's table; -1: not watched */
	bool valid; /* vring is what the library has mapped */
	struct vring_mem vring;
};

/* Installs the handler (once a process) and takes a slot. -ENOSPC, -errno. */
int guest_mem_init(struct guest_mem *m);
void guest_mem_fini(struct guest_mem *m);
/* In each thread that touches guest memory, once. */
void guest_mem_thread(void);
/* Set when a mapping of the guest was lost; until the next guest_mem_set(). */
const uint32_t *guest_mem_fault(const struct guest_mem *m);

/*
 * Takes over what the library has mapped: table (largest region first), watch. -EINVAL: too many
 * regions. @populate: pages are made present now, so that the lcore takes no fault (RT).
 */
int guest_mem_set(struct guest_mem *m, const struct guest_mem_map *maps, uint32_t n, bool populate);
/* Makes what is there present, as guest_mem_set() would have. */
void guest_mem_populate(const struct guest_mem *m);
/* Addresses of at most @max pages, spread over all; see guest_pages(). Any thread. */
unsigned int guest_mem_pages(const struct guest_mem *m, void **ret_pages, unsigned int max);
/* Before the library unmaps. */
void guest_mem_clear(struct guest_mem *m);
/* Do the @len bytes at @p lie in one region? */
bool guest_mem_contains(const struct guest_mem *m, const void *p, size_t len);

#endif
