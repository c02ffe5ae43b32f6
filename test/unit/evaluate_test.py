#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""scripts/evaluate: from records to figures, verdicts, report, CSV and plots; its options; how it
prepares the RT CPU. And the reasons that the laboratory gives for its verdicts."""

import csv
import dataclasses
import os
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "scripts" / "lib"))
from evaluate import host, plan as plans, record, report, simulated as simulate     # noqa: E402
from evaluate import verdict     # noqa: E402
from evaluate.record import Cell, Run     # noqa: E402
from rtlab import targets, variant as variants     # noqa: E402
from rtlab.result import Cpu, Load, Phase, Result     # noqa: E402
from rtlab.wire import Request     # noqa: E402

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
                           stopped_ms=45.0, **{"rx p50": n / 100, "rx n": 10, "tx p50": .5,
                                               "tx n": 10, "turn p50": .7}))
        writer.add_fact("kick_us", 30.0)
        writer.add_fact("eventfd_us", 20.0)
        writer.add_fact("kick_ratio", 1.5)
        writer.add_fact("idle_cpu", float(number))
        writer.add_fact("kicked", 1.0)
        writer.add_fact("kick_sleeps", 1.5)
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
        self.assertIn("1.15 times the limit; the same wake-up", one("first kick").row()[-1])
        many = one("residence rx", "128")
        self.assertEqual((many.figure.value, many.met), (1.28, False))
        for words in ("1.28 times the limit", "load bulk, polling, tcp 64 B", "took 0.7 us",
                      "one guest it is 0.01 us, and each more adds 10 ns"):
            self.assertIn(words, many.row()[-1])
        self.assertTrue(one("residence tx", "128").met)
        self.assertNotIn("times the limit", one("residence tx", "128").row()[-1])

    def test_awake(self):
        """An answer without waking up says nothing of waking up."""
        self.records.facts["kicked"] = [1.0, .25]
        (kick,) = [v for v in verdict.verdicts(self.records) if "first kick" in v.what]
        kick = dataclasses.replace(kick, limit=2)
        self.assertEqual(kick.text(), "not judged")
        self.assertIn("awake before 75% of the requests", kick.row()[-1])
        self.records.facts["kick_ratio"] = [.4]
        (kick,) = [v for v in verdict.verdicts(self.records) if "first kick" in v.what]
        self.assertEqual(kick.text(), "not judged")
        self.assertIn("faster than the wake-up", kick.row()[-1])

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


ROOT = {
    "proc/sys/kernel/sched_rt_period_us": "1000000\n",
    "proc/sys/kernel/sched_rt_runtime_us": "950000\n",
    "sys/kernel/debug/sched/fair_server/cpu0/period": "1000000000\n",
    "sys/kernel/debug/sched/fair_server/cpu0/runtime": "50000000\n",
    "sys/kernel/debug/sched/fair_server/cpu1/runtime": "50000000\n",
    "proc/irq/24/smp_affinity_list": "0-1\n",
    "proc/irq/25/smp_affinity_list": "1\n",
    "sys/devices/virtual/workqueue/cpumask": "3\n",
}


class Host(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="outsock-evaluate-")
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        for name, text in ROOT.items():
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_text(text, encoding="ascii")

    def now(self, name):
        return (self.root / name).read_text(encoding="ascii").strip()

    def as_before(self):
        for name, text in ROOT.items():
            self.assertEqual(self.now(name), text.strip(), name)

    def changed(self):
        return [self.now(name) for name in ROOT if self.now(name) != ROOT[name].strip()]

    def test_prepared(self):
        """All knobs, of the RT CPU alone, and as they were afterwards."""
        with host.Host(0, self.root, "6.18.1-x", ()) as prepared:
            self.assertEqual(self.changed(), ["-1", "500000", "1", "2"])
            row = prepared.row()
        for words in ("RT throttling off (before: 950000 us)", "fair server 500 us of 1000000",
                      "1 interrupts elsewhere", "work queues elsewhere"):
            self.assertIn(words, row)
        self.assertNotIn("Could not be", row)
        self.as_before()

    def test_no_fair_server(self):
        """The kernel's own threads keep something of RT throttling."""
        with host.Host(0, self.root, "6.1.0-40-amd64", ()):
            self.assertEqual(self.changed(), ["999500", "1", "2"])
        self.as_before()

    def test_after_exception(self):
        with self.assertRaises(KeyError), host.Host(0, self.root, "6.18.0", ()):
            raise KeyError
        self.as_before()

    def test_after_signal(self):
        """As the program has it: SIGTERM ends it through its cleaning up."""
        script = ("import sys, signal; from evaluate import host; from testbed import proc\n"
                  "proc.interruptible()\n"
                  "with host.Host(0, sys.argv[1], '6.18.0', ()):\n"
                  "    print('prepared', flush=True); signal.pause()\n")
        for number in (signal.SIGTERM, signal.SIGINT):
            child = subprocess.Popen([sys.executable, "-B", "-c", script, self.root],
                                     stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                     cwd=TOP / "scripts" / "lib")
            with child:
                self.assertEqual(child.stdout.readline(), b"prepared\n")
                self.assertEqual(len(self.changed()), 4)
                child.send_signal(number)
                child.wait(60)
            self.as_before()

    def test_refused(self):
        """What can't be is told, and the rest is done."""
        for name in ("proc/sys/kernel/sched_rt_runtime_us", "proc/irq/24/smp_affinity_list"):
            (self.root / name).unlink()
            (self.root / name).mkdir()      # it can't be read or written, not even by root
        with host.Host(0, self.root, "6.18.0", ()) as prepared:
            row = prepared.row()
            self.assertEqual(self.now("sys/devices/virtual/workqueue/cpumask"), "2")
        self.assertIn("Could not be: RT throttling (Is a directory); 1 interrupts elsewhere "
                      "(Is a directory)", row)

    def test_cpus(self):
        self.assertEqual(host.cpus_of("0-2,5\n"), {0, 1, 2, 5})
        self.assertEqual(host.cpus_of_mask("1,00000003\n"), {0, 1, 32})
        self.assertEqual(host.mask({0, 1, 32}), "1,00000003")

    def test_threads(self):
        """What may be elsewhere is, for the time; who has ended meanwhile is no mistake."""
        before = os.sched_getaffinity(0)
        if len(before) < 2:
            self.skipTest("one CPU")
        first = min(before)
        with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as stays, \
                subprocess.Popen(["cat"], stdin=subprocess.PIPE) as ends:
            with host.Host(first, self.root, "6.18.0", [stays.pid, ends.pid]) as prepared:
                self.assertEqual(os.sched_getaffinity(stays.pid), before - {first})
                self.assertIn("2 kernel threads elsewhere", prepared.row())
                ends.communicate()
            self.assertEqual(os.sched_getaffinity(stays.pid), before)
            stays.communicate()

    def test_off(self):
        """Children are not on the RT CPU either."""
        before = os.sched_getaffinity(0)
        if len(before) < 2:
            self.skipTest("one CPU")
        first = min(before)
        script = "import os; print(sorted(os.sched_getaffinity(0)))"
        with host.off(first):
            done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True,
                                  check=True)
        self.assertEqual(done.stdout.strip(), str(sorted(before - {first})))
        self.assertEqual(os.sched_getaffinity(0), before)

    def test_watched(self):
        """The limit is the kernel's, and holds for what the program becomes."""
        argv = host.watched(sys.executable, "-c",
                            "import resource; print(resource.getrlimit(resource.RLIMIT_RTTIME))",
                            seconds=3)
        done = subprocess.run(argv, capture_output=True, text=True, check=True)
        self.assertEqual(done.stdout.strip(), "(3000000, 3000000)")


