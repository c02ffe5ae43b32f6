# SPDX-License-Identifier: BSD-3-Clause
"""Measures real-time latency in a laboratory whose clock counts instructions, for outsock and for
the kernel's own path, and writes CSV, a report and plots.

    scripts/rt-lab                  everything (about 20 minutes)
    scripts/rt-lab --quick          fewer requests (about 8 minutes)
    scripts/rt-lab --only e,b       only these variants (--list names them)
    scripts/rt-lab --twice          each variant two times: both must give the same
    scripts/rt-lab --soak           a minute of its clock through outsockd, to look for complaints
    scripts/rt-lab --out DIR        where the results go (default: rt-lab-results)

A missed target is a result: exit status 0. A variant that could not be measured, a complaint of the
kernel in it, or two runs that differ are not: status 1. Needs no root, no KVM, no quiet machine.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import gnuplot
from testbed import proc
from testbed.report import Failure

from . import report, result, variant, vm, wire

TOP = Path(__file__).resolve().parents[3]
BUILD = Path(os.environ.get("OUTSOCK_BUILD") or TOP / "build-bench")
LIMIT = 1800                # seconds for one variant, on a machine that does much else


def build():
    """An optimised build of its own, up to date, unless OUTSOCK_BUILD names another."""
    if "OUTSOCK_BUILD" in os.environ:
        return
    print("rt-lab: building ...", file=sys.stderr, flush=True)
    if not (BUILD / "build.ninja").exists():
        subprocess.run(["meson", "setup", BUILD, TOP, "--buildtype=release"], check=True,
                       stdout=subprocess.DEVNULL)
    subprocess.run(["ninja", "-C", BUILD], check=True, stdout=subprocess.DEVNULL)


def arguments(argv):
    parser = argparse.ArgumentParser(prog="rt-lab", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer requests")
    parser.add_argument("--only", default="", metavar="LETTER,...", help="only these variants")
    parser.add_argument("--twice", action="store_true", help="and compare")
    parser.add_argument("--soak", action="store_true", help="a test, no report")
    parser.add_argument("--out", default="rt-lab-results", metavar="DIR")
    parser.add_argument("--keep", action="store_true", help="keep the machines' logs and records")
    parser.add_argument("--list", action="store_true", help="name the variants")
    args = parser.parse_args(argv)
    if args.soak and args.only:
        parser.error("--soak is outsockd's alone")
    args.letters = args.only.split(",") if args.only else \
        ["e"] if args.soak else list(variant.VARIANTS)
    unknown = [x for x in args.letters if x not in variant.VARIANTS]
    if unknown:
        parser.error(f"no variant {unknown[0]}; there are: {', '.join(variant.VARIANTS)}")
    return args


class Lab:
    def __init__(self, args, folder):
        self.args, self.folder, self.began = args, folder, time.monotonic()
        self.scale = variant.SOAK if args.soak else \
            variant.QUICK if args.quick else variant.FULL

    def note(self, text):
        print(f"rt-lab: [{time.monotonic() - self.began:5.0f} s] {text}", file=sys.stderr,
              flush=True)

    def once(self, one, run):
        folder = os.path.join(self.folder, f"{one.letter}{run}")
        lines = vm.run(one, self.scale, str(BUILD), folder, self.note, LIMIT)
        guests = max(phase.guests for phase in one.plan(self.scale))
        record = wire.Wire(os.path.join(folder, "wire.pcap"),
                           [variant.rt_address(k).packed for k in range(guests)])
        return result.collect(one, self.scale, lines, record.requests)

    def measure(self, one):
        """One variant; with --twice the second run must be the first one again."""
        first = self.once(one, 1)
        if self.args.twice and [p.requests for p in self.once(one, 2).phases] != \
                [p.requests for p in first.phases]:
            raise Failure(f"variant {one.letter}: two runs differ",
                          f"compare {self.folder}/{one.letter}*/wire.pcap (keep them: --keep)")
        if self.args.twice:
            self.note(f"{one.letter}: the second run gave the same, to the microsecond")
        return first


def measure_all(lab, letters):
    results, failed = {}, []
    for letter in letters:
        one = variant.VARIANTS[letter]
        lab.note(f"{letter}: {one.title}")
        try:
            results[letter] = lab.measure(one)
        except Failure as failure:
            failure.show()
            failed.append(letter)
    return results, failed


def lost(results):
    """The variants in which a request had no reply."""
    return [letter for letter, one in results.items()
            if any(phase.answered < 1 for phase in one.phases)]


def run(args, folder):
    lab = Lab(args, folder)
    results, failed = measure_all(lab, args.letters)
    if args.soak:
        failed += lost(results)
    elif results:
        print(report.write(results, Path(args.out)))
        lab.note(f"CSV, report and plots are in {args.out}")
    for letter, one in results.items():
        for line in one.trouble:
            print(f"rt-lab: {letter}: the kernel complains: {line}", file=sys.stderr)
            failed.append(letter)
    if failed:
        print(f"rt-lab: failed: {', '.join(sorted(set(failed)))}", file=sys.stderr)
    return 1 if failed else 0


def main(argv):
    args = arguments(argv)
    if args.list:
        print("\n".join(f"{v.letter}  {v.title}" for v in variant.VARIANTS.values()))
        return 0
    proc.interruptible()
    try:
        if subprocess.run([TOP / "scripts/setup", "build", "testbed", "lab"],
                          stdout=subprocess.DEVNULL).returncode:
            return 1
        build()
        if args.keep:
            os.makedirs(args.out, exist_ok=True)
            return run(args, args.out)
        with tempfile.TemporaryDirectory(prefix="outsock-rt-lab.") as folder:
            return run(args, folder)
    except Failure as failure:
        failure.show()
        return 1
    except (subprocess.CalledProcessError, gnuplot.NoPlot) as error:
        print(f"rt-lab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("rt-lab: interrupted; nothing is left", file=sys.stderr)
        return 130
