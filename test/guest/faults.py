# SPDX-License-Identifier: BSD-3-Clause
"""Under traffic: pauses, hot-added memory, resets and deaths. Bytes are exact, or the connection
ends with a clean ECONNRESET; afterwards new connections work."""

import errno
import os
import signal
import sys
from pathlib import Path

from driver import CLIENT, TOOL, expect, guest_address, until
from registry import registrar

TESTS = []
test = registrar(TESTS)
GUEST = guest_address(1)
PEER = Path(__file__).resolve().parent / "peer.py"
PORT = "7100"
MOVES = 6


def serve(bed):
    server = bed.guest_start(sys.executable, TOOL, "serve", PORT)
    bed.wait_port(PORT)
    return server


def traffic(bed, connections=4):
    """Verified connections that flow until they are stopped."""
    p = bed.client_start(sys.executable, TOOL, "verify", GUEST, PORT, "-c", str(connections))
    flowing(p)
    return p


def flowing(p):
    """Waits for two more signs of progress: one may have been under way already."""
    first = len(p.lines)
    at = p.wait_line(lambda line: line.startswith("progress"), "traffic", first)
    p.wait_line(lambda line: line.startswith("progress"), "traffic", at + 1)


def all_exact(p, connections=4):
    p.stop()
    exact = [line for line in p.lines if line.startswith("exact ")]
    expect(len(exact) == connections, f"not every byte came back:\n{p.text()}")


def all_reset(p, connections=4):
    p.wait()
    ends = [line for line in p.lines if not line.startswith("progress")]
    expect(len(ends) == connections and all(line.startswith("reset ") for line in ends),
           f"expected {connections} connections reset:\n{p.text()}")


def exact_or_reset(p, connections=4):
    """Each goes on or is reset; none stands still."""
    p.stop()
    ends = [line.split()[0] for line in p.lines if not line.startswith("progress")]
    expect(len(ends) == connections and set(ends) <= {"exact", "reset"},
           f"expected {connections} connections exact or reset:\n{p.text()}")


def works(bed):
    out = bed.client(sys.executable, TOOL, "verify", GUEST, PORT, "-c", "2", "-b", "1000000").stdout
    expect(out.count("exact 1000000") == 2, f"a new connection afterwards:\n{out}")


@test("stop-cont")
def stop_cont(bed):
    """QEMU's monitor stops and continues the VM: nothing is lost, nobody is disconnected."""
    serve(bed)
    p = traffic(bed)
    for _ in range(3):
        bed.command("monitor", "--", "stop")
        bed.command("monitor", "--", "cont")
        flowing(p)
    all_exact(p)


@test("lcore-moves")
def lcore_moves(bed):
    """The guest goes from lcore to lcore, ordinary and real-time: nothing is lost, nobody is
    disconnected, in neither direction."""
    serve(bed)
    server = bed.client_start(sys.executable, TOOL, "serve", PORT)
    server.wait_line(lambda line: line.startswith("listening"), "the server in the client")
    p = traffic(bed)
    q = bed.guest_start(sys.executable, TOOL, "verify", CLIENT, PORT, "-c", "4")
    flowing(q)
    for i in range(MOVES):
        lcore, guest_class = ("1", "rt") if i % 2 else ("0", "non-rt")
        bed.ctl("guest", "set", "g1", "class=" + guest_class, "lcore=" + lcore)
        flowing(p)
        flowing(q)
    all_exact(p)
    all_exact(q)
    works(bed)


def link_downs(bed):
    return bed.command("dmesg").stdout.count("link down: waiting for the host")


@test("link-off-on")
def link_off_on(bed):
    """The NIC's link goes and comes back: QEMU may have thrown away what the guest sent."""
    serve(bed)
    for _ in range(2):
        p = traffic(bed)
        downs = link_downs(bed)
        bed.command("monitor", "--", "set_link nic0 off")
        until(lambda: link_downs(bed) > downs, "the guest sees the link go")
        bed.command("monitor", "--", "set_link nic0 on")
        bed.wait_port(PORT)
        exact_or_reset(p)
        works(bed)


@test("memory-hot-add")
def memory_hot_add(bed):
    """Memory is plugged in: the guest's memory table changes under the running rings."""
    serve(bed)
    p = traffic(bed)
    bed.command("monitor", "--", "object_add memory-backend-memfd,id=hot1,size=128M,share=on")
    bed.command("monitor", "--", "device_add pc-dimm,id=dimm1,memdev=hot1")
    devices = bed.command("monitor", "--", "info memory-devices").stdout
    expect("dimm1" in devices, f"no dimm1:\n{devices}")
    flowing(p)
    all_exact(p)


@test("daemon-killed")
def daemon_killed(bed):
    """outsockd is killed with -9 and started again: ECONNRESET for the old connections, and new
    ones work without touching the guest."""
    serve(bed)
    p = traffic(bed)
    bed.command("kill-daemon", "-9")
    bed.command("start-daemon")
    all_reset(p)
    bed.wait_port(PORT)
    works(bed)


