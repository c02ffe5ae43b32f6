# SPDX-License-Identifier: BSD-3-Clause
"""Bulk TCP over a veth pair without offloads: a Linux client, and at the other end outsockd
(af_packet) with a simulated guest, or Linux itself. Two CPUs in both cases."""

import contextlib
import os
import subprocess

from testbed import net, proc
from testbed.report import Failure

from . import outsockd
from .lab import Unmeasured, until
from .result import Row

HOST_ADDRESS = "10.77.0.2"


class Wire:
    """What testbed.net wants to know: the names of two namespaces of our own."""

    def namespace(self, side):
        return f"outsock-bench{os.getpid()}-{side}"


@contextlib.contextmanager
def wire():
    names = Wire()
    try:
        net.up(names)
        proc.run(["ip", "-n", names.namespace("host"), "addr", "replace", f"{HOST_ADDRESS}/24",
                  "dev", net.HOST_IF], "give the host its address")
        yield names
    except Failure as e:
        raise Unmeasured(f"{e}. {e.hint or ''}") from None
    finally:
        net.down(names)


def pinned(lab, names, side, cpu, *argv):
    return ["ip", "netns", "exec", names.namespace(side), "taskset", "-c", str(cpu), *argv]


def client(lab, names, direction, address):
    """Gbit/s of a Linux client on the load's CPU."""
    n = lab.repeats(5)
    lines = lab.lines(pinned(lab, names, "client", lab.cpu_load, lab.program("linux_bulk"),
                             direction, address, "1", str(n)), f"linux_bulk {direction}")
    return [one["bytes"] * 8e-9 / one["seconds"] for one in lines]


def said(path, word):
    with open(path, encoding="utf-8", errors="replace") as file:
        return word in file.read()


def over_linux(lab, names):
    argv = pinned(lab, names, "host", lab.cpu_daemon, lab.program("linux_bulk"), "serve")
    with lab.process(argv, "linux_bulk") as child:
        until(lambda: said(lab.dir / "linux_bulk.log", "ready"), 10, "linux_bulk", child)
        return {d: client(lab, names, d, HOST_ADDRESS) for d in ("send", "recv")}


def daemon(lab, names, **more):
    return outsockd.running(lab, f"net_af_packet0,iface={net.HOST_IF},qdisc_bypass=1",
                            netns=names.namespace("host"), **more)


@contextlib.contextmanager
def guest(lab, of):
    """A simulated one at the daemon @of."""
    argv = [lab.program("traffic"), *lab.eal(lab.cpu_load, 64), "--", "--mode=guest",
            f"--guest={of.socket}", f"--server={outsockd.ADDRESS}"]
    with lab.process(argv, "traffic", stdin=subprocess.PIPE) as child:
        until(lambda: said(lab.dir / "traffic.log", "ready"), 30, "simulated guest", child)
        yield


def over_outsock(lab, names):
    with daemon(lab, names) as ours, guest(lab, ours):
        return {d: client(lab, names, d, outsockd.ADDRESS) for d in ("send", "recv")}


def measure(lab):
    with wire() as names:
        lab.say("bulk TCP over veth without offloads, Linux at both ends")
        linux = over_linux(lab, names)
        lab.say("bulk TCP over veth without offloads, outsockd (af_packet) at one end")
        ours = over_outsock(lab, names)
    rows = []
    for direction, what in (("send", "to the guest"), ("recv", "from the guest")):
        rows += [Row(f"bulk TCP over veth, Linux, {what.replace('guest', 'host')}", "Gbit/s",
                     linux[direction]),
                 Row(f"bulk TCP over veth, outsockd on af_packet, {what}", "Gbit/s",
                     ours[direction])]
    return rows
