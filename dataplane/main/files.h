/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef OUTSOCK_DATAPLANE_FILES_H
#define OUTSOCK_DATAPLANE_FILES_H

#include <sys/types.h>

/* Makes the folder that @path lies in, if it is missing. Failure shows when @path is opened. */
void files_make_folder(const char *path, mode_t mode);

#endif
