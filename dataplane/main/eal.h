/* SPDX-License-Identifier: BSD-3-Clause */
/* Starting DPDK's environment with what the configuration says. */
#ifndef OUTSOCK_DATAPLANE_EAL_H
#define OUTSOCK_DATAPLANE_EAL_H

#include "main/config.h"

#define EAL_ARGS_MAX 32
#define EAL_ARG_LEN  512

struct eal_args {
	int argc;
	char *argv[EAL_ARGS_MAX + 1];
	char text[EAL_ARGS_MAX][EAL_ARG_LEN];
};

/* The EAL's number of the configuration's lcore @i; 0 is the control thread's. */
static inline unsigned int eal_lcore_id(unsigned int i)
{
	return i + 1;
}

/* The EAL's command line; no effect. -E2BIG: does not fit. */
int eal_build_args(const struct config *c, unsigned int n_cpus, struct eal_args *ret_args);

/* Moves this thread to the control CPUs, then starts the EAL. 0 or -errno, logged. */
int eal_start(const struct config *c, unsigned int n_cpus);
void eal_stop(void);

#endif
