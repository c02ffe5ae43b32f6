# SPDX-License-Identifier: BSD-3-Clause
"""What is compared, and how much traffic there is: variants, each a boot, and their phases."""

import ipaddress
from dataclasses import dataclass

from testbed.guest import TROUBLE


@dataclass(frozen=True)
class Phase:
    """Requests to RT guests, one every `period` us, to each guest in turn."""
    part: str               # of the report
    name: str               # no other phase of its variant has it
    requests: int
    period: int = 500
    size: int = 64          # bytes of a request and of its reply
    guests: int = 1
    load: str = "none"      # of LOADS
    beside: str = "none"    # what else goes on: inside/ours.sh, beside_*

    @property
    def rate(self):
        return 1000000 // self.period


@dataclass(frozen=True)
class Variant:
    letter: str             # as in the evaluation's list
    title: str
    kernel: str             # of testbed.kernel.FLAVOURS
    kind: str               # inside/KIND.sh
    plan: object            # phases of a Scale; the first one warms up
    config: str = ""        # outsockd's


@dataclass(frozen=True)
class Scale:
    """How many requests, and what else is measured."""
    warm_up: int
    idle: int
    loaded: int
    sweep: int = 0          # of each rate; 0: none
    sweep_ms: int = 0       # but so long at most
    beside: int = 0         # beside each disturbance; for each number of guests
    silent: int = 0         # periods of SILENCE where there are to be no requests
    idle_period: int = 500


CLIENT, LOADER, NEIGHBOUR = "10.77.0.1", "10.77.0.2", "10.77.0.10"
RT_FIRST = ipaddress.IPv4Address("10.77.0.11")      # of the first RT guest; the others follow


def rt_address(k):
    return RT_FIRST + k


SYNS = 50                   # of a flood in each ms

# For lab_load: period in us; streams and bytes for each; datagrams and their bytes; connections;
# SYNs, to which address and port. The moderate load leaves the kernel path idle time; the heavy one
# does not.
MODERATE = (1000, 4, 4344, 12, 256, 1)
LOADS = {
    "moderate": MODERATE,
    "heavy": (1000, 8, 10136, 40, 256, 2),
    "flood-other": (*MODERATE, SYNS, NEIGHBOUR, 19),
    "flood-rt": (*MODERATE, SYNS, RT_FIRST, 4444),
}

# What leaves the clients is kept on the wire until the next full interval, us: all of it then
# arrives at once, at times that no state of the processor has chosen.
CLIENT_INTERVAL = 100
LOAD_INTERVAL = 1093

FULL = Scale(200, 1000, 3000, sweep=500, sweep_ms=2000, beside=1500, silent=8)
QUICK = Scale(50, 200, 600, sweep=200, sweep_ms=400, beside=600, silent=3)
SOAK = Scale(50, 24000, 600, idle_period=2500)      # a minute of the virtual clock

RATES = (100, 1000, 10000)
SIZES = (64, 1024)
GUESTS = (1, 8, 32, 128)
SILENCE = 100000            # us from one request to the next where there is to be no RT traffic

# ---- phases ----


def _warm_up(scale):
    return [Phase("warm-up", "warm-up", scale.warm_up)]


def _loads(scale):
    return [Phase("loads", "idle", scale.idle, scale.idle_period),
            Phase("loads", "moderate load", scale.loaded, load="moderate"),
            Phase("loads", "heavy load", scale.loaded, load="heavy")]


