# SPDX-License-Identifier: BSD-3-Clause
"""The targets that can be judged on this machine, each from the records; and those that can't."""

from dataclasses import dataclass

from rtlab.targets import beyond

from . import plan as plans
from .record import Figure, show

LABORATORY = """\
Judged in the laboratory alone (scripts/rt-lab), since outside it the gaps of this machine are part
of every variant's SD: SD under load at most 1/12 of (a) and (b) and 1/6 of (f), CPU at most 68 % of
(b) in adaptive mode, p99.99 of the RT residence in the daemon. Here the same ratios are shown as
they were measured, each beside the bare loop. Its p50 is judged here alone, since the laboratory
counts instructions instead of time. What the laboratory with its one processor can't show is (d),
caches, and several lcores at a time: these are measured here alone.
"""


@dataclass
class Verdict:
    what: str
    figure: Figure
    limit: float
    at_most: bool = True
    unit: str = ""
    note: str = ""
    missed: str = ""        # the reason, in case
    void: str = ""          # why a figure within the limit shows nothing

    @property
    def met(self):
        value = self.figure.value
        return value <= self.limit if self.at_most else value >= self.limit

    def text(self):
        if not self.met:
            return "MISSED"
        return "not judged" if self.void else "met"

    def row(self):
        sign = "<=" if self.at_most else ">="
        more = [self.void] if self.met else [beyond(self.figure.value, self.limit), self.missed]
        note = "; ".join(x for x in (self.note, *more) if x)
        return [self.what, f"{sign} {show(self.limit)}{self.unit}", self.figure.text(self.unit),
                self.text(), note]


IMPLAUSIBLE = .9        # of an eventfd's wake-up, for what begins with one
GAPS = "the gaps of this machine are in both (bare loop: {})"


def find(records, part, variant, **wanted):
    """The first cell that is so."""
    for cell in records.cells(part):
        if cell.variant == variant and all(getattr(cell, k) == v for k, v in wanted.items()):
            return cell
    return None


def pairs(records, variant, other, part="guests"):
    """Cells of two variants that are alike otherwise."""
    for cell in records.cells(part):
        if cell.variant != variant:
            continue
        same = find(records, part, other, load=cell.load, protocol=cell.protocol,
                    bytes=cell.bytes, rate=cell.rate, guests=cell.guests, notified=cell.notified)
        if same:
            yield cell, same


def ratio(records, cell, other, name):
    """Of one round each."""
    theirs = {run.round: run.row()[name] for run in records.rounds(other)}
    return Figure([run.row()[name] / theirs[run.round] for run in records.rounds(cell)
                   if theirs.get(run.round)])


def kind(cell):
    return "notified" if cell.notified else "polling"


def _exclusive(records):
    for cell, other in pairs(records, "e", "d"):
        if cell.load != "none":
            bare = records.figure(cell, "bare_sd")
            yield Verdict(f"SD, {cell.load}, {cell.request()}: (e) against (d)",
                          ratio(records, cell, other, "sd"), 1 / 4, unit=" times",
                          note=f"{records.figure(cell, 'sd').text()} us against "
                               f"{records.figure(other, 'sd').text()} us",
                          missed=GAPS.format(bare.text() + " us"))


def _throughput(records):
    best = {}
    for letter in "abcdf":
        for cell, other in pairs(records, "e", letter):
            best[cell] = max(best.get(cell, 0), records.answered(other))
    for cell, limit in best.items():
        if cell.load != "none":
            asked, got = (sum(getattr(run, name) for run in records.rounds(cell))
                          for name in ("asked", "answered"))
            yield Verdict(f"RT requests answered, {cell.load}, {cell.request()}",
                          Figure([records.answered(cell)]), limit, at_most=False,
                          note="of those asked; the best other variant's is the limit",
                          missed=f"{asked - got} of {asked} had no reply within a second after the "
                                 "last request, or found the client's socket full")


