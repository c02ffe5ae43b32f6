#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The other end of sockapi's connections: an ordinary Linux program that does what it is told.

    peer.py PORT    answers commands on TCP port PORT, echoes datagrams on UDP port PORT

Each TCP connection is a remote control of its own: a line is a command, a line the answer, either
'ok NUMBER [HOST PORT]' or 'err NAME NUMBER'. S is a name the caller chooses for a socket.

    listen S BACKLOG RCVBUF  listens on a free port (RCVBUF 0: the default)     ok PORT
    accept S L               takes the next connection of listener L            ok 0 HOST PORT
    connect S HOST PORT      connects                                           ok 0 HOST PORT (own)
    send S N                 sends N bytes more of the pattern                  ok N
    recv S N                 receives N bytes and compares with the pattern     ok N
    eof S                    receives and compares until the end of the stream  ok N
    shut S                   half-closes: no more data from here                ok 0
    close S                  closes                                             ok 0
    reset S                  closes with a RST (SO_LINGER, 0)                   ok 0
    udp S                    a datagram socket on a free port                   ok PORT
    sendto S HOST PORT N     sends a datagram: the pattern's first N bytes      ok N
    recvfrom S               receives and compares one                          ok N HOST PORT

Everything that a remote control made ends with it.
"""
import errno
import socket
import struct
import sys
import threading

PERIOD = 65521
TABLE = bytes((i * 167 + (i >> 8) * 13) & 255 for i in range(PERIOD)) * 3
CHUNK = 65536
PATIENCE = 60


class Different(Exception):
    """A byte that is not the pattern's."""


def pattern(offset, size):
    at = offset % PERIOD
    return TABLE[at:at + size]


class Control:
    def __init__(self, conn):
        self.conn = conn
        self.socks = {}
        self.offsets = {}

    def add(self, name, sock):
        sock.settimeout(PATIENCE)
        self.drop(name)
        self.socks[name] = sock
        self.offsets[name] = [0, 0]

    def drop(self, name):
        if name in self.socks:
            self.socks.pop(name).close()

    def take(self, name, size):
        """At most @size bytes, compared; 0 at the end of the stream."""
        data = self.socks[name].recv(min(size, CHUNK))
        offset = self.offsets[name][1]
        if data != pattern(offset, len(data)):
            raise Different
        self.offsets[name][1] += len(data)
        return len(data)

    def listen(self, name, backlog, rcvbuf):
        sock = socket.socket()
        if int(rcvbuf):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, int(rcvbuf))
        sock.bind(("0.0.0.0", 0))
        sock.listen(int(backlog))
        self.add(name, sock)
        return (sock.getsockname()[1],)

    def accept(self, name, listener):
        sock, address = self.socks[listener].accept()
        self.add(name, sock)
        return (0, *address)

    def connect(self, name, host, port):
        sock = socket.create_connection((host, int(port)), PATIENCE)
        self.add(name, sock)
        return (0, *sock.getsockname())

    def send(self, name, size):
        left = int(size)
        while left:
            n = self.socks[name].send(pattern(self.offsets[name][0], min(left, CHUNK)))
            self.offsets[name][0] += n
            left -= n
        return (int(size),)

    def recv(self, name, size):
        got = 0
        while got < int(size):
            n = self.take(name, int(size) - got)
            if not n:
                raise OSError(errno.ENODATA, "end of stream")
            got += n
        return (got,)

    def eof(self, name):
        while self.take(name, CHUNK):
            pass
        return (self.offsets[name][1],)

    def shut(self, name):
        self.socks[name].shutdown(socket.SHUT_WR)
        return (0,)

    def close(self, name):
        self.drop(name)
        return (0,)

    def reset(self, name):
        linger = struct.pack("ii", 1, 0)
        self.socks[name].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.drop(name)
        return (0,)

    def udp(self, name):
        sock = socket.socket(type=socket.SOCK_DGRAM)
        sock.bind(("0.0.0.0", 0))
        self.add(name, sock)
        return (sock.getsockname()[1],)

    def sendto(self, name, host, port, size):
        return (self.socks[name].sendto(pattern(0, int(size)), (host, int(port))),)

    def recvfrom(self, name):
        data, address = self.socks[name].recvfrom(CHUNK)
        if data != pattern(0, len(data)):
            raise Different
        return (len(data), *address)

    COMMANDS = ("listen", "accept", "connect", "send", "recv", "eof", "shut", "close", "reset",
                "udp", "sendto", "recvfrom")

    def answer(self, words):
        if not words or words[0] not in self.COMMANDS:
            return "err EBADMSG 0"
        try:
            return " ".join(map(str, ("ok", *getattr(self, words[0])(*words[1:]))))
        except Different:
            name = "EBADBYTES"
        except socket.timeout:
            name = "ETIMEDOUT"
        except OSError as e:
            name = errno.errorcode.get(e.errno, str(e.errno))
        except (KeyError, TypeError, ValueError) as e:
            name = f"E{type(e).__name__}"
        seen = self.offsets.get(words[1], (0, 0))[1] if len(words) > 1 else 0
        return f"err {name} {seen}"

    def run(self):
        try:
            with self.conn, self.conn.makefile("r") as lines:
                for line in lines:
                    self.conn.sendall((self.answer(line.split()) + "\n").encode())
        except OSError:
            pass
        for name in list(self.socks):
            self.drop(name)


def echo(sock):
    while True:
        try:
            data, address = sock.recvfrom(65536)
            sock.sendto(data, address)
        except OSError as e:      # what became of an earlier echo
            print(f"echo: {e}", flush=True)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    port = int(sys.argv[1])
    datagrams = socket.socket(type=socket.SOCK_DGRAM)
    datagrams.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    datagrams.bind(("0.0.0.0", port))
    threading.Thread(target=echo, args=(datagrams,), daemon=True).start()
    listener = socket.create_server(("0.0.0.0", port), backlog=128)
    print("listening", flush=True)
    while True:
        conn, _ = listener.accept()
        conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=Control(conn).run, daemon=True).start()


main()