CALLS = """
import socket, sys, threading
ending = threading.Event()

def listen(base):
    old, turn = None, 0
    while not ending.is_set():
        s = socket.create_server(("0.0.0.0", base + turn % 8))
        if old:
            old.close()
        old, turn = s, turn + 1
    print("listens", old.getsockname()[1], flush=True)
    old.accept()

def connect(host, port):
    while not ending.is_set():
        try:
            with socket.create_connection((host, port)) as s:
                s.sendall(b"x" * 1000)
                while s.recv(65536) and not ending.is_set():
                    s.sendall(b"y")
        except (ConnectionResetError, BrokenPipeError):
            pass

def run(function, *args):
    try:
        function(*args)
    except OSError as e:
        print("failed", function.__name__, e, flush=True)

for n in range(4):
    threading.Thread(target=run, args=(listen, 7600 + 8 * n), daemon=True).start()
for n in range(2):
    threading.Thread(target=run, args=(connect, sys.argv[1], 7200), daemon=True).start()
control = socket.create_server(("0.0.0.0", 7699))
print("ready", flush=True)
control.accept()[0].close()
ending.set()
threading.Event().wait()
"""


@test("daemon-killed-calls")
def daemon_killed_calls(bed):
    """The daemon restarts while programs make sockets: no call fails for it, listeners work."""
    bed.client_start(sys.executable, TOOL, "serve", "7200")
    bed.client(sys.executable, TOOL, "wait", CLIENT, "7200")
    p = bed.guest_start(sys.executable, "-c", CALLS, CLIENT)
    p.wait_line(lambda line: line == "ready", "the program")
    for _ in range(3):
        bed.command("kill-daemon", "-9")
        bed.command("start-daemon")
    bed.wait_port(7699)
    at = 0
    for _ in range(4):
        at = p.wait_line(lambda line: line.startswith("listens"), "a listener", at + 1)
        bed.wait_port(p.lines[at].split()[1])
    expect(not any(line.startswith("failed") for line in p.lines), p.text())


STUCK = """
import os, socket, sys
call = sys.argv[1]
s = socket.socket(type=socket.SOCK_DGRAM if call == "dgram" else socket.SOCK_STREAM)
if call == "listen":
    s.bind(("0.0.0.0", 7800))
print(os.getpid(), flush=True)
while "session=down" not in open("/proc/net/outsock").read():
    pass
if call == "listen":
    s.listen()
elif call == "connect":
    s.connect((sys.argv[2], 7200))
else:
    s.bind(("0.0.0.0", 7801))
print("not stuck", flush=True)
"""


def state(bed):
    """What the module says of itself, and its sockets."""
    return bed.guest("cat", "/proc/net/outsock", native=True).stdout


@test("killed-in-calls")
def killed_in_calls(bed):
    """Programs are killed in calls that wait for an absent daemon: nothing of them is left."""
    programs = [bed.guest_start(sys.executable, "-c", STUCK, call, CLIENT)
                for call in ("bind", "listen", "connect", "dgram")]
    for p in programs:
        p.wait_line(str.isdigit, "the program")
    bed.command("kill-daemon", "-9")
    until(lambda: len(bed.guest_sockets()) == 4 and "LISTEN" in state(bed) and
          "SYN-SENT" in state(bed), "four calls that wait")
    bed.guest("kill", "-9", *(p.lines[0] for p in programs), native=True)
    for p in programs:
        expect(p.wait() != 0 and len(p.lines) == 1, p.text())
    bed.command("start-daemon")
    until(lambda: "session=up" in state(bed) and "requests=0 zombies=0" in state(bed) and
          not bed.guest_sockets(), "nothing is left")
    serve(bed)
    works(bed)


NONBLOCK = """
import socket, sys, threading
def bind():
    try:
        first.bind(("0.0.0.0", 7820))
        print("bound", flush=True)
    except OSError as e:
        print("bind", e.strerror, flush=True)

first = socket.socket()
threading.Thread(target=bind).start()
while not any(" tcp4 " in line for line in open("/proc/net/outsock")):
    pass
s = socket.socket()
s.setblocking(False)
print("connect_ex", s.connect_ex((sys.argv[1], 7200)), flush=True)
print("name", s.getsockname()[0], flush=True)
s.setblocking(True)
s.settimeout(100)
s.sendall(b"echo")
print("heard", s.recv(4).decode(), flush=True)
"""


@test("daemon-stopped")
def daemon_stopped(bed):
    """The daemon stands still while a program connects without blocking: the program goes on,
    sooner than a bind() before it gives up. All is done when the daemon goes on."""
    bed.client_start(sys.executable, TOOL, "serve", "7200")
    bed.client(sys.executable, TOOL, "wait", CLIENT, "7200")
    daemon = bed.pids()["daemon"]
    os.kill(daemon, signal.SIGSTOP)
    try:
        p = bed.guest_start(sys.executable, "-c", NONBLOCK, CLIENT)
        p.wait_line(lambda line: line.startswith("name"), "the calls")
    finally:
        os.kill(daemon, signal.SIGCONT)
    p.wait_line(lambda line: line == "heard echo", "the connection")
    p.wait_line(lambda line: line == "bound", "what was asked first")
    expect(p.lines[0] == f"connect_ex {errno.EINPROGRESS}" and p.lines[1].startswith("name"),
           p.text())