THREADS = {"outsockd/lcore-0": .1, "outsockd/lcore-1": .02, "client/x": .3}


def phase(spec, latencies, residence=None):
    """UDP and TCP in turn, TCP 10 us slower."""
    requests = [Request(0, ("udp", "tcp")[k % 2], k, 0) for k in range(len(latencies))]
    for k, us in enumerate(latencies):
        requests[k].latency = us + 10 * (k % 2)
    cpu = Cpu(1.0, .6, dict(THREADS))
    return Phase(spec, requests, cpu, Load(1, 1, 0, 1000000, cpu), residence or {})


def histogram(p50, p9999, n=100):
    return {"count": n, "mean_ns": p50, "p50_ns": p50, "p99_ns": p50, "p999_ns": p50,
            "p9999_ns": p9999, "max_ns": p9999}


def laboratory():
    """Results in which every target of (e), (d) and (m) is missed."""
    rows = {"rx": histogram(3000, 20000), "tx": histogram(2000, 15000),
            "rx-late": histogram(1, 1, 7)}
    found = {}
    for letter in "abefdm":
        specs = variants.VARIANTS[letter].plan(variants.QUICK)
        slow = [100 * (k * k if letter == "m" else min(k, len(specs) - 1 - k))
                for k in range(len(specs))]
        phases = [phase(spec, [50, 90, 50, 90 + us] if letter in "edm" else [50, 42] * 2, rows)
                  for spec, us in zip(specs, slow)]
        found[letter] = Result(variants.VARIANTS[letter], "6.1", phases, [])
    found["e"].phase("heavy load").requests[0].latency = None
    for k, one in enumerate(found["m"].part("many")):
        one.load.acked -= 50000 * k
    return found


