/* SPDX-License-Identifier: BSD-3-Clause */
/* What the configuration means for the machine: CPUs, sizes. */
#include "main/config.h"

#include <string.h>

#define FRAME_MIN  2048u /* af_packet's frames, whatever the MTU */
#define FRAME_HDRS 64u

static void set_cpu(struct conf_cpus *cpus, unsigned int cpu)
{
	cpus->bits[cpu / 64] |= 1ull << (cpu % 64);
}

static bool any(const struct conf_cpus *cpus)
{
	uint64_t bits = 0;

	for (unsigned int i = 0; i < 1024 / 64; i++)
		bits |= cpus->bits[i];
	return bits;
}

/* All CPUs but those of @a and @b. */
static void others(unsigned int n_cpus, const struct conf_cpus *a, const struct conf_cpus *b,
		   struct conf_cpus *ret_cpus)
{
	memset(ret_cpus, 0, sizeof(*ret_cpus));
	for (unsigned int cpu = 0; cpu < n_cpus && cpu < 1024; cpu++)
		if (!conf_has_cpu(a, cpu) && !conf_has_cpu(b, cpu))
			set_cpu(ret_cpus, cpu);
}

void config_control_cpus(const struct config *c, unsigned int n_cpus, struct conf_cpus *cpus)
{
	struct conf_cpus none = { 0 }, rt = { 0 }, busy = { 0 };

	memset(cpus, 0, sizeof(*cpus));
	if (c->dataplane->control_cpu != CONF_AUTO) {
		set_cpu(cpus, (unsigned int)c->dataplane->control_cpu);
		return;
	}
	for (unsigned int i = 0; i < c->n_lcores; i++) {
		if (c->lcores[i].class == LCORE_RT)
			set_cpu(&rt, c->lcores[i].cpu);
		if (c->lcores[i].poll == POLL_BUSY)
			set_cpu(&busy, c->lcores[i].cpu);
	}
	others(n_cpus, &rt, &busy, cpus);
	if (!any(cpus))
		others(n_cpus, &rt, &none, cpus);
	if (!any(cpus))
		others(n_cpus, &none, &none, cpus);
}

void config_format_cpus(const struct conf_cpus *cpus, char *buf, size_t size)
{
	size_t n = 0;

	buf[0] = '\0';
	for (unsigned int cpu = 0; cpu < 1024 && n < size; cpu++) {
		unsigned int last = cpu;

		if (!conf_has_cpu(cpus, cpu))
			continue;
		while (last + 1 < 1024 && conf_has_cpu(cpus, last + 1))
			last++;
		n += (size_t)snprintf(buf + n, size - n, n ? ",%u" : "%u", cpu);
		if (last > cpu && n < size)
			n += (size_t)snprintf(buf + n, size - n, "-%u", last);
		cpu = last;
	}
}

uint32_t config_budget(const struct conf_lcore *l, enum conf_budget b)
{
	static const uint32_t by_class[][BUDGET_N] = {
#define BUDGET(name, key, non_rt, rt, least, most, text) [BUDGET_##name] = non_rt,
		[LCORE_NON_RT] = {
#include "lcore/lcore_budget.def"
		},
#undef BUDGET
#define BUDGET(name, key, non_rt, rt, least, most, text) [BUDGET_##name] = rt,
		[LCORE_RT] = {
#include "lcore/lcore_budget.def"
		},
#undef BUDGET
	};

	return l->budget[b] == CONF_AUTO ? by_class[l->class][b] : (uint32_t)l->budget[b];
}

const char *config_budget_name(enum conf_budget b)
{
	static const char *const names[BUDGET_N] = {
#define BUDGET(name, key, non_rt, rt, least, most, text) [BUDGET_##name] = "budget_" #name,
#include "lcore/lcore_budget.def"
#undef BUDGET
	};

	return names[b];
}

unsigned int config_pkt_room(const struct config *c)
{
	unsigned int room = FRAME_MIN;

	for (unsigned int i = 0; i < c->n_ports; i++) {
		unsigned int frame = (c->ports[i].mtu + FRAME_HDRS + 63) / 64 * 64;

		if (frame > room)
			room = frame;
	}
	return room;
}
