# SPDX-License-Identifier: BSD-3-Clause
"""The plots, made by gnuplot."""

import subprocess

from testbed.report import Failure

PLOT = """\
set terminal pngcairo noenhanced size 1000,600 font "sans,11"
set output "{name}"
set title "{title}"
set grid
{body}
"""


def _plot(out, name, title, body):
    script = PLOT.format(name=name, title=title, body="\n".join(body))
    try:
        done = subprocess.run(["gnuplot"], input=script, capture_output=True, text=True, cwd=out,
                              check=False)
    except FileNotFoundError:
        raise Failure("gnuplot is not here", "run: scripts/setup lab") from None
    if done.returncode:
        raise Failure(f"gnuplot: {done.stderr.strip()}")
    return f"![{title}]({name})\n"


def _block(name, rows):
    return "\n".join([f"${name} << EOD", *(" ".join(map(str, row)) for row in rows), "EOD"])


def _title(letter, one):
    return f"({letter}) {one.variant.title}"


def cdf(results, phase, out):
    """Share of requests by latency, logarithmic; one line a variant."""
    blocks, lines = [], []
    for k, (letter, one) in enumerate(results.items()):
        values = one.phase(phase).latency().values
        blocks.append(_block(f"d{k}", [(x, (i + 1) / len(values)) for i, x in enumerate(values)]))
        lines.append(f'$d{k} with steps linewidth 2 title "{_title(letter, one)}"')
    body = [*blocks, "set logscale x", 'set xlabel "us"', 'set ylabel "share of requests"',
            "set key bottom right", "set yrange [0:1.02]", "plot " + ", ".join(lines)]
    return _plot(out, f"cdf-{phase.replace(' ', '-')}.png", f"Latency, {phase}", body)


def _bars(names, rows):
    """Groups of bars; @rows: label and a value for each of @names."""
    columns = ", ".join(f'$d using {k + 2}:xtic(1) title "{name}"' for k, name in enumerate(names))
    return [_block("d", [(f'"{row[0]}"', *row[1:]) for row in rows]),
            "set style data histogram", "set style histogram clustered gap 1",
            "set style fill solid 0.7", f"plot {columns}"]


def deviations(results, names, out):
    rows = [(f"({letter})", *(max(one.phase(n).latency().sd, .01) for n in names))
            for letter, one in results.items()]
    return _plot(out, "sd.png", "Standard deviation of the latency",
                 ["set logscale y", 'set ylabel "us"', *_bars(names, rows)])


def cpu(results, names, out):
    rows = []
    for letter, one in results.items():
        used = [one.phase(n).cpu for n in names]
        rows.append((f"({letter})", *(100 * c.share(c.own) for c in used)))
    return _plot(out, "cpu.png", "CPU time of the host, without the clients",
                 ["set yrange [0:]", 'set ylabel "% of the processor"', *_bars(names, rows)])


def sweep(results, size, out):
    """SD by request rate; one line a variant."""
    blocks, lines = [], []
    for k, (letter, one) in enumerate(results.items()):
        phases = [p for p in one.part("sweep") if p.spec.size == size]
        blocks.append(_block(f"d{k}", [(p.spec.rate, max(p.latency().sd, .01)) for p in phases]))
        lines.append(f'$d{k} with linespoints linewidth 2 title "{_title(letter, one)}"')
    body = [*blocks, "set logscale xy", 'set xlabel "requests/s"', 'set ylabel "us"',
            "set key below", "plot " + ", ".join(lines)]
    return _plot(out, f"sweep-{size}.png",
                 f"Standard deviation of the latency, requests of {size} bytes, moderate load",
                 body)


def many(phases, out):
    """By the number of RT guests."""
    rows = [(p.spec.guests, p.latency().sd, p.latency().at(.999)) for p in phases]
    body = [_block("d", rows), "set logscale x 2", 'set xlabel "RT guests"', 'set ylabel "us"',
            "set yrange [0:]", "set key top left",
            'plot $d using 1:2 with linespoints linewidth 2 title "standard deviation", '
            '$d using 1:3 with linespoints linewidth 2 title "p99.9"']
    return _plot(out, "many.png", "Latency of RT guests under heavy load of the other guest", body)


def disturbed(phases, out):
    rows = [(p.name, p.latency().sd, *(p.residence[way]["p9999_ns"] / 1000 for way in ("rx", "tx")))
            for p in phases]
    return _plot(out, "disturbed.png", "Latency and residence while others disturb",
                 ['set ylabel "us"', "set yrange [0:]", "set xtics rotate by -20",
                  "set key top left",
                  *_bars(("SD of latency", "residence rx, p99.99", "residence tx, p99.99"), rows)])
