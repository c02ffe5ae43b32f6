/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef OUTSOCK_DATAPLANE_FILES_H
#define OUTSOCK_DATAPLANE_FILES_H

#include <sys/types.h>

/* Makes the folder that @path lies in, if it is missing. Failure shows when @path is opened. */
void files_make_folder(const char *path, mode_t mode);

/*
 * Makes room for a listening socket at @path: removes the one that a killed process left behind. 0
 * also when there is none; -EADDRINUSE: somebody listens there; -EEXIST: it is no socket.
 */
int files_clear_socket(const char *path);

#endif
