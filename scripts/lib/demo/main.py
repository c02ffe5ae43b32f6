# SPDX-License-Identifier: BSD-3-Clause
"""Shows outsock at work: redis, nginx and iperf3 in a QEMU guest serve a client, through outsockd.

    scripts/demo [--seconds S]

Installs what is missing, builds, brings up a testbed in namespaces of its own, measures, prints a
table, and removes everything again but the build directory (OUTSOCK_BUILD, else build/) and the
guests' kernel (/var/cache/outsock). Root; under 5 minutes. Exit status 0 only if all of it worked.
"""
import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
TOP = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(TOP / "scripts" / "lib"))

from demo.show import Failed, brief, lines_of, quarters, say, step, table     # noqa: E402
from testbed import guest, paths     # noqa: E402

BUILD = Path(os.environ.setdefault("OUTSOCK_BUILD", str(TOP / "build")))
TESTBED = TOP / "scripts" / "testbed"
LATENCY = TOP / "scripts" / "lib" / "demo" / "latency.py"
NGINX = TOP / "scripts" / "lib" / "nginx.conf"
OPTIONS = ["--guests", "1", "--class", "rt"]
REDIS = ["redis-server", "--save", "", "--protected-mode", "no", "--dir", "/tmp", "--bind"]
NOTES = """
Latency: from a client's send() until the whole reply is read, by the clock of the client (a
Python program in the client namespace), half a second of warming up left out; each connection has
one request in flight. bytes/s: of replies as the client reads them; iperf3: as its receiver counts.
CPU: user and system time of outsockd and of the guest's QEMU, in percent of one CPU.
"no VM": the same client and server without guest and outsockd, over the client namespace's
loopback: what client and server themselves take on this machine."""
EMULATED = """The guest is emulated (this CPU offers no virtualisation): most of each figure is
QEMU's translation of the guest's code, not outsock. Latencies mean something only with KVM."""


class Cpu:
    """CPU time of daemon and guest over a measurement, in percent of one CPU."""

    def __init__(self, bed):
        self.pids = bed.pids()
        self.begin, self.ticks = time.monotonic(), self._read()

    def _read(self):
        ticks = {}
        for name, pid in self.pids.items():
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            ticks[name] = int(fields[11]) + int(fields[12])
        return ticks

    def stop(self):
        seconds = time.monotonic() - self.begin
        now, hertz = self._read(), os.sysconf("SC_CLK_TCK")
        return {n: 100 * (now[n] - self.ticks[n]) / hertz / seconds for n in now}


def requests(bed, kind, host, port, connections, seconds):
    out = bed.client(sys.executable, LATENCY, kind, host, port, "-c", connections,
                     "-t", seconds).stdout
    return json.loads(out)


def bulk(bed, seconds, *options):
    out = bed.client("iperf3", "-J", "-t", seconds, "-c", bed.address, *options).stdout
    result = json.loads(out)
    if "error" in result:
        raise Failed(f"iperf3: {result['error']}")
    return {"bytes": result["end"]["sum_received"]["bits_per_second"] / 8}