DATAGRAMS = """
import select, socket, sys
echo = socket.socket(type=socket.SOCK_DGRAM)
echo.bind(("0.0.0.0", 7810))
peer = socket.socket(type=socket.SOCK_DGRAM)
peer.connect((sys.argv[1], 7201))
port = peer.getsockname()[1]
print("ready", flush=True)
while True:
    data, sender = echo.recvfrom(2000)
    if data == b"connected":
        data = f"{peer.getsockname()[1] == port} {peer.send(b'again')}".encode()
    echo.sendto(data, sender)
"""

EXCHANGE = """
import socket, sys
s = socket.socket(type=socket.SOCK_DGRAM)
s.settimeout(1)
for _ in range(100):
    s.sendto(sys.argv[2].encode(), (sys.argv[1], 7810))
    try:
        print(s.recv(2000).decode())
        break
    except TimeoutError:
        pass
"""


@test("daemon-killed-datagrams")
def daemon_killed_datagrams(bed):
    """Datagram sockets live on over a restart of the daemon, with their ports and peers."""
    bed.client_start(sys.executable, PEER, "7201")
    bed.client(sys.executable, TOOL, "wait", CLIENT, "7201")
    p = bed.guest_start(sys.executable, "-c", DATAGRAMS, CLIENT)
    p.wait_line(lambda line: line == "ready", "the program")
    for _ in range(2):
        for said, heard in (("hello", "hello"), ("connected", "True 5")):
            out = bed.client(sys.executable, "-c", EXCHANGE, GUEST, said).stdout
            expect(out == heard + "\n", f"{said}: {out}{p.text()}")
        bed.command("kill-daemon", "-9")
        bed.command("start-daemon")


@test("system-reset")
def system_reset(bed):
    """The VM is reset under traffic and boots again."""
    serve(bed)
    p = traffic(bed)
    bed.command("reset", timeout=300)
    all_reset(p)
    serve(bed)
    works(bed)


CONNECT = """
import errno, socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
print("connected", flush=True)
try:
    print(s.recv(1))
except OSError as e:
    print(errno.errorcode[e.errno])
"""

WAIT = """
import socket, sys, threading
def end(what, call, *args):
    try:
        print(what, call(*args), flush=True)
    except OSError as e:
        print(what, e.strerror, flush=True)

def begin(what, call, *args):
    threading.Thread(target=end, args=(what, call, *args)).start()

listener = socket.create_server(("0.0.0.0", 7700))
queue = socket.create_server(("0.0.0.0", 7701))         # a connection in it is never accepted
dgram = socket.socket(type=socket.SOCK_DGRAM)
dgram.bind(("0.0.0.0", 7702))
begin("recvfrom", dgram.recvfrom, 1)
sender = socket.create_connection((sys.argv[1], 7200))  # its peer echoes, and nobody reads
begin("sendall", sender.sendall, b"x" * 100000000)
print("ready", flush=True)
conn = listener.accept()[0]
begin("accept", listener.accept)
print("connected", flush=True)
end("recv", conn.recv, 1)
"""


def replug(bed):
    """A NIC like the one that was there; its name is free once the old one has gone."""
    device = "virtio-net-pci,netdev=net0,id=nic0,romfile=,mac=02:6f:75:74:00:01,vectors=0"
    add = ("monitor", "--", f"device_add {device}")
    until(lambda: bed.command(*add, check=False).returncode == 0, "the NIC can be plugged in again")
    until(lambda: "session=up" in bed.guest("cat", "/proc/net/outsock", native=True).stdout,
          "a session")


@test("device-removed")
def device_removed(bed):
    """The NIC is unplugged: every call that waits hears of it. Another one works."""
    bed.client_start(sys.executable, TOOL, "serve", "7200")
    bed.client(sys.executable, TOOL, "wait", CLIENT, "7200")
    p = bed.guest_start(sys.executable, "-c", WAIT, CLIENT)
    p.wait_line(lambda line: line == "ready", "the program")
    serve(bed)
    flows = traffic(bed)
    bed.wait_port(7701)
    held = bed.client_start(sys.executable, "-c", CONNECT, GUEST, "7700")
    p.wait_line(lambda line: line == "connected", "the connection")
    bed.command("monitor", "--", "device_del nic0")
    status = p.wait()
    for call in ("recvfrom", "sendall", "accept", "recv"):
        expect(any(line.startswith(call + " ") for line in p.lines), f"{call}:\n{p.text()}")
    expect(status == 0, p.text())
    replug(bed)
    all_reset(flows)
    held.wait()
    expect(held.lines == ["connected", "ECONNRESET"], held.text())
    serve(bed)
    works(bed)


@test("guest-killed")
def guest_killed(bed):
    """QEMU is killed: peers get ECONNRESET once the grace time is over; it can be started again."""
    serve(bed)
    p = traffic(bed)
    bed.command("kill-guest")
    all_reset(p)
    bed.command("start-guest", timeout=300)
    serve(bed)
    works(bed)
