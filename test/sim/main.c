/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs the matrix, or the part of it that is named; -m: the server moves between two stacks:
 * sim [-m] [-v] [IMPAIRMENT|- [SCENARIO|- [SEED]]]
 */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct impairment impairments[] = {
#define IMPAIRMENT(n, ...) { .name = #n, .wire = { __VA_ARGS__ } },
#include "matrix.def"
};

static const struct scenario scenarios[] = {
#define SCENARIO(n, c, a, client, server) \
	{ .name = #n, .conns = c, .at_once = a, .plan = { client, server } },
#include "matrix.def"
};

static const uint64_t seeds[] = {
#define SEED(n) n,
#include "matrix.def"
};

static bool chosen(const char *arg, const char *name)
{
	return !arg || !strcmp(arg, name) || !strcmp(arg, "-");
}

int main(int argc, char **argv)
{
	bool moving = argc > 1 && !strcmp(argv[1], "-m");
	bool verbose = argc > 1 + moving && !strcmp(argv[1 + moving], "-v");
	char *const *args = argv + 1 + moving + verbose;
	int n = argc - 1 - moving - verbose;
	const char *imp = n > 0 ? args[0] : NULL, *sc = n > 1 ? args[1] : NULL;
	uint64_t seed = n > 2 ? strtoull(args[2], NULL, 0) : 0;
	/* Many moves a run: fewer runs do. */
	unsigned int n_seeds = seed ? 1 : moving ? 2 : RTE_DIM(seeds), runs = 0;

	for (unsigned int i = 0; i < RTE_DIM(impairments); i++) {
		if (!chosen(imp, impairments[i].name))
			continue;
		for (unsigned int j = 0; j < RTE_DIM(scenarios); j++) {
			if (!chosen(sc, scenarios[j].name))
				continue;
			for (unsigned int k = 0; k < n_seeds; k++, runs++)
				sim_run(&scenarios[j], &impairments[i], seed ? seed : seeds[k],
					verbose, moving);
		}
	}
	if (!runs)
		fprintf(stderr,
			"usage: sim [-m] [-v] [IMPAIRMENT|- [SCENARIO|- [SEED]]] of matrix.def\n");
	return !runs;
}
