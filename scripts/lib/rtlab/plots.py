# SPDX-License-Identifier: BSD-3-Clause
"""The plots: which values, and how they are named."""

import gnuplot

STYLE = "linewidth 2"
LEAST = .01             # us; a logarithmic axis has no 0


def _title(letter, one):
    return f"({letter}) {one.variant.title}"


def _also(body, *commands):
    """Commands before the one that draws."""
    return [*body[:-1], *commands, body[-1]]


def tails(results, phase, out):
    """Share of requests that take longer, by latency; one line a variant."""
    series = [(_title(letter, one), one.phase(phase).latency().values, STYLE)
              for letter, one in results.items()]
    return gnuplot.plot(out, f"latency-{phase.replace(' ', '-')}.png", f"Latency, {phase}",
                        gnuplot.tails(series))


def deviations(results, names, out):
    rows = [(f"({letter})", *(max(one.phase(n).latency().sd, LEAST) for n in names))
            for letter, one in results.items()]
    body = gnuplot.bars(names, rows, "us")
    return gnuplot.plot(out, "sd.png", "Standard deviation of the latency",
                        _also(body, "set yrange [0.5:*]", "set logscale y"))


def cpu(results, names, out):
    rows = []
    for letter, one in results.items():
        used = [one.phase(n).cpu for n in names]
        rows.append((f"({letter})", *(100 * c.share(c.own) for c in used)))
    return gnuplot.plot(out, "cpu.png", "CPU time of the host, without the clients",
                        gnuplot.bars(names, rows, "% of the processor"))


def sweep(results, size, out):
    """SD by request rate; one line a variant."""
    series = []
    for letter, one in results.items():
        points = [(p.spec.rate, max(p.latency().sd, LEAST)) for p in one.part("sweep")
                  if p.spec.size == size]
        series.append((_title(letter, one), points, STYLE))
    return gnuplot.plot(out, f"sweep-{size}.png",
                        f"Standard deviation of the latency, {size} bytes, moderate load",
                        gnuplot.lines(series, "requests/s", "us"))


def many(phases, out):
    """By the number of RT guests."""
    series = [(name, [(p.spec.guests, value(p.latency())) for p in phases], STYLE)
              for name, value in (("standard deviation", lambda s: s.sd),
                                  ("p99.9", lambda s: s.at(.999)))]
    return gnuplot.plot(out, "many.png",
                        "Latency of RT guests under heavy load of the other guest",
                        _also(gnuplot.lines(series, "RT guests", "us"), "set logscale x 2"))


def disturbed(phases, out):
    rows = [(p.name, p.latency().sd, *(p.residence[way]["p9999_ns"] / 1000 for way in ("rx", "tx")))
            for p in phases]
    body = gnuplot.bars(("SD of latency", "residence rx, p99.99", "residence tx, p99.99"), rows,
                        "us")
    return gnuplot.plot(out, "disturbed.png", "Latency and residence while others disturb",
                        _also(body, "set xtics rotate by -20", "set key top left", "unset bmargin"))
