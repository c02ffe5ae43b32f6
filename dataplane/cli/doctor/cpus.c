/* SPDX-License-Identifier: BSD-3-Clause */
/* Sets of CPUs, as the kernel reads and writes them. */
#include "cli/doctor/host.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WORDS	 (CPUS_MAX / 64)
#define TEXT_MAX 5000 /* each CPU by number */
#define TEXTS	 4

void cpus_add(struct conf_cpus *cpus, unsigned int cpu)
{
	cpus->bits[cpu / 64] |= 1ull << (cpu % 64);
}

void cpus_del(struct conf_cpus *cpus, unsigned int cpu)
{
	cpus->bits[cpu / 64] &= ~(1ull << (cpu % 64));
}

unsigned int cpus_count(const struct conf_cpus *cpus)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < WORDS; i++)
		n += (unsigned int)__builtin_popcountll(cpus->bits[i]);
	return n;
}

bool cpus_any(const struct conf_cpus *cpus)
{
	return cpus_count(cpus) > 0;
}

struct conf_cpus cpus_and(const struct conf_cpus *a, const struct conf_cpus *b)
{
	struct conf_cpus c;

	for (unsigned int i = 0; i < WORDS; i++)
		c.bits[i] = a->bits[i] & b->bits[i];
	return c;
}

struct conf_cpus cpus_or(const struct conf_cpus *a, const struct conf_cpus *b)
{
	struct conf_cpus c;

	for (unsigned int i = 0; i < WORDS; i++)
		c.bits[i] = a->bits[i] | b->bits[i];
	return c;
}

struct conf_cpus cpus_without(const struct conf_cpus *a, const struct conf_cpus *b)
{
	struct conf_cpus c;

	for (unsigned int i = 0; i < WORDS; i++)
		c.bits[i] = a->bits[i] & ~b->bits[i];
	return c;
}

/* A CPU's number at *@p, which moves behind it. */
static int parse_cpu(const char **p, unsigned int *ret)
{
	unsigned long n;
	char *end;

	if (!isdigit((unsigned char)**p))
		return -EINVAL;
	errno = 0;
	n = strtoul(*p, &end, 10);
	if (errno || n >= CPUS_MAX)
		return -EINVAL;
	*p = end;
	*ret = (unsigned int)n;
	return 0;
}

/* "N" or "N-M". */
static int parse_range(const char **p, struct conf_cpus *cpus)
{
	unsigned int first, last;

	if (parse_cpu(p, &first))
		return -EINVAL;
	last = first;
	if (**p == '-') {
		++*p;
		if (parse_cpu(p, &last) || last < first)
			return -EINVAL;
	}
	for (unsigned int cpu = first; cpu <= last; cpu++)
		cpus_add(cpus, cpu);
	return 0;
}

int cpus_parse_list(const char *text, struct conf_cpus *cpus)
{
	const char *p = text + strspn(text, " ");

	memset(cpus, 0, sizeof(*cpus));
	if (!*p || !strcmp(p, "(null)"))
		return 0;
	for (;;) {
		if (parse_range(&p, cpus))
			return -EINVAL;
		if (!*p)
			return 0;
		if (*p++ != ',')
			return -EINVAL;
	}
}

/* One group of at most 8 hexadecimal digits, the lowest 32 CPUs last. */
static int parse_group(const char *text, size_t n, unsigned int group, struct conf_cpus *cpus)
{
	unsigned long long bits;
	char word[9];

	if (!n || n > 8 || strspn(text, "0123456789abcdefABCDEF") < n)
		return -EINVAL;
	memcpy(word, text, n);
	word[n] = '\0';
	bits = strtoull(word, NULL, 16);
	if (group >= CPUS_MAX / 32)
		return bits ? -EINVAL : 0;
	cpus->bits[group / 2] |= bits << (group % 2 * 32);
	return 0;
}

int cpus_parse_mask(const char *text, struct conf_cpus *cpus)
{
	const char *end = text + strlen(text);

	memset(cpus, 0, sizeof(*cpus));
	for (unsigned int group = 0;; group++) {
		const char *begin = end;

		while (begin > text && begin[-1] != ',')
			begin--;
		if (parse_group(begin, (size_t)(end - begin), group, cpus))
			return -EINVAL;
		if (begin == text)
			return 0;
		end = begin - 1;
	}
}

static char *next_text(void)
{
	static char texts[TEXTS][TEXT_MAX];
	static unsigned int next;

	return texts[next++ % TEXTS];
}

const char *cpus_list(const struct conf_cpus *cpus)
{
	char *text = next_text();

	config_format_cpus(cpus, text, TEXT_MAX);
	return text[0] ? text : strcpy(text, "none");
}

const char *cpus_mask(const struct conf_cpus *cpus)
{
	char *text = next_text();
	unsigned int group = CPUS_MAX / 32 - 1;
	size_t n = 0;

	while (group && !(uint32_t)(cpus->bits[group / 2] >> (group % 2 * 32)))
		group--;
	do {
		uint32_t bits = (uint32_t)(cpus->bits[group / 2] >> (group % 2 * 32));

		n += (size_t)snprintf(text + n, TEXT_MAX - n, n ? ",%08x" : "%x", bits);
	} while (group--);
	return text;
}

const char *cpus_braces(const struct conf_cpus *cpus)
{
	bool several = cpus_count(cpus) > 1;
	char *text = next_text();
	size_t n = 0;

	text[0] = '\0';
	cpus_each(cpu, cpus) n += (size_t)snprintf(text + n, TEXT_MAX - n, "%s%u",
						   n		     ? ","
							   : several ? "{"
								     : "",
						   cpu);
	snprintf(text + n, TEXT_MAX - n, "%s", several ? "}" : "");
	return text;
}
