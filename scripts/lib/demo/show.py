# SPDX-License-Identifier: BSD-3-Clause
"""What the demo shows while it works, and its table."""

import re
import subprocess
import sys
import time


class Failed(Exception):
    """What went wrong, as the user is told."""


def say(text="", end="\n"):
    print(text, end=end, flush=True)


def _wait(process):
    """An interrupted step cleans up behind itself: it is asked to end, and waited for."""
    process.terminate()
    try:
        process.wait(90)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def step(text, argv, follow=None, env=None):
    """Runs a part of the preparation. @follow(line) says what to show of a line, or None."""
    argv = [str(a) for a in argv]
    say(f"  {text} ...", end="")
    begin = time.monotonic()
    said, fresh = [], True
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               errors="replace", stdin=subprocess.DEVNULL, env=env)
    try:
        for line in process.stdout:
            said.append(line.rstrip())
            shown = follow(said[-1]) if follow else None
            if shown:
                say(shown, end="")
                fresh = fresh and "\n" not in shown
        status = process.wait()
    except BaseException:
        say()
        _wait(process)
        raise
    say(f"{'' if fresh else '   '} {time.monotonic() - begin:.0f} s")
    if status:
        end = "\n".join(f"    | {line}" for line in said[-30:])
        raise Failed(f"{text}: {argv[0]} ended with status {status}:\n{end}")


def quarters():
    """For ninja: every quarter of its steps."""
    told = [0]

    def follow(line):
        match = re.match(r"\[(\d+)/(\d+)\]", line)
        part = 4 * int(match.group(1)) // int(match.group(2)) if match else 0
        if part <= told[0] or part == 4:
            return None
        told[0] = part
        return f" {25 * part} %"
    return follow


def lines_of(prefix):
    """Those lines that begin so, each on a line of its own."""
    return lambda line: f"\n    {line.removeprefix(prefix)}" if line.startswith(prefix) else None


def number(value, digits=0):
    return "-" if value is None else f"{value:,.{digits}f}"


COLUMNS = (("requests/s", "rate", 0), ("mean us", "mean", 0), ("SD us", "sd", 0),
           ("p50 us", "p50", 0), ("p99 us", "p99", 0), ("p99.9 us", "p99.9", 0),
           ("max us", "max", 0), ("bytes/s", "bytes", 0), ("daemon CPU", "daemon", 0),
           ("guest CPU", "guest", 0))


def brief(row):
    """A row in a few words, for whoever watches."""
    if row.get("rate"):
        return f"{number(row['rate'])} requests/s, median {number(row['p50'])} us"
    return f"{number(row['bytes'])} bytes/s"


def table(rows):
    head = ["workload", *(title for title, _, _ in COLUMNS)]
    lines = [head]
    for name, row in rows:
        cells = [number(row.get(key), digits) for _, key, digits in COLUMNS]
        lines.append([name, *(f"{c} %" if key in ("daemon", "guest") and c != "-" else c
                              for c, (_, key, _) in zip(cells, COLUMNS))])
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    for line in lines:
        say("  ".join(c.rjust(w) if i else c.ljust(w)
                      for i, (c, w) in enumerate(zip(line, widths))))
