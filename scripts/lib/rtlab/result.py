# SPDX-License-Identifier: BSD-3-Clause
"""The figures of one variant, and how they compare with the targets."""

import json
import re
import statistics
from dataclasses import dataclass, field

from . import variant as variants

TICK_NS = 10_000_000        # of /proc/stat


@dataclass
class Phase:
    """What one phase of a variant gave. Latencies in us, of both protocols together."""
    name: str
    latencies: list
    lost: int
    seconds: float = 0          # of the virtual clock
    busy: float = 0             # CPU seconds, of the host and of the clients
    clients: float = 0          # of these the clients'
    load: dict = field(default_factory=dict)

    @property
    def mean(self):
        return statistics.fmean(self.latencies)

    @property
    def sd(self):
        return statistics.pstdev(self.latencies)

    def at(self, share):
        """The value that a share of all do not exceed."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    def row(self):
        return {"n": len(self.latencies), "lost": self.lost, "mean": self.mean, "sd": self.sd,
                "p50": self.at(.5), "p99": self.at(.99), "p99.9": self.at(.999),
                "max": max(self.latencies)}


class Log:
    """What the machine said, by key words."""

    def __init__(self, lines):
        self.times, self.clients, self.loads, self.trouble, self.served = {}, {}, {}, [], {}
        self.kernel, phase = "unknown", None
        for line in lines:
            word, _, rest = line.partition(" ")
            if word == "phase":
                phase = int(rest)
            elif word == "time":
                self._time(phase, rest)
            elif word == "client":
                self.clients[phase] = json.loads(rest)
            elif word == "load":
                self.loads[phase] = json.loads(rest)
            elif word in ("rt-server", "server"):
                self.served[word] = json.loads(rest)
            elif word == "kernel":
                self.kernel = rest
            elif word == "trouble":
                self.trouble.append(rest)

    def _time(self, phase, rest):
        """"begin UPTIME IDLE cpu USER ..." with all times in ticks."""
        when, uptime, _, *stat = re.split(r" +", rest)
        idle = int(stat[4]) + int(stat[5])      # "cpu" user nice system idle iowait
        self.times[phase, when] = int(uptime), idle

    def elapsed(self, phase):
        (begin, idle), (end, idle_end) = self.times[phase, "begin"], self.times[phase, "end"]
        return end - begin, max(0, end - begin - (idle_end - idle))


@dataclass
class Result:
    variant: variants.Variant
    kernel: str                 # its version
    phases: dict                # {number: Phase}
    trouble: list
    requests: list              # of wire.Request


def collect(variant, lines, requests):
    log, phases = Log(lines), {}
    for number, name in variants.PHASES.items():
        mine = [r for r in requests if r.phase == number]
        answered = [r.latency for r in mine if r.latency is not None]
        elapsed, busy = log.elapsed(number)
        clients = log.clients[number]["cpu_ns"] * 1e-9
        load = log.loads.get(number, {})
        phases[number] = Phase(name, answered, len(mine) - len(answered),
                               elapsed * TICK_NS * 1e-9, busy * TICK_NS * 1e-9, clients, load)
    return Result(variant, log.kernel, phases, log.trouble,
                  [r for r in requests if r.phase in phases])


@dataclass
class Verdict:
    what: str
    figure: float
    limit: float
    at_most: bool = True
    note: str = ""

    @property
    def met(self):
        return self.figure <= self.limit if self.at_most else self.figure >= self.limit

    def text(self):
        return "met" if self.met else "MISSED"


def _sd_ratio(results, other, number, limit):
    ours, theirs = results["e"].phases[number], results[other].phases[number]
    return Verdict(f"SD, {ours.name}: (e) against ({other})", ours.sd / theirs.sd, limit,
                   note=f"{ours.sd:.2f} us against {theirs.sd:.2f} us")


def _answered(phase):
    return len(phase.latencies) / (len(phase.latencies) + phase.lost)


def verdicts(results):
    """Of the evaluation's targets those for which both variants are there."""
    out = []
    if "e" not in results:
        return out
    for other, limit in (("a", 1 / 12), ("b", 1 / 12), ("f", 1 / 6)):
        for number in (2, 3):
            if other in results:
                out.append(_sd_ratio(results, other, number, limit))
    ours = results["e"].phases
    for number in (2, 3):
        out.append(Verdict(f"RT requests answered, {ours[number].name}", _answered(ours[number]),
                           max(_answered(r.phases[number]) for r in results.values()),
                           at_most=False))
    if "b" in results:
        theirs = results["b"].phases
        for number in (1, 2):
            out.append(Verdict(f"CPU, {ours[number].name}: (e) against (b)",
                               ours[number].busy / theirs[number].busy, .68,
                               note=f"{ours[number].busy:.2f} s against "
                                    f"{theirs[number].busy:.2f} s, the clients' included"))
    return out
