# SPDX-License-Identifier: BSD-3-Clause
"""CSV files and the report in Markdown."""

import csv
import platform
from pathlib import Path

from . import plots, targets, variant as variants

HEAD = """\
# Real time in the laboratory

A machine under QEMU's instruction counter: one processor, one instruction a nanosecond, and a clock
that nothing outside disturbs. It shows scheduling and priority inversion exactly, and caches not at
all. A latency is the time between two frames at the server machine's NIC: the request's last byte
and the reply's. UDP and TCP take turns; requests leave at times that the state of the machine does
not influence. Where nothing else is said each request and each reply has 64 bytes, and there are
2000 of them a second.

What stands for what: the whole virtual machine is the *host*. A guest of (a) and (b) is a network
namespace behind a veth pair on a bridge, with the kernel's TCP/IP: it has the second stack, and
neither virtio, vhost nor exits of a vCPU, so (a) and (b) are faster here than with real guests. A
guest of (e) and (f) is a process that speaks outsock's ABI over vhost-user and sleeps on its call
descriptor. The server in the RT guest is SCHED_FIFO, the one in the other guest is not. Clients are
user-space stacks on NICs of their own, which stand for other machines.
"""

TRAFFIC = """\
All other traffic is to the guest that is not RT; it arrives in bursts every {interval} us. (f) is
outsock with one class, one lcore, one queue.
"""

CPU = """\
In % of the processor, exact to a microsecond. The clients use the same processor, though they stand
for other machines: "host" is all that they did not use.
"""

RESIDENCE = """\
How long messages stay in the daemon, by its own count: rx from the return of rx_burst to the store
of the used index, tx from the look at the guest's ring to the call of tx_burst. Times in us of the
virtual clock, in which 1 us is 1000 instructions: p50 is the length of the path, not its time on a
real processor; what is beyond it are waits.
"""

DISTURBED = """\
Variant (d): as (e), moderate load, and beside it one disturbance; how often it was carried through
is under rounds. The last columns are multiples of the undisturbed phases' value, of the larger one.
"""

MANY = """\
Variant (m): as (e), with so many guests on the one RT lcore, each of them a thread that sleeps and
is notified (its price is part of the latency). They are asked in turn, at the same total rate,
under heavy load of the other guest; more than that would be too much for the one processor.
"""


def load_text(load):
    period, streams, size, dgrams, dgram_size, conns, *flood = load
    text = (f"in each {period} us {size} bytes on each of {streams} TCP connections, {dgrams} "
            f"datagrams of {dgram_size} bytes, {conns} new connection{'s' if conns != 1 else ''}")
    return text + (", {} SYNs to {} port {}".format(*flood) if flood else "")


def number(value):
    return str(value) if isinstance(value, (int, str)) else f"{value:.2f}"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(map(number, row)) + " |" for row in rows]) + "\n"


LATENCY = ["n", "lost", "mean us", "SD", "p50", "p99", "p99.9", "max"]


def latency_row(phase, protocol=None):
    spread = phase.latency(protocol)
    return [len(spread), phase.lost(protocol), *spread.row().values()]


# ---- sections: each text, or nothing where it was not measured ----

def every(results, part):
    """(letter, result, phase) of one part."""
    return [(letter, one, phase) for letter, one in results.items() for phase in one.part(part)]


def loads(results, out):
    rows = [[f"({letter}) {one.variant.title}", phase.name, *latency_row(phase)]
            for letter, one, phase in every(results, "loads")]
    if not rows:
        return ""
    names = list(dict.fromkeys(p.name for _, _, p in every(results, "loads")))
    compared = {k: v for k, v in results.items() if v.part("loads")}
    return "\n".join(["## Latency\n", table(["variant", "load"] + LATENCY, rows),
                      *(plots.tails(compared, n, out) for n in names[1:]),
                      plots.deviations(compared, names, out), cpu(compared),
                      plots.cpu(compared, names, out)])


def cpu(results):
    rows = []
    for letter, _, phase in every(results, "loads"):
        used = phase.cpu
        rows.append([f"({letter})", phase.name, used.seconds,
                     *(100 * used.share(s) for s in (used.busy, used.own, used.of("client/"),
                                                     used.of("load/")))])
    return "\n".join(["## CPU\n", CPU, table(["variant", "load", "s", "all", "host", "RT client",
                                              "load"], rows)])


def residence(results, _):
    rows = []
    for letter, one in results.items():
        for phase in one.phases:
            for way in ("rx", "tx", "rx-late", "tx-late"):
                row = phase.residence.get(way)
                if row and row["count"]:
                    rows.append([f"({letter})", phase.name, way, row["count"],
                                 *(row[k] / 1000 for k in ("mean_ns", "p50_ns", "p99_ns",
                                                           "p999_ns", "p9999_ns", "max_ns"))])
    if not rows:
        return ""
    head = ["variant", "load", "", "n", "mean", "p50", "p99", "p99.9", "p99.99", "max"]
    return "\n".join(["## Residence in the daemon\n", RESIDENCE, table(head, rows)])


