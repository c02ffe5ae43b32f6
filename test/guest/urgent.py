# SPDX-License-Identifier: BSD-3-Clause
"""What a guest does for its urgent sockets: a queue pair of their own, polling, no interrupts."""

import re
import sys

from driver import expect, guest_address
from registry import STANDARD, registrar

TESTS = []
test = registrar(TESTS)
OPTIONS = ("--guests", "1", "--queues", "2", "--module-param", "rt_queue=1", "--slub-debug")
GUEST = guest_address(1)
REQUESTS = 50

ECHO = """
import socket, sys
kind, port, busy_us, priority = sys.argv[1], *map(int, sys.argv[2:])
s = socket.socket(type=socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM)
if busy_us:
    s.setsockopt(socket.SOL_SOCKET, 46, busy_us)    # SO_BUSY_POLL
s.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, priority)
s.bind(("0.0.0.0", port))
if kind == "tcp":
    s.listen()
print("ready", flush=True)
while kind == "udp":
    s.sendto(*s.recvfrom(64))
while True:
    c, _ = s.accept()
    while data := c.recv(64):
        c.sendall(data)
"""

ASK = """
import socket, sys
kind, host, port, n = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
s = socket.socket(type=socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM)
s.connect((host, port))
for i in range(n):
    s.sendall(b"%064d" % i)
    assert s.recv(64) == b"%064d" % i, i
print("answered", n)
"""


def echo(bed, kind, port, busy_us=0, priority=0, rt=False):
    """An echo server that runs on in the guest."""
    scheduled = ("chrt", "-f", "60") if rt else ()
    p = bed.guest_start(*scheduled, sys.executable, "-c", ECHO, kind, str(port), str(busy_us),
                        str(priority))
    p.wait_line(lambda line: line == "ready", "the echo server")
    return p


def ask(bed, kind, port):
    out = bed.client(sys.executable, "-c", ASK, kind, GUEST, str(port), str(REQUESTS)).stdout
    expect(out == f"answered {REQUESTS}\n", out)


def counter(bed, name):
    text = bed.guest("cat", "/proc/net/outsock_stat", native=True).stdout
    return int(re.search(rf"^{name} (\d+)$", text, re.M).group(1))


def parameter(bed, name, value):
    bed.guest("sh", "-c", f"echo {value} >/sys/module/outsock/parameters/{name}", native=True)


def polled(bed, **how):
    """The program that waits finds its data in the ring itself, TCP and UDP."""
    for kind, port in (("tcp", 7600), ("udp", 7601)):
        p = echo(bed, kind, port, **how)
        before = counter(bed, "busy_hits")
        ask(bed, kind, port)
        hits = counter(bed, "busy_hits") - before
        expect(hits > 0, f"{kind}: {hits} hits of {counter(bed, 'busy_polls')} polls")
        p.stop()


@test("busy-poll", STANDARD)
def busy_poll(bed):
    """SO_BUSY_POLL, where the kernel has it."""
    polled(bed, busy_us=300000)


@test("busy-read", OPTIONS)
def busy_read(bed):
    """The same for real-time threads, on a kernel without that option."""
    parameter(bed, "busy_read_us", 300000)
    polled(bed, rt=True)
    parameter(bed, "busy_read_us", 0)


@test("rt-queue", OPTIONS)
def rt_queue(bed):
    """Sockets of real-time threads, and urgent ones, have the last queue pair; no others do."""
    ports = {7610: {}, 7611: {"rt": True}, 7612: {"priority": 6}}
    servers = [echo(bed, "tcp", port, **how) for port, how in ports.items()]
    for port, how in ports.items():
        ask(bed, "tcp", port)
        (line,) = [line for line in bed.guest_sockets()
                   if f":{port} " in line and "LISTEN" in line]
        queue = re.search(r" queue=(\d+)", line).group(1)
        expect(queue == ("1" if how else "0"), f"{how}: {line}")
    for p in servers:
        p.stop()


@test("ring-poll", OPTIONS)
def ring_poll(bed):
    """A ring thread that goes on looking after each message needs no interrupt for the next."""
    p = echo(bed, "tcp", 7620, rt=True)
    counts = {}
    for us in (0, 500000):
        parameter(bed, "poll_us", us)
        before = counter(bed, "interrupts")
        ask(bed, "tcp", 7620)
        counts[us] = counter(bed, "interrupts") - before
    parameter(bed, "poll_us", 0)
    expect(counts[500000] < counts[0] / 2, f"interrupts for {REQUESTS} requests: {counts}")
    p.stop()
