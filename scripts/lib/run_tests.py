# SPDX-License-Identifier: BSD-3-Clause
"""Builds everything with warnings as errors and runs every test. CI runs exactly this.

    scripts/test            all of it (under 30 minutes on 2 cores)
    scripts/test unit sim   only these steps (scripts/test --list names them)

Each step's whole output is in BUILD/test-logs/STEP.log. A test that is skipped is shown, and with
CI=true counts as failed: nothing may pass there by being left out.
"""
import argparse
import os
import re
import subprocess
import sys
import time
from pathlib import Path

from excerpt import excerpt

TOP = Path(__file__).resolve().parents[2]
OUT = Path(os.environ.get("OUTSOCK_TEST_BUILD", TOP / "build-test"))
LOGS = OUT / "test-logs"
CI = os.environ.get("CI") == "true"
FUZZ_SECONDS = int(os.environ.get("OUTSOCK_FUZZ_SECONDS", "60"))
PLAIN, SANITIZED, FUZZ = OUT / "plain", OUT / "sanitized", OUT / "fuzz"
SUITES = ["unit", "packet", "sim", "smoke", "hostile"]


class Result:
    """Counts of one step, and the names of what did not pass."""

    def __init__(self, passed=0, failed=0, skipped=0, names=()):
        self.passed, self.failed, self.skipped = passed, failed, skipped
        self.names = list(names)

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.names += other.names


def run(log, *cmd, env=None, timeout=1800):
    """Runs a command into the log; returns its status (124: over time) and its output."""
    log.write(f"$ {' '.join(map(str, cmd))}\n")
    log.flush()
    start = log.tell()
    try:
        status = subprocess.run([str(c) for c in cmd], stdout=log, stderr=subprocess.STDOUT,
                                stdin=subprocess.DEVNULL, cwd=TOP, timeout=timeout,
                                env={**os.environ, **(env or {})}).returncode
    except subprocess.TimeoutExpired:
        log.write(f"over its time of {timeout} s\n")
        status = 124
    log.flush()
    with open(log.name, errors="replace") as f:
        f.seek(start)
        return status, f.read()


def one(name, status):
    return Result(passed=1) if status == 0 else Result(failed=1, names=[name])


def configure(log, build, *options, env=None):
    if (build / "build.ninja").exists():
        return 0
    status, _ = run(log, "meson", "setup", build, TOP, "-Dwerror=true", *options, env=env)
    return status


def step_setup(log):
    return one("setup", run(log, TOP / "scripts/setup", "all")[0])


def build(log, directory, *options, env=None):
    status = configure(log, directory, *options, env=env)
    if status == 0:
        status, _ = run(log, "ninja", "-C", directory)
    return one(f"build {directory.name}", status)


def meson_tests(log, directory, suites):
    """Runs suites of a build directory and counts by meson's own summary."""
    args = [a for s in suites for a in ("--suite", s)]
    status, text = run(log, "meson", "test", "-C", directory, "--no-rebuild", "--print-errorlogs",
                       "-t", "4", *args)
    count = {k: int(v) for k, v in re.findall(r"^(\w[\w ]*?):\s+(\d+)\s*$", text, re.M)}
    failed = (count.get("Fail", 0) + count.get("Timeout", 0) + count.get("Unexpected Pass", 0))
    names = re.findall(r"^\s*\d+/\d+\s+(.+?)\s+(?:FAIL|TIMEOUT|ERROR)\b", text, re.M)
    if status != 0 and failed == 0:
        failed, names = 1, [f"meson test {directory.name}"]
    return Result(count.get("Ok", 0), failed, count.get("Skipped", 0), sorted(set(names)))


def step_build(log):
    return build(log, PLAIN)


def step_check(log):
    return one("check", run(log, TOP / "scripts/check")[0])


def step_sanitized(log):
    result = build(log, SANITIZED, "-Db_sanitize=address,undefined", "-Db_lundef=false")
    if not result.failed:
        result.add(meson_tests(log, SANITIZED, SUITES))
    return result


