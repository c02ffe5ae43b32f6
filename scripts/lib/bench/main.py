# SPDX-License-Identifier: BSD-3-Clause
"""Measures how fast outsock is, and prints it beside the targets, with spread.

    scripts/bench                     everything, about 6 minutes
    scripts/bench --quick             fewer repeats
    scripts/bench --only rtt,bulk     only these (--list names them)
    scripts/bench --json FILE         the same as JSON

A target that is missed is a result: exit status 0. A measurement that could not be made is not:
status 1. Root, two CPUs, 1 GiB of memory for hugepages (given back at the end). On a machine that
does other work at the same time the figures say little: look at the spread.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench import idle, memory, pair, scale, veth  # noqa: E402
from bench.lab import TOP, Lab, Unmeasured, before_others  # noqa: E402
from bench.result import table  # noqa: E402
from testbed.report import Failure  # noqa: E402

MEASURES = {
    "rtt": pair.measure_rtt,
    "requests": pair.measure_requests,
    "scale": scale.measure,
    "memory": memory.measure,
    "idle": idle.measure,
    "bulk": pair.measure_bulk,
    "veth": veth.measure,
}
BUILD = Path(os.environ.get("OUTSOCK_BUILD") or TOP / "build-bench")


def build():
    """An optimised build of its own, up to date, unless OUTSOCK_BUILD names another."""
    print("building ...", file=sys.stderr, flush=True)
    if not (BUILD / "build.ninja").exists():
        subprocess.run(["meson", "setup", BUILD, TOP, "--buildtype=release"], check=True,
                       stdout=subprocess.DEVNULL)
    subprocess.run(["ninja", "-C", BUILD], check=True, stdout=subprocess.DEVNULL)


def arguments():
    parser = argparse.ArgumentParser(prog="bench", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer repeats")
    parser.add_argument("--only", default="", metavar="NAME,...", help="only these measures")
    parser.add_argument("--json", metavar="FILE", help="also write all samples to FILE")
    parser.add_argument("--list", action="store_true", help="name the measures")
    args = parser.parse_args()
    names = args.only.split(",") if args.only else list(MEASURES)
    unknown = [n for n in names if n not in MEASURES]
    if unknown:
        parser.error(f"no measure {unknown[0]}; there are: {', '.join(MEASURES)}")
    return args, names


def measure(lab, names):
    rows, failed = [], []
    for name in names:
        try:
            rows += MEASURES[name](lab)
        except (Unmeasured, Failure, OSError, KeyError) as e:
            lab.say(f"{name}: could not be measured: {e}")
            failed.append(name)
    return rows, failed


def main():
    args, names = arguments()
    if args.list:
        print("\n".join(MEASURES))
        return 0
    if os.geteuid() != 0:
        sys.exit("bench: hugepages and namespaces need root: run it with sudo")
    if subprocess.run([TOP / "scripts/setup", "build", "check", "testbed"],
                      stdout=subprocess.DEVNULL).returncode:
        return 1
    if "OUTSOCK_BUILD" not in os.environ:
        build()
    try:
        with before_others(), Lab(BUILD, args.quick) as lab:
            rows, failed = measure(lab, names)
    except (Unmeasured, Failure) as e:
        sys.exit(f"bench: {e}")
    if rows:
        print(table(rows))
    if args.json:
        Path(args.json).write_text(json.dumps({"machine": platform.platform(), "failed": failed,
                                               "rows": [r.json() for r in rows]}, indent=1) + "\n")
    if failed:
        print(f"could not be measured: {', '.join(failed)}")
    return 1 if failed else 0


sys.exit(main())
