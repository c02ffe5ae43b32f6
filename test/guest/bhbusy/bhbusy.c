/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For tests, on PREEMPT_RT: networking that keeps bottom halves of a CPU disabled, for as long as
 * the test wants. It is a thread of the lowest real-time priority, and busy.
 *
 *	insmod bhbusy.ko cpu=N
 *	echo 1 >/sys/module/bhbusy/parameters/busy	returns when it has begun
 *	echo 0 >/sys/module/bhbusy/parameters/busy	returns when it has ended
 *	cat /sys/module/bhbusy/parameters/busy		BEGAN ENDED WHY
 *
 * BEGAN and ENDED are ns of CLOCK_MONOTONIC, both read while bottom halves are disabled; WHY is
 * "told", or "limit" if nobody has ended it in time.
 */
#include <linux/bottom_half.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/sysfs.h>
#include <linux/wait.h>

#define LIMIT (60 * (u64)NSEC_PER_SEC)

static unsigned int cpu;
module_param(cpu, uint, 0444);
MODULE_PARM_DESC(cpu, "the CPU whose bottom halves it disables");

static DECLARE_WAIT_QUEUE_HEAD(news);
static struct task_struct *thread;
static bool wanted, running, told;
static u64 began, ended;

static void disable_and_spin(void)
{
	local_bh_disable();
	began = ktime_get_ns();
	smp_store_release(&running, true);
	wake_up(&news);
	while (READ_ONCE(wanted) && !kthread_should_stop() && ktime_get_ns() - began < LIMIT)
		cpu_relax();
	told = !READ_ONCE(wanted);
	ended = ktime_get_ns();
	local_bh_enable();
}

static int bhbusy_thread(void *unused)
{
	while (!kthread_should_stop()) {
		wait_event_interruptible(news, READ_ONCE(wanted) || kthread_should_stop());
		if (READ_ONCE(wanted))
			disable_and_spin();
		wait_event_interruptible(news, !READ_ONCE(wanted) || kthread_should_stop());
		smp_store_release(&running, false); /* ready for another one */
		wake_up(&news);
	}
	return 0;
}

static int busy_set(const char *text, const struct kernel_param *kp)
{
	bool on;
	int err = kstrtobool(text, &on);

	if (err)
		return err;
	WRITE_ONCE(wanted, on);
	wake_up(&news);
	return wait_event_interruptible(news, smp_load_acquire(&running) == on);
}

static int busy_get(char *text, const struct kernel_param *kp)
{
	return sysfs_emit(text, "%llu %llu %s\n", began, ended, told ? "told" : "limit");
}

static const struct kernel_param_ops busy_ops = { .set = busy_set, .get = busy_get };

module_param_cb(busy, &busy_ops, NULL, 0600);

static int __init bhbusy_init(void)
{
	/* Elsewhere nothing else runs on the CPU then: there is nothing to be seen. */
	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		return -EOPNOTSUPP;
	thread = kthread_create(bhbusy_thread, NULL, "bhbusy");
	if (IS_ERR(thread))
		return PTR_ERR(thread);
	kthread_bind(thread, cpu);
	sched_set_fifo_low(thread);
	wake_up_process(thread);
	return 0;
}

static void __exit bhbusy_exit(void)
{
	kthread_stop(thread);
}

module_init(bhbusy_init);
module_exit(bhbusy_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Bottom halves of a CPU, disabled for a while");
