# SPDX-License-Identifier: BSD-3-Clause
"""Other networking keeps bottom halves of a vCPU disabled (PREEMPT_RT): who waits, who does not.

virtio's interrupt thread runs with bottom halves disabled, so it waits for such work, and with it
the ring thread and the program. Who looks at the ring himself does not. The tests show the order of
events, on one vCPU that has the interrupt, the real-time program and the thread of bhbusy.ko that
disables them (of lower priority than the rest):

1. The program has bottom halves disabled, and says "held".
2. The client hears that, and only then sends its request.
3. Who polls answers; the program ends the other's work only afterwards. Where nobody polls the
   work is ended from the other vCPU, once the host has put the request into the guest's ring.

The program tells when its recv() had the request, and since when, until when, and by whom bottom
halves were disabled, all by the guest's clock.
"""

import contextlib
import json
import signal
import sys
from typing import NamedTuple

from build import kernel_module
from driver import expect, guest_address, until
from registry import registrar
from urgent import OPTIONS

TESTS = []
test = registrar(TESTS)
GUEST = guest_address(1)
ROUNDS = 3
FOR_LONG = 1000 * 1000000       # us: who polls in vain does so until the test gives up

SIZE = 64                       # of each message: the host counts their bytes

PROGRAM = """
import ctypes, os, re, socket, sys, time
ctypes.CDLL(None).mlockall(3)       # while all is held no page can be read from anywhere
kind, port, ring_thread = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])

def parameter(module, name):
    return os.open(f"/sys/module/{module}/parameters/{name}", os.O_RDWR)

def counters():
    text = os.pread(stat, 65536, 0).decode()
    return [int(re.search(rf"^{name} (\\d+)$", text, re.M)[1])
            for name in ("interrupts", "busy_hits")]

stat = os.open("/proc/net/outsock_stat", os.O_RDONLY)
busy = parameter("bhbusy", "busy")
poll = {name: parameter("outsock", name) for name in ("busy_read_us", "poll_us")}
s = socket.socket(type=socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM)
s.bind(("0.0.0.0", port))
if kind == "tcp":
    s.listen()
print("ready", flush=True)
if kind == "tcp":
    s = s.accept()[0]
while True:
    message, peer = s.recvfrom(100)
    now = time.monotonic_ns()
    word, *words = message.decode().split()
    if word == "poll":
        name, value, vcpu = words
        os.sched_setaffinity(ring_thread, {int(vcpu)})
        os.pwrite(poll[name], value.encode(), 0)
        answer = "polling"
    elif word == "hold":
        os.pwrite(busy, b"1", 0)
        before = counters()
        answer = "held"
    elif word == "request":
        after = counters()
        os.pwrite(busy, b"0", 0)
        os.pwrite(poll[name], b"0", 0)
        began, ended, why = os.pread(busy, 100, 0).decode().split()
        answer = f"{began} {now} {ended} {why} {before[0]} {after[0]} {after[1] - before[1]}"
    else:
        break
    s.sendto(answer.encode(), peer) if kind == "udp" else s.sendall(answer.encode())
"""

CLIENT = """
import socket, sys
kind, host, port, size, *cases = sys.argv[1:]
s = socket.socket(type=socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM)
s.connect((host, int(port)))

def ask(text):
    s.sendall(text.encode().ljust(int(size)))
    return s.recv(200).decode()

for case in cases:
    assert ask("poll " + case) == "polling"
    print(ask("hold"), flush=True)
    print(ask("request"), flush=True)
s.sendall(b"bye")
"""

# On the vCPU that goes on: it has been started before all is held, and ends that at a signal.
END = """
import os, re, signal
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP, signal.SIGTERM])
busy = os.open("/sys/module/bhbusy/parameters/busy", os.O_RDWR)
stat = os.open("/proc/net/outsock_stat", os.O_RDONLY)
print("ready", flush=True)
while signal.sigwait([signal.SIGHUP, signal.SIGTERM]) == signal.SIGHUP:
    text = os.pread(stat, 65536, 0).decode()
    os.pwrite(busy, b"0", 0)
    print(re.search(r"^interrupts (\\d+)$", text, re.M)[1], flush=True)
"""


class Case(NamedTuple):
    """Who polls (a parameter of the module and its value, 0: nobody), and on which vCPU the ring
    thread is. One that polls needs another vCPU than the program."""
    parameter: str
    value: int
    vcpu: int
    busy_hits: int = 0


CASES = (Case("busy_read_us", 0, 0), Case("busy_read_us", FOR_LONG, 0, busy_hits=1),
         Case("poll_us", 0, 1), Case("poll_us", -1, 1))


class Seen(NamedTuple):
    """What the program tells of a request: times in ns, counters when it had been sent for and
    when it was there."""
    began: int
    received: int
    ended: int
    why: str
    interrupts_before: int
    interrupts: int
    busy_hits: int

    @classmethod
    def of(cls, line):
        return cls(*(int(w) if w.isdigit() else w for w in line.split()))


def shell(bed, script):
    return bed.guest("sh", "-c", script, native=True).stdout


