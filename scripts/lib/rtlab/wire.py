# SPDX-License-Identifier: BSD-3-Clause
"""Latencies from the record of the host's NIC: from the frame that completes a request to the frame
that completes its reply, both as they pass the NIC. So nothing that happens in the clients, which
share the processor with the host, is in them."""

import struct
from collections import deque
from dataclasses import dataclass, field

from testbed.report import Failure

MAGIC = b"rtlb"
ECHO_PORT = 7
IP4, TCP, UDP = 0x0800, 6, 17
SYN, RST = 0x02, 0x04
MORE, OFFSET = 0x2000, 0x1fff       # of fragments
TAG = struct.Struct("!4sIIII")  # struct request of test/perf/lab_client.c


@dataclass
class Request:
    phase: int
    protocol: str
    number: int
    begin: int                  # us of the virtual clock
    latency: int = None         # us; None: no reply


@dataclass
class _Stream:
    """One connection: where each direction begins, and how far it has been seen complete. Requests
    with the offset of their ends, which are the ends of their replies, too."""
    isn: dict = field(default_factory=dict)
    seen: dict = field(default_factory=lambda: {True: 0, False: 0})
    asked: deque = field(default_factory=deque)
    end: int = 0                # of the last request
    tag: tuple = None           # of the next one: phase, number, size, step


def _frames(path):
    """(time in us, bytes of the frame) of a pcap file of this machine's byte order."""
    with open(path, "rb") as file:
        head = file.read(24)
        if len(head) < 24 or struct.unpack("I", head[:4])[0] != 0xa1b2c3d4:
            raise Failure(f"{path} is no record of frames")
        while len(record := file.read(16)) == 16:
            seconds, us, kept, _ = struct.unpack("IIII", record)
            yield seconds * 1000000 + us, file.read(kept)


class Wire:
    """Reads the record; requests are then in .requests, by phase and number."""

    def __init__(self, path, servers):
        """@servers: the addresses of RT guests, as bytes."""
        self.servers = frozenset(servers)
        self.fragments = {}     # {who and id of a datagram: of its TCP segment what is the same}
        self.dgrams, self.streams, self.done = {}, {}, []
        for now, frame in _frames(path):
            self._frame(now, frame)
        self.requests = sorted([*self.dgrams.values(), *self.done],
                               key=lambda r: (r.phase, r.number))

    def _frame(self, now, frame):
        if len(frame) < 42 or struct.unpack_from("!H", frame, 12)[0] != IP4:
            return
        server = frame[30:34]
        to_server = server in self.servers
        if not to_server:
            server = frame[26:30]
            if server not in self.servers:
                return
        at = 14 + (frame[14] & 15) * 4
        total, ident, fragment = struct.unpack_from("!HHH", frame, 16)
        length, offset = total - (at - 14), (fragment & OFFSET) * 8
        if offset:
            self._fragment(now, (frame[26:34], ident), offset, length)
            return
        ports = struct.unpack_from("!HH", frame, at)
        if ports[to_server] != ECHO_PORT:
            return
        if frame[23] == UDP:
            self._dgram(now, to_server, frame[at + 8:])
        elif frame[23] == TCP:
            key = (frame[26:34], ident) if fragment & MORE else None
            self._segment(now, to_server, (server, ports[not to_server]), frame, at, length, key)

    def _fragment(self, now, key, offset, length):
        """QEMU cuts what its NIC is to segment into IP fragments; only replies are so long."""
        if key in self.fragments:
            stream, first = self.fragments[key]
            self._replied(now, stream, first + offset, first + offset + length)

    def _dgram(self, now, to_server, payload):
        magic, phase, number, _, _ = TAG.unpack_from(payload)
        if magic != MAGIC:
            return
        if to_server:
            self.dgrams[phase, number] = Request(phase, "udp", number, now)
        elif self.dgrams[phase, number].latency is None:
            self.dgrams[phase, number].latency = now - self.dgrams[phase, number].begin

    def _segment(self, now, to_server, client, frame, at, length, key):
        seq, flags = struct.unpack_from("!I", frame, at + 4)[0], frame[at + 13]
        if flags & SYN:
            if to_server and client not in self.streams:
                self.streams[client] = _Stream()
            if client in self.streams:
                self.streams[client].isn[to_server] = seq
            return
        stream, head = self.streams.get(client), (frame[at + 12] >> 4) * 4
        if not stream or len(stream.isn) < 2 or flags & RST or length <= head:
            return
        begin = (seq - stream.isn[to_server] - 1) & 0xffffffff
        end = begin + length - head
        if not to_server:
            if key:
                self.fragments[key] = stream, begin - head
            self._replied(now, stream, begin, end)
        elif begin <= stream.seen[True] < end:
            self._asked(now, stream, begin, end, frame[at + head:])
            stream.seen[True] = end

    def _asked(self, now, stream, begin, end, payload):
        """Requests are written one by one, and a segment carries one. After a loss it may have
        several, and parts; a phase begins with its first request."""
        if begin == stream.end:
            stream.tag = TAG.unpack_from(payload)[1:]
        phase, number, size, step = stream.tag
        while stream.end + size <= end:
            request = Request(phase, "tcp", number, now)
            stream.end += size
            stream.asked.append((stream.end, request))
            self.done.append(request)
            number += step
        stream.tag = phase, number, size, step

    @staticmethod
    def _replied(now, stream, begin, end):
        if not begin <= stream.seen[False] < end:
            return
        stream.seen[False] = end
        while stream.asked and stream.asked[0][0] <= end:
            request = stream.asked.popleft()[1]
            request.latency = now - request.begin
