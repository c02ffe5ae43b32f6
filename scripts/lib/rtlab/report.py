# SPDX-License-Identifier: BSD-3-Clause
"""CSV files, the report in Markdown, and the plots, made by gnuplot."""

import csv
import platform
import subprocess
from pathlib import Path

from testbed.report import Failure

from . import result, variant as variants

HEAD = """\
# Real time in the laboratory

A machine under QEMU's instruction counter: one processor, one instruction a nanosecond, and a clock
that nothing outside disturbs. It shows scheduling and priority inversion exactly, and caches not at
all. A latency is the time between two frames at the server machine's NIC: the request's last byte
and the reply's. Each request and each reply has 64 bytes; one leaves every {period} us, UDP and TCP
in turn, at times that the state of the machine does not influence.

What stands for what: the whole virtual machine is the *host*. A guest of (a) and (b) is a network
namespace behind a veth pair on a bridge, with the kernel's TCP/IP: it has the second stack, and
neither virtio, vhost nor exits of a vCPU, so (a) and (b) are faster here than with real guests. A
guest of (e) and (f) is a process that speaks outsock's ABI over vhost-user and sleeps on its call
descriptor. The server in the RT guest is SCHED_FIFO, the one in the other guest is not. Clients are
user-space stacks on NICs of their own; what they need of the processor is much the same for all.

- moderate load, in each ms: {moderate}
- heavy load, in each ms: {heavy}

All of it to the guest that is not RT; it arrives in bursts every {interval} us. (f) is outsock with
one class, one lcore, one queue.
"""

PLOT = """\
set terminal pngcairo noenhanced size 1000,600 font "sans,11"
set output "{name}"
set title "{title}"
set grid
{body}
"""


def load_text(load):
    _, streams, size, dgrams, dgram_size, conns = load
    return (f"{size} bytes on each of {streams} TCP connections, {dgrams} datagrams of "
            f"{dgram_size} bytes, {conns} new connection{'s' if conns > 1 else ''}")


def number(value):
    return str(value) if isinstance(value, int) else f"{value:.2f}"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def latencies(results):
    rows = []
    for letter, one in results.items():
        for phase in one.phases.values():
            row = phase.row()
            rows.append([f"({letter}) {one.variant.title}", phase.name,
                         *(number(v) for v in row.values()), number(phase.busy),
                         number(phase.seconds)])
    return table(["variant", "load", "n", "lost", "mean us", "SD", "p50", "p99", "p99.9", "max",
                  "CPU s", "of s"], rows)


def others(results):
    """What the guest that is not RT got done, which the load asks of all variants alike."""
    rows = []
    for letter, one in results.items():
        for phase in one.phases.values():
            if not phase.load:
                continue
            seconds = phase.load["ns"] * 1e-9
            rows.append([f"({letter})", phase.name, f"{phase.load['acked'] * 8e-6 / seconds:.1f}",
                         f"{phase.load['conns'] / seconds:.0f}", str(phase.load["failed"])])
    return table(["variant", "load", "TCP Mbit/s", "connections/s", "failed"], rows)


def judged(results):
    rows = [[v.what, f"{'<=' if v.at_most else '>='} {v.limit:.3f}", f"{v.figure:.4f}", v.text(),
             v.note] for v in result.verdicts(results)]
    return table(["target", "limit", "figure", "verdict", ""], rows)


def markdown(results, traffic):
    kernels = "\n".join(f"- ({letter}) {one.variant.title}: Linux {one.kernel}"
                        for letter, one in results.items())
    text = HEAD.format(period=traffic.period, moderate=load_text(variants.MODERATE),
                       heavy=load_text(variants.HEAVY), interval=variants.LOAD_INTERVAL)
    return "\n".join([text, kernels + f"\n- run on {platform.platform()}\n",
                      "## Latency\n", latencies(results), "## Targets\n", judged(results),
                      "## What the other guest got done\n", others(results),
                      "![latencies under heavy load](cdf-heavy-load.png)\n",
                      "![latencies under moderate load](cdf-moderate-load.png)\n",
                      "![standard deviations](sd.png)\n"])


# ---- files ----

def write_csv(results, out):
    with open(out / "latency.csv", "w", newline="", encoding="ascii") as file:
        rows = csv.writer(file)
        rows.writerow(["variant", "load", "protocol", "number", "begin_us", "latency_us"])
        for letter, one in results.items():
            for r in one.requests:
                rows.writerow([letter, variants.PHASES[r.phase], r.protocol, r.number, r.begin,
                               "" if r.latency is None else r.latency])
    with open(out / "summary.csv", "w", newline="", encoding="ascii") as file:
        rows = csv.writer(file)
        rows.writerow(["variant", "load", "n", "lost", "mean", "sd", "p50", "p99", "p99.9", "max",
                       "cpu_s", "s"])
        for letter, one in results.items():
            for phase in one.phases.values():
                rows.writerow([letter, phase.name, *phase.row().values(), phase.busy,
                               phase.seconds])


def plot(out, name, title, body):
    script = PLOT.format(name=name, title=title, body=body)
    try:
        done = subprocess.run(["gnuplot"], input=script, capture_output=True, text=True, cwd=out,
                              check=False)
    except FileNotFoundError:
        raise Failure("gnuplot is not here", "run: scripts/setup lab") from None
    if done.returncode:
        raise Failure(f"gnuplot: {done.stderr.strip()}")


def _block(values):
    return "\n".join(f"{x} {y}" for x, y in values)


def plot_cdf(results, phase, out):
    """Share of requests by latency, logarithmic; one line a variant."""
    blocks, lines = [], []
    for k, (letter, one) in enumerate(results.items()):
        ordered = sorted(one.phases[phase].latencies)
        points = [(x, (i + 1) / len(ordered)) for i, x in enumerate(ordered)]
        blocks.append(f"$d{k} << EOD\n{_block(points)}\nEOD")
        lines.append(f'$d{k} with steps linewidth 2 title "({letter}) {one.variant.title}"')
    name = variants.PHASES[phase]
    body = "\n".join([*blocks, "set logscale x", 'set xlabel "us"',
                      'set ylabel "share of requests"', "set key bottom right",
                      "set yrange [0:1.02]", "plot " + ", ".join(lines)])
    plot(out, f"cdf-{name.replace(' ', '-')}.png", f"Latency, {name}", body)


def plot_sd(results, out):
    rows = "\n".join(f'"({letter})" '
                     + " ".join(f"{max(p.sd, .01):.3f}" for p in one.phases.values())
                     for letter, one in results.items())
    bars = ", ".join(f'$d using {k + 2}:xtic(1) title "{name}"'
                     for k, name in enumerate(variants.PHASES.values()))
    body = f"$d << EOD\n{rows}\nEOD\n" + "\n".join(
        ["set style data histogram", "set style histogram clustered gap 1",
         "set style fill solid 0.7", "set logscale y", 'set ylabel "standard deviation, us"',
         f"plot {bars}"])
    plot(out, "sd.png", "Standard deviation of the latency", body)


def write(results, traffic, out):
    """All files; returns the report."""
    out.mkdir(parents=True, exist_ok=True)
    write_csv(results, out)
    text = markdown(results, traffic)
    Path(out / "report.md").write_text(text, encoding="utf-8")
    for phase in (2, 3):
        plot_cdf(results, phase, out)
    plot_sd(results, out)
    return text
