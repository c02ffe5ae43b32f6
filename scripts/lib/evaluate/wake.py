# SPDX-License-Identifier: BSD-3-Clause
"""An adaptive RT lcore: what it takes while there is nothing to do, and how soon it answers a
guest's first kick, beside this machine's own eventfd in the same seconds."""

import time

from bench import idle, outsockd, veth
from bench.lab import Unmeasured
from rtlab.result import Spread
from testbed import net

PRIORITY = 50
CONFIG = """\
[dataplane]
memory = 64M
log-level = warning
log = stderr
control = {{dir}}/control.sock
state = {{dir}}/state
control-cpu = {load}

[lcore 0]
cpu = {daemon}
class = rt
priority = {priority}
poll = adaptive
packets = 4096

[port p0]
device = net_af_packet0,iface={interface}

[guest g0]
socket = {{dir}}/g0.sock
mode = server
class = rt
port = p0
address = 10.77.0.11/24
"""


def one_round(lab, records, plan, names):
    text = CONFIG.format(load=lab.cpu_load, daemon=lab.cpu_daemon, priority=PRIORITY,
                         interface=net.HOST_IF)
    with outsockd.configured(lab, text, names.namespace("host")) as daemon:
        with veth.guest(lab, daemon):
            time.sleep(idle.SILENCE)
            records.add_fact("idle_cpu", idle.percent(daemon))
        got = lab.lines([lab.program("kick_rtt"), str(daemon.socket), str(lab.cpu_load),
                         str(lab.cpu_daemon), str(PRIORITY), str(plan.kicks)], "kick_rtt")[0]
    eventfd, kick = Spread(got["eventfd_ns"]), Spread(got["kick_ns"])
    records.add_fact("eventfd_us", eventfd.at(.5) / 1000)
    records.add_fact("kick_us", kick.at(.5) / 1000)
    records.add_fact("kick_ratio", kick.at(.5) / eventfd.at(.5))


def measure(lab, records, plan):
    try:
        with veth.wire() as names:
            for number in range(1, plan.rounds + 2):
                lab.say(f"adaptive RT lcore: idle, and a first kick, round {number}")
                one_round(lab, records, plan, names)
    except (Unmeasured, OSError) as e:
        records.add_failed("adaptive RT lcore", str(e))
