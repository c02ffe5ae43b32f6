# SPDX-License-Identifier: BSD-3-Clause
"""What is compared, and how much traffic there is."""

from dataclasses import dataclass

from testbed.guest import TROUBLE


@dataclass(frozen=True)
class Variant:
    letter: str         # as in the evaluation's list
    title: str
    kernel: str         # of testbed.kernel.FLAVOURS
    kind: str           # inside/KIND.sh
    config: str = ""    # outsockd's


@dataclass(frozen=True)
class Traffic:
    """How many requests the RT client sends in each phase, one every `period` us."""
    warm_up: int
    idle: int
    loaded: int
    period: int = 500


PHASES = {1: "idle", 2: "moderate load", 3: "heavy load"}   # 0 warms up
RT_ADDRESS = "10.77.0.11"

# For lab_load: period in us; streams and bytes for each; datagrams and their bytes; connections.
# The moderate load leaves the kernel path idle time; the heavy one does not.
MODERATE = (1000, 4, 4344, 12, 256, 1)
HEAVY = (1000, 8, 10136, 40, 256, 2)

# What leaves the clients is kept on the wire until the next full interval, us: all of it then
# arrives at once, at times that no state of the processor has chosen.
CLIENT_INTERVAL = 500
LOAD_INTERVAL = 1093

FULL = Traffic(200, 2000, 5000)
QUICK = Traffic(50, 200, 600)
SOAK = Traffic(50, 24000, 600, 2500)        # a minute of the virtual clock

HEAD = """\
[dataplane]
memory = 160M
log-level = info
log = stderr
control = /run/control.sock
state = /run/state
"""

LCORE = """
[lcore 0]
cpu = 0
class = non-rt
poll = adaptive
idle = 0us
packets = 16384
connections = 8192
"""

RT_LCORE = """
[lcore 1]
cpu = 0
class = rt
priority = 70
poll = adaptive
idle = 0us
packets = 8192
"""

GUESTS = """
[port nic]
device = 0000:00:04.0

[guest rt]
socket = /run/rt.sock
mode = server
class = {rt_class}
port = nic
address = 10.77.0.11/24
priority = {priority}

[guest nrt]
socket = /run/nrt.sock
mode = server
port = nic
address = 10.77.0.12/24
"""

SEPARATED = HEAD + LCORE + RT_LCORE + GUESTS.format(rt_class="rt", priority=7)
TOGETHER = HEAD + LCORE + GUESTS.format(rt_class="non-rt", priority=0)

VARIANTS = {v.letter: v for v in (
    Variant("a", "kernel path, vanilla kernel", "amd64", "kernel"),
    Variant("b", "kernel path, PREEMPT_RT, prioritised interrupts", "rt", "kernel"),
    Variant("e", "outsock", "rt", "ours", SEPARATED),
    Variant("f", "outsock, separation off", "rt", "ours", TOGETHER),
)}


def _quoted(words):
    return '"' + " ".join(map(str, words)) + '"'


def parameters(variant, traffic):
    """/lab/parameters, for inside/run.sh."""
    words = {
        "KIND": variant.kind,
        "PREEMPT_RT": "yes" if variant.kernel == "rt" else "no",
        "WARM_UP": traffic.warm_up,
        "IDLE": traffic.idle,
        "LOADED": traffic.loaded,
        "PERIOD": traffic.period,
        "LOAD_MODERATE": _quoted(MODERATE),
        "LOAD_HEAVY": _quoted(HEAVY),
        "TROUBLE": "'" + TROUBLE.pattern.replace(r"\b", "") + "'",
    }
    return "".join(f"{key}={value}\n" for key, value in words.items()).encode()
