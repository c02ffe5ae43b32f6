# SPDX-License-Identifier: BSD-3-Clause
"""Latencies from the record of the host's NIC: from the frame that completes a request to the frame
that completes its reply, both as they pass the NIC. So nothing that happens in the clients, which
share the processor with the host, is in them."""

import struct
from dataclasses import dataclass, field

from testbed.report import Failure

MAGIC = b"rtlb"
REQUEST = 64            # bytes, and so is a reply
ECHO_PORT = 7
IP4, TCP, UDP = 0x0800, 6, 17
SYN, RST = 0x02, 0x04
TAG = struct.Struct("!4sII")    # struct request of test/perf/lab_client.c


@dataclass
class Request:
    phase: int
    protocol: str
    number: int
    begin: int                  # us of the virtual clock
    latency: int = None         # us; None: no reply


@dataclass
class _Stream:
    """One connection: where each direction begins, and how far it has been seen complete."""
    isn: dict = field(default_factory=dict)
    seen: dict = field(default_factory=lambda: {True: 0, False: 0})
    requests: list = field(default_factory=list)


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

    def __init__(self, path, server):
        self.server = bytes(map(int, server.split(".")))
        self.dgrams, self.streams, self.done = {}, {}, []
        for now, frame in _frames(path):
            self._frame(now, frame)
        self.requests = sorted([*self.dgrams.values(), *self.done],
                               key=lambda r: (r.phase, r.number))

    def _frame(self, now, frame):
        if len(frame) < 42 or struct.unpack_from("!H", frame, 12)[0] != IP4:
            return
        to_server = frame[30:34] == self.server
        if not to_server and frame[26:30] != self.server:
            return
        at = 14 + (frame[14] & 15) * 4
        length = struct.unpack_from("!H", frame, 16)[0] - (at - 14)
        ports = struct.unpack_from("!HH", frame, at)
        if ECHO_PORT not in ports:
            return
        if frame[23] == UDP:
            self._dgram(now, to_server, frame[at + 8:])
        elif frame[23] == TCP:
            self._segment(now, to_server, ports[0] if to_server else ports[1], frame, at, length)

    def _dgram(self, now, to_server, payload):
        magic, phase, number = TAG.unpack_from(payload)
        if magic != MAGIC:
            return
        if to_server:
            self.dgrams[phase, number] = Request(phase, "udp", number, now)
        elif self.dgrams[phase, number].latency is None:
            self.dgrams[phase, number].latency = now - self.dgrams[phase, number].begin

    def _segment(self, now, to_server, client, frame, at, length):
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
        if begin <= stream.seen[to_server] < end:
            if to_server:
                self._asked(now, stream, end, frame[at + head:])
            else:
                self._answered(now, stream, end)
            stream.seen[to_server] = end

    def _asked(self, now, stream, end, payload):
        """Requests are written one by one, and a segment carries one; several only after a loss."""
        magic, phase, number = TAG.unpack_from(payload)
        while len(stream.requests) < end // REQUEST:
            request = Request(phase, "tcp", number, now)
            stream.requests.append(request)
            self.done.append(request)
            number += 2             # every other request goes this way

    @staticmethod
    def _answered(now, stream, end):
        first = stream.seen[False] // REQUEST
        for request in stream.requests[first:end // REQUEST]:
            request.latency = now - request.begin
