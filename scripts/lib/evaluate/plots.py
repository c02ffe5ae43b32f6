# SPDX-License-Identifier: BSD-3-Clause
"""The plots of the report."""

import gnuplot

from . import plan as plans

FLOOR = .01             # us: of logarithmic axes
OURS = "linewidth 3 linecolor 'red'"


def _name(*words):
    return "-".join(str(w).replace(" ", "-").replace("/", "") for w in words) + ".png"


def _alike(cells):
    """Cells that differ in the variant alone, together."""
    groups = {}
    for cell in cells:
        groups.setdefault((cell.protocol, cell.bytes, cell.rate), []).append(cell)
    return groups


def latencies(records, load, out):
    """For each kind of request a plot with a line a variant, and the bare loop's of (e)."""
    cells = [c for c in records.cells("guests") if c.load == load and c.rate == plans.SMALL[0][2]]
    pictures = []
    for (protocol, size, rate), some in _alike(cells).items():
        series = [(f"({c.variant}) {plans.VARIANTS[c.variant]}", records.pooled(c).values,
                   OURS if c.variant == "e" else "linewidth 2")
                  for c in sorted(some, key=lambda c: c.variant)]
        bare = next((c for c in some if c.variant == "e"), some[0])
        series.append((f"bare loop beside ({bare.variant})", _positive(records, bare),
                       "linewidth 1 dashtype 2 linecolor 'black'"))
        pictures.append(gnuplot.plot(out, _name("guests", load, protocol, size),
                                     f"QEMU guests, load: {load}, {protocol} {size} bytes, "
                                     f"{rate} requests/s", gnuplot.tails(series)))
    return "\n".join(pictures)


def _positive(records, cell):
    return [max(x, FLOOR) for x in records.pooled(cell, "bare").values]


def guest_bars(records, out):
    """What the other guest got, and CPU, by load; one group a variant."""
    cells = [c for c in records.cells("guests") if (c.protocol, c.bytes, c.rate) == plans.SMALL[0]]
    variants = sorted({c.variant for c in cells})
    loads = list(dict.fromkeys(c.load for c in cells))
    by = {(c.variant, c.load): c for c in cells}

    def rows(value):
        return [(f"({v})", *(value(by[v, load]) if (v, load) in by else 0 for load in loads))
                for v in variants]

    pictures = [gnuplot.plot(out, "guests-cpu.png", "QEMU guests, CPU by load",
                             gnuplot.bars(loads, rows(lambda c: records.figure(c, "cpu").value),
                                          "% of one CPU"))]
    if "bulk" in loads:
        got = [(f"({v})", records.other(by[v, "bulk"], "mbit").value) for v in variants
               if (v, "bulk") in by]
        pictures.append(gnuplot.plot(out, "guests-throughput.png",
                                     "QEMU guests, TCP throughput of the other guest",
                                     gnuplot.bars(["bulk"], got, "Mbit/s")))
    return "\n".join(pictures)


def scale(records, out):
    """SD and p99.9 against the number of RT guests, under load."""
    series = {"sd": [], "p99.9": []}
    for variant, notified in (("e", False), ("e", True), ("f", False)):
        cells = sorted((c for c in records.cells("simulated")
                        if (c.variant, c.load, c.notified, c.protocol, c.bytes)
                        == (variant, "bulk", notified, "tcp", 64)), key=lambda c: c.guests)
        title = f"({variant}) {'notified' if notified else 'polling'}"
        for name, lines in series.items():
            if cells:
                lines.append((title, [(c.guests, max(records.figure(c, name).value, FLOOR))
                                      for c in cells], "linewidth 2"))
        if variant == "e" and not notified and cells:
            for name, lines in series.items():
                lines.append(("bare loop", [(c.guests,
                                             max(records.figure(c, f"bare_{name}").value, FLOOR))
                                            for c in cells],
                              "linewidth 1 dashtype 2 linecolor 'black'"))
    return "\n".join(gnuplot.plot(out, _name("scale", name.replace(".", "")),
                                  f"Simulated RT guests on one lcore: {title} of the latency",
                                  gnuplot.lines(series[name], "RT guests", "us"))
                     for name, title in (("sd", "SD"), ("p99.9", "p99.9")) if series[name])


def simulated_bars(records, out):
    """Throughput of the other guest, and how busy the RT lcore is, by number of RT guests."""
    rows = []
    for cell in sorted((c for c in records.cells("simulated")
                        if (c.load, c.notified, c.protocol, c.bytes) == ("bulk", False, "tcp", 64)),
                       key=lambda c: (c.variant, c.guests)):
        rows.append((f"({cell.variant}) {cell.guests}", records.other(cell, "mbit").value,
                     records.figure(cell, "cpu").value))
    if not rows:
        return ""
    return "\n".join([
        gnuplot.plot(out, "scale-throughput.png", "Non-RT throughput beside RT guests",
                     gnuplot.bars(["TCP"], [r[:2] for r in rows], "Mbit/s")),
        gnuplot.plot(out, "scale-cpu.png", "How busy the RT guests' lcore is",
                     gnuplot.bars(["lcore"], [(r[0], r[2]) for r in rows], "% of its CPU"))])
