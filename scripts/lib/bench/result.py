# SPDX-License-Identifier: BSD-3-Clause
"""A figure with its spread, and the table of them."""

import statistics


class Row:
    """One line of the table. `samples` are the repeats; `limit` with `at_most` is the target."""

    def __init__(self, name, unit, samples, limit=None, at_most=True, note=""):
        if not samples:
            raise ValueError(f"{name}: no sample")
        self.name, self.unit, self.samples = name, unit, [float(s) for s in samples]
        self.limit, self.at_most, self.note = limit, at_most, note

    @property
    def figure(self):
        return statistics.median(self.samples)

    @property
    def verdict(self):
        if self.limit is None:
            return ""
        met = self.figure <= self.limit if self.at_most else self.figure >= self.limit
        return "met" if met else "MISSED"

    def cells(self):
        sign = "<=" if self.at_most else ">="
        target = "" if self.limit is None else f"{sign} {show(self.limit)}"
        return [self.name, target, show(self.figure),
                f"{show(min(self.samples))} .. {show(max(self.samples))} ({len(self.samples)})",
                self.unit, self.verdict, self.note]

    def json(self):
        return {"name": self.name, "unit": self.unit, "median": self.figure,
                "min": min(self.samples), "max": max(self.samples), "samples": self.samples,
                "target": self.limit, "at_most": self.at_most, "verdict": self.verdict,
                "note": self.note}


def show(value):
    """Three to four digits that mean something."""
    if value == 0:
        return "0"
    if abs(value) >= 1e6:
        return f"{value / 1e6:.3g} M"
    if abs(value) >= 1000:
        return f"{value:.0f}"
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.1f}"


HEAD = ["measure", "target", "median", "min .. max (repeats)", "unit", "verdict", ""]


def table(rows):
    lines = [HEAD] + [row.cells() for row in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEAD))]
    text = ["  ".join(cell.ljust(w) for cell, w in zip(line, widths)).rstrip() for line in lines]
    text.insert(1, "  ".join("-" * w for w in widths).rstrip())
    return "\n".join(text)
