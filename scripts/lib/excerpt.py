# SPDX-License-Identifier: BSD-3-Clause
"""Of a step's output what tells why it failed: the failed tests only, each with its beginning and
its end. Known differences ("# known: not ok ...") are no failures."""

import re

KEEP = 25               # lines of one failed test from its beginning, and as many from its end
WHOLE = 12              # failed tests that are shown at length; of the others, their names
LAST = 40               # lines of an output in which no test says that it failed


def clipped(lines, head=KEEP, tail=KEEP):
    """The first and the last of the lines, and how many are left out between."""
    if len(lines) <= head + tail + 1:
        return list(lines)
    left_out = len(lines) - head - tail
    return [*lines[:head], f"# ... {left_out} lines ...", *lines[len(lines) - tail:]]


def _tap_failures(lines):
    """Each "not ok" of the Test Anything Protocol, and the comments that follow it."""
    found = []
    inside = False
    for line in lines:
        if re.match(r"not ok\b", line):
            found.append([line])
            inside = True
        elif inside and line.startswith("#"):
            if not line.startswith("# known:"):
                found[-1].append(line)
        else:
            inside = False
    return found


def _meson_failures(lines):
    """What meson's --print-errorlogs shows: from ">>> COMMAND" to its closing rule."""
    found = []
    inside = False
    for line in lines:
        if line.startswith(">>> "):
            found.append([line])
            inside = True
        elif inside and re.fullmatch("\u2015{40,}", line):
            inside = False
        elif inside and "\u2015\u2015\u2015" not in line:
            found[-1].append(line)
    return found


def excerpt(text):
    """The lines to show of a failed step's output."""
    lines = text.splitlines()
    failures = _tap_failures(lines) + _meson_failures(lines)
    if not failures:
        return lines[-LAST:]
    shown = [line for failure in failures[:WHOLE] for line in clipped(failure)]
    return shown + [failure[0] for failure in failures[WHOLE:]]
