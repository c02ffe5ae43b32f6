# SPDX-License-Identifier: BSD-3-Clause
"""The testbed's memory between two commands: one directory under /run, one JSON file in it."""

import contextlib
import fcntl
import json
import os
import shutil

from . import paths
from .report import Failure


class State:
    """`data` holds: options, what was reserved, and the identity of each process."""

    def __init__(self, damaged_is_empty=False):
        self.name = paths.testbed_name()
        self.damaged_is_empty = damaged_is_empty
        self.dir = os.path.join(paths.RUN, self.name)
        self.file = os.path.join(self.dir, "state.json")
        self.data = self.load()

    def load(self):
        try:
            with open(self.file, encoding="utf-8") as file:
                return json.load(file)
        except FileNotFoundError:
            return {}
        except ValueError:
            if self.damaged_is_empty:
                return {}
            raise Failure(f"{self.file} is damaged", "clean up with: scripts/testbed down") \
                from None

    def exists(self):
        return bool(self.data)

    def require(self):
        if not self.exists():
            raise Failure(f"testbed '{self.name}' is not up", "start it with: scripts/testbed up")
        return self

    def save(self):
        os.makedirs(self.dir, mode=0o755, exist_ok=True)
        with open(self.file + ".new", "w", encoding="utf-8") as file:
            json.dump(self.data, file, indent=1)
        os.replace(self.file + ".new", self.file)

    def update(self, **fields):
        """Re-reads first: kill-guest, start-daemon and the like may run beside each other."""
        with self.locked("state"):
            self.data = {**self.data, **self.load(), **fields}
            self.save()

    def remove(self):
        shutil.rmtree(self.dir, ignore_errors=True)
        self.data = {}

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def guest_dir(self, number):
        return self.path(f"g{number}")

    def guests(self):
        return range(1, self.data.get("options", {}).get("guests", 0) + 1)

    def guest_process(self, number):
        return self.data.get(f"g{number}")

    def namespace(self, side):
        suffix = "" if self.name == "default" else f"-{self.name}"
        return f"outsock-{side}{suffix}"

    def _lock_path(self, what):
        return os.path.join(paths.RUN, f".{self.name}.{what}.lock")

    def _locked_file(self, path):
        """Opens and locks; tries again when `down` removed the file in between."""
        while True:
            os.makedirs(paths.RUN, exist_ok=True)
            lock = open(path, "w", encoding="ascii")
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                if os.path.samestat(os.fstat(lock.fileno()), os.stat(path)):
                    return lock
            except FileNotFoundError:
                pass
            lock.close()

    @contextlib.contextmanager
    def locked(self, what="testbed"):
        """One `up` or `down` at a time; a second one waits for the first."""
        with self._locked_file(self._lock_path(what)):
            yield

    def remove_locks(self):
        """For `down`, which holds the testbed's lock: nothing is left of this testbed."""
        for what in ("state", "testbed"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._lock_path(what))
        with contextlib.suppress(OSError):
            os.rmdir(paths.RUN)         # other testbeds may live there
