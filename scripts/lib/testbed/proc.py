# SPDX-License-Identifier: BSD-3-Clause
"""Processes of the testbed: recorded with their start time, so that a pid that was used again by
somebody else is never signalled."""

import contextlib
import os
import signal
import subprocess

from .report import Deadline, Failure


def _boot_id():
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


def _stat(pid):
    """(state, start time) of a pid, or None. The command name may hold blanks and parentheses."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return None
    return fields[0], int(fields[19])


def identity(pid):
    stat = _stat(pid)
    return {"pid": pid, "start": stat[1] if stat else 0, "boot": _boot_id()}


ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def undisturbed():
    """Signals that end this program wait meanwhile: what was started must be recorded, and what is
    being removed must go."""
    came = []
    before = {number: signal.signal(number, lambda n, _: came.append(n)) for number in ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])


def interruptible():
    """SIGTERM and SIGHUP end this program as Ctrl-C does: through its own cleaning up."""
    def interrupt(_number, _frame):
        raise KeyboardInterrupt
    for number in ENDING[1:]:
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, interrupt)


def alive(ident):
    if not ident or ident["boot"] != _boot_id():
        return False
    stat = _stat(ident["pid"])
    return stat is not None and stat[1] == ident["start"] and stat[0] not in "ZX"


def start(argv, log, env=None):
    """Starts a process that outlives this one; its output goes to the end of `log`."""
    with open(log, "ab") as out:
        try:
            child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                     start_new_session=True, env=env)
        except FileNotFoundError:
            raise Failure(f"{argv[0]} is not here",
                          "install what the testbed needs with: scripts/setup testbed") from None
    # The testbed does not wait for it: silence Popen's complaint at exit.
    child.returncode = 0
    return identity(child.pid)


def kill(ident, signum):
    """Signals exactly the recorded process; False when it is already gone."""
    if not ident:
        return False
    try:
        fd = os.pidfd_open(ident["pid"])
    except OSError:
        return False
    try:
        # The descriptor pins the process, so what is checked now is what gets the signal.
        if not alive(ident):
            return False
        signal.pidfd_send_signal(fd, signum)
        return True
    except ProcessLookupError:
        return False
    finally:
        os.close(fd)


def _reap(ident):
    try:
        os.waitpid(ident["pid"], os.WNOHANG)
    except OSError:
        pass        # not our child: started by an earlier command


def gone(ident):
    _reap(ident)
    return not alive(ident)


def stop(ident, signum=signal.SIGTERM, grace=10):
    """Asks, waits, then insists. Returns when the process is gone."""
    if not ident or not kill(ident, signum):
        return
    if Deadline(grace).until(lambda: gone(ident)):
        return
    kill(ident, signal.SIGKILL)
    if not Deadline(10).until(lambda: gone(ident)):
        raise Failure(f"process {ident['pid']} does not end even after SIGKILL")


def run(argv, what, hint=None, stdin=None):
    """Runs a short command to its end; a failure shows what the command said."""
    try:
        done = subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise Failure(f"{what}: {argv[0]} is not here",
                      hint or "install what the testbed needs with: scripts/setup") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip() or f"exit status {done.returncode}"
        raise Failure(f"{what}: {' '.join(argv)}: {said}", hint)
    return done.stdout
