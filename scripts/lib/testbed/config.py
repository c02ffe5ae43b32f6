# SPDX-License-Identifier: BSD-3-Clause
"""outsockd's configuration: the one the testbed writes, and what it needs to know of any."""

import configparser
import os

from . import hugepages, net
from .report import Failure

# {0} stands for the lcore's number; lcore 0 serves ordinary guests, lcore 1 real-time ones.
HEAD = """\
[dataplane]
memory = {memory}
log-level = {log_level}
control = {run}/control.sock
state = {run}/state

[lcore 0]
cpu = {cpu_nrt}
class = non-rt
nice = 0
poll = adaptive

[lcore 1]
cpu = {cpu_rt}
class = rt
priority = 50
poll = adaptive

[port p0]
device = net_af_packet0,iface={interface}
mtu = 1500
gateway = 10.77.0.1
"""

GUEST = """
[guest g{number}]
socket = {run}/g{number}.sock
mode = {mode}
class = {guest_class}
lcore = auto
port = p0
address = 10.77.0.{host}/24
quota-sockets = 4096
"""


def generate(run, options):
    cpus = sorted(os.sched_getaffinity(0))
    text = HEAD.format(run=run, memory=options["memory"], log_level=options["log_level"],
                       cpu_nrt=cpus[0], cpu_rt=cpus[min(1, len(cpus) - 1)],
                       interface=net.HOST_IF)
    for number in range(1, options["guests"] + 1):
        rt = options["class"] == "rt" or (options["class"] == "mixed" and number == 1)
        text += GUEST.format(run=run, number=number, mode=options["mode"], host=10 + number,
                             guest_class="rt" if rt else "non-rt")
    return text


def write(state, options):
    """Writes the configuration in force. A file of the user's may say @RUN@ for the testbed's
    folder and @IFACE@ for the host's end of the veth pair."""
    if options["config"]:
        try:
            with open(options["config"], encoding="utf-8") as file:
                text = file.read()
        except OSError as error:
            raise Failure(f"--config {options['config']}: {error.strerror}") from None
        text = text.replace("@RUN@", state.dir).replace("@IFACE@", net.HOST_IF)
    else:
        text = generate(state.dir, options)
    path = state.path("outsockd.conf")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


class Reading:
    """What the testbed takes from a configuration. Judging it is `outsockd --check`'s job."""

    def __init__(self, path):
        self.parser = configparser.ConfigParser(
            interpolation=None, strict=False, inline_comment_prefixes=("#",),
            delimiters=("=",), empty_lines_in_values=False)
        try:
            self.parser.read(path, encoding="utf-8")
        except configparser.Error as error:
            raise Failure(f"{path}: {error}") from None
        self.guests = [section for section in self.parser.sections()
                       if section.split()[0] == "guest"]

    def memory(self):
        return hugepages.parse_size(self.parser.get("dataplane", "memory", fallback="256M"))

    def control(self):
        return self.parser.get("dataplane", "control", fallback=None)

    def guest_socket(self, number):
        if number > len(self.guests):
            raise Failure(f"the configuration has {len(self.guests)} guests, not {number}",
                          "add [guest NAME] sections, or use up --guests with a smaller number")
        return self.parser.get(self.guests[number - 1], "socket")

    def guest_mode(self, number):
        return self.parser.get(self.guests[number - 1], "mode", fallback="client")
