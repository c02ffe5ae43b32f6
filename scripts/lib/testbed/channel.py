# SPDX-License-Identifier: BSD-3-Clause
"""The near end of the agent's ports: see agent.py for the protocol."""

import base64
import contextlib
import fcntl
import glob
import json
import os
import selectors
import signal
import socket
import sys

from . import proc
from .report import Deadline, Failure

SLOTS = 16
INPUT_HIGH = 256 * 1024
FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1,
             signal.SIGUSR2)


class Rebooted(Exception):
    pass


class Channel:
    """One claimed port. The lock on its file, not the connection, says that it is taken."""

    def __init__(self, state, number, deadline):
        self.state, self.number = state, number
        self.session = os.urandom(8).hex()
        self.lock = self._claim()
        self.sock = self._connect(deadline)
        self.sock.setblocking(False)
        self.output = bytearray(b"\n")      # ends what a killed client may have left half sent
        self.received = bytearray()

    def _claim(self):
        folder = self.state.guest_dir(self.number)
        if not glob.glob(os.path.join(folder, "guest.json")):
            raise Failure(f"guest {self.number} does not exist",
                          "testbed status shows those there are; more: up --guests N")
        for slot in range(SLOTS):
            lock = os.open(os.path.join(folder, f"slot.{slot}"), os.O_CREAT | os.O_RDWR, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
                continue
            self.path = os.path.join(folder, f"agent.{slot}")
            return lock
        raise Failure(f"{SLOTS} commands already run in guest {self.number}",
                      "wait until one of them has ended")

    def _alive(self):
        return proc.alive(self.state.guest_process(self.number))

    def _connect(self, deadline):
        def attempt():
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                sock.connect(self.path)
                return sock
            except OSError:
                sock.close()
                return None if self._alive() else self._dead()
        return deadline.until(attempt) or self._dead("does not open its command channel")

    def _dead(self, why="is not running"):
        raise Failure(f"guest {self.number} {why}",
                      "start what is missing with: scripts/testbed up",
                      log=os.path.join(self.state.guest_dir(self.number), "qemu.log"))

    def send(self, kind, **fields):
        self.output += json.dumps({"t": kind, "s": self.session, **fields}).encode() + b"\n"

    def flush(self):
        try:
            done = self.sock.send(self.output)
        except BlockingIOError:
            return
        except OSError:
            self._dead("went away")
        del self.output[:done]

    def frames(self):
        """The whole frames of this session that have come in."""
        try:
            data = self.sock.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._dead("went away")
        self.received += data
        while b"\n" in self.received:
            line, _, self.received = self.received.partition(b"\n")
            try:
                frame = json.loads(line)
            except ValueError:
                continue
            if frame.get("t") == "hello" or frame.get("s") == self.session:
                yield frame

    def close(self):
        self.sock.close()
        os.close(self.lock)


@contextlib.contextmanager
def _poller(channel):
    # poll(2), since epoll refuses a plain file as standard input.
    with selectors.PollSelector() as selector:
        selector.register(channel.sock, selectors.EVENT_READ)

        def wait(timeout):
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if channel.output else 0)
            selector.modify(channel.sock, events)
            ready = selector.select(timeout)
            if channel.output:
                channel.flush()
            return [key.fileobj for key, _ in ready]
        yield selector, wait


def ping(state, number, seconds, other_than=None):
    """Waits for the agent; returns its pong. `other_than`: a boot id that does not count."""
    deadline = Deadline(seconds)
    channel = Channel(state, number, deadline)
    try:
        with _poller(channel) as (_, wait):
            channel.send("ping")
            while not deadline.passed():
                if channel.sock not in wait(min(1.0, deadline.left())):
                    if not channel._alive():
                        channel._dead()
                    if other_than:      # an agent that was reset has lost the question
                        channel.send("ping")
                    continue
                for frame in channel.frames():
                    if frame["t"] == "hello":
                        channel.send("ping")
                    elif frame["t"] == "pong" and frame["boot"] != other_than:
                        return frame
    finally:
        channel.close()
    raise Failure(f"guest {number} did not answer within {seconds} s",
                  "the end of its console is above; the whole: scripts/testbed console",
                  log=os.path.join(state.guest_dir(number), "console.log"))


class _Run:
    """One command in a guest, this process's stdin, stdout and stderr being its own."""

    def __init__(self, channel, request, stdin, sink):
        self.channel, self.request = channel, request
        self.stdin, self.sink = stdin, sink
        self.started = False
        self.exit = None

    def take(self, frame):
        kind = frame["t"]
        if kind == "hello":
            if self.started:
                raise Rebooted()
            self.channel.send("run", **self.request)        # the first request was lost
        elif kind == "started":
            self.started = True
        elif kind in ("out", "err"):
            self.sink(1 if kind == "out" else 2, base64.b64decode(frame["d"]))
        elif kind == "exit":
            self.exit = frame["code"] if "code" in frame else 128 + frame["sig"]
        elif kind == "fail":
            print(f"testbed: in the guest: {frame['why']}", file=sys.stderr)
            self.exit = 127

    def feed_stdin(self):
        data = os.read(0, 16384)
        if data:
            self.channel.send("in", d=base64.b64encode(data).decode())
        else:
            self.channel.send("eof")
            self.stdin = False

    def watch_stdin(self, selector):
        """Our input is read only as fast as the guest takes it."""
        want = self.stdin and len(self.channel.output) < INPUT_HIGH
        have = 0 in selector.get_map()
        if want and not have:
            selector.register(0, selectors.EVENT_READ)
        elif have and not want:
            selector.unregister(0)

    def loop(self):
        signals, wakeup = socket.socketpair()
        signals.setblocking(False)
        wakeup.setblocking(False)
        signal.set_wakeup_fd(wakeup.fileno())
        for number in FORWARDED:
            signal.signal(number, lambda *_: None)
        self.channel.send("run", **self.request)
        with _poller(self.channel) as (selector, wait):
            selector.register(signals, selectors.EVENT_READ)
            while self.exit is None:
                self.watch_stdin(selector)
                for ready in wait(None):
                    if ready is signals:
                        for number in signals.recv(64):
                            self.channel.send("sig", n=number)
                    elif ready == 0:
                        self.feed_stdin()
                    elif ready is self.channel.sock:
                        for frame in self.channel.frames():
                            self.take(frame)
        return self.exit


def _write(fd, data):
    while data:
        data = data[os.write(fd, data):]


def run(state, number, argv, stdin=False, native=False, seconds=60, sink=_write):
    """Runs argv in a guest; its exit status as a shell gives it (128 + N for signal N). Output
    goes to sink(1 or 2, bytes)."""
    channel = Channel(state, number, Deadline(seconds))
    request = {"argv": argv, "cwd": os.getcwd(), "stdin": stdin,
               "slice": "native" if native else "outsock"}
    try:
        return _Run(channel, request, stdin, sink).loop()
    except Rebooted:
        raise Failure(f"guest {number} was reset while the command ran") from None
    except BrokenPipeError:
        return 128 + signal.SIGPIPE
    finally:
        channel.close()
