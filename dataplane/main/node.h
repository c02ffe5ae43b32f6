/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * NUMA nodes. A packet of an RT guest touches its port's memory, its lcore's and its own: on two
 * nodes each cache line of it is a trip between them. Control thread; system calls.
 */
#ifndef OUTSOCK_DATAPLANE_NODE_H
#define OUTSOCK_DATAPLANE_NODE_H

#include <stdbool.h>
#include <stddef.h>

#define NODE_NONE    (-1) /* of no node (a virtual device), or not known */
#define NODE_SAMPLES 64	  /* pages that are looked at */

/* Where what serves a guest is. */
struct node_places {
	int port, lcore, memory;
};

/* Are there several? */
bool node_several(void);
/*
 * Memory that the calling thread touches first from now on is taken from @node while that has some;
 * NODE_NONE: from where the thread runs.
 */
void node_prefer(int node);
/* The node of most of these pages; those that are not present do not count. */
int node_of_pages(void *const *pages, unsigned int n);
/* Not all on one node. */
bool node_apart(const struct node_places *p);
/* "node 1", or that there is none. Returns @buf. */
const char *node_text(int node, char *buf, size_t size);

#endif
