# SPDX-License-Identifier: BSD-3-Clause
"""What a daemon's telemetry says: a client of DPDK's socket, protocol v2."""

import glob
import json
import os
import socket

HELLO = 1024        # bytes of the greeting, at most


class Telemetry:
    """Of the process @pid: several may have sockets."""

    def __init__(self, pid):
        runtime = os.environ.get("RUNTIME_DIRECTORY", "/var/run")
        for path in glob.glob(runtime + "/dpdk/*/dpdk_telemetry.v2*"):
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            try:
                self.socket.connect(path)
                hello = json.loads(self.socket.recv(HELLO))
            except OSError:     # of a process that was killed
                self.socket.close()
                continue
            if hello["pid"] == pid:
                self.longest = hello["max_output_len"]
                return
            self.socket.close()
        raise AssertionError(f"no telemetry socket of process {pid}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def ask(self, command, *params):
        """The answer to one command; None where it has none."""
        self.socket.send(",".join([command, *params]).encode())
        (answer,) = json.loads(self.socket.recv(self.longest)).values()
        return answer
