#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Socket files: those of a killed outsockd do not keep the next one from starting, and nothing else
is removed.

    leftovers.py OUTSOCKD OUTSOCKCTL

The control socket, a guest's vhost-user socket (mode = server) and a memif port's (role=server)."""

import os
import socket
import stat
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from plain import Daemon

CONFIG = """
[port p0]
device = net_memif0,role=server,socket={dir}/memif.sock,socket-abstract=no

[guest g1]
socket = {dir}/guest.sock
mode = server
port = p0
address = 10.79.1.11/24
"""
SOCKETS = {"control.sock": socket.SOCK_STREAM, "guest.sock": socket.SOCK_STREAM,
           "memif.sock": socket.SOCK_SEQPACKET}


def is_socket(path):
    return stat.S_ISSOCK(os.lstat(path).st_mode)


def killed_and_started_again(start, folder):
    start().line("ready:")
    daemon = start.last
    daemon.kill()
    assert all(is_socket(f"{folder}/{name}") for name in SOCKETS), os.listdir(folder)
    start().line("ready:")
    start.last.end()
    assert not any(os.path.lexists(f"{folder}/{name}") for name in SOCKETS), os.listdir(folder)


def refused(start, path):
    """The daemon does not start, says which file is in its way, and leaves it alone."""
    before = os.lstat(path)
    daemon = start()
    assert daemon.status() == 1, "".join(daemon.log)
    assert daemon.lines(path), "".join(daemon.log)
    after = os.lstat(path)
    assert (before.st_ino, before.st_mode) == (after.st_ino, after.st_mode), path


def others_are_kept(start, folder):
    for name, kind in SOCKETS.items():
        path = f"{folder}/{name}"
        with open(path, "w", encoding="ascii") as file:
            file.write("somebody's")
        refused(start, path)
        os.unlink(path)
        with socket.socket(socket.AF_UNIX, kind) as listener:
            listener.bind(path)
            listener.listen()
            refused(start, path)
        os.unlink(path)
        print("ok - kept:", name)


class Start:
    """Starts the daemon anew; the last one does not outlive the test."""

    def __init__(self, *args):
        self.args, self.last = args, None

    def __call__(self):
        self.last = Daemon(*self.args)
        return self.last


def main():
    with tempfile.TemporaryDirectory(prefix="outsock-leftovers-") as folder:
        start = Start(sys.argv[1], sys.argv[2], folder, CONFIG)
        try:
            killed_and_started_again(start, folder)
            print("ok - started again")
            others_are_kept(start, folder)
        finally:
            start.last.kill()


if __name__ == "__main__":
    main()
