# SPDX-License-Identifier: BSD-3-Clause
"""The stack alone: instructions, time and memory as connections grow (test/perf/conn_scale)."""

import re
import statistics

from .lab import Unmeasured
from .result import Row

FEW, MANY = 100, 100_000
EAL_SMALL = ["--no-huge", "--no-shconf", "--no-pci", "--no-telemetry", "--log-level=4"]


def conn_scale(lab, conns, active, packets, repeat, eal, prefix=(), timeout=120):
    argv = [*prefix, lab.program("conn_scale"), *eal, "--", f"--conns={conns}",
            f"--active={active}", f"--packets={packets}", f"--repeat={repeat}"]
    return lab.lines(argv, f"conn_scale, {active} active of {conns}", timeout)[0]


def instructions(lab, conns, active):
    """Per packet (a request has two, in and out), by callgrind, of the server's turns alone."""
    packets = max(active, 3200) // 32 * 32
    out = lab.dir / "callgrind.out"
    prefix = ["valgrind", "--tool=callgrind", "--collect-atstart=no", "--dump-instr=no",
              "--toggle-collect=measured_turn", f"--callgrind-out-file={out}"]
    eal = [*EAL_SMALL, "-m", "256", "--lcores", f"0@{lab.cpu_load}"]
    try:
        conn_scale(lab, conns, active, packets, 1, eal, prefix, timeout=240)
    except FileNotFoundError:
        raise Unmeasured("valgrind is not here: scripts/setup check") from None
    total = re.search(r"^(?:summary|totals): (\d+)", out.read_text(), re.M)
    if not total or total.group(1) == "0":
        raise Unmeasured("callgrind counted nothing")
    return int(total.group(1)) / packets / 2


def measure_instructions(lab):
    lab.say(f"instructions per packet with {FEW} connections (callgrind)")
    few = instructions(lab, FEW, FEW)
    lab.say(f"instructions per packet with {MANY} connections, {FEW} active (callgrind)")
    sparse = instructions(lab, MANY, FEW)
    rows = [Row(f"instructions/packet, {FEW} connections", "", [few]),
            Row(f"instructions/packet, {FEW} active of {MANY}", "times those", [sparse / few],
                1.05)]
    if not lab.quick:
        lab.say(f"instructions per packet with {MANY} connections, all active (callgrind)")
        full = instructions(lab, MANY, MANY)
        rows.append(Row(f"instructions/packet, all of {MANY} active", "times those",
                        [full / few], 1.05))
    return rows


def measure_time(lab):
    """Three set-ups one after the other, several times: each ratio is of one such round."""
    few, sparse, full = [], [], []
    eal = lab.eal(lab.cpu_load, 192)
    for k in range(lab.repeats(7)):
        lab.say(f"time per request as connections grow, round {k + 1}")
        base, part, everyone = (
            statistics.median(conn_scale(lab, n, active, packets, 5, eal)["ns_per_request"])
            for n, active, packets in ((FEW, FEW, 64000), (MANY, FEW, 64000), (MANY, MANY, MANY)))
        few.append(base)
        sparse.append(part / base)
        full.append(everyone / base)
    return [Row(f"stack time/request, {FEW} connections", "ns", few),
            Row(f"stack time, {FEW} active of {MANY}", "times that", sparse, 1.2),
            Row(f"stack time, all of {MANY} active, random order", "times that", full, 2.5)]


def measure(lab):
    return measure_instructions(lab) + measure_time(lab)
