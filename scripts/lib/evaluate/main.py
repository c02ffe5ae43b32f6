# SPDX-License-Identifier: BSD-3-Clause
"""Reproduces the evaluation of Garcia, Shinjo and Pu (IEEE Access 2018) on this machine: outsock
with RT and non-RT kept apart, against the kernel's own path, DPDK without outsourcing, an exclusive
CPU, and outsock without the separation.

    scripts/evaluate                  everything, about 25 minutes
    scripts/evaluate --quick          one round, fewer cases, about 10
    scripts/evaluate --full           all loads, more rounds and time: more than an hour
    scripts/evaluate --no-lab         without the deterministic laboratory (scripts/rt-lab)
    scripts/evaluate --only wake,simulated   only these parts (--list names them)
    scripts/evaluate --variants e,b   only these variants of QEMU guests
    scripts/evaluate --out DIR        where report.md, CSV and plots go (default: evaluation)
    scripts/evaluate --report DIR     writes the report of an earlier run anew, from its records

A missed target is a result: exit status 0. What could not be measured is not: status 1, and the
report names it. Root, two CPUs, 1 GiB for hugepages (given back at the end). Outside the laboratory
latencies mean something on an otherwise idle machine only.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.lab import TOP, Lab, Unmeasured, before_others     # noqa: E402
from evaluate import lab as laboratory     # noqa: E402
from evaluate import host, machine, plan as plans, record, report     # noqa: E402
from testbed import proc     # noqa: E402
from testbed.report import Failure     # noqa: E402

PARTS = {
    "lab": "the deterministic laboratory: scripts/rt-lab",
    "guests": "QEMU guests, variants a to f",
    "simulated": "simulated guests, 1 to 128 of them: variants c, e and f",
    "wake": "an adaptive RT lcore: idle, and a guest's first kick",
}
BUILD = Path(os.environ.get("OUTSOCK_BUILD") or TOP / "build-bench")


def build():
    """An optimised build of its own, up to date, unless OUTSOCK_BUILD names another."""
    if "OUTSOCK_BUILD" not in os.environ:
        print("evaluate: building ...", file=sys.stderr, flush=True)
        if not (BUILD / "build.ninja").exists():
            subprocess.run(["meson", "setup", BUILD, TOP, "--buildtype=release"], check=True,
                           stdout=subprocess.DEVNULL)
        subprocess.run(["ninja", "-C", BUILD], check=True, stdout=subprocess.DEVNULL)
        os.environ["OUTSOCK_BUILD"] = str(BUILD)


def chosen(parser, text, known, what):
    names = text.split(",") if text else list(known)
    for name in names:
        if name not in known:
            parser.error(f"no {what} {name}; there are: {', '.join(known)}")
    return names


def arguments(argv):
    parser = argparse.ArgumentParser(prog="evaluate", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="one round, fewer cases")
    size.add_argument("--full", action="store_true", help="all loads, more rounds")
    parser.add_argument("--no-lab", action="store_true", help="without the laboratory")
    parser.add_argument("--only", default="", metavar="PART,...", help="only these parts")
    parser.add_argument("--variants", default="", metavar="LETTER,...", help="of QEMU guests")
    parser.add_argument("--out", default="evaluation", metavar="DIR", type=Path)
    parser.add_argument("--report", metavar="DIR", type=Path, help="from records that are there")
    parser.add_argument("--list", action="store_true", help="name parts, variants and loads")
    args = parser.parse_args(argv)
    args.parts = chosen(parser, args.only, PARTS, "part")
    args.letters = chosen(parser, args.variants, plans.VARIANTS, "variant")
    if args.no_lab:
        args.parts = [part for part in args.parts if part != "lab"]
    args.plan = plans.QUICK if args.quick else plans.FULL if args.full else plans.DEFAULT
    return args


def show_list():
    for title, known in (("parts", PARTS), ("variants", plans.VARIANTS), ("loads", plans.LOADS)):
        print(f"{title}:")
        for name, text in known.items():
            print(f"  {name:10} {text}")


def measure(args, records):
    """The parts that need root, a build and hugepages; the laboratory has nothing of them."""
    with Lab(BUILD, args.plan is plans.QUICK) as lab, \
            tempfile.TemporaryDirectory(prefix="outsock-evaluate-", dir="/var/tmp") as files, \
            host.Host(lab.cpu_daemon) as prepared:
        records.set_machine({**records.machine, "RT CPU": prepared.row()})
        os.chmod(files, 0o755)
        # The driver of the testbed looks at these when it is loaded.
        os.environ.update(OUTSOCK_TEST_FILES=files, OUTSOCK_TESTBED=f"evaluate{os.getpid()}")
        from evaluate import guests, simulated, wake
        with before_others(), host.off(lab.cpu_daemon):
            if "wake" in args.parts:
                wake.measure(lab, records, args.plan)
            if "simulated" in args.parts:
                simulated.measure(lab, records, args.plan)
        if "guests" in args.parts:
            guests.measure(lab, records, args.plan, args.letters)


def run(args):
    args.out.mkdir(parents=True, exist_ok=True)
    records = record.Writer(args.out / "records.jsonl")
    begin = time.monotonic()
    try:
        records.set_machine(machine.describe())
        if machine.busy():
            records.add_note("other work went on when this began: outside the laboratory latencies "
                             "and CPU say little")
        try:
            if "lab" in args.parts:
                laboratory.measure(records, args.plan, args.out)
            if args.parts != ["lab"]:
                measure(args, records)
        except (Unmeasured, Failure) as e:
            records.add_failed("the rest", str(e))
        records.add_note(f"measured in {(time.monotonic() - begin) / 60:.0f} minutes")
    finally:
        records.close()
        report.write(records, args.out)
    return finish(records, args.out)


def finish(records, out):
    print(report.summary(records))
    print(f"The report is {out}/report.md")
    return 1 if records.failed else 0


def main(argv):
    args = arguments(argv)
    if args.list:
        return show_list()
    if args.report:
        records = record.read(args.report / "records.jsonl")
        report.write(records, args.report)
        return finish(records, args.report)
    if os.geteuid() != 0:
        sys.exit("evaluate: namespaces and hugepages need root: run it with sudo")
    proc.interruptible()
    if subprocess.run([TOP / "scripts/setup", "build", "kernel", "testbed", "programs", "tests",
                       "lab"], stdout=subprocess.DEVNULL).returncode:
        return 1
    try:
        build()
        return run(args)
    except (subprocess.CalledProcessError, Failure) as e:
        sys.exit(f"evaluate: {e}")
    except KeyboardInterrupt:
        print("evaluate: interrupted; nothing is left", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
