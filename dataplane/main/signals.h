/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Signals: blocked in every thread, taken by one descriptor in the control thread's loop. Those
 * that the processor raises (SIGSEGV, SIGBUS, ...) stay with the thread that caused them.
 */
#ifndef OUTSOCK_DATAPLANE_SIGNALS_H
#define OUTSOCK_DATAPLANE_SIGNALS_H

/* Before any other thread is there: they inherit the mask. @real_time: keep these deliverable. */
void signals_block(void);
/* A descriptor that becomes readable at SIGTERM, SIGINT and SIGHUP. -errno. */
int signals_open(void);
/* The signal that came, 0: none. */
int signals_read(int fd);
/* DPDK's TAP driver learns of packets by a real-time signal: this thread takes them. */
void signals_allow_real_time(void);

#endif
