# SPDX-License-Identifier: BSD-3-Clause
"""The daemon under test: its configuration, its start, and what its lcore counts."""

import contextlib
import json
import socket
import subprocess
import time

from .lab import Unmeasured, until

CONFIG = """\
[dataplane]
memory = {memory}
log-level = warning
log = stderr
control = {dir}/control.sock
state = {dir}/state
control-cpu = {control_cpu}

[lcore 0]
cpu = {cpu}
class = non-rt
nice = -20
poll = {poll}
connections = {conns}
packets = {packets}

[port p0]
device = {device}
mtu = 1500

[guest g0]
socket = {dir}/g0.sock
mode = server
lcore = 0
port = p0
address = {address}/24
quota-sockets = {conns}
quota-messages = 64
"""

ADDRESS = "10.77.0.11"


class Daemon:
    def __init__(self, lab, child, folder):
        self.lab, self.child, self.dir = lab, child, folder
        self.socket = folder / "g0.sock"

    def ctl(self, *words):
        argv = [self.lab.program("outsockctl", "dataplane"), "--socket",
                str(self.dir / "control.sock"), "--json", *words]
        # Where others compute too, the control thread may be late to answer.
        for _ in range(3):
            done = subprocess.run(argv, capture_output=True, text=True)
            if done.returncode == 0:
                return json.loads(done.stdout)
        raise Unmeasured(f"outsockctl {' '.join(words)}: {done.stderr.strip()}")

    def lcore(self):
        """Counters of lcore 0 (dataplane/lcore/lcore_count.def), and when they were so."""
        begin = time.monotonic()
        counts = find(self.ctl("lcore", "list"), "busy_cycles")
        return {**counts, "at": (begin + time.monotonic()) / 2}

    def memory_bytes(self):
        """All that the process holds: resident pages and hugepages."""
        kib = 0
        with open(f"/proc/{self.child.pid}/status", encoding="ascii") as file:
            for line in file:
                if line.startswith(("VmRSS:", "HugetlbPages:")):
                    kib += int(line.split()[1])
        return kib * 1024


def find(answer, key):
    """The first object in a JSON answer that has @key."""
    queue = [answer]
    while queue:
        item = queue.pop(0)
        if isinstance(item, dict):
            if key in item:
                return item
            queue += item.values()
        elif isinstance(item, list):
            queue += item
    raise Unmeasured(f"outsockctl does not say {key}")


def running(lab, device, poll="busy", conns=4096, packets=16384, memory="128M", netns=None):
    text = CONFIG.format(dir="{dir}", cpu=lab.cpu_daemon, control_cpu=lab.cpu_load, poll=poll,
                         conns=conns, packets=packets, memory=memory, device=device,
                         address=ADDRESS)
    return configured(lab, text, netns)


@contextlib.contextmanager
def configured(lab, text, netns=None):
    """The daemon under a configuration, in which {dir} is its folder."""
    folder = lab.dir / "outsockd"
    folder.mkdir(exist_ok=True)
    config = folder / "outsockd.conf"
    config.write_text(text.format(dir=folder))
    argv = [lab.program("outsockd", "dataplane"), "--config", str(config)]
    if netns:
        argv = ["ip", "netns", "exec", netns, *argv]
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    path = folder / "notify.sock"
    path.unlink(missing_ok=True)
    notify.bind(str(path))
    with notify, lab.process(argv, "outsockd", env={"NOTIFY_SOCKET": str(path)}) as child:
        until(lambda: ready(notify), 60, "start of outsockd", child)
        yield Daemon(lab, child, folder)


def ready(notify):
    try:
        return b"READY=1" in notify.recv(4096).split(b"\n")
    except BlockingIOError:
        return False


def memif(folder, role, number=0):
    return f"net_memif{number},role={role},socket={folder}/memif.sock,socket-abstract=no"
