# SPDX-License-Identifier: BSD-3-Clause
"""Shows outsock at work: redis, nginx and iperf3 in a QEMU guest serve a client, through outsockd.

    scripts/demo [--seconds S]

Installs what is missing, builds, brings up a testbed in namespaces of its own, measures, prints a
table, and removes everything again. Root; under 5 minutes.
"""
import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
TOP = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(TOP / "scripts" / "lib"))
BUILD = Path(os.environ.setdefault("OUTSOCK_BUILD", str(TOP / "build")))
os.environ.setdefault("OUTSOCK_TESTBED", f"demo{os.getpid()}")
LATENCY = TOP / "scripts" / "lib" / "demo" / "latency.py"
NGINX = """
daemon off; worker_processes 1; pid /tmp/nginx.pid; error_log stderr;
events { worker_connections 1024; }
http {
  access_log off; keepalive_requests 10000000;
  client_body_temp_path /tmp/b; proxy_temp_path /tmp/p; fastcgi_temp_path /tmp/f;
  uwsgi_temp_path /tmp/u; scgi_temp_path /tmp/s;
  server { listen 80; location = /small { return 200 "outsock\\n"; } }
}
"""


def step(text, *argv):
    """A step with its time; a failure shows the end of its output."""
    print(f"  {text} ...", end="", flush=True)
    begin = time.monotonic()
    r = subprocess.run([str(a) for a in argv], capture_output=True, text=True,
                       stdin=subprocess.DEVNULL)
    print(f" {time.monotonic() - begin:.0f} s", flush=True)
    if r.returncode:
        sys.exit(f"demo: {argv[0]} failed; the end of what it said:\n"
                 f"{(r.stdout + r.stderr)[-3000:]}")


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
        hertz = os.sysconf("SC_CLK_TCK")
        now = self._read()
        return {n: 100 * (now[n] - self.ticks[n]) / hertz / seconds for n in now}


def requests(bed, name, kind, port, connections, seconds):
    cpu = Cpu(bed)
    out = bed.client(sys.executable, LATENCY, kind, bed.address, port, "-c", connections,
                     "-t", seconds).stdout
    r = json.loads(out)
    return [name, r["rate"], r["mean"], r["sd"], r["p50"], r["p99"], r["p99.9"], r["max"], None,
            cpu.stop()]


def bulk(bed, name, seconds, *options):
    cpu = Cpu(bed)
    end = json.loads(bed.client("iperf3", "-J", "-t", seconds, "-c", bed.address, *options).stdout)
    rate = end["end"]["sum_received"]["bits_per_second"] / 8
    return [name, None, None, None, None, None, None, None, rate, cpu.stop()]


def number(value, digits=0):
    return "-" if value is None else f"{value:,.{digits}f}"


def table(rows):
    head = ["workload", "requests/s", "mean us", "SD", "p50", "p99", "p99.9", "max", "MB/s",
            "CPU daemon", "CPU guest"]
    lines = [[r[0], *(number(v) for v in r[1:8]), number(r[8] / 1e6 if r[8] else None, 1),
              f"{r[9]['daemon']:.0f} %", f"{r[9]['guest']:.0f} %"] for r in rows]
    widths = [max(len(line[i]) for line in [head, *lines]) for i in range(len(head))]
    for line in [head, *lines]:
        print("  ".join(c.ljust(w) if i == 0 else c.rjust(w)
                        for i, (c, w) in enumerate(zip(line, widths))))


def measure(bed, seconds):
    rows = []

    def add(text, function, *args):
        print(f"  {text} ...", flush=True)
        rows.append(function(bed, text, *args))

    bed.guest_start("redis-server", "--bind", "0.0.0.0", "--save", "", "--protected-mode", "no",
                    "--dir", "/tmp")
    bed.wait_port(6379)
    add("redis, 1 connection", requests, "redis", 6379, 1, seconds)
    add("redis, 50 connections", requests, "redis", 6379, 50, seconds)
    conf = bed.scratch / "nginx.conf"
    conf.write_text(NGINX)
    bed.guest_start("nginx", "-e", "stderr", "-c", conf)
    bed.wait_port(80)
    add("nginx, 1 connection", requests, "http", 80, 1, seconds)
    add("nginx, 50 connections", requests, "http", 80, 50, seconds)
    bed.guest_start("iperf3", "-s")
    bed.wait_port(5201)
    add("iperf3, to the guest", bulk, seconds)
    add("iperf3, from the guest", bulk, seconds, "-R")
    return rows


def main():
    parser = argparse.ArgumentParser(description="Shows outsock at work.")
    parser.add_argument("--seconds", type=int, default=5, help="of each measurement (default 5)")
    args = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("demo: namespaces and hugepages need root: run it with sudo")
    print("Preparing")
    step("packages", TOP / "scripts" / "setup", "build", "kernel", "testbed", "programs")
    if not (BUILD / "build.ninja").exists():
        step("configure", "meson", "setup", BUILD, TOP)
    step("build", "ninja", "-C", BUILD)
    from driver import Bed, Wrong
    bed = Bed(["--guests", "1", "--class", "rt"])
    try:
        print("  testbed: namespaces, outsockd, one guest ...", flush=True)
        bed.up()
        print("Measuring")
        rows = measure(bed, args.seconds)
        sockets = bed.guest_sockets()
        bed.stop_programs()
    except Wrong as e:
        sys.exit(f"demo: {e}\nThe logs: {bed.command('logs', check=False).stdout[-4000:]}")
    finally:
        bed.stop_programs()
        bed.down()
    print()
    table(rows)
    print(f"\n{len(sockets)} sockets of the guest's programs were outsourced at the end. "
          "Latency in microseconds,\nas a Python client in the client namespace sees it; "
          "CPU in percent of one.")
    if not Path("/dev/kvm").exists() or not any(f in Path("/proc/cpuinfo").read_text().split()
                                                 for f in ("vmx", "svm")):
        print("The guest is emulated (no hardware virtualisation here): its share of each "
              "figure is large.")


main()
