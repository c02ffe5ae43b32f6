#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Hostile guests of a real outsockd, several at a time, beside an honest one.

    daemon.py OUTSOCKD OUTSOCKCTL EVIL HONEST [CASE...]

Whatever they do, each loses its session with the reason counted and logged once, nothing of it
stays behind, and the honest guest's echo goes on, every byte exact. All the while all of them are
moved between two lcores."""

import concurrent.futures
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from plain import DEADLINE, Daemon

ADDRESS = "10.79.3.10"
GUESTS = 5  # hostile ones at a time
GOES_ON = 256 << 10  # bytes that the honest guest moves beside each case
PORT = f"""
[lcore 1]
cpu = {max(os.sched_getaffinity(0))}
packets = 8192
connections = 1024

[port p0]
device = net_memif0,role=server,socket={{dir}}/memif.sock,socket-abstract=no
"""
GUEST = """
[guest %s]
socket = {dir}/%s.sock
mode = server
port = p0
address = 10.79.3.%d/24
quota-sockets = 16
grace = 100ms
"""
# The vhost library (22.11) does not close the descriptor of a region that it can not map.
KNOWN_LEAKS = {"memory_wraps"}
NAMES = [f"evil{i}" for i in range(GUESTS)]
CONFIG = PORT + GUEST % ("honest", "honest", 10) + "".join(
    GUEST % (name, name, 11 + i) for i, name in enumerate(NAMES))


def until(condition, what):
    """Waits for what only asking can tell."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        result = condition()
        if result:
            return result
        time.sleep(0.02)
    raise AssertionError(f"{what}: not within {DEADLINE} s")


