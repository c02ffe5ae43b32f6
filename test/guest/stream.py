#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Traffic whose bytes can be checked. In the guest or in the client:

    stream.py serve PORT              echoes whatever comes, on any number of connections
    stream.py wait HOST PORT          until a connection can be made
    stream.py verify HOST PORT [-c CONNECTIONS] [-b BYTES]
                                      sends a stream that depends on connection and offset, and
                                      compares the echo byte by byte; without -b until SIGTERM

    stream.py beside HOST PORT -b BYTES
                                      sends on a connection without reading, until SIGTERM;
                                      then one beside it is verified, then the first is read

verify prints 'progress BYTES' as echoes come, and last one line of each connection:
'exact BYTES' (all came back), 'reset BYTES' (ECONNRESET after that many exact bytes), or
'wrong OFFSET', 'ended BYTES' (end of stream too early), 'error NAME'. Exit status 0: all exact;
3: exact or reset; 1: anything else.
"""
import argparse
import errno
import hashlib
import select
import selectors
import signal
import socket
import sys
import time

CHUNK = 65536
PATIENCE = 100


def pattern(connection):
    """A period of bytes that is no multiple of any segment or page, different by connection."""
    seed = hashlib.sha256(b"%d" % connection).digest()
    return (seed * (65537 // len(seed) + 1))[:65537]


def slice_at(period, offset, size):
    at = offset % len(period)
    return (period * (size // len(period) + 2))[at:at + size]


def serve(args):
    selector = selectors.DefaultSelector()
    listener = socket.create_server(("0.0.0.0", args.port), backlog=128)
    listener.setblocking(False)
    selector.register(listener, selectors.EVENT_READ, None)
    print("listening", flush=True)
    while True:
        for key, events in selector.select():
            if key.data is None:
                conn, _ = listener.accept()
                conn.setblocking(False)
                selector.register(conn, selectors.EVENT_READ, bytearray())
                continue
            try:
                echo(selector, key.fileobj, key.data, events)
            except OSError as e:
                print(f"closed {errno.errorcode.get(e.errno, e.errno)}", flush=True)
                selector.unregister(key.fileobj)
                key.fileobj.close()


def echo(selector, conn, waiting, events):
    if events & selectors.EVENT_READ:
        data = conn.recv(CHUNK)
        if not data:
            conn.setblocking(True)
            conn.sendall(waiting)
            selector.unregister(conn)
            conn.close()
            return
        waiting += data
    if waiting:
        try:
            del waiting[:conn.send(waiting)]
        except BlockingIOError:
            pass
    # Reading stops while much waits: the peer's window does the rest.
    wanted = (selectors.EVENT_WRITE if waiting else 0) | \
             (selectors.EVENT_READ if len(waiting) < 4 * CHUNK else 0)
    selector.modify(conn, wanted, waiting)


def wait(args):
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection((args.host, args.port), 5).close()
            return 0
        except OSError as e:
            if time.monotonic() > deadline:
                print(f"{args.host}:{args.port}: {e}")
                return 1
            time.sleep(0.05)


class Flow:
    """One verified connection."""

    def __init__(self, number, host, port, limit):
        self.sock = socket.create_connection((host, port), PATIENCE)
        self.sock.setblocking(False)
        self.period = pattern(number)
        self.limit = limit
        self.sent = self.received = 0
        self.closed = False
        self.result = None

    def done_sending(self, stopping):
        return stopping or (self.limit is not None and self.sent >= self.limit)

    def write(self):
        size = CHUNK if self.limit is None else min(CHUNK, self.limit - self.sent)
        self.sent += self.sock.send(slice_at(self.period, self.sent, size))

    def read(self):
        data = self.sock.recv(CHUNK)
        if not data:
            self.result = "exact" if self.closed and self.received == self.sent else "ended"
            return 0
        if data != slice_at(self.period, self.received, len(data)):
            self.result = "wrong"
            return 0
        self.received += len(data)
        return len(data)

    def step(self, events, stopping):
        try:
            if events & selectors.EVENT_READ:
                got = self.read()
            else:
                got = 0
            if self.result is None and not self.closed:
                if self.done_sending(stopping):
                    self.sock.shutdown(socket.SHUT_WR)
                    self.closed = True
                elif events & selectors.EVENT_WRITE:
                    self.write()
            return got
        except BlockingIOError:
            return 0
        except (ConnectionResetError, BrokenPipeError):
            self.result = "reset"
        except OSError as e:
            self.result = f"error {errno.errorcode.get(e.errno, e.errno)}"
        return 0


def verify(args):
    stopping = []
    signal.signal(signal.SIGTERM, lambda *_: stopping.append(1))
    flows = [Flow(i, args.host, args.port, args.bytes) for i in range(args.connections)]
    selector = selectors.DefaultSelector()
    for flow in flows:
        selector.register(flow.sock, selectors.EVENT_READ | selectors.EVENT_WRITE, flow)
    total, told = 0, 0
    while selector.get_map():
        ready = selector.select(PATIENCE)
        if not ready:
            break
        for key, events in ready:
            flow = key.data
            total += flow.step(events, bool(stopping))
            if flow.result:
                selector.unregister(flow.sock)
                flow.sock.close()
            elif flow.closed:
                selector.modify(flow.sock, selectors.EVENT_READ, flow)
        if total - told >= 1 << 20:
            told = total
            print(f"progress {total}", flush=True)
    results = [flow.result or "stuck" for flow in flows]
    for flow, result in zip(flows, results):
        print(f"{result} {flow.received}", flush=True)
    if all(r == "exact" for r in results):
        return 0
    return 3 if all(r in ("exact", "reset") for r in results) else 1


def fill(flow):
    """Sends whatever fits, until SIGTERM: who looks from outside knows when everything is full."""
    woken, wakes = socket.socketpair()
    wakes.setblocking(False)
    signal.set_wakeup_fd(wakes.fileno())
    signal.signal(signal.SIGTERM, lambda *_: None)
    print("filling", flush=True)
    poll = select.poll()
    poll.register(flow.sock, select.POLLOUT)
    poll.register(woken, select.POLLIN)
    while woken.fileno() not in dict(poll.poll()):
        try:
            flow.write()
        except BlockingIOError:
            pass


def beside(args):
    slow = Flow(0, args.host, args.port, None)
    fill(slow)
    slow.limit = slow.sent
    print(f"filled {slow.sent}", flush=True)
    for flow in (Flow(1, args.host, args.port, args.bytes), slow):
        selector = selectors.DefaultSelector()
        selector.register(flow.sock, selectors.EVENT_READ | selectors.EVENT_WRITE)
        while not flow.result:
            ready = selector.select(PATIENCE)
            if not ready:
                flow.result = "stuck"
            for _, events in ready:
                flow.step(events, False)
            if flow.closed:
                selector.modify(flow.sock, selectors.EVENT_READ)
        print(f"{flow.result} {flow.received}", flush=True)
        if flow.result != "exact":
            return 1
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    sub = parser.add_subparsers(required=True)
    p = sub.add_parser("serve")
    p.set_defaults(run=serve)
    p.add_argument("port", type=int)
    for name, function in (("wait", wait), ("beside", beside), ("verify", verify)):
        p = sub.add_parser(name)
        p.set_defaults(run=function)
        p.add_argument("host")
        p.add_argument("port", type=int)
        p.add_argument("-b", "--bytes", type=int)
    p.add_argument("-c", "--connections", type=int, default=1)
    args = parser.parse_args()
    return args.run(args)


sys.exit(main())
