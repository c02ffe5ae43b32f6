// SPDX-License-Identifier: GPL-2.0
/*
 * net.outsock.policy		off, all, cgroup
 * net.outsock.cgroup		the cgroup, from the unified hierarchy's root: /outsock.slice
 * net.outsock.abort_orphans	write 1: connections that only wait for their last bytes are reset;
 *				read: how many there are. (Each of them keeps the module loaded.)
 */
#include "compat.h"
#include <net/net_namespace.h>
#include "dev.h"
#include "diag.h"
#include "redirect.h"
#include "sock.h"
#include "twin.h"

static int ossysctl_string(OS_CTL_CONST struct ctl_table *ctl, int write, void *buffer,
			   size_t *lenp, loff_t *ppos, char *data)
{
	struct ctl_table copy = *ctl;

	copy.data = data;
	copy.maxlen = REDIRECT_PATH_MAX;
	return proc_dostring(&copy, write, buffer, lenp, ppos);
}

static int ossysctl_policy(OS_CTL_CONST struct ctl_table *ctl, int write, void *buffer,
			   size_t *lenp, loff_t *ppos)
{
	char name[REDIRECT_PATH_MAX];
	int err;

	strscpy(name, redirect_policy_name(), sizeof(name));
	err = ossysctl_string(ctl, write, buffer, lenp, ppos, name);
	return err || !write ? err : redirect_set_policy(name);
}

static int ossysctl_cgroup(OS_CTL_CONST struct ctl_table *ctl, int write, void *buffer,
			   size_t *lenp, loff_t *ppos)
{
	char path[REDIRECT_PATH_MAX];
	int err;

	redirect_get_cgroup(path, sizeof(path));
	err = ossysctl_string(ctl, write, buffer, lenp, ppos, path);
	return err || !write ? err : redirect_set_cgroup(path);
}

static int ossysctl_orphans(OS_CTL_CONST struct ctl_table *ctl, int write, void *buffer,
			    size_t *lenp, loff_t *ppos)
{
	struct osdev *dev = osdev_get();
	int val = dev ? atomic_read(&dev->n_orphans) : 0;
	struct ctl_table copy = *ctl;
	int err;

	copy.data = &val;
	copy.maxlen = sizeof(val);
	err = proc_dointvec(&copy, write, buffer, lenp, ppos);
	if (!err && write && val && dev)
		osk_abort_orphans(dev);
	osk_reap_now();
	osdev_put(dev);
	return err;
}

static struct ctl_table ossysctl_table[] = {
	{ .procname = "policy", .mode = 0644, .proc_handler = ossysctl_policy },
	{ .procname = "cgroup", .mode = 0644, .proc_handler = ossysctl_cgroup },
	{ .procname = "abort_orphans", .mode = 0644, .proc_handler = ossysctl_orphans },
	OS_CTL_END
};

static struct ctl_table_header *ossysctl_header;

int ossysctl_init(void)
{
	ossysctl_header = register_net_sysctl(&init_net, "net/outsock", ossysctl_table);
	return ossysctl_header ? 0 : -ENOMEM;
}

void ossysctl_exit(void)
{
	unregister_net_sysctl_table(ossysctl_header);
}
