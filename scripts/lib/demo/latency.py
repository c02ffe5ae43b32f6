#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Measures request and reply on kept connections: latency.py redis|http HOST PORT [-c N] [-t S]

Each connection has one request in flight, after warming up for half a second. Prints one JSON
object; latencies in microseconds, bytes/s of what was read.
"""
import argparse
import gc
import json
import math
import selectors
import socket
import sys
import time

WARM_UP = 0.5
REQUESTS = {
    "redis": b"*1\r\n$4\r\nPING\r\n",
    "http": b"GET /small HTTP/1.1\r\nHost: demo\r\n\r\n",
}


def complete(kind, data):
    """Is the reply whole? Both servers send these short replies with a known end."""
    if kind == "redis":
        return data.endswith(b"+PONG\r\n")
    head, separator, body = data.partition(b"\r\n\r\n")
    if not separator:
        return False
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return len(body) >= int(value)
    return False


class Connection:
    def __init__(self, kind, host, port):
        self.kind = kind
        self.sock = socket.create_connection((host, port), 30)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = 0

    def send(self):
        self.data = b""
        self.begin = time.perf_counter_ns()
        self.sock.sendall(REQUESTS[self.kind])

    def receive(self):
        """The latency when the reply is whole, else None."""
        got = self.sock.recv(65536)
        if not got:
            sys.exit("the server closed the connection")
        self.received += len(got)
        self.data += got
        if not complete(self.kind, self.data):
            return None
        return time.perf_counter_ns() - self.begin


def rounds(selector, seconds):
    """Latencies of the requests that are answered within these seconds."""
    latencies = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for key, _ in selector.select(1):
            latency = key.data.receive()
            if latency is not None:
                latencies.append(latency)
                key.data.send()
    return latencies


def remaining(selector, patience=20):
    """Latencies of the requests still in flight: the slowest must not be left out."""
    latencies = []
    end = time.monotonic() + patience
    while selector.get_map() and time.monotonic() < end:
        for key, _ in selector.select(1):
            latency = key.data.receive()
            if latency is not None:
                latencies.append(latency)
                selector.unregister(key.fileobj)
    if selector.get_map():
        sys.exit(f"no reply after {patience} s on {len(selector.get_map())} connections")
    return latencies


def measure(kind, host, port, connections, seconds):
    selector = selectors.DefaultSelector()
    all_of_them = [Connection(kind, host, port) for _ in range(connections)]
    for c in all_of_them:
        selector.register(c.sock, selectors.EVENT_READ, c)
        c.send()
    gc.disable()            # its pauses would be taken for the server's
    rounds(selector, WARM_UP)
    before = sum(c.received for c in all_of_them)
    begin = time.monotonic()
    latencies = rounds(selector, seconds) + remaining(selector)
    took = time.monotonic() - begin
    received = sum(c.received for c in all_of_them) - before
    return {**summary(latencies, took), "bytes": received / took}


def summary(latencies, seconds):
    ordered = sorted(latencies)
    n = len(ordered)
    if n == 0:
        sys.exit("no reply came")
    mean = sum(ordered) / n
    sd = math.sqrt(sum((x - mean) ** 2 for x in ordered) / n)

    def percentile(p):
        return ordered[min(n - 1, math.ceil(p / 100 * n) - 1)] / 1000

    return {"requests": n, "seconds": seconds, "rate": n / seconds, "mean": mean / 1000,
            "sd": sd / 1000, "p50": percentile(50), "p99": percentile(99),
            "p99.9": percentile(99.9), "max": ordered[-1] / 1000}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("kind", choices=REQUESTS)
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("-c", "--connections", type=int, default=1)
    parser.add_argument("-t", "--seconds", type=float, default=5)
    args = parser.parse_args()
    print(json.dumps(measure(args.kind, args.host, args.port, args.connections, args.seconds)))


main()
