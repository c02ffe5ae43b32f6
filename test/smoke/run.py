#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The stack over af_packet on a veth pair against Linux TCP and UDP in another namespace.

    run.py SMOKE_HOST           sets up two namespaces, runs every test, removes them

The tests themselves run in the client namespace (`run.py --client`)."""

import hashlib
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading

HOST, CLIENT = "10.78.0.11", "10.78.0.1"
DEADLINE = 60  # seconds for anything at all to happen
OFFLOADS = ("tx", "rx", "sg", "tso", "gso", "gro")
MASK64 = (1 << 64) - 1


def pattern(length):
    """The bytes that smoke_host sends (pattern_byte() of test/lib/frame.h with key 0)."""
    return bytes((i * 0x9E3779B97F4A7C15 & MASK64) >> 56 for i in range(length))


# ---- namespaces ----

def run(*argv):
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)


class Bed:
    def __init__(self):
        self.host, self.client = (f"smoke-{side}-{os.getpid()}" for side in ("host", "client"))

    def __enter__(self):
        for ns in (self.host, self.client):
            run("ip", "netns", "add", ns)
            run("ip", "netns", "exec", ns, "sh", "-c",
                "echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6")
        run("ip", "link", "add", "h0", "netns", self.host, "type", "veth",
            "peer", "name", "c0", "netns", self.client)
        off = [word for feature in OFFLOADS for word in (feature, "off")]
        for ns, dev in ((self.host, "h0"), (self.client, "c0")):
            run("ip", "netns", "exec", ns, "ethtool", "-K", dev, *off)
            run("ip", "-n", ns, "link", "set", dev, "up")
        run("ip", "-n", self.client, "link", "set", "lo", "up")
        run("ip", "-n", self.client, "addr", "add", CLIENT + "/24", "dev", "c0")
        return self

    def __exit__(self, *_):
        for ns in (self.host, self.client):
            subprocess.run(["ip", "netns", "del", ns], check=False)


class Stack:
    """smoke_host in the host namespace; ends with the block."""

    def __init__(self, bed, program, *args):
        self.argv = ["ip", "netns", "exec", bed.host, program, "h0", HOST, *map(str, args)]

    def __enter__(self):
        self.proc = subprocess.Popen(self.argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     text=True)
        self.wait_for("ready")
        return self

    def wait_for(self, text):
        for line in self.proc.stdout:
            print("   ", line, end="")
            if line.startswith(text):
                return line
        raise SystemExit(f"smoke_host ended before it said {text!r}")

    def __exit__(self, *_):
        self.proc.stdin.close()
        self.rest = self.proc.stdout.read()
        print("   ", self.rest, end="")
        if self.proc.wait(DEADLINE) != 0:
            raise SystemExit(f"smoke_host: exit status {self.proc.returncode}")


# ---- tests, in the client namespace ----

def tcp(port):
    return socket.create_connection((HOST, port), timeout=DEADLINE)


def read_all(sock):
    return b"".join(iter(lambda: sock.recv(65536), b""))


def test_echo_bulk():
    """4 MB both ways at once, then half-close: every byte comes back, then FIN."""
    data = pattern(4096) * 1024
    with tcp(7) as s:
        writer = threading.Thread(target=lambda: (s.sendall(data), s.shutdown(socket.SHUT_WR)))
        writer.start()
        back = read_all(s)
        writer.join()
    assert back == data, f"{len(back)} bytes came back"


def test_echo_small():
    with tcp(7) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for i in range(1000):
            data = b"%d" % i
            s.sendall(data)
            assert s.recv(100) == data


def test_http():
    """curl, or what it would do: 8 MB with their SHA-256, the stack closes first."""
    length = 8 << 20
    want = hashlib.sha256(pattern(length)).hexdigest()
    if shutil.which("curl"):
        body = subprocess.run(["curl", "-sS", "--max-time", str(DEADLINE),
                               f"http://{HOST}/{length}"], check=True, capture_output=True).stdout
    else:
        with tcp(80) as s:
            s.sendall(b"GET /%d HTTP/1.0\r\n\r\n" % length)
            body = read_all(s).split(b"\r\n\r\n", 1)[1]
    assert hashlib.sha256(body).hexdigest() == want, f"{len(body)} bytes, other SHA-256"


def test_slow_reader():
    """A full window for a while: zero-window probes, then all the rest."""
    length = 6 << 20
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
    s.settimeout(DEADLINE)
    with s:
        s.connect((HOST, 80))
        s.sendall(b"GET /%d HTTP/1.0\r\n\r\n" % length)
        got, digest = 0, hashlib.sha256()
        header = b""
        while b"\r\n\r\n" not in header:
            header += s.recv(1)
        while data := s.recv(3000):
            got += len(data)
            digest.update(data)
    assert got == length and digest.digest() == hashlib.sha256(pattern(length)).digest()


def test_many_connections():
    """1,000 short connections, 50 at a time."""
    errors = []

    def worker():
        try:
            for i in range(20):
                with tcp(7) as s:
                    s.sendall(b"x" * 100)
                    s.shutdown(socket.SHUT_WR)
                    assert read_all(s) == b"x" * 100
        except (AssertionError, OSError) as e:
            errors.append(e)

    threads = [threading.Thread(target=worker) for _ in range(50)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not errors, errors[0]


def test_refused():
    try:
        tcp(4321)
    except ConnectionRefusedError:
        return
    raise AssertionError("a closed port took a connection")


def test_reset():
    """The client resets; the stack lives on."""
    for _ in range(50):
        s = tcp(7)
        s.sendall(b"y" * 10000)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.close()
    test_echo_small()


def test_urgent_is_data():
    """SO_OOBINLINE semantics: the urgent byte is one of the stream (RFC 6093)."""
    with tcp(7) as s:
        s.sendall(b"ab")
        s.send(b"c", socket.MSG_OOB)
        s.shutdown(socket.SHUT_WR)
        assert read_all(s) == b"abc"


def test_udp_echo():
    """Empty, one packet, two fragments. Not larger: DPDK's af_packet has the kernel put fragments
    together, and cuts what is then larger than its frame (2,048 bytes with its headers)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(DEADLINE)
        s.connect((HOST, 7))
        for length in (0, 1, 100, 1472, 1473, 1900):
            data = pattern(length)
            s.send(data)
            assert s.recv(65535) == data, f"datagram of {length}"


