/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Control: outsockd's own UNIX socket (mode 0600), and DPDK's telemetry.
 *
 * On the socket one JSON object a line is a request, and one line answers it:
 *
 *	{"op": "guest.show", "name": "g1"}
 *	{"ok": true, "result": {...}}	or	{"ok": false, "error": "..."}
 *
 * Telemetry serves the reading ones from what lcores have published; it never reaches into an
 * lcore.
 */
#ifndef OUTSOCK_DATAPLANE_CTL_H
#define OUTSOCK_DATAPLANE_CTL_H

struct daemon;

/* The control thread. 0 or -errno, logged. */
int ctl_init(struct daemon *d);
void ctl_fini(struct daemon *d);

/* Commands of telemetry: registered once in a process, they answer between these two. */
void ctl_telemetry_init(struct daemon *d);
void ctl_telemetry_fini(struct daemon *d);

#endif
