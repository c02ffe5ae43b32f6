# SPDX-License-Identifier: BSD-3-Clause
"""The evaluation's targets: each a figure, its limit, and whether it is met."""

from dataclasses import dataclass

LOADED = ("moderate load", "heavy load")


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


def _deviations(results):
    for other, limit in (("a", 1 / 12), ("b", 1 / 12), ("f", 1 / 6)):
        for name in LOADED if other in results else ():
            ours, theirs = (results[k].phase(name).latency().sd for k in ("e", other))
            yield Verdict(f"SD, {name}: (e) against ({other})", ours / theirs, limit,
                          note=f"{ours:.2f} us against {theirs:.2f} us")


def _answers(results):
    for name in LOADED:
        yield Verdict(f"RT requests answered, {name}", results["e"].phase(name).answered,
                      max(r.phase(name).answered for r in results.values() if r.part("loads")),
                      at_most=False)


def _cpu(results):
    for name in ("idle", "moderate load"):
        ours, theirs = (results[k].phase(name).cpu for k in ("e", "b"))
        own, other = ours.share(ours.own), theirs.share(theirs.own)
        yield Verdict(f"CPU, {name}: (e) against (b)", own / other, .68,
                      note=f"{own:.2%} of the processor against {other:.2%}")


def _residence(results):
    for phase in results["e"].part("loads"):
        for way in ("rx", "tx"):
            row = phase.residence[way]
            for point, key, limit in (("p50", "p50_ns", 1), ("p99.99", "p9999_ns", 10)):
                yield Verdict(f"residence {way}, {point}, {phase.name}, us", row[key] / 1000, limit,
                              note=f"{row['count']} messages")


# What is to stay as it is: name, and its value in a phase. Of the residence the mean, since the
# median of UDP and TCP together lies between the two and leaps from one to the other.
STEADY = (
    *((f"residence {way}, {point}", lambda p, way=way, key=key: p.residence[way][key] / 1000)
      for way in ("rx", "tx") for point, key in (("mean", "mean_ns"), ("p99.99", "p9999_ns"))),
    ("SD of the latency", lambda p: p.latency().sd),
)


@dataclass
class Change:
    """A value beside a disturbance, and the larger one of those of the undisturbed phases."""
    name: str
    now: float
    before: float

    @property
    def ratio(self):
        return self.now / self.before


def changes(one, phase):
    first, *_, last = one.part("disturbed")
    return [Change(name, value(phase), max(value(first), value(last))) for name, value in STEADY]


def _disturbances(results):
    one = results["d"]
    for phase in one.part("disturbed")[1:-1]:
        for what in ("residence", "SD"):
            worst = max((c for c in changes(one, phase) if c.name.startswith(what)),
                        key=lambda change: change.ratio)
            yield Verdict(f"{what}, {phase.name}: against undisturbed", worst.ratio, 1.05,
                          note=f"{worst.name}: {worst.now:.2f} us against {worst.before:.2f} us")


def per_cpu(phase):
    """Mbit that the other guest was sent for each CPU second of its lcore."""
    return phase.load.acked * 8e-6 / phase.load.cpu.of("outsockd/lcore-0")


def _many(results):
    silent, *phases, _ = results["m"].part("many")
    few, many = phases[0], phases[-1]
    for name, value in (("p99.9", lambda p: p.latency().at(.999)),
                        ("SD", lambda p: p.latency().sd)):
        yield Verdict(f"{name}, {many.name}: against {few.spec.guests}", value(many) / value(few),
                      2, note=f"{value(many):.1f} us against {value(few):.1f} us")
    for phase in phases:
        yield Verdict(f"the other guest's throughput per CPU second of its lcore, {phase.name}: "
                      "against none", per_cpu(phase) / per_cpu(silent), .98, at_most=False,
                      note=f"{per_cpu(phase):.0f} Mbit against {per_cpu(silent):.0f} Mbit")


# What is judged, and the variants that it takes.
JUDGES = ((_deviations, "e"), (_answers, "e"), (_cpu, "eb"), (_residence, "e"),
          (_disturbances, "d"), (_many, "m"))


def verdicts(results):
    """Of the targets those for which all variants are there."""
    return [v for judge, letters in JUDGES if set(letters) <= set(results) for v in judge(results)]
