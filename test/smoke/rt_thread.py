#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""An RT lcore under traffic, both ends polling: its thread makes no system call and has no page
fault.

    rt_thread.py OUTSOCKD OUTSOCKCTL TRAFFIC

The port is memif, whose driver makes no system call by itself; the guest polls, and so needs no
notification. The same look at a thread that does make calls shows that it would see them."""

import json
import os
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from plain import DEADLINE, Daemon

SKIP = 77
ADDRESS, CLIENT = "10.79.3.11", "10.79.3.1"
CONFIG = """\
class = rt
poll = busy

[port p0]
device = net_memif0,role=server,socket={dir}/memif.sock,socket-abstract=no

[guest g1]
socket = {dir}/guest.sock
mode = server
class = rt
port = p0
address = 10.79.3.11/24
"""


class Calls:
    """The system calls of a thread, from here to the end of the block."""

    def __init__(self, tid, folder):
        self.path = folder + "/strace"
        self.strace = subprocess.Popen(["strace", "-p", str(tid), "-o", self.path],
                                       stderr=subprocess.PIPE, text=True)
        line = self.strace.stderr.readline()
        assert "attached" in line, line

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.strace.send_signal(signal.SIGINT)
        self.strace.wait(DEADLINE)
        self.strace.stderr.close()
        with open(self.path, encoding="ascii", errors="replace") as file:
            self.lines = [line for line in file if "(" in line]


def faults(pid, tid):
    """Minor and major faults of a thread, and how often it was put off its CPU."""
    with open(f"/proc/{pid}/task/{tid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    with open(f"/proc/{pid}/task/{tid}/status", encoding="ascii") as file:
        switches = [int(line.split()[1]) for line in file if line.startswith("nonvoluntary")]
    return int(fields[7]), int(fields[9]), switches[0]


def reads(process, n):
    """The next @n results of the traffic, a second's each."""
    for _ in range(n):
        line = process.stdout.readline()
        assert line, f"traffic ended: {process.wait(DEADLINE)}"
        json.loads(line)


def test(daemon, folder, process):
    (lcore,) = daemon.ctl("lcore", "list")
    reads(process, 2)
    before = faults(daemon.process.pid, lcore["tid"])
    turns = daemon.ctl("lcore", "list")[0]["busy_turns"]
    with Calls(lcore["tid"], folder) as calls:
        reads(process, 3)
    after = faults(daemon.process.pid, lcore["tid"])
    turns = daemon.ctl("lcore", "list")[0]["busy_turns"] - turns
    print(f"{turns} busy turns, faults and involuntary switches {before} .. {after}")
    assert turns > 1000, turns
    assert not calls.lines, "".join(calls.lines[:20])
    assert after[:2] == before[:2], f"minor and major faults: {before} .. {after}"
    with Calls(daemon.process.pid, folder) as calls:
        daemon.ctl("status")
    assert calls.lines, "the look at system calls sees none where there are some"


def main():
    outsockd, outsockctl, traffic = map(os.path.abspath, sys.argv[1:4])
    cpus = sorted(os.sched_getaffinity(0))
    if os.geteuid() != 0 or len(cpus) < 2:
        print("SKIP: needs root and two CPUs")
        return SKIP
    with tempfile.TemporaryDirectory(prefix="outsock-rt-thread-") as folder:
        daemon = Daemon(outsockd, outsockctl, folder, CONFIG, dataplane="rt-throttling = allow\n")
        process = None
        try:
            daemon.line("ready:")
            process = subprocess.Popen(
                [traffic, "--lcores", f"0@{cpus[1]}", "-m", "256", "--no-huge",
                 "--no-pci", "--no-telemetry", "--log-level=4", "--vdev",
                 f"net_memif0,role=client,socket={folder}/memif.sock,socket-abstract=no", "--",
                 "--mode=echo", f"--guest={folder}/guest.sock", f"--client={CLIENT}",
                 f"--server={ADDRESS}", "--conns=8", "--inflight=4", "--seconds=1",
                 "--repeat=100"], stdout=subprocess.PIPE, text=True)
            test(daemon, folder, process)
            daemon.end()
        finally:
            daemon.kill()
            if process:
                process.kill()
                process.communicate()
    print("ok")
    return 0


if __name__ == "__main__":
    sys.exit(main())
