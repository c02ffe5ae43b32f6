/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The state file: the secret behind initial sequence numbers and ports (RFC 6528, RFC 6056). It
 * outlives the process, so that a restarted daemon continues its predecessor's sequence spaces.
 */
#ifndef OUTSOCK_DATAPLANE_STATE_H
#define OUTSOCK_DATAPLANE_STATE_H

#include <stdint.h>

/* Reads the secret from @path (mode 0600), or draws one and writes it. 0 or -errno, logged. */
int state_load(const char *path, uint8_t ret_secret[16]);

#endif
