# SPDX-License-Identifier: BSD-3-Clause
"""What the measures share: a temporary folder, hugepages, processes, and the programs."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from testbed import hugepages
from testbed.report import tail

TOP = Path(__file__).resolve().parents[3]
HUGEPAGES = "1G"


class Unmeasured(Exception):
    """A measurement could not be made; the message says why."""


class Lab:
    """One run of the script. Use as a context: everything it starts is gone afterwards."""

    def __init__(self, build, quick):
        self.build, self.quick = Path(build), quick
        cpus = sorted(os.sched_getaffinity(0))
        if len(cpus) < 2:
            raise Unmeasured("two CPUs are needed: the daemon's and the load's")
        self.cpu_daemon, self.cpu_load = cpus[0], cpus[1]
        self.began = time.monotonic()

    def __enter__(self):
        self.stack = contextlib.ExitStack()
        self.dir = Path(tempfile.mkdtemp(prefix="outsock-bench."))
        self.stack.callback(shutil.rmtree, self.dir, ignore_errors=True)
        pages = hugepages.reserve(hugepages.parse_size(HUGEPAGES))
        self.stack.callback(hugepages.release, pages)
        return self

    def __exit__(self, *exc):
        self.stack.close()

    def say(self, text):
        print(f"[{time.monotonic() - self.began:5.1f} s] {text}", file=sys.stderr, flush=True)

    def program(self, name, folder="test/perf"):
        path = self.build / folder / name
        if not os.access(path, os.X_OK):
            raise Unmeasured(f"{path} is not built")
        return str(path)

    def repeats(self, full, quick=3):
        return quick if self.quick else full

    # ---- DPDK ----

    def eal(self, cpu, megabytes, *more):
        """EAL options of a program with one busy thread on @cpu."""
        return ["--lcores", f"0@{cpu}", "-m", str(megabytes), "--in-memory",
                "--single-file-segments", "--no-pci", "--no-telemetry", "--log-level=4", *more]

    # ---- processes ----

    def lines(self, argv, what, timeout=120):
        """Runs a program to its end; its JSON objects, one a line."""
        log = self.dir / "program.log"
        with open(log, "w") as err:
            try:
                done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=err, text=True,
                                      stdin=subprocess.DEVNULL, timeout=timeout)
            except subprocess.TimeoutExpired:
                raise Unmeasured(f"{what}: not done within {timeout} s") from None
        if done.returncode:
            raise Unmeasured(f"{what}: exit status {done.returncode}\n" + indent(tail(log, 15)))
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]

    @contextlib.contextmanager
    def process(self, argv, name, stdin=subprocess.DEVNULL, env=None):
        """A process in the background; ended by SIGTERM, with its output in NAME.log."""
        log = self.dir / f"{name}.log"
        with open(log, "w") as out:
            child = subprocess.Popen(argv, stdin=stdin, stdout=out, stderr=out,
                                     env={**os.environ, **(env or {})})
        try:
            yield child
        except Unmeasured as e:
            raise Unmeasured(f"{e}\n{name}:\n" + indent(tail(log, 15))) from None
        finally:
            end(child)


def end(child):
    if child.stdin:
        child.stdin.close()
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def indent(lines):
    return "\n".join("    | " + line for line in lines)


def until(condition, seconds, what, child=None):
    """The first true answer of condition(); the child must not end before."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if child is not None and child.poll() is not None:
            raise Unmeasured(f"{what}: the process ended with status {child.returncode}")
        if time.monotonic() > deadline:
            raise Unmeasured(f"{what}: not within {seconds} s")
        time.sleep(0.02)


@contextlib.contextmanager
def before_others():
    """What else runs on the machine shall disturb as little as possible."""
    group = Path("/proc/self/autogroup")
    nice = group.read_text().split()[-1] if group.exists() else None
    os.setpriority(os.PRIO_PROCESS, 0, -20)
    try:
        if nice is not None:
            group.write_text("-20")
        yield
    finally:
        if nice is not None:
            group.write_text(nice)