PLACE = """set -e
nic=$(basename /sys/bus/virtio/drivers/outsock/virtio*)
for irq in /proc/irq/[0-9]*; do echo 2 >$irq/smp_affinity || true; done 2>/dev/null
for irq in $(sed -n "s/^ *\\([0-9]*\\):.*[ ,]$nic\\b.*/\\1/p" /proc/interrupts); do
    echo 1 >/proc/irq/$irq/smp_affinity; cat /proc/irq/$irq/smp_affinity
done
taskset -apc 1 1 >/dev/null
echo 1 >/sys/module/rcupdate/parameters/rcu_cpu_stall_suppress
sysctl -qw kernel.sched_rt_runtime_us=-1
"""

UNPLACE = """set -e
rmmod bhbusy
sysctl -qw kernel.sched_rt_runtime_us=950000
echo 0 >/sys/module/rcupdate/parameters/rcu_cpu_stall_suppress
taskset -apc 0-1 1 >/dev/null
for irq in /proc/irq/[0-9]*; do echo 3 >$irq/smp_affinity || true; done 2>/dev/null
for thread in $(pgrep outsock/); do taskset -pc 0-1 $thread; done >/dev/null
"""


@contextlib.contextmanager
def placed(bed):
    """The NIC's interrupt and the bottom halves to be disabled are vCPU 0's; all other interrupts,
    the testbed's own programs and those they start are vCPU 1's. After a failure the testbed is
    not used again."""
    bed.guest("insmod", kernel_module("bhbusy", shell(bed, "uname -r").strip()), "cpu=0",
              native=True)
    masks = shell(bed, PLACE).split()
    expect(masks and all(int(mask, 16) == 1 for mask in masks), f"the NIC's masks: {masks}")
    yield
    shell(bed, UNPLACE)


def rx_bytes(bed):
    """How many bytes the host has put into the guest's rings."""
    return json.loads(bed.ctl("guest", "show", "g1", "--json").stdout)["rx_bytes"]


class Exchange:
    """The program, the client, and who ends it where nobody polls."""

    def __init__(self, bed, kind, port, cases):
        self.bed = bed
        ring_thread = shell(bed, "pgrep -x outsock/1").strip()
        self.server = bed.guest_start("taskset", "-c", "0", "chrt", "-f", "60", sys.executable,
                                      "-c", PROGRAM, kind, str(port), ring_thread)
        self.end = bed.guest_start(sys.executable, "-c", END, native=True)
        for p in (self.server, self.end):
            p.wait_line(lambda line: line == "ready", "the program")
        self.bytes = rx_bytes(bed)
        words = [f"{case.parameter} {case.value} {case.vcpu}" for case in cases]
        self.client = bed.client_start(sys.executable, "-c", CLIENT, kind, GUEST, str(port),
                                       str(SIZE), *words)
        self.client_seen = self.end_seen = 0

    def held(self):
        self.bytes += 3 * SIZE
        self.client_seen = 1 + self.client.wait_line(lambda line: line == "held", "held",
                                                     self.client_seen)

    def end_it(self):
        """Once the request is in the ring. How many interrupts there had been by then?"""
        until(lambda: rx_bytes(self.bed) >= self.bytes, "the request is in the ring")
        self.end.process.send_signal(signal.SIGHUP)
        at = self.end.wait_line(str.isdigit, "who ends it", self.end_seen)
        self.end_seen = at + 1
        return int(self.end.lines[at])

    def seen(self):
        at = self.client.wait_line(lambda line: line != "held", "the answer", self.client_seen)
        self.client_seen = at + 1
        expect(len(self.client.lines[at].split()) == 7, self.client.text())
        return Seen.of(self.client.lines[at])

    def finish(self):
        for p in (self.client, self.server):
            expect(p.wait() == 0, p.text())
        expect(self.end.stop() == 0, self.end.text())


def waits(exchange):
    """The host has put the request into the ring; nobody was woken before the end."""
    interrupts = exchange.end_it()
    seen = exchange.seen()
    expect(seen.began < seen.ended < seen.received and seen.why == "told", f"it came early: {seen}")
    expect(interrupts == seen.interrupts_before < seen.interrupts and seen.busy_hits == 0,
           f"{interrupts} interrupts before the end: {seen}")


def does_not_wait(exchange, busy_hits):
    seen = exchange.seen()
    expect(seen.began < seen.received < seen.ended and seen.why == "told", f"it came late: {seen}")
    expect(seen.interrupts == seen.interrupts_before and seen.busy_hits == busy_hits,
           f"somebody else found it: {seen}")


@test("bh-busy", OPTIONS)
def bh_busy(bed):
    """Bottom halves are disabled: without polling a program waits, with either way it does not."""
    with placed(bed):
        for kind, port in (("tcp", 7630), ("udp", 7631)):
            exchange = Exchange(bed, kind, port, CASES * ROUNDS)
            for case in CASES * ROUNDS:
                exchange.held()
                if case.value:
                    does_not_wait(exchange, case.busy_hits)
                else:
                    waits(exchange)
            exchange.finish()