def test_udp_large_out():
    """The stack sends fragments, Linux puts them together."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(DEADLINE)
        s.connect((HOST, 19))
        for length in (1473, 5000, 30000, 65507):
            s.send(b"%d" % length)
            assert s.recv(65535) == pattern(length), f"datagram of {length}"


def test_udp_unreachable():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(DEADLINE)
        s.connect((HOST, 4321))
        s.send(b"?")
        try:
            s.recv(1)
        except ConnectionRefusedError:
            return
    raise AssertionError("no ICMP error")


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def test_ping():
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as s:
        s.settimeout(DEADLINE)
        body = pattern(56)
        head = struct.pack("!BBHHH", 8, 0, 0, 4711, 1)
        head = struct.pack("!BBHHH", 8, 0, checksum(head + body), 4711, 1)
        s.sendto(head + body, (HOST, 0))
        while True:
            reply = s.recv(2000)[20:]
            if reply[0] == 0 and reply[4:6] == struct.pack("!H", 4711):
                break
        assert reply[8:] == body


def client():
    failed = 0
    for name, test in list(globals().items()):
        if not name.startswith("test_"):
            continue
        try:
            test()
            print("ok  ", name, flush=True)
        except (AssertionError, OSError, subprocess.CalledProcessError) as e:
            print("FAIL", name, type(e).__name__, e, flush=True)
            failed = 1
    return failed


# ---- the stack as the client of Linux ----

def linux_echo(ready, port=7):
    """An echo server for one connection, in the client namespace (--echo)."""
    with socket.create_server((CLIENT, port)) as listener:
        print(ready, flush=True)
        listener.settimeout(DEADLINE)
        s, _ = listener.accept()
        with s:
            s.settimeout(DEADLINE)
            while data := s.recv(65536):
                s.sendall(data)
    return 0


def connect_out(bed, program):
    """smoke_host connects to a Linux server, and has 4 MB echoed; then to a closed port."""
    me = os.path.abspath(__file__)
    server = subprocess.Popen(["ip", "netns", "exec", bed.client, sys.executable, me, "--echo"],
                              stdout=subprocess.PIPE, text=True)
    assert server.stdout.readline() == "ready\n"
    with Stack(bed, program, CLIENT, 7, 4 << 20) as stack:
        line = stack.wait_for("client:")
    assert "4194304 bytes came back" in line, line
    assert server.wait(DEADLINE) == 0
    with Stack(bed, program, CLIENT, 4321, 1) as stack:
        line = stack.wait_for("client:")
    assert "Connection refused" in line, line


def skip(why):
    print("SKIP:", why)
    sys.exit(77)


def main():
    if sys.argv[1:] == ["--client"]:
        return client()
    if sys.argv[1:] == ["--echo"]:
        return linux_echo("ready")
    if os.geteuid() != 0:
        skip("needs root, for network namespaces and packet sockets")
    for tool, package in (("ip", "iproute2"), ("ethtool", "ethtool")):
        if not shutil.which(tool):
            skip(f"no {tool} (package {package})")
    program = os.path.abspath(sys.argv[1])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the namespaces go
    with Bed() as bed:
        with Stack(bed, program) as stack:
            rc = subprocess.run(["ip", "netns", "exec", bed.client, sys.executable,
                                 os.path.abspath(__file__), "--client"], check=False).returncode
        # Five sockets are the servers'; whatever else is there was left behind.
        assert rc or "ends with 5 sockets, 0 packets" in stack.rest, "sockets were left over"
        connect_out(bed, program)
    print("ok   connect_out")
    return rc


if __name__ == "__main__":
    sys.exit(main())
