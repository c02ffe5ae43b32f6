# SPDX-License-Identifier: BSD-3-Clause
"""What was measured: one record for each run of a client, kept as lines of JSON, and the figures of
all runs that differ in nothing but the round."""

import csv
import json
import math
import statistics
from dataclasses import asdict, dataclass, field

from rtlab.result import Spread


@dataclass(frozen=True)
class Cell:
    """What is the same in all rounds. @part: guests, or simulated. @guests: RT ones. @notified: the
    simulated guests ask for notifications."""
    part: str
    variant: str
    load: str
    protocol: str
    bytes: int
    rate: int
    guests: int = 1
    notified: bool = False

    def request(self):
        return f"{self.protocol} {self.bytes} B, {self.rate}/s"


@dataclass
class Run:
    """One round of a cell. Times in us, @cpu in seconds. @others: what the other guest got done, a
    second; for simulated guests also lcore_s, the CPU time of its lcore, its throughput by that
    time, with RT traffic and (alone) without, and how long the RT lcore was kept from its CPU."""
    cell: Cell
    round: int
    asked: int
    answered: int
    seconds: float
    latencies: list
    bare: list
    cpu: float = None
    others: dict = field(default_factory=dict)

    def row(self):
        mine, bare = Spread(self.latencies), Spread(self.bare)
        return {"asked": self.asked, "answered": self.answered, "mean": mine.mean, "sd": mine.sd,
                "p50": mine.at(.5), "p99": mine.at(.99), "p99.9": mine.at(.999), "max": mine.at(1),
                "bare_sd": bare.sd, "bare_p99": bare.at(.99), "bare_p99.9": bare.at(.999),
                "bare_max": bare.at(1),
                "cpu": math.nan if self.cpu is None else 100 * self.cpu / self.seconds}


class Figure:
    """A median over the rounds, and how far they are apart."""

    def __init__(self, samples):
        self.samples = [s for s in samples if not math.isnan(s)]

    @property
    def value(self):
        return statistics.median(self.samples) if self.samples else math.nan

    def text(self, unit=""):
        if not self.samples:
            return ""
        low, high = show(min(self.samples)), show(max(self.samples))
        spread = f" ({low} .. {high})" if low != high else ""
        return show(self.value) + unit + spread


def show(value):
    if math.isnan(value):
        return "-"
    if abs(value) >= 1e6:
        return f"{value / 1e6:.3g} M"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


class Records:
    """All runs, what was measured beside them (facts: name -> list of values, one a round), what
    could not be measured and why, and the machine."""

    def __init__(self):
        self.runs, self.facts, self.failed, self.machine, self.notes = [], {}, [], {}, []

    def rounds(self, cell):
        return [run for run in self.runs if run.cell == cell]

    def cells(self, part=None):
        """In the order in which they were measured first."""
        return [c for c in dict.fromkeys(run.cell for run in self.runs)
                if part in (None, c.part)]

    def figure(self, cell, name):
        return Figure([run.row()[name] for run in self.rounds(cell)])

    def other(self, cell, name):
        return Figure([run.others[name] for run in self.rounds(cell) if name in run.others])

    def pooled(self, cell, what="latencies"):
        return Spread(x for run in self.rounds(cell) for x in getattr(run, what))

    def answered(self, cell):
        rounds = self.rounds(cell)
        return sum(r.answered for r in rounds) / max(1, sum(r.asked for r in rounds))

    def fact(self, name):
        return Figure(self.facts.get(name, []))


class Writer(Records):
    """Keeps the file up to date: what was measured before something failed is not lost."""

    def __init__(self, path):
        super().__init__()
        self.file = open(path, "w", encoding="utf-8")

    def _line(self, kind, value):
        self.file.write(json.dumps({kind: value}) + "\n")
        self.file.flush()

    def add(self, run):
        self.runs.append(run)
        self._line("run", asdict(run))

    def add_fact(self, name, value):
        self.facts.setdefault(name, []).append(value)
        self._line("fact", [name, value])

    def add_failed(self, what, why):
        self.failed.append((what, why))
        self._line("failed", [what, why])

    def add_note(self, text):
        self.notes.append(text)
        self._line("note", text)

    def set_machine(self, machine):
        self.machine = machine
        self._line("machine", machine)

    def close(self):
        self.file.close()


def read(path):
    records = Records()
    with open(path, encoding="utf-8") as file:
        for line in file:
            (kind, value), = json.loads(line).items()
            if kind == "run":
                records.runs.append(Run(**{**value, "cell": Cell(**value["cell"])}))
            elif kind == "fact":
                records.facts.setdefault(value[0], []).append(value[1])
            elif kind == "failed":
                records.failed.append(tuple(value))
            elif kind == "note":
                records.notes.append(value)
            elif kind == "machine":
                records.machine = value
    return records


CELL = ("part", "variant", "load", "protocol", "bytes", "rate", "guests", "notified")


def write_csv(records, out):
    """summary.csv: a line for each run; latency.csv: one for each request."""
    with open(out / "summary.csv", "w", newline="", encoding="ascii") as file:
        rows, head = csv.writer(file), False
        for run in records.runs:
            if not head:
                head = rows.writerow([*CELL, "round", *run.row(), "others"]) or True
            rows.writerow([*(getattr(run.cell, k) for k in CELL), run.round, *run.row().values(),
                           json.dumps(run.others)])
    with open(out / "latency.csv", "w", newline="", encoding="ascii") as file:
        rows = csv.writer(file)
        rows.writerow([*CELL, "round", "what", "us"])
        for run in records.runs:
            head = [*(getattr(run.cell, k) for k in CELL), run.round]
            rows.writerows([*head, "request", x] for x in run.latencies)
            rows.writerows([*head, "bare loop", x] for x in run.bare)
