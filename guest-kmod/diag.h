/* SPDX-License-Identifier: GPL-2.0 */
/* /proc/net/outsock: our sockets, which ss cannot show; /proc/net/outsock_stat: counters. */
#ifndef OUTSOCK_DIAG_H
#define OUTSOCK_DIAG_H

int osdiag_init(void);
void osdiag_exit(void);

int ossysctl_init(void);
void ossysctl_exit(void);

#endif
