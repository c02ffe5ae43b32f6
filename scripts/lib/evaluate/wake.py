# SPDX-License-Identifier: BSD-3-Clause
"""An adaptive RT lcore: what it takes while there is nothing to do, and how soon it answers a
guest's first kick, beside this machine's own eventfd in the same seconds: a thread of the same
priority on the same CPU, which waits by the same call."""

import time

from bench import idle, outsockd, veth
from bench.lab import Unmeasured
from rtlab.result import Spread
from testbed import net

from . import host

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


def sleeps(daemon):
    return outsockd.find(daemon.ctl("lcore", "list"), "sleeps")["sleeps"]


def one_round(lab, records, plan, names):
    text = CONFIG.format(load=lab.cpu_load, daemon=lab.cpu_daemon, priority=PRIORITY,
                         interface=net.HOST_IF)
    with outsockd.configured(lab, text, names.namespace("host")) as daemon:
        host.watch(daemon.child.pid, host.DAEMON_S)
        with veth.guest(lab, daemon):
            time.sleep(idle.SILENCE)
            before = sleeps(daemon)
            records.add_fact("idle_cpu", idle.percent(daemon))
            records.add_fact("idle_sleeps", (sleeps(daemon) - before) / idle.SECONDS)
        before = sleeps(daemon)
        got = lab.lines(host.watched(lab.program("kick_rtt"), daemon.socket, lab.cpu_load,
                                     lab.cpu_daemon, PRIORITY, plan.kicks), "kick_rtt")[0]
        records.add_fact("kick_sleeps", (sleeps(daemon) - before) / plan.kicks)
    records.add_fact("kicked", got["kicked"] / plan.kicks)
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
