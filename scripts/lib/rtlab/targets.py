# SPDX-License-Identifier: BSD-3-Clause
"""The evaluation's targets: each a figure, its limit, whether it is met, and else by how much it is
missed, and why."""

from dataclasses import dataclass

from .result import Spread

LOADED = ("moderate load", "heavy load")
RT_LCORE, OTHER_LCORE = "outsockd/lcore-1", "outsockd/lcore-0"
WHY = "by how much, and why"    # head of the column
INSTRUCTIONS = "counts instructions, not time: judged on a real processor, by scripts/evaluate"


def beyond(figure, limit):
    return f"{figure / limit:.2f} times the limit" if limit else f"{figure:.3g} where none may be"


@dataclass
class Verdict:
    what: str
    figure: float
    limit: float
    at_most: bool = True
    note: str = ""
    why: str = ""           # it is missed, in case
    elsewhere: str = ""     # why it can't be judged here

    @property
    def met(self):
        return self.figure <= self.limit if self.at_most else self.figure >= self.limit

    def text(self):
        if self.elsewhere:
            return "not judged"
        return "met" if self.met else "MISSED"

    def reason(self):
        """For the column WHY."""
        more = [self.elsewhere] if self.elsewhere else \
            [] if self.met else [beyond(self.figure, self.limit), self.why]
        return "; ".join(text for text in (self.note, *more) if text)


def _of_the_sd(one, phase):
    """Which requests make it, and where they waited."""
    both, idle = phase.latency(), one.phase("idle").latency()
    late = [us for us in both.values if us > idle.at(1)]
    rest = Spread(both.values[:len(both) - len(late)])
    udp, tcp = (phase.latency(protocol).at(.5) for protocol in ("udp", "tcp"))
    inside = sum(phase.residence[way]["p9999_ns"] / 1000 for way in ("rx", "tx"))
    return (f"{len(late)} of {len(both)} requests took longer than any does without load (by up to "
            f"{both.at(1) - idle.at(1):.1f} us, of which the daemon has {inside:.1f} at most: the "
            "rest is before the lcore ran, or in the guest); without them the SD is "
            f"{rest.sd:.2f} us, and medians of UDP and TCP are {abs(tcp - udp):.1f} us apart")


def _deviations(results):
    for other, limit in (("a", 1 / 12), ("b", 1 / 12), ("f", 1 / 6)):
        for name in LOADED if other in results else ():
            ours, theirs = (results[k].phase(name).latency().sd for k in ("e", other))
            yield Verdict(f"SD, {name}: (e) against ({other})", ours / theirs, limit,
                          note=f"{ours:.2f} us against {theirs:.2f} us",
                          why=_of_the_sd(results["e"], results["e"].phase(name)))


def _answers(results):
    for name in LOADED:
        ours = results["e"].phase(name)
        yield Verdict(f"RT requests answered, {name}", ours.answered,
                      max(r.phase(name).answered for r in results.values() if r.part("loads")),
                      at_most=False,
                      why=f"{ours.lost()} of {len(ours.requests)} had no reply when the phase "
                          "ended")


def _of_the_cpu(phase, kernel):
    """Each wake is an interrupt or a system call, and two switches of tasks."""
    used = phase.cpu
    lcores = used.of(RT_LCORE), used.of(OTHER_LCORE)
    rest = used.own - sum(lcores)
    requests, theirs = len(phase.requests), len(kernel.requests)
    return ("a request wakes three times (RT lcore for the frame, guest, RT lcore again for the "
            "reply), in (b) twice (interrupt thread, server); for each request the host computes "
            f"{1e6 * used.own / requests:.1f} us against {1e6 * kernel.cpu.own / theirs:.1f} us: "
            f"RT lcore {1e6 * lcores[0] / requests:.1f}, other lcore "
            f"{1e6 * lcores[1] / requests:.1f}, guests, interrupts and kernel "
            f"{1e6 * rest / requests:.1f}")


def _cpu(results):
    for name in ("idle", "moderate load"):
        phases = [results[k].phase(name) for k in ("e", "b")]
        ours, theirs = (phase.cpu for phase in phases)
        own, other = ours.share(ours.own), theirs.share(theirs.own)
        yield Verdict(f"CPU, {name}: (e) against (b)", own / other, .68,
                      note=f"{own:.2%} of the processor against {other:.2%}",
                      why=_of_the_cpu(*phases))


