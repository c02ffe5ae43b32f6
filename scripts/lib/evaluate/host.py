# SPDX-License-Identifier: BSD-3-Clause
"""Prepares the RT CPU as doc/rt.md asks an operator to, for the time of the measurements. What this
machine has no knob for, or refuses, is told; all that was changed is as before afterwards, after an
exception and a signal too (testbed.proc.interruptible).

The RT CPU is not isolated, so the kernel's own threads of that CPU, which nobody can move, would
starve beside a busy RT lcore, and who waits for them (mlockall() of a program that is started next
to it) would hang. They keep KEPT_US of each second: too little for any p99.9."""

import contextlib
import os
import platform
import re
import resource
import subprocess
from pathlib import Path

from testbed import proc

KEPT_US = 500
SECOND_US = 1000000
# What an RT thread may use up of CPU without a wait, whatever goes wrong: of clients and vCPUs,
# which sleep; of a daemon, whose lcore may be busy.
PROGRAM_S, DAEMON_S = 30, 900
FAIR_SERVER_SINCE = (6, 12)


def cpus_of(text):
    """0-2,5 as a set."""
    cpus = set()
    for part in filter(None, text.strip().split(",")):
        first, _, last = part.partition("-")
        cpus.update(range(int(first), int(last or first) + 1))
    return cpus


def mask(cpus):
    """As the kernel's bitmaps are written."""
    text = f"{sum(1 << cpu for cpu in cpus):x}"
    words = [text[max(0, end - 8):end] for end in range(len(text), 0, -8)]
    return ",".join(reversed(words))


def cpus_of_mask(text):
    bits = int(text.strip().replace(",", ""), 16)
    return {cpu for cpu in range(bits.bit_length()) if bits >> cpu & 1}


def has_fair_server(release):
    version = re.match(r"(\d+)\.(\d+)", release)
    return bool(version) and tuple(map(int, version.groups())) >= FAIR_SERVER_SINCE


