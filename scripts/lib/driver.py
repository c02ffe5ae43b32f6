# SPDX-License-Identifier: BSD-3-Clause
"""The testbed as tests, demo and evaluation drive it: commands in guest and client, background
programs, and waiting for events (a deadline only says when to give up)."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent.parent
TESTBED = TOP / "scripts" / "testbed"
FILES = Path(os.environ.get("OUTSOCK_TEST_FILES", "/var/tmp/outsock-test"))


def shared(path):
    """A copy where the guests see it too: a checkout under /tmp is hidden by the guest's own."""
    FILES.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copy(path, FILES / Path(path).name))


TOOL = FILES / "stream.py"         # of test/guest; a Bed puts it there
CLIENT = "10.77.0.1"
PATIENCE = 120


def guest_address(number):
    return f"10.77.0.{10 + number}"


class Wrong(Exception):
    """What a test saw and did not expect."""


def expect(condition, text):
    if not condition:
        raise Wrong(text)


def until(condition, what, patience=PATIENCE):
    deadline = time.monotonic() + patience
    while not condition():
        expect(time.monotonic() < deadline, f"it does not come: {what}")
        time.sleep(0.1)


class Program:
    """A command that runs beside the test; its lines are kept as they come."""

    def __init__(self, argv, env):
        self.argv = argv
        self.lines = []
        self._news = threading.Condition()
        self.process = subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL, text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            with self._news:
                self.lines.append(line.rstrip("\n"))
                self._news.notify_all()
        with self._news:
            self._news.notify_all()

    def text(self):
        return "\n".join(self.lines[-30:])

    def wait_line(self, predicate, what, first=0):
        """The index of the first line from @first on that satisfies the predicate."""
        deadline = time.monotonic() + PATIENCE
        seen = first
        with self._news:
            while True:
                while seen < len(self.lines):
                    if predicate(self.lines[seen]):
                        return seen
                    seen += 1
                ended = not self._reader.is_alive()
                if ended or time.monotonic() > deadline:
                    why = "ended" if ended else "still runs"
                    raise Wrong(f"no sign of {what}; {self.argv[-1]} {why}:\n{self.text()}")
                self._news.wait(1)

    def wait(self):
        """Its exit status, when it has ended by itself."""
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise Wrong(f"{self.argv} does not end:\n{self.text()}") from None
        self._reader.join(PATIENCE)
        return status

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        return self.wait()


class Bed:
    """One testbed, brought up with some options."""

    def __init__(self, options):
        self.options = list(options)
        name = os.environ.get("OUTSOCK_TESTBED", f"t{os.getpid()}")
        self.env = {**os.environ, "OUTSOCK_TESTBED": name}
        self.programs = []
        self.address = guest_address(1)
        self.scratch = Path(tempfile.mkdtemp(prefix="outsock-", dir="/var/tmp"))
        self.scratch.chmod(0o755)
        shared(TOP / "test" / "guest" / TOOL.name)

    def guests(self):
        return int(self.options[self.options.index("--guests") + 1])

    def command(self, *argv, check=True, timeout=PATIENCE):
        """Runs a testbed command; its output. With check: failure is the test's failure."""
        try:
            r = subprocess.run([str(TESTBED), *map(str, argv)], env=self.env, text=True,
                               stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout)
        except subprocess.TimeoutExpired as e:
            said = (e.stdout or b"") + (e.stderr or b"")
            raise Wrong(f"{' '.join(map(str, argv))}: no end after {timeout} s\n"
                        f"{said.decode(errors='replace')[-2000:]}") from None
        if check and r.returncode:
            raise Wrong(f"{' '.join(map(str, argv))}: status {r.returncode}\n"
                        f"{r.stdout[-3000:]}{r.stderr[-3000:]}")
        return r

    def up(self):
        self.command("up", *self.options, timeout=900)

    def down(self, check=True):
        try:
            self.command("down", check=check, timeout=120)
        finally:
            shutil.rmtree(self.scratch, ignore_errors=True)

    def pids(self):
        """Process ids of 'daemon' and of 'guest' (the first one's QEMU)."""
        parts = json.loads(self.command("status", "--json").stdout)
        return {"daemon" if p["part"] == "outsockd" else "guest":
                int(re.search(r"pid (\d+)", p["text"]).group(1)) for p in parts
                if p["part"] in ("outsockd", "guest 1")}

    def guest(self, *argv, n=1, native=False, **kw):
        return self.command("guest", "-n", n, *(["--native"] if native else []), "--", *argv, **kw)

    def client(self, *argv, **kw):
        return self.command("client", "--", *argv, **kw)

    def _start(self, *argv):
        p = Program([str(TESTBED), *map(str, argv)], self.env)
        self.programs.append(p)
        return p

    def guest_start(self, *argv, n=1, native=False):
        return self._start("guest", "-n", n, *(["--native"] if native else []), "--", *argv)

    def client_start(self, *argv):
        return self._start("client", "--", *argv)

    def stop_programs(self):
        while self.programs:
            p = self.programs.pop()
            try:
                p.stop()
            except Wrong:
                p.process.kill()

    def wait_port(self, port, host=None):
        """Until a connection from the client to the guest's port works."""
        self.client(sys.executable, TOOL, "wait", host or guest_address(1), port)

    def ctl(self, *argv):
        name = self.env["OUTSOCK_TESTBED"]
        build = self.env.get("OUTSOCK_BUILD", str(TOP / "build"))
        return self.command("host", "--", f"{build}/dataplane/outsockctl", "--socket",
                            f"/run/outsock-testbed/{name}/control.sock", *argv)

    def guest_sockets(self, n=1):
        """The outsourced sockets that a guest's module lists, one line each."""
        lines = self.guest("cat", "/proc/net/outsock", n=n, native=True).stdout.splitlines()
        return [line for line in lines if not line.startswith("#")]
