# SPDX-License-Identifier: BSD-3-Clause
"""A host made of files: one on which all is well, and ways to spoil it.

Eight CPUs: 0 and 1 for everything, 2 (busy) and 3 (adaptive) for RT lcores, 4 for the vCPU of the
RT guest, all of NUMA node 0; 5 to 7 are node 1, for the other guest."""

import contextlib
import json
import os
import shutil
import subprocess
from pathlib import Path

CONFIG = """\
[dataplane]
memory = 512M
control-cpu = 0
[lcore 0]
cpu = 1
[lcore 1]
cpu = 2
class = rt
priority = 60
poll = busy
[lcore 2]
cpu = 3
class = rt
priority = 50
[port nic]
device = 0000:01:00.0
[guest motion]
socket = /run/outsock/motion.sock
class = rt
port = nic
address = 192.0.2.20/24
[guest office]
socket = /run/outsock/office.sock
mode = server
port = nic
address = 192.0.2.21/24
"""

CPU = "/sys/devices/system/cpu"
NODE = "/sys/devices/system/node"
THP = "/sys/kernel/mm/transparent_hugepage"
HUGE = "hugepages/hugepages-2048kB"
CLOCK = "/sys/devices/system/clocksource/clocksource0"
OUTSOCKD, MOTION, OFFICE = 500, 600, 700
CGROUP = "/system.slice/outsockd.service"


def link(target):
    """A symbolic link instead of a file."""
    return ("link", target)


def thread(pid, tid, name, cpus, policy=0, priority=0):
    """The files of one thread; those of the process if it is the first."""
    fields = ["S", "1"] + ["0"] * 35 + [str(priority), str(policy), "0"]
    of = f"/proc/{pid}/task/{tid}"
    files = {of + "/stat": f"{tid} ({name}) {' '.join(fields)}\n",
             of + "/status": f"Name:\t{name}\nCpus_allowed:\tff\nCpus_allowed_list:\t{cpus}\n"}
    if pid == tid:
        files[f"/proc/{pid}/comm"] = name[:15] + "\n"
    return files


def irq(number, cpus, handler="eth0"):
    of = f"/proc/irq/{number}"
    return {of + "/smp_affinity_list": cpus + "\n", of + "/effective_affinity_list": cpus[0] + "\n",
            f"{of}/{handler}/": None}


def idle_state(cpu, n, name, latency, disable):
    of = f"{CPU}/cpu{cpu}/cpuidle/state{n}"
    return {of + "/name": name + "\n", of + "/latency": f"{latency}\n", of + "/disable": disable}


def kernel():
    return {
        "/proc/version": "Linux version 6.1.0-rt-amd64 #1 SMP PREEMPT_RT Debian\n",
        "/proc/cmdline": "BOOT_IMAGE=/vmlinuz isolcpus=managed_irq,domain,2-4 nohz_full=2-4 "
                         "rcu_nocbs=2-4 irqaffinity=0-1 quiet\n",
        "/proc/sys/kernel/osrelease": "6.1.0-rt-amd64\n",
        "/proc/sys/kernel/sched_rt_runtime_us": "-1\n",
        "/proc/sys/kernel/sched_rt_period_us": "1000000\n",
        "/proc/sys/kernel/timer_migration": "1\n",
        "/proc/sys/kernel/nmi_watchdog": "0\n",
        "/proc/sys/kernel/soft_watchdog": "1\n",
        "/proc/sys/kernel/watchdog_cpumask": "0-1,5-7\n",
        "/proc/sys/kernel/numa_balancing": "0\n",
        "/proc/sys/vm/stat_interval": "10\n",
        "/proc/sys/vm/nr_hugepages": "512\n",
        "/sys/kernel/realtime": "1\n",
        "/sys/kernel/tracing/current_tracer": "nop\n",
        CLOCK + "/current_clocksource": "tsc\n",
        CLOCK + "/available_clocksource": "tsc hpet acpi_pm \n",
        **thread(20, 20, "rcuop/2", "0-1"), **thread(21, 21, "rcuop/3", "0-1"),
        **thread(22, 22, "rcuog/2", "0-1"), **thread(23, 23, "rcuop/4", "0-1"),
    }


