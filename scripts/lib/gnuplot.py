# SPDX-License-Identifier: BSD-3-Clause
"""Plots as PNG, made by gnuplot: lines and bars of values in memory."""

import subprocess

SCRIPT = """\
set terminal pngcairo noenhanced size 1000,600 font "sans,11"
set output "{name}"
set title "{title}"
set grid
{body}
"""
POINTS = 1000           # of a distribution; its tail is drawn whole
TAIL = 100
# Below the axis, with room for so many lines.
KEY = "set key below vertical maxrows 8\nset bmargin {}"


class NoPlot(Exception):
    """Says why."""


def plot(out, name, title, body):
    """@body: gnuplot's commands. Returns the picture as Markdown."""
    script = SCRIPT.format(name=name, title=title, body="\n".join(body))
    try:
        done = subprocess.run(["gnuplot"], input=script, capture_output=True, text=True, cwd=out,
                              check=False)
    except FileNotFoundError:
        raise NoPlot("gnuplot is not here; run: scripts/setup lab") from None
    if done.returncode:
        raise NoPlot(f"gnuplot: {done.stderr.strip()}")
    return f"![{title}]({name})\n"


def block(name, rows):
    return "\n".join([f"${name} << EOD", *(" ".join(map(str, row)) for row in rows), "EOD"])


def distribution(values):
    """(value, share of all that are above it), for a logarithmic axis; the largest one last."""
    n = len(values)
    step = max(1, n // POINTS)
    chosen = sorted({*range(0, n, step), *range(max(0, n - TAIL), n)})
    return [(values[i], 1 - i / n) for i in chosen]


def tails(series):
    """Lines of the share of values above each value. @series: (title, sorted values, style)."""
    blocks = [block(f"d{k}", distribution(values)) for k, (_, values, _) in enumerate(series)]
    lines = [f'$d{k} with steps {style} title "{title}"'
             for k, (title, _, style) in enumerate(series)]
    return [*blocks, "set logscale xy", 'set xlabel "us"', "set format y '%g'",
            'set ylabel "share of requests that take longer"', KEY.format(5 + len(series)),
            "plot " + ", ".join(lines)]


def lines(series, xlabel, ylabel):
    """@series: (title, [(x, y)], style); both axes logarithmic."""
    blocks = [block(f"d{k}", points) for k, (_, points, _) in enumerate(series)]
    drawn = [f'$d{k} with linespoints {style} title "{title}"'
             for k, (title, _, style) in enumerate(series)]
    return [*blocks, "set logscale xy", f'set xlabel "{xlabel}"', f'set ylabel "{ylabel}"',
            KEY.format(5 + len(series)), "plot " + ", ".join(drawn)]


def bars(names, rows, ylabel):
    """Groups of bars. @rows: (label, a value for each of @names)."""
    columns = ", ".join(f'$d using {k + 2}:xtic(1) title "{name}"' for k, name in enumerate(names))
    return [block("d", [(f'"{row[0]}"', *row[1:]) for row in rows]),
            "set style data histogram", "set style histogram clustered gap 1",
            "set style fill solid 0.7", "set yrange [0:]", KEY.format(3 + len(names)),
            f'set ylabel "{ylabel}"', f"plot {columns}"]
