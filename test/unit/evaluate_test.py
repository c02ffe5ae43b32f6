#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""scripts/evaluate: from records to figures, verdicts, report, CSV and plots; its options."""

import csv
import dataclasses
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "scripts" / "lib"))
from evaluate import plan as plans, record, report, verdict     # noqa: E402
from evaluate.record import Cell, Run     # noqa: E402

BARE = [0, 0, 0, 10]


def guests(variant, load="bulk"):
    return Cell("guests", variant, load, *plans.SMALL[0])


def simulated(variant, n, load="bulk", notified=False):
    return Cell("simulated", variant, load, "tcp", 64, plans.SCALE_RATE, n, notified)


def run(cell, number, latencies, cpu=1.0, lost=0, **others):
    return Run(cell, number, len(latencies) + lost, len(latencies), 2.0, latencies, BARE, cpu,
               others)


def sample(writer):
    """Two rounds; (e) has an SD of 1 and 2, (d) of 10 and 40, (b) of 100."""
    writer.set_machine({"CPU": "2 x Sample", "vhost-net": "yes"})
    for number, (ours, theirs) in enumerate(((1, 10), (2, 40)), 1):
        writer.add(run(guests("e"), number, [50 - ours, 50 + ours], .5, mbit=100.0))
        writer.add(run(guests("d"), number, [50 - theirs, 50 + theirs], 1.0, mbit=80.0))
        writer.add(run(guests("b"), number, [100, 300], 1.0, lost=2, mbit=90.0))
        writer.add(run(guests("e", "none"), number, [10, 20]))
        for n, tail in ((1, 10), (128, 15 if number == 1 else 35)):
            writer.add(run(simulated("e", n), number, [5] * 9 + [tail], .4, mbit=1000.0,
                           lcore_s=.5, mbit_per_lcore_s=1990.0, alone_per_lcore_s=2000.0,
                           stopped_ms=45.0))
        writer.add_fact("kick_us", 30.0)
        writer.add_fact("eventfd_us", 20.0)
        writer.add_fact("kick_ratio", 1.5)
        writer.add_fact("idle_cpu", float(number))
    writer.add_failed("guests (c), round 1", "no testpmd here\nmore of it")