def step_fuzz(log):
    """Each target for a minute, two at a time."""
    result = build(log, FUZZ, "-Dfuzzers=true", "-Db_lundef=false", env={"CC": "clang"})
    if result.failed:
        return result
    status, text = run(log, TOP / "test/fuzz/run", FUZZ, FUZZ_SECONDS)
    result.add(tap(status, text, "fuzz"))
    return result


def step_module(log):
    """Against the headers of every Debian flavour."""
    status, _ = run(log, TOP / "scripts/build-module", "-v", "all",
                    env={"OUTSOCK_BUILD": str(PLAIN)})
    return one("module", status)


def tap(status, text, name):
    """Counts 'ok', 'not ok' and '# SKIP' lines of the Test Anything Protocol."""
    result = Result()
    for ok, rest in re.findall(r"^(ok|not ok)\b(.*)$", text, re.M):
        if "# SKIP" in rest:
            result.skipped += 1
            result.names.append(f"{name}:{rest.strip()}")
        elif ok == "ok":
            result.passed += 1
        else:
            result.failed += 1
            result.names.append(f"{name}:{rest.strip()}")
    if status != 0 and result.failed == 0:
        result.failed, result.names = 1, result.names + [f"{name} (exit status {status})"]
    if status == 0 and result.passed + result.skipped == 0:
        result.failed, result.names = 1, [f"{name} (ran no test)"]
    return result


def step_guest(log):
    """Real programs in QEMU guests, through the testbed."""
    status, text = run(log, TOP / "test/guest/run", env={"OUTSOCK_BUILD": str(PLAIN)}, timeout=2400)
    return tap(status, text, "guest")


def step_lab(log):
    """A minute of the laboratory's clock through outsockd on PREEMPT_RT."""
    status, _ = run(log, TOP / "scripts/rt-lab", "--soak", env={"OUTSOCK_BUILD": str(PLAIN)})
    return one("lab", status)


STEPS = {
    "setup": step_setup,
    "build": step_build,
    "check": step_check,
    **{s: (lambda log, s=s: meson_tests(log, PLAIN, [s])) for s in SUITES},
    "module": step_module,
    "guest": step_guest,
    "lab": step_lab,
    "sanitized": step_sanitized,
    "fuzz": step_fuzz,
}
NEED_ROOT = ("smoke", "hostile", "guest", "sanitized")


def main():
    parser = argparse.ArgumentParser(prog="test", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("steps", nargs="*", metavar="STEP", help="only these")
    parser.add_argument("--list", action="store_true", help="name the steps")
    args = parser.parse_args()
    if args.list:
        print("\n".join(STEPS))
        return 0
    unknown = [s for s in args.steps if s not in STEPS]
    if unknown:
        parser.error(f"no step {unknown[0]}; there are: {' '.join(STEPS)}")
    rootless = [s for s in args.steps or STEPS if s in NEED_ROOT]
    if rootless and os.geteuid() != 0:
        sys.exit(f"test: {', '.join(rootless)}: namespaces and hugepages need root: run it with "
                 "sudo, or name other steps")
    try:
        LOGS.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        sys.exit(f"test: {e}; OUTSOCK_TEST_BUILD names another folder to build in")
    total = Result()
    for name in args.steps or STEPS:
        print(f"{name:<10} ...", end="", flush=True)
        begin = time.monotonic()
        with open(LOGS / f"{name}.log", "w") as log:
            result = STEPS[name](log)
        if CI and result.skipped:
            result.failed, result.skipped = result.failed + result.skipped, 0
        total.add(result)
        print(f"\r{name:<10} {result.passed:>4} passed, {result.failed} failed, "
              f"{result.skipped} skipped  ({time.monotonic() - begin:.0f} s)", flush=True)
        for n in result.names:
            print(f"           - {n}")
        if result.failed:
            text = (LOGS / f"{name}.log").read_text(errors="replace")
            print("\n".join("           | " + line for line in excerpt(text)))
            print(f"           all of it: {LOGS / name}.log")
            if name in ("setup", "build"):
                break
    print(f"{total.passed} passed, {total.failed} failed, {total.skipped} skipped")
    return 1 if total.failed else 0


sys.exit(main())
