// SPDX-License-Identifier: GPL-2.0
#include "compat.h"
#include <linux/cgroup.h>
#include <linux/kprobes.h>
#include <linux/mutex.h>
#include <linux/nsproxy.h>
#include <linux/sched.h>
#include <linux/workqueue.h>
#include <net/net_namespace.h>
#include "dev.h"
#include "mib.h"
#include "redirect.h"
#include "sock.h"

#define REDIRECT_LOOK_INTERVAL HZ

static char *policy = "all";
module_param(policy, charp, 0444);
MODULE_PARM_DESC(policy, "sockets to outsource: off, all, cgroup (sysctl net.outsock.policy)");

static char *cgroup = "/outsock.slice";
module_param(cgroup, charp, 0444);
MODULE_PARM_DESC(cgroup, "the cgroup meant by policy=cgroup (later: sysctl net.outsock.cgroup)");

static const char *const redirect_names[] = { "off", "all", "cgroup" };

static DEFINE_MUTEX(redirect_mutex);
static char redirect_path[REDIRECT_PATH_MAX];	/* under redirect_mutex */
static enum redirect_policy redirect_policy;
static struct cgroup __rcu *redirect_cgroup;
static struct task_struct *redirect_tester;
static bool redirect_live;

static void redirect_look(struct work_struct *work);
static DECLARE_DELAYED_WORK(redirect_looker, redirect_look);

/* The probe: preemption is off, so nothing here may sleep, not even on PREEMPT_RT. */

static bool redirect_in_cgroup(void)
{
	struct cgroup *wanted;
	bool in;

	rcu_read_lock();
	wanted = rcu_dereference(redirect_cgroup);
	in = wanted && cgroup_is_descendant(task_dfl_cgroup(current), wanted);
	rcu_read_unlock();
	return in;
}

bool redirect_applies(const struct net *net, int kern)
{
	if (kern || current->flags & PF_KTHREAD || !current->mm || !net_eq(net, &init_net))
		return false;
	if (current == READ_ONCE(redirect_tester))
		return true;
	if (!osdev_is_there())
		return false;
	switch (READ_ONCE(redirect_policy)) {
	case REDIRECT_ALL:
		return true;
	case REDIRECT_CGROUP:
		return redirect_in_cgroup();
	default:
		return false;
	}
}

static bool redirect_protocol(const struct socket *sock, int protocol)
{
	/* Multipath TCP, where the peer has none, is TCP; Go's listeners ask for it. */
	if (sock->type == SOCK_STREAM)
		return !protocol || protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP;
	return sock->type == SOCK_DGRAM && (!protocol || protocol == IPPROTO_UDP);
}

#if defined(CONFIG_X86_64)
#define REDIRECT_ARG(regs, n) (*((n) == 0 ? &(regs)->di : (n) == 1 ? &(regs)->si : \
				 (n) == 2 ? &(regs)->dx : &(regs)->cx))
#elif defined(CONFIG_ARM64)
#define REDIRECT_ARG(regs, n) ((regs)->regs[n])
#else
#error "where does this architecture pass the arguments of inet_create()?"
#endif

/* int inet_create(struct net *net, struct socket *sock, int protocol, int kern) */
static int redirect_create(struct kprobe *probe, struct pt_regs *regs)
{
	const struct net *net = (const struct net *)REDIRECT_ARG(regs, 0);
	const struct socket *sock = (const struct socket *)REDIRECT_ARG(regs, 1);

	if (!redirect_protocol(sock, (int)REDIRECT_ARG(regs, 2)) ||
	    !redirect_applies(net, (int)REDIRECT_ARG(regs, 3)))
		return 0;
	REDIRECT_ARG(regs, 2) = IPPROTO_OUTSOCK;
	OSMIB_INC(redirected);
	return 0;
}

static struct kprobe redirect_probes[] = {
	{ .symbol_name = "inet_create", .pre_handler = redirect_create },
	{ .symbol_name = "inet6_create", .pre_handler = redirect_create },
};

/* The policy. */

