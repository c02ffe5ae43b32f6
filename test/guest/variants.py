# SPDX-License-Identifier: BSD-3-Clause
"""The same way on other testbeds: queue pairs, the daemon as server, another kernel, two guests."""

import sys

from driver import TOOL, expect, guest_address
from faults import all_exact, all_reset, serve, traffic, works
from registry import TWO, registrar

TESTS = []
test = registrar(TESTS)
FOUR = ("--guests", "1", "--queues", "4", "--cpus", "2", "--slub-debug")
SERVER = ("--guests", "1", "--server", "--slub-debug")
STANDARD = ("--guests", "1", "--kernel", "amd64", "--class", "rt", "--slub-debug")


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


@test("two-guests", TWO)
def two_guests(bed):
    """Two guests, one RT and one not, reach each other inside the daemon, without the NIC."""
    bed.guest_start(sys.executable, TOOL, "serve", "7300", n=2)
    bed.wait_port(7300, guest_address(2))
    out = bed.guest(sys.executable, TOOL, "verify", guest_address(2), "7300", "-c", "3",
                    "-b", "1000000", n=1).stdout
    expect(out.count("exact 1000000") == 3, out)
