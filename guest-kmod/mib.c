// SPDX-License-Identifier: GPL-2.0
#include "compat.h"
#include <linux/seq_file.h>
#include "mib.h"

DEFINE_PER_CPU(struct osmib_cpu, osmib_cpu);

static const char *const osmib_names[OSMIB_MAX] = {
#define OSMIB_NAME(name) #name,
	OSMIB_LIST(OSMIB_NAME)
#undef OSMIB_NAME
};

unsigned long osmib_read(enum osmib which)
{
	unsigned long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += per_cpu(osmib_cpu, cpu).count[which];
	return sum;
}

void osmib_show(struct seq_file *seq)
{
	unsigned int i;

	for (i = 0; i < OSMIB_MAX; i++)
		seq_printf(seq, "%s %lu\n", osmib_names[i], osmib_read(i));
}
