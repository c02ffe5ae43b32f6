/* SPDX-License-Identifier: BSD-3-Clause */
#include "main/node.h"

#include <numa.h>
#include <numaif.h>
#include <stdio.h>
#include <string.h>

bool node_several(void)
{
	return numa_available() >= 0 && numa_num_configured_nodes() > 1;
}

void node_prefer(int node)
{
	if (!node_several())
		return;
	if (node == NODE_NONE)
		numa_set_localalloc();
	else
		numa_set_preferred(node);
}

static unsigned int count(const int *nodes, unsigned int n, int node)
{
	unsigned int same = 0;

	for (unsigned int i = 0; i < n; i++)
		same += nodes[i] == node;
	return same;
}

int node_of_pages(void *const *pages, unsigned int n)
{
	void *at[NODE_SAMPLES];
	int nodes[NODE_SAMPLES], best = NODE_NONE;

	if (n > NODE_SAMPLES)
		n = NODE_SAMPLES;
	memcpy(at, pages, n * sizeof(at[0]));
	/* Without targets it moves nothing, and says where each page is, or -errno. */
	if (!n || numa_move_pages(0, n, at, NULL, nodes, 0) < 0)
		return NODE_NONE;
	for (unsigned int i = 0; i < n; i++)
		if (nodes[i] >= 0 &&
		    (best == NODE_NONE || count(nodes, n, nodes[i]) > count(nodes, n, best)))
			best = nodes[i];
	return best;
}

bool node_apart(const struct node_places *p)
{
	const int all[] = { p->port, p->lcore, p->memory };
	int first = NODE_NONE;

	for (unsigned int i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (all[i] == NODE_NONE)
			continue;
		if (first != NODE_NONE && all[i] != first)
			return true;
		first = all[i];
	}
	return false;
}

const char *node_text(int node, char *buf, size_t size)
{
	if (node == NODE_NONE)
		snprintf(buf, size, "no known node");
	else
		snprintf(buf, size, "node %d", node);
	return buf;
}