def _of_the_residence(phase, way):
    row, late = phase.residence[way], phase.residence.get(f"{way}-late", {"count": 0})
    few = f"the slowest of {row['count']}; " if row["count"] < 10000 else ""
    share = late["count"] / max(1, row["count"])
    return (f"{few}p50 {row['p50_ns'] / 1000:.2f}, p99 {row['p99_ns'] / 1000:.2f} us; "
            f"{late['count']} of {row['count']} ({share:.2%}) did not go through in the turn that "
            "brought them")


def _residence(results):
    for phase in results["e"].part("loads"):
        for way in ("rx", "tx"):
            row = phase.residence[way]
            yield Verdict(f"residence {way}, p50, {phase.name}, us", row["p50_ns"] / 1000, 1,
                          note=f"{row['count']} messages", elsewhere=INSTRUCTIONS)
            yield Verdict(f"residence {way}, p99.99, {phase.name}, us", row["p9999_ns"] / 1000,
                          10, note=f"{row['count']} messages", why=_of_the_residence(phase, way))


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


def _of_the_disturbance(change, one):
    """@change: the worst one. How much it is, and what two phases differ by without anything."""
    first, *_, last = one.part("disturbed")
    value = dict(STEADY)[change.name]
    apart = abs(value(first) - value(last)) / change.before
    return (f"{change.now - change.before:.2f} us more, of {change.before * .05:.2f} us allowed; "
            f"the undisturbed phases differ by {apart:.1%} themselves; what is beside it runs on "
            "the same processor, its interrupts before any thread")


def _disturbances(results):
    one = results["d"]
    for phase in one.part("disturbed")[1:-1]:
        for what in ("residence", "SD"):
            worst = max((c for c in changes(one, phase) if c.name.startswith(what)),
                        key=lambda change: change.ratio)
            yield Verdict(f"{what}, {phase.name}: against undisturbed", worst.ratio, 1.05,
                          note=f"{worst.name}: {worst.now:.2f} us against {worst.before:.2f} us",
                          why=_of_the_disturbance(worst, one))


def per_cpu(phase):
    """Mbit that the other guest was sent for each CPU second of its lcore."""
    return phase.load.acked * 8e-6 / phase.load.cpu.of(OTHER_LCORE)


def _of_many(few, many):
    mean = many.latency().mean - few.latency().mean
    more = many.spec.guests - few.spec.guests
    return (f"each turn glances at the rings of all guests: the mean is {mean:.2f} us longer, "
            f"{1000 * mean / more:.0f} ns for each guest more; p50 is "
            f"{many.latency().at(.5):.1f} us, p99 {many.latency().at(.99):.1f} us")


def _of_the_throughput(phase, silent):
    rt = [p.load.cpu.share(p.load.cpu.of(RT_LCORE)) for p in (phase, silent)]
    other = [p.load.cpu.share(p.load.cpu.of(OTHER_LCORE)) for p in (phase, silent)]
    return (f"the RT lcore has {rt[0]:.2%} of the processor against {rt[1]:.2%}, this one "
            f"{other[0]:.2%} against {other[1]:.2%}: interrupted more often, it gets its work in "
            "smaller pieces, each with a turn's own price")


def _many(results):
    silent, *phases, _ = results["m"].part("many")
    few, many = phases[0], phases[-1]
    for name, value in (("p99.9", lambda p: p.latency().at(.999)),
                        ("SD", lambda p: p.latency().sd)):
        yield Verdict(f"{name}, {many.name}: against {few.spec.guests}", value(many) / value(few),
                      2, note=f"{value(many):.1f} us against {value(few):.1f} us",
                      why=_of_many(few, many))
    for phase in phases:
        yield Verdict(f"the other guest's throughput per CPU second of its lcore, {phase.name}: "
                      "against none", per_cpu(phase) / per_cpu(silent), .98, at_most=False,
                      note=f"{per_cpu(phase):.0f} Mbit against {per_cpu(silent):.0f} Mbit",
                      why=_of_the_throughput(phase, silent))


# What is judged, and the variants that it takes.
JUDGES = ((_deviations, "e"), (_answers, "e"), (_cpu, "eb"), (_residence, "e"),
          (_disturbances, "d"), (_many, "m"))


def verdicts(results):
    """Of the targets those for which all variants are there."""
    return [v for judge, letters in JUDGES if set(letters) <= set(results) for v in judge(results)]
