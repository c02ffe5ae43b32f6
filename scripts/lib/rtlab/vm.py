# SPDX-License-Identifier: BSD-3-Clause
"""The machine in the laboratory. Its clock counts instructions, one a nanosecond, and leaps to the
next timer where it would idle: what runs in it takes the same time in each run, whatever else this
machine does meanwhile.

Three NICs hang on one hub: the host's, the RT client's and the load's. What the clients send is
held until the next interval of the virtual clock and then arrives all at once, as from machines
whose clocks are their own; the host's NIC is recorded, with times of the virtual clock."""

import os
import re
import shutil
import subprocess
import time

from testbed import kernel as kernels
from testbed import proc
from testbed.report import Failure, tail

from . import image, variant as variants

QEMU = "qemu-system-x86_64"
MEMORY = "1G"
HUGEPAGES = 144             # of 2 MiB: the daemon's and the clients'
SNAP = 96                   # bytes of a frame that are recorded: up to a request's number
WIDTH = 120                 # of lines of its logs that are shown
STEP = 0.2                  # seconds between looks at what it says
COMMAND_LINE = ("console=ttyS0 loglevel=4 panic=-1 nokaslr tsc=reliable intel_iommu=on iommu=pt "
                f"random.trust_cpu=on hugepages={HUGEPAGES}")
NICS = (("host", "vmxnet3", 4, None),
        ("client", "e1000", 5, variants.CLIENT_INTERVAL),
        ("load", "e1000", 6, variants.LOAD_INTERVAL))


def _argv(folder, kernel):
    argv = [QEMU, "-accel", "tcg,thread=single", "-icount", "shift=0,sleep=off", "-smp", "1",
            "-cpu", "max", "-m", MEMORY, "-seed", "1", "-rtc", "base=2026-01-01,clock=vm",
            "-machine", "q35", "-device", "intel-iommu,intremap=off", "-nodefaults",
            "-no-user-config", "-no-reboot", "-display", "none",
            "-kernel", kernel.image, "-initrd", os.path.join(folder, "initramfs"),
            "-append", COMMAND_LINE,
            "-serial", f"file:{folder}/console.log", "-serial", f"file:{folder}/said.log"]
    for name, model, slot, interval in NICS:
        argv += ["-netdev", f"hubport,id={name},hubid=0", "-device",
                 f"{model},netdev={name},bus=pcie.0,addr={slot},romfile=,"
                 f"mac=02:00:00:00:00:0{slot}"]
        if interval:
            argv += ["-object", f"filter-buffer,id=hold-{name},netdev={name},queue=rx,"
                                f"interval={interval}"]
    return argv + ["-object", f"filter-dump,id=wire,netdev=host,maxlen={SNAP},"
                              f"file={folder}/wire.pcap"]


def _programs(build, kind):
    names = ["test/perf/lab_client", "test/perf/lab_load"]
    names += {"kernel": ["test/perf/linux_server"],
              "ours": ["dataplane/outsockd", "dataplane/outsockctl",
                       "test/perf/guest_server", "test/hostile/evil"]}[kind]
    return [os.path.join(build, name) for name in names]


class Said:
    """What the machine has said by its second serial port so far."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "said.log")
        self.log = self.path

    def lines(self):
        """The words behind "lab:" in each line."""
        try:
            with open(self.path, encoding="utf-8", errors="replace") as file:
                return [line[5:].rstrip("\r\n") for line in file if line.startswith("lab: ")]
        except FileNotFoundError:
            return []


def _failure(variant, folder, why):
    said, console = tail(os.path.join(folder, "said.log"), 20), \
        tail(os.path.join(folder, "console.log"), 10)
    failure = Failure(f"variant {variant.letter}: {why}", f"its logs are in {folder}")
    failure.log = [line[:WIDTH] for line in said + console]
    return failure


def _wait(child, variant, names, folder, note, limit):
    """Until QEMU ends; shows each phase as it begins."""
    end, shown = time.monotonic() + limit, 0
    while child.poll() is None:
        if time.monotonic() > end:
            raise _failure(variant, folder, f"not done within {limit} s")
        lines = Said(folder).lines()
        for line in lines[shown:]:
            if match := re.fullmatch(r"phase (\d+)", line):
                note(f"{variant.letter}: {names[int(match[1])]}")
        shown = len(lines)
        time.sleep(STEP)


def run(variant, scale, build, folder, note, limit):
    """Runs one variant from power-on to its end. Returns what it said, as lines."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    kernel = kernels.find(variant.kernel)
    files = variants.files(variant, scale)
    with open(os.path.join(folder, "initramfs"), "wb") as file:
        file.write(image.build(kernel, _programs(build, variant.kind), files))
    with open(os.path.join(folder, "qemu.log"), "w", encoding="utf-8") as log:
        try:
            child = subprocess.Popen(_argv(folder, kernel), stdin=subprocess.DEVNULL, stdout=log,
                                     stderr=log)
        except FileNotFoundError:
            raise Failure(f"{QEMU} is not here", "run: scripts/setup testbed") from None
    try:
        _wait(child, variant, [p.name for p in variant.plan(scale)], folder, note, limit)
    finally:
        proc.stop(proc.identity(child.pid)) if child.poll() is None else None
        os.unlink(os.path.join(folder, "initramfs"))
    lines = Said(folder).lines()
    for line in lines:
        if line.startswith("error"):
            raise _failure(variant, folder, line)
    if "done" not in lines:
        raise _failure(variant, folder, "it ended before its work was done")
    return lines
