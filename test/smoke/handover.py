#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A killed outsockd still holds its hugepages for a moment: its successor waits for them.

    handover.py OUTSOCKD

This program plays the predecessor: it holds all free hugepages and lets them go once the new daemon
says that it waits. Where the machine has too few in all, the daemon says so at once."""

import mmap
import os
import subprocess
import sys
import tempfile
import threading

NR = "/proc/sys/vm/nr_hugepages"
PAGE, NEED, SKIP, DEADLINE = 2 << 20, 64, 77, 60
MAP_HUGETLB = 0x40000
CONFIG = """\
[dataplane]
memory = 128M
control = {dir}/control.sock
state = {dir}/state

[lcore 0]
cpu = 0
packets = 4096
connections = 256
"""


def read(path):
    with open(path, encoding="ascii") as file:
        return int(file.read())


def write(path, number):
    with open(path, "w", encoding="ascii") as file:
        file.write(str(number))


def free_pages():
    return read("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages")


def hold():
    """Takes every free hugepage; closing the result gives them back."""
    return mmap.mmap(-1, free_pages() * PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS |
                     mmap.MAP_POPULATE | MAP_HUGETLB)


class Daemon:
    """outsockd, whose log is read line by line; it is killed when something never comes."""

    def __init__(self, outsockd, folder):
        path = os.path.join(folder, "outsockd.conf")
        with open(path, "w", encoding="ascii") as file:
            file.write(CONFIG.format(dir=folder))
        self.process = subprocess.Popen([outsockd, "--config", path], text=True,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT)
        self.log = []
        self.guard = threading.Timer(DEADLINE, self.process.kill)
        self.guard.start()

    def line(self, words):
        """Reads until a line has these words; fails at the end of the log."""
        for text in self.process.stdout:
            self.log.append(text)
            if words in text:
                return
        raise AssertionError(f"no '{words}' in the log:\n{''.join(self.log)}")

    def end(self):
        self.guard.cancel()
        self.process.terminate()
        self.log += self.process.stdout
        return self.process.wait()


def waits_for_predecessor(outsockd, folder):
    held = hold()
    daemon = Daemon(outsockd, folder)
    try:
        daemon.line("waiting for hugepages")
        held.close()
        daemon.line("ready:")
    finally:
        status = daemon.end()
    assert status == 0, f"status {status}:\n{''.join(daemon.log)}"


def says_too_few(outsockd, folder):
    write(NR, read(NR) - NEED)
    daemon = Daemon(outsockd, folder)
    try:
        daemon.line("reserve more")
        status = daemon.process.wait()
    finally:
        daemon.end()
    assert status == 1 and not any("waiting for hugepages" in line for line in daemon.log), \
        f"status {status}:\n{''.join(daemon.log)}"


def main():
    if os.geteuid() != 0:
        print("hugepages need root")
        return SKIP
    before = read(NR)
    write(NR, before + NEED)
    try:
        if read(NR) < before + NEED:
            print("the machine has no memory left for hugepages: sysctl vm.compact_memory=1")
            return SKIP
        with tempfile.TemporaryDirectory(prefix="outsock-handover-") as folder:
            waits_for_predecessor(sys.argv[1], folder)
            # Other programs' pages, free or not, might be the daemon's one day: it would wait.
            if before < NEED and free_pages() == NEED:
                says_too_few(sys.argv[1], folder)
            else:
                print("not tried: too few pages in all (other programs have some)")
    finally:
        write(NR, before)
    return 0


sys.exit(main())
