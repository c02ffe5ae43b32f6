# SPDX-License-Identifier: BSD-3-Clause
"""What is compared, and how much of it: quick, default, full."""

from dataclasses import dataclass, field

VARIANTS = {
    "a": "kernel path: tap and bridge, vanilla kernels",
    "b": "kernel path, PREEMPT_RT guest, prioritised",
    "c": "DPDK without outsourcing: testpmd, guest's own TCP/IP",
    "d": "kernel path, PREEMPT_RT guest, exclusive CPU",
    "e": "outsock",
    "f": "outsock, separation off: one class, one lcore",
}

LOADS = {
    "none": "nothing else",
    "bulk": "4 TCP streams, as fast as they go",
    "flood": "20,000 datagrams of 256 bytes a second",
    "churn": "500 connections a second, each reset as soon as it is open",
    "web": "wrk with 16 connections against nginx",
}

# Of those variants that are QEMU guests: protocol, bytes, requests a second.
SMALL = (("tcp", 64, 500), ("udp", 64, 500))
LARGE = (("tcp", 1024, 500), ("udp", 1024, 500))
LADDER = tuple(("udp", 64, rate) for rate in (100, 1000, 2000, 5000, 10000))

BARE_MS = 100           # of each second: the bare polling loop
CLIENT_PRIORITY = 60    # the lcore's is 50, the RT guest's vCPU's 40
SCALE_RATE = 2000       # requests a second, of all simulated guests together
STOPPED_MS = 1          # of each second: a thousandth, so that p99.9 is of these stops
TRIES = 3               # of a run in which the RT lcore was stopped so long


@dataclass(frozen=True)
class Plan:
    rounds: int
    seconds: int            # of each run
    loads: tuple
    requests: dict          # load -> requests
    ladder: tuple           # idle, in the first round, a second each
    scale: tuple            # numbers of simulated RT guests
    together: tuple         # the same for (f)
    kicks: int              # samples of the first kick, each round
    lab: tuple = field(default=())


QUICK = Plan(1, 2, ("none", "bulk"), {"none": SMALL, "bulk": SMALL}, (LADDER[1],),
             (1, 8, 32, 128), (1,), 50, ("--quick", "--only", "b,e"))
DEFAULT = Plan(2, 3, ("none", "bulk", "flood"), {"none": SMALL, "bulk": SMALL + LARGE[:1],
                                                 "flood": SMALL}, LADDER,
               (1, 8, 32, 128), (1, 32), 100, ("--quick",))
FULL = Plan(3, 6, tuple(LOADS), {load: SMALL + LARGE for load in LOADS}, LADDER,
            (1, 8, 32, 128), (1, 8, 32, 128), 300)
