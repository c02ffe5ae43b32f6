/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the memif driver leaves to its users.
 *
 * As the server it makes a socket file, and a killed process leaves it there: then no other one can
 * listen on that path.
 *
 * When the peer goes, DPDK's interrupt thread marks the port as not connected and unmaps the memory
 * of its rings at once, while an lcore may be copying a burst into them. The driver calls nobody
 * in between, and the C library last: munmap() is the one place where we can come in. It lets each
 * lcore end its turn first; in the next one the driver sees that there is no connection.
 */
#include "main/files.h"
#include "port/port_priv.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <rte_interrupts.h>
#include <rte_kvargs.h>

/* ---- the socket file ---- */

static bool is(const struct rte_kvargs *keys, const char *key, const char *value)
{
	const char *is = rte_kvargs_get(keys, key);

	return is && !strcmp(is, value);
}

int port_memif_prepare(const char *device)
{
	const char *args = strchr(device, ','), *path;
	struct rte_kvargs *keys;
	int err = 0;

	if (strncmp(device, "net_memif", 9) || !args)
		return 0;
	keys = rte_kvargs_parse(args + 1, NULL);
	if (!keys)
		return -EINVAL;
	path = rte_kvargs_get(keys, "socket");
	if (path && is(keys, "socket-abstract", "no") &&
	    (is(keys, "role", "server") || is(keys, "role", "master"))) {
		files_make_folder(path, 0755);
		err = files_clear_socket(path);
	}
	rte_kvargs_free(keys);
	/* Another port of ours may serve it as well: the driver knows. */
	return err == -EADDRINUSE ? 0 : err;
}

/* ---- the memory of its rings ---- */

static void (*_Atomic quiesce)(void *arg);
static void *quiesce_arg;

void port_quiesce_set(void (*fn)(void *arg), void *arg)
{
	if (fn)
		quiesce_arg = arg;
	atomic_store_explicit(&quiesce, fn, memory_order_release);
}

/* Takes the place of the C library's for the whole process, drivers included. */
int munmap(void *addr, size_t len)
{
	void (*fn)(void *arg) = atomic_load_explicit(&quiesce, memory_order_acquire);

	if (fn && rte_thread_is_intr())
		fn(quiesce_arg);
	return (int)syscall(SYS_munmap, addr, len);
}