def sweep(results, out):
    rows = []
    for letter, _, phase in every(results, "sweep"):
        for protocol in ("udp", "tcp"):
            rows.append([f"({letter})", phase.spec.size, phase.spec.rate, protocol,
                         *latency_row(phase, protocol)])
    if not rows:
        return ""
    swept = {k: v for k, v in results.items() if v.part("sweep")}
    return "\n".join(["## Sizes and rates\n", "Under moderate load.\n",
                      table(["variant", "bytes", "requests/s", "protocol"] + LATENCY, rows),
                      *(plots.sweep(swept, size, out) for size in variants.SIZES)])


def disturbed(results, out):
    rows = []
    for _, one, phase in every(results, "disturbed"):
        rows.append([phase.name, "" if phase.rounds is None else phase.rounds,
                     *latency_row(phase), *(f"{change.ratio:.3f}"
                                            for change in targets.changes(one, phase))])
    if not rows:
        return ""
    head = ["beside it", "rounds"] + LATENCY + [name for name, _ in targets.STEADY]
    phases = [phase for _, _, phase in every(results, "disturbed")]
    return "\n".join(["## Disturbances\n", DISTURBED, table(head, rows),
                      plots.disturbed(phases, out)])


def many(results, out):
    phases = [phase for _, _, phase in every(results, "many")]
    if not phases:
        return ""
    rows = []
    for phase in phases:
        used = phase.cpu
        rows.append([phase.name, *latency_row(phase),
                     *(100 * used.share(s) for s in (used.of("outsockd/lcore-1"),
                                                     used.of("outsockd/lcore-0"), used.own)),
                     phase.load.mbit, targets.per_cpu(phase)])
    head = ["RT guests"] + LATENCY + ["RT lcore %", "other lcore %", "host %", "other guest Mbit/s",
                                      "Mbit per CPU s of its lcore"]
    return "\n".join(["## Many RT guests\n", MANY, table(head, rows),
                      plots.many(phases[1:-1], out)])


def others(results, _):
    """What the guest that is not RT got done, which the load asks of all variants alike."""
    rows = [[f"({letter})", phase.name, phase.load.mbit, phase.load.conns, phase.load.failed]
            for letter, _, phase in every(results, "loads") if phase.load]
    if not rows:
        return ""
    return "\n".join(["## What the other guest got done\n",
                      table(["variant", "load", "TCP Mbit/s", "connections/s", "failed"], rows)])


def judged(results, _):
    rows = [[v.what, f"{'<=' if v.at_most else '>='} {v.limit:.3f}", f"{v.figure:.4f}", v.text(),
             v.reason()] for v in targets.verdicts(results)]
    return "\n".join(["## Targets\n",
                      table(["target", "limit", "figure", "verdict", targets.WHY], rows)])


SECTIONS = (judged, loads, residence, sweep, disturbed, many, others)


def markdown(results, out):
    kernels = [f"- ({letter}) {one.variant.title}: Linux {one.kernel}"
               for letter, one in results.items()]
    traffic = [f"- {name} load: {load_text(words)}" for name, words in variants.LOADS.items()]
    return "\n".join([HEAD, *traffic, "", TRAFFIC.format(interval=variants.LOAD_INTERVAL),
                      *kernels, f"- run on {platform.platform()}\n",
                      *filter(None, (section(results, out) for section in SECTIONS))])


# ---- files ----

def _csv(path, head, rows):
    with open(path, "w", newline="", encoding="ascii") as file:
        csv.writer(file).writerows([head, *rows])


def write_csv(results, out):
    phases = [(letter, phase) for letter, one in results.items() for phase in one.phases]
    _csv(out / "latency.csv", ["variant", "phase", "protocol", "number", "begin_us", "latency_us"],
         ([letter, p.name, r.protocol, r.number, r.begin, "" if r.latency is None else r.latency]
          for letter, p in phases for r in p.requests))
    _csv(out / "summary.csv",
         ["variant", "phase", "load", "bytes", "period_us", "guests", "protocol", "n", "lost",
          "mean", "sd", "p50", "p99", "p99.9", "max"],
         ([letter, p.name, p.spec.load, p.spec.size, p.spec.period, p.spec.guests,
           protocol or "both", *latency_row(p, protocol)]
          for letter, p in phases for protocol in (None, "udp", "tcp")))
    _csv(out / "cpu.csv", ["variant", "phase", "thread", "s", "of_s"],
         ([letter, p.name, name, seconds, p.cpu.seconds]
          for letter, p in phases
          for name, seconds in [("all", p.cpu.busy), *p.cpu.threads.items()]))
    _csv(out / "residence.csv", ["variant", "phase", "what", "n", "mean_ns", "p50_ns", "p99_ns",
                                 "p999_ns", "p9999_ns", "max_ns"],
         ([letter, p.name, what, *(row[k] for k in ("count", "mean_ns", "p50_ns", "p99_ns",
                                                    "p999_ns", "p9999_ns", "max_ns"))]
          for letter, p in phases for what, row in p.residence.items()))


def write(results, out):
    """All files; returns the report."""
    out.mkdir(parents=True, exist_ok=True)
    write_csv(results, out)
    text = markdown(results, out)
    Path(out / "report.md").write_text(text, encoding="utf-8")
    return text
