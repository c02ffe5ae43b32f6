#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What outsockctl doctor says about hosts that are made of files.

    doctor_test.py OUTSOCKCTL"""

import itertools
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from doctor_tree import (CGROUP, CLOCK, CONFIG, CPU, HUGE, MOTION, NODE, OFFICE,  # noqa: E402
                         OUTSOCKD, THP, Tree, good, idle_state, irq, link, thread)

OUTSOCKCTL = None
OTHERS = "0-1,5-7"
CMDLINE = "/proc/cmdline"
WQ = "/sys/devices/virtual/workqueue"
FAIR = "/sys/kernel/debug/sched/fair_server"
GOV = f"{CPU}/cpu%d/cpufreq/scaling_governor"
EPP = f"{CPU}/cpu%d/cpufreq/energy_performance_preference"
SYSCTL = "/proc/sys/kernel/"
SWAPS = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n" \
        "/dev/sda2 partition\t975868\t\t%d\t\t-2\n"
SHARED_CORE = {f"{CPU}/cpu2/topology/thread_siblings_list": "2,6\n"}
NO_DAEMON = {f"/proc/{OUTSOCKD}/comm": "other\n"}
FREE = f"/sys/kernel/mm/{HUGE}/free_hugepages"
QUOTA = f"/sys/fs/cgroup{CGROUP}/cpu.max"
V1 = {f"/proc/{OUTSOCKD}/cgroup": "3:cpuset:/rt\n2:cpuacct,cpu:/rt\n1:name=systemd:/x\n0::/x\n",
      "/sys/fs/cgroup/cpu/rt/cpu.cfs_quota_us": "-1\n",
      "/sys/fs/cgroup/cpuset/rt/cpuset.effective_cpus": "0-7\n"}
LINUX_612 = {SYSCTL + "osrelease": "6.12.9\n", FAIR + "/cpu2/runtime": "0\n",
             FAIR + "/cpu3/runtime": "0\n"}
IRQBALANCE = thread(90, 90, "irqbalance", "0-1")
# One check with what it says of a host that is good but for some files.
CASES = [
    ("cpus-left", "bad", "RT lcores and vCPUs have all CPUs (2-4)", {CPU + "/online": "2-4\n"},
     ["configure: cpu = one for the RT lcores that leaves another one for the rest"]),
    ("preempt-rt", "bad", "not a PREEMPT_RT kernel: PREEMPT_DYNAMIC",
     {"/sys/kernel/realtime": None, "/proc/version": "Linux 6.1 #1 SMP PREEMPT_DYNAMIC Debian\n"},
     ["run: apt-get install linux-image-rt-amd64 && reboot"]),
    ("preempt-rt", "ok", "a PREEMPT_RT kernel", {"/sys/kernel/realtime": None}, []),
    ("isolcpus", "bad", "CPUs 3 are not isolated, though the kernel's command line says "
     "isolcpus=managed_irq,domain,2-4", {CPU + "/isolated": "2,4\n"},
     ["boot with: isolcpus=managed_irq,domain,2-4"]),
    ("isolcpus", "bad", "CPUs 2-3 are not isolated", {CPU + "/isolated": "\n", CMDLINE: "quiet\n"},
     ["boot with: isolcpus=managed_irq,domain,2-4"]),
    ("isolcpus", "warn", "CPUs 2-3 are isolated, but managed interrupts may go there",
     {CMDLINE: "isolcpus=2-3,7\n", CPU + "/isolated": "2-3,7\n"},
     ["boot with: isolcpus=managed_irq,domain,2-4,7"]),
    ("isolcpus", "ok", "CPUs 2-3 are isolated",
     {CMDLINE: "quiet\n", CPU + "/isolated": "\n", "/sys/fs/cgroup/cpuset.cpus.isolated": "2-3\n"},
     []),
    ("nohz_full", "bad", "CPUs 2-3 have a timer tick, though the kernel's command line says "
     "nohz_full=2-4", {CPU + "/nohz_full": "  (null)\n"}, ["boot with: nohz_full=2-4"]),
    ("nohz_full", "bad", "CPUs 2 have a timer tick", {CPU + "/nohz_full": "3\n", CMDLINE: "q\n"},
     ["boot with: nohz_full=2-4"]),
    ("rcu_nocbs", "bad", "RCU callbacks of CPUs 3 run there, though the command line says "
     "otherwise", {"/proc/21/comm": "kworker/u1\n"}, ["boot with: rcu_nocbs=2-4"]),
    ("rcu_nocbs", "bad", "no RCU callback thread runs (rcuop/N)",
     {f"/proc/{pid}/comm": "x\n" for pid in (20, 21, 22, 23)},
     ["boot with: rcu_nocbs=2-4", "it needs a kernel with CONFIG_RCU_NOCB_CPU"]),
    ("rcu_nocbs", "warn", "1 RCU callback threads may run on CPUs 2-3",
     thread(20, 20, "rcuop/2", "0-7"),
     [f"run: for p in $(pgrep rcuo); do taskset -pc {OTHERS} $p; done"]),
    ("rt-throttling", "bad", "real-time threads have 950000 us of each 1000000 us",
     {SYSCTL + "sched_rt_runtime_us": "950000\n"},
     ["run: sysctl -w kernel.sched_rt_runtime_us=-1"]),
    ("rt-throttling", "ok", "off", {SYSCTL + "sched_rt_runtime_us": "1000000\n"}, []),
    ("fair-server", "ok", "off on CPUs 2-3", LINUX_612, []),
    ("fair-server", "warn", "on, on CPUs 3", {**LINUX_612, FAIR + "/cpu3/runtime": "50000000\n"},
     [f"run: echo 0 | tee {FAIR}/cpu3/runtime"]),
    ("fair-server", "warn", "on, on CPUs 2-3",
     {**LINUX_612, FAIR + "/cpu2/runtime": "5\n", FAIR + "/cpu3/runtime": "50000000\n"},
     [f"run: echo 0 | tee {FAIR}/cpu{{2,3}}/runtime"]),
    ("fair-server", "unknown", f"{FAIR}/cpu2/runtime: No such file or directory",
     {SYSCTL + "osrelease": "7.0.1\n"}, []),
    ("timer-migration", "warn", "off: timers stay on CPUs 2-3", {SYSCTL + "timer_migration": "0\n"},
     ["run: sysctl -w kernel.timer_migration=1"]),
    ("timer-migration", "warn", "on: timers of others expire on CPUs 2-3",
     {CPU + "/nohz_full": None}, ["run: sysctl -w kernel.timer_migration=0"]),
    ("clocksource", "bad", "hpet", {CLOCK + "/current_clocksource": "hpet\n"},
     [f"run: echo tsc >{CLOCK}/current_clocksource"]),
    ("clocksource", "warn", "kvm-clock", {CLOCK + "/current_clocksource": "kvm-clock\n",
     CLOCK + "/available_clocksource": "kvm-clock acpi_pm\n"}, ["boot with: tsc=reliable"]),
    ("nmi-watchdog", "bad", "on, on CPUs 2", {SYSCTL + "nmi_watchdog": "1\n",
     SYSCTL + "watchdog_cpumask": "0-2\n"}, ["run: sysctl -w kernel.nmi_watchdog=0"]),
    ("nmi-watchdog", "ok", "on, but not on CPUs 2-3", {SYSCTL + "nmi_watchdog": "1\n"}, []),
    ("soft-watchdog", "bad", "on, on CPUs 2-3", {SYSCTL + "watchdog_cpumask": "0-7\n"},
     [f"run: sysctl -w kernel.watchdog_cpumask={OTHERS}"]),
    ("vmstat", "warn", "each 1 s", {"/proc/sys/vm/stat_interval": "1\n"},
     ["run: sysctl -w vm.stat_interval=10"]),
    ("tracing", "warn", "the tracer 'function' is on",
     {"/sys/kernel/tracing/current_tracer": "function\n"},
     ["run: echo nop >/sys/kernel/tracing/current_tracer"]),
    ("tracing", "ok", "no tracer", {"/sys/kernel/tracing/current_tracer": None,
     "/sys/kernel/debug/tracing/current_tracer": "nop\n"}, []),
    ("irq-affinity", "bad", "2 of 5 go or may go to CPUs 2-3: 9 50",
     {**irq(50, "2", "nvme"), **irq(9, "0-7", "acpi")},
     [f"run: for i in 9 50; do echo {OTHERS} >/proc/irq/$i/smp_affinity_list; done"]),
    ("irq-affinity", "warn", "1 of 4 may go to CPUs 2-3: 51", irq(51, "1-2", "nvme"),
     [f"run: for i in 51; do echo {OTHERS} >/proc/irq/$i/smp_affinity_list; done"]),
    ("irq-default", "bad", "CPUs 0-7, real-time ones (2-3) among them",
     {"/proc/irq/default_smp_affinity": "ff\n"},
     ["run: echo e3 >/proc/irq/default_smp_affinity", f"boot with: irqaffinity={OTHERS}"]),
    ("irqbalance", "ok", "runs, and leaves CPUs 2-3 alone", IRQBALANCE, []),
    ("irqbalance", "bad", "runs, and may use CPUs 2-3",
     {**IRQBALANCE, "/proc/90/environ": "A=b\0IRQBALANCE_BANNED_CPULIST=4\0"},
     ["run: systemctl disable --now irqbalance"]),
    ("irqbalance", "ok", "runs, and leaves CPUs 2-3 alone",
     {**IRQBALANCE, "/proc/90/environ": "IRQBALANCE_BANNED_CPUS=c\0"}, []),
    ("workqueues", "bad", "CPUs 1-2, real-time ones (2) among them", {WQ + "/cpumask": "6\n"},
     [f"run: echo e3 >{WQ}/cpumask"]),
    ("writeback", "bad", "CPUs 0-3, real-time ones (2-3) among them",
     {WQ + "/writeback/cpumask": "f\n"}, [f"run: echo e3 >{WQ}/writeback/cpumask"]),
    ("c-states", "bad", "CPUs 3 go down to C6 (133 us)", idle_state(3, 2, "C6", 133, "0\n"),
     [f"run: echo 1 | tee {CPU}/cpu3/cpuidle/state2/disable"]),
    ("c-states", "bad", "CPUs 3-4 go down to C6 (133 us)",
     {**idle_state(3, 1, "C1E", 10, "0\n"), **idle_state(4, 2, "C6", 133, "0\n")},
     [f"run: echo 1 | tee {CPU}/cpu{{3,4}}/cpuidle/state{{1,2}}/disable"]),
    ("c-states", "not applicable", "no cpuidle driver: a halt is all there is",
     {CPU + "/cpuidle/current_driver": "none\n"}, []),
    ("c-states", "ok", "idle=poll", {CMDLINE: "idle=poll\n"}, []),
    ("governor", "bad", "powersave on CPUs 3", {GOV % 3: "powersave\n"},
     [f"run: echo performance | tee {GOV % 3}"]),
    ("governor", "bad", "schedutil on CPUs 2-3", {GOV % 2: "schedutil\n", GOV % 3: "schedutil\n"},
     [f"run: echo performance | tee {CPU}/cpu{{2,3}}/cpufreq/scaling_governor"]),
    ("epp", "bad", "balance_power on CPUs 2", {EPP % 2: "balance_power\n"},
     [f"run: echo performance | tee {EPP % 2}"]),
    ("epp", "not applicable", "the driver has no energy preference",
     {EPP % 2: None, EPP % 3: None}, []),
    ("turbo", "warn", "on", {CPU + "/intel_pstate/no_turbo": "0\n"},
     [f"run: echo 1 >{CPU}/intel_pstate/no_turbo"]),
    ("turbo", "warn", "on", {CPU + "/intel_pstate/no_turbo": None, CPU + "/cpufreq/boost": "1\n"},
     [f"run: echo 0 >{CPU}/cpufreq/boost"]),
    ("turbo", "not applicable", "the kernel does not control it",
     {CPU + "/intel_pstate/no_turbo": None}, []),
    ("smt", "bad", "CPUs 6 are siblings of RT lcores' CPUs", SHARED_CORE,
     [f"run: echo 0 | tee {CPU}/cpu6/online"]),
    ("smt", "ok", "CPUs 2-3 have their cores alone",
     {**SHARED_CORE, CPU + "/online": "0-5,7\n"}, []),
    ("smt", "bad", "CPUs 1 are siblings of RT lcores' CPUs",
     {f"{CPU}/cpu2/topology/thread_siblings_list": "1-2\n"},
     ["configure: another cpu = for the lcores on CPUs 1, then take these offline"]),
    ("thp", "bad", "always", {THP + "/enabled": "[always] madvise never\n"},
     [f"run: echo madvise >{THP}/enabled"]),
    ("thp-defrag", "bad", "always",
     {THP + "/defrag": "[always] defer defer+madvise madvise never\n"},
     [f"run: echo madvise >{THP}/defrag"]),
    ("thp-defrag", "warn", "defer",
     {THP + "/defrag": "always [defer] defer+madvise madvise never\n"},
     [f"run: echo madvise >{THP}/defrag"]),
    ("khugepaged", "warn", "compacts memory", {THP + "/khugepaged/defrag": "1\n"},
     [f"run: echo 0 >{THP}/khugepaged/defrag"]),
    ("khugepaged", "not applicable", "there are no transparent huge pages",
     {THP + "/enabled": "always madvise [never]\n"}, []),
    ("ksm", "bad", "merges pages", {"/sys/kernel/mm/ksm/run": "1\n"},
     ["run: echo 2 >/sys/kernel/mm/ksm/run"]),
    ("swap", "warn", "0 MiB are swapped out", {"/proc/swaps": SWAPS % 0}, ["run: swapoff -a"]),
    ("swap", "bad", "2 MiB are swapped out", {"/proc/swaps": SWAPS % 1025}, ["run: swapoff -a"]),
    ("hugepages", "bad", "0 MiB are free of 1024, memory = 512 MiB", NO_DAEMON,
     ["run: sysctl -w vm.nr_hugepages=768"]),
    ("hugepages", "ok", "512 MiB are free of 1024, memory = 512 MiB, "
     "node 0: 256 MiB, node 1: 256 MiB",
     {**NO_DAEMON, FREE: "256\n", f"{NODE}/node0/{HUGE}/free_hugepages": "128\n",
      f"{NODE}/node1/{HUGE}/free_hugepages": "128\n"}, []),
    ("hugepages", "bad", "512 MiB are free of 1024, memory = 512 MiB, "
     "node 0: 0 MiB, node 1: 512 MiB",
     {**NO_DAEMON, FREE: "256\n", f"{NODE}/node1/{HUGE}/free_hugepages": "256\n"},
     [f"run: echo 256 | tee {NODE}/node0/{HUGE}/nr_hugepages"]),
    ("numa-balancing", "bad", "on", {SYSCTL + "numa_balancing": "1\n"},
     ["run: sysctl -w kernel.numa_balancing=0"]),
    ("numa-balancing", "not applicable", "one NUMA node", {NODE + "/online": "0\n"}, []),
    ("numa-placement", "bad", "RT lcores on node 0, port nic on node 1",
     {"/sys/bus/pci/devices/0000:01:00.0/numa_node": "1\n"},
     ["configure: cpu = one of 5-7 for the RT lcores"]),
    ("numa-placement", "bad",
     "RT lcores on node 0, port nic on node 0, 75 % of guest motion's memory on node 1",
     {f"/proc/{MOTION}/numa_maps": "7f00 default N0=128 N1=384\n"},
     [f"run: migratepages {MOTION} 1 0"]),
    ("vcpu-affinity", "bad", "2 threads of VMs may run on CPUs 2-3",
     {**thread(OFFICE, 702, "CPU 1/KVM", "0-7"), **thread(MOTION, MOTION, "qemu-system-x86", "2")},
     [f"run: for t in {MOTION} 702; do taskset -pc {OTHERS} $t; done"]),
    ("vcpu-affinity", "not applicable", "no process has the socket of a guest",
     {f"/proc/{MOTION}/fd/29": link("socket:[7002]"), f"/proc/{OFFICE}/cmdline": "qemu\0"}, []),
    ("vcpu-pinning", "warn", "1 of 1 vCPUs of RT guests are not pinned to a CPU",
     thread(MOTION, 601, "CPU 0/KVM", "4-5", policy=1, priority=1), ["run: taskset -pc 0 601"]),
    ("vcpu-pinning", "warn", "vCPUs of RT guests share CPUs 4",
     thread(MOTION, 602, "CPU 1/KVM", "4", policy=1, priority=1),
     ["give each vCPU of an RT guest a CPU that no lcore and no other vCPU has"]),
    ("vcpu-pinning", "unknown", f"process {MOTION} does not name its vCPU threads",
     thread(MOTION, 601, "qemu-system-x86", "4"), ["start QEMU with: -name debug-threads=on"]),
    ("vcpu-scheduling", "bad", "1 of 1 vCPUs of RT guests are not SCHED_FIFO",
     thread(MOTION, 601, "CPU 0/KVM", "4"), ["run: for t in 601; do chrt -f -p 1 $t; done"]),
    ("lcore-threads", "bad", "lcore 1 is not SCHED_FIFO 60, lcore 1 is not on CPU 2",
     thread(OUTSOCKD, 502, "lcore-1", "2-3"),
     ["run: chrt -f -p 60 502 && taskset -pc 2 502"]),
    ("lcore-threads", "bad", "2 threads for 3 lcores: another configuration?",
     thread(OUTSOCKD, 503, "lcore-7", "3"), ["run: systemctl restart outsockd"]),
    ("lcore-threads", "not applicable", "outsockd does not run", NO_DAEMON, []),
    ("lcore-threads", "unknown", "several processes are outsockd",
     thread(900, 900, "outsockd", "0"),
     ["run doctor without --config, on the control socket of one of them"]),
    ("control-threads", "bad", "1 threads (vhost-events) may run on CPUs 2-3",
     thread(OUTSOCKD, 504, "vhost-events", "0-2"), ["configure: control-cpu = 0 in [dataplane]"]),
    ("memlock", "bad", "outsockd may lock 65536 bytes",
     {f"/proc/{OUTSOCKD}/limits": "Max locked memory         65536                65536   bytes\n",
      f"/proc/{OUTSOCKD}/status": "VmLck:\t 0 kB\nCapEff:\t0000000000000000\n"},
     ["in [Service] of outsockd.service: LimitMEMLOCK=infinity",
      "run: systemctl daemon-reload && systemctl restart outsockd"]),
    ("memlock", "ok", "outsockd has locked 77 KiB",
     {f"/proc/{OUTSOCKD}/limits": "Max locked memory         65536                65536   bytes\n",
      f"/proc/{OUTSOCKD}/status": "VmLck:\t 77 kB\nCapEff:\t0000000000004000\n"}, []),
    ("memlock", "bad", "outsockd has not locked its memory",
     {f"/proc/{OUTSOCKD}/status": "VmLck:\t 0 kB\nCapEff:\t000001ffffffffff\n"},
     ["run: systemctl restart outsockd"]),
    ("cgroup-cpu", "bad", f"{QUOTA} says 50000 100000", {QUOTA: "50000 100000\n"},
     [f"run: echo max >{QUOTA}"]),
    ("cgroup-cpu", "bad", "/sys/fs/cgroup/system.slice/cpu.max says 1000 100000",
     {"/sys/fs/cgroup/system.slice/cpu.max": "1000 100000\n"},
     ["run: echo max >/sys/fs/cgroup/system.slice/cpu.max"]),
    ("cgroup-cpu", "ok", "no quota", V1, []),
    ("cgroup-cpu", "bad", "/sys/fs/cgroup/cpu/rt/cpu.cfs_quota_us says 20000",
     {**V1, "/sys/fs/cgroup/cpu/rt/cpu.cfs_quota_us": "20000\n"},
     ["run: echo -1 >/sys/fs/cgroup/cpu/rt/cpu.cfs_quota_us"]),
    ("cgroup-cpuset", "bad",
     f"CPUs 2-3 of lcores are not in /sys/fs/cgroup{CGROUP}/cpuset.cpus.effective",
     {f"/sys/fs/cgroup{CGROUP}/cpuset.cpus.effective": "0-1,4\n"},
     ["run: systemctl set-property outsockd AllowedCPUs=0-4"]),
    ("cgroup-cpuset", "ok", "CPUs 0-7", V1, []),
    ("cgroup-cpuset", "bad",
     "CPUs 1-3 of lcores are not in /sys/fs/cgroup/cpuset/rt/cpuset.effective_cpus",
     {**V1, "/sys/fs/cgroup/cpuset/rt/cpuset.effective_cpus": "0\n"},
     ["run: echo 0-3 >/sys/fs/cgroup/cpuset/rt/cpuset.cpus"]),
]
# Files without which a check can not tell.
NEEDED = [
    ("isolcpus", CMDLINE), ("isolcpus", CPU + "/isolated"), ("nohz_full", CPU + "/nohz_full"),
    ("rcu_nocbs", CMDLINE), ("rcu_nocbs", "/proc/20/task/20/stat"),
    ("rcu_nocbs", "/proc/21/task/21/status"), ("rt-throttling", SYSCTL + "sched_rt_runtime_us"),
    ("rt-throttling", SYSCTL + "sched_rt_period_us"), ("fair-server", SYSCTL + "osrelease"),
    ("timer-migration", SYSCTL + "timer_migration"),
    ("clocksource", CLOCK + "/current_clocksource"),
    ("clocksource", CLOCK + "/available_clocksource"), ("nmi-watchdog", SYSCTL + "nmi_watchdog"),
    ("soft-watchdog", SYSCTL + "soft_watchdog"), ("soft-watchdog", SYSCTL + "watchdog_cpumask"),
    ("vmstat", "/proc/sys/vm/stat_interval"), ("tracing", "/sys/kernel/tracing/current_tracer"),
    ("irq-affinity", "/proc/irq/30/smp_affinity_list"),
    ("irq-default", "/proc/irq/default_smp_affinity"), ("workqueues", WQ + "/cpumask"),
    ("writeback", WQ + "/writeback/cpumask"), ("c-states", CPU + "/cpuidle/current_driver"),
    ("c-states", CPU + "/cpu3/cpuidle/state1/latency"),
    ("c-states", CPU + "/cpu4/cpuidle/state2/disable"),
    ("c-states", CPU + "/cpu3/cpuidle/state0/name"), ("governor", GOV % 2), ("epp", EPP % 2),
    ("epp", EPP % 3), ("smt", CPU + "/cpu3/topology/thread_siblings_list"),
    ("thp", THP + "/enabled"), ("khugepaged", THP + "/enabled"), ("thp-defrag", THP + "/defrag"),
    ("khugepaged", THP + "/khugepaged/defrag"), ("ksm", "/sys/kernel/mm/ksm/run"),
    ("swap", "/proc/swaps"), ("numa-balancing", NODE + "/online"),
    ("numa-placement", NODE + "/online"),
    ("vcpu-affinity", f"/proc/{MOTION}/task/601/status"),
    ("vcpu-pinning", f"/proc/{MOTION}/task/601/stat"),
    ("vcpu-scheduling", f"/proc/{MOTION}/task/601/stat"),
    ("lcore-threads", f"/proc/{OUTSOCKD}/task/502/stat"),
    ("control-threads", f"/proc/{OUTSOCKD}/task/504/status"),
    ("memlock", f"/proc/{OUTSOCKD}/limits"), ("cgroup-cpu", f"/proc/{OUTSOCKD}/cgroup"),
    ("cgroup-cpuset", f"/proc/{OUTSOCKD}/cgroup"),
]


class Doctor(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="outsock-doctor-")
        self.addCleanup(self.folder.cleanup)
        self.tree = Tree(self.folder.name, OUTSOCKCTL, good())

    def test_good_host(self):
        rows = self.tree.examine()
        verdicts = {name: row["verdict"] for name, row in rows.items() if row["verdict"] != "ok"}
        self.assertEqual(verdicts, {"fair-server": "not applicable"})
        self.assertEqual([row for row in rows.values() if row["mend"]], [])
        self.assertEqual(self.tree.run().returncode, 0)

    def test_every_check_has_its_cases(self):
        """On the good host each is ok; here are those where it is not."""
        wrong = {name for name, verdict, *_ in CASES if verdict in ("warn", "bad")}
        wrong.add("shared-idle")        # of the configuration: below
        self.assertEqual(wrong, set(self.tree.examine()))

    def test_cases(self):
        for name, verdict, found, changes, mend in CASES:
            with self.subTest(name=name, found=found), self.tree.changed(changes):
                row = self.tree.examine()[name]
                self.assertEqual((row["verdict"], row["found"], row["mend"]),
                                 (verdict, found, mend))
                self.assertGreater(len(row["why"]), 20)

    def test_virtual_machine(self):
        """No frequencies, no idle states, one node, no control of the hypervisor's."""
        changes = {CPU + "/cpuidle/current_driver": "none\n", CPU + "/intel_pstate/no_turbo": None,
                   NODE + "/online": "0\n"}
        for path in self.tree.files:
            if "/cpufreq/" in path or "/cpuidle/state" in path:
                changes[path] = None
        with self.tree.changed(changes):
            for cpu in range(8):
                self.tree.at(f"{CPU}/cpu{cpu}/cpufreq").rmdir()
            rows = self.tree.examine()
            for name in ("c-states", "governor", "epp", "turbo", "numa-balancing",
                         "numa-placement"):
                self.assertEqual(rows[name]["verdict"], "not applicable", rows[name])

    def test_preempt_rt_kernel(self):
        """Has neither transparent huge pages nor NUMA balancing."""
        with self.tree.changed({SYSCTL + "numa_balancing": None}):
            self.tree.at(THP).rename(self.tree.at(THP + ".gone"))
            rows = self.tree.examine()
            self.tree.at(THP + ".gone").rename(self.tree.at(THP))
        for name in ("thp", "thp-defrag", "khugepaged", "numa-balancing"):
            self.assertEqual(rows[name]["verdict"], "not applicable", rows[name])
        self.assertEqual(rows["preempt-rt"]["verdict"], "ok")

    def test_shared_idle(self):
        shared = CONFIG.replace("cpu = 3\n", "cpu = 1\n")
        for idle, verdict, found, mend in (
                ("", "warn", "lcore 2 shares CPU 1 and looks for work for 50 us",
                 ["configure: idle = 0us in [lcore 2]"]),
                ("idle = 0us\n", "ok", "no RT lcore does that on a shared CPU", [])):
            tree = Tree(self.folder.name, OUTSOCKCTL, {},
                        shared.replace("priority = 50\n", "priority = 50\n" + idle))
            row = tree.examine()["shared-idle"]
            self.assertEqual((row["verdict"], row["found"], row["mend"]), (verdict, found, mend))

    def test_missing_files(self):
        """Each is named by the checks that need it, and others go on."""
        for name, path in NEEDED:
            with self.subTest(name=name, path=path), self.tree.changed({path: None}):
                row = self.tree.examine()[name]
                self.assertEqual((row["verdict"], row["found"], row["mend"]),
                                 ("unknown", path + ": No such file or directory", []))
        path = SYSCTL + "numa_balancing"
        with self.tree.changed({"/sys/kernel/realtime": "0\n", path: None}):
            self.assertEqual(self.tree.examine()["numa-balancing"]["found"],
                             path + ": No such file or directory")
        with self.tree.changed({**NO_DAEMON, FREE: None}):
            row = self.tree.examine()["hugepages"]
            self.assertEqual((row["verdict"], row["found"]), ("unknown",
                             FREE + ": No such file or directory"))

    def test_garbage(self):
        """Any bytes in any file: an answer in valid JSON, and no control character."""
        garbage = (b"", b"\0" * 100, b"\xff\xfe\x1b[31m%n%s\n", b"99999999999999999999999\n",
                   b"-5,3-\n", b"(" * 70000, b"1 2 3\n" * 30000)
        files = [path for path in sorted(self.tree.files) if not path.endswith("/fd/29")]
        for path, content in zip(files, itertools.cycle(garbage)):
            with self.tree.changed({path: content}):
                self.no_surprise(path)
        for content in garbage:
            with self.tree.changed({path: content for path in files}):
                self.no_surprise("all")

    def no_surprise(self, path):
        done = self.tree.run("--json", status=(0, 1, 2))
        self.assertTrue(all(c.isprintable() or c == "\n" for c in done.stdout + done.stderr), path)
        if done.returncode < 2:
            self.tree.examine()

    def test_folders_instead_of_files(self):
        for name, path in (("isolcpus", CMDLINE), ("isolcpus", CPU + "/isolated"),
                           ("thp", THP + "/enabled"), (None, "/proc/net/unix")):
            with self.tree.changed({path: None}):
                self.tree.put(path + "/", None)
                rows = self.tree.examine()
                self.tree.at(path).rmdir()
            if name:
                self.assertEqual(rows[name]["found"], path + ": Is a directory")
            else:   # the guest that only its socket tells
                self.assertIn("1 VMs", rows["vcpu-affinity"]["found"])

    def test_no_rt_lcore(self):
        self.tree.config.write_text("[lcore 0]\ncpu = 1\n[dataplane]\nmemory = 512M\n",
                                    encoding="ascii")
        rows = self.tree.examine()
        self.assertEqual(rows["isolcpus"]["found"], "no lcore is real-time")
        self.assertEqual(rows["isolcpus"]["verdict"], "not applicable")
        self.assertEqual(rows["thp"]["verdict"], "ok")

    def test_table(self):
        """What does not fit is folded, and a command stays one."""
        changes = {f"/proc/irq/{n}/{name}": content for n in range(100, 160)
                   for name, content in (("smp_affinity_list", "2\n"), ("eth/", None))}
        with self.tree.changed({**changes, GOV % 2: "powersave\n"}):
            lines = self.tree.run(status=(1,)).stdout.split("\n")
        self.assertEqual([line for line in lines if len(line) > 110], [])
        folded = " ".join(line.rstrip("\\").strip() for line in lines if "mend:" in line or
                          line.startswith(" " * 32))
        numbers = " ".join(map(str, range(100, 160)))
        self.assertIn(f"run: for i in {numbers}; do echo {OTHERS} >/proc/irq/$i/smp_affinity_list; "
                      "done", " ".join(folded.split()))
        self.assertTrue(any(line.startswith("governor         bad      powersave on CPUs 2  ")
                            for line in lines), lines)
        self.assertRegex(lines[-2], r"^\d+ checks: \d+ ok, 0 warn, 2 bad, 0 unknown, 1 not appl")

    def test_can_not_run(self):
        """Status 2, and what to do."""
        self.tree.config.write_text("[lcore 0]\ncpu = x\n", encoding="ascii")
        self.assertIn("[lcore 0] cpu: 'x' is not a valid value", self.tree.run(status=(2,)).stderr)
        self.tree.config.unlink()
        self.assertIn("No such file or directory; right: the path of a configuration file",
                      self.tree.run(status=(2,)).stderr)
        with self.tree.changed({CPU + "/online": None}):
            self.assertEqual(self.tree.run(status=(2,)).stderr, "outsockctl: doctor: "
                             f"{CPU}/online: No such file or directory\n")
        self.tree.top = Path(self.folder.name, "nowhere")
        self.assertIn("nowhere: No such file or directory", self.tree.run(status=(2,)).stderr)


if __name__ == "__main__":
    OUTSOCKCTL = sys.argv.pop(1)
    unittest.main()
