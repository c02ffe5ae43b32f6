# SPDX-License-Identifier: BSD-3-Clause
"""What a daemon takes that has nothing to do: an adaptive lcore with a guest and connections."""

import time

from testbed import net

from . import outsockd, pair, veth
from .lab import Unmeasured
from .result import Row

SECONDS = 2
CONNS = 100
SILENCE = 1     # seconds, after which a lcore naps as long as it ever will


def cpu_clock(pid):
    """The clock of all CPU time of a process (clock_getcpuclockid(3)), with nanoseconds."""
    return ~pid << 3 | 2


def percent(daemon):
    """Of one CPU, all threads of the daemon together."""
    clock = cpu_clock(daemon.child.pid)
    cpu, wall = time.clock_gettime(clock), time.monotonic()
    time.sleep(SECONDS)
    return 100 * (time.clock_gettime(clock) - cpu) / (time.monotonic() - wall)


def samples(lab, daemon):
    time.sleep(SILENCE)
    return [percent(daemon) for _ in range(lab.repeats(5))]


def on_memif(lab):
    with pair.daemon_on_memif(lab, poll="adaptive") as daemon:
        with pair.traffic(lab, daemon, "idle", CONNS, 1, 1) as t:
            if t.next()["open"] != CONNS:
                raise Unmeasured("not all connections were established")
            return samples(lab, daemon)


def on_af_packet(lab):
    with veth.wire() as names, veth.daemon(lab, names, poll="adaptive") as daemon:
        with veth.guest(lab, daemon):
            return samples(lab, daemon)


def measure(lab):
    lab.say("CPU of an idle daemon, on memif and on af_packet")
    return [Row("idle daemon, memif (wakes nobody)", "% of a CPU", on_memif(lab), 2),
            Row("idle daemon, af_packet", "% of a CPU", on_af_packet(lab), 2)]