def _sweep(scale):
    if not scale.sweep:
        return []
    return [Phase("sweep", f"{rate}/s, {size} bytes",
                  min(scale.sweep, rate * scale.sweep_ms // 1000), 1000000 // rate, size,
                  load="moderate")
            for size in SIZES for rate in RATES]


def _compared(scale):
    return _warm_up(scale) + _loads(scale) + _sweep(scale)


# Each beside the first one; the last one shows how much two phases differ by themselves.
DISTURBANCES = (
    ("undisturbed", "moderate", "none"),
    ("control commands", "moderate", "control"),
    ("non-RT guests come and go", "moderate", "churn_nrt"),
    ("RT guests come and go", "moderate", "churn_rt"),
    ("SYN flood to the other guest", "flood-other", "none"),
    ("SYN flood to the RT guest's closed port", "flood-rt", "none"),
    ("hostile guest", "moderate", "hostile"),
    ("undisturbed again", "moderate", "none"),
)


def _disturbed(scale):
    return _warm_up(scale) + [Phase("disturbed", name, scale.beside, load=load, beside=beside)
                              for name, load, beside in DISTURBANCES]


def _met(n):
    """Guests that were never asked before meet their first request, of either protocol."""
    return Phase("warm-up", f"warm-up, {n}", 4 * n, guests=n)


def _many(scale):
    """Without RT traffic, with 1 to 128 guests, and without it again."""
    silent = [Phase("many", name, scale.silent, SILENCE, guests=n, load="heavy")
              for name, n in (("no RT traffic", 1), (f"no RT traffic, {GUESTS[-1]}", GUESTS[-1]))]
    measured = [(_met(n), Phase("many", f"{n} RT guests", scale.beside, guests=n, load="heavy"))
                for n in GUESTS]
    return (_warm_up(scale) + silent[:1] + [phase for pair in measured for phase in pair] +
            silent[1:])


# ---- outsockd's configuration ----

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
packets = 16384
"""

PORT = """
[port nic]
device = 0000:00:04.0
"""

# Strangers are behind it.
GATEWAY = f"""\
gateway = {LOADER}
"""

OTHER = f"""
[guest nrt]
socket = /run/nrt.sock
mode = server
port = nic
address = {NEIGHBOUR}/24
"""

HOSTILE = """
[guest hostile]
socket = /run/hostile.sock
mode = server
port = nic
address = 10.77.0.9/24
"""

RT_GUEST = """
[guest rt{k}]
socket = /run/rt{k}.sock
mode = server
class = {rt_class}
port = nic
address = {address}/24
priority = {priority}
"""


def _rt_guests(count, rt_class="rt", priority=7):
    return "".join(RT_GUEST.format(k=k, address=rt_address(k), rt_class=rt_class, priority=priority)
                   for k in range(count))


SEPARATED = HEAD + LCORE + RT_LCORE + PORT + OTHER + _rt_guests(1)
TOGETHER = HEAD + LCORE + PORT + OTHER + _rt_guests(1, "non-rt", 0)
DISTURBED = HEAD + LCORE + RT_LCORE + PORT + GATEWAY + OTHER + HOSTILE + _rt_guests(1)
MANY = HEAD + LCORE + RT_LCORE + PORT + OTHER + _rt_guests(GUESTS[-1])

VARIANTS = {v.letter: v for v in (
    Variant("a", "kernel path, vanilla kernel", "amd64", "kernel", _compared),
    Variant("b", "kernel path, PREEMPT_RT, prioritised interrupts", "rt", "kernel", _compared),
    Variant("e", "outsock", "rt", "ours", _compared, SEPARATED),
    Variant("f", "outsock, separation off", "rt", "ours", _compared, TOGETHER),
    Variant("d", "outsock, disturbed", "rt", "ours", _disturbed, DISTURBED),
    Variant("m", "outsock, many RT guests", "rt", "ours", _many, MANY),
)}

# ---- for inside/ ----


def _lines(words):
    return "".join(" ".join(map(str, line)) + "\n" for line in words).encode()


def files(variant, scale):
    """{name: bytes} of /lab: parameters for inside/run.sh, phases, loads, outsockd.conf."""
    parameters = {
        "KIND": variant.kind,
        "PREEMPT_RT": "yes" if variant.kernel == "rt" else "no",
        "CLIENT": CLIENT,
        "LOADER": LOADER,
        "NEIGHBOUR": NEIGHBOUR,
        "RT_FIRST": RT_FIRST,
        "TROUBLE": "'" + TROUBLE.pattern.replace(r"\b", "") + "'",
    }
    out = {
        "parameters": "".join(f"{k}={v}\n" for k, v in parameters.items()).encode(),
        "phases": _lines((k, p.requests, p.period, p.size, p.guests, p.load, p.beside)
                         for k, p in enumerate(variant.plan(scale))),
        "loads": _lines((name, *words) for name, words in LOADS.items()),
    }
    if variant.config:
        out["outsockd.conf"] = variant.config.encode()
    return out
