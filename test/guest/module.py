# SPDX-License-Identifier: BSD-3-Clause
"""What the guest's module promises to programs, and that it leaves nothing behind."""

import os
import shutil
import sys
from pathlib import Path

from build import FILES, compiled
from driver import CLIENT, TOOL, TOP, expect, guest_address, until
from programs import redis
from registry import registrar

TESTS = []
test = registrar(TESTS)
GUEST = guest_address(1)
HERE = Path(__file__).resolve().parent


@test("local")
def local_clients(bed):
    """A wildcard listener also serves local clients, on 127.0.0.1 and on the guest's address."""
    redis(bed)
    out = bed.guest("redis-cli", "-h", "127.0.0.1", "ping").stdout
    expect(out == "PONG\n", f"redis-cli to 127.0.0.1: {out}")
    out = bed.guest("redis-cli", "-h", GUEST, "ping").stdout
    expect(out == "PONG\n", f"redis-cli to the guest's own address: {out}")


KNOWN = {line.split()[0] for line in (HERE / "sockapi" / "known").read_text().splitlines()
         if line and not line.startswith("#")}


def name_of(line):
    """Of "not ok - name: ..."."""
    return line.removeprefix("not ok - ").split(":")[0]


@test("sockapi")
def socket_api(bed):
    """The socket calls one by one, with Linux' own behaviour as the specification."""
    program = compiled("sockapi")
    bed.client_start(sys.executable, TOOL, "serve", "7200")
    bed.client_start(sys.executable, HERE / "peer.py", "7201")
    for port in ("7200", "7201"):
        bed.client(sys.executable, TOOL, "wait", CLIENT, port)
    out = bed.guest(program, CLIENT, "7200", GUEST, check=False, timeout=900)
    lines = out.stdout.splitlines()
    known = [line for line in lines if line.startswith("not ok - ") and name_of(line) in KNOWN]
    print("".join(f"# known: {line}\n" for line in known), end="", flush=True)
    bad = [line for line in lines if not line.startswith("ok - ") and line not in known]
    bad.sort(key=lambda line: not line.startswith("not ok - "))     # what failed comes first
    passed = sum(line.startswith("ok - ") for line in lines)
    expect(out.returncode in (0, 1) and passed > 200 and not bad,
           "\n".join([*bad, f"{passed} passed, status {out.returncode}", out.stderr[-1500:]]))


LISTEN = """
import signal, socket, sys
s = socket.socket()
s.bind(("0.0.0.0", int(sys.argv[1])))
s.listen()
print("listening", flush=True)
signal.pause()
"""


BY_NUMBER = """
import errno, socket
for family in (socket.AF_INET, socket.AF_INET6):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        try:
            socket.socket(family, kind, 253)
            print("a socket")
        except OSError as e:
            print(errno.errorcode[e.errno])
"""


def listens(bed, port, native=False):
    """A program of its own listens on @port; is its socket the module's? It runs on."""
    p = bed.guest_start(sys.executable, "-c", LISTEN, str(port), native=native)
    p.wait_line(lambda line: line == "listening", "the listener")
    outsourced = any(f":{port} " in line for line in bed.guest_sockets())
    return p, outsourced


def sysctl(bed, name, value):
    bed.guest("sh", "-c", f"echo {value} > /proc/sys/net/outsock/{name}", native=True)


@test("policy")
def policy(bed):
    """Policy off, all, and one cgroup: who is outsourced, and who keeps the guest's stack.
    The protocol's number leads no way around it."""
    for port, word, native, expected in ((7401, "off", False, False), (7402, "all", True, True),
                                         (7403, "cgroup", False, True),
                                         (7404, "cgroup", True, False)):
        sysctl(bed, "policy", word)
        p, outsourced = listens(bed, port, native)
        p.stop()
        where = "outside of" if native else "in"
        expect(outsourced == expected, f"policy {word}, {where} the cgroup: {outsourced}")
    for word, prefix, native in (("all", ["unshare", "-n"], False), ("off", [], False),
                                 ("cgroup", [], True)):
        sysctl(bed, "policy", word)
        r = bed.guest(*prefix, sys.executable, "-c", BY_NUMBER, native=native)
        expect(r.stdout == "EPROTONOSUPPORT\n" * 4,
               f"policy {word}, {prefix}: socket() with the protocol's number: {r.stdout}")
    sysctl(bed, "policy", "cgroup")


