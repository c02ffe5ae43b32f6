#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A memif port whose peer disappears while the lcore copies to and from the shared memory.

    memif_gone.py OUTSOCKD OUTSOCKCTL MEMIF_PEER

DPDK's interrupt thread unmaps that memory at once; the lcore must not be in it any more."""

import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from plain import DEADLINE, Daemon

ROUNDS = 500
ADDRESS = "10.79.2.11"
CONFIG = """
[port p0]
device = net_memif0,role=server,socket={dir}/memif.sock,socket-abstract=no

[guest g1]
socket = {dir}/guest.sock
mode = server
port = p0
address = 10.79.2.11/24
"""


def main():
    outsockd, outsockctl, peer = sys.argv[1:4]
    with tempfile.TemporaryDirectory(prefix="outsock-memif-") as folder:
        # On one CPU the interrupt thread comes in the middle of turns.
        daemon = Daemon(outsockd, outsockctl, folder, CONFIG, control="{cpu}")
        try:
            daemon.line("ready:")
            subprocess.run([peer, folder + "/memif.sock", ADDRESS, str(ROUNDS)], check=True,
                           timeout=5 * DEADLINE)
            (port,) = daemon.ctl("port", "list")
            assert port["tx_frames"] >= ROUNDS, port
            daemon.end()
        finally:
            daemon.kill()


if __name__ == "__main__":
    main()
