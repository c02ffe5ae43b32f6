# SPDX-License-Identifier: BSD-3-Clause
"""Up and down: the order in which the parts of the testbed come and go."""

import os
import re
import signal

from . import config, daemon, guest, hugepages, kernel, module, net, proc
from .report import Failure, note, phase

# What `up` remembers. A later `up` that names no other value brings up what is missing.
DEFAULTS = {
    "guests": 1, "config": None, "kernel": "rt", "queues": 1, "mode": "client",
    "class": "non-rt", "cpus": 2, "guest_memory": "512M", "memory": "256M", "log_level": "info",
    "backend": "outsockd", "module": None, "module_params": [], "no_module": False,
    "no_kvm": False, "slub_debug": False, "append": "",
}
MAX_GUESTS = 99                 # one byte of the MAC, and addresses 10.77.0.11 to .109


def need_root():
    if os.geteuid() != 0:
        raise Failure("needs root: it makes namespaces and reserves hugepages",
                      "use sudo, or a root shell")


def _options(state, given):
    known = state.data.get("options")
    if not known:
        return {**DEFAULTS, **given}
    changed = [key for key, value in given.items() if known.get(key) != value]
    if changed:
        raise Failure(f"testbed '{state.name}' is already up with another {', '.join(changed)}",
                      "take it down first: scripts/testbed down")
    return known


def _check(options):
    if not 1 <= options["guests"] <= MAX_GUESTS:
        raise Failure(f"--guests must be 1 to {MAX_GUESTS}")
    if options["backend"] in ("testpmd", "bridge") and options["queues"] != 1:
        raise Failure(f"--backend {options['backend']} serves guests with one queue pair")
    if not re.fullmatch(r"\d+[MG]", options["guest_memory"]):
        raise Failure("--memory is written like 512M")
    if not 1 <= options["queues"] <= 16 or not 1 <= options["cpus"] <= 16:
        raise Failure("--queues and --cpus must be 1 to 16")


def complete(state):
    options = state.data.get("options")
    return bool(options) and net.link_up(state) and \
        (not daemon.needed(options) or daemon.running(state)) and \
        all(guest.running(state, number) for number in state.guests())


def up(state, given, keep):
    need_root()
    with state.locked():
        state.data = state.load()
        fresh = not state.exists()
        options = _options(state, given)
        if complete(state):
            for number in state.guests():       # an `up` that was killed did not wait for them
                guest.wait(state, number)
            note(f"testbed '{state.name}' is already up")
            return
        _check(options)
        proc.interruptible()
        try:
            _bring_up(state, options)
        except BaseException:
            if fresh and not keep:
                note("not up: cleaning up (up --keep leaves everything for inspection)")
                with proc.undisturbed():
                    _take_down(state)
                    state.remove_locks()
            raise
    note(f"testbed '{state.name}' is up: client 10.77.0.1, guests 10.77.0.11 and following")


def _bring_up(state, options):
    chosen = kernel.find(options["kernel"])
    state.update(options=options, kernel=chosen.version)
    if not options["no_module"] and not options["module"]:
        module.build(chosen.version)
    options["module_path"] = guest.module_for(chosen, options)
    state.update(options=options)
    path = config.write(state, options)
    with phase("make namespaces"):
        net.up(state, options["guests"] if options["backend"] == "testpmd" else 1)
        if options["backend"] == "bridge":
            net.bridge(state, state.guests())
    if daemon.needed(options):
        _reserve(state, path)
        daemon.start(state)
    start_guests(state, [number for number in state.guests()
                         if not guest.running(state, number)])


def _reserve(state, path):
    if daemon.running(state):
        return
    # Recorded at once: a crash between here and `down` must not lose the number.
    with proc.undisturbed():
        added = hugepages.reserve(config.Reading(path).memory())
        state.update(hugepages=state.data.get("hugepages", 0) + added)


def start_guests(state, numbers):
    chosen = kernel.Kernel(state.data["kernel"])
    guest.prepare(state, chosen)
    for number in numbers:
        guest.start(state, number, chosen)
    for number in numbers:
        with phase(f"boot guest {number} ({chosen.version})"):
            guest.wait(state, number)


def down(state):
    need_root()
    with state.locked():
        # A damaged state file must not keep the rest from being cleaned up.
        if not os.path.isdir(state.dir) and not any(
                net.exists(state.namespace(side)) for side in ("host", "client")):
            note(f"testbed '{state.name}' is not up")
            state.remove_locks()
            return
        _take_down(state)
        state.remove_locks()
    note(f"testbed '{state.name}' is down")


def _take_down(state):
    for number in state.guests():
        proc.kill(state.guest_process(number), signal.SIGTERM)
    for number in state.guests():
        guest.stop(state, number)
    daemon.stop(state)
    net.down(state)
    hugepages.release(state.data.get("hugepages", 0))
    state.remove()


def status(state):
    """Rows of (part, what is to be said, is it well)."""
    state.require()
    options = state.data["options"]
    rows = [("namespaces", f"{state.namespace('host')}, {state.namespace('client')}",
             net.link_up(state)),
            ("hugepages", f"{state.data.get('hugepages', 0)} reserved", True)]
    if daemon.needed(options):
        rows.append((options["backend"], _process_text(state.data.get("daemon")),
                     daemon.running(state)))
    for number in state.guests():
        rows.append((f"guest {number}", f"10.77.0.{10 + number}, {state.data['kernel']}, "
                     f"{_process_text(state.guest_process(number))}",
                     guest.running(state, number)))
    return rows


def _process_text(ident):
    return f"pid {ident['pid']}" if ident else "never started"
