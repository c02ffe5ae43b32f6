/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which sockets become ours: the policy, and the probe that makes it so.
 *
 * The protocol argument of inet_create() and inet6_create() is rewritten on its way in, for user
 * programs only. Nothing is patched: without the probe (unloaded, kernel.ftrace_enabled=0) sockets
 * are the kernel's own.
 */
#ifndef OUTSOCK_REDIRECT_H
#define OUTSOCK_REDIRECT_H

#include <linux/types.h>

struct net;

#define REDIRECT_PATH_MAX 256

enum redirect_policy {
	REDIRECT_OFF,
	REDIRECT_ALL,
	REDIRECT_CGROUP,	/* one cgroup (of the unified hierarchy) and what is below */
};

int redirect_init(void);	/* with a self-test */
void redirect_exit(void);
/* A socket made by this thread is to be ours; from any context. */
bool redirect_applies(const struct net *net, int kern);
bool redirect_in_selftest(void);	/* this thread's */
bool redirect_is_live(void);	/* what the self-test found */

const char *redirect_policy_name(void);
int redirect_set_policy(const char *name);
void redirect_get_cgroup(char *path, size_t size);
int redirect_set_cgroup(const char *path);

#endif
