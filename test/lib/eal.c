/* SPDX-License-Identifier: BSD-3-Clause */
#include "eal.h"

#include <rte_common.h>
#include <rte_eal.h>
#include <rte_errno.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

void test_eal_init(void)
{
	static bool done;
	/* --no-shconf: nothing shared or left behind (--in-memory does not go with --no-huge). */
	static char args[][24] = {
		"test", "--no-huge", "--no-shconf", "--no-pci", "--no-telemetry",
		"-m",	"256",	     "-l",	    "0",	"--log-level=*:4",
	};
	char *argv[RTE_DIM(args) + 1];

	if (done)
		return;
	done = true;
	for (unsigned int i = 0; i < RTE_DIM(args); i++)
		argv[i] = args[i];
	argv[RTE_DIM(args)] = NULL;
	if (rte_eal_init(RTE_DIM(args), argv) < 0) {
		printf("SKIP: EAL does not start here: %s\n", rte_strerror(rte_errno));
		exit(77);
	}
}