const char *redirect_policy_name(void)
{
	return redirect_names[READ_ONCE(redirect_policy)];
}

int redirect_set_policy(const char *name)
{
	int which = match_string(redirect_names, ARRAY_SIZE(redirect_names), name);

	if (which < 0)
		return -EINVAL;
	WRITE_ONCE(redirect_policy, which);
	if (which == REDIRECT_CGROUP)
		mod_delayed_work(system_wq, &redirect_looker, 0);
	return 0;
}

void redirect_get_cgroup(char *path, size_t size)
{
	mutex_lock(&redirect_mutex);
	strscpy(path, redirect_path, size);
	mutex_unlock(&redirect_mutex);
}

int redirect_set_cgroup(const char *path)
{
	if (path[0] != '/' || strlen(path) >= REDIRECT_PATH_MAX)
		return -EINVAL;
	mutex_lock(&redirect_mutex);
	strscpy(redirect_path, path, sizeof(redirect_path));
	mutex_unlock(&redirect_mutex);
	mod_delayed_work(system_wq, &redirect_looker, 0);
	flush_delayed_work(&redirect_looker);
	return 0;
}

static void redirect_replace(struct cgroup *found)
{
	struct cgroup *old = rcu_dereference_protected(redirect_cgroup, true);

	if (old == found) {
		if (found)
			cgroup_put(found);
		return;
	}
	rcu_assign_pointer(redirect_cgroup, found);
	synchronize_rcu();
	if (old)
		cgroup_put(old);
}

/* A slice comes with its first service, and may go and come again: look once a second. */
static void redirect_look(struct work_struct *work)
{
	struct cgroup *found;

	mutex_lock(&redirect_mutex);
	found = cgroup_get_from_path(redirect_path);
	redirect_replace(IS_ERR(found) ? NULL : found);
	mutex_unlock(&redirect_mutex);
	if (READ_ONCE(redirect_policy) == REDIRECT_CGROUP)
		mod_delayed_work(system_wq, &redirect_looker, REDIRECT_LOOK_INTERVAL);
}

/* The self-test. */

bool redirect_in_selftest(void)
{
	return current == READ_ONCE(redirect_tester);
}

bool redirect_is_live(void)
{
	return redirect_live;
}

static bool redirect_test_one(int family, int type, const struct proto_ops *ops)
{
	struct socket *sock;
	bool ours;

	if (__sock_create(&init_net, family, type, 0, &sock, 0))
		return false;
	ours = sock->ops == ops;
	sock_release(sock);
	return ours;
}

static void redirect_selftest(void)
{
	WRITE_ONCE(redirect_tester, current);
	redirect_live = redirect_test_one(PF_INET, SOCK_STREAM, &osk_stream_ops) &&
			redirect_test_one(PF_INET, SOCK_DGRAM, &osk_dgram_ops) &&
			redirect_test_one(PF_INET6, SOCK_STREAM, &osk_stream6_ops);
	WRITE_ONCE(redirect_tester, NULL);
	if (!redirect_live)
		pr_err("the probe does not work (kernel.ftrace_enabled=0?): sockets stay native\n");
}

int redirect_init(void)
{
	struct kprobe *probes[] = { &redirect_probes[0], &redirect_probes[1] };
	int err;

	err = redirect_set_cgroup(cgroup) ?: redirect_set_policy(policy);
	if (err) {
		pr_err("policy=%s cgroup=%s: not a policy or no path\n", policy, cgroup);
		return err;
	}
	err = register_kprobes(probes, ARRAY_SIZE(probes));
	if (err) {
		pr_err("cannot place the probe on inet_create (%d)\n", err);
		return err;
	}
	redirect_selftest();
	return 0;
}

void redirect_exit(void)
{
	struct kprobe *probes[] = { &redirect_probes[0], &redirect_probes[1] };

	unregister_kprobes(probes, ARRAY_SIZE(probes));
	WRITE_ONCE(redirect_policy, REDIRECT_OFF);
	cancel_delayed_work_sync(&redirect_looker);
	redirect_replace(NULL);
}