MULTIPATH = """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
s.bind(("0.0.0.0", 7405))
s.listen()
print("listening", flush=True)
s.accept()[0].sendall(b"served")
"""

GREETING = """
import socket, sys
print(socket.create_connection((sys.argv[1], 7405)).recv(100))
"""


@test("multipath")
def multipath(bed):
    """A listener of IPPROTO_MPTCP, as Go makes them, is outsourced, and serves TCP."""
    p = bed.guest_start(sys.executable, "-c", MULTIPATH)
    p.wait_line(lambda line: line == "listening", "the listener")
    expect(any(":7405 " in line for line in bed.guest_sockets()), "it is not outsourced")
    out = bed.client(sys.executable, "-c", GREETING, GUEST).stdout
    expect(out == "b'served'\n", out)


def driver_of_nic(bed):
    """The driver of the device with our MAC."""
    script = """for d in /sys/bus/virtio/devices/*; do
        [ "$(cat $d/device)" = 0x0001 ] && basename "$(readlink $d/driver)"; done"""
    return bed.guest("sh", "-c", script, native=True).stdout.split()


def module_file(bed):
    """A copy of the module where the guest can see it."""
    release = bed.guest("uname", "-r", native=True).stdout.strip()
    build = Path(os.environ.get("OUTSOCK_BUILD", TOP / "build"))
    return shutil.copy(build / "guest-kmod" / release / "outsock.ko", FILES / "outsock.ko")


HOLD = """
import signal, socket
s = socket.create_server(("0.0.0.0", 7210))
print("ready", flush=True)
c, _ = s.accept()
signal.pause()
"""

ORPHAN = """
import socket, sys
s = socket.create_connection((sys.argv[1], 7210))
s.setblocking(False)
try:
    while True:
        s.send(bytes(65536))
except BlockingIOError:
    s.close()
print("closed")
"""


@test("orphans")
def orphans(bed):
    """A closed connection whose peer does not read keeps the module loaded, until it is aborted."""
    peer = bed.client_start(sys.executable, "-c", HOLD)
    peer.wait_line(lambda line: line == "ready", "the peer")
    out = bed.guest(sys.executable, "-c", ORPHAN, CLIENT).stdout
    expect(out == "closed\n", out)
    waiting = bed.guest("cat", "/proc/sys/net/outsock/abort_orphans", native=True).stdout
    (line,) = bed.guest_sockets()
    expect(waiting == "1\n" and " orphan" in line, f"{waiting}, {line}")
    refused = bed.guest("rmmod", "outsock", native=True, check=False)
    expect(refused.returncode != 0 and "in use" in refused.stderr, f"rmmod: {refused}")
    sysctl(bed, "abort_orphans", 1)
    until(lambda: not bed.guest_sockets(), "the orphan has gone")


@test("unload")
def unload(bed):
    """Unloading is refused with open sockets; it restores everything; loading works again."""
    p, outsourced = listens(bed, 7500)
    expect(outsourced, "the listener is not outsourced")
    refused = bed.guest("rmmod", "outsock", native=True, check=False)
    expect(refused.returncode != 0 and "in use" in refused.stderr, f"rmmod: {refused}")
    p.stop()
    expect(driver_of_nic(bed) == ["outsock"], f"before: {driver_of_nic(bed)}")
    until(lambda: bed.guest("rmmod", "outsock", native=True, check=False).returncode == 0,
          "rmmod succeeds once the sockets are closed")
    expect(driver_of_nic(bed) == ["virtio_net"], f"after unloading: {driver_of_nic(bed)}")
    alive = bed.guest(sys.executable, "-c", "import socket; socket.create_server(('127.0.0.1', 0))",
                      native=True)
    expect(alive.returncode == 0, "the guest's own sockets work")
    bed.guest("insmod", module_file(bed), native=True)
    until(lambda: "session=up" in bed.guest("cat", "/proc/net/outsock", native=True).stdout,
          "a session after loading again")
    p, outsourced = listens(bed, 7501)
    expect(outsourced, "the listener after loading again is not outsourced")
    bed.wait_port(7501)
    p.stop()