class Laboratory(unittest.TestCase):
    def setUp(self):
        self.verdicts = targets.verdicts(laboratory())

    def test_all_say_why(self):
        """Whatever is missed tells by how much, and a reason."""
        missed = [v for v in self.verdicts if v.text() == "MISSED"]
        for begin in ("SD, moderate load: (e) against (a)", "RT requests answered, heavy", "CPU",
                      "residence rx, p99.99", "SD, control commands", "p99.9, 128 RT guests",
                      "the other guest's throughput"):
            self.assertTrue(any(v.what.startswith(begin) for v in missed), begin)
        for one in missed:
            self.assertTrue(one.why, one.what)
            self.assertIn(targets.beyond(one.figure, one.limit), one.reason())

    def test_reasons(self):
        found = {v.what: v.reason() for v in self.verdicts}

        def one(begin):
            return next(text for what, text in found.items() if what.startswith(begin))

        self.assertIn("1 of 4 had no reply", one("RT requests answered, heavy"))
        self.assertIn("RT lcore 5000.0, other lcore 25000.0, guests, interrupts and kernel 45000.0",
                      one("CPU, idle"))
        self.assertIn("7 of 100 (7.00%) did not go through", one("residence rx, p99.99"))
        self.assertIn("0 of 100 (0.00%) did not go through", one("residence tx, p99.99"))

    def test_instructions(self):
        """What is no time is not judged as one."""
        medians = [v for v in self.verdicts if ", p50," in v.what]
        self.assertTrue(medians)
        for one in medians:
            self.assertEqual(one.text(), "not judged")
            self.assertIn("counts instructions, not time", one.reason())

    def test_beyond(self):
        self.assertEqual(targets.beyond(3, 2), "1.50 times the limit")
        self.assertEqual(targets.beyond(2, 0), "2 where none may be")


class Simulated(unittest.TestCase):
    def kept(self, variant, *stops):
        """Latencies and tries of the run that is kept; those of the k-th are k."""
        class Bed(simulate.Bed):
            def once(self, cell, job):
                return run(cell, 1, [next(number)], stopped_ms=next(left))
        number, left, records = iter(range(9)), iter(stops), record.Records()
        records.add = records.runs.append
        Bed(None, records, plans.QUICK, 1, variant, 8).run("bulk", "tcp", 64)
        (kept,) = records.runs
        return kept.latencies[0], kept.others["tries"]

    def test_tries(self):
        self.assertEqual(self.kept("e", 0), (0, 1))
        self.assertEqual(self.kept("e", 50, .5), (1, 2))
        self.assertEqual(self.kept("e", 50, 20, 45), (1, 3))
        self.assertEqual(self.kept("f", 50), (0, 1))

    def test_residence(self):
        """Of one guest, or of the class; and the turns of its lcore."""
        told = (("guest", "r0", "rx", 500), ("class", "rt", "rx", 600), ("guest", "nrt", "rx", 7),
                ("lcore", "1", "turn", 800), ("lcore", "0", "turn", 7))
        rows = [{"kind": kind, "name": name, "what": what, **histogram(p50, 9000)}
                for kind, name, what, p50 in told]
        one, many = (simulate.residence(rows, guests, "1") for guests in (1, 8))
        self.assertEqual((one["rx p50"], many["rx p50"], one["turn p50"]), (.5, .6, .8))
        self.assertEqual((one["rx p99.99"], one["rx n"]), (9, 100))
        self.assertNotIn("tx p50", one)


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
