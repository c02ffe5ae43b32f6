/* SPDX-License-Identifier: BSD-3-Clause */
#include "port/addr_map.h"

#include "base/mem.h"

#include <stdlib.h>

struct addr_map *addr_map_build(const struct addr_home *homes, unsigned int n)
{
	struct addr_map *map;
	uint32_t size = 8;

	while (size < 2 * n)
		size *= 2;
	map = mem_take(sizeof(*map) + size * sizeof(map->slots[0]));
	if (!map)
		return NULL;
	map->mask = size - 1;
	for (unsigned int i = 0; i < n; i++) {
		uint32_t slot = addr_map_hash(homes[i].be);

		while (map->slots[slot & map->mask].be)
			slot++;
		map->slots[slot & map->mask] = homes[i];
	}
	return map;
}

void addr_map_free(struct addr_map *map)
{
	free(map);
}
