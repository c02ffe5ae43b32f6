/* SPDX-License-Identifier: BSD-3-Clause */
/* EAL for tests: no hugepages, no devices, nothing shared with other processes. */
#ifndef OUTSOCK_TEST_EAL_H
#define OUTSOCK_TEST_EAL_H

/* Once a process; more calls do nothing. Ends the process with status 77 (skip) when it can't. */
void test_eal_init(void);

#endif
