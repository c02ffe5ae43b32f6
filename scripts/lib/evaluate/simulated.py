# SPDX-License-Identifier: BSD-3-Clause
"""Simulated guests, which need no QEMU: 1 to 128 RT guests on one RT lcore beside a saturating
guest on the other lcore; and the same on one lcore of one class.

 CPU 0 (the RT lcore's)               CPU 1 (everything else's)
 RT lcore, busy     <== memif ===>    many_guests: RT client and RT guests, SCHED_FIFO, sleeps
                    <== vhost-user =>   between requests, polls while one is out
                                      non-RT lcore, adaptive, and traffic: client and non-RT guest

Two ports stand for a NIC that steers: the RT lcore never sees what is not its own."""

import contextlib
import os
import subprocess
import time
from types import SimpleNamespace

from bench import outsockd, pair
from bench.lab import Unmeasured, end

from . import host, plan as plans
from .record import Cell, Run

CLIENT, FIRST = "10.78.0.1", "10.78.0.11"
HEAD = """\
[dataplane]
memory = 256M
log-level = warning
log = stderr
control = {{dir}}/control.sock
state = {{dir}}/state
control-cpu = {load}
rt-throttling = allow

[port rt]
device = {rt_device}

[port nrt]
device = {nrt_device}

[guest nrt]
socket = {{dir}}/nrt/g0.sock
mode = server
port = nrt
address = 10.77.0.11/24
"""
SEPARATED = """
[lcore 0]
cpu = {load}
class = non-rt
nice = -20
poll = adaptive
idle = 0us

[lcore 1]
cpu = {daemon}
class = rt
priority = 50
poll = busy
"""
TOGETHER = """
[lcore 0]
cpu = {daemon}
class = non-rt
nice = -20
poll = busy
"""
GUEST = """
[guest r{k}]
socket = {{dir}}/rt/g{k}.sock
mode = server
class = {kind}
port = rt
address = 10.78.0.{host}/24
"""


def config(lab, variant, guests):
    names = {"load": lab.cpu_load, "daemon": lab.cpu_daemon,
             "rt_device": outsockd.memif("{dir}/rt", "server", 0),
             "nrt_device": outsockd.memif("{dir}/nrt", "server", 1)}
    text = HEAD + (SEPARATED if variant == "e" else TOGETHER)
    kind = "rt" if variant == "e" else "non-rt"
    return text.format(**names) + "".join(GUEST.format(k=k, kind=kind, host=11 + k)
                                          for k in range(guests))


# Of the daemon's rows: our names, in us.
POINTS = {"mean": "mean_ns", "p50": "p50_ns", "p99": "p99_ns", "p99.9": "p999_ns",
          "p99.99": "p9999_ns", "max": "max_ns"}


def residence(rows, guests, lcore):
    """Of the RT guests' messages, and of turns that found work, by the daemon's own count: {"rx
    p50": us, "rx n": ..}. The class of (f) has the other guest too: one is told alone."""
    whose = ("guest", "r0") if guests == 1 else ("class", "rt")
    found = {}
    for row in rows:
        if (row["kind"], row["name"]) in (whose, ("lcore", lcore)) and row["count"]:
            found[f"{row['what']} n"] = row["count"]
            found.update({f"{row['what']} {name}": row[key] / 1000
                          for name, key in POINTS.items()})
    return found


class Daemon:
    """What its lcores and ports counted between two looks."""

    def __init__(self, daemon, variant, guests):
        self.daemon, self.rt = daemon, "1" if variant == "e" else "0"
        self.guests = guests

    def count_anew(self):
        self.daemon.ctl("latency", "--reset")

    def residence(self):
        return residence(self.daemon.ctl("latency"), self.guests, self.rt)

    def look(self):
        lcores = {lcore["name"]: lcore for lcore in self.daemon.ctl("lcore", "list")}
        port = next(p for p in self.daemon.ctl("port", "list") if p["name"] == "nrt")
        rt = lcores[self.rt]
        return {"at": time.monotonic(), "busy": rt["busy_cycles"] / rt["tsc_hz"],
                "bytes": port["rx_bytes"], "cpu": self.schedstat(lcores["0"])[0],
                "waited": self.schedstat(rt)[1]}

    def schedstat(self, lcore):
        """Seconds that an lcore's thread had its CPU, and that it wanted it in vain."""
        path = f"/proc/{self.daemon.child.pid}/task/{lcore['tid']}/schedstat"
        with open(path, encoding="ascii") as file:
            return [int(word) * 1e-9 for word in file.read().split()[:2]]

    def between(self, first, last):
        """(seconds, busy seconds of the RT lcore, what the other guest got a second)"""
        seconds = last["at"] - first["at"]
        moved, cpu = last["bytes"] - first["bytes"], last["cpu"] - first["cpu"]
        others = {"mbit": moved * 8e-6 / seconds, "lcore_s": cpu / seconds,
                  "stopped_ms": 1000 * (last["waited"] - first["waited"]) / seconds}
        if moved and cpu:
            others["mbit_per_lcore_s"] = moved * 8e-6 / cpu
        return seconds, last["busy"] - first["busy"], others