def cpus():
    files = {
        CPU + "/online": "0-7\n", CPU + "/present": "0-7\n",
        CPU + "/isolated": "2-4\n", CPU + "/nohz_full": "2-4\n",
        CPU + "/cpuidle/current_driver": "intel_idle\n",
        CPU + "/intel_pstate/no_turbo": "1\n",
        NODE + "/online": "0-1\n",
        NODE + "/node0/cpulist": "0-4\n", NODE + "/node1/cpulist": "5-7\n",
        "/sys/bus/pci/devices/0000:01:00.0/numa_node": "0\n",
    }
    for cpu in range(8):
        files.update(idle_state(cpu, 0, "POLL", 0, "0\n"))
        files.update(idle_state(cpu, 1, "C1", 2, "0\n"))
        files.update(idle_state(cpu, 2, "C6", 133, "1\n" if cpu in (3, 4) else "0\n"))
        files[f"{CPU}/cpu{cpu}/cpufreq/scaling_governor"] = "performance\n"
        files[f"{CPU}/cpu{cpu}/cpufreq/energy_performance_preference"] = "performance\n"
        files[f"{CPU}/cpu{cpu}/topology/thread_siblings_list"] = f"{cpu}\n"
    return files


def interrupts():
    return {
        "/proc/irq/default_smp_affinity": "e3\n",
        "/sys/devices/virtual/workqueue/cpumask": "e3\n",
        "/sys/devices/virtual/workqueue/writeback/cpumask": "00000000,000000e3\n",
        **irq(8, "0-1", "rtc0"), **irq(30, "0-1"), **irq(31, "1"),
        **irq(40, "3", "vfio-msix[0](0000:01:00.0)"),   # wakes the adaptive lcore
        "/proc/irq/9/smp_affinity_list": "0-7\n",       # nobody has it
    }


def memory():
    files = {
        THP + "/enabled": "always [madvise] never\n",
        THP + "/defrag": "always defer defer+madvise [madvise] never\n",
        THP + "/khugepaged/defrag": "0\n",
        "/sys/kernel/mm/ksm/run": "0\n",
        "/proc/swaps": "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n",
        f"/sys/kernel/mm/{HUGE}/free_hugepages": "0\n",
        f"/sys/kernel/mm/{HUGE}/nr_hugepages": "512\n",
    }
    for node in (0, 1):
        files[f"{NODE}/node{node}/{HUGE}/free_hugepages"] = "0\n"
        files[f"{NODE}/node{node}/{HUGE}/nr_hugepages"] = "256\n"
    return files


def processes():
    return {
        **thread(1, 1, "systemd", "0-1,5-7"),
        **thread(OUTSOCKD, OUTSOCKD, "outsockd", "0"),
        **thread(OUTSOCKD, 501, "lcore-0", "1"),
        **thread(OUTSOCKD, 502, "lcore-1", "2", policy=1, priority=60),
        **thread(OUTSOCKD, 503, "lcore-2", "3", policy=1, priority=50),
        **thread(OUTSOCKD, 504, "vhost-events", "0"),
        f"/proc/{OUTSOCKD}/limits":
            "Limit                     Soft Limit           Hard Limit           Units     \n"
            "Max locked memory         unlimited            unlimited            bytes     \n",
        f"/proc/{OUTSOCKD}/status":
            "Name:\toutsockd\nVmLck:\t  801234 kB\nCapEff:\t000001ffffffffff\n",
        f"/proc/{OUTSOCKD}/cgroup": f"0::{CGROUP}\n",
        f"/sys/fs/cgroup{CGROUP}/cpu.max": "max 100000\n",
        f"/sys/fs/cgroup{CGROUP}/cpuset.cpus.effective": "0-7\n",
        "/sys/fs/cgroup/system.slice/cpu.max": "max 100000\n",
    }