class Evaluate(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="outsock-evaluate-")
        self.addCleanup(folder.cleanup)
        self.out = Path(folder.name)
        writer = record.Writer(self.out / "records.jsonl")
        sample(writer)
        writer.close()
        self.records = record.read(self.out / "records.jsonl")
        self.written = writer

    def test_row(self):
        """The statistics of one run."""
        row = run(guests("e"), 1, range(1000, 0, -1), lost=24).row()
        self.assertEqual((row["asked"], row["answered"]), (1024, 1000))
        self.assertEqual((row["p50"], row["p99"], row["p99.9"], row["max"]),
                         (501, 991, 1000, 1000))
        self.assertEqual((row["mean"], round(row["sd"], 3)), (500.5, 288.675))
        self.assertEqual((row["bare_p99"], row["cpu"]), (10, 50))

    def test_kept(self):
        """What is read is what was measured."""
        self.assertEqual(self.records.runs, self.written.runs)
        self.assertEqual(self.records.facts, self.written.facts)
        self.assertEqual(self.records.failed, self.written.failed)

    def test_figures(self):
        """Each round has its figure; a median of them, and their spread."""
        figure = self.records.figure(guests("e"), "sd")
        self.assertEqual(figure.samples, [1, 2])
        self.assertEqual(figure.text(" us"), "1.5 us (1 .. 2)")
        self.assertEqual(self.records.figure(guests("e"), "cpu").value, 25)
        self.assertEqual(self.records.figure(guests("e"), "bare_max").value, 10)
        self.assertEqual(self.records.answered(guests("b")), .5)
        self.assertEqual(self.records.other(guests("d"), "mbit").value, 80)
        self.assertEqual(self.records.pooled(guests("e")).values, [48, 49, 51, 52])

    def test_ratio_of_rounds(self):
        """Not the quotient of medians."""
        ratio = verdict.ratio(self.records, guests("e"), guests("d"), "sd")
        self.assertEqual([round(x, 6) for x in ratio.samples], [.1, .05])

    def test_verdicts(self):
        found = {v.what: v for v in verdict.verdicts(self.records)}

        def one(*words):
            (name,) = [what for what in found if all(w in what for w in words)]
            return found[name]

        self.assertTrue(one("(e) against (d)").met)
        self.assertAlmostEqual(one("(e) against (d)").figure.value, .075)
        self.assertTrue(one("RT requests answered").met)
        self.assertEqual(one("p99.9 of 128").figure.samples, [1.5, 3.5])
        self.assertFalse(one("p99.9 of 128").met)
        self.assertIn("gaps of this machine", one("p99.9 of 128").row()[-1])
        self.assertIn("for 45 ms of each second", one("p99.9 of 128").row()[-1])
        stopped = dataclasses.replace(one("p99.9 of 128"), limit=9)     # met, by nothing of ours
        self.assertEqual((stopped.met, stopped.text()), (True, "not judged"))
        self.assertIn("for 45 ms of each second", stopped.row()[-1])
        self.assertTrue(one("non-RT throughput", "128").met)
        self.assertAlmostEqual(one("non-RT throughput", "128").figure.value, .995)
        self.assertTrue(one("idle").met)
        self.assertFalse(one("first kick").met)

    def test_report(self):
        """All parts are in it, with their plots, and what failed."""
        text = report.write(self.records, self.out)
        self.assertEqual((self.out / "report.md").read_text(encoding="utf-8"), text)
        for words in ("2 x Sample", "no testpmd here", "1.5 (1 .. 2)", "MISSED",
                      "Judged in the laboratory alone", "80 Mbit/s"):
            self.assertIn(words, text)
        self.assertNotIn("more of it", text)
        pictures = [line.split("(")[-1].rstrip(")") for line in text.splitlines()
                    if line.startswith("![")]
        self.assertGreaterEqual(len(pictures), 8)
        for name in pictures:
            self.assertEqual((self.out / name).read_bytes()[:4], b"\x89PNG", name)

    def test_csv(self):
        record.write_csv(self.records, self.out)
        with open(self.out / "summary.csv", encoding="ascii") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual(len(rows), len(self.records.runs))
        self.assertEqual((rows[0]["variant"], rows[0]["sd"], rows[0]["round"]), ("e", "1.0", "1"))
        with open(self.out / "latency.csv", encoding="ascii") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual(len(rows), sum(len(r.latencies) + len(BARE) for r in self.records.runs))
        self.assertEqual((rows[0]["what"], rows[0]["us"]), ("request", "49"))


class Command(unittest.TestCase):
    def evaluate(self, *words):
        return subprocess.run([TOP / "scripts" / "evaluate", *words], capture_output=True,
                              text=True, check=False)

    def test_help(self):
        done = self.evaluate("--help")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("--no-lab", done.stdout)

    def test_list(self):
        done = self.evaluate("--list")
        self.assertEqual(done.returncode, 0, done.stderr)
        for word in ("simulated", "laboratory", plans.VARIANTS["d"], "flood"):
            self.assertIn(word, done.stdout)

    def test_mistakes(self):
        done = self.evaluate("--only", "what")
        self.assertEqual(done.returncode, 2)
        self.assertIn("no part what", done.stderr)

    def test_report_again(self):
        """From the records alone; what could not be measured is told by the exit status."""
        with tempfile.TemporaryDirectory(prefix="outsock-evaluate-") as folder:
            writer = record.Writer(Path(folder) / "records.jsonl")
            sample(writer)
            writer.close()
            done = self.evaluate("--report", folder)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn("could not be measured: guests (c)", done.stdout)
            self.assertTrue((Path(folder) / "report.md").exists())


if __name__ == "__main__":
    unittest.main()
