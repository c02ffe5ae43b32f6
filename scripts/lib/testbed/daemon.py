# SPDX-License-Identifier: BSD-3-Clause
"""The process between the veth pair and the guests: outsockd, or testpmd to compare with, and to
check the laboratory itself without any code of ours."""

import os
import signal
import socket

from . import config, net, paths, proc
from .report import Deadline, Failure, phase

START_SECONDS = 180     # on a machine that does much else


def argv_outsockd(state):
    binary = paths.daemon()
    if not os.access(binary, os.X_OK):
        raise Failure(f"{binary} is not built",
                      f"build it with: meson setup {paths.BUILD} {paths.REPO} && "
                      f"ninja -C {paths.BUILD}")
    return [binary, "--config", state.path("outsockd.conf")]


def argv_testpmd(state):
    """Ports in pairs: what comes by a guest's veth pair goes to that guest, and back."""
    reading = config.Reading(state.path("outsockd.conf"))
    vdevs = []
    for k in range(state.data["options"]["guests"]):
        client = int(reading.guest_mode(k + 1) == "client")
        vdevs += ["--vdev", f"net_af_packet{k},iface={net.names(k)[0]}", "--vdev",
                  f"net_vhost{k},iface={reading.guest_socket(k + 1)},client={client}"]
    return ["dpdk-testpmd", "--in-memory", "--no-pci", "--single-file-segments", "-m", "192",
            "--no-telemetry", *vdevs,
            "--", "--forward-mode=io", "--auto-start", "--total-num-mbufs=16384",
            "--stats-period=60"]


def needed(options):
    return options["backend"] in ARGV


ARGV = {"outsockd": argv_outsockd, "testpmd": argv_testpmd}


def log_path(state):
    return state.path("daemon.log")


def running(state):
    return proc.alive(state.data.get("daemon"))


class _Notify:
    """The socket of sd_notify(3): the daemon itself says when it is ready."""

    def __init__(self, state):
        self.path = state.path("notify.sock")
        self.remove()
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.sock.bind(self.path)

    def ready(self):
        try:
            return b"READY=1" in self.sock.recv(4096).split(b"\n")
        except BlockingIOError:
            return False

    def remove(self):
        try:
            os.unlink(self.path)
        except FileNotFoundError:
            pass


def start(state):
    if running(state):
        return
    backend = state.data["options"]["backend"]
    argv = net.inside(state.namespace("host"), ARGV[backend](state))
    notify = _Notify(state)
    try:
        with phase(f"start {backend}"):
            with proc.undisturbed():
                env = {**os.environ, "NOTIFY_SOCKET": notify.path}
                ident = proc.start(argv, log_path(state), env)
                state.update(daemon=ident)
            if backend == "outsockd":
                _wait_ready(state, ident, notify)
    finally:
        notify.sock.close()
        notify.remove()


def _wait_ready(state, ident, notify):
    def condition():
        if notify.ready():
            return "ready"
        return "ended" if proc.gone(ident) else None

    answer = Deadline(START_SECONDS).until(condition)
    if answer == "ended":
        raise Failure("outsockd ended while it started; the end of its log:",
                      log=log_path(state))
    if not answer:
        raise Failure(f"outsockd did not report READY=1 within {START_SECONDS} s; "
                      "the end of its log:", log=log_path(state))


def kill(state, signum):
    if not proc.kill(state.data.get("daemon"), signum):
        raise Failure("the daemon is not running", "start it with: scripts/testbed start-daemon")
    if not Deadline(30).until(lambda: proc.gone(state.data["daemon"])):
        raise Failure(f"the daemon does not end after signal {signum}", log=log_path(state))


def stop(state):
    proc.stop(state.data.get("daemon"), signal.SIGTERM)