def guests():
    """One is found by its socket (QEMU listens), one by its command line (QEMU connects)."""
    return {
        "/proc/net/unix":
            "Num       RefCount Protocol Flags    Type St Inode Path\n"
            "0000000000000000: 00000002 00000000 00010000 0001 01 7001 /run/outsock/motion.sock\n"
            "0000000000000000: 00000003 00000000 00000000 0001 03 7002 /run/other.sock\n",
        **thread(MOTION, MOTION, "qemu-system-x86", "0-1"),
        **thread(MOTION, 601, "CPU 0/KVM", "4", policy=1, priority=1),
        f"/proc/{MOTION}/cmdline": "qemu-system-x86_64\0-chardev\0socket,id=c0,fd=29,server=on\0",
        f"/proc/{MOTION}/fd/29": link("socket:[7001]"),
        f"/proc/{MOTION}/numa_maps":
            "7f0000000000 bind:0 file=/memfd:m0\\040(deleted) huge dirty=512 N0=512 "
            "kernelpagesize_kB=2048\n"
            "7f1000000000 default anon=40 N0=30 N1=10\n",
        **thread(OFFICE, OFFICE, "qemu-system-x86", "0-1"),
        **thread(OFFICE, 701, "CPU 0/KVM", "5-7"),
        **thread(OFFICE, 702, "CPU 1/KVM", "5-7"),
        f"/proc/{OFFICE}/cmdline":
            "qemu-system-x86_64\0-chardev\0socket,id=c0,path=/run/outsock/office.sock\0",
        f"/proc/{OFFICE}/numa_maps": "7f0000000000 default N1=512 kernelpagesize_kB=2048\n",
        # Names a socket as well, and is no VM.
        **thread(800, 800, "tail", "0-7"),
        "/proc/800/cmdline": "tail\0/run/outsock/motion.sock\0",
    }


def good():
    return {**kernel(), **cpus(), **interrupts(), **memory(), **processes(), **guests()}


class Tree:
    """The files below a folder, and what the doctor says about them."""

    def __init__(self, folder, outsockctl, files, config=CONFIG):
        self.top, self.ctl, self.files = Path(folder, "root"), outsockctl, {}
        self.config = Path(folder, "conf")
        self.config.write_text(config, encoding="ascii")
        for path, content in files.items():
            self.put(path, content)

    def at(self, path):
        return self.top / path.lstrip("/")

    def put(self, path, content):
        """Text or bytes, a link, a folder (its path ends so), or nothing at all (None)."""
        where = self.at(path)
        if where.is_symlink() or where.is_file():
            where.unlink()
        if path.endswith("/"):
            where.mkdir(parents=True, exist_ok=True)
            return
        self.files[path] = content
        if content is None:
            return
        where.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, tuple):
            os.symlink(content[1], where)
        else:
            where.write_bytes(content.encode() if isinstance(content, str) else content)

    def first_missing(self, path):
        """The topmost folder that putting the file there would make."""
        missing = None
        for folder in self.at(path + "x").parents:
            if folder.exists():
                return missing
            missing = folder
        return missing

    @contextlib.contextmanager
    def changed(self, changes):
        """Files that are other ones, for a while; those that are new go again."""
        before = {path: self.files.get(path) for path in changes}
        made = {self.first_missing(path) for path in changes} - {None}
        for path, content in changes.items():
            self.put(path, content)
        try:
            yield
        finally:
            for path, content in before.items():
                if not path.endswith("/"):
                    self.put(path, content)
            for folder in made:
                shutil.rmtree(folder)

    def run(self, *words, status=(0, 1)):
        done = subprocess.run([self.ctl, "doctor", "--config", self.config, "--root", self.top,
                               *words], capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode in status, done
        return done

    def examine(self):
        done = self.run("--json")
        rows = {row["name"]: row for row in json.loads(done.stdout)}
        bad = any(row["verdict"] == "bad" for row in rows.values())
        assert done.returncode == int(bad), done
        return rows