def rt_runtime(period_us, fair_server):
    """Off where the fair server still lets the kernel's threads run; else all but what they get."""
    return -1 if fair_server else period_us - max(1, period_us * KEPT_US // SECOND_US)


def watched(*argv, seconds=PROGRAM_S):
    """A program that makes itself SCHED_FIFO, with the kernel as its watchdog: SIGKILL, which
    nobody blocks, when it has used so much."""
    us = seconds * SECOND_US
    return ["prlimit", f"--rttime={us}:{us}", *map(str, argv)]


def watch(pid, seconds):
    """The same for a process that runs."""
    resource.prlimit(pid, resource.RLIMIT_RTTIME, (seconds * SECOND_US,) * 2)


class Host:
    """@cpu: the RT lcore's. For tests: @root, a copy of /proc and /sys; @threads, to be moved."""

    def __init__(self, cpu, root="/", release=None, threads=None):
        self.cpu, self.root = cpu, Path(root)
        self.threads = kernel_threads() if threads is None else threads
        self.fair_server = has_fair_server(release or platform.release())
        self.done, self.refused = [], []
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        try:
            for step in (self._throttling, self._fair_server, self._interrupts, self._work_queues,
                         self._kernel_threads):
                step()
        except BaseException:
            self._restore()
            raise
        return self

    def __exit__(self, *exc):
        self._restore()

    def _restore(self):
        with proc.undisturbed():
            self.stack.close()

    def row(self):
        """For the report's section on the machine."""
        text = f"CPU {self.cpu}, for the time of the measurements: " + (
            "; ".join(self.done) or "nothing was changed")
        return text + (". Could not be: " + "; ".join(self.refused) if self.refused else "")

    # ---- knobs ----

    def _write(self, path, value):
        """Its value so far, which comes back at the end."""
        with proc.undisturbed():
            before = path.read_text(encoding="ascii").strip()
            path.write_text(str(value), encoding="ascii")
            self.stack.callback(self._back, path, before)
        return before

    def _back(self, path, before):
        try:
            path.write_text(before, encoding="ascii")
        except OSError as e:        # the others shall still come back
            print(f"evaluate: {path} is to be {before} again: {e}")

    def _refuse(self, what, error):
        self.refused.append(f"{what} ({error.strerror or error})")

    def _throttling(self):
        folder = self.root / "proc/sys/kernel"
        try:
            period = int((folder / "sched_rt_period_us").read_text(encoding="ascii"))
            now = rt_runtime(period, self.fair_server)
            before = self._write(folder / "sched_rt_runtime_us", now)
        except OSError as e:
            return self._refuse("RT throttling", e)
        self.done.append(f"RT throttling {'off' if now < 0 else f'at {now} us of {period}'} "
                         f"(before: {before} us)")

    def _fair_server(self):
        if not self.fair_server:
            return
        debug = self.root / "sys/kernel/debug"
        what = "the fair server, which gives other tasks that wait for the CPU 50 ms of each second"
        try:
            if not (debug / "sched").exists():
                self._mount(debug)
            folder = debug / "sched/fair_server" / f"cpu{self.cpu}"
            period = int((folder / "period").read_text(encoding="ascii"))
            now = period * KEPT_US // SECOND_US
            before = int(self._write(folder / "runtime", now))
        except OSError as e:
            return self._refuse(what, e)
        self.done.append(f"fair server {now // 1000} us of {period // 1000} (before: "
                         f"{before // 1000} us; the kernel's own threads of this CPU need some)")

    def _mount(self, debug):
        """Fails silently: what is not there then is told."""
        with proc.undisturbed():
            argv = ["mount", "-t", "debugfs", "none", str(debug)]
            if not subprocess.run(argv, capture_output=True, check=False).returncode:
                self.stack.callback(subprocess.run, ["umount", str(debug)], capture_output=True,
                                    check=False)

    def _interrupts(self):
        moved, stuck = 0, []
        for path in sorted((self.root / "proc/irq").glob("[0-9]*/smp_affinity_list")):
            try:
                cpus = cpus_of(path.read_text(encoding="ascii"))
                if self.cpu not in cpus:
                    continue
                left = cpus - {self.cpu} or os.sched_getaffinity(0) - {self.cpu}
                self._write(path, ",".join(map(str, sorted(left))))
                moved += 1
            except OSError as e:
                stuck.append(e.strerror)
        if moved:
            self.done.append(f"{moved} interrupts elsewhere")
        if stuck:
            why = ", ".join(sorted(set(stuck)))
            self.refused.append(f"{len(stuck)} interrupts elsewhere ({why})")

    def _work_queues(self):
        path = self.root / "sys/devices/virtual/workqueue/cpumask"
        try:
            cpus = cpus_of_mask(path.read_text(encoding="ascii"))
            if cpus - {self.cpu} and self.cpu in cpus:
                self._write(path, mask(cpus - {self.cpu}))
                self.done.append("work queues elsewhere")
        except OSError as e:
            self._refuse("work queues elsewhere", e)


    def _kernel_threads(self):
        """Those that are not bound to their CPUs (RCU's, for example)."""
        moved = 0
        for pid in self.threads:
            with proc.undisturbed(), contextlib.suppress(OSError):
                before = os.sched_getaffinity(pid)
                if self.cpu in before and len(before) > 1:
                    os.sched_setaffinity(pid, before - {self.cpu})
                    self.stack.callback(self._thread_back, proc.identity(pid), before)
                    moved += 1
        if moved:
            self.done.append(f"{moved} kernel threads elsewhere")

    @staticmethod
    def _thread_back(ident, before):
        with contextlib.suppress(OSError):
            if proc.alive(ident):
                os.sched_setaffinity(ident["pid"], before)


def kernel_threads():
    """Children of kthreadd."""
    found = []
    for path in Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(OSError):
            if "\nPPid:\t2\n" in path.read_text(encoding="utf-8", errors="replace"):
                found.append(int(path.parent.name))
    return found


@contextlib.contextmanager
def off(cpu):
    """This program, and what it starts and does not place itself, are not on @cpu."""
    before = os.sched_getaffinity(0)
    with proc.undisturbed():
        os.sched_setaffinity(0, before - {cpu})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
