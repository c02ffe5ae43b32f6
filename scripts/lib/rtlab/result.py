# SPDX-License-Identifier: BSD-3-Clause
"""The figures of one variant."""

import json
import math
import statistics
from dataclasses import dataclass, field

from . import variant as variants

CLIENTS = ("client/", "load/")      # of inside/run.sh's names of threads


class Spread:
    """What is told of many values."""

    def __init__(self, values):
        self.values = sorted(values)

    def __len__(self):
        return len(self.values)

    @property
    def mean(self):
        return statistics.fmean(self.values) if self.values else math.nan

    @property
    def sd(self):
        return statistics.pstdev(self.values) if self.values else math.nan

    def at(self, share):
        """The value that a share of all do not exceed."""
        if not self.values:
            return math.nan
        return self.values[min(len(self.values) - 1, int(share * len(self.values)))]

    def row(self):
        return {"mean": self.mean, "sd": self.sd, "p50": self.at(.5), "p99": self.at(.99),
                "p99.9": self.at(.999), "max": self.at(1)}


@dataclass
class Cpu:
    """Seconds of the virtual clock."""
    seconds: float
    busy: float             # of the processor
    threads: dict           # {"program/thread": of these}

    def of(self, *begins):
        return sum(s for name, s in self.threads.items() if name.startswith(begins))

    @property
    def own(self):
        """The host's: the clients stand for other machines."""
        return self.busy - self.of(*CLIENTS)

    def share(self, seconds):
        return seconds / self.seconds


def _cpu(said):
    threads = {}
    for name, ns in said["threads"]:
        threads[name] = threads.get(name, 0) + ns * 1e-9
    return Cpu(said["ns"] * 1e-9, said["busy_ns"] * 1e-9, threads)


@dataclass
class Load:
    """What the guest that is not RT got done while the load ran, and the CPU time of just then."""
    mbit: float
    conns: float            # a second
    failed: int
    acked: int              # bytes
    cpu: Cpu


def _load(said):
    cpu = _cpu(said["cpu"])
    return Load(said["acked"] * 8e-6 / cpu.seconds, said["conns"] / cpu.seconds, said["failed"],
                said["acked"], cpu)


@dataclass
class Phase:
    """What one phase of a variant gave. Latencies in us."""
    spec: variants.Phase
    requests: list          # of wire.Request
    cpu: Cpu = None
    load: Load = None
    residence: dict = field(default_factory=dict)   # {"rx", "tx", ..: a row of the daemon's, ns}
    rounds: int = None      # of what went on beside it

    @property
    def name(self):
        return self.spec.name

    def latency(self, protocol=None):
        return Spread(r.latency for r in self.requests
                      if r.latency is not None and protocol in (None, r.protocol))

    def lost(self, protocol=None):
        return sum(r.latency is None and protocol in (None, r.protocol) for r in self.requests)

    @property
    def answered(self):
        return 1 - self.lost() / len(self.requests) if self.requests else 0


@dataclass
class Result:
    variant: variants.Variant
    kernel: str                 # its version
    phases: list
    trouble: list

    def phase(self, name):
        return next((p for p in self.phases if p.name == name), None)

    def part(self, name):
        return [p for p in self.phases if p.spec.part == name]


def _residence(said, guests):
    """Of the RT guest, or of the class."""
    whose = ("guest", "rt0") if guests == 1 else ("class", "rt")
    return {row["what"]: row for row in said if (row["kind"], row["name"]) == whose}


def _hear(phases, lines):
    """What the machine said of each phase, by key words; the rest is returned."""
    rest, phase = {"trouble": [], "kernel": "unknown"}, None
    for line in lines:
        word, _, text = line.partition(" ")
        if word == "phase":
            phase = phases[int(text)]
        elif word == "client":
            phase.cpu = _cpu(json.loads(text)["cpu"])
        elif word == "load":
            phase.load = _load(json.loads(text))
        elif word == "residence":
            phase.residence = _residence(json.loads(text), phase.spec.guests)
        elif word == "beside":
            phase.rounds = int(text)
        elif word == "kernel":
            rest["kernel"] = text
        elif word == "trouble":
            rest["trouble"].append(text)
    return rest


def collect(variant, scale, lines, requests):
    phases = [Phase(spec, []) for spec in variant.plan(scale)]
    for request in requests:
        phases[request.phase].requests.append(request)
    rest = _hear(phases, lines)
    return Result(variant, rest["kernel"], phases, rest["trouble"])