class Show:
    """The measurements on a testbed that is up."""

    def __init__(self, bed, seconds):
        self.bed, self.seconds, self.rows = bed, seconds, []

    def serve(self, port, *argv):
        """Starts a server in the guest; its listener must be outsockd's, or all would be a lie."""
        program = self.bed.guest_start(*argv)
        self._answers(program, port, self.bed.address)
        sockets = self.bed.guest_sockets()
        if not any(re.search(rf":{port}\b.*LISTEN|LISTEN.*:{port}\b", line) for line in sockets):
            raise Failed(f"{argv[0]} listens, but not on an outsourced socket:\n"
                         + "\n".join(sockets))

    def _answers(self, program, port, host):
        from driver import Wrong
        try:
            self.bed.wait_port(port, host)
        except Wrong as e:
            raise Failed(f"{program.argv[-1]} does not answer on port {port}; it said:\n"
                         f"{program.text()}\n{e}") from None

    def add(self, name, function, *args):
        say(f"  {name} ...", end="")
        cpu = Cpu(self.bed)
        row = function(self.bed, *args)
        self.rows.append((name, {**row, **cpu.stop()}))
        say(f" {brief(row)}")

    def run(self):
        from driver import shared
        bed, seconds = self.bed, self.seconds
        native = bed.client_start(*REDIS, "127.0.0.1")
        self._answers(native, 6379, "127.0.0.1")
        self.add("no VM: redis, 1 connection", requests, "redis", "127.0.0.1", 6379, 1, seconds)
        self.add("no VM: redis, 50 connections", requests, "redis", "127.0.0.1", 6379, 50, seconds)
        native.stop()
        self.serve(6379, *REDIS, "0.0.0.0")
        self.add("redis, 1 connection", requests, "redis", bed.address, 6379, 1, seconds)
        self.add("redis, 50 connections", requests, "redis", bed.address, 6379, 50, seconds)
        self.serve(80, "nginx", "-e", "stderr", "-c", shared(NGINX))
        self.add("nginx, 1 connection", requests, "http", bed.address, 80, 1, seconds)
        self.add("nginx, 50 connections", requests, "http", bed.address, 80, 50, seconds)
        self.serve(5201, "iperf3", "-s")
        self.add("iperf3, to the guest", bulk, seconds)
        self.add("iperf3, from the guest", bulk, seconds, "-R")
        trouble = bed.command("dmesg", "--check", check=False).stdout
        if trouble:
            raise Failed(f"the guest's kernel complains:\n{trouble}")
        return self.rows


def remove_leftovers():
    """Testbeds of demos that were killed and could not clean up."""
    for folder in Path(paths.RUN).glob("demo*"):
        pid = folder.name.removeprefix("demo")
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            step(f"removing what demo {pid} left", [TESTBED, "down"],
                 env={**os.environ, "OUTSOCK_TESTBED": folder.name})


def prepare():
    say("Preparing")
    step("packages", [TOP / "scripts" / "setup", "build", "kernel", "testbed", "programs"],
         lines_of("setup: installing"))
    remove_leftovers()
    if not (BUILD / "build.ninja").exists():
        step("configure", ["meson", "setup", BUILD, TOP])
    step("build", ["ninja", "-C", BUILD], quarters())


def show(seconds):
    """The testbed comes up, is measured, and goes, whatever happens between."""
    from driver import Bed
    bed = Bed(OPTIONS)
    try:
        step("testbed", [TESTBED, "up", *OPTIONS], lines_of("testbed: "), bed.env)
        say("Measuring")
        return Show(bed, seconds).run()
    except Exception:
        logs = bed.command("logs", check=False).stdout.splitlines()[-40:]
        say("\n".join(["", *(f"    | {line}" for line in logs)]))
        raise
    finally:
        # What is half removed is worse than a second of patience.
        for signum in ENDS:
            signal.signal(signum, signal.SIG_IGN)
        say("Cleaning up")
        bed.down()
        bed.stop_programs()


ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def interrupted(signum, _frame):
    raise SystemExit(128 + signum)


def main():
    parser = argparse.ArgumentParser(prog="demo", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=5, help="of each measurement (default 5)")
    args = parser.parse_args()
    if args.seconds < 1:
        parser.error("--seconds: at least 1")
    if os.geteuid() != 0:
        sys.exit("demo: namespaces and hugepages need root: run it with sudo")
    for signum in ENDS:
        signal.signal(signum, interrupted)
    begin = time.monotonic()
    os.environ["OUTSOCK_TESTBED"] = f"demo{os.getpid()}"
    files = os.environ["OUTSOCK_TEST_FILES"] = tempfile.mkdtemp(prefix="outsock-demo-",
                                                                dir="/var/tmp")
    try:
        os.chmod(files, 0o755)
        prepare()
        rows = show(args.seconds)
    finally:
        shutil.rmtree(files, ignore_errors=True)
    say()
    table(rows)
    say(NOTES)
    if not guest.kvm_works():
        say(EMULATED)
    say(f"All of it took {time.monotonic() - begin:.0f} s.")


def report():
    """A failure in words; the program's own mistakes keep their traceback."""
    try:
        main()
    except (Failed, OSError, subprocess.SubprocessError) as e:
        sys.exit(f"demo: failed: {e}")
    except Exception as e:
        if type(e).__name__ != "Wrong":     # of the driver, which is loaded late
            raise
        sys.exit(f"demo: failed: {e}")


report()
