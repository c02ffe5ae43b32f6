# SPDX-License-Identifier: BSD-3-Clause
"""Who runs on which CPU, and how urgently; and what all CPUs did."""

import json
import os
import re
import time
from pathlib import Path

from bench import idle

from . import host

VCPU_PRIORITY = 40
EXCLUSIVE = "d"


def busy():
    """Seconds that all CPUs have worked so far."""
    fields = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()[1:]
    ticks = [int(f) for f in fields[:8]]        # guest time is in user time already
    return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")


def seconds_of(pid):
    """Of CPU that a process has used, all its threads."""
    return time.clock_gettime(idle.cpu_clock(pid))


def _threads(pid):
    return [int(name) for name in os.listdir(f"/proc/{pid}/task")]


def daemon(bed):
    host.watch(_pid(bed, "outsockd"), host.DAEMON_S)


def _pid(bed, part):
    parts = json.loads(bed.command("status", "--json").stdout)
    text = next(p["text"] for p in parts if p["part"] == part)
    return int(re.search(r"pid (\d+)", text).group(1))


def guests(bed, variant, cpus):
    """The RT guest's threads are urgent but with vanilla kernels. (d): it has a CPU of its own, the
    other guest the rest; everywhere else both may run anywhere."""
    other, rt = cpus
    anywhere = os.sched_getaffinity(0)
    for part, alone in (("guest 1", {rt}), ("guest 2", {other})):
        pid = _pid(bed, part)
        host.watch(pid, host.PROGRAM_S)
        for tid in _threads(pid):
            os.sched_setaffinity(tid, alone if variant == EXCLUSIVE else anywhere)
            if part == "guest 1" and variant != "a":
                os.sched_setscheduler(tid, os.SCHED_FIFO, os.sched_param(VCPU_PRIORITY))


def load(variant, cpus):
    """How the load is started."""
    return ("taskset", "-c", str(cpus[0])) if variant == EXCLUSIVE else ()