class Honest:
    """The honest guest: asked now and then how far it is."""

    def __init__(self, program, folder):
        self.process = subprocess.Popen([program, folder + "/honest.sock", ADDRESS], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.lock = threading.Lock()
        assert self.process.stdout.readline() == "ready\n"

    def echoed(self):
        with self.lock:
            self.process.stdin.write("\n")
            self.process.stdin.flush()
            return int(self.process.stdout.readline() or "-1")

    def goes_on(self):
        before = self.echoed()
        assert before >= 0, "the honest guest has ended"
        until(lambda: self.echoed() - before >= GOES_ON, "the honest guest's echo")

    def end(self):
        self.process.stdin.close()
        assert self.process.wait(DEADLINE) == 0, "the honest guest was disturbed"


class Hostile:
    """The cases, as one of the hostile guests."""

    def __init__(self, daemon, evil, honest):
        self.daemon, self.evil, self.honest = daemon, evil, honest
        self.names = queue.SimpleQueue()
        for name in NAMES:
            self.names.put(name)

    def show(self, name):
        return self.daemon.ctl("guest", "show", name)

    def run(self, case):
        name = self.names.get()
        try:
            self.run_as(name, *case)
        except Exception as error:
            raise AssertionError(f"{case[0]}: {error}") from error
        finally:
            self.names.put(name)

    def run_as(self, name, case, reason, text):
        before = self.show(name)
        logged = len(self.logged(name))
        process = subprocess.Popen([self.evil, f"{self.daemon.folder}/{name}.sock", ADDRESS, case],
                                   text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            assert process.stdout.readline() == "done\n", \
                f"it could not do it: status {process.wait(DEADLINE)}"
            if reason != "-":
                self.thrown_out(name, reason, text, before, logged)
            self.honest.goes_on()
        finally:
            process.stdin.close()
            process.wait(DEADLINE)
        self.nothing_left(name)
        if reason == "-":
            now = self.show(name)
            assert now["session_errors"] == before["session_errors"], now
        sys.stdout.write(f"ok - {case}\n")

    def logged(self, name):
        return self.daemon.lines(f"guest {name}: session closed: ")

    def thrown_out(self, name, reason, text, before, logged):
        errors = until(lambda: self.show(name)["session_errors"] - before["session_errors"],
                       "the session is closed")
        until(lambda: len(self.logged(name)) > logged, "the log tells")
        now = self.show(name)
        if not reason:  # of any kind, and many of them
            return
        assert errors == 1 and now["session_errors"] == before["session_errors"] + 1, now
        assert now[f"error/{reason}"] == before[f"error/{reason}"] + 1, now
        assert now["last_error"] == text, now
        assert now["sockets"] == 0 and now["packets"] == 0, now
        line, = self.logged(name)[logged:]
        assert line.endswith(f": {text}\n"), line

    def nothing_left(self, name):
        until(lambda: self.show(name)["state"] == "away", "the connection is gone")
        until(lambda: not self.daemon.ctl("socket", "list", name), "its sockets are gone")
        assert self.show(name)["packets"] == 0


class Mover(threading.Thread):
    """Takes one guest after the other to the other lcore, until it is to end."""

    # Of a guest that has just lost its session, or whose packets wait: it stays, and says so.
    FAILS = ("its last session is still being closed", "not room for all of its packets")

    def __init__(self, daemon):
        super().__init__(daemon=True)
        self.daemon, self.ending, self.moves, self.wrong = daemon, threading.Event(), 0, []
        self.start()

    def run(self):
        lcores = {guest["name"]: int(guest["lcore"]) for guest in self.daemon.ctl("guest", "list")}
        while not self.ending.is_set():
            for name, lcore in lcores.items():
                done = self.daemon.try_ctl("guest", "set", name, f"lcore={1 - lcore}")
                if done.returncode == 0:
                    lcores[name] = 1 - lcore
                    self.moves += name == "honest"
                elif not any(words in done.stderr for words in self.FAILS):
                    self.wrong.append(done.stderr)

    def end(self):
        self.ending.set()
        self.join()
        assert not self.wrong, self.wrong
        print(f"ok - {self.moves} moves of the honest guest")


def belongings(daemon):
    """What a leak would add to: packets in use, descriptors, guest memory."""
    lcores = daemon.ctl("lcore", "list")
    with open(f"/proc/{daemon.process.pid}/maps", encoding="utf-8") as file:
        maps = file.read()
    return (sum(lcore["packets"] - lcore["packets_free"] for lcore in lcores),
            len(os.listdir(f"/proc/{daemon.process.pid}/fd")),
            maps.count("memfd:simguest") + maps.count("memfd:evil"))


def honest_alone(daemon, program):
    """What is at hand after any guest's work (a spare packet, say) is no leak."""
    for lcore in ("0", "1"):
        daemon.ctl("guest", "set", "honest", "lcore=" + lcore)
        honest = Honest(program, daemon.folder)
        honest.goes_on()
        honest.end()
    until(lambda: not daemon.ctl("socket", "list"), "no socket is left")
    return belongings(daemon)


def test(daemon, evil, honest_program, chosen):
    daemon.line("ready:")
    before = honest_alone(daemon, honest_program)
    honest = Honest(honest_program, daemon.folder)
    hostile = Hostile(daemon, evil, honest)
    mover = Mover(daemon)
    cases = [line.split("\t") for line in
             subprocess.run([evil, "--list"], check=True, capture_output=True,
                            text=True).stdout.splitlines()]
    cases = [case for case in cases if not chosen or case[0] in chosen]
    with concurrent.futures.ThreadPoolExecutor(GUESTS) as pool:
        failed = [f.exception() for f in [pool.submit(hostile.run, case) for case in cases]]
    failed = [str(error) for error in failed if error]
    mover.end()
    assert not failed, "\n".join(failed) + "\n" + "".join(daemon.log)
    honest.end()
    until(lambda: not daemon.ctl("socket", "list"), "no socket is left")
    known = len(KNOWN_LEAKS.intersection(case[0] for case in cases))
    allowed = [(before[0], before[1] + n, before[2]) for n in range(known + 1)]
    until(lambda: belongings(daemon) in allowed, f"{before} before, {belongings(daemon)} after")
    assert daemon.ctl("guest", "show", "honest")["session_errors"] == 0
    daemon.end()


def main():
    outsockd, outsockctl, evil, honest = map(os.path.abspath, sys.argv[1:5])
    with tempfile.TemporaryDirectory(prefix="outsock-hostile-") as folder:
        daemon = Daemon(outsockd, outsockctl, folder, CONFIG)
        try:
            test(daemon, evil, honest, sys.argv[5:])
        finally:
            daemon.kill()


if __name__ == "__main__":
    main()
