#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""outsockd on a device that steers by destination address, inside a guest: Debian's kernel has what
DPDK's TAP driver makes flow rules of (a flower classifier that maps to the device's queues).

    steered.py OUTSOCKD OUTSOCKCTL MODULES

Each guest's packets come to its own lcore's queue, also when it moves, and nothing is handed on."""

import json
import re
import shutil
import subprocess
import sys
import tempfile
import time

MODULES = ("drivers/net/tun", "net/sched/sch_multiq", "net/sched/sch_ingress",
           "net/sched/cls_flower", "net/sched/act_skbedit", "net/sched/act_gact",
           "net/sched/act_mirred", "net/sched/cls_bpf")
DEADLINE = 60
PINGS = 20
HOST, G1, G2 = "10.81.0.1", "10.81.0.11", "10.81.0.12"
CONFIG = """\
[dataplane]
memory = 96M
hugepages = no
rt-throttling = allow
control = {dir}/control.sock
state = {dir}/state
[lcore 0]
cpu = 0
packets = 4096
connections = 64
[lcore 1]
cpu = 0
class = rt
packets = 4096
connections = 64
[port t]
device = net_tap0,iface=steered0
[guest g1]
socket = {dir}/g1.sock
mode = server
port = t
address = {g1}/24
[guest g2]
socket = {dir}/g2.sock
mode = server
class = rt
port = t
address = {g2}/24
"""


def run(*argv):
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True).stdout


def load_modules(folder):
    loaded = {line.split()[0] for line in open("/proc/modules", encoding="ascii")}
    for name in MODULES:
        if name.rpartition("/")[2] not in loaded:
            run("insmod", f"{folder}/kernel/{name}.ko")


def answers(address):
    return subprocess.run(["ping", "-c", "1", "-W", "1", address], stdout=subprocess.DEVNULL,
                          check=False).returncode == 0


def until(condition, what):
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, f"{what}: not within {DEADLINE} s"


class Daemon:
    def __init__(self, outsockd, outsockctl, folder):
        self.ctl_path, self.socket = outsockctl, f"{folder}/control.sock"
        path = f"{folder}/conf"
        with open(path, "w", encoding="ascii") as file:
            file.write(CONFIG.format(dir=folder, g1=G1, g2=G2))
        self.process = subprocess.Popen([outsockd, path], stderr=subprocess.PIPE, text=True)
        self.log = ""
        while "ready:" not in self.log:
            line = self.process.stderr.readline()
            assert line, self.log
            self.log += line

    def ctl(self, *words):
        return json.loads(run(self.ctl_path, "--socket", self.socket, "--json", *words))

    def frames(self):
        """Received by each lcore from its queue, and handed on."""
        lcores = self.ctl("lcore", "list")
        return {lc["name"]: lc["rx_frames"] for lc in lcores}, \
            sum(lc["foreign_frames"] + lc["foreign_drops"] for lc in lcores)


def come_to(daemon, address, lcore):
    """Pings of @address are received by @lcore, and by no other."""
    until(lambda: answers(address), f"an answer of {address}")
    before, foreign = daemon.frames()
    run("ping", "-q", "-c", str(PINGS), "-i", "0.05", "-W", "5", address)
    after, foreign_after = daemon.frames()
    came = {name: after[name] - before[name] for name in after}
    others = sum(n for name, n in came.items() if name != lcore)
    # Neighbour discovery of this kernel and the like have no rule.
    assert came[lcore] >= PINGS and others < PINGS // 2, (address, lcore, came)
    assert foreign == foreign_after, (foreign, foreign_after)
    print(f"ok - {address} comes to lcore {lcore}", flush=True)


def all_of_it(daemon):
    assert re.search(r"port t: .*, 2 RX and 2 TX queues, steered, waits by descriptor",
                     daemon.log), daemon.log
    run("ip", "addr", "add", HOST + "/24", "dev", "steered0")
    run("ip", "link", "set", "steered0", "up")
    come_to(daemon, G1, "0")
    come_to(daemon, G2, "1")
    daemon.ctl("guest", "set", "g1", "class=rt")
    come_to(daemon, G1, "1")
    daemon.ctl("guest", "set", "g1", "class=non-rt")
    daemon.ctl("guest", "set", "g2", "class=non-rt")
    come_to(daemon, G2, "0")
    come_to(daemon, G1, "0")
    run(daemon.ctl_path, "--socket", daemon.socket, "guest", "remove", "g1")
    assert not answers(G1)
    come_to(daemon, G2, "0")
    daemon.process.terminate()
    log = daemon.process.communicate(timeout=DEADLINE)[1]
    assert daemon.process.returncode == 0 and "error" not in log, log


def main(outsockd, outsockctl, modules):
    load_modules(modules)
    folder = tempfile.mkdtemp(prefix="steered-", dir="/run")
    daemon = Daemon(outsockd, outsockctl, folder)
    try:
        all_of_it(daemon)
    finally:
        if daemon.process.poll() is None:
            daemon.process.kill()
            print(daemon.process.communicate()[1], file=sys.stderr)
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