@contextlib.contextmanager
def many(lab, daemon, guests, lcores):
    """test/perf/many_guests, connected."""
    argv = host.watched(lab.program("many_guests"),
                        *lab.eal(lab.cpu_load, 128, "--vdev",
                                 outsockd.memif(daemon.dir / "rt", "client")),
                        "--", CLIENT, FIRST, guests, daemon.dir / "rt" / "g",
                        plans.CLIENT_PRIORITY, lcores)
    log = lab.dir / "many_guests.log"
    with open(log, "w") as err:
        child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=err,
                                 text=True)
    try:
        lines = pair.Traffic(child)
        lines.next()
        yield child, lines
    except (Unmeasured, OSError) as e:
        raise Unmeasured(f"{e}\nmany_guests:\n{log.read_text()[-2000:]}") from None
    finally:
        end(daemon.child)       # first: see bench.pair.traffic
        child.kill()
        child.wait()


def traffic(lab, daemon):
    """The other guest, and its client: as much as this CPU gives."""
    view = SimpleNamespace(dir=daemon.dir / "nrt", socket=daemon.dir / "nrt" / "g0.sock",
                           child=daemon.child)
    return pair.traffic(lab, view, "send", 4, 1, 100000)


class Bed:
    """One daemon with so many RT guests."""

    def __init__(self, lab, records, plan, number, variant, guests):
        self.lab, self.records, self.plan, self.number = lab, records, plan, number
        self.variant, self.guests = variant, guests

    def run(self, load, protocol, size, notified=False):
        """What the kernel stopped is done again: of several the one that was stopped least,
        whatever its latencies."""
        job = (f"{protocol} {size} {plans.SCALE_RATE} {self.plan.seconds} {plans.BARE_MS} "
               f"{int(notified)}\n")
        cell = Cell("simulated", self.variant, load, protocol, size, plans.SCALE_RATE,
                    self.guests, notified)
        runs = []
        while len(runs) < (plans.TRIES if self.variant == "e" else 1):
            runs.append(self.once(cell, job))
            if runs[-1].others["stopped_ms"] < plans.STOPPED_MS:
                break
        best = min(runs, key=lambda run: run.others["stopped_ms"])
        best.others["tries"] = len(runs)
        self.records.add(best)

    def once(self, cell, job):
        alone = [self.alone()] if cell.load != "none" else []
        self.counts.count_anew()
        before = self.counts.look()
        self.child.stdin.write(job)
        self.child.stdin.flush()
        got = self.lines.next()
        seconds, busy, others = self.counts.between(before, self.counts.look())
        others.update(self.counts.residence())
        alone += [self.alone()] if cell.load != "none" else []
        if alone and all(alone):
            others["alone_per_lcore_s"] = sum(alone) / len(alone)
        return Run(cell, self.number, got["asked"], got["answered"], seconds,
                   [x / 1000 for x in got["latencies_ns"]], [x / 1000 for x in got["bare_ns"]],
                   busy, others)

    def alone(self):
        """Throughput of the other guest by CPU second of its lcore, without any RT traffic."""
        before = self.counts.look()
        time.sleep(self.plan.seconds / 2)
        return self.counts.between(before, self.counts.look())[2].get("mbit_per_lcore_s")

    def loaded(self, daemon):
        with traffic(self.lab, daemon) as load:
            if self.variant == "e":     # the lcore on the same CPU shall not have to wait for it
                os.setpriority(os.PRIO_PROCESS, load.child.pid, 0)
            load.next()
            for notified in (False, True):
                self.run("bulk", "tcp", 64, notified)
            if self.guests == 1:
                self.run("bulk", "udp", 64)
                self.run("bulk", "tcp", 1024)

    def measure(self):
        self.lab.say(f"simulated: ({self.variant}), {self.guests} RT guests, round {self.number}")
        for side in ("rt", "nrt"):
            (self.lab.dir / "outsockd" / side).mkdir(parents=True, exist_ok=True)
        text = config(self.lab, self.variant, self.guests)
        with outsockd.configured(self.lab, text) as daemon:
            host.watch(daemon.child.pid, host.DAEMON_S)
            self.counts = Daemon(daemon, self.variant, self.guests)
            lcores = 2 if self.variant == "e" else 1
            with many(self.lab, daemon, self.guests, lcores) as (self.child, self.lines):
                self.run("none", "tcp", 64)
                self.loaded(daemon)


def floor(lab, records):
    """(c): one frame through testpmd and back, without any TCP/IP."""
    try:
        records.add_fact("floor_us", pair.floor(lab) / 1000)
    except Unmeasured as e:
        records.add_failed("simulated (c), testpmd to virtio_user", str(e))


def measure(lab, records, plan):
    for number in range(1, plan.rounds + 1):
        lab.say(f"simulated: testpmd to virtio_user, round {number}")
        floor(lab, records)
        for guests in plan.scale:
            for variant in ("e", "f"):
                if variant == "f" and guests not in plan.together:
                    continue
                try:
                    Bed(lab, records, plan, number, variant, guests).measure()
                except (Unmeasured, OSError, KeyError, StopIteration) as e:
                    records.add_failed(f"simulated ({variant}), {guests} guests", str(e))
