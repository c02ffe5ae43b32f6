# SPDX-License-Identifier: BSD-3-Clause
"""Host memory of an idle connection, all told: two daemons, one made for few connections and one
for many, each with as many established as it is made for; packet buffers the same in both."""

from . import pair
from .lab import Unmeasured
from .result import Row

FEW, MANY = 1000, 101_000


def held(lab, conns):
    """Bytes of the daemon with all connections established and idle."""
    with pair.daemon_on_memif(lab, conns=conns + 64) as daemon:
        with pair.traffic(lab, daemon, "idle", conns, 1, 1, packets=32768) as t:
            if t.next(120)["open"] != conns:
                raise Unmeasured("not all connections were established")
            return daemon.memory_bytes()


def measure(lab):
    lab.say(f"memory of the daemon with {FEW} and with {MANY} connections")
    per = [(held(lab, MANY) - held(lab, FEW)) / (MANY - FEW) for _ in range(lab.repeats(2, 1))]
    return [Row("host memory per idle connection", "bytes", per, 1024)]
