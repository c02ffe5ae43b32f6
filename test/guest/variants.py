# SPDX-License-Identifier: BSD-3-Clause
"""The same way on other testbeds: queue pairs, the daemon as server, another kernel, two guests."""

import json
import os
import re
import sys
from pathlib import Path

from driver import CLIENT, TOOL, TOP, expect, guest_address, shared, until
from faults import all_exact, all_reset, flowing, serve, traffic, works
from registry import STANDARD, TWO, registrar
from testbed import kernel

TESTS = []
test = registrar(TESTS)
FOUR = ("--guests", "1", "--queues", "4", "--cpus", "4", "--slub-debug")
SERVER = ("--guests", "1", "--server", "--slub-debug")
FEW = ("--guests", "1", "--slub-debug", "--config",
       os.path.join(os.path.dirname(os.path.abspath(__file__)), "few-packets.conf"))
NARROW = ("--guests", "1", "--slub-debug", "--config",
          os.path.join(os.path.dirname(os.path.abspath(__file__)), "few-sockets.conf"))


@test("four-queues", FOUR)
def four_queues(bed):
    """Four queue pairs: a listener of each CPU, hence on each pair, under traffic, bytes exact."""
    ports = [str(7100 + k) for k in range(4)]
    for k, port in enumerate(ports):
        bed.guest_start("taskset", "-c", str(k), sys.executable, TOOL, "serve", port)
        bed.wait_port(port)
    queues = {re.search(r" queue=(\d+)", line).group(1) for line in bed.guest_sockets()}
    expect(queues == {"0", "1", "2", "3"}, f"the listeners' queues: {queues}")
    clients = [bed.client_start(sys.executable, TOOL, "verify", guest_address(1), port, "-c", "2")
               for port in ports]
    for p in clients:
        flowing(p)
    for p in clients:
        all_exact(p, 2)
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


@test("steering")
def steering(bed):
    """A device that steers packets to lcores: its driver needs Debian's kernel, so outsockd runs in
    the guest this time, beside the guest's own sockets."""
    build = Path(os.environ.get("OUTSOCK_BUILD", TOP / "build")) / "dataplane"
    out = bed.guest(sys.executable, "-B", shared(Path(__file__).parent / "steered.py"),
                    shared(build / "outsockd"), shared(build / "outsockctl"),
                    kernel.find("rt").modules, native=True).stdout
    expect(out.count("ok - ") == 6, out)


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
    p = bed.client_start(sys.executable, TOOL, "beside", guest_address(1), "7100", "-b", "3000000")
    p.wait_line(lambda line: line == "filling", "the one who does not read")
    until(lambda: json.loads(bed.ctl("guest", "show", "g1", "--json").stdout)["tx_refused"] > 0,
          "the host has no room for the guest's bytes")
    p.stop()
    exact = [line for line in p.lines if line.startswith("exact ")]
    expect(len(exact) == 2 and exact[0] == "exact 3000000", p.text())
    counters = bed.guest("cat", "/proc/net/outsock_stat").stdout
    rewinds = re.search(r"^rx_rewinds (\d+)$", counters, re.M)
    expect(rewinds and int(rewinds.group(1)) > 0, counters)
    works(bed)


MANY = """
import errno, socket, sys
def attempt(call, *args):
    try:
        call(*args)
        return "ok"
    except OSError as e:
        return errno.errorcode[e.errno]

listener = socket.create_server(("0.0.0.0", 7100))
print("listening", flush=True)
accepted = [listener.accept()[0] for _ in range(7)]
late = socket.socket()
print("bind", attempt(late.bind, ("0.0.0.0", 7101)), flush=True)
late.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 100000)
other = socket.socket()
print("connect", attempt(other.connect, (sys.argv[1], 1)), flush=True)
dgram = socket.socket(type=socket.SOCK_DGRAM)
print("sendto", attempt(dgram.sendto, b"x", (sys.argv[1], 1)), flush=True)
accepted[0].sendall(b"still there")
for _ in range(2):      # one place for the listener, one for whom it accepts
    accepted.pop().close()
while attempt(late.bind, ("0.0.0.0", 7101)) != "ok":
    pass
late.listen()
print("listening again", flush=True)
late.accept()[0].sendall(b"late")
for s in (*accepted, listener, late, other, dgram):
    s.close()
several = {}
while len(several) < 4:
    s = socket.socket()
    if attempt(s.bind, ("0.0.0.0", 7110 + len(several))) == "ok":
        s.listen()
        several[7110 + len(several)] = s
ids = {}
for line in open("/proc/net/outsock"):
    fields = line.split()
    if "LISTEN" in fields:
        ids[fields[3].split(":")[1]] = fields[0]
highest = max(ids, key=ids.get)
for port in several:
    if str(port) != highest:
        several[port].close()
print("keeps", highest, ids[highest], flush=True)
several[int(highest)].accept()[0].sendall(b"fewer")
"""

CALLERS = """
import socket, sys
held = [socket.create_connection((sys.argv[1], 7100)) for _ in range(7)]
print(held[0].recv(100).decode(), flush=True)
for s in held:
    s.recv(100)
"""

GREETING = """
import socket, sys
print(socket.create_connection((sys.argv[1], 7101)).recv(100).decode())
"""


def sessions(bed):
    counters = bed.guest("cat", "/proc/net/outsock_stat", native=True).stdout
    return int(re.search(r"^sessions (\d+)$", counters, re.M).group(1))


@test("few-sockets", NARROW)
def few_sockets(bed):
    """A guest at its quota of sockets: ENFILE, and the session goes on; when there is room again
    the same socket works. A daemon that comes back with a smaller quota has its listener, too."""
    p = bed.guest_start(sys.executable, "-c", MANY, CLIENT)
    p.wait_line(lambda line: line == "listening", "the listener")
    before = sessions(bed)
    callers = bed.client_start(sys.executable, "-c", CALLERS, guest_address(1))
    p.wait_line(lambda line: line == "listening again", "the end of the program's attempts")
    expect(p.lines[1:4] == ["bind ENFILE", "connect ENFILE", "sendto ENFILE"], p.text())
    out = bed.client(sys.executable, "-c", GREETING, guest_address(1)).stdout
    expect(out == "late\n" and sessions(bed) == before, f"{out}{sessions(bed)} sessions")
    at = p.wait_line(lambda line: line.startswith("keeps "), "the program's last listener")
    port, number = p.lines[at].split()[1:]
    expect(int(number, 16) >= 2, f"{p.lines[at]}: the new quota allows that, too")
    callers.wait()
    expect(callers.lines[0] == "still there", callers.text())
    bed.command("kill-daemon", "-9")
    config = Path("/run/outsock-testbed") / bed.env["OUTSOCK_TESTBED"] / "outsockd.conf"
    config.write_text(config.read_text().replace("quota-sockets = 8", "quota-sockets = 2"))
    bed.command("start-daemon")
    bed.wait_port(port)
    expect(p.wait() == 0, p.text())


@test("two-guests", TWO)
def two_guests(bed):
    """Two guests, one RT and one not, reach each other inside the daemon, without the NIC."""
    bed.guest_start(sys.executable, TOOL, "serve", "7300", n=2)
    bed.wait_port(7300, guest_address(2))
    out = bed.guest(sys.executable, TOOL, "verify", guest_address(2), "7300", "-c", "3",
                    "-b", "1000000", n=1).stdout
    expect(out.count("exact 1000000") == 3, out)
