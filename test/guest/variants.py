# SPDX-License-Identifier: BSD-3-Clause
"""The same way on other testbeds: queue pairs, the daemon as server, another kernel, two guests."""

import os
import re
import sys

from driver import TOOL, expect, guest_address
from faults import all_exact, all_reset, serve, traffic, works
from registry import STANDARD, TWO, registrar

TESTS = []
test = registrar(TESTS)
FOUR = ("--guests", "1", "--queues", "4", "--cpus", "2", "--slub-debug")
SERVER = ("--guests", "1", "--server", "--slub-debug")
FEW = ("--guests", "1", "--slub-debug", "--config",
       os.path.join(os.path.dirname(os.path.abspath(__file__)), "few-packets.conf"))


@test("four-queues", FOUR)
def four_queues(bed):
    """Four queue pairs: connections on all of them, bytes exact."""
    serve(bed)
    p = traffic(bed, 8)
    all_exact(p, 8)
    works(bed)


@test("server-mode", SERVER)
def server_mode(bed):
    """outsockd listens on the vhost-user socket; QEMU reconnects to a restarted daemon."""
    serve(bed)
    p = traffic(bed)
    bed.command("kill-daemon", "-9")
    bed.command("start-daemon")
    all_reset(p)
    bed.wait_port(7100)
    works(bed)


@test("standard-kernel", STANDARD)
def standard_kernel(bed):
    """Debian's ordinary kernel as the guest, of class rt."""
    serve(bed)
    p = traffic(bed)
    all_exact(p)


@test("few-packets", FEW)
def few_packets(bed):
    """A peer that does not read, and a quota that it fills: the connection beside it is exact,
    and in the end so is its own. What had no room the host has asked the module for again."""
    serve(bed)
    out = bed.client(sys.executable, TOOL, "beside", guest_address(1), "7100", "-b",
                     "3000000").stdout
    expect("exact 3000000" in out and out.count("exact ") == 2, out)
    counters = bed.guest("cat", "/proc/net/outsock_stat").stdout
    rewinds = re.search(r"^rx_rewinds (\d+)$", counters, re.M)
    expect(rewinds and int(rewinds.group(1)) > 0, counters)
    works(bed)


@test("two-guests", TWO)
def two_guests(bed):
    """Two guests, one RT and one not, reach each other inside the daemon, without the NIC."""
    bed.guest_start(sys.executable, TOOL, "serve", "7300", n=2)
    bed.wait_port(7300, guest_address(2))
    out = bed.guest(sys.executable, TOOL, "verify", guest_address(2), "7300", "-c", "3",
                    "-b", "1000000", n=1).stdout
    expect(out.count("exact 1000000") == 3, out)
