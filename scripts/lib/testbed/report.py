# SPDX-License-Identifier: BSD-3-Clause
"""What the user sees: progress with times on stderr, and failures that say what to do next."""

import contextlib
import sys
import time


class Failure(Exception):
    """A condition the user can act on. `hint` says how to get what is missing."""

    def __init__(self, message, hint=None, log=None):
        super().__init__(message)
        self.hint = hint
        # The end of the log that explains it, read now: cleaning up may remove the file.
        self.log = tail(log, 30) if log else []

    def show(self):
        print(f"testbed: {self}", file=sys.stderr)
        for line in self.log:
            print(f"    | {line}", file=sys.stderr)
        if self.hint:
            print(f"testbed: {self.hint}", file=sys.stderr)


def tail(path, lines):
    try:
        with open(path, "rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - 64 * 1024))
            text = file.read().decode(errors="replace")
    except OSError:
        return []
    return text.splitlines()[-lines:]


def note(text):
    print(f"testbed: {text}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def phase(name):
    """Prints `name ... 1.2 s` around a step, so that a slow start shows where it is."""
    start = time.monotonic()
    live = sys.stderr.isatty()
    if live:
        print(f"testbed: {name} ...", end="", file=sys.stderr, flush=True)
    try:
        yield
    except BaseException:
        print(" failed" if live else f"testbed: {name} ... failed", file=sys.stderr, flush=True)
        raise
    took = f" {time.monotonic() - start:.1f} s"
    print(took if live else f"testbed: {name} ...{took}", file=sys.stderr, flush=True)


class Deadline:
    """Waits for conditions; never longer than its seconds all told."""

    STEP = 0.02

    def __init__(self, seconds):
        self.end = time.monotonic() + seconds
        self.seconds = seconds

    def left(self):
        return max(0.0, self.end - time.monotonic())

    def passed(self):
        return time.monotonic() >= self.end

    def until(self, condition):
        """The first true answer of condition(), or None when time is up."""
        while True:
            answer = condition()
            if answer:
                return answer
            if self.passed():
                return None
            time.sleep(min(self.STEP, self.left()))