def _scale(records):
    for notified in (False, True):
        few, many = (find(records, "simulated", "e", load="bulk", guests=n, notified=notified,
                          protocol="tcp", bytes=64) for n in (1, 128))
        if few and many:
            stopped = [records.other(c, "stopped_ms").value for c in (many, few)]
            kept = f"the lcore was kept from its CPU for {show(stopped[0])} ms of each second, " \
                   f"beside the one guest for {show(stopped[1])}"
            yield Verdict(f"p99.9 of 128 RT guests against one, {kind(many)}",
                          ratio(records, many, few, "p99.9"), 2, unit=" times",
                          note=f"{records.figure(many, 'p99.9').text()} us against "
                               f"{records.figure(few, 'p99.9').text()} us",
                          missed=GAPS.format(records.figure(many, "bare_p99.9").text() + " us")
                          + "; " + kept,
                          void=kept if max(stopped) >= plans.STOPPED_MS else "")


def _non_rt(records):
    """Throughput per CPU second of the non-RT lcore, with and without RT traffic, of each round."""
    for cell in records.cells("simulated"):
        if (cell.variant, cell.load, cell.protocol, cell.bytes) != ("e", "bulk", "tcp", 64):
            continue
        beside = [run.others["mbit_per_lcore_s"] / run.others["alone_per_lcore_s"]
                  for run in records.rounds(cell) if run.others.get("alone_per_lcore_s")]
        if beside:
            yield Verdict(f"non-RT throughput per CPU second of its lcore, beside {cell.guests} "
                          f"RT guests, {kind(cell)}", Figure(beside), .98, at_most=False,
                          unit=" times", note="that without RT traffic just before and after",
                          missed="RT client and guests run on this lcore's CPU, above it: "
                                 f"{cell.rate} times a second they interrupt it and take its "
                                 f"caches; it had {records.other(cell, 'lcore_s').text()} of each "
                                 "second")


def _residence(records):
    """Of the messages of RT guests, on a real processor: the worst case of each way and number of
    guests."""
    cells = [c for c in records.cells("simulated") if c.variant == "e"]
    for way in ("rx", "tx"):
        for guests in sorted({c.guests for c in cells}):
            cases = [c for c in cells if c.guests == guests
                     and records.other(c, f"{way} p50").samples]
            if not cases:
                continue
            worst = max(cases, key=lambda c: records.other(c, f"{way} p50").value)
            yield Verdict(f"residence {way}, p50, {guests} RT guests",
                          records.other(worst, f"{way} p50"), 1, unit=" us",
                          note=f"the worst of {len(cases)} cases: load {worst.load}, "
                               f"{kind(worst)}, {worst.protocol} {worst.bytes} B",
                          missed=_of_the_residence(records, worst, way))


def _of_the_residence(records, cell, way):
    """Turns become longer with what they look at."""
    why = "a message goes on with the turn that brought it, and half of the turns with work took " \
          f"{records.other(cell, 'turn p50').text()} us or more"
    one = find(records, "simulated", "e", load=cell.load, protocol=cell.protocol,
               bytes=cell.bytes, rate=cell.rate, guests=1, notified=cell.notified)
    if one is None or cell.guests == 1:
        return why
    few, many = (records.other(c, f"{way} p50").value for c in (one, cell))
    return (f"{why}; with one guest it is {show(few)} us, and each more adds "
            f"{show(1000 * (many - few) / (cell.guests - 1))} ns: a turn glances at every "
            "guest's ring, several are served in one turn, and they compete for the caches")


def _wake(records):
    if records.facts.get("idle_cpu"):
        yield Verdict("CPU of the daemon with an idle adaptive RT lcore",
                      records.fact("idle_cpu"), 2, unit=" %",
                      missed=f"the lcore woke {records.fact('idle_sleeps').text()} times a second, "
                             "for timers, or for what came")
    if records.facts.get("kick_ratio"):
        yield Verdict("answer to a guest's first kick, against an eventfd's wake-up",
                      records.fact("kick_ratio"), 1.3, unit=" times",
                      note=f"{records.fact('kick_us').text()} us against "
                           f"{records.fact('eventfd_us').text()} us",
                      missed="the same wake-up, and then a turn with a request and its reply",
                      void=_awake(records))


def _awake(records):
    """Why a short answer says nothing of waking up."""
    if records.fact("kick_ratio").value < IMPLAUSIBLE:
        return "faster than the wake-up that is part of it: what was measured is not a first kick"
    slept = min(records.fact("kicked").samples + records.fact("kick_sleeps").samples, default=1)
    return f"the lcore was awake before {1 - slept:.0%} of the requests" if slept < 1 else ""


def verdicts(records):
    return [v for judge in (_exclusive, _throughput, _scale, _residence, _non_rt, _wake)
            for v in judge(records)]
